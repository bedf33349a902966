/* Block coordinate descent on a quadratic model with a penalty: the inner problem of a proximal
   Newton step, and squared errors on their Gram matrix.

       minimize  g'(w - w0) + 1/2 (w - w0)' Q (w - w0)
                 + sum_j alpha_j |w_j| + 1/2 beta_j w_j^2 + sum_b reach_b ||w_b||

   Called by kernels/__init__.py on raw pointers; the module itself is empty. kernels/plain.py does
   the same in NumPy. Source: Friedman, Hastie and Tibshirani, J. Stat. Softw. 33 (2010). */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>

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

enum { WITHIN = 10 }; /* steps inside a block at a time */

struct model {
    const double *q; /* (n, n), symmetric */
    size_t n;
    double *w, *g; /* (n,) where it stands, and the gradient there, penalty left out */
    const double *alpha, *beta;
    const size_t *starts; /* (blocks + 1,) */
    const double *reach;  /* (blocks,) */
};

CLONES static void follow(double *restrict g, const double *restrict column, double by, size_t n)
{
    for (size_t i = 0; i < n; i++)
        g[i] += by * column[i];
}

static double shrunk(double v, double by)
{
    return v > by ? v - by : (v < -by ? v + by : 0.0);
}

/* Returns by how much the gradient was off: curvature x movement. */
static double single(const struct model *m, size_t j, double threshold)
{
    double own = m->q[j * m->n + j], curved = own + m->beta[j];
    if (!(curved > 0))
        return 0.0;
    double moved = shrunk(own * m->w[j] - m->g[j], threshold) / curved - m->w[j];
    if (moved == 0)
        return 0.0;
    m->w[j] += moved;
    follow(m->g, m->q + j * m->n, moved, m->n);
    return curved * fabs(moved);
}

/* No eigenvalue of the block exceeds the largest sum of a row, nor the trace. */
static double bound_of(const struct model *m, size_t from, size_t to)
{
    double most = 0, trace = 0;
    for (size_t i = from; i < to; i++) {
        double sum = 0;
        for (size_t j = from; j < to; j++)
            sum += fabs(m->q[i * m->n + j]);
        most = sum > most ? sum : most;
        trace += m->q[i * m->n + i];
    }
    return most < trace ? most : trace;
}

/* Proximal gradient steps inside the block; `scratch` holds three numbers a weight. */
static double together(const struct model *m, size_t block, double bound, double *scratch)
{
    size_t from = m->starts[block], d = m->starts[block + 1] - from;
    double *u = scratch, *h = scratch + d, *step = scratch + 2 * d, largest = 0;
    if (!(bound > 0))
        return 0.0;
    for (size_t i = 0; i < d; i++) {
        u[i] = m->w[from + i];
        h[i] = m->g[from + i];
    }
    for (int round = 0; round < WITHIN; round++) {
        double length = 0, change = 0;
        for (size_t i = 0; i < d; i++) {
            step[i] = shrunk(bound * u[i] - h[i], m->alpha[from + i]);
            length += step[i] * step[i];
        }
        length = sqrt(length);
        double left = length > m->reach[block] ? 1 - m->reach[block] / length : 0.0;
        for (size_t i = 0; i < d; i++) {
            step[i] = left * step[i] / (bound + m->beta[from + i]) - u[i];
            change += step[i] * step[i];
            u[i] += step[i];
        }
        change = bound * sqrt(change);
        if (change > largest)
            largest = change;
        if (change < 0.1 * largest || change == 0)
            break;
        for (size_t j = 0; j < d; j++)
            if (step[j] != 0)
                for (size_t i = 0; i < d; i++)
                    h[i] += step[j] * m->q[(from + j) * m->n + from + i];
    }
    for (size_t i = 0; i < d; i++) {
        double moved = u[i] - m->w[from + i];
        if (moved != 0) {
            m->w[from + i] = u[i];
            follow(m->g, m->q + (from + i) * m->n, moved, m->n);
        }
    }
    return largest;
}

static int is_there(const struct model *m, size_t block)
{
    for (size_t j = m->starts[block]; j < m->starts[block + 1]; j++)
        if (m->w[j] != 0)
            return 1;
    return 0;
}

/* Goes on until no gradient is off by more than `tolerance`; between two looks at all those that are not zero are visited. Returns the sweeps, `most` if that was too few,
   and -1 without memory. */
PUBLIC long descend(const double *q, size_t n, double *w, double *g, const double *alpha,
                    const double *beta, const size_t *starts, const double *reach, size_t blocks,
                    double tolerance, long most)
{
    struct model m = {q, n, w, g, alpha, beta, starts, reach};
    size_t widest = 1;
    for (size_t b = 0; b < blocks; b++)
        if (starts[b + 1] - starts[b] > widest)
            widest = starts[b + 1] - starts[b];
    double *bounds = malloc((blocks + 3 * widest) * sizeof(double));
    if (!bounds)
        return -1;
    for (size_t b = 0; b < blocks; b++)
        bounds[b] = starts[b + 1] - starts[b] > 1 ? bound_of(&m, starts[b], starts[b + 1]) : 0.0;
    int all = 1;
    long sweep = 0;
    while (sweep < most) {
        double largest = 0;
        sweep++;
        for (size_t b = 0; b < blocks; b++) {
            if (!all && !is_there(&m, b))
                continue;
            size_t j = starts[b];
            double change = starts[b + 1] - j > 1
                                ? together(&m, b, bounds[b], bounds + blocks)
                                : single(&m, j, alpha[j] + reach[b]);
            largest = change > largest ? change : largest;
        }
        if (largest <= tolerance) {
            if (all)
                break;
            all = 1;
        } else {
            all = 0;
        }
    }
    free(bounds);
    return sweep;
}

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_descent", NULL, -1, NULL,
                                        NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__descent(void)
{
    return PyModule_Create(&definition);
}
