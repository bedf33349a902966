/* Sixteen float32 numbers at a time, on processors with AVX-512: what the wide passes share. Those that
   also read or write bfloat16 need AVX512-BF16.

   A root and a quotient take some sixteen cycles each there, most of a pass: they come from the
   processor's estimates of fourteen bits and one step of Newton's method, which leaves the last bit
   or two open. Where one operand is not a number, min and max give the second one, so that what is
   compared stands there. */
#ifndef SHRINKAGE_WIDE_H
#define SHRINKAGE_WIDE_H

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 10
#define HAS_WIDE 1
#include <immintrin.h>
#include <stddef.h>

#define WIDE __attribute__((target("avx512f,avx512dq")))
#define WIDE_INLINE WIDE static inline __attribute__((always_inline))
#define NARROW __attribute__((target("avx512f,avx512dq,avx512bf16")))

enum { WIDE_MOST = 4 }; /* vectors that are worked on side by side */

/* Of so many vectors, `count` a constant, in their place. */
WIDE_INLINE void wide_inverses(size_t count, __m512 *x)
{
    __m512 r[WIDE_MOST];
    for (size_t i = 0; i < count; i++)
        r[i] = _mm512_rcp14_ps(x[i]);
    for (size_t i = 0; i < count; i++)
        x[i] = _mm512_fnmadd_ps(x[i], r[i], _mm512_set1_ps(1));
    for (size_t i = 0; i < count; i++)
        x[i] = _mm512_fmadd_ps(r[i], x[i], r[i]);
}

/* Of normal numbers: half the estimate and the root itself are normal, too. */
WIDE_INLINE void wide_roots(size_t count, __m512 *x)
{
    const __m512 half = _mm512_set1_ps(0.5f);
    __m512 r[WIDE_MOST];
    for (size_t i = 0; i < count; i++)
        r[i] = _mm512_rsqrt14_ps(x[i]);
    for (size_t i = 0; i < count; i++)
        x[i] = _mm512_mul_ps(x[i], r[i]);
    for (size_t i = 0; i < count; i++)
        r[i] = _mm512_fnmadd_ps(x[i], _mm512_mul_ps(half, r[i]), half);
    for (size_t i = 0; i < count; i++)
        x[i] = _mm512_fmadd_ps(x[i], r[i], x[i]);
}

WIDE_INLINE __m512 wide_inverse(__m512 x)
{
    wide_inverses(1, &x);
    return x;
}

WIDE_INLINE __m512 wide_root(__m512 x)
{
    wide_roots(1, &x);
    return x;
}

WIDE_INLINE __m512 wide_clamp(__m512 x, __m512 low, __m512 high)
{
    return _mm512_max_ps(low, _mm512_min_ps(high, x));
}

/* The larger size of both. */
WIDE_INLINE __m512 wide_larger(__m512 x, __m512 y) { return _mm512_range_ps(x, y, 11); }

/* What t >= 0 leaves of x: without x, no larger than t, with its sign. */
WIDE_INLINE __m512 wide_shrunk(__m512 x, __m512 t)
{
    return _mm512_sub_ps(x, _mm512_range_ps(x, t, 2));
}

WIDE_INLINE __m512 wide_widened(__m256i narrow)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(narrow), 16));
}

static inline int wide_is_there(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq");
}

static inline int narrow_is_there(void)
{
    return wide_is_there() && __builtin_cpu_supports("avx512bf16");
}
#else
#define HAS_WIDE 0

static inline int wide_is_there(void) { return 0; }

static inline int narrow_is_there(void) { return 0; }
#endif
#endif
