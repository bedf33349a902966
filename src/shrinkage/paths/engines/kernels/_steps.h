/* What kernels/mlp.py gives of a stack and of the steps to take, and what their kinds share. */
#ifndef SHRINKAGE_STEPS_H
#define SHRINKAGE_STEPS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "_pool.h"

/* One layer of a stack: of each parameter its weights, Adam's moments, and the strengths of L1 and
   L2 of each model; the models lie one after the other. Where there is `g`, gradients are added to
   it and nothing moves. `bias.w` is NULL where there is none. */
struct parameter {
    float *w, *m, *v, *g;
    const double *l1, *l2;
};

struct layer {
    size_t inputs, outputs;
    struct parameter weight, bias;
};

enum { CROSS_ENTROPY, SQUARES };

struct steps {
    size_t models, layers, steps, rows; /* of a batch */
    const struct layer *layer;
    const double *numbers;    /* (steps, NUMBERS) */
    const float *x;           /* of the table, (its rows, inputs) */
    const int64_t *positions; /* (steps, rows) */
    const void *target;       /* of the table: classes, or (its rows, outputs) */
    const float *weight;      /* of the table, or NULL */
    const float *shift;       /* of the outputs, or NULL */
    const float *constant;    /* what the loss takes for the outputs, or NULL */
    size_t loss;
    char *packed;             /* (steps, packed of one): the batches, laid out for products */
    size_t packed_of_one;
    char *targets;            /* the batches' targets, 8 bytes of each output and row */
    float *weights;           /* the batches' weights */
    double *losses;           /* (models,): the steps' losses are added */
    char *room;               /* (threads, room of one) */
    size_t room_of_one;
    const struct pool *pool;
    size_t width;             /* what may be used: of _mlp.c 1 AVX512-BF16, 2 AMX; of _floats.c 0 plain
                                 code, 1 AVX2, 2 AVX-512, where the processor has it */
    size_t listed;            /* whether the first layer leaves out zeros of the table */
};

/* Move the beginnings of a parameter's arrays on. */
static inline struct parameter of_model(struct parameter p, size_t begin)
{
    p.w += begin;
    if (p.g)
        p.g += begin;
    else
        p.m += begin, p.v += begin;
    return p;
}

/* What a thread or a call needs, piece by piece from a room; from a room at NULL its size. */
static inline void *taken(char **next, size_t bytes)
{
    char *own = *next;
    *next += (bytes + 63) / 64 * 64;
    return own;
}

/* Targets and weights of a step's rows. */
static inline void gather_targets(const struct steps *s, size_t step)
{
    const int64_t *from = s->positions + step * s->rows;
    size_t outputs = s->layer[s->layers - 1].outputs;
    size_t bytes = s->loss == CROSS_ENTROPY ? sizeof(int64_t) : outputs * sizeof(float);
    for (size_t j = 0; j < s->rows; j++) {
        size_t at = (size_t)from[j];
        memcpy(s->targets + (step * s->rows + j) * bytes, (const char *)s->target + at * bytes,
               bytes);
        if (s->weight)
            s->weights[step * s->rows + j] = s->weight[at];
    }
}

/* Return the loss of a step's batch and fill the derivatives by the outputs, both (outputs, rows),
   `stride` numbers apart. */
double loss_of_rows(const struct steps *s, size_t step, const float *outputs, size_t stride,
                    float *slope);
#endif
