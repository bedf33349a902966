/* The cross entropy of some rows of one model, which the step of small networks shares. */
#ifndef SHRINKAGE_CROSS_ENTROPY_H
#define SHRINKAGE_CROSS_ENTROPY_H

#include <stddef.h>
#include <stdint.h>

/* Fill the derivatives of a mean over `rows` rows by n outputs of each class, and return the sum of
   their losses. Classes are `stride` numbers apart; `weight` may be NULL. */
double cross_entropy_of_rows(const float *outputs, const int64_t *target, const float *weight,
                             size_t classes, size_t stride, size_t rows, size_t n,
                             float *gradient);

#endif
