/* What the passes over a stack share: Adam's moments of a weight, and its numbers. */
#ifndef SHRINKAGE_MOMENTS_H
#define SHRINKAGE_MOMENTS_H

#include <float.h>
#include <math.h>

#include "_pool.h"

/* Of weight i: `first`, its first moment now, and `distance`, √ of the second one + epsilon. */
#define MOMENTS(real, ROOT, SIZE, LEAST)                                                           \
    real gradient = g[i], first = m[i] + (gradient - m[i]) * fresh;                                \
    real square = v[i] * beta2 + rare * gradient * gradient;                                       \
    first = SIZE(first) < LEAST ? 0 : first;                                                       \
    m[i] = first;                                                                                  \
    v[i] = square;                                                                                 \
    real distance = ROOT(square < LEAST ? LEAST : square) + epsilon;

#endif
