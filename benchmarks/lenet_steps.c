/* Training steps of a sparse network: only weights that are not zero are visited.

   A step goes through its rows PART at a time, so that what lies between the layers stays in the
   first cache, and adds the gradients up. Activations are (units, PART), those of maps (channels,
   height, width, PART): a weight is one multiply-add on a vector of rows. Layers are fully
   connected, or convolutions of 5 x 5 with ReLU and the largest of 2 x 2 behind, whose four sums
   stay in registers. Built by lenet_network.py; the arithmetic is checked there against torch's
   autograd. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xmmintrin.h>

#ifndef PART
#define PART 16
#endif
#define MOST 4 /* layers */
#define KERNEL 5
#define CLASSES 10
#define LANE 16 /* rows of a register: wider sums would go to memory at each weight */
#define BLOCK 16 /* rows whose pixels are read at once */
#define PAIR 2 /* squares of 2 x 2 that a convolution sums up at once */

typedef float vec __attribute__((vector_size(4 * PART)));
typedef float lane __attribute__((vector_size(4 * LANE), may_alias));
typedef int32_t lanes __attribute__((vector_size(4 * LANE)));
typedef int32_t mask __attribute__((vector_size(4 * PART)));
typedef int8_t places __attribute__((vector_size(PART)));

typedef struct {
  int outputs, inputs, side; /* side: of the maps that a convolution reads; 0: fully connected */
  const int32_t *first, *from; /* of each output its weights; of each weight the number it reads */
  float *w, *w_mean, *w_square, *w_average;
  float *b, *b_mean, *b_square, *b_average;
} layer;

typedef struct {
  float hard, temperature; /* share of the labels; of the soft targets */
  float push; /* how far a picture is moved along the gradient of its loss, for half the loss */
  float beta1, beta2, epsilon, decay, lasso, averaging;
} recipe;

typedef struct { /* rows as bytes, `wide` each, of which `some` are `used`, and what they are */
  int wide, some;
  const int32_t *used;
  const uint8_t *pixels, *labels;
  const float *soft;
} digits;

typedef struct { /* what lies between the layers, and the gradients of a step */
  vec *at[MOST + 1], *g[MOST + 1], *sums;
  places *choice[MOST];
  float *gw[MOST], *gb[MOST];
} room;

static float total(vec a) {
  float sum = 0;
  for (int r = 0; r < PART; r++) sum += a[r];
  return sum;
}

static vec where(mask m, vec a, vec b) { return (vec)((m & (mask)a) | (~m & (mask)b)); }

static vec only(mask m, vec a) { return (vec)(m & (mask)a); }

static vec positive(vec a) { return only(a > 0, a); }

static void forward(const layer *l, const vec *restrict x, vec *restrict y, int relu) {
  for (int o = 0; o < l->outputs; o++) {
    lane sum[PART / LANE], *to = (lane *)(y + o);
    for (int q = 0; q < PART / LANE; q++) sum[q] = (lane){0} + l->b[o];
    for (int k = l->first[o]; k < l->first[o + 1]; k++) {
      const lane w = (lane){0} + l->w[k], *in = (const lane *)(x + l->from[k]);
      for (int q = 0; q < PART / LANE; q++) sum[q] += w * in[q];
    }
    for (int q = 0; q < PART / LANE; q++)
      to[q] = relu ? (lane)((sum[q] > 0) & (lanes)sum[q]) : sum[q];
  }
}

/* Keep what flows back to numbers that are above zero. */
static void through_relu(int n, const float *restrict x, float *restrict below) {
  for (int i = 0; i < n * PART; i++) below[i] = x[i] > 0 ? below[i] : 0;
}

static void backward(const layer *l, const vec *restrict x, const vec *restrict g,
                     vec *restrict below, float *restrict gw, float *restrict gb) {
  if (below) memset(below, 0, l->inputs * sizeof(vec));
  for (int o = 0; o < l->outputs; o++) {
    const vec own = g[o];
    gb[o] += total(own);
    for (int k = l->first[o]; k < l->first[o + 1]; k++) {
      gw[k] += total(own * x[l->from[k]]);
      if (below) below[l->from[k]] += l->w[k] * own;
    }
  }
}

static void conv_forward(const layer *l, const vec *restrict x, vec *restrict y,
                         places *restrict choice) {
  const int side = l->side, half = (side - KERNEL + 1) / 2;
  for (int o = 0; o < l->outputs; o++)
    for (int v = 0; v < half; v++)
      for (int u = 0; u < half; u += PAIR) {
        vec sum[PAIR][4];
        for (int p = 0; p < PAIR; p++)
          for (int q = 0; q < 4; q++) sum[p][q] = (vec){0} + l->b[o];
        for (int k = l->first[o]; k < l->first[o + 1]; k++) {
          const vec w = (vec){0} + l->w[k], *in = x + l->from[k] + 2 * v * side + 2 * u;
          for (int p = 0; p < PAIR; p++)
            for (int q = 0; q < 4; q++) sum[p][q] += w * in[2 * p + q / 2 * side + q % 2];
        }
        for (int p = 0; p < PAIR; p++) {
          vec top = sum[p][0];
          mask which = {0};
          for (int q = 1; q < 4; q++) {
            const mask above = sum[p][q] > top;
            top = where(above, sum[p][q], top), which = (above & q) | (~above & which);
          }
          const int at = (o * half + v) * half + u + p;
          y[at] = positive(top), choice[at] = __builtin_convertvector(which, places);
        }
      }
}

static void conv_backward(const layer *l, const vec *restrict x, const vec *restrict g,
                          const places *restrict choice, vec *restrict below,
                          float *restrict gw, float *restrict gb, vec *restrict sums) {
  const int side = l->side, half = (side - KERNEL + 1) / 2;
  if (below) memset(below, 0, l->inputs * sizeof(vec));
  for (int o = 0; o < l->outputs; o++) {
    const int first = l->first[o], count = l->first[o + 1] - first;
    vec bias = {0};
    memset(sums, 0, count * sizeof(vec));
    for (int v = 0; v < half; v++)
      for (int u = 0; u < half; u++) {
        const int at = (o * half + v) * half + u;
        const mask which = __builtin_convertvector(choice[at], mask);
        vec own[4];
        bias += g[at];
        for (int q = 0; q < 4; q++) own[q] = only(which == q, g[at]);
        for (int k = 0; k < count; k++) {
          const size_t start = l->from[first + k] + 2 * v * side + 2 * u;
          vec sum = sums[k];
          for (int q = 0; q < 4; q++) sum += own[q] * x[start + q / 2 * side + q % 2];
          sums[k] = sum;
          if (!below) continue;
          const vec w = (vec){0} + l->w[first + k];
          for (int q = 0; q < 4; q++) below[start + q / 2 * side + q % 2] += w * own[q];
        }
      }
    gb[o] += total(bias);
    for (int k = 0; k < count; k++) gw[first + k] += total(sums[k]);
  }
}

static void adam(int n, float *restrict w, float *restrict mean, float *restrict square,
                 float *restrict average, const float *restrict g, float rate, float decay,
                 float lasso, int step, const recipe *p) {
  const float first = 1 - powf(p->beta1, step), second = 1 - powf(p->beta2, step);
  for (int i = 0; i < n; i++) {
    mean[i] += (1 - p->beta1) * (g[i] - mean[i]);
    square[i] += (1 - p->beta2) * (g[i] * g[i] - square[i]);
    const float own = rate / (sqrtf(square[i] / second) + p->epsilon);
    const float to = w[i] - rate * decay * w[i] - own * mean[i] / first;
    w[i] = copysignf(fmaxf(fabsf(to) - own * lasso, 0), to);
    average[i] += (1 - p->averaging) * (w[i] - average[i]);
  }
}

/* The pixels that are read, as (pixels, PART) numbers from 0 to 1. */
static void gather(const digits *d, const int32_t *rows, float *restrict x) {
  for (int r = 0; r < PART; r += BLOCK) {
    const uint8_t *p[BLOCK];
    for (int i = 0; i < BLOCK; i++) p[i] = d->pixels + (size_t)rows[r + i] * d->wide;
    for (int j = 0; j < d->some; j++) {
      float *to = x + (size_t)j * PART + r;
      for (int i = 0; i < BLOCK; i++) to[i] = p[i][d->used[j]] * (1.0f / 255);
    }
  }
}

/* Probabilities at a temperature, and the logarithm of their sum, of outputs below `top`. */
static vec softmax(const vec *z, vec top, float temperature, vec *restrict said) {
  vec sum = {0};
  for (int c = 0; c < CLASSES; c++) {
    const vec q = (z[c] - top) / temperature;
    for (int r = 0; r < PART; r++) said[c][r] = expf(q[r]);
    sum += said[c];
  }
  for (int c = 0; c < CLASSES; c++) said[c] /= sum;
  return sum;
}

/* Gradient of weight · (hard · cross entropy + (1 − hard) · T² · KL(soft ‖ outputs at T)). */
static double outputs_gradient(const vec *z, const int32_t *rows, const uint8_t *labels,
                               const float *soft, const recipe *p, float weight,
                               vec *restrict g) {
  vec cold[CLASSES], warm[CLASSES], top = z[0];
  double loss = 0;
  for (int c = 1; c < CLASSES; c++) top = where(z[c] > top, z[c], top);
  const vec sum = softmax(z, top, 1, cold);
  softmax(z, top, p->temperature, warm);
  for (int r = 0; r < PART; r++) {
    const int y = labels[rows[r]];
    const float *said = soft + (size_t)rows[r] * CLASSES;
    loss += logf(sum[r]) - (z[y][r] - top[r]), cold[y][r] -= 1;
    for (int c = 0; c < CLASSES; c++) warm[c][r] -= said[c];
  }
  for (int c = 0; c < CLASSES; c++)
    g[c] = (p->hard * cold[c] + (1 - p->hard) * p->temperature * warm[c]) * weight;
  return loss;
}

static void *fresh(size_t bytes) { return aligned_alloc(256, (bytes + 511) / 256 * 256); }

/* How many numbers of a row a layer puts out, behind its pooling. */
static size_t width(const layer *l) {
  const size_t half = (l->side - KERNEL + 1) / 2;
  return l->side ? l->outputs * half * half : (size_t)l->outputs;
}

static room made(int layers, const layer *l, int push) {
  room m = {0};
  size_t most = 0;
  m.at[0] = fresh(l[0].inputs * sizeof(vec));
  if (push) m.g[0] = fresh(l[0].inputs * sizeof(vec));
  for (int i = 0; i < layers; i++) {
    const size_t n = l[i].first[l[i].outputs];
    m.at[i + 1] = fresh(width(l + i) * sizeof(vec)), m.g[i + 1] = fresh(width(l + i) * sizeof(vec));
    m.choice[i] = fresh(l[i].side ? width(l + i) * sizeof(places) : 0);
    m.gw[i] = fresh(n * sizeof(float)), m.gb[i] = fresh(l[i].outputs * sizeof(float));
    most = n > most ? n : most;
  }
  m.sums = fresh(most * sizeof(vec));
  return m;
}

static void free_room(int layers, room *m) {
  for (int i = 0; i < layers; i++)
    free(m->at[i + 1]), free(m->g[i + 1]), free(m->choice[i]), free(m->gw[i]), free(m->gb[i]);
  free(m->at[0]), free(m->g[0]), free(m->sums);
}

/* Move each picture by `push`, the Euclidean length, along the gradient of its loss. */
static void pushed(int n, vec *restrict x, const vec *restrict g, float push) {
  vec square = {0};
  for (int i = 0; i < n; i++) square += g[i] * g[i];
  for (int r = 0; r < PART; r++) square[r] = push / (sqrtf(square[r]) + 1e-12f);
  for (int i = 0; i < n; i++) x[i] += square * g[i];
}

/* Add the gradients of weight · loss over PART rows, whose pixels are there; return their cross
   entropies. `along`, where there is one, gets the gradient by the pixels. */
static double both_ways(int layers, const layer *l, const digits *d, const int32_t *rows,
                        const recipe *p, float weight, const room *m, vec *along) {
  for (int i = 0; i < layers; i++)
    if (l[i].side) conv_forward(l + i, m->at[i], m->at[i + 1], m->choice[i]);
    else forward(l + i, m->at[i], m->at[i + 1], i < layers - 1);
  const double loss =
      outputs_gradient(m->at[layers], rows, d->labels, d->soft, p, weight, m->g[layers]);
  for (int i = layers - 1; i >= 0; i--) {
    vec *below = i ? m->g[i] : along;
    if (l[i].side)
      conv_backward(l + i, m->at[i], m->g[i + 1], m->choice[i], below, m->gw[i], m->gb[i],
                    m->sums);
    else backward(l + i, m->at[i], m->g[i + 1], below, m->gw[i], m->gb[i]);
    if (i) through_relu(l[i].inputs, (float *)m->at[i], (float *)m->g[i]);
  }
  return loss;
}

/* Gradients of the loss over `n` rows, half of it at pushed pictures if any; returns the sum of
   their cross entropies as they are. */
static double gradients(int layers, const layer *l, const digits *d, const int32_t *rows, int n,
                        const recipe *p, room *m) {
  double loss = 0;
  const float share = p->push > 0 ? 0.5f : 1;
  for (int i = 0; i < layers; i++) {
    memset(m->gw[i], 0, l[i].first[l[i].outputs] * sizeof(float));
    memset(m->gb[i], 0, l[i].outputs * sizeof(float));
  }
  for (int part = 0; part < n; part += PART, rows += PART) {
    gather(d, rows, (float *)m->at[0]);
    loss += both_ways(layers, l, d, rows, p, share / (float)n, m, m->g[0]);
    if (p->push > 0) {
      pushed(l[0].inputs, m->at[0], m->g[0], p->push);
      both_ways(layers, l, d, rows, p, share / (float)n, m, NULL);
    }
  }
  return loss;
}

/* Take steps of `n` rows, a multiple of PART; returns the mean cross entropy. */
double train(int layers, int steps, int before, int n, const digits *d, const int32_t *rows,
             const float *rates, layer *l, const recipe *p) {
  _mm_setcsr(_mm_getcsr() | 0x8040); /* what is no normal number is 0 */
  room m = made(layers, l, p->push > 0);
  double loss = 0;
  for (int s = 0; s < steps; s++, rows += n) {
    loss += gradients(layers, l, d, rows, n, p, &m);
    for (int i = 0; i < layers; i++) {
      const layer *o = l + i;
      const int count = o->first[o->outputs], step = before + s + 1;
      adam(count, o->w, o->w_mean, o->w_square, o->w_average, m.gw[i], rates[s], p->decay,
           p->lasso, step, p);
      adam(o->outputs, o->b, o->b_mean, o->b_square, o->b_average, m.gb[i], rates[s], 0, 0, step,
           p);
    }
  }
  free_room(layers, &m);
  return loss / ((double)steps * n);
}
