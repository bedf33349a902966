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

/* Work that threads share: `part` does that of one of so many. */
struct shared_work {
    void (*part)(const void *given, size_t number, size_t count);
    const void *given;
    const struct pool *pool;
};

static inline void work_of_thread(void *given)
{
    const struct shared_work *own = given;
    own->part(own->given, (size_t)own->pool->number(), (size_t)own->pool->count());
}

static inline void in_shares(const struct pool *pool, unsigned threads,
                             void (*part)(const void *, size_t, size_t), const void *given)
{
    struct shared_work own = {part, given, pool};
    if (pool->parallel && threads > 1)
        pool->parallel(work_of_thread, &own, threads, 0);
    else
        part(given, 0, 1);
}

/* This thread's share of a count. */
static inline void share(size_t all, size_t number, size_t count, size_t *from, size_t *to)
{
    *from = all * number / count, *to = all * (number + 1) / count;
}

/* The numbers of a step of Adam, as kernels/adam.py gives them. */
enum { BETA1, BETA2, STEP, EPSILON, RATE, BOUND, FARTHEST, NUMBERS };

/* Below this many weights a second thread costs more than it takes off. */
enum { WORTHWHILE = 1 << 16 };

#endif
