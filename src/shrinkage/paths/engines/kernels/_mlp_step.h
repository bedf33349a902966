/* A step of one model of a stack of small networks: rows gathered for all models, forward, loss,
   backward, and each block of weights moved as the product of its gradient is done. */
#ifndef SHRINKAGE_MLP_STEP_H
#define SHRINKAGE_MLP_STEP_H

#include "_mlp_batch.h"

#if HAS_WIDE
/* What a thread has. */
struct work {
    const struct steps *s;
    void (*multiply)(const struct product *);
    int between; /* whether products may be taken between other work */
    size_t row_blocks;
    struct own *layer;
    struct batch batch;
    float *outputs, *slope; /* (outputs in whole blocks, rows in whole blocks) */
    float *sums;            /* two blocks */
    char *next;             /* of the room, what is free */
};

static struct tiles some(struct work *w, size_t panels, size_t depth)
{
    struct tiles t = {taken(&w->next, panels * depth * TILE * sizeof(uint16_t)), depth};
    return t;
}

static void lay_out_pairs(struct work *w, struct own *l)
{
    l->even = (l->inputs + 1) / 2 * 2;
    size_t wide = l->out * SIDE, bytes = l->even * wide * sizeof(float), rows = w->row_blocks * SIDE;
    l->grouped.w = taken(&w->next, bytes), l->grouped.m = taken(&w->next, bytes), l->grouped.v = taken(&w->next, bytes);
    l->pair_weight = taken(&w->next, l->even * wide * sizeof(uint16_t));
    l->pair_slope = taken(&w->next, rows * wide * sizeof(uint16_t));
    l->pair_sums = taken(&w->next, rows * wide * sizeof(float));
}

/* Lay out a thread's room; return its end, so that its size is known from a room at NULL. */
static size_t laid_out(struct work *w, const struct steps *s, char *room)
{
    w->s = s, w->next = room, w->row_blocks = blocks_of(s->rows);
    w->layer = taken(&w->next, s->layers * sizeof *w->layer);
    struct own *layers = room ? w->layer : NULL, one;
    size_t out = 0;
    for (size_t k = 0; k < s->layers; k++) {
        struct own *l = layers ? layers + k : &one;
        int hidden = k + 1 < s->layers;
        memset(l, 0, sizeof *l);
        l->inputs = s->layer[k].inputs, l->outputs = s->layer[k].outputs;
        l->in = blocks_of(l->inputs), l->out = out = blocks_of(l->outputs);
        l->is_first = k == 0;
        if (k == 0 && s->listed)
            lay_out_pairs(w, l);
        else {
            l->weight = some(w, 2 * out, l->in);
            l->slope = some(w, 2 * out, w->row_blocks);
            l->columns = some(w, 2 * (k ? l->in : 1), w->row_blocks);
            if (s->layer[k].weight.g == NULL)
                l->kept = taken(&w->next, l->in * out * sizeof *l->kept);
        }
        if (k) {
            l->turned = some(w, 2 * l->in, out);
            l->rows = some(w, 2 * w->row_blocks, l->in);
            l->slope_right = some(w, 2 * w->row_blocks, out);
        }
        l->positive = hidden ? taken(&w->next, out * SIDE * w->row_blocks * sizeof(uint32_t)) : NULL;
        l->slope_sums = taken(&w->next, out * SIDE * LANES * sizeof(float));
        l->bias = taken(&w->next, out * SIDE * sizeof(float));
    }
    size_t bytes = out * SIDE * w->row_blocks * SIDE * sizeof(float);
    w->outputs = taken(&w->next, bytes), w->slope = taken(&w->next, bytes);
    w->sums = taken(&w->next, 2 * SIDE * SIDE * sizeof(float));
    if (room)
        memset(w->slope, 0, bytes);
    return (size_t)(w->next - room);
}

/* The product of a block of the left factor and one of the right factor. */
MLP static void multiplied(struct work *w, struct tiles left, size_t a, struct tiles right, size_t b)
{
    const struct product own = product_of(left, a, right, b, w->sums);
    w->multiply(&own);
}

MLP static void forward(struct work *w, size_t model)
{
    const struct steps *s = w->s;
    for (size_t k = 0; k < s->layers; k++) {
        struct own *l = w->layer + k;
        const float *bias = s->layer[k].bias.w;
        int last = k + 1 == s->layers;
        memset(l->bias, 0, l->out * SIDE * sizeof *l->bias);
        for (size_t j = 0; j < l->outputs; j++)
            l->bias[j] = (bias ? bias[model * l->outputs + j] : 0)
                         + (last && s->shift ? s->shift[j] : 0);
        if (l->pair_sums)
            paired_forward(l, &w->batch.row_pairs, w->row_blocks * SIDE);
        for (size_t r = 0; r < w->row_blocks; r++)
            for (size_t o = 0; o < l->out; o++) {
                if (l->pair_sums)
                    paired_block(l, o, r, w->row_blocks * SIDE, w->sums);
                else if (k == 0) {
                    multiplied(w, l->rows, r, l->weight, o);
                    turn_block(w->sums);
                }
                else
                    multiplied(w, l->weight, o, l->rows, r);
                if (!last) {
                    put_hidden(l, l + 1, o, r, w->row_blocks, w->sums);
                    continue;
                }
                size_t stride = w->row_blocks * SIDE;
                float *to = w->outputs + o * SIDE * stride + r * SIDE;
                for (size_t j = 0; j < SIDE; j++)
                    for (size_t i = 0; i < SIDE; i++)
                        to[j * stride + i] = w->sums[j * SIDE + i] + l->bias[o * SIDE + j];
                if (s->constant)
                    for (size_t j = 0; j < SIDE && o * SIDE + j < l->outputs; j++)
                        for (size_t i = 0; i < SIDE; i++)
                            to[j * stride + i] = s->constant[o * SIDE + j];
            }
    }
}

/* Thirty-two inputs of a first layer as the right factor of the gradient. */
MLP static void columns_of(const struct own *l, size_t i, size_t row_blocks)
{
    for (size_t r = 0; r < row_blocks; r++) {
        struct block b;
        for (size_t j = 0; j < SIDE; j++)
            b.row[j] = _mm512_loadu_si512(tile_of(l->rows, 2 * r + j / LANES, i) + j % LANES * SIDE);
        put_pairs(&b, tile_of(l->columns, 0, r), tile_of(l->columns, 1, r));
    }
}

/* What gives the gradient of the number-th block of weights. */
MLP static struct product gradient_of(struct work *w, const struct own *l, size_t number)
{
    size_t i = number / l->out, o = number % l->out;
    if (l->is_first && o == 0)
        columns_of(l, i, w->row_blocks);
    return product_of(l->slope, o, l->columns, l->is_first ? 0 : i,
                      w->sums + number % 2 * SIDE * SIDE);
}

/* Move a layer's weights, or add their gradients, a block at a time. By tiles the product of the
   next block is taken while this one is moved. */
MLP static void move_layer(struct work *w, const struct own *l, const struct motion *how,
                           float *gradients, struct ahead *soon)
{
    struct product next = gradient_of(w, l, 0);
    int between = w->between && !gradients;
    w->multiply(&next);
    for (size_t number = 0, all = l->in * l->out; number < all; number++) {
        size_t i = number / l->out, o = number % l->out;
        const float *own = next.to;
        int more = number + 1 < all;
        if (more)
            next = gradient_of(w, l, number + 1);
        if (gradients)
            add_gradient(l, gradients, o, i, own);
        else
            move_weights(l, how, o, i, own, more && between ? &next : NULL, soon);
        if (more && !between)
            w->multiply(&next);
    }
}

MLP static void backward(struct work *w, size_t model, size_t step)
{
    const double *numbers = w->s->numbers + step * NUMBERS;
    const struct steps *s = w->s;
    const char *after = s->packed + (step + 1) * s->packed_of_one;
    struct ahead soon = {after, after};
    if (step + 1 < s->steps && !s->listed)
        soon.end = after + s->packed_of_one;
    size_t blocks = w->row_blocks, stride = blocks * SIDE;
    struct own *last = w->layer + s->layers - 1;
    for (size_t r = 0; r < blocks; r++)
        for (size_t o = 0; o < last->out; o++)
            put_slope(last, o, r, blocks, w->slope + o * SIDE * stride + r * SIDE, stride);
    for (size_t k = s->layers; k-- > 0;) {
        struct own *l = w->layer + k;
        for (size_t r = 0; k && r < blocks; r++)
            for (size_t i = 0; i < l->in; i++) {
                multiplied(w, l->turned, i, l->slope_right, r);
                put_slope(l - 1, i, r, blocks, w->sums, SIDE);
            }
        struct parameter weight = s->layer[k].weight, bias = s->layer[k].bias;
        struct motion how = motion_of(numbers, &weight, model);
        size_t begin = model * l->inputs * l->outputs;
        weight = of_model(weight, begin);
        if (l->pair_sums)
            paired_backward(l, &w->batch.column_pairs, &how, blocks);
        else
            move_layer(w, l, &how, weight.g, &soon);
        if (bias.w == NULL)
            continue;
        how = motion_of(numbers, &bias, model);
        begin = model * l->outputs;
        bias = of_model(bias, begin);
        move_bias(l, &how, &bias);
    }
}

MLP static void begin(const struct own *l, const struct parameter *own)
{
    round_weights(l, own);
    if (l->kept)
        keep_weights(l, own, 0);
}

MLP static void train(struct work *w, size_t model)
{
    const struct steps *s = w->s;
    struct own *first = w->layer;
    struct parameter own = of_model(s->layer[0].weight, model * first->inputs * first->outputs);
    if (s->listed)
        paired_begin(first, &own);
    else
        begin(first, &own);
    for (size_t k = 1; k < s->layers; k++) {
        const struct own *l = w->layer + k;
        own = of_model(s->layer[k].weight, model * l->inputs * l->outputs);
        begin(l, &own);
    }
    for (size_t step = 0; step < s->steps; step++) {
        size_t bytes;
        w->batch = batch_of(s, step, &bytes);
        first->rows = w->batch.rows;
        forward(w, model);
        s->losses[model] += (float)loss_of_rows(s, step, w->outputs, w->row_blocks * SIDE, w->slope);
        backward(w, model, step);
    }
    if (s->listed) {
        own = of_model(s->layer[0].weight, model * first->inputs * first->outputs);
        paired_end(first, &own);
    }
    for (size_t k = 0; k < s->layers; k++) {
        const struct own *l = w->layer + k;
        own = of_model(s->layer[k].weight, model * l->inputs * l->outputs);
        if (l->kept)
            keep_weights(l, &own, 1);
    }
}
#endif
#endif
