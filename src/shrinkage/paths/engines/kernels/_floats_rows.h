/* Outputs of a layer for rows that are mostly zero, for one kind of processor (_floats_kind.h). An
   output's sum goes by the numbers of its row alone, whatever lies beside it. */

/* Weights of sixteen outputs as a panel. */
TARGET static void OWN(lay_out_weights)(const struct product *p, size_t panel)
{
    struct own own = {.inputs = p->inputs, .in = panels_of(p->inputs)};
    own.outputs = least(p->outputs - panel * LANES, LANES);
    float *at = p->panels + panel * own.in * PIECE;
    OWN(copy)(&own, (float *)p->weight + panel * LANES * p->inputs, at, 0);
}

/* The outputs of some rows, some panels at a time. */
TARGET static void OWN(multiply_rows)(const struct product *p, size_t first, size_t rows, char *room)
{
    size_t apart = panels_of(p->inputs) * PIECE, wide = SOME * LANES;
    struct lists own = lists_at(&room, nears_of(p->inputs) * SOME, SOME * p->inputs);
    float *sums = taken(&room, GROUP * wide * sizeof(float)), block[PIECE];
    OWN(list_rows)(p->x + first * p->inputs, NULL, rows, p->inputs, &own);
    for (size_t o = 0; o < panels_of(p->outputs); o += GROUP) {
        size_t panels = least(panels_of(p->outputs) - o, GROUP);
        for (size_t near = 0; near < nears_of(p->inputs); near++)
            OWN(listed_product)(&own, near * rows, rows, p->panels + o * apart, apart, panels, sums,
                                wide, near > 0);
        for (size_t v = 0; v < panels; v++)
            for (size_t j = 0; j < rows; j += LANES) {
                size_t from = (o + v) * LANES, outputs = least(p->outputs - from, LANES);
                OWN(turn)(sums + v * wide + j * LANES, LANES, block, LANES);
                for (size_t k = 0; k < outputs; k++)
                    memcpy(p->out + (from + k) * p->rows + first + j, block + k * LANES,
                           least(rows - j, LANES) * sizeof(float));
            }
    }
}
