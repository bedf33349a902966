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

WIDE_INLINE long long wide_zeros(__m512 x)
{
    return __builtin_popcount(_mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_EQ_OQ));
}

/* Moves so many vectors of weights, `count` a constant, by their moments: one operation for all of
   them, then the next. A single one waits for itself most of the time, and the next ones are farther
   away than the processor looks. */
WIDE_INLINE void wide_moved(const struct wide *n, enum wide_kind kind, size_t count, __m512 *w,
                            const __m512 *first, const __m512 *square)
{
    __m512 distance[WIDE_MOST], beyond[WIDE_MOST], r[WIDE_MOST], near[WIDE_MOST], far[WIDE_MOST];
#define EACH for (size_t i = 0; i < count; i++)
    EACH distance[i] = _mm512_max_ps(n->least, _mm512_min_ps(n->most, square[i]));
    wide_roots(count, distance);
    EACH distance[i] = _mm512_add_ps(distance[i], n->epsilon);
    if (kind == BOTH) { /* the quotients by both in one */
        EACH beyond[i] = _mm512_add_ps(distance[i], n->ridge);
        EACH r[i] = _mm512_mul_ps(distance[i], beyond[i]);
        wide_inverses(count, r);
        EACH near[i] = _mm512_mul_ps(r[i], beyond[i]);
        EACH r[i] = _mm512_mul_ps(r[i], distance[i]);
    } else {
        EACH r[i] = distance[i];
        wide_inverses(count, r);
        EACH near[i] = r[i];
    }
    EACH near[i] = _mm512_mul_ps(_mm512_mul_ps(n->step, first[i]), near[i]);
    EACH w[i] = _mm512_sub_ps(w[i], near[i]);
    if (kind == BARE)
        return;
    EACH far[i] = wide_larger(_mm512_mul_ps(n->farthest, near[i]), n->bound);
    EACH near[i] = _mm512_mul_ps(n->threshold, r[i]);
    if (kind == SHRUNK) {
        EACH w[i] = wide_shrunk(w[i], _mm512_min_ps(near[i], far[i]));
        return;
    }
    EACH r[i] = _mm512_mul_ps(n->ridge, r[i]);
    EACH r[i] = _mm512_fnmadd_ps(w[i], r[i], w[i]);
    EACH r[i] = wide_shrunk(r[i], near[i]);
    EACH w[i] = wide_clamp(r[i], _mm512_sub_ps(w[i], far[i]), _mm512_add_ps(w[i], far[i]));
}

/* Moves vectors of weights, from the i-th weight on, by their gradients and returns them. */
WIDE_INLINE void wide_after(const struct wide *n, const struct wide_arrays *a, size_t from,
                            enum wide_kind kind, size_t count, const __m512 *gradient, __m512 *w)
{
    __m512 first[WIDE_MOST], square[WIDE_MOST];
    EACH first[i] = _mm512_loadu_ps(a->m + from + i * 16);
    EACH first[i] = _mm512_fmadd_ps(_mm512_sub_ps(gradient[i], first[i]), n->fresh, first[i]);
    EACH square[i] = _mm512_mul_ps(_mm512_mul_ps(n->rare, gradient[i]), gradient[i]);
    EACH square[i] = _mm512_fmadd_ps(_mm512_loadu_ps(a->v + from + i * 16), n->beta2, square[i]);
    EACH w[i] = _mm512_loadu_ps(a->w + from + i * 16);
    wide_moved(n, kind, count, w, first, square);
    EACH _mm512_storeu_ps(a->m + from + i * 16, first[i]);
    EACH _mm512_storeu_ps(a->v + from + i * 16, square[i]);
    EACH _mm512_storeu_ps(a->w + from + i * 16, w[i]);
}

/* Moves vectors of weights and returns how many of them are zero. */
WIDE_INLINE long long wide_step(const struct wide *n, const struct wide_arrays *a, size_t from,
                                enum wide_kind kind, size_t count)
{
    __m512 gradient[WIDE_MOST], after[WIDE_MOST];
    long long zeros = 0;
    EACH gradient[i] = _mm512_loadu_ps(a->g + from + i * 16);
    wide_after(n, a, from, kind, count, gradient, after);
    EACH zeros += wide_zeros(after[i]);
    return zeros;
}

/* The same with gradients and copies in bfloat16. */
NARROW static inline __attribute__((always_inline)) long long
narrow_step(const struct wide *n, const struct wide_arrays *a, size_t from, enum wide_kind kind,
            size_t count)
{
    __m512 gradient[WIDE_MOST], after[WIDE_MOST];
    long long zeros = 0;
    EACH gradient[i] = wide_widened(
        _mm256_loadu_si256((const __m256i *)(a->narrow_g + from + i * 16)));
    wide_after(n, a, from, kind, count, gradient, after);
    EACH _mm256_storeu_si256((__m256i *)(a->narrow_w + from + i * 16),
                             (__m256i)_mm512_cvtneps_pbh(after[i]));
    EACH zeros += wide_zeros(after[i]);
    return zeros;
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
        for (; i + WIDE_MOST * 16 <= n; i += WIDE_MOST * 16)                                       \
            zeros += STEP(&own, a, i, KIND, WIDE_MOST);                                            \
        for (; i + 16 <= n; i += 16)                                                               \
            zeros += STEP(&own, a, i, KIND, 1);                                                    \
        if (i < n) { /* what is added is zero, and stays it */                                     \
            struct wide_rest rest;                                                                 \
            const struct wide_arrays some = rest_begun(&rest, a, i, n - i);                        \
            zeros += STEP(&own, &some, 0, KIND, 1) - (long long)(16 - (n - i));                    \
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

#undef EACH

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
