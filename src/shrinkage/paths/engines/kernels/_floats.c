/* Steps of a stack of small networks, linear layers with relu between, in float32: all of a step of one
   model at once, some steps before the next model, so that its weights and moments stay in the cache;
   and products of weights with rows that are mostly zero.

   Called by kernels/mlp.py and kernels/rows.py, steps where products are not in bfloat16 (_mlp.c). Rows are gathered once for all
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
#include "_floats_kind.h"

#define TARGET __attribute__((target("avx2,fma")))
#define OWN(name) name##_avx2
#define ROWS 4
#define VECTORS 1
#define LISTED 2
#define COMPRESSES 0
#include "_floats_kind.h"
#else
#define FOR_X86 0
#endif

#define TARGET
#define OWN(name) name##_plain
#define ROWS 4
#define VECTORS 1
#define LISTED 1
#define COMPRESSES 0
#include "_floats_kind.h"

/* What is compiled for this processor. */
struct kind {
    void (*gather)(const struct steps *, size_t);
    void (*train)(struct work *, size_t);
    void (*lay_out_weights)(const struct product *, size_t);
    void (*multiply_rows)(const struct product *, size_t, size_t, char *);
};

#define KIND(suffix)                                                                               \
    (struct kind){gather_##suffix, train_##suffix, lay_out_weights_##suffix, multiply_rows_##suffix}

static struct kind kind_of(size_t width)
{
#if FOR_X86
    __builtin_cpu_init();
    if (width > 1 && __builtin_cpu_supports("avx512f"))
        return KIND(wide);
    if (width > 0 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return KIND(avx2);
#else
    (void)width;
#endif
    return KIND(plain);
}

static void gather_share(const void *given, size_t number, size_t count)
{
    const struct steps *s = given;
    const struct kind kind = kind_of(s->width);
    size_t from, to;
    share(s->steps, number, count, &from, &to);
    for (; from < to; from++)
        kind.gather(s, from);
}

static void train_share(const void *given, size_t number, size_t count)
{
    const struct steps *s = given;
    const struct kind kind = kind_of(s->width);
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

static void lay_out_share(const void *given, size_t number, size_t count)
{
    const struct product *p = given;
    const struct kind kind = kind_of(p->width);
    size_t from, to;
    share(panels_of(p->outputs), number, count, &from, &to);
    for (; from < to; from++)
        kind.lay_out_weights(p, from);
}

static void multiply_share(const void *given, size_t number, size_t count)
{
    const struct product *p = given;
    const struct kind kind = kind_of(p->width);
    size_t from, to;
    share((p->rows + SOME - 1) / SOME, number, count, &from, &to);
    for (; from < to; from++)
        kind.multiply_rows(p, from * SOME, least(p->rows - from * SOME, SOME),
                           p->room + number * p->room_of_one);
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
    in_shares(s->pool, threads, gather_share, s);
    in_shares(s->pool, threads, train_share, s);
#else
    (void)given, (void)threads;
#endif
}

/* Return the bytes that each thread needs as its room for a product. */
PUBLIC size_t rows_room(const void *given)
{
#if HAS_FLOATS
    const struct product *p = given;
    char *next = NULL;
    lists_at(&next, nears_of(p->inputs) * SOME, SOME * p->inputs);
    taken(&next, GROUP * SOME * LANES * sizeof(float));
    return (size_t)next;
#else
    (void)given;
    return 0;
#endif
}

/* Return how many numbers the weights are as panels. */
PUBLIC size_t rows_panels(const void *given)
{
#if HAS_FLOATS
    const struct product *p = given;
    return panels_of(p->outputs) * panels_of(p->inputs) * PIECE;
#else
    (void)given;
    return 0;
#endif
}

PUBLIC void rows_product(const void *given, unsigned threads)
{
#if HAS_FLOATS
    const struct product *p = given;
    in_shares(p->pool, threads, lay_out_share, p);
    in_shares(p->pool, threads, multiply_share, p);
#else
    (void)given, (void)threads;
#endif
}
