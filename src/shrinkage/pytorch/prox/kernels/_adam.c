/* Adam's step and the prox of L1 and L2 after it, in its own metric, in one pass over the weights
   of a stack of models: each array is read and written once, and the zeros are counted on the way.

   Called by kernels/adam.py on raw pointers. What it computes is what torch's Adam and
   _shrink.c compute one after the other; w0 is the weight between the two. No prox goes farther
   than a bound, or than twice what Adam has just moved the weight. NaN stays NaN, and stays where
   it is. Segments may have their gradients in bfloat16 and get a bfloat16 copy of their weights, for
   products; what is computed is float32. A first moment that is too small for a normal number is 0: on some processors such
   numbers take a hundred times as long. */
#include "_moments.h"
#include "_adam_wide.h"

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
    void (*piece)(const struct stack *, size_t segment, size_t from, size_t n, const void *g,
                  long long *zeros);
    const struct pool *pool;
};

#define STACK(real, NAME, ROOT, SIZE, LEAST)                                                       \
    CLONES static void NAME(const struct stack *s, size_t k, size_t from, size_t n,                \
                            const void *gradients, long long *zeros)                               \
    {                                                                                              \
        real *restrict w = (real *)s->w + from, *restrict m = (real *)s->m + from;                 \
        real *restrict v = (real *)s->v + from;                                                    \
        const real *restrict g = gradients;                                                        \
        const double *number = s->numbers;                                                         \
        real fresh = (real)(1 - number[BETA1]), beta2 = (real)number[BETA2];                       \
        real rare = (real)(1 - number[BETA2]), step = (real)number[STEP];                          \
        real epsilon = (real)number[EPSILON], bound = (real)number[BOUND];                         \
        real farthest = (real)number[FARTHEST];                                                    \
        real threshold = (real)(number[RATE] * s->l1[k]), ridge = (real)(number[RATE] * s->l2[k]); \
        int none = 0;                                                                              \
        if (threshold == 0 && ridge == 0)                                                          \
            for (size_t i = 0; i < n; i++) {                                                       \
                MOMENTS(real, ROOT, SIZE, LEAST)                                                   \
                w[i] = w[i] - step * first / distance;                                             \
                none += w[i] == 0;                                                                 \
            }                                                                                      \
        else if (ridge == 0)                                                                       \
            for (size_t i = 0; i < n; i++) {                                                       \
                MOMENTS(real, ROOT, SIZE, LEAST)                                                   \
                real r = 1 / distance, moved = step * first * r, w0 = w[i] - moved;                \
                real own = farthest * SIZE(moved), far = own > bound ? own : bound;                \
                real t = threshold * r;                                                            \
                t = t < far ? t : far;                                                             \
                w[i] = w0 - (w0 > t ? t : (w0 < -t ? -t : w0));                                    \
                none += w[i] == 0;                                                                 \
            }                                                                                      \
        else                                                                                       \
            for (size_t i = 0; i < n; i++) {                                                       \
                MOMENTS(real, ROOT, SIZE, LEAST)                                                   \
                real moved = step * first / distance, w0 = w[i] - moved;                           \
                real own = farthest * SIZE(moved), far = own > bound ? own : bound;                \
                real r = 1 / (distance + ridge), z = w0 - w0 * (ridge * r), t = threshold * r;     \
                real u = z - (z > t ? t : (z < -t ? -t : z)), low = w0 - far, high = w0 + far;     \
                w[i] = u < low ? low : (u > high ? high : u);                                      \
                none += w[i] == 0;                                                                 \
            }                                                                                      \
        *zeros += none;                                                                            \
    }

STACK(float, stack_float, sqrtf, fabsf, FLT_MIN)
STACK(double, stack_double, sqrt, fabs, DBL_MIN)

enum { CHUNK = 2048 };

static void piece_of(const struct stack *s, size_t k, size_t from, size_t n, long long *zeros)
{
    int wide = s->piece == stack_double, narrows = s->marked && s->marked[k] && !wide;
    if (!wide && wide_is_there()) {
        const struct wide_arrays arrays = {
            (float *)s->w + from, (float *)s->m + from, (float *)s->v + from,
            narrows ? NULL : (const float *)s->g + from, narrows ? s->narrow_g + from : NULL,
            narrows ? s->narrow_w + from : NULL};
        *zeros += wide_pass(s->numbers, s->l1[k], s->l2[k], &arrays, n);
        return;
    }
    if (!narrows) {
        s->piece(s, k, from, n, (const char *)s->g + from * (wide ? 8 : 4), zeros);
        return;
    }
    float g[CHUNK];
    for (size_t end = from + n; from < end; from += CHUNK) {
        size_t count = end - from < CHUNK ? end - from : CHUNK;
        widen(s->narrow_g + from, g, count);
        stack_float(s, k, from, count, g, zeros);
        narrow((const float *)s->w + from, s->narrow_w + from, count);
    }
}

/* Do the part of every segment that is this thread's. */
static void part(const struct stack *s, size_t number, size_t count)
{
    long long *zeros = s->zeros + number * s->segments;
    for (size_t k = 0; k < s->segments; k++) {
        size_t share = (s->n[k] + count - 1) / count, from = number * share;
        zeros[k] = 0;
        if (from < s->n[k]) {
            size_t n = s->n[k] - from < share ? s->n[k] - from : share;
            piece_of(s, k, s->from[k] + from, n, zeros + k);
        }
    }
}

static void part_of_thread(void *given)
{
    const struct stack *s = given;
    part(s, (size_t)s->pool->number(), (size_t)s->pool->count());
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
                      marked, wide ? stack_double : stack_float, pool};
    size_t total = 0;
    for (size_t k = 0; k < segments; k++)
        total += n[k];
    if (!pool->parallel || threads < 2 || total < WORTHWHILE) {
        part(&s, 0, 1);
        return 1;
    }
    for (size_t k = 0; k < threads * segments; k++)
        zeros[k] = 0;
    pool->parallel(part_of_thread, &s, threads, 0);
    return threads;
}
