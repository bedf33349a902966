/* Products of panels and of lists, for one kind of processor (_floats_kind.h). */

#define EACH(F, d) {F(0, d), F(1, d), F(2, d), F(3, d), F(4, d), F(5, d), F(6, d), F(7, d), F(8, d),  \
                    F(9, d), F(10, d), F(11, d), F(12, d), F(13, d), F(14, d), F(15, d)}
#define FIRST(j, d) ((j) & (d) ? LANES + (j) - (d) : (j))
#define SECOND(j, d) ((j) & (d) ? LANES + (j) : (j) + (d))
#define EXCHANGE(d)                                                                                \
    for (int i = 0; i < LANES; i++)                                                                \
        if (!(i & (d))) {                                                                          \
            lanes low = row[i], high = row[i + (d)];                                               \
            row[i] = __builtin_shuffle(low, high, (marks)EACH(FIRST, d));                          \
            row[i + (d)] = __builtin_shuffle(low, high, (marks)EACH(SECOND, d));                   \
        }

/* Sixteen rows of sixteen numbers, rows and columns exchanged. */
TARGET static void OWN(turn)(const float *from, size_t from_stride, float *to, size_t to_stride)
{
    lanes row[LANES];
    for (int i = 0; i < LANES; i++)
        row[i] = *(const loose *)(from + i * from_stride);
    EXCHANGE(8)
    EXCHANGE(4)
    EXCHANGE(2)
    EXCHANGE(1)
    for (int i = 0; i < LANES; i++)
        *(loose *)(to + i * to_stride) = row[i];
}

/* Numbers of a model, (outputs, inputs), to panels or back. */
TARGET static void OWN(copy)(const struct own *l, float *model, float *panels, int back)
{
    for (size_t o = 0; o < l->outputs; o += LANES)
        for (size_t i = 0; i < l->inputs; i += LANES) {
            float *own = model + o * l->inputs + i, *at = panels + (o * l->in + i) * LANES;
            size_t outputs = least(l->outputs - o, LANES), inputs = least(l->inputs - i, LANES);
            float some[PIECE] = {0};
            if (outputs == LANES && inputs == LANES) {
                if (back)
                    OWN(turn)(at, LANES, own, l->inputs);
                else
                    OWN(turn)(own, l->inputs, at, LANES);
                continue;
            }
            if (back)
                OWN(turn)(at, LANES, some, LANES);
            for (size_t k = 0; k < outputs; k++)
                memcpy(back ? own + k * l->inputs : some + k * LANES,
                       back ? some + k * LANES : own + k * l->inputs, inputs * sizeof(float));
            if (!back)
                OWN(turn)(some, LANES, at, LANES);
        }
}

/* Add those of some numbers that are not zero to a list; return its end. */
INLINE uint32_t OWN(list_some)(const float *x, size_t count, size_t first, const struct lists *to,
                               uint32_t end)
{
#if COMPRESSES
    const __m512i order = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    __m512 own = _mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), x);
    __m512i at = _mm512_add_epi32(order, _mm512_set1_epi32((int)first));
    __mmask16 there = _mm512_cmp_ps_mask(own, _mm512_setzero_ps(), _CMP_NEQ_UQ);
    at = _mm512_maskz_compress_epi32(there, _mm512_slli_epi32(at, 4));
    _mm512_storeu_si512(to->at + end, at);
    _mm512_storeu_ps(to->value + end, _mm512_maskz_compress_ps(there, own));
    return end + (uint32_t)__builtin_popcount(there);
#else
    for (size_t i = 0; i < count; i++) {
        to->value[end] = x[i];
        to->at[end] = (uint32_t)((first + i) * LANES);
        end += x[i] != 0;
    }
    return end;
#endif
}

/* Lists of some rows: at each of their positions, or one after the other. */
TARGET static void OWN(list_rows)(const float *x, const int64_t *from, size_t rows, size_t inputs,
                                  const struct lists *to)
{
    uint32_t end = 0, *begin = to->begin;
    *begin++ = 0;
    for (size_t near = 0; near < inputs; near += NEAR * LANES)
        for (size_t j = 0; j < rows; j++) {
            const float *own = x + (from ? (size_t)from[j] : j) * inputs;
            for (size_t i = near; i < least(inputs, near + NEAR * LANES); i += LANES)
                end = OWN(list_some)(own + i, least(inputs - i, LANES), i, to, end);
            *begin++ = end;
        }
}

/* The left factor of a product: sixteen terms a panel, which lie `panel` numbers apart. */
struct OWN(left) {
    const float *at;
    size_t row, term, panel;
};

/* Some rows of a product for `vectors` panels of columns, added to what is there or not. Panels lie
   `b_apart` and `c_apart` numbers apart. */
INLINE void OWN(tile)(struct OWN(left) a, const float *b, size_t b_apart, size_t panels, float *c,
                      size_t c_apart, int vectors, int adds)
{
    lanes sum[ROWS][VECTORS];
    for (int m = 0; m < ROWS; m++)
        for (int v = 0; v < vectors; v++)
            sum[m][v] = adds ? *(const lanes *)(c + v * c_apart + m * LANES) : (lanes){0};
    for (size_t p = 0; p < panels; p++)
        for (int k = 0; k < LANES; k++) {
            const float *x = a.at + p * a.panel + k * a.term;
            lanes y[VECTORS];
            for (int v = 0; v < vectors; v++)
                y[v] = *(const lanes *)(b + v * b_apart + (p * LANES + k) * LANES);
            for (int m = 0; m < ROWS; m++)
                for (int v = 0; v < vectors; v++)
                    sum[m][v] += x[m * a.row] * y[v];
        }
    for (int m = 0; m < ROWS; m++)
        for (int v = 0; v < vectors; v++)
            *(lanes *)(c + v * c_apart + m * LANES) = sum[m][v];
}

TARGET static void OWN(product)(struct OWN(left) a, size_t rows, size_t panels, const float *b,
                                size_t b_apart, size_t columns, float *c, size_t c_apart, int adds)
{
    const float *begin = a.at;
    for (size_t v = 0, some; v < columns; v += some) {
        some = columns - v < VECTORS ? 1 : VECTORS;
        for (size_t p = 0; p < panels; p += NEAR)
            for (size_t m = 0; m < rows; m += ROWS) {
                const float *right = b + v * b_apart + p * PIECE;
                float *to = c + v * c_apart + m * LANES;
                a.at = begin + m * a.row + p * a.panel;
                if (some == VECTORS)
                    OWN(tile)(a, right, b_apart, least(panels - p, NEAR), to, c_apart, VECTORS,
                              adds || p);
                else
                    OWN(tile)(a, right, b_apart, least(panels - p, NEAR), to, c_apart, 1, adds || p);
            }
    }
}

/* Add what a list gives to the sums of some panels. */
INLINE void OWN(sum_list)(const struct lists *own, size_t number, const float *table, size_t apart,
                          int vectors, lanes *sum)
{
    lanes other[LISTED];
    size_t k = own->begin[number], end = own->begin[number + 1];
    for (int v = 0; v < vectors; v++)
        other[v] = (lanes){0};
    for (; k + 1 < end; k += 2) {
        const float *first = table + own->at[k], *second = table + own->at[k + 1];
        for (int v = 0; v < vectors; v++) {
            sum[v] += own->value[k] * *(const lanes *)(first + v * apart);
            other[v] += own->value[k + 1] * *(const lanes *)(second + v * apart);
        }
    }
    for (int v = 0; k < end && v < vectors; v++)
        sum[v] += own->value[k] * *(const lanes *)(table + own->at[k] + v * apart);
    for (int v = 0; v < vectors; v++)
        sum[v] += other[v];
}

/* Lists from `first` on times a table of panels, into rows of panels: added to them or not. */
INLINE void OWN(multiply_lists)(const struct lists *own, size_t first, size_t count,
                                const float *table, size_t apart, float *c, size_t c_apart,
                                int vectors, int adds)
{
    for (size_t j = 0; j < count; j++) {
        lanes sum[LISTED];
        for (int v = 0; v < vectors; v++)
            sum[v] = adds ? *(const lanes *)(c + v * c_apart + j * LANES) : (lanes){0};
        OWN(sum_list)(own, first + j, table, apart, vectors, sum);
        for (int v = 0; v < vectors; v++)
            *(lanes *)(c + v * c_apart + j * LANES) = sum[v];
    }
}

TARGET static void OWN(listed_product)(const struct lists *own, size_t first, size_t count,
                                       const float *table, size_t apart, size_t columns, float *c,
                                       size_t c_apart, int adds)
{
    for (size_t v = 0, some; v < columns; v += some) {
        const float *right = table + v * apart;
        float *to = c + v * c_apart;
        some = columns - v < LISTED ? 1 : LISTED;
        if (some == LISTED)
            OWN(multiply_lists)(own, first, count, right, apart, to, c_apart, LISTED, adds);
        else
            OWN(multiply_lists)(own, first, count, right, apart, to, c_apart, 1, adds);
    }
}

#undef EACH
#undef FIRST
#undef SECOND
#undef EXCHANGE
