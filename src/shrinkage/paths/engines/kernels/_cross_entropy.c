/* The cross entropy of a stack of models and its derivatives by the outputs, in one pass.

   Called by kernels/__init__.py on raw pointers; the module itself is empty. Outputs lie as (models,
   classes, rows), so that neighbouring rows are worked on side by side. The exponential is 2^n times
   the series of e^r to the seventh power, |r| <= log(2)/2, whose rest is below 6e-9 of it. What is
   not a number stays none, in its row, and makes the loss of its model none. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "_cross_entropy.h"

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

enum { TILE = 256 }; /* rows at a time */

#define LEAST -87.0f           /* e to it is the least normal number, nearly */
#define LOG2 0.693359375f      /* the first digits of log(2), so that n times it is exact */
#define REST -2.12194440e-4f   /* and the rest of it */
#define ROUNDING 12582912.0f   /* 1.5 * 2^23: what is added to it is rounded to a whole number */

/* gradient = e^(outputs - top), and its sum over the classes */
CLONES static void exponentials(const float *restrict outputs, const float *restrict top,
                                float *restrict gradient, float *restrict total, size_t n)
{
    for (size_t l = 0; l < n; l++) {
        float x = outputs[l] - top[l];
        x = x < LEAST ? LEAST : x;
        float shifted = x * 1.44269504f + ROUNDING, whole = shifted - ROUNDING;
        float r = (x - whole * LOG2) - whole * REST, power;
        float e = 1.0f / 5040;
        e = e * r + 1.0f / 720;
        e = e * r + 1.0f / 120;
        e = e * r + 1.0f / 24;
        e = e * r + 1.0f / 6;
        e = e * r + 0.5f;
        e = e * r + 1.0f;
        e = e * r + 1.0f;
        uint32_t bits;
        memcpy(&bits, &shifted, sizeof bits);
        bits = (bits + 127u) << 23;
        memcpy(&power, &bits, sizeof power);
        gradient[l] = e * power;
        total[l] += gradient[l];
    }
}

CLONES static void largest(const float *restrict outputs, float *restrict top, size_t n)
{
    for (size_t l = 0; l < n; l++)
        top[l] = outputs[l] > top[l] ? outputs[l] : top[l];
}

CLONES static void scaled(float *restrict gradient, const float *restrict share, size_t n)
{
    for (size_t l = 0; l < n; l++)
        gradient[l] *= share[l];
}

/* Some rows of one model, at most TILE. */
static double tile(const float *outputs, const int64_t *target, const float *weight,
                   size_t classes, size_t stride, size_t rows, size_t n, float *gradient)
{
    float top[TILE], total[TILE] = {0}, share[TILE];
    double loss = 0;
    memcpy(top, outputs, n * sizeof *top);
    for (size_t c = 1; c < classes; c++)
        largest(outputs + c * stride, top, n);
    for (size_t c = 0; c < classes; c++)
        exponentials(outputs + c * stride, top, gradient + c * stride, total, n);
    for (size_t l = 0; l < n; l++) {
        float own = weight ? weight[l] : 1.0f;
        share[l] = own / (float)rows / total[l];
        loss += own * (logf(total[l]) + (top[l] - outputs[(size_t)target[l] * stride + l]));
    }
    for (size_t c = 0; c < classes; c++)
        scaled(gradient + c * stride, share, n);
    for (size_t l = 0; l < n; l++)
        gradient[(size_t)target[l] * stride + l] -= (weight ? weight[l] : 1.0f) / (float)rows;
    return loss;
}

double cross_entropy_of_rows(const float *outputs, const int64_t *target, const float *weight,
                             size_t classes, size_t stride, size_t rows, size_t n,
                             float *gradient)
{
    double loss = 0;
    for (size_t at = 0; at < n; at += TILE) {
        size_t some = n - at < TILE ? n - at : TILE;
        loss += tile(outputs + at, target + at, weight ? weight + at : NULL, classes, stride, rows,
                     some, gradient + at);
    }
    return loss;
}

/* Mean losses (models,) and their derivatives by the outputs; `weight` may be NULL. Returns the place
   of a label that is no class, before anything is written, or -1. */
PUBLIC int64_t cross_entropy(const float *outputs, const int64_t *target, const float *weight,
                             size_t models, size_t classes, size_t rows, float *losses,
                             float *gradient)
{
    for (size_t j = 0; j < rows; j++)
        if ((uint64_t)target[j] >= classes)
            return (int64_t)j;
    for (size_t k = 0; k < models; k++) {
        size_t begin = k * classes * rows;
        double loss = cross_entropy_of_rows(outputs + begin, target, weight, classes, rows, rows,
                                            rows, gradient + begin);
        losses[k] = (float)(loss / (double)rows);
    }
    return -1;
}

/* The checksum of the sources that this was built from. */
PUBLIC unsigned shrinkage_sources(void) { return SHRINKAGE_SOURCES; }

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_cross_entropy", NULL, -1, NULL};

PyMODINIT_FUNC PyInit__cross_entropy(void) { return PyModule_Create(&module); }
