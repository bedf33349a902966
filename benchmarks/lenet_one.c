/* Fully connected networks that answer pictures one at a time, with no call between them.

   The same loops take a dense network and what is left of it, so that the work alone is compared.
   PARTS vectors of units are summed up at once, in registers; weights lie as (lines, inputs, PARTS,
   16), zeros behind the last unit. Built by lenet_latency.py, which checks the answers by torch's. */
#include <stdint.h>

#define MOST 1024 /* numbers between two layers */
#define PARTS 4

typedef float vec __attribute__((vector_size(64)));
typedef int32_t mask __attribute__((vector_size(64)));
typedef struct {
  vec of[PARTS];
} line;

typedef struct {
  int lines, inputs;
  const line *w, *b;
} layer;

static void answer(const layer *l, const float *restrict x, line *restrict y, int relu) {
  for (int o = 0; o < l->lines; o++) {
    const line *w = l->w + (long)o * l->inputs;
    vec sum[PARTS];
    for (int p = 0; p < PARTS; p++) sum[p] = l->b[o].of[p];
    for (int i = 0; i < l->inputs; i++)
      for (int p = 0; p < PARTS; p++) sum[p] += w[i].of[p] * x[i];
    for (int p = 0; p < PARTS; p++) {
      const mask above = relu ? sum[p] > 0 : (mask){0} - 1;
      y[o].of[p] = (vec)(above & (mask)sum[p]);
    }
  }
}

/* Answers, a line each, to `n` pictures of `wide` pixels, of which the first layer reads `kept`. */
void one_by_one(int layers, const layer *l, const int32_t *kept, const float *pictures, int wide,
                int n, line *said) {
  line at[2][MOST / (16 * PARTS)];
  for (int p = 0; p < n; p++, pictures += wide) {
    float *read = (float *)at[0];
    for (int i = 0; i < l[0].inputs; i++) read[i] = pictures[kept[i]];
    for (int k = 0; k < layers - 1; k++) answer(l + k, (float *)at[k % 2], at[(k + 1) % 2], 1);
    answer(l + layers - 1, (float *)at[(layers - 1) % 2], said + p, 0);
  }
}
