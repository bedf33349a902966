/* The prox of L1 and L2 in one pass over the weights of several tensors, in a scalar and in a
   diagonal metric.

   Called by kernels/__init__.py on raw pointers; the module itself is empty. The operations are
   those of pytorch/threshold.py, each rounded once: a threshold is subtracted, so that a zero is
   +0.0. NaN stays NaN, since every comparison with it is false. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <float.h>
#include <math.h>
#include "_pool.h"
#include "_shrink_wide.h"

/* What a caller keeps from call to call, as `_Tensors` of kernels/__init__.py. */
struct tensors {
    float **w, **square, **push; /* square and push: NULL in a scalar metric */
    const size_t *n;
    size_t count;
    const float *rows; /* six numbers a tensor, in a diagonal metric */
    const struct pool *pool;
};

struct pass {
    const struct tensors *of;
    const float *numbers; /* factor; or divisor and threshold; or the rows */
    void (*piece)(const struct pass *, size_t tensor, size_t from, size_t count);
};

CLONES static void decay(const struct pass *p, size_t k, size_t from, size_t n)
{
    float *restrict w = p->of->w[k] + from, factor = p->numbers[0];
    for (size_t i = 0; i < n; i++)
        w[i] = w[i] * factor;
}

CLONES static void scalar(const struct pass *p, size_t k, size_t from, size_t n)
{
    float *restrict w = p->of->w[k] + from, t = p->numbers[1];
    for (size_t i = 0; i < n; i++) {
        float cut = w[i] > t ? t : (w[i] < -t ? -t : w[i]);
        w[i] = w[i] - cut;
    }
}

CLONES static void scalar_divided(const struct pass *p, size_t k, size_t from, size_t n)
{
    float *restrict w = p->of->w[k] + from, divisor = p->numbers[0], t = p->numbers[1];
    for (size_t i = 0; i < n; i++) {
        float z = w[i] / divisor;
        float cut = z > t ? t : (z < -t ? -t : z);
        w[i] = z - cut;
    }
}

/* In a diagonal metric numbers are offset, pull, threshold, the bound of all weights, own, and
   epsilon, which the offset holds beside the pull, but not to all its digits. The weights of a chunk are kept in `start`; whether any went farther than the bound is returned. */
CLONES static int diagonal_l1(float *restrict w, const float *restrict square,
                              float *restrict start, size_t n, const float *numbers)
{
    float offset = numbers[0], threshold = numbers[2], bound = numbers[3];
    int beyond = 0;
    for (size_t i = 0; i < n; i++) {
        float v = square[i] < FLT_MIN ? FLT_MIN : square[i];
        float t = threshold / (sqrtf(v) + offset);
        float cut = w[i] > t ? t : (w[i] < -t ? -t : w[i]);
        beyond |= fabsf(cut) > bound;
        start[i] = w[i];
        w[i] = w[i] - cut;
    }
    return beyond;
}

CLONES static int diagonal_both(float *restrict w, const float *restrict square,
                                float *restrict start, size_t n, const float *numbers)
{
    float offset = numbers[0], pull = numbers[1], threshold = numbers[2], bound = numbers[3];
    int beyond = 0;
    for (size_t i = 0; i < n; i++) {
        float v = square[i] < FLT_MIN ? FLT_MIN : square[i];
        float r = 1.0f / (sqrtf(v) + offset);
        float z = w[i] - w[i] * (pull * r);
        float t = threshold * r;
        float cut = z > t ? t : (z < -t ? -t : z);
        beyond |= fabsf(w[i] - (z - cut)) > bound;
        start[i] = w[i];
        w[i] = z - cut;
    }
    return beyond;
}

/* Bring back what has gone farther than the bound, and farther than twice what the optimizer has
   just moved it: own * |push| over the denominator. */
static void bring_back(float *restrict w, const float *restrict square,
                       const float *restrict push, const float *restrict start, size_t n,
                       const float *numbers)
{
    float bound = numbers[3], scale = numbers[4], epsilon = numbers[5];
    for (size_t i = 0; i < n; i++) {
        float v = square[i] < FLT_MIN ? FLT_MIN : square[i];
        float own = push ? scale * fabsf(push[i]) / (sqrtf(v) + epsilon) : 0.0f;
        float far = own > bound ? own : bound;
        float low = start[i] - far, high = start[i] + far;
        w[i] = w[i] < low ? low : (w[i] > high ? high : w[i]);
    }
}

enum { CHUNK = 2048 };

static void diagonal(const struct pass *p, size_t k, size_t from, size_t n)
{
    const float *numbers = p->numbers + 6 * k;
    const float *push = p->of->push ? p->of->push[k] + from : NULL;
    float *w = p->of->w[k] + from, start[CHUNK];
    const float *square = p->of->square[k] + from;
    if (wide_is_there()) {
        wide_diagonal(w, square, push, n, numbers);
        return;
    }
    for (size_t i = 0; i < n; i += CHUNK) {
        size_t count = n - i < CHUNK ? n - i : CHUNK;
        int beyond = numbers[1] == 0.0f ? diagonal_l1(w + i, square + i, start, count, numbers)
                                        : diagonal_both(w + i, square + i, start, count, numbers);
        if (beyond)
            bring_back(w + i, square + i, push ? push + i : NULL, start, count, numbers);
    }
}

/* Do the part of every tensor that is this thread's: contiguous, as torch cuts them. */
static void part(const void *given, size_t number, size_t count)
{
    const struct pass *p = given;
    const size_t *n = p->of->n;
    for (size_t k = 0; k < p->of->count; k++) {
        size_t share = (n[k] + count - 1) / count, from = number * share;
        if (from < n[k])
            p->piece(p, k, from, n[k] - from < share ? n[k] - from : share);
    }
}

static void run(struct pass p, unsigned threads)
{
    size_t total = 0;
    for (size_t k = 0; k < p.of->count; k++)
        total += p.of->n[k];
    in_shares(p.of->pool, total < WORTHWHILE ? 1 : threads, part, &p);
}

/* w <- w * factor, for each tensor */
PUBLIC void shrink_decay(const struct tensors *of, unsigned threads, float factor)
{
    run((struct pass){of, &factor, decay}, threads);
}

/* w <- z - clamp(z, -threshold, threshold) with z = w / divisor, for each tensor */
PUBLIC void shrink_scalar(const struct tensors *of, unsigned threads, float divisor,
                          float threshold)
{
    float numbers[2] = {divisor, threshold};
    run((struct pass){of, numbers, divisor == 1.0f ? scalar : scalar_divided}, threads);
}

/* The same with r = 1 / (sqrt(square) + offset), z = w - w*pull*r and the threshold times r, no
   weight going farther than a bound or than own*|push| over the denominator; the rows hold offset,
   pull, threshold, bound, own and epsilon of each tensor, push may be NULL. */
PUBLIC void shrink_within_reach(const struct tensors *of, unsigned threads)
{
    run((struct pass){of, of->rows, diagonal}, threads);
}

/* The checksum of the sources that this was built from. */
PUBLIC unsigned shrinkage_sources(void) { return SHRINKAGE_SOURCES; }

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_shrink", NULL, -1, NULL};

PyMODINIT_FUNC PyInit__shrink(void) { return PyModule_Create(&module); }
