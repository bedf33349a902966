/* A step of one model of a stack of small networks in float32: how its arrays lie.

   Every matrix lies as panels of sixteen columns, row after row, filled up with zeros to whole panels
   and to a multiple of sixteen rows; such zeros stay zeros, since their weights get no gradient. So
   a product reads its right factor by vectors and its left one number by number, whichever of the two
   is turned. Of a table that is mostly zero, batches are lists of the numbers that are not. */
#ifndef SHRINKAGE_FLOATS_H
#define SHRINKAGE_FLOATS_H

#include "_adam.h"
#include "_steps.h"

#if defined(__GNUC__)
#define HAS_FLOATS 1

enum { LANES = 16, PIECE = LANES * LANES };
enum { NEAR = 7 };   /* panels of inputs whose weights for four panels of outputs a near cache has */
enum { CHUNK = 4 };  /* panels of inputs whose gradients are kept until Adam reads them */
enum { GROUP = 4 };  /* panels of outputs beside them */
enum { SOME = 128 }; /* rows that are judged at a time */

typedef float lanes __attribute__((vector_size(LANES * sizeof(float)), may_alias));
typedef float loose __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));
typedef int32_t marks __attribute__((vector_size(LANES * sizeof(float)), may_alias));

static inline size_t panels_of(size_t n) { return (n + LANES - 1) / LANES; }

static inline size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* Numbers that are not zero: list u has those from begin[u] to begin[u + 1], and where in a panel
   the row begins that each is multiplied with. */
struct lists {
    uint32_t *begin, *at;
    float *value;
};

/* The batch of a step: panels of inputs, or lists, by rows for NEAR panels after the other, and by
   inputs. */
struct batch {
    float *rows;
    struct lists by_row, by_input;
};

/* A layer of the model that a thread works on. */
struct own {
    size_t inputs, outputs, in, out; /* the last two in panels */
    float *w, *m, *v;                /* panels of outputs, (out, inputs, LANES); m for gradients, too */
    float *turned;                   /* the weights as panels of inputs; NULL of the first layer */
    float *rows;                     /* its input; NULL where it is lists */
    float *slope;                    /* the derivatives by its outputs, (out, rows, LANES) */
};

/* What a thread has. */
struct work {
    const struct steps *s;
    size_t rows; /* of a batch, filled up */
    struct own *layer;
    struct batch batch;
    float *outputs;           /* of the last layer, panels */
    float *plain, *slope;     /* the same and its derivatives, (outputs, rows) */
    float *gradient;          /* (GROUP, CHUNK, PIECE) */
    char *next;
};

/* Weights times rows that are mostly zero, outside of a step. */
struct product {
    const float *x, *weight; /* (rows, inputs), (outputs, inputs) */
    float *out;              /* (outputs, rows) */
    size_t rows, inputs, outputs;
    float *panels;           /* of outputs: the weights */
    char *room;              /* (threads, room of one) */
    size_t room_of_one;
    const struct pool *pool;
    size_t width;            /* as in struct steps */
};

static inline size_t nears_of(size_t inputs) { return (panels_of(inputs) + NEAR - 1) / NEAR; }

static struct lists lists_at(char **next, size_t lists, size_t numbers)
{
    struct lists own;
    own.begin = taken(next, (lists + 2) * sizeof *own.begin);
    own.at = taken(next, (numbers + LANES) * sizeof *own.at);
    own.value = taken(next, (numbers + LANES) * sizeof *own.value);
    return own;
}

/* Return where the batch of a step lies, and the bytes of a step. */
static struct batch batch_of(const struct steps *s, size_t step, size_t *bytes)
{
    struct batch b = {0};
    size_t inputs = s->layer[0].inputs;
    char *at = s->packed + step * s->packed_of_one, *next = at;
    if (s->listed) {
        b.by_row = lists_at(&next, nears_of(inputs) * s->rows, s->rows * inputs);
        b.by_input = lists_at(&next, inputs, s->rows * inputs);
    } else
        b.rows = taken(&next, panels_of(inputs) * panels_of(s->rows) * PIECE * sizeof(float));
    *bytes = (size_t)(next - at);
    return b;
}

/* Lay out a thread's room and return its size. */
static size_t laid_out(struct work *w, const struct steps *s, char *room)
{
    struct own one = {0}, *l = &one;
    w->s = s, w->next = room, w->rows = panels_of(s->rows) * LANES;
    w->layer = taken(&w->next, s->layers * sizeof *w->layer);
    for (size_t k = 0; k < s->layers; k++) {
        l = room ? w->layer + k : &one;
        memset(l, 0, sizeof *l);
        l->inputs = s->layer[k].inputs, l->outputs = s->layer[k].outputs;
        l->in = panels_of(l->inputs), l->out = panels_of(l->outputs);
        size_t bytes = l->in * l->out * PIECE * sizeof(float), wide = w->rows * LANES * sizeof(float);
        l->w = taken(&w->next, bytes), l->m = taken(&w->next, bytes), l->v = taken(&w->next, bytes);
        l->slope = taken(&w->next, l->out * wide);
        if (k) {
            l->turned = taken(&w->next, bytes);
            l->rows = taken(&w->next, l->in * wide);
        }
    }
    size_t bytes = l->out * LANES * w->rows * sizeof(float);
    w->outputs = taken(&w->next, bytes), w->plain = taken(&w->next, bytes);
    w->slope = taken(&w->next, bytes);
    if (room)
        memset(w->slope, 0, bytes);
    w->gradient = taken(&w->next, GROUP * CHUNK * PIECE * sizeof(float));
    return (size_t)(w->next - room);
}

/* Move weights by their gradients, or add these: `count` pieces of a panel from number `at` on. */
static void move(const double *numbers, size_t model, const struct own *l,
                 const struct parameter *p, size_t at, size_t count, const float *gradient)
{
    if (p->g == NULL)
        adam_floats(numbers, p->l1[model], p->l2[model], l->w + at, l->m + at, l->v + at, gradient,
                    count * PIECE);
    else
        for (size_t i = 0; i < count * PIECE; i++)
            l->m[at + i] += gradient[i];
}

static void move_bias(const double *numbers, size_t model, size_t outputs,
                      const struct parameter *bias, const float *gradient)
{
    struct parameter own = of_model(*bias, model * outputs);
    if (own.g == NULL)
        adam_floats(numbers, own.l1[model], own.l2[model], own.w, own.m, own.v, gradient, outputs);
    else
        for (size_t o = 0; o < outputs; o++)
            own.g[o] += gradient[o];
}
#else
#define HAS_FLOATS 0
#endif
#endif
