/* A quadratic model with a penalty, shared by the files of this folder.

       minimize  g'(w - w0) + 1/2 (w - w0)' Q (w - w0)
                 + sum_j held_j (alpha |w_j| + 1/2 beta w_j^2) + gamma sum_b root_b ||w_b|| */
#ifndef SHRINKAGE_DESCENT_H
#define SHRINKAGE_DESCENT_H
#include <stddef.h>

/* One build for the processors of the last fifteen years; the loader picks the widest. */
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define CLONES
#endif

#if defined(_WIN32)
#define PUBLIC __declspec(dllexport)
#else
#define PUBLIC __attribute__((visibility("default")))
#endif

struct model {
    const double *q; /* (n, n), symmetric */
    size_t n;
    double *w, *g; /* (n,) where it stands, and the gradient there, penalty left out */
    const double *held;   /* (n,) 1 where a weight is penalised, else 0 */
    const size_t *starts; /* (blocks + 1,) */
    const double *roots;  /* (blocks,) */
    size_t blocks;
    double alpha, beta, gamma;
};

/* g += by * column */
void shrinkage_follow(double *g, const double *column, double by, size_t n);

double shrinkage_dot(const double *a, const double *b, size_t n);

/* Goes on until no gradient is off by more than `tolerance`; returns the sweeps, `most` if that was
   too few, and -1 without memory. */
long shrinkage_descend(const struct model *m, double tolerance, long most);

/* Takes a Newton step on what is not zero; returns 1 if it took one, 0 if not, -1 without memory. */
int shrinkage_pattern(const struct model *m);

#endif
