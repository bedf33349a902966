/* What the passes over a stack share: Adam's moments of a weight, its numbers, and bfloat16. */
#ifndef SHRINKAGE_MOMENTS_H
#define SHRINKAGE_MOMENTS_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "_pool.h"

/* Of weight i: `first`, its first moment now, and `distance`, √ of the second one + epsilon. */
#define MOMENTS(real, ROOT, SIZE, LEAST)                                                           \
    real gradient = g[i], first = m[i] + (gradient - m[i]) * fresh;                                \
    real square = v[i] * beta2 + rare * gradient * gradient;                                       \
    first = SIZE(first) < LEAST ? 0 : first;                                                       \
    m[i] = first;                                                                                  \
    v[i] = square;                                                                                 \
    real distance = ROOT(square < LEAST ? LEAST : square) + epsilon;

CLONES static void widen(const uint16_t *restrict narrow, float *restrict wide, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = (uint32_t)narrow[i] << 16;
        memcpy(wide + i, &bits, sizeof bits);
    }
}

/* To the nearest, ties to the even one; what is not a number stays none. */
CLONES static void narrow(const float *restrict wide, uint16_t *restrict narrow, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits, rounded;
        memcpy(&bits, wide + i, sizeof bits);
        rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
        narrow[i] = (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? bits >> 16 | 0x40u : rounded);
    }
}

#endif
