/* Adam and the prox of L1 and L2 on weights that lie side by side, on any processor.

   No prox goes farther than a bound, or than twice what Adam has just moved the weight; w0 is the
   weight between the two. NaN stays NaN, and stays where it is. */
#ifndef SHRINKAGE_ADAM_H
#define SHRINKAGE_ADAM_H

#include "_adam_wide.h"
#include "_moments.h"

/* Moves n weights and returns how many are zero. */
#define ADAM(real, NAME, ROOT, SIZE, LEAST)                                                        \
    CLONES static long long NAME(const double *number, double l1, double l2, real *restrict w,     \
                                 real *restrict m, real *restrict v, const real *restrict g,       \
                                 size_t n)                                                         \
    {                                                                                              \
        real fresh = (real)(1 - number[BETA1]), beta2 = (real)number[BETA2];                       \
        real rare = (real)(1 - number[BETA2]), step = (real)number[STEP];                          \
        real epsilon = (real)number[EPSILON], bound = (real)number[BOUND];                         \
        real farthest = (real)number[FARTHEST];                                                    \
        real threshold = (real)(number[RATE] * l1), ridge = (real)(number[RATE] * l2);             \
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
        return none;                                                                               \
    }

ADAM(float, adam_float, sqrtf, fabsf, FLT_MIN)

/* The same, sixteen weights at a time where the processor has it. */
static long long adam_floats(const double *number, double l1, double l2, float *w, float *m,
                             float *v, const float *g, size_t n)
{
    const struct wide_arrays arrays = {w, m, v, g, NULL, NULL};
    return wide_is_there() ? wide_pass(number, l1, l2, &arrays, n)
                           : adam_float(number, l1, l2, w, m, v, g, n);
}
#endif
