/* Steps of a stack of small networks, linear layers with relu between, in float32: all of a step of one
   model at once, some steps before the next model, so that its weights and moments stay in the cache.

   Called by kernels/mlp.py, where products are not in bfloat16 (_mlp.c). Rows are gathered once for all
   models; a model's gradients are kept only until Adam and the prox of L1 and L2 (_adam.h) have read
   them. What is not a number stays in its model. */
#include "_floats.h"

#if HAS_FLOATS
/* A product and the sum it is added to are rounded once, where the processor does both at once. */
#if defined(__clang__)
#pragma clang fp contract(fast)
#define __builtin_shuffle(low, high, order) __builtin_shufflevector(low, high, order)
#else
#pragma GCC optimize("fp-contract=fast")
#endif

#if HAS_WIDE
#define FOR_X86 1
#define TARGET __attribute__((target("avx512f")))
#define OWN(name) name##_wide
#define ROWS 8
#define VECTORS 2
#define LISTED 4
#define COMPRESSES 1
#include "_floats_step.h"
#undef TARGET
#undef OWN
#undef ROWS
#undef VECTORS
#undef LISTED
#undef COMPRESSES

#define TARGET __attribute__((target("avx2,fma")))
#define OWN(name) name##_avx2
#define ROWS 4
#define VECTORS 1
#define LISTED 2
#define COMPRESSES 0
#include "_floats_step.h"
#undef TARGET
#undef OWN
#undef ROWS
#undef VECTORS
#undef LISTED
#undef COMPRESSES
#else
#define FOR_X86 0
#endif

#define TARGET
#define OWN(name) name##_plain
#define ROWS 4
#define VECTORS 1
#define LISTED 1
#define COMPRESSES 0
#include "_floats_step.h"

/* What is compiled for this processor. */
struct kind {
    void (*gather)(const struct steps *, size_t);
    void (*train)(struct work *, size_t);
};

static struct kind kind_of(const struct steps *s)
{
#if FOR_X86
    __builtin_cpu_init();
    if (s->width > 1 && __builtin_cpu_supports("avx512f"))
        return (struct kind){gather_wide, train_wide};
    if (s->width > 0 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return (struct kind){gather_avx2, train_avx2};
#else
    (void)s;
#endif
    return (struct kind){gather_plain, train_plain};
}

static void gather_share(const struct steps *s, size_t number, size_t count)
{
    const struct kind kind = kind_of(s);
    size_t from, to;
    share(s->steps, number, count, &from, &to);
    for (; from < to; from++)
        kind.gather(s, from);
}

static void train_share(const struct steps *s, size_t number, size_t count)
{
    const struct kind kind = kind_of(s);
    struct work w;
    size_t from, to;
    share(s->models, number, count, &from, &to);
    laid_out(&w, s, s->room + number * s->room_of_one);
#if FOR_X86
    unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040); /* numbers that are too small to be normal are 0 */
#endif
    for (; from < to; from++)
        kind.train(&w, from);
#if FOR_X86
    _mm_setcsr(before);
#endif
}

static void gather_of_thread(void *given)
{
    const struct steps *s = given;
    gather_share(s, (size_t)s->pool->number(), (size_t)s->pool->count());
}

static void train_of_thread(void *given)
{
    const struct steps *s = given;
    train_share(s, (size_t)s->pool->number(), (size_t)s->pool->count());
}
#endif

/* Return the bytes that each thread needs as its room; 0: such steps are not there. */
PUBLIC size_t floats_room(const void *given)
{
#if HAS_FLOATS
    struct work w;
    return laid_out(&w, given, NULL);
#else
    (void)given;
    return 0;
#endif
}

/* Return the bytes that a batch takes. */
PUBLIC size_t floats_packed(const void *given)
{
    size_t bytes = 0;
#if HAS_FLOATS
    batch_of(given, 0, &bytes);
#else
    (void)given;
#endif
    return bytes;
}

/* Return whether such steps are there. */
PUBLIC unsigned floats_are_there(void) { return HAS_FLOATS; }

/* Take the steps. */
PUBLIC void floats_steps(const void *given, unsigned threads)
{
#if HAS_FLOATS
    const struct steps *s = given;
    if (!s->pool->parallel || threads < 2) {
        gather_share(s, 0, 1);
        train_share(s, 0, 1);
        return;
    }
    s->pool->parallel(gather_of_thread, (void *)s, threads, 0);
    s->pool->parallel(train_of_thread, (void *)s, threads, 0);
#else
    (void)given, (void)threads;
#endif
}
