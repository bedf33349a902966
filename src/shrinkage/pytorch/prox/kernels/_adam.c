/* Adam's step and the prox of L1 and L2 after it, in its own metric, in one pass over the weights
   of a stack of models: each array is read and written once, and the zeros are counted on the way.

   Called by kernels/adam.py on raw pointers. What it computes is what torch's Adam and
   _shrink.c compute one after the other. Segments may have their gradients in bfloat16 and get a bfloat16 copy of their weights, for
   products; what is computed is float32. A first moment that is too small for a normal number is 0: on some processors such
   numbers take a hundred times as long. */
#include "_adam.h"
#include "_narrow.h"

struct stack {
    void *w, *m, *v;
    const void *g;
    const size_t *from, *n;    /* of each segment: where it begins, and how many weights it has */
    const double *l1, *l2;     /* of each segment */
    size_t segments;
    const double *numbers;
    long long *zeros;          /* threads x segments */
    const uint16_t *narrow_g;  /* in bfloat16, of the segments that are marked; NULL: of none */
    uint16_t *narrow_w;
    const unsigned char *marked;
    int wide;                  /* whether the numbers are double */
    const struct pool *pool;
};

ADAM(double, adam_double, sqrt, fabs, DBL_MIN)

enum { CHUNK = 2048 };

/* Weights whose gradients are in bfloat16. */
static long long narrow_piece(const struct stack *s, size_t k, size_t from, size_t n)
{
    float *w = (float *)s->w, *m = (float *)s->m, *v = (float *)s->v, g[CHUNK];
    if (narrow_is_there()) {
        const struct wide_arrays arrays = {w + from, m + from, v + from, NULL, s->narrow_g + from,
                                           s->narrow_w + from};
        return wide_pass(s->numbers, s->l1[k], s->l2[k], &arrays, n);
    }
    long long zeros = 0;
    for (size_t end = from + n; from < end; from += CHUNK) {
        size_t count = end - from < CHUNK ? end - from : CHUNK;
        widen(s->narrow_g + from, g, count);
        zeros += adam_floats(s->numbers, s->l1[k], s->l2[k], w + from, m + from, v + from, g, count);
        narrow(w + from, s->narrow_w + from, count);
    }
    return zeros;
}

static long long piece_of(const struct stack *s, size_t k, size_t from, size_t n)
{
    double l1 = s->l1[k], l2 = s->l2[k];
    if (s->wide)
        return adam_double(s->numbers, l1, l2, (double *)s->w + from, (double *)s->m + from,
                           (double *)s->v + from, (const double *)s->g + from, n);
    if (s->marked && s->marked[k])
        return narrow_piece(s, k, from, n);
    return adam_floats(s->numbers, l1, l2, (float *)s->w + from, (float *)s->m + from,
                       (float *)s->v + from, (const float *)s->g + from, n);
}

/* Do the part of every segment that is this thread's. */
static void part(const void *given, size_t number, size_t count)
{
    const struct stack *s = given;
    long long *zeros = s->zeros + number * s->segments;
    for (size_t k = 0; k < s->segments; k++) {
        size_t share = (s->n[k] + count - 1) / count, from = number * share;
        zeros[k] = 0;
        if (from < s->n[k]) {
            size_t n = s->n[k] - from < share ? s->n[k] - from : share;
            zeros[k] = piece_of(s, k, s->from[k] + from, n);
        }
    }
}

/* One step of the segments of four flat buffers; `wide` says that they are of double numbers. The
   rows of `zeros` that are not used stay as they are; returns how many are. */
PUBLIC unsigned adam_of_stack(void *w, const void *g, void *m, void *v, int wide,
                           const uint16_t *narrow_g, uint16_t *narrow_w,
                           const unsigned char *marked, const size_t *from, const size_t *n,
                           const double *l1, const double *l2, size_t segments,
                           const double *numbers, long long *zeros, const struct pool *pool,
                           unsigned threads)
{
    struct stack s = {w, m, v, g, from, n, l1, l2, segments, numbers, zeros, narrow_g, narrow_w,
                      marked, wide, pool};
    size_t total = 0;
    for (size_t k = 0; k < segments; k++)
        total += n[k];
    if (!pool->parallel || threads < 2 || total < WORTHWHILE)
        threads = 1;
    for (size_t k = 0; k < threads * segments; k++)
        zeros[k] = 0;
    in_shares(pool, threads, part, &s);
    return threads;
}
