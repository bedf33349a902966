/* The batches of a call, gathered from the table once for all models. */
#ifndef SHRINKAGE_MLP_BATCH_H
#define SHRINKAGE_MLP_BATCH_H

#include "_mlp_pairs.h"

#if HAS_WIDE
enum { MOST_BLOCKS = 32 }; /* of rows of a batch that is listed */

/* The batch of a step as tiles, or as lists by rows and by columns. */
struct batch {
    struct tiles rows;
    struct listed row_pairs, column_pairs;
};

/* Return where the batch of a step lies, and its end less its beginning as the bytes of a step. */
static struct batch batch_of(const struct steps *s, size_t step, size_t *bytes)
{
    struct batch b = {0};
    size_t inputs = s->layer[0].inputs, in = blocks_of(inputs), row_blocks = blocks_of(s->rows);
    char *at = s->packed + step * s->packed_of_one;
    char *end = at + 2 * row_blocks * in * TILE * sizeof(uint16_t);
    if (s->listed) {
        end = listed_at(at, nears_of(inputs) * row_blocks * SIDE, NEAR, &b.row_pairs);
        end = listed_at(end, in * SIDE, row_blocks * LANES, &b.column_pairs);
    }
    else
        b.rows = (struct tiles){(uint16_t *)at, in};
    *bytes = (size_t)(end - at);
    return b;
}

/* Thirty-two rows of a batch, rounded; those after its last one are zero. */
MLP_INLINE void take_rows(const struct steps *s, const int64_t *from, size_t r, size_t i,
                          struct block *b)
{
    size_t inputs = s->layer[0].inputs, wide = inputs > i * SIDE ? inputs - i * SIDE : 0;
    __mmask16 low = lanes_of(wide), high = lanes_of(wide > LANES ? wide - LANES : 0);
    for (size_t j = 0; j < SIDE; j++) {
        int there = r * SIDE + j < s->rows;
        const float *x = s->x + (there ? (size_t)from[r * SIDE + j] * inputs : 0) + i * SIDE;
        b->row[j] = rounded(_mm512_maskz_loadu_ps(there ? low : 0, x),
                            _mm512_maskz_loadu_ps(there ? high : 0, x + LANES));
    }
}

/* The batch as tiles: the left factor of forward. */
MLP static void gather_tiles(const struct steps *s, const int64_t *from, const struct batch *to)
{
    for (size_t r = 0; r < blocks_of(s->rows); r++)
        for (size_t i = 0; i < to->rows.depth; i++) {
            struct block b;
            take_rows(s, from, r, i, &b);
            put_rows(&b, tile_of(to->rows, 2 * r, i), tile_of(to->rows, 2 * r + 1, i));
        }
}

/* The batch as lists of the pairs that are not zero. */
MLP static void gather_pairs(const struct steps *s, const int64_t *from, const struct batch *to)
{
    size_t inputs = s->layer[0].inputs, nears = nears_of(inputs), blocks = blocks_of(s->rows);
    size_t end = 0, number = 0, deep = NEAR / LANES;
    to->row_pairs.begin[0] = to->column_pairs.begin[0] = 0;
    for (size_t near = 0; near < nears; near++)
        for (size_t r = 0; r < blocks; r++) {
            struct block b[NEAR / LANES];
            for (size_t i = 0; i < deep; i++)
                take_rows(s, from, r, near * deep + i, b + i);
            for (size_t j = 0; j < SIDE; j++) {
                for (size_t i = 0; i < deep; i++)
                    end = listed_some(&to->row_pairs, end, b[i].row[j], (near * deep + i) * LANES);
                end = listed_whole(&to->row_pairs, number++, end);
            }
        }
    end = number = 0;
    for (size_t i = 0; i < blocks_of(inputs); i++) {
        struct block b, pairs, turned[MOST_BLOCKS];
        for (size_t r = 0; r < blocks; r++) {
            take_rows(s, from, r, i, &b);
            put_pairs(&b, (uint16_t *)pairs.row, (uint16_t *)(pairs.row + LANES));
            put_turned(&pairs, (uint16_t *)turned[r].row, (uint16_t *)(turned[r].row + LANES));
        }
        for (size_t j = 0; j < SIDE; j++) {
            for (size_t r = 0; r < blocks; r++)
                end = listed_some(&to->column_pairs, end, turned[r].row[j], r * LANES);
            end = listed_whole(&to->column_pairs, number++, end);
        }
    }
}

MLP static void gather(const struct steps *s, size_t step)
{
    const int64_t *from = s->positions + step * s->rows;
    size_t bytes;
    const struct batch to = batch_of(s, step, &bytes);
    for (size_t j = 0; j < s->rows; j++) { /* from far away, best asked for one after the other */
        const char *x = (const char *)(s->x + (size_t)from[j] * s->layer[0].inputs);
        for (size_t at = 0; at < s->layer[0].inputs * sizeof(float); at += 64)
            _mm_prefetch(x + at, _MM_HINT_T1);
    }
    if (s->listed)
        gather_pairs(s, from, &to);
    else
        gather_tiles(s, from, &to);
    gather_targets(s, step);
}
#endif
#endif
