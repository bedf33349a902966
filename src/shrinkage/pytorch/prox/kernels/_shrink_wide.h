/* The diagonal pass of _shrink.c, sixteen weights at a time, the bound in the same pass. */
#include "_wide.h"

#if HAS_WIDE
/* Numbers are those of `diagonal_both`; `push` is NULL where there is none. */
WIDE_INLINE __m512 wide_within_reach(__m512 w, __m512 square, __m512 push, int pushed,
                                     int ridged, const __m512 *number)
{
    __m512 root = _mm512_min_ps(_mm512_set1_ps(FLT_MAX), square), far = number[3], r;
    root = wide_root(_mm512_max_ps(_mm512_set1_ps(FLT_MIN), root));
    __m512 distance = _mm512_add_ps(root, number[0]);
    if (pushed) { /* the quotients by both denominators in one */
        __m512 bare = _mm512_add_ps(root, number[5]);
        r = wide_inverse(_mm512_mul_ps(distance, bare));
        __m512 own = _mm512_mul_ps(_mm512_mul_ps(r, distance), _mm512_abs_ps(push));
        far = _mm512_max_ps(_mm512_mul_ps(number[4], own), far);
        r = _mm512_mul_ps(r, bare);
    } else
        r = wide_inverse(distance);
    __m512 z = ridged ? _mm512_fnmadd_ps(w, _mm512_mul_ps(number[1], r), w) : w;
    z = wide_shrunk(z, _mm512_mul_ps(number[2], r));
    return wide_clamp(z, _mm512_sub_ps(w, far), _mm512_add_ps(w, far));
}

#define WIDE_DIAGONAL(NAME, PUSHED, RIDGED)                                                        \
    WIDE static void NAME(float *w, const float *square, const float *push, size_t n,              \
                          const __m512 *number)                                                    \
    {                                                                                              \
        for (size_t i = 0; i < n; i += 16) {                                                       \
            __mmask16 some = n - i < 16 ? (__mmask16)((1u << (n - i)) - 1) : 0xffff;               \
            __m512 weights = _mm512_maskz_loadu_ps(some, w + i), pushes = weights;                 \
            __m512 squares = _mm512_maskz_loadu_ps(some, square + i);                              \
            if (PUSHED)                                                                            \
                pushes = _mm512_maskz_loadu_ps(some, push + i);                                    \
            weights = wide_within_reach(weights, squares, pushes, PUSHED, RIDGED, number);         \
            _mm512_mask_storeu_ps(w + i, some, weights);                                           \
        }                                                                                          \
    }

WIDE_DIAGONAL(wide_l1, 0, 0)
WIDE_DIAGONAL(wide_l1_pushed, 1, 0)
WIDE_DIAGONAL(wide_ridged, 0, 1)
WIDE_DIAGONAL(wide_ridged_pushed, 1, 1)

WIDE static void wide_diagonal(float *w, const float *square, const float *push, size_t n,
                               const float *numbers)
{
    __m512 own[6];
    for (int k = 0; k < 6; k++)
        own[k] = _mm512_set1_ps(numbers[k]);
    if (numbers[1] == 0)
        (push ? wide_l1_pushed : wide_l1)(w, square, push, n, own);
    else
        (push ? wide_ridged_pushed : wide_ridged)(w, square, push, n, own);
}
#else
static void wide_diagonal(float *w, const float *square, const float *push, size_t n,
                          const float *numbers)
{
    (void)w, (void)square, (void)push, (void)n, (void)numbers;
}
#endif
