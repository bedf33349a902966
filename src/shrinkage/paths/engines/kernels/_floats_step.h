/* A step of one model in float32, compiled once for each kind of processor that _floats.c includes it
   for. It says TARGET, what a function of it is called: OWN(name), and how many numbers it holds in
   registers: ROWS rows by VECTORS panels of a product, sums of LISTED panels twice of a list; and
   whether the processor COMPRESSES. */

#define INLINE TARGET static inline __attribute__((always_inline))

/* ---- sixteen rows of sixteen numbers, rows and columns exchanged ---- */

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

/* ---- batches ---- */

TARGET static void OWN(gather_rows)(const struct steps *s, const int64_t *from, float *to)
{
    size_t inputs = s->layer[0].inputs, rows = panels_of(s->rows) * LANES;
    for (size_t i = 0; i < panels_of(inputs); i++)
        for (size_t j = 0; j < rows; j++) {
            size_t there = j < s->rows ? least(inputs - i * LANES, LANES) : 0;
            float *own = to + (i * rows + j) * LANES;
            if (there < LANES)
                memset(own, 0, LANES * sizeof(float));
            if (there)
                memcpy(own, s->x + (size_t)from[j] * inputs + i * LANES, there * sizeof(float));
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

TARGET static void OWN(gather_lists)(const struct steps *s, const int64_t *from,
                                     const struct batch *to)
{
    size_t inputs = s->layer[0].inputs, number = 0;
    const struct lists *by_row = &to->by_row, *by_input = &to->by_input;
    uint32_t end = 0, *begin = by_input->begin;
    by_row->begin[0] = 0;
    for (size_t near = 0; near < inputs; near += NEAR * LANES)
        for (size_t j = 0; j < s->rows; j++) {
            const float *x = s->x + (size_t)from[j] * inputs;
            for (size_t i = near; i < least(inputs, near + NEAR * LANES); i += LANES)
                end = OWN(list_some)(x + i, least(inputs - i, LANES), i, by_row, end);
            by_row->begin[++number] = end;
        }
    memset(begin, 0, (inputs + 2) * sizeof *begin);
    for (uint32_t k = 0; k < end; k++)
        begin[by_row->at[k] / LANES + 2]++;
    for (size_t i = 0; i < inputs; i++)
        begin[i + 2] += begin[i + 1];
    for (size_t u = 0; u < number; u++)
        for (uint32_t k = by_row->begin[u]; k < by_row->begin[u + 1]; k++) {
            uint32_t own = begin[by_row->at[k] / LANES + 1]++;
            by_input->value[own] = by_row->value[k];
            by_input->at[own] = (uint32_t)(u % s->rows * LANES);
        }
}

TARGET static void OWN(gather)(const struct steps *s, size_t step)
{
    const int64_t *from = s->positions + step * s->rows;
    size_t bytes;
    const struct batch to = batch_of(s, step, &bytes);
    if (s->listed)
        OWN(gather_lists)(s, from, &to);
    else
        OWN(gather_rows)(s, from, to.rows);
    gather_targets(s, step);
}

/* ---- products ---- */

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

/* ---- a step ---- */

TARGET static void OWN(forward)(struct work *w, size_t model)
{
    const struct steps *s = w->s;
    size_t wide = w->rows * LANES;
    for (size_t k = 0; k < s->layers; k++) {
        struct own *l = w->layer + k;
        const float *bias = s->layer[k].bias.w;
        int last = k + 1 == s->layers;
        float *to = last ? w->outputs : l[1].rows;
        for (size_t o = 0; o < l->out; o++) {
            lanes own = {0};
            for (size_t j = 0; bias && j < least(l->outputs - o * LANES, LANES); j++)
                own[j] = bias[model * l->outputs + o * LANES + j];
            for (size_t j = 0; j < w->rows; j++)
                *(lanes *)(to + o * wide + j * LANES) = own;
        }
        if (l->rows)
            OWN(product)((struct OWN(left)){l->rows, LANES, 1, wide}, w->rows, l->in, l->w,
                         l->in * PIECE, l->out, to, wide, 1);
        else
            for (size_t near = 0; near < nears_of(l->inputs); near++)
                OWN(listed_product)(&w->batch.by_row, near * s->rows, s->rows, l->w, l->in * PIECE,
                                    l->out, to, wide, 1);
        for (size_t i = 0; !last && i < l->out * wide; i += LANES) {
            lanes own = *(lanes *)(to + i);
            *(lanes *)(to + i) = (lanes)((marks)own & ~(own <= 0.0f)); /* no number stays none */
        }
    }
}

/* The loss of the outputs, and its derivatives as panels. */
TARGET static double OWN(loss)(struct work *w, size_t step)
{
    const struct steps *s = w->s;
    const struct own *last = w->layer + s->layers - 1;
    size_t wide = w->rows * LANES;
    for (size_t o = 0; o < last->out; o++)
        for (size_t j = 0; j < w->rows; j += LANES)
            OWN(turn)(w->outputs + o * wide + j * LANES, LANES, w->plain + o * wide + j, w->rows);
    for (size_t o = 0; o < last->outputs; o++)
        for (size_t j = 0; j < s->rows; j++) {
            float *own = w->plain + o * w->rows + j;
            *own = s->constant ? s->constant[o] : *own + (s->shift ? s->shift[o] : 0);
        }
    double loss = loss_of_rows(s, step, w->plain, w->rows, w->slope);
    for (size_t o = 0; o < last->out; o++)
        for (size_t j = 0; j < w->rows; j += LANES)
            OWN(turn)(w->slope + o * wide + j, w->rows, last->slope + o * wide + j * LANES, LANES);
    return loss;
}

/* Weights of some inputs as panels of inputs. */
TARGET static void OWN(turn_weights)(const struct own *l, size_t from, size_t to)
{
    for (size_t o = 0; o < l->out; o++)
        for (size_t i = from; i < to; i++)
            OWN(turn)(l->w + (o * l->in + i) * PIECE, LANES, l->turned + (i * l->out + o) * PIECE,
                      LANES);
}

/* Gradients of the weights, some at a time, by which they are moved. */
TARGET static void OWN(move_weights)(struct work *w, struct own *l, const double *numbers,
                                     size_t model, const struct parameter *p)
{
    size_t wide = w->rows * LANES, apart = CHUNK * PIECE;
    for (size_t i = 0; i < l->in; i += CHUNK) {
        size_t some = least(l->in - i, CHUNK);
        for (size_t o = 0; o < l->out; o += GROUP) {
            size_t panels = least(l->out - o, GROUP);
            const float *slope = l->slope + o * wide;
            for (size_t k = 0; l->rows && k < some; k++)
                OWN(product)((struct OWN(left)){l->rows + (i + k) * wide, 1, LANES, PIECE}, LANES,
                             w->rows / LANES, slope, wide, panels, w->gradient + k * PIECE, apart, 0);
            if (!l->rows) {
                size_t first = i * LANES, count = least(l->inputs - first, some * LANES);
                OWN(listed_product)(&w->batch.by_input, first, count, slope, wide, panels,
                                    w->gradient, apart, 0);
                for (size_t v = 0; v < panels; v++)
                    memset(w->gradient + v * apart + count * LANES, 0,
                           (some * LANES - count) * LANES * sizeof(float));
            }
            for (size_t v = 0; v < panels; v++)
                move(numbers, model, l, p, ((o + v) * l->in + i) * PIECE, some,
                     w->gradient + v * apart);
        }
        if (l->turned && p->g == NULL)
            OWN(turn_weights)(l, i, i + some);
    }
}

TARGET static void OWN(backward)(struct work *w, size_t model, size_t step)
{
    const struct steps *s = w->s;
    const double *numbers = s->numbers + step * NUMBERS;
    size_t wide = w->rows * LANES;
    for (size_t k = s->layers; k-- > 0;) {
        struct own *l = w->layer + k;
        const struct parameter *weight = &s->layer[k].weight, *bias = &s->layer[k].bias;
        if (k) {
            OWN(product)((struct OWN(left)){l->slope, LANES, 1, wide}, w->rows, l->out, l->turned,
                         l->out * PIECE, l->in, l[-1].slope, wide, 0);
            for (size_t i = 0; i < l->in * wide; i += LANES) {
                lanes own = *(lanes *)(l[-1].slope + i);
                *(lanes *)(l[-1].slope + i) =
                    (lanes)((marks)own & ~(*(lanes *)(l->rows + i) == 0.0f));
            }
        }
        OWN(move_weights)(w, l, numbers, model, weight);
        if (bias->w == NULL)
            continue;
        for (size_t o = 0; o < l->out; o++) {
            lanes sum = {0};
            for (size_t j = 0; j < w->rows; j++)
                sum += *(lanes *)(l->slope + o * wide + j * LANES);
            *(lanes *)(w->plain + o * LANES) = sum;
        }
        move_bias(numbers, model, l->outputs, bias, w->plain);
    }
}

TARGET static void OWN(train)(struct work *w, size_t model)
{
    const struct steps *s = w->s;
    for (int back = 0; back < 2; back++) {
        for (size_t k = 0; k < s->layers; k++) {
            struct own *l = w->layer + k;
            size_t bytes = l->in * l->out * PIECE * sizeof(float);
            struct parameter own = of_model(s->layer[k].weight, model * l->inputs * l->outputs);
            if (!back)
                memset(l->w, 0, bytes), memset(l->m, 0, bytes), memset(l->v, 0, bytes);
            if (!back || own.g == NULL)
                OWN(copy)(l, own.w, l->w, back);
            OWN(copy)(l, own.g ? own.g : own.m, l->m, back);
            if (own.g == NULL)
                OWN(copy)(l, own.v, l->v, back);
            if (!back && l->turned)
                OWN(turn_weights)(l, 0, l->in);
        }
        for (size_t step = 0; !back && step < s->steps; step++) {
            size_t bytes;
            w->batch = batch_of(s, step, &bytes);
            w->layer->rows = w->batch.rows;
            OWN(forward)(w, model);
            s->losses[model] += (float)OWN(loss)(w, step);
            OWN(backward)(w, model, step);
        }
    }
}

#undef INLINE
#undef EACH
#undef FIRST
#undef SECOND
#undef EXCHANGE
