/* Steps of a stack of small networks, linear layers with relu between: all of a step of one model at
   once, some steps before the next model, so that its weights and moments stay in the cache.

   Called by kernels/mlp.py. Products are of bfloat16 with sums in float32; weights, moments, biases,
   the loss and all else are float32, and no gradient is ever written to memory: Adam and the prox
   of L1 and L2 (_adam_wide.h) move each block of weights as its product is done. Rows are gathered
   and rounded once for all models. What is not a number stays in its model. */
#include "_mlp_step.h"

#if HAS_WIDE
static void gather_share(const void *given, size_t number, size_t count)
{
    const struct steps *s = given;
    size_t from, to;
    share(s->steps, number, count, &from, &to);
    for (; from < to; from++)
        gather(s, from);
}

MLP static void train_share(const void *given, size_t number, size_t count)
{
    const struct steps *s = given;
    struct work w;
    size_t from, to;
    share(s->models, number, count, &from, &to);
    laid_out(&w, s, s->room + number * s->room_of_one);
    w.multiply = product_wide, w.between = 0;
    unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040); /* numbers that are too small to be normal are 0 */
#if HAS_TILES
    struct tile_layout layout;
    if (s->width > 1) {
        w.multiply = product_amx, w.between = 1;
        tiles_are_set(&layout);
    }
#endif
    for (; from < to; from++)
        train(&w, from);
#if HAS_TILES
    if (s->width > 1)
        tiles_are_put_back(&layout);
#endif
    _mm_setcsr(before);
}
#endif

/* Return what the processor and the build have: 0 nothing, 1 products of AVX512-BF16, 2 of AMX. */
PUBLIC unsigned mlp_is_there(void)
{
#if HAS_WIDE
    if (!narrow_is_there() || !__builtin_cpu_supports("avx512bw"))
        return 0;
#if HAS_TILES
    if (tiles_are_there())
        return 2;
#endif
    return 1;
#else
    return 0;
#endif
}

/* Return the bytes that each thread needs as its room. */
PUBLIC size_t mlp_room(const void *given)
{
#if HAS_WIDE
    struct work w;
    return laid_out(&w, given, NULL);
#else
    (void)given;
    return 0;
#endif
}

/* Return the bytes that a batch takes. */
PUBLIC size_t mlp_packed(const void *given)
{
    size_t bytes = 0;
#if HAS_WIDE
    batch_of(given, 0, &bytes);
#else
    (void)given;
#endif
    return bytes;
}

/* Take the steps. */
PUBLIC void mlp_steps(const void *given, unsigned threads)
{
#if HAS_WIDE
    const struct steps *s = given;
    in_shares(s->pool, threads, gather_share, s);
    in_shares(s->pool, threads, train_share, s);
#else
    (void)given, (void)threads;
#endif
}
