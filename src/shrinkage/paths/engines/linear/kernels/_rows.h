/* Rows of a model of one output, its loss, and where it stands; shared by _rows.c and _newton.c. */
#ifndef SHRINKAGE_ROWS_H
#define SHRINKAGE_ROWS_H
#include <stddef.h>

enum kind { LOGISTIC, COUNTS };

/* BLAS as SciPy hands it out: arguments of Fortran. */
typedef void gemv(const char *, const int *, const int *, const double *, const double *,
                  const int *, const double *, const int *, const double *, double *, const int *);
typedef void syrk(const char *, const char *, const int *, const int *, const double *,
                  const double *, const int *, const double *, double *, const int *);

/* What does not change along a path; kernels/newton.py fills it. */
struct rows {
    const double *x; /* (rows, inputs), column after column, groups of neighbours */
    size_t rows, inputs;
    const double *target, *share; /* (rows,) */
    const double *held;           /* (inputs,) 1 where a weight is penalised, else 0 */
    const size_t *starts;         /* (blocks + 1,) */
    const double *roots;          /* (blocks,) */
    size_t blocks;
    double scale, unit;     /* the largest derivative and the loss of the model without inputs */
    double left;            /* of the intercept's derivative, or a free weight's, at its best */
    double aim, aim_ridged; /* gaps at which a model is left */
    gemv *gemv;
    syrk *syrk;
    size_t kind, most_steps, most_sweeps;
    size_t few, least_set, most_set; /* inputs of which all are in the working set; its size */
};

/* The outputs of a model, and the loss there. */
struct outputs {
    double *z, *pull, *bend, *chance; /* (rows,) shares included but in chance */
    double value;
};

/* Fills in everything at outputs z; the value is infinite beyond the largest number. */
void shrinkage_loss(const struct rows *r, struct outputs *o);

/* The dual's part that does not depend on the penalty, at scale x (-pull). */
double shrinkage_dual(const struct rows *r, const struct outputs *o, double scale);

#endif
