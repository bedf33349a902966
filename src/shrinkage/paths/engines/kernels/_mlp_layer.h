/* The arrays of one layer of one model at work, and what is done with 32 of its features at a time.

   Activations lie as (features, rows). Rows, features and inputs are filled up to multiples of 32
   with zeros, which stay zeros: their weights are never read from the stack nor written to it. */
#ifndef SHRINKAGE_MLP_LAYER_H
#define SHRINKAGE_MLP_LAYER_H

#include "_mlp.h"

#if HAS_WIDE
/* Thirty-two outputs by thirty-two inputs, weights and moments side by side. */
struct kept {
    float w[SIDE * SIDE], m[SIDE * SIDE], v[SIDE * SIDE];
};

/* A layer of the model that a thread works on. */
struct own {
    size_t inputs, outputs, in, out; /* the last two in blocks */
    int is_first;                    /* its input is the left factor of forward, else the right one */
    struct tiles weight, turned;     /* (outputs, inputs); (inputs, outputs) but of the first */
    struct tiles rows, columns;      /* its input as a factor of forward, as the right one of the
                                        gradient: of the first layer's 32 inputs at a time */
    struct tiles slope, slope_right; /* derivatives by its outputs as the left and the right factor */
    uint32_t *positive;              /* (outputs, blocks of rows): where its output is above zero */
    float *slope_sums;               /* (outputs, LANES) */
    float *bias;                     /* (outputs,), with what the loss moves outputs by */
    struct kept *kept;               /* (in, out): its weights and moments during a call */
    /* Of a first layer that leaves out zeros (_mlp_pairs.h), outputs in groups of 64: */
    struct parameter grouped;        /* its arrays, (inputs filled up to an even number, outputs) */
    size_t even;
    uint16_t *pair_weight, *pair_slope; /* (pairs of inputs or rows, outputs, 2); NULL elsewhere */
    float *pair_sums;                /* (rows, outputs) */
};

enum { AHEAD = 96 }; /* rows of kept blocks that are fetched before they are needed */

enum { GROUP = 4 }; /* vectors of a group */

static inline size_t group_vectors(const struct own *l, size_t group)
{
    size_t left = 2 * l->out - group * GROUP;
    return left < GROUP ? left : GROUP;
}

/* What Adam does with a parameter of a model in this step. */
struct motion {
    struct wide wide;
    enum wide_kind kind;
};

MLP static struct motion motion_of(const double *numbers, const struct parameter *p, size_t model)
{
    struct motion own;
    if (p->g == NULL)
        own.kind = wide_numbers(numbers, p->l1[model], p->l2[model], &own.wide);
    return own;
}

/* Adam and prox of sixteen weights, of which those in `lanes` are there. */
MLP_INLINE void move_some(const struct motion *how, enum wide_kind kind, const struct parameter *p,
                          size_t at, __mmask16 lanes, __m512 gradient)
{
    const struct wide *n = &how->wide;
    __m512 first = _mm512_maskz_loadu_ps(lanes, p->m + at), after;
    __m512 square = _mm512_maskz_loadu_ps(lanes, p->v + at);
    first = _mm512_fmadd_ps(_mm512_sub_ps(gradient, first), n->fresh, first);
    gradient = _mm512_mul_ps(_mm512_mul_ps(n->rare, gradient), gradient);
    square = _mm512_fmadd_ps(square, n->beta2, gradient);
    after = _mm512_maskz_loadu_ps(lanes, p->w + at);
    wide_moved(n, kind, 1, &after, &first, &square);
    _mm512_mask_storeu_ps(p->m + at, lanes, first);
    _mm512_mask_storeu_ps(p->v + at, lanes, square);
    _mm512_mask_storeu_ps(p->w + at, lanes, after);
}

MLP_INLINE void put_weights(const struct own *l, size_t o, size_t i, const struct block *b)
{
    if (l->is_first) {
        put_turned(b, tile_of(l->weight, 2 * o, i), tile_of(l->weight, 2 * o + 1, i));
        return;
    }
    put_rows(b, tile_of(l->weight, 2 * o, i), tile_of(l->weight, 2 * o + 1, i));
    struct block pairs;
    put_pairs(b, (uint16_t *)pairs.row, (uint16_t *)(pairs.row + LANES));
    put_turned(&pairs, tile_of(l->turned, 2 * i, o), tile_of(l->turned, 2 * i + 1, o));
}

/* What the products will soon need and a cache farther away has: lines from `at` up to `end`. */
struct ahead {
    const char *at, *end;
};

MLP_INLINE void fetch(struct ahead *a)
{
    for (size_t line = 0; line < 2 && a->at < a->end; line++, a->at += 64)
        _mm_prefetch(a->at, _MM_HINT_T1);
}

/* Move a block of weights by its gradient, and keep it rounded for the next products. Between its
   rows the product `next`, if there is one, is taken by tiles. */
MLP_INLINE void move_block(const struct own *l, const struct wide *numbers, enum wide_kind kind,
                           size_t o, size_t i, const float *gradient, const struct product *next,
                           struct ahead *soon)
{
    struct block b;
    struct kept *kept = l->kept + i * l->out + o;
    const struct wide own = *numbers;
    const struct wide_arrays at = {.w = kept->w, .m = kept->m, .v = kept->v};
    tiles_begin(next);
    for (size_t j = 0; j < SIDE; j += 2) {
        __m512 g[WIDE_MOST], after[WIDE_MOST];
        for (size_t v = 0; v < WIDE_MOST; v++)
            g[v] = _mm512_loadu_ps(gradient + j * SIDE + v * LANES);
        wide_after(&own, &at, j * SIDE, kind, WIDE_MOST, g, after);
        b.row[j] = rounded(after[0], after[1]), b.row[j + 1] = rounded(after[2], after[3]);
        fetch(soon), fetch(soon);
        for (size_t part = 0; part < WIDE_MOST; part++) { /* of a block some way ahead */
            size_t ahead = (j + AHEAD) * SIDE + part * LANES;
            _mm_prefetch((const char *)(kept->w + ahead), _MM_HINT_T0);
            _mm_prefetch((const char *)(kept->m + ahead), _MM_HINT_T0);
            _mm_prefetch((const char *)(kept->v + ahead), _MM_HINT_T0);
        }
        tiles_go_on(next, j, j + 2);
    }
    tiles_end(next);
    put_weights(l, o, i, &b);
}

MLP static void move_weights(const struct own *l, const struct motion *how, size_t o, size_t i,
                             const float *gradient, const struct product *next,
                             struct ahead *soon)
{
    if (how->kind == BOTH)
        move_block(l, &how->wide, BOTH, o, i, gradient, next, soon);
    else if (how->kind == SHRUNK)
        move_block(l, &how->wide, SHRUNK, o, i, gradient, next, soon);
    else
        move_block(l, &how->wide, BARE, o, i, gradient, next, soon);
}

/* Copy a block of a model's numbers, (outputs, inputs), to or from one that is whole. */
MLP_INLINE void copy_block(const struct own *l, size_t o, size_t i, float *model, float *kept,
                           int back)
{
    size_t wide = l->inputs - i * SIDE;
    __mmask16 low = lanes_of(wide), high = lanes_of(wide > LANES ? wide - LANES : 0);
    for (size_t j = 0; j < SIDE; j++, kept += SIDE) {
        int there = o * SIDE + j < l->outputs;
        float *own = model + (there ? (o * SIDE + j) * l->inputs : 0) + i * SIDE;
        __mmask16 first = there ? low : 0, second = there ? high : 0;
        if (back) {
            _mm512_mask_storeu_ps(own, first, _mm512_loadu_ps(kept));
            _mm512_mask_storeu_ps(own + LANES, second, _mm512_loadu_ps(kept + LANES));
        }
        else {
            _mm512_storeu_ps(kept, _mm512_maskz_loadu_ps(first, own));
            _mm512_storeu_ps(kept + LANES, _mm512_maskz_loadu_ps(second, own + LANES));
        }
    }
}

/* Take weights and moments to where they lie during a call, or back. */
MLP static void keep_weights(const struct own *l, const struct parameter *model, int back)
{
    for (size_t i = 0; i < l->in; i++)
        for (size_t o = 0; o < l->out; o++) {
            struct kept *kept = l->kept + i * l->out + o;
            copy_block(l, o, i, model->w, kept->w, back);
            copy_block(l, o, i, model->m, kept->m, back);
            copy_block(l, o, i, model->v, kept->v, back);
        }
}

/* Add a block to the gradients. */
MLP static void add_gradient(const struct own *l, float *to, size_t o, size_t i, const float *c)
{
    size_t left = l->outputs - o * SIDE, wide = l->inputs - i * SIDE;
    for (size_t j = 0; j < (left < SIDE ? left : SIDE); j++)
        for (size_t half = 0; half < 2 && half * LANES < wide; half++) {
            float *at = to + (o * SIDE + j) * l->inputs + i * SIDE + half * LANES;
            __mmask16 there = lanes_of(wide - half * LANES);
            __m512 sum = _mm512_add_ps(_mm512_maskz_loadu_ps(there, at),
                                       _mm512_loadu_ps(c + j * SIDE + half * LANES));
            _mm512_mask_storeu_ps(at, there, sum);
        }
}

/* Rows by outputs of a block, as outputs by rows. */
MLP static void turn_block(float *c)
{
    struct block quarter[2]; /* of the upper half, of the lower one */
    for (size_t half = 0; half < 2; half++)
        for (size_t j = 0; j < LANES; j++) {
            const float *from = c + (half * LANES + j) * SIDE;
            quarter[half].row[j] = _mm512_loadu_si512(from);
            quarter[half].row[j + LANES] = _mm512_loadu_si512(from + LANES);
        }
    for (size_t half = 0; half < 2; half++)
        for (size_t part = 0; part < 2; part++)
            put_turned_half(quarter[half].row + part * LANES,
                            (uint16_t *)(c + part * LANES * SIDE + half * LANES), 2 * SIDE);
}

/* The weights of a model, rounded for products. */
MLP static void round_weights(const struct own *l, const struct parameter *p)
{
    for (size_t o = 0; o < l->out; o++)
        for (size_t i = 0; i < l->in; i++) {
            struct block b;
            size_t wide = l->inputs - i * SIDE;
            __mmask16 low = lanes_of(wide), high = lanes_of(wide > LANES ? wide - LANES : 0);
            for (size_t j = 0; j < SIDE; j++) {
                const float *w = p->w + (o * SIDE + j) * l->inputs + i * SIDE;
                int there = o * SIDE + j < l->outputs;
                b.row[j] = rounded(_mm512_maskz_loadu_ps(there ? low : 0, w),
                                   _mm512_maskz_loadu_ps(there ? high : 0, w + LANES));
            }
            put_weights(l, o, i, &b);
        }
}

MLP static void move_bias(const struct own *l, const struct motion *how, const struct parameter *p)
{
    for (size_t at = 0; at < l->outputs; at += LANES) {
        float sums[LANES] = {0};
        size_t there = l->outputs - at < LANES ? l->outputs - at : LANES;
        for (size_t j = 0; j < there; j++)
            sums[j] = _mm512_reduce_add_ps(_mm512_loadu_ps(l->slope_sums + (at + j) * LANES));
        if (p->g == NULL)
            move_some(how, how->kind, p, at, lanes_of(there), _mm512_loadu_ps(sums));
        for (size_t j = 0; p->g && j < there; j++)
            p->g[at + j] += sums[j];
    }
}

/* A block of outputs of a hidden layer: bias and relu; then it is the input of the next one. */
MLP static void put_hidden(const struct own *l, const struct own *next, size_t o, size_t r,
                           size_t row_blocks, const float *c)
{
    struct block b;
    const __m512 zero = _mm512_setzero_ps();
    for (size_t j = 0; j < SIDE; j++) {
        __m512 bias = _mm512_set1_ps(l->bias[o * SIDE + j]);
        __m512 low = _mm512_add_ps(_mm512_loadu_ps(c + j * SIDE), bias);
        __m512 high = _mm512_add_ps(_mm512_loadu_ps(c + j * SIDE + LANES), bias);
        uint32_t positive = _mm512_cmp_ps_mask(high, zero, _CMP_NLE_UQ);
        positive = positive << LANES | _mm512_cmp_ps_mask(low, zero, _CMP_NLE_UQ);
        l->positive[(o * SIDE + j) * row_blocks + r] = positive;
        b.row[j] = rounded(_mm512_max_ps(zero, low), _mm512_max_ps(zero, high));
    }
    put_pairs(&b, tile_of(next->rows, 2 * r, o), tile_of(next->rows, 2 * r + 1, o));
    put_turned(&b, tile_of(next->columns, 2 * o, r), tile_of(next->columns, 2 * o + 1, r));
}

/* A block of derivatives by the outputs of a layer, rows `stride` numbers apart; where an output of
   a hidden layer is not above zero, it has none. */
MLP static void put_slope(const struct own *l, size_t o, size_t r, size_t row_blocks,
                          const float *c, size_t stride)
{
    struct block b;
    for (size_t j = 0; j < SIDE; j++) {
        uint32_t there = l->positive ? l->positive[(o * SIDE + j) * row_blocks + r] : ~0u;
        __m512 low = _mm512_maskz_loadu_ps((__mmask16)there, c + j * stride);
        __m512 high = _mm512_maskz_loadu_ps((__mmask16)(there >> LANES), c + j * stride + LANES);
        float *sums = l->slope_sums + (o * SIDE + j) * LANES;
        __m512 sum = _mm512_add_ps(low, high);
        _mm512_storeu_ps(sums, r ? _mm512_add_ps(sum, _mm512_loadu_ps(sums)) : sum);
        b.row[j] = rounded(low, high);
    }
    if (l->pair_slope != NULL) {
        size_t group = 2 * o / GROUP, wide = group_vectors(l, group) * SIDE;
        uint16_t *to = l->pair_slope + (group * GROUP * row_blocks * SIDE + r * wide) * LANES;
        to += o % 2 * (2 * SIDE);
        put_turned_half(b.row, to, wide);
        put_turned_half(b.row + LANES, to + SIDE, wide);
        return;
    }
    put_rows(&b, tile_of(l->slope, 2 * o, r), tile_of(l->slope, 2 * o + 1, r));
    if (l->slope_right.at != NULL)
        put_pairs(&b, tile_of(l->slope_right, 2 * r, o), tile_of(l->slope_right, 2 * r + 1, o));
}
#endif
#endif
