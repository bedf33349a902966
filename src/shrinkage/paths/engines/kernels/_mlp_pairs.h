/* The first layer of a table whose numbers are mostly zero: pairs of numbers that both are zero are
   left out of its products.

   Of each row of a batch the pairs of neighbouring inputs are listed that are not zero, and of each
   input the pairs of neighbouring rows. A listed pair times the weights of its inputs, or times
   the derivatives of its rows, is added to sums of all outputs, which lie side by side. So weights
   and moments lie as (inputs, outputs) while a model takes the steps of a call, outputs in groups of
   at most 64, which are the sums that registers hold. */
#ifndef SHRINKAGE_MLP_PAIRS_H
#define SHRINKAGE_MLP_PAIRS_H

#include "_mlp_layer.h"

#if HAS_WIDE
enum { NEAR = 208 }; /* pairs of inputs whose weights a near cache has */

/* Pairs that are not both zero: number u has those from begin[u] to begin[u + 1], an even count. */
struct listed {
    uint32_t *begin, *value;
    uint16_t *at;
};

static inline size_t nears_of(size_t inputs) { return ((inputs + 1) / 2 + NEAR - 1) / NEAR; }

/* Lay out lists of so many numbers with so many pairs each at most; return their end. */
static char *listed_at(char *room, size_t numbers, size_t most, struct listed *own)
{
    size_t count = numbers * (most + 1) + LANES;
    own->begin = (uint32_t *)room;
    own->value = own->begin + (numbers + LANES) / LANES * LANES;
    own->at = (uint16_t *)(own->value + count);
    return (char *)(((uintptr_t)(own->at + count) + 63) / 64 * 64);
}

/* Add those of sixteen pairs that are not zero, the first of them pair `first`. */
MLP_INLINE size_t listed_some(const struct listed *own, size_t end, __m512i pairs, size_t first)
{
    const __m512i count = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    __mmask16 there = _mm512_test_epi32_mask(pairs, pairs);
    __m512i at = _mm512_add_epi32(count, _mm512_set1_epi32((int)first));
    _mm512_storeu_si512(own->value + end, _mm512_maskz_compress_epi32(there, pairs));
    at = _mm512_maskz_compress_epi32(there, at);
    _mm256_storeu_si256((__m256i *)(own->at + end), _mm512_cvtepi32_epi16(at));
    return end + (size_t)__builtin_popcount(there);
}

/* End a list, with a pair of zeros if its count is odd. */
static inline size_t listed_whole(const struct listed *own, size_t number, size_t end)
{
    if ((end - own->begin[number]) % 2)
        own->value[end] = 0, own->at[end] = 0, end++;
    own->begin[number + 1] = (uint32_t)end;
    return end;
}

/* Sums of one list: of each pair times what `table` has for it. */
MLP_INLINE void sums_of(const struct listed *own, size_t number, const uint16_t *table,
                        size_t vectors, __m512 *sum)
{
    __m512 other[GROUP];
    for (size_t v = 0; v < vectors; v++)
        other[v] = _mm512_setzero_ps();
    for (size_t k = own->begin[number], end = own->begin[number + 1]; k < end; k += 2) {
        const uint16_t *first = table + own->at[k] * vectors * SIDE;
        const uint16_t *second = table + own->at[k + 1] * vectors * SIDE;
        __m512bh one = (__m512bh)_mm512_set1_epi32((int)own->value[k]);
        __m512bh two = (__m512bh)_mm512_set1_epi32((int)own->value[k + 1]);
        for (size_t v = 0; v < vectors; v++) {
            sum[v] = _mm512_dpbf16_ps(sum[v], one, (__m512bh)_mm512_loadu_si512(first + v * SIDE));
            other[v] = _mm512_dpbf16_ps(other[v], two,
                                        (__m512bh)_mm512_loadu_si512(second + v * SIDE));
        }
    }
    for (size_t v = 0; v < vectors; v++)
        sum[v] = _mm512_add_ps(sum[v], other[v]);
}

/* Outputs of a group for all rows, without bias. */
MLP_INLINE void paired_outputs(const struct listed *rows, size_t count, size_t nears,
                               const uint16_t *weight, size_t vectors, float *sums)
{
    for (size_t near = 0; near < nears; near++)
        for (size_t j = 0; j < count; j++) {
            __m512 sum[GROUP];
            float *to = sums + j * vectors * LANES;
            for (size_t v = 0; v < vectors; v++)
                sum[v] = near ? _mm512_loadu_ps(to + v * LANES) : _mm512_setzero_ps();
            sums_of(rows, near * count + j, weight, vectors, sum);
            for (size_t v = 0; v < vectors; v++)
                _mm512_storeu_ps(to + v * LANES, sum[v]);
        }
}

/* Numbers of two rows side by side. */
MLP_INLINE __m512i side_by_side(__m512 even, __m512 odd)
{
    const __m512i order = _mm512_set_epi16(
        31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19,
        3, 18, 2, 17, 1, 16, 0);
    return _mm512_permutexvar_epi16(order, rounded(even, odd));
}

/* Move the weights of a group, and keep them rounded; `p` has the group's own arrays. */
MLP_INLINE void paired_moves(const struct listed *columns, const struct motion *how,
                             enum wide_kind kind, const struct parameter *p, size_t inputs,
                             const uint16_t *slope, uint16_t *weight, size_t vectors)
{
    const struct wide_arrays at = {.w = p->w, .m = p->m, .v = p->v};
    for (size_t i = 0; i < inputs; i += 2) {
        __m512 after[2][GROUP];
        for (size_t j = 0; j < 2; j++) {
            __m512 sum[GROUP];
            for (size_t v = 0; v < vectors; v++)
                sum[v] = _mm512_setzero_ps();
            sums_of(columns, i + j, slope, vectors, sum);
            wide_after(&how->wide, &at, (i + j) * vectors * LANES, kind, vectors, sum, after[j]);
        }
        for (size_t v = 0; v < vectors; v++)
            _mm512_storeu_si512(weight + (i / 2 * vectors + v) * SIDE,
                                side_by_side(after[0][v], after[1][v]));
    }
}

/* Add the gradients of a group. */
MLP_INLINE void paired_gradients(const struct listed *columns, float *to, size_t inputs,
                                 const uint16_t *slope, size_t vectors)
{
    for (size_t i = 0; i < inputs; i++, to += vectors * LANES) {
        __m512 sum[GROUP];
        for (size_t v = 0; v < vectors; v++)
            sum[v] = _mm512_loadu_ps(to + v * LANES);
        sums_of(columns, i, slope, vectors, sum);
        for (size_t v = 0; v < vectors; v++)
            _mm512_storeu_ps(to + v * LANES, sum[v]);
    }
}

MLP static void paired_group_moves(const struct listed *columns, const struct motion *how,
                                   const struct parameter *p, size_t inputs, const uint16_t *slope,
                                   uint16_t *weight, size_t vectors)
{
#define MOVES(KIND)                                                                                \
    if (vectors == GROUP)                                                                          \
        paired_moves(columns, how, KIND, p, inputs, slope, weight, GROUP);                         \
    else                                                                                           \
        paired_moves(columns, how, KIND, p, inputs, slope, weight, 2)
    if (p->g && vectors == GROUP)
        paired_gradients(columns, p->g, inputs, slope, GROUP);
    else if (p->g)
        paired_gradients(columns, p->g, inputs, slope, 2);
    else if (how->kind == BOTH)
        MOVES(BOTH);
    else if (how->kind == SHRUNK)
        MOVES(SHRUNK);
    else
        MOVES(BARE);
#undef MOVES
}

/* Exchange rows and columns of up to 16 by 16 numbers. */
MLP_INLINE void turned_numbers(const float *from, size_t from_stride, size_t rows, size_t columns,
                               float *to, size_t to_stride)
{
    __m512i row[LANES];
    float turned[LANES * LANES];
    for (size_t j = 0; j < LANES; j++)
        row[j] = _mm512_maskz_loadu_epi32(j < rows ? lanes_of(columns) : 0, from + j * from_stride);
    put_turned_half(row, (uint16_t *)turned, SIDE);
    for (size_t j = 0; j < columns; j++)
        _mm512_mask_storeu_ps(to + j * to_stride, lanes_of(rows),
                              _mm512_loadu_ps(turned + j * LANES));
}

/* Copy numbers of a model, (outputs, inputs), to or from where they lie by groups. */
MLP static void grouped(const struct own *l, float *model, float *groups, int back)
{
    for (size_t o = 0; o < l->outputs; o += LANES)
        for (size_t i = 0; i < l->inputs; i += LANES) {
            size_t group = o / LANES / GROUP, wide = group_vectors(l, group) * LANES;
            size_t outputs = l->outputs - o < LANES ? l->outputs - o : LANES;
            size_t inputs = l->inputs - i < LANES ? l->inputs - i : LANES;
            float *own = model + o * l->inputs + i;
            float *at = groups + group * GROUP * LANES * l->even + i * wide + o % (GROUP * LANES);
            if (back)
                turned_numbers(at, wide, inputs, outputs, own, l->inputs);
            else
                turned_numbers(own, l->inputs, outputs, inputs, at, wide);
        }
}

/* Take the weights of a model, and moments or gradients, to where they lie during a call. */
MLP static void paired_begin(struct own *l, const struct parameter *model)
{
    struct parameter *own = &l->grouped;
    size_t bytes = l->even * l->out * SIDE * sizeof(float);
    memset(own->w, 0, bytes), memset(own->m, 0, bytes), memset(own->v, 0, bytes);
    grouped(l, model->w, own->w, 0);
    own->g = model->g ? own->m : NULL;
    if (own->g)
        grouped(l, model->g, own->g, 0);
    else
        grouped(l, model->m, own->m, 0), grouped(l, model->v, own->v, 0);
    for (size_t g = 0; g * GROUP < 2 * l->out; g++) {
        size_t vectors = group_vectors(l, g), before = g * GROUP * LANES * l->even;
        for (size_t i = 0; i < l->even / 2 * vectors; i++) {
            const float *w = own->w + before + (i / vectors * 2 * vectors + i % vectors) * LANES;
            _mm512_storeu_si512(l->pair_weight + before + i * SIDE,
                                side_by_side(_mm512_loadu_ps(w),
                                             _mm512_loadu_ps(w + vectors * LANES)));
        }
    }
}

MLP static void paired_end(const struct own *l, const struct parameter *model)
{
    const struct parameter *own = &l->grouped;
    if (own->g) {
        grouped(l, model->g, own->g, 1);
        return;
    }
    grouped(l, model->w, own->w, 1), grouped(l, model->m, own->m, 1);
    grouped(l, model->v, own->v, 1);
}

MLP static void paired_forward(const struct own *l, const struct listed *rows, size_t count)
{
    for (size_t g = 0; g * GROUP < 2 * l->out; g++) {
        const uint16_t *weight = l->pair_weight + g * GROUP * LANES * l->even;
        float *sums = l->pair_sums + g * GROUP * LANES * count;
        if (group_vectors(l, g) == GROUP)
            paired_outputs(rows, count, nears_of(l->inputs), weight, GROUP, sums);
        else
            paired_outputs(rows, count, nears_of(l->inputs), weight, 2, sums);
    }
}

/* The outputs of 32 features of 32 rows, as the other products give them. */
MLP static void paired_block(const struct own *l, size_t o, size_t r, size_t count, float *c)
{
    size_t group = 2 * o / GROUP, wide = group_vectors(l, group) * LANES;
    const float *from = l->pair_sums + group * GROUP * LANES * count + o % 2 * SIDE;
    for (size_t j = 0; j < SIDE; j += LANES)
        for (size_t i = 0; i < SIDE; i += LANES)
            turned_numbers(from + (r * SIDE + i) * wide + j, wide, LANES, LANES, c + j * SIDE + i,
                           SIDE);
}

MLP static void paired_backward(const struct own *l, const struct listed *columns,
                                const struct motion *how, size_t row_blocks)
{
    for (size_t g = 0; g * GROUP < 2 * l->out; g++) {
        size_t before = g * GROUP * LANES * l->even;
        struct parameter own = l->grouped;
        own.w += before, own.m += before, own.v += before;
        own.g = own.g ? own.m : NULL;
        paired_group_moves(columns, how, &own, l->even,
                           l->pair_slope + g * GROUP * SIDE * LANES * row_blocks,
                           l->pair_weight + before, group_vectors(l, g));
    }
}
#endif
#endif
