/* The prox of L1 and L2 in one pass over the weights of several tensors, in a scalar and in a
   diagonal metric.

   Called by kernels/__init__.py on raw pointers; the module itself is empty. The operations are
   those of pytorch/threshold.py, each rounded once: a threshold is subtracted, so that a zero is
   +0.0. NaN stays NaN, since every comparison with it is false. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <float.h>
#include <math.h>
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

CLONES static void threshold_one(float *restrict w, size_t n, float t)
{
    for (size_t i = 0; i < n; i++) {
        float cut = w[i] > t ? t : (w[i] < -t ? -t : w[i]);
        w[i] = w[i] - cut;
    }
}

CLONES static void scalar_one(float *restrict w, size_t n, float divisor, float t)
{
    for (size_t i = 0; i < n; i++) {
        float z = w[i] / divisor;
        float cut = z > t ? t : (z < -t ? -t : z);
        w[i] = z - cut;
    }
}

CLONES static void diagonal_l1(float *restrict w, const float *restrict square, size_t n,
                               float offset, float threshold)
{
    for (size_t i = 0; i < n; i++) {
        float v = square[i] < FLT_MIN ? FLT_MIN : square[i];
        float t = threshold / (sqrtf(v) + offset);
        float cut = w[i] > t ? t : (w[i] < -t ? -t : w[i]);
        w[i] = w[i] - cut;
    }
}

CLONES static void diagonal_both(float *restrict w, const float *restrict square, size_t n,
                                 float offset, float pull, float threshold)
{
    for (size_t i = 0; i < n; i++) {
        float v = square[i] < FLT_MIN ? FLT_MIN : square[i];
        float r = 1.0f / (sqrtf(v) + offset);
        float z = w[i] - w[i] * (pull * r);
        float t = threshold * r;
        float cut = z > t ? t : (z < -t ? -t : z);
        w[i] = z - cut;
    }
}

/* w <- z - clamp(z, -threshold, threshold) with z = w / divisor, for each tensor */
PUBLIC void shrink_scalar(float **w, const size_t *n, size_t tensors, float divisor,
                          float threshold)
{
    for (size_t k = 0; k < tensors; k++) {
        if (divisor == 1.0f)
            threshold_one(w[k], n[k], threshold);
        else
            scalar_one(w[k], n[k], divisor, threshold);
    }
}

/* The same with r = 1 / (sqrt(square) + offset), z = w - w*pull*r and the threshold times r;
   numbers holds offset, pull and threshold of each tensor */
PUBLIC void shrink_diagonal(float **w, float **square, const size_t *n, size_t tensors,
                            const float *numbers)
{
    for (size_t k = 0; k < tensors; k++, numbers += 3) {
        if (numbers[1] == 0.0f)
            diagonal_l1(w[k], square[k], n[k], numbers[0], numbers[2]);
        else
            diagonal_both(w[k], square[k], n[k], numbers[0], numbers[1], numbers[2]);
    }
}

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_shrink", NULL, -1, NULL};

PyMODINIT_FUNC PyInit__shrink(void) { return PyModule_Create(&module); }
