/* Proximal Newton steps of a model of one output, from its start to its minimizer, in one call.

   On a working set of what is there and what presses most to come in the second-order model is
   solved by descent (`_descent.c`); the duality gap of all columns says when that is the minimizer
   of all. Called by kernels/newton.py; solver.py does the same step by step for other losses.

   Source: Lee, Sun and Saunders, Proximal Newton-type methods, SIAM J. Optim. 24 (2014). */
#include "_rows.h"
#include "_descent.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HALVINGS = 30, POLISHES = 25, INNER = 6, PATIENCE = 25 };
static const double DAMPING = 1e-12, ROUNDING = 1e-15, PART = 1e-3, EXACT = 1e-13;
static const double NEAR = 1e-8; /* where what no longer gets better is as far as it can be */

/* The working set: weights of some blocks, one after the other, and the intercept. */
struct set {
    struct model model;
    size_t *inputs, *starts;
    double *w, *from, *slope, *held, *roots;
    double *columns, *q; /* (rows, n) weighed, (n, n) */
    size_t room;         /* n for which there is memory */
};

struct work {
    const struct rows *r;
    const double *level;
    double *w, *b, *near, *slope, *pressing, *moved;
    struct outputs now, next;
    struct set set;
    double *memory;
    void *places;
};

static double over(double v, double by)
{
    return v > by ? v - by : (v < -by ? v + by : 0.0);
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static int without_memory(struct work *k)
{
    const struct rows *r = k->r;
    size_t n = r->inputs + 1, numbers = 9 * r->rows + 6 * n + 2 * r->blocks + 1;
    double *at = k->memory = malloc(numbers * sizeof(double));
    size_t *places = k->places = malloc((2 * n + 1) * sizeof(size_t));
    if (!at || !places)
        return 1;
    double **rows[] = {&k->moved,     &k->now.z,    &k->now.pull,  &k->now.bend,   &k->now.chance,
                       &k->next.z,    &k->next.pull, &k->next.bend, &k->next.chance};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++, at += r->rows)
        *rows[i] = at;
    double **inputs[] = {&k->near,       &k->slope,     &k->set.w,
                         &k->set.from, &k->set.slope, &k->set.held};
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++, at += n)
        *inputs[i] = at;
    k->pressing = at;
    k->set.roots = at + r->blocks;
    k->set.inputs = places;
    k->set.starts = places + n;
    return 0;
}

/* What holds a block at zero beside alpha. */
static double reach(const struct work *k, size_t block)
{
    return k->level[2] * k->r->roots[block];
}

/* The length of what a block's numbers exceed alpha by. */
static double beyond(const struct work *k, size_t block, const double *numbers)
{
    double squares = 0;
    for (size_t j = k->r->starts[block]; j < k->r->starts[block + 1]; j++) {
        double out = over(numbers[j], k->level[0]);
        squares += out * out;
    }
    return sqrt(squares);
}

/* Is nothing penalised here: such blocks are single weights. */
static int is_free(const struct rows *r, size_t block)
{
    return r->held[r->starts[block]] == 0;
}

static double penalty(const double *w, const double *held, const size_t *starts,
                      const double *roots, size_t blocks, const double *level)
{
    double total = 0;
    for (size_t b = 0; b < blocks; b++) {
        double squares = 0, sum = 0;
        for (size_t j = starts[b]; j < starts[b + 1]; j++) {
            sum += held[j] * fabs(w[j]);
            squares += held[j] * w[j] * w[j];
        }
        total += level[0] * sum + 0.5 * level[1] * squares;
        total += level[2] * roots[b] > 0 ? level[2] * roots[b] * sqrt(squares) : 0.0;
    }
    return total;
}

static double value_of(const struct work *k)
{
    const struct rows *r = k->r;
    return k->now.value + penalty(k->w, r->held, r->starts, r->roots, r->blocks, k->level);
}

/* slope = x' pull, of all columns */
static void pull_on_all(struct work *k)
{
    const int rows = (int)k->r->rows, columns = (int)k->r->inputs, one = 1;
    const double unit = 1, none = 0;
    k->r->gemv("T", &rows, &columns, &unit, k->r->x, &rows, k->now.pull, &one, &none, k->slope,
               &one);
}

/* Takes Newton's steps of the intercept alone: the dual asks for its best. */
static void settle(struct work *k)
{
    const struct rows *r = k->r;
    for (int round = 0; round < POLISHES; round++) {
        double left = 0, bend = 0;
        for (size_t i = 0; i < r->rows; i++) {
            left += k->now.pull[i];
            bend += k->now.bend[i];
        }
        if (fabs(left) <= r->left)
            return;
        double step = left / larger(bend, 1e-300);
        int halving = 0;
        for (; halving < HALVINGS; halving++, step *= 0.5) {
            for (size_t i = 0; i < r->rows; i++)
                k->next.z[i] = k->now.z[i] - step;
            shrinkage_loss(r, &k->next);
            if (k->next.value <= k->now.value * (1 + ROUNDING))
                break;
        }
        if (halving == HALVINGS)
            return;
        *k->b -= step;
        struct outputs before = k->now;
        k->now = k->next;
        k->next = before;
    }
}

/* The relative duality gap, or less exactly what is left of a free weight's derivative. */
static double gap_of(const struct work *k)
{
    const struct rows *r = k->r;
    double scale = 1, conjugate = 0, left = 0, beta = k->level[1];
    for (size_t b = 0; b < r->blocks; b++) {
        if (is_free(r, b)) {
            left = larger(left, fabs(k->slope[r->starts[b]]));
            continue;
        }
        double length = beyond(k, b, k->slope), held = reach(k, b);
        if (length <= held)
            continue;
        if (beta > 0)
            conjugate += (length - held) * (length - held) / (2 * beta);
        else if (held > 0) /* lengths are convex in the scale: this one or a larger one */
            scale = fmin(scale, held / length);
        else
            scale = fmin(scale, k->level[0] / (k->level[0] + length));
    }
    double gap = (value_of(k) - shrinkage_dual(r, &k->now, scale) + conjugate) / r->unit;
    return left <= r->left ? gap : larger(gap, left / r->scale);
}

static int downwards(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left < right) - (left > right);
}

/* Returns the least pressure with which a block is in the working set: infinite what is there. */
static double threshold_of_set(struct work *k)
{
    const struct rows *r = k->r;
    size_t there = 0, wanted = 0, count = 0;
    double *sorted = k->set.roots; /* filled anew afterwards */
    for (size_t b = 0; b < r->blocks; b++) {
        size_t size = r->starts[b + 1] - r->starts[b], own = 0;
        for (size_t j = r->starts[b]; j < r->starts[b + 1]; j++)
            own += k->w[j] != 0;
        there += own ? size : 0;
        k->pressing[b] = own || is_free(r, b) ? INFINITY : beyond(k, b, k->slope) - reach(k, b);
        if (k->pressing[b] > 0) {
            wanted += size;
            sorted[count++] = k->pressing[b];
        }
    }
    size_t most = larger((double)r->least_set, 2.0 * (double)there);
    most = most < r->most_set ? most : r->most_set;
    if (wanted <= most)
        return 0;
    qsort(sorted, count, sizeof(double), downwards);
    size_t place = most * count / wanted; /* blocks are about equally large */
    return sorted[place ? place - 1 : 0];
}

/* Fills the working set; returns 1 without memory. */
static int chosen(struct work *k)
{
    const struct rows *r = k->r;
    struct set *s = &k->set;
    int all = r->inputs <= r->few;
    double least = all ? 0 : threshold_of_set(k);
    size_t n = 0, blocks = 0;
    for (size_t b = 0; b < r->blocks; b++) {
        if (!all && !(k->pressing[b] > 0 && k->pressing[b] >= least))
            continue;
        s->roots[blocks] = r->roots[b];
        s->starts[blocks++] = n;
        for (size_t j = r->starts[b]; j < r->starts[b + 1]; j++, n++) {
            s->inputs[n] = j;
            s->held[n] = r->held[j];
        }
    }
    s->roots[blocks] = s->held[n] = 0; /* the intercept */
    s->starts[blocks++] = n++;
    s->starts[blocks] = n;
    s->model = (struct model){NULL, n, s->w, s->slope, s->held, s->starts, s->roots, blocks,
                              k->level[0], k->level[1], k->level[2]};
    if (n > s->room) {
        free(s->columns);
        s->room = n + n / 2;
        s->columns = malloc(s->room * (s->room + r->rows) * sizeof(double));
        if (!s->columns)
            return 1;
        s->q = s->columns + s->room * r->rows;
    }
    s->model.q = s->q;
    return 0;
}

/* The second derivatives of the working set: Z' Z of the columns times the roots of the bend. */
static void curve(struct work *k)
{
    const struct rows *r = k->r;
    struct set *s = &k->set;
    const int rows = (int)r->rows, n = (int)s->model.n;
    const double unit = 1, none = 0;
    double *roots = k->moved;
    for (size_t i = 0; i < r->rows; i++)
        roots[i] = sqrt(k->now.bend[i]);
    for (size_t j = 0; j + 1 < s->model.n; j++) {
        const double *column = r->x + s->inputs[j] * r->rows;
        double *out = s->columns + j * r->rows;
        for (size_t i = 0; i < r->rows; i++)
            out[i] = column[i] * roots[i];
    }
    memcpy(s->columns + (s->model.n - 1) * r->rows, roots, r->rows * sizeof(double));
    r->syrk("U", "T", &n, &rows, &unit, s->columns, &rows, &none, s->q, &n);
    for (size_t i = 0; i < s->model.n; i++) {
        s->q[i * s->model.n + i] *= 1 + DAMPING;
        for (size_t j = 0; j < i; j++)
            s->q[j * s->model.n + i] = s->q[i * s->model.n + j];
    }
}

/* Where the working set stands, and the loss's gradient; `known`: k->slope is of this place. */
static void stand(struct work *k, int known)
{
    const struct rows *r = k->r;
    struct set *s = &k->set;
    size_t n = s->model.n - 1;
    for (size_t j = 0; j < n; j++) {
        size_t input = s->inputs[j];
        s->from[j] = s->w[j] = k->w[input];
        s->slope[j] = known ? k->slope[input]
                            : shrinkage_dot(r->x + input * r->rows, k->now.pull, r->rows);
    }
    s->from[n] = s->w[n] = *k->b;
    s->slope[n] = 0;
    for (size_t i = 0; i < r->rows; i++)
        s->slope[n] += k->now.pull[i];
}

static double objective(const struct work *k, const struct outputs *o, const double *w)
{
    const struct model *m = &k->set.model;
    return o->value + penalty(w, m->held, m->starts, m->roots, m->blocks, k->level);
}

/* Goes where the model's minimizer lies, halved again and again until it is not worse; returns by
   how much better it is. */
static double searched(struct work *k)
{
    const struct rows *r = k->r;
    struct set *s = &k->set;
    size_t n = s->model.n - 1;
    double before = objective(k, &k->now, s->from), length = 1;
    for (size_t i = 0; i < r->rows; i++)
        k->moved[i] = s->w[n] - s->from[n];
    for (size_t j = 0; j < n; j++)
        if (s->w[j] != s->from[j])
            shrinkage_follow(k->moved, r->x + s->inputs[j] * r->rows, s->w[j] - s->from[j],
                             r->rows);
    for (int halving = 0; halving < HALVINGS; halving++, length *= 0.5) {
        for (size_t i = 0; i < r->rows; i++)
            k->next.z[i] = k->now.z[i] + length * k->moved[i];
        for (size_t j = 0; halving && j <= n; j++)
            s->w[j] = s->from[j] + 0.5 * (s->w[j] - s->from[j]);
        shrinkage_loss(r, &k->next);
        double after = objective(k, &k->next, s->w);
        if (!(after <= before + ROUNDING * fabs(before)))
            continue;
        for (size_t j = 0; j < n; j++)
            k->w[s->inputs[j]] = s->w[j];
        *k->b = s->w[n];
        struct outputs last = k->now;
        k->now = k->next;
        k->next = last;
        return before - after;
    }
    return 0;
}

/* Steps on one working set while they gain; returns 1 without memory. */
static int steps_on_set(struct work *k, double gap)
{
    const struct rows *r = k->r;
    double hold = larger(k->level[0], k->level[2]);
    double scale = fmin(r->scale, hold), part = PART * fmin(gap, 1.0) * scale;
    if (chosen(k))
        return 1;
    for (int inner = 0; inner < INNER; inner++) {
        stand(k, !inner);
        curve(k);
        long sweeps = shrinkage_descend(&k->set.model, larger(part, EXACT * r->scale),
                                        (long)r->most_sweeps);
        if (sweeps < 0)
            return 1;
        if (searched(k) <= 0.1 * gap * r->unit)
            break;
    }
    return 0;
}

/* The outputs of the weights, and the loss there. */
static void place_at(struct work *k)
{
    const struct rows *r = k->r;
    for (size_t i = 0; i < r->rows; i++)
        k->now.z[i] = *k->b;
    for (size_t j = 0; j < r->inputs; j++)
        if (k->w[j] != 0)
            shrinkage_follow(k->now.z, r->x + j * r->rows, k->w[j], r->rows);
    shrinkage_loss(r, &k->now);
}

/* Starts where two models lead, (w, b) after (far, far_b), if the objective is lower there: a path
   is straight where no weight comes in. What would change its sign is zero. */
static void start(struct work *k, const double *far, double far_b, double share)
{
    double near_b = *k->b, value;
    place_at(k);
    if (!far || !share)
        return;
    value = value_of(k);
    for (size_t j = 0; j < k->r->inputs; j++) {
        double w = k->near[j] = k->w[j], ahead = w + share * (w - far[j]);
        k->w[j] = w * ahead > 0 ? ahead : 0.0;
    }
    *k->b += share * (near_b - far_b);
    place_at(k);
    if (value_of(k) < value)
        return;
    memcpy(k->w, k->near, k->r->inputs * sizeof(double));
    *k->b = near_b;
    place_at(k);
}

/* Goes from `w` (inputs,) and `b` to the minimizer at `level` (alpha, beta, gamma), or from where a
   share of the way that led there from `far` leads. Returns 1 where it got there, 0 where not, and
   -1 without memory. */
PUBLIC int newton(const struct rows *r, const double *level, double *w, double *b,
                  const double *far, double far_b, double share)
{
    struct work k = {.r = r, .level = level, .w = w, .b = b};
    double aim = level[1] > 0 ? r->aim_ridged : r->aim, best = INFINITY;
    int failed = without_memory(&k), there = 0, stalled = 0;
    if (!failed)
        start(&k, far, far_b, share);
    for (size_t step = 0; step < r->most_steps && !failed; step++) {
        settle(&k);
        pull_on_all(&k);
        double gap = gap_of(&k);
        there = gap <= aim;
        stalled = gap > 0.5 * best ? stalled + 1 : 0;
        best = fmin(best, gap);
        if (there || stalled > (gap > NEAR ? PATIENCE : 2))
            break;
        failed = steps_on_set(&k, gap);
    }
    free(k.memory);
    free(k.places);
    free(k.set.columns);
    return failed ? -1 : there;
}
