/* The pass of _adam.c over float32 weights, sixteen at a time. Gradients in bfloat16 are read, and
   copies written, on the way; a copy of a number that is too small to be normal is 0. */
#ifndef SHRINKAGE_ADAM_WIDE_H
#define SHRINKAGE_ADAM_WIDE_H

#include <float.h>
#include <stdint.h>
#include <string.h>

#include "_pool.h"
#include "_wide.h"

/* What a pass works on, from some weight on; gradients are in bfloat16 where `g` is NULL. */
struct wide_arrays {
    float *w, *m, *v;
    const float *g;
    const uint16_t *narrow_g;
    uint16_t *narrow_w;
};

#if HAS_WIDE
struct wide {
    __m512 fresh, beta2, rare, step, epsilon, bound, farthest, threshold, ridge, least, most;
};

enum wide_kind { BARE, SHRUNK, BOTH };

WIDE_INLINE __m512 wide_moved(const struct wide *n, enum wide_kind kind, __m512 w, __m512 first,
                              __m512 square)
{
    __m512 distance = _mm512_max_ps(n->least, _mm512_min_ps(n->most, square));
    distance = _mm512_add_ps(wide_root(distance), n->epsilon);
    __m512 beyond = _mm512_add_ps(distance, n->ridge), r, near;
    if (kind == BOTH) { /* the quotients by both in one */
        r = wide_inverse(_mm512_mul_ps(distance, beyond));
        near = _mm512_mul_ps(r, beyond);
        r = _mm512_mul_ps(r, distance);
    } else
        r = near = wide_inverse(distance);
    __m512 moved = _mm512_mul_ps(_mm512_mul_ps(n->step, first), near);
    __m512 w0 = _mm512_sub_ps(w, moved);
    if (kind == BARE)
        return w0;
    __m512 far = _mm512_mul_ps(n->farthest, _mm512_abs_ps(moved));
    far = _mm512_max_ps(far, n->bound);
    if (kind == SHRUNK)
        return wide_shrunk(w0, _mm512_min_ps(_mm512_mul_ps(n->threshold, r), far));
    __m512 z = _mm512_fnmadd_ps(w0, _mm512_mul_ps(n->ridge, r), w0);
    z = wide_shrunk(z, _mm512_mul_ps(n->threshold, r));
    return wide_clamp(z, _mm512_sub_ps(w0, far), _mm512_add_ps(w0, far));
}

/* Moves sixteen weights by their gradient and returns them. */
WIDE_INLINE __m512 wide_after(const struct wide *n, const struct wide_arrays *a, size_t i,
                              enum wide_kind kind, __m512 gradient)
{
    __m512 first = _mm512_loadu_ps(a->m + i), square = _mm512_loadu_ps(a->v + i);
    first = _mm512_fmadd_ps(_mm512_sub_ps(gradient, first), n->fresh, first);
    gradient = _mm512_mul_ps(_mm512_mul_ps(n->rare, gradient), gradient);
    square = _mm512_fmadd_ps(square, n->beta2, gradient);
    __m512 after = wide_moved(n, kind, _mm512_loadu_ps(a->w + i), first, square);
    _mm512_storeu_ps(a->m + i, first);
    _mm512_storeu_ps(a->v + i, square);
    _mm512_storeu_ps(a->w + i, after);
    return after;
}

/* Moves sixteen weights and returns a mask of those that are zero. */
WIDE_INLINE __mmask16 wide_step(const struct wide *n, const struct wide_arrays *a, size_t i,
                                enum wide_kind kind)
{
    __m512 after = wide_after(n, a, i, kind, _mm512_loadu_ps(a->g + i));
    return _mm512_cmp_ps_mask(after, _mm512_setzero_ps(), _CMP_EQ_OQ);
}

/* The same with gradients and copies in bfloat16. */
NARROW static inline __attribute__((always_inline)) __mmask16
narrow_step(const struct wide *n, const struct wide_arrays *a, size_t i, enum wide_kind kind)
{
    __m512 gradient = wide_widened(_mm256_loadu_si256((const __m256i *)(a->narrow_g + i)));
    __m512 after = wide_after(n, a, i, kind, gradient);
    _mm256_storeu_si256((__m256i *)(a->narrow_w + i), (__m256i)_mm512_cvtneps_pbh(after));
    return _mm512_cmp_ps_mask(after, _mm512_setzero_ps(), _CMP_EQ_OQ);
}

/* The last weights, fewer than sixteen, in arrays of their own. */
struct wide_rest {
    float w[16], m[16], v[16], g[16];
    uint16_t narrow_g[16], narrow_w[16];
};

static inline struct wide_arrays rest_begun(struct wide_rest *own, const struct wide_arrays *a,
                                            size_t i, size_t count)
{
    size_t size = count * sizeof(float);
    memset(own, 0, sizeof *own);
    memcpy(own->w, a->w + i, size), memcpy(own->m, a->m + i, size), memcpy(own->v, a->v + i, size);
    if (a->g)
        memcpy(own->g, a->g + i, size);
    else
        memcpy(own->narrow_g, a->narrow_g + i, count * sizeof *own->narrow_g);
    return (struct wide_arrays){own->w, own->m, own->v, own->g, own->narrow_g, own->narrow_w};
}

static inline void rest_ended(const struct wide_rest *own, const struct wide_arrays *a, size_t i,
                              size_t count)
{
    size_t size = count * sizeof(float);
    memcpy(a->w + i, own->w, size), memcpy(a->m + i, own->m, size), memcpy(a->v + i, own->v, size);
    if (a->narrow_w)
        memcpy(a->narrow_w + i, own->narrow_w, count * sizeof *own->narrow_w);
}

#define WIDE_PASS(TARGET, STEP, NAME, KIND)                                                        \
    TARGET static long long NAME(const struct wide *numbers, const struct wide_arrays *a,          \
                                 size_t n)                                                         \
    {                                                                                              \
        const struct wide own = *numbers;                                                          \
        long long zeros = 0;                                                                       \
        size_t i = 0;                                                                              \
        for (; i + 32 <= n; i += 32) {                                                             \
            unsigned none = STEP(&own, a, i, KIND);                                                \
            none |= (unsigned)STEP(&own, a, i + 16, KIND) << 16;                                   \
            zeros += __builtin_popcount(none);                                                     \
        }                                                                                          \
        if (i + 16 <= n) {                                                                         \
            zeros += __builtin_popcount(STEP(&own, a, i, KIND));                                   \
            i += 16;                                                                               \
        }                                                                                          \
        if (i < n) {                                                                               \
            struct wide_rest rest;                                                                 \
            const struct wide_arrays some = rest_begun(&rest, a, i, n - i);                        \
            zeros += __builtin_popcount(STEP(&own, &some, 0, KIND) & ((1u << (n - i)) - 1));       \
            rest_ended(&rest, a, i, n - i);                                                        \
        }                                                                                          \
        return zeros;                                                                              \
    }

WIDE_PASS(WIDE, wide_step, wide_bare, BARE)
WIDE_PASS(WIDE, wide_step, wide_shrunk_only, SHRUNK)
WIDE_PASS(WIDE, wide_step, wide_both, BOTH)
WIDE_PASS(NARROW, narrow_step, wide_bare_narrow, BARE)
WIDE_PASS(NARROW, narrow_step, wide_shrunk_narrow, SHRUNK)
WIDE_PASS(NARROW, narrow_step, wide_both_narrow, BOTH)

static long long (*const WIDE_FLOAT[])(const struct wide *, const struct wide_arrays *, size_t) = {
    wide_bare, wide_shrunk_only, wide_both};
static long long (*const WIDE_NARROW[])(const struct wide *, const struct wide_arrays *, size_t) = {
    wide_bare_narrow, wide_shrunk_narrow, wide_both_narrow};

/* Fill the numbers of a step for weights with these strengths, and return what is done with them. */
WIDE static enum wide_kind wide_numbers(const double *number, double l1, double l2,
                                        struct wide *own)
{
    float threshold = (float)(number[RATE] * l1), ridge = (float)(number[RATE] * l2);
    *own = (struct wide){
        _mm512_set1_ps((float)(1 - number[BETA1])), _mm512_set1_ps((float)number[BETA2]),
        _mm512_set1_ps((float)(1 - number[BETA2])), _mm512_set1_ps((float)number[STEP]),
        _mm512_set1_ps((float)number[EPSILON]),     _mm512_set1_ps((float)number[BOUND]),
        _mm512_set1_ps((float)number[FARTHEST]),    _mm512_set1_ps(threshold),
        _mm512_set1_ps(ridge),                      _mm512_set1_ps(FLT_MIN),
        _mm512_set1_ps(FLT_MAX)};
    return ridge != 0 ? BOTH : threshold != 0 ? SHRUNK : BARE;
}

WIDE static inline long long wide_pass(const double *number, double l1, double l2,
                                       const struct wide_arrays *a, size_t count)
{
    struct wide own;
    enum wide_kind kind = wide_numbers(number, l1, l2, &own);
    unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040); /* numbers that are too small to be normal are 0 */
    long long zeros = (a->g ? WIDE_FLOAT : WIDE_NARROW)[kind](&own, a, count);
    _mm_setcsr(before);
    return zeros;
}

#else
static long long wide_pass(const double *number, double l1, double l2,
                           const struct wide_arrays *a, size_t count)
{
    (void)number, (void)l1, (void)l2, (void)a, (void)count;
    return 0;
}
#endif
#endif
