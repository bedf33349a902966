/* A step of one model, for one kind of processor (_floats_kind.h). */

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

/* Lists of a batch by rows, and the same numbers by inputs. */
TARGET static void OWN(gather_lists)(const struct steps *s, const int64_t *from,
                                     const struct batch *to)
{
    size_t inputs = s->layer[0].inputs, number = nears_of(inputs) * s->rows;
    const struct lists *by_row = &to->by_row, *by_input = &to->by_input;
    uint32_t *begin = by_input->begin;
    OWN(list_rows)(s->x, from, s->rows, inputs, by_row);
    memset(begin, 0, (inputs + 2) * sizeof *begin);
    for (uint32_t k = 0; k < by_row->begin[number]; k++)
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
