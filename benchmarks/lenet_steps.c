/* Training steps of a sparse network: only weights that are not zero are visited.

   Activations are (units, rows), so that a weight is one multiply-add on a vector of rows; those of
   maps are (channels, height, width, rows). Layers are fully connected, or convolutions of 5 x 5
   with ReLU and the largest of 2 x 2 behind. Built by lenet_network.py; the arithmetic is checked
   there against torch's autograd. */
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifndef ROWS
#define ROWS 128
#endif
#define MOST 4 /* layers */
#define KERNEL 5
#define CLASSES 10

typedef struct {
  int outputs, inputs, side; /* side: of the maps that a convolution reads; 0: fully connected */
  const int32_t *first, *input; /* of each output its weights; of each weight its input */
  float *w, *w_mean, *w_square, *w_average;
  float *b, *b_mean, *b_square, *b_average;
} layer;

typedef struct {
  float hard, temperature, smoothing, keep_input; /* share of the labels; of the soft targets */
  float beta1, beta2, epsilon, decay, averaging;
} recipe;

static void forward(const layer *l, const float *restrict x, float *restrict y, int relu) {
  for (int o = 0; o < l->outputs; o++) {
    float sum[ROWS], *restrict out = y + (size_t)o * ROWS;
    for (int r = 0; r < ROWS; r++) sum[r] = l->b[o];
    for (int k = l->first[o]; k < l->first[o + 1]; k++) {
      const float w = l->w[k], *restrict in = x + (size_t)l->input[k] * ROWS;
      for (int r = 0; r < ROWS; r++) sum[r] += w * in[r];
    }
    for (int r = 0; r < ROWS; r++) out[r] = relu && sum[r] < 0 ? 0 : sum[r];
  }
}

static void backward(const layer *l, const float *restrict x, const float *restrict g,
                     float *restrict below, float *restrict gw, float *restrict gb) {
  const size_t size = (size_t)l->inputs * ROWS;
  if (below) memset(below, 0, size * sizeof(float));
  for (int o = 0; o < l->outputs; o++) {
    const float *restrict own = g + (size_t)o * ROWS;
    float total = 0;
    for (int r = 0; r < ROWS; r++) total += own[r];
    gb[o] = total;
    for (int k = l->first[o]; k < l->first[o + 1]; k++) {
      const float *restrict in = x + (size_t)l->input[k] * ROWS;
      float product = 0;
      for (int r = 0; r < ROWS; r++) product += own[r] * in[r];
      gw[k] = product;
      if (below) {
        const float w = l->w[k];
        float *restrict to = below + (size_t)l->input[k] * ROWS;
        for (int r = 0; r < ROWS; r++) to[r] += w * own[r];
      }
    }
  }
  if (below)
    for (size_t i = 0; i < size; i++) below[i] = x[i] > 0 ? below[i] : 0;
}

/* Where a weight of a convolution reads: the first number of its channel, moved by its place. */
static size_t origin(const layer *l, int k) {
  const int at = l->input[k], own = at % (KERNEL * KERNEL), side = l->side;
  return ((size_t)at / (KERNEL * KERNEL) * side * side + own / KERNEL * side + own % KERNEL) * ROWS;
}

static void conv_forward(const layer *l, const float *restrict x, float *restrict y,
                         uint8_t *restrict choice, float *restrict map) {
  const int out = l->side - KERNEL + 1, half = out / 2;
  for (int o = 0; o < l->outputs; o++) {
    for (size_t i = 0; i < (size_t)out * out * ROWS; i++) map[i] = l->b[o];
    for (int k = l->first[o]; k < l->first[o + 1]; k++) {
      const float w = l->w[k], *restrict in = x + origin(l, k);
      for (int v = 0; v < out; v++) {
        const float *restrict from = in + (size_t)v * l->side * ROWS;
        float *restrict to = map + (size_t)v * out * ROWS;
        for (int i = 0; i < out * ROWS; i++) to[i] += w * from[i];
      }
    }
    for (int v = 0; v < half; v++)
      for (int u = 0; u < half; u++) {
        const float *restrict a = map + ((size_t)2 * v * out + 2 * u) * ROWS;
        const size_t at = ((size_t)(o * half + v) * half + u) * ROWS;
        for (int r = 0; r < ROWS; r++) {
          const float *q = a + r;
          float top = q[0];
          uint8_t which = 0;
          if (q[ROWS] > top) top = q[ROWS], which = 1;
          if (q[(size_t)out * ROWS] > top) top = q[(size_t)out * ROWS], which = 2;
          if (q[(size_t)(out + 1) * ROWS] > top) top = q[(size_t)(out + 1) * ROWS], which = 3;
          y[at + r] = top > 0 ? top : 0, choice[at + r] = which;
        }
      }
  }
}

static void conv_backward(const layer *l, const float *restrict x, const float *restrict g,
                          const uint8_t *restrict choice, float *restrict below,
                          float *restrict gw, float *restrict gb, float *restrict map) {
  const int out = l->side - KERNEL + 1, half = out / 2;
  const size_t size = (size_t)l->inputs / (KERNEL * KERNEL) * l->side * l->side * ROWS;
  if (below) memset(below, 0, size * sizeof(float));
  for (int o = 0; o < l->outputs; o++) {
    float total = 0;
    for (int v = 0; v < half; v++)
      for (int u = 0; u < half; u++) {
        float *restrict a = map + ((size_t)2 * v * out + 2 * u) * ROWS;
        const size_t at = ((size_t)(o * half + v) * half + u) * ROWS;
        for (int r = 0; r < ROWS; r++) {
          const float own = g[at + r];
          const uint8_t which = choice[at + r];
          total += own;
          a[r] = which == 0 ? own : 0, a[r + ROWS] = which == 1 ? own : 0;
          a[r + (size_t)out * ROWS] = which == 2 ? own : 0;
          a[r + (size_t)(out + 1) * ROWS] = which == 3 ? own : 0;
        }
      }
    gb[o] = total;
    for (int k = l->first[o]; k < l->first[o + 1]; k++) {
      const size_t start = origin(l, k);
      const float w = l->w[k];
      float product = 0;
      for (int v = 0; v < out; v++) {
        const float *restrict from = x + start + (size_t)v * l->side * ROWS;
        const float *restrict own = map + (size_t)v * out * ROWS;
        for (int i = 0; i < out * ROWS; i++) product += own[i] * from[i];
        if (below) {
          float *restrict to = below + start + (size_t)v * l->side * ROWS;
          for (int i = 0; i < out * ROWS; i++) to[i] += w * own[i];
        }
      }
      gw[k] = product;
    }
  }
  if (below)
    for (size_t i = 0; i < size; i++) below[i] = x[i] > 0 ? below[i] : 0;
}

static void adam(int n, float *restrict w, float *restrict mean, float *restrict square,
                 float *restrict average, const float *restrict g, float rate, float decay,
                 int step, const recipe *p) {
  const float first = 1 - powf(p->beta1, step), second = 1 - powf(p->beta2, step);
  for (int i = 0; i < n; i++) {
    mean[i] += (1 - p->beta1) * (g[i] - mean[i]);
    square[i] += (1 - p->beta2) * (g[i] * g[i] - square[i]);
    w[i] -= rate * (decay * w[i] + mean[i] / first / (sqrtf(square[i] / second) + p->epsilon));
    average[i] += (1 - p->averaging) * (w[i] - average[i]);
  }
}

/* Rows as (inputs, ROWS) numbers from 0 to 1; some left out where keep < 1, the others enlarged. */
static void gather(const uint8_t *pixels, int inputs, const int32_t *rows, float keep,
                   uint32_t *noise, float *restrict x) {
  for (int j = 0; j < inputs; j += 16) {
    const int some = inputs - j < 16 ? inputs - j : 16;
    for (int r = 0; r < ROWS; r++) {
      const uint8_t *p = pixels + (size_t)rows[r] * inputs + j;
      for (int i = 0; i < some; i++) x[(size_t)(j + i) * ROWS + r] = p[i] * (1.0f / 255);
    }
  }
  if (keep >= 1) return;
  const uint32_t least = (uint32_t)((1 - keep) * 4294967295.0);
  for (size_t i = 0; i < (size_t)inputs * ROWS; i += 16)
    for (int k = 0; k < 16; k++) {
      noise[k] ^= noise[k] << 13, noise[k] ^= noise[k] >> 17, noise[k] ^= noise[k] << 5;
      x[i + k] = noise[k] > least ? x[i + k] / keep : 0;
    }
}

/* Gradient of hard · cross entropy + (1 − hard) · T² · KL(soft ‖ outputs at T), mean over rows. */
static double outputs_gradient(const float *z, const int32_t *rows, const uint8_t *labels,
                               const float *soft, const recipe *p, float *g) {
  double loss = 0;
  for (int r = 0; r < ROWS; r++) {
    float top = -1e30f, one[CLASSES], warm[CLASSES], sum = 0, total = 0;
    for (int c = 0; c < CLASSES; c++) top = fmaxf(top, z[c * ROWS + r]);
    for (int c = 0; c < CLASSES; c++) {
      const float q = z[c * ROWS + r] - top;
      sum += one[c] = expf(q), total += warm[c] = expf(q / p->temperature);
    }
    const int y = labels[rows[r]];
    const float *said = soft + (size_t)rows[r] * CLASSES;
    loss += logf(sum) - (z[y * ROWS + r] - top);
    for (int c = 0; c < CLASSES; c++) {
      const float want = (c == y) * (1 - p->smoothing) + p->smoothing / CLASSES;
      g[c * ROWS + r] = (p->hard * (one[c] / sum - want) +
                         (1 - p->hard) * p->temperature * (warm[c] / total - said[c])) / ROWS;
    }
  }
  return loss;
}

static float *numbers(size_t n) { return aligned_alloc(64, (n * sizeof(float) + 127) / 64 * 64); }

/* How many numbers of a row a layer puts out, behind its pooling. */
static size_t width(const layer *l) {
  const size_t half = (l->side - KERNEL + 1) / 2;
  return l->side ? l->outputs * half * half : (size_t)l->outputs;
}

/* Take steps; returns the mean cross entropy. `pixels` are (rows, width), as the first layer reads
   them. */
double train(int layers, int steps, int before, int pixels_wide, const uint8_t *pixels,
             const uint8_t *labels, const float *soft, const int32_t *rows, const float *rates,
             uint32_t *noise, layer *l, const recipe *p) {
  _mm_setcsr(_mm_getcsr() | 0x8040); /* what is no normal number is 0 */
  float *at[MOST + 1], *g[MOST + 1], *gw[MOST], *gb[MOST], *map = NULL;
  uint8_t *choice[MOST];
  double loss = 0;
  at[0] = numbers((size_t)(pixels_wide + 16) * ROWS), g[0] = NULL;
  for (int i = 0; i < layers; i++) {
    at[i + 1] = numbers(width(l + i) * ROWS), g[i + 1] = numbers(width(l + i) * ROWS);
    gw[i] = numbers(l[i].first[l[i].outputs] + 1), gb[i] = numbers(l[i].outputs);
    choice[i] = l[i].side ? malloc(width(l + i) * ROWS) : NULL;
    if (l[i].side && !map) map = numbers((size_t)l[i].side * l[i].side * ROWS);
  }
  for (int s = 0; s < steps; s++, rows += ROWS) {
    gather(pixels, pixels_wide, rows, p->keep_input, noise, at[0]);
    for (int i = 0; i < layers; i++)
      if (l[i].side) conv_forward(l + i, at[i], at[i + 1], choice[i], map);
      else forward(l + i, at[i], at[i + 1], i < layers - 1);
    loss += outputs_gradient(at[layers], rows, labels, soft, p, g[layers]);
    for (int i = layers - 1; i >= 0; i--)
      if (l[i].side) conv_backward(l + i, at[i], g[i + 1], choice[i], g[i], gw[i], gb[i], map);
      else backward(l + i, at[i], g[i + 1], g[i], gw[i], gb[i]);
    for (int i = 0; i < layers; i++) {
      const int n = l[i].first[l[i].outputs], step = before + s + 1;
      adam(n, l[i].w, l[i].w_mean, l[i].w_square, l[i].w_average, gw[i], rates[s], p->decay, step, p);
      adam(l[i].outputs, l[i].b, l[i].b_mean, l[i].b_square, l[i].b_average, gb[i], rates[s], 0, step, p);
    }
  }
  for (int i = 0; i < layers; i++)
    free(at[i + 1]), free(g[i + 1]), free(gw[i]), free(gb[i]), free(choice[i]);
  free(at[0]), free(map);
  return loss / ((double)steps * ROWS);
}
