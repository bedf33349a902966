/* Block coordinate descent on a quadratic model with a penalty (`_descent.h`) at one strength after
   the other: the inner problem of a proximal Newton step, and squared errors on their Gram matrix.

   Called by kernels/__init__.py on raw pointers; the module itself is empty. kernels/plain.py does
   the same in NumPy. Source: Friedman, Hastie and Tibshirani, J. Stat. Softw. 33 (2010). */
#define PY_SSIZE_T_CLEAN
#include "_descent.h"
#include <Python.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WITHIN = 10, EARLIEST = 3 }; /* steps inside a block at a time; sweeps before Newton's step */

CLONES void shrinkage_follow(double *restrict g, const double *restrict column, double by, size_t n)
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
    double own = m->q[j * m->n + j], curved = own + m->beta * m->held[j];
    if (!(curved > 0))
        return 0.0;
    double moved = shrunk(own * m->w[j] - m->g[j], threshold) / curved - m->w[j];
    if (moved == 0)
        return 0.0;
    m->w[j] += moved;
    shrinkage_follow(m->g, m->q + j * m->n, moved, m->n);
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
    double reach = m->gamma * m->roots[block];
    if (!(bound > 0))
        return 0.0;
    for (size_t i = 0; i < d; i++) {
        u[i] = m->w[from + i];
        h[i] = m->g[from + i];
    }
    for (int round = 0; round < WITHIN; round++) {
        double length = 0, change = 0;
        for (size_t i = 0; i < d; i++) {
            step[i] = shrunk(bound * u[i] - h[i], m->alpha * m->held[from + i]);
            length += step[i] * step[i];
        }
        length = sqrt(length);
        double left = length > reach ? 1 - reach / length : 0.0;
        for (size_t i = 0; i < d; i++) {
            step[i] = left * step[i] / (bound + m->beta * m->held[from + i]) - u[i];
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
            shrinkage_follow(m->g, m->q + (from + i) * m->n, moved, m->n);
        }
    }
    return largest;
}

/* How many weights of a block are not zero. */
static size_t there(const struct model *m, size_t block)
{
    size_t count = 0;
    for (size_t j = m->starts[block]; j < m->starts[block + 1]; j++)
        count += m->w[j] != 0;
    return count;
}

/* Visits all blocks, or those that are not zero; returns by how much a gradient was off. */
static double sweep_over(const struct model *m, int all, const double *bounds, double *scratch,
                         size_t *count)
{
    double largest = 0;
    *count = 0;
    for (size_t b = 0; b < m->blocks; b++) {
        size_t j = m->starts[b], own = there(m, b);
        *count += own;
        if (!all && !own)
            continue;
        double change = m->starts[b + 1] - j > 1
                            ? together(m, b, bounds[b], scratch)
                            : single(m, j, m->alpha * m->held[j] + m->gamma * m->roots[b]);
        largest = change > largest ? change : largest;
    }
    return largest;
}

/* Goes on until no gradient is off by more than `tolerance`. Between two looks at all weights those
   that are not zero are visited; a Newton step comes when as much work went into sweeps. Returns
   the sweeps, `most` if that was too few, and -1 without memory. */
static long one(const struct model *m, const double *bounds, double *scratch, double tolerance,
                long most)
{
    int all = 1;
    long sweep = 0, last = 0, patience = 1;
    while (sweep < most) {
        size_t count;
        double largest = sweep_over(m, all, bounds, scratch, &count);
        sweep++;
        if (largest <= tolerance) {
            if (all)
                return sweep;
            all = 1;
            continue;
        }
        all = 0;
        double even = EARLIEST + (double)count * (double)count / (6.0 * (double)m->n + 1);
        if ((double)(sweep - last) >= even * (double)patience) {
            int taken = shrinkage_pattern(m);
            if (taken < 0)
                return -1;
            patience = taken ? 1 : 2 * patience;
            all = taken;
            last = sweep;
        }
    }
    return most;
}

/* The bounds of all blocks, and three numbers for every weight of the widest; NULL without memory. */
static double *bounds_of(const struct model *m)
{
    size_t widest = 1;
    for (size_t b = 0; b < m->blocks; b++)
        if (m->starts[b + 1] - m->starts[b] > widest)
            widest = m->starts[b + 1] - m->starts[b];
    double *bounds = malloc((m->blocks + 3 * widest) * sizeof(double));
    for (size_t b = 0; b < m->blocks && bounds; b++)
        bounds[b] = m->starts[b + 1] - m->starts[b] > 1
                        ? bound_of(m, m->starts[b], m->starts[b + 1])
                        : 0.0;
    return bounds;
}

long shrinkage_descend(const struct model *m, double tolerance, long most)
{
    double *bounds = bounds_of(m);
    long sweeps = bounds ? one(m, bounds, bounds + m->blocks, tolerance, most) : -1;
    free(bounds);
    return sweeps;
}

/* Solves for `count` strengths, rows (alpha, beta, gamma) of `levels`, each from the one before.
   `out` (count, n) gets the weights, `sweeps` (count,) how many were needed; w and g move along.
   Returns 0, -1 without memory. */
PUBLIC int descend(const double *q, size_t n, double *w, double *g, const double *held,
                   const size_t *starts, const double *roots, size_t blocks, const double *levels,
                   size_t count, double tolerance, long most, double *out, long *sweeps)
{
    struct model m = {q, n, w, g, held, starts, roots, blocks, 0, 0, 0};
    double *bounds = bounds_of(&m);
    int ended = bounds ? 0 : -1;
    for (size_t i = 0; i < count && !ended; i++) {
        m.alpha = levels[3 * i];
        m.beta = levels[3 * i + 1];
        m.gamma = levels[3 * i + 2];
        sweeps[i] = one(&m, bounds, bounds + blocks, tolerance, most);
        ended = sweeps[i] < 0 ? -1 : 0;
        memcpy(out + i * n, w, n * sizeof(double));
    }
    free(bounds);
    return ended;
}

/* The checksum of the sources that this was built from. */
PUBLIC unsigned shrinkage_sources(void)
{
    return SHRINKAGE_SOURCES;
}

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_descent", NULL, -1, NULL,
                                        NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__descent(void)
{
    return PyModule_Create(&definition);
}
