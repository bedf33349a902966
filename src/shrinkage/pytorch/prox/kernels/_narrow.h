/* Numbers of bfloat16 as float32, and back. */
#ifndef SHRINKAGE_NARROW_H
#define SHRINKAGE_NARROW_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "_pool.h"

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
