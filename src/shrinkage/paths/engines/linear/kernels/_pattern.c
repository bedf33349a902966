/* Newton's step on the pattern of a quadratic model: the weights that are not zero, and those that
   nothing holds at zero. Where descent crawls along nearly dependent columns it ends in one step.

   What would change its sign, or a group that would turn round, becomes zero; a step that makes the
   objective larger is cut at the first such change. While one makes a zero, the next follows: there
   are never more weights left than rows or columns that do not depend on others. Source: Bareilles,
   Iutzeler and Malick, Math. Program. 200 (2023). */
#include "_descent.h"
#include <math.h>
#include <stdlib.h>

static const double DEPENDENT = 1e-12; /* of its own square: what a column has besides the others */
static const double NEARLY = 1e-8;     /* the same, where a way along the others may be worth it */
static const double ROUNDING = 1e-14;
static const double LEVEL = 1e-9; /* of the slopes of single weights: a way that goes nowhere */
static const double MOST_WORK = 2e8; /* of triangles in a call, but one: sweeps have their turn */
enum { HALVINGS = 12, LANES = 16 };

struct pattern {
    size_t k, groups; /* weights, and how many of them are in groups */
    size_t *place, *of;  /* (k,) the weight, and its block */
    double *rows;        /* (k, k) curvature, then its triangle */
    double *slope, *step, *delta;
};

CLONES double shrinkage_dot(const double *restrict a, const double *restrict b, size_t n)
{
    double lane[LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t l = 0; l < LANES; l++)
            lane[l] += a[i + l] * b[i + l];
    for (; i < n; i++)
        sum += a[i] * b[i];
    for (size_t l = 0; l < LANES; l++)
        sum += lane[l];
    return sum;
}

static double length_of(const struct model *m, size_t block)
{
    double squares = 0;
    for (size_t j = m->starts[block]; j < m->starts[block + 1]; j++)
        squares += m->w[j] * m->w[j];
    return sqrt(squares);
}

static int is_group(const struct model *m, size_t block)
{
    return m->gamma * m->roots[block] > 0 && m->starts[block + 1] - m->starts[block] > 1;
}

/* What holds a weight by its sign: the threshold, and the root of a group of one. */
static double threshold(const struct model *m, size_t j, size_t block)
{
    return m->alpha * m->held[j] + (is_group(m, block) ? 0.0 : m->gamma * m->roots[block]);
}

static void gather(const struct model *m, struct pattern *p)
{
    p->k = p->groups = 0;
    for (size_t b = 0; b < m->blocks; b++) {
        int group = is_group(m, b);
        double length = group ? length_of(m, b) : 0.0;
        if (group && length == 0)
            continue;
        for (size_t j = m->starts[b]; j < m->starts[b + 1]; j++) {
            double w = m->w[j], by = threshold(m, j, b);
            if (w == 0 && by > 0)
                continue;
            double slope = m->g[j] + m->beta * m->held[j] * w;
            slope += w > 0 ? by : (w < 0 ? -by : 0.0);
            if (group) {
                slope += m->gamma * m->roots[b] * w / length;
                p->groups++;
            }
            p->place[p->k] = j;
            p->of[p->k] = b;
            p->slope[p->k++] = slope;
        }
    }
}

/* The curvature; `above`: that of what is above the length of a group, |w|^2 / 2|v| + |v| / 2 where
   it stands at v. */
static void fill(const struct model *m, struct pattern *p, int above)
{
    for (size_t i = 0; i < p->k; i++) {
        const double *row = m->q + p->place[i] * m->n;
        double *out = p->rows + i * p->k;
        for (size_t l = 0; l <= i; l++)
            out[l] = row[p->place[l]];
        out[i] += m->beta * m->held[p->place[i]];
        if (!is_group(m, p->of[i]))
            continue;
        double length = length_of(m, p->of[i]), by = m->gamma * m->roots[p->of[i]] / length;
        out[i] += by;
        if (above)
            continue;
        for (size_t l = i + 1; l-- > 0 && p->of[l] == p->of[i];)
            out[l] -= by * m->w[p->place[i]] / length * (m->w[p->place[l]] / length);
    }
}

/* Cholesky's triangle in place; a column that depends on those before it gets no step. */
static void factor(struct pattern *p)
{
    size_t k = p->k;
    for (size_t i = 0; i < k; i++) {
        double *row = p->rows + i * k, own = row[i];
        for (size_t l = 0; l < i; l++) {
            const double *above = p->rows + l * k;
            row[l] = above[l] > 0 ? (row[l] - shrinkage_dot(row, above, l)) / above[l] : 0.0;
        }
        double left = own - shrinkage_dot(row, row, i);
        row[i] = left > DEPENDENT * own ? sqrt(left) : 0.0;
    }
}

/* step = -(L L')^-1 slope */
static void solve(struct pattern *p)
{
    size_t k = p->k;
    for (size_t i = 0; i < k; i++) {
        const double *row = p->rows + i * k;
        p->step[i] = row[i] > 0 ? (-p->slope[i] - shrinkage_dot(row, p->step, i)) / row[i] : 0.0;
    }
    for (size_t i = k; i-- > 0;) {
        const double *row = p->rows + i * k;
        p->step[i] = row[i] > 0 ? p->step[i] / row[i] : 0.0;
        shrinkage_follow(p->step, row, -p->step[i], i);
    }
}

/* What a movement changes of the penalty. */
static double change_of_penalty(const struct model *m, const struct pattern *p)
{
    double change = 0;
    for (size_t i = 0; i < p->k;) {
        size_t block = p->of[i], group = is_group(m, block);
        double before = 0, after = 0;
        for (; i < p->k && p->of[i] == block; i++) {
            double held = m->held[p->place[i]], w = m->w[p->place[i]], u = w + p->delta[i];
            change += threshold(m, p->place[i], block) * (fabs(u) - fabs(w));
            change += 0.5 * m->beta * held * (u - w) * (u + w);
            before += w * w;
            after += u * u;
        }
        if (group)
            change += m->gamma * m->roots[block] * (sqrt(after) - sqrt(before));
    }
    return change;
}

/* What a movement changes of the objective; `image`, (k,), becomes Q delta. */
static double change_of(const struct model *m, const struct pattern *p, double *image)
{
    double change = change_of_penalty(m, p), size = fabs(change);
    for (size_t i = 0; i < p->k; i++)
        image[i] = 0;
    for (size_t i = 0; i < p->k; i++) {
        if (p->delta[i] == 0)
            continue;
        const double *row = m->q + p->place[i] * m->n;
        for (size_t l = 0; l < p->k; l++)
            image[l] += p->delta[i] * row[p->place[l]];
    }
    for (size_t i = 0; i < p->k; i++) {
        double part = p->delta[i] * (m->g[p->place[i]] + 0.5 * image[i]);
        change += part;
        size += fabs(part);
    }
    return change <= ROUNDING * size ? -1.0 : change;
}

/* The movement of a share of the step, what changes its sign ended at zero. */
static void shape(const struct model *m, struct pattern *p, double share)
{
    for (size_t i = 0; i < p->k;) {
        size_t block = p->of[i], first = i;
        double along = 0;
        for (; i < p->k && p->of[i] == block; i++) {
            double w = m->w[p->place[i]], u = w + share * p->step[i];
            if (w * u < 0 && threshold(m, p->place[i], block) > 0)
                u = 0;
            p->delta[i] = u - w;
            along += w * u;
        }
        if (is_group(m, block) && along <= 0)
            for (size_t l = first; l < i; l++)
                p->delta[l] = -m->w[p->place[l]];
    }
}

/* The share of the step at which the first sign changes, at most 1. */
static double first_change(const struct model *m, const struct pattern *p)
{
    double share = 1;
    for (size_t i = 0; i < p->k; i++) {
        double w = m->w[p->place[i]];
        if (threshold(m, p->place[i], p->of[i]) > 0 && w * (w + share * p->step[i]) < 0)
            share = -w / p->step[i];
    }
    return share;
}

static void take(const struct model *m, const struct pattern *p)
{
    for (size_t i = 0; i < p->k; i++) {
        if (p->delta[i] == 0)
            continue;
        size_t j = p->place[i];
        double u = m->w[j] + p->delta[i];
        m->w[j] = fabs(u) <= 1e-15 * fabs(p->delta[i]) ? 0.0 : u;
        shrinkage_follow(m->g, m->q + j * m->n, p->delta[i], m->n);
    }
}

/* The way in which weight i and those before it, on which its column depends, move together without
   moving an output, downhill; returns 0 where it leads nowhere. */
static int way_of_dependent(const struct model *m, struct pattern *p, size_t i)
{
    const double *own = p->rows + i * p->k;
    double slope = p->slope[i], size = fabs(slope);
    for (size_t l = 0; l < p->k; l++)
        p->step[l] = l < i ? -own[l] : (l == i ? 1.0 : 0.0);
    for (size_t l = i; l-- > 0;) {
        const double *row = p->rows + l * p->k;
        p->step[l] = row[l] > 0 ? p->step[l] / row[l] : 0.0;
        shrinkage_follow(p->step, row, -p->step[l], l);
        slope += p->step[l] * p->slope[l];
        size += fabs(p->step[l] * p->slope[l]);
    }
    for (size_t l = 0; l <= i; l++) {
        if (p->step[l] != 0 && is_group(m, p->of[l]))
            return 0;
        p->step[l] = slope > 0 ? -p->step[l] : p->step[l];
    }
    return fabs(slope) > LEVEL * size;
}

/* Where a column depends on others the penalty alone says how to share what they give: goes along
   it until a weight is zero. Returns whether it went. */
static int slide(const struct model *m, struct pattern *p)
{
    for (size_t i = 0; i < p->k; i++) {
        const double *row = p->rows + i * p->k;
        if (row[i] * row[i] > NEARLY * shrinkage_dot(row, row, i) || !way_of_dependent(m, p, i))
            continue;
        size_t ends = p->k;
        double length = INFINITY;
        for (size_t l = 0; l <= i; l++) {
            double w = m->w[p->place[l]], by = p->step[l];
            if (threshold(m, p->place[l], p->of[l]) > 0 && w * by < 0 && -w / by < length) {
                length = -w / by;
                ends = l;
            }
        }
        if (ends == p->k)
            continue;
        for (size_t l = 0; l < p->k; l++)
            p->delta[l] = length * p->step[l];
        p->delta[ends] = -m->w[p->place[ends]];
        if (change_of(m, p, p->delta + m->n) < 0) {
            take(m, p);
            return 1;
        }
    }
    return 0;
}

/* Takes a share of the step if the objective becomes smaller; returns whether it does. */
static int taken(const struct model *m, struct pattern *p, double share)
{
    shape(m, p, share);
    if (!(change_of(m, p, p->delta + m->n) < 0))
        return 0;
    take(m, p);
    return 1;
}

/* Newton's step, cut where the objective would become larger; returns whether it was taken. Where
   columns nearly depend on each other groups turn round in it: then the step is to the minimizer of
   what is above the objective, and touches it here. */
static int newton(const struct model *m, struct pattern *p)
{
    solve(p);
    if (taken(m, p, 1))
        return 1;
    if (p->groups) {
        fill(m, p, 1);
        factor(p);
        solve(p);
        if (taken(m, p, 1))
            return 1;
    }
    double share = first_change(m, p);
    for (int round = 1; round < HALVINGS; round++, share *= 0.5)
        if (taken(m, p, share))
            return 1;
    return 0;
}

int shrinkage_pattern(const struct model *m)
{
    struct pattern p = {0};
    int any = 0;
    p.place = malloc(2 * m->n * sizeof(size_t));
    p.slope = malloc(4 * m->n * sizeof(double));
    if (!p.place || !p.slope) {
        free(p.place);
        free(p.slope);
        return -1;
    }
    p.of = p.place + m->n;
    p.step = p.slope + m->n;
    p.delta = p.step + m->n;
    gather(m, &p);
    p.rows = malloc((p.k ? p.k * p.k : 1) * sizeof(double));
    int without = !p.rows, fewer = 1;
    double work = 0;
    while (fewer && p.k && !without && work < MOST_WORK) {
        work += (double)p.k * (double)p.k * (double)p.k;
        fill(m, &p, 0);
        factor(&p);
        size_t before = p.k;
        int moved = slide(m, &p) || newton(m, &p);
        any = any || moved;
        gather(m, &p);
        fewer = moved && p.k < before;
    }
    free(p.rows);
    free(p.place);
    free(p.slope);
    return without ? -1 : any;
}
