/* What the compiled passes share: how they are built, and torch's own threads. */
#ifndef SHRINKAGE_POOL_H
#define SHRINKAGE_POOL_H

#include <stddef.h>

#if defined(_WIN32)
#define PUBLIC __declspec(dllexport)
#else
#define PUBLIC __attribute__((visibility("default")))
#endif

/* One build for the processors of the last fifteen years; the loader picks the widest. */
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define CLONES
#endif

/* The OpenMP library that torch has loaded: its threads are awake, and each has in its cache the
   part of a tensor that it worked on. */
struct pool {
    void (*parallel)(void (*)(void *), void *, unsigned, unsigned); /* NULL: this thread only */
    int (*number)(void);
    int (*count)(void);
};

/* The numbers of a step of Adam, as kernels/adam.py gives them. */
enum { BETA1, BETA2, STEP, EPSILON, RATE, BOUND, FARTHEST, NUMBERS };

/* Below this many weights a second thread costs more than it takes off. */
enum { WORTHWHILE = 1 << 16 };

#endif
