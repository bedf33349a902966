/* The losses of rows by one output (`_rows.h`): those of classes.Logistic and counts.Counts. */
#include "_rows.h"
#include <math.h>

/* A sum and what rounding has taken from it (Knuth's two-sum): sums over many rows are compared. */
struct sum {
    double total, lost;
};

static inline void add(struct sum *s, double term)
{
    double total = s->total + term, added = total - s->total;
    s->lost += (s->total - (total - added)) + (term - added);
    s->total = total;
}

static double entropy(double q)
{
    return q > 0 ? q * log(q) : 0.0;
}

/* log(1 + exp(-+z)) */
static double logistic(const struct rows *r, struct outputs *o)
{
    struct sum value = {0, 0};
    for (size_t i = 0; i < r->rows; i++) {
        double z = o->z[i], small = exp(-fabs(z)), y = r->target[i];
        double large = 1 / (1 + small), p = z >= 0 ? large : small * large;
        add(&value, r->share[i] * (fmax(z, 0.0) - y * z + log1p(small)));
        o->chance[i] = p;
        o->pull[i] = r->share[i] * (p - y);
        o->bend[i] = r->share[i] * small * large * large;
    }
    return value.total + value.lost;
}

/* mean - y - y log(mean / y) = y (exp(d) - 1 - d) with d = z - log y: large counts leave rounding of
   the first */
static double counts(const struct rows *r, struct outputs *o)
{
    struct sum value = {0, 0};
    for (size_t i = 0; i < r->rows; i++) {
        double mean = exp(o->z[i]), y = r->target[i];
        double away = y > 0 ? o->z[i] - log(y) : 0.0;
        add(&value, r->share[i] * (y > 0 ? y * (expm1(away) - away) : mean));
        o->chance[i] = mean;
        o->pull[i] = r->share[i] * (mean - y);
        o->bend[i] = r->share[i] * mean;
    }
    return isfinite(value.total) ? value.total + value.lost : INFINITY;
}

void shrinkage_loss(const struct rows *r, struct outputs *o)
{
    o->value = r->kind == LOGISTIC ? logistic(r, o) : counts(r, o);
}

double shrinkage_dual(const struct rows *r, const struct outputs *o, double scale)
{
    struct sum dual = {0, 0};
    for (size_t i = 0; i < r->rows; i++) {
        double y = r->target[i], q = y + scale * (o->chance[i] - y);
        add(&dual, r->share[i] * (r->kind == LOGISTIC ? -entropy(q) - entropy(1 - q)
                                                      : q - entropy(q) - y + entropy(y)));
    }
    return dual.total + dual.lost;
}
