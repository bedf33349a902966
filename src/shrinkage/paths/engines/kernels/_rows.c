/* Weights of a stack times rows that are mostly zero, in float32: zeros are left out.

   Called by kernels/rows.py. Of 128 rows the numbers that are not zero are listed, some neighbouring
   inputs at a time, whose weights a near cache has; each is multiplied with the weights of 64 outputs,
   whose sums registers hold. An output's sum goes by inputs in their order, whatever lies beside it. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "_pool.h"

#if defined(__GNUC__)
#define HAS_ROWS 1
#else
#define HAS_ROWS 0
#endif

struct product {
    const float *x, *weight; /* (rows, inputs), (outputs, inputs) */
    float *out;              /* (outputs, rows) */
    size_t rows, inputs, outputs;
    float *turned;           /* (groups of outputs, inputs, WIDE) */
    char *room;              /* (threads, room of one) */
    size_t room_of_one;
    const struct pool *pool;
};

#if HAS_ROWS
enum { LANES = 16, VECTORS = 4, WIDE = LANES * VECTORS, SOME = 128, NEAR = 112 };

typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

/* The numbers of some rows that are not zero: list u has those from begin[u] to begin[u + 1]. */
struct listed {
    uint32_t *begin, *at; /* `at`: of the first weight that the number is multiplied with */
    float *value, *sums;  /* `sums`: (SOME, WIDE) */
};

static size_t groups_of(const struct product *p) { return (p->outputs + WIDE - 1) / WIDE; }

/* Lay out a thread's room; return its size. */
static size_t laid_out(const struct product *p, char *room, struct listed *own)
{
    size_t nears = (p->inputs + NEAR - 1) / NEAR, most = SOME * p->inputs + 1;
    own->sums = (float *)room;
    own->begin = (uint32_t *)(own->sums + SOME * WIDE);
    own->at = own->begin + SOME * nears + 1;
    own->value = (float *)(own->at + most);
    return ((size_t)((char *)(own->value + most) - room) + 63) / 64 * 64;
}

static void list_some(const struct product *p, size_t first, size_t rows, struct listed *own)
{
    uint32_t end = 0, *begin = own->begin;
    *begin++ = 0;
    for (size_t near = 0; near < p->inputs; near += NEAR)
        for (size_t j = 0; j < rows; j++) {
            const float *x = p->x + (first + j) * p->inputs;
            size_t last = near + NEAR < p->inputs ? near + NEAR : p->inputs;
            for (size_t i = near; i < last; i++) {
                own->value[end] = x[i];
                own->at[end] = (uint32_t)(i * WIDE);
                end += x[i] != 0;
            }
            *begin++ = end;
        }
}

/* Add what some inputs give to the sums of a group for some rows. */
CLONES static void add_near(const uint32_t *begin, const uint32_t *at, const float *value,
                            size_t rows, const float *weight, float *sums)
{
    for (size_t j = 0; j < rows; j++, sums += WIDE) {
        lanes sum[VECTORS], own;
        for (size_t v = 0; v < VECTORS; v++)
            memcpy(&sum[v], sums + v * LANES, sizeof own);
        for (size_t k = begin[j], end = begin[j + 1]; k < end; k++)
            for (size_t v = 0; v < VECTORS; v++) {
                memcpy(&own, weight + at[k] + v * LANES, sizeof own);
                sum[v] += own * value[k];
            }
        for (size_t v = 0; v < VECTORS; v++)
            memcpy(sums + v * LANES, &sum[v], sizeof own);
    }
}

/* The outputs of some rows. */
static void multiply_some(const struct product *p, size_t first, size_t rows, struct listed *own)
{
    list_some(p, first, rows, own);
    for (size_t g = 0; g < groups_of(p); g++) {
        size_t there = p->outputs - g * WIDE < WIDE ? p->outputs - g * WIDE : WIDE;
        const uint32_t *begin = own->begin;
        memset(own->sums, 0, rows * WIDE * sizeof(float));
        for (size_t near = 0; near < p->inputs; near += NEAR, begin += rows)
            add_near(begin, own->at, own->value, rows, p->turned + g * p->inputs * WIDE, own->sums);
        for (size_t o = 0; o < there; o++)
            for (size_t j = 0; j < rows; j++)
                p->out[(g * WIDE + o) * p->rows + first + j] = own->sums[j * WIDE + o];
    }
}

static void multiply_share(const struct product *p, size_t number, size_t count)
{
    struct listed own;
    size_t blocks = (p->rows + SOME - 1) / SOME;
    laid_out(p, p->room + number * p->room_of_one, &own);
    for (size_t b = blocks * number / count; b < blocks * (number + 1) / count; b++)
        multiply_some(p, b * SOME, p->rows - b * SOME < SOME ? p->rows - b * SOME : SOME, &own);
}

/* Weights by inputs, the outputs of a group side by side. */
static void turn_share(const struct product *p, size_t number, size_t count)
{
    size_t groups = groups_of(p);
    for (size_t g = groups * number / count; g < groups * (number + 1) / count; g++)
        for (size_t i = 0; i < p->inputs; i++)
            for (size_t o = 0; o < WIDE; o++)
                p->turned[(g * p->inputs + i) * WIDE + o] =
                    g * WIDE + o < p->outputs ? p->weight[(g * WIDE + o) * p->inputs + i] : 0;
}

static void turn_of_thread(void *given)
{
    const struct product *p = given;
    turn_share(p, (size_t)p->pool->number(), (size_t)p->pool->count());
}

static void multiply_of_thread(void *given)
{
    const struct product *p = given;
    multiply_share(p, (size_t)p->pool->number(), (size_t)p->pool->count());
}
#endif

/* Return the bytes that each thread needs as its room; 0: products are not there. */
PUBLIC size_t rows_room(const void *given)
{
#if HAS_ROWS
    struct listed own;
    return laid_out(given, NULL, &own);
#else
    (void)given;
    return 0;
#endif
}

/* Return how many numbers the turned weights are. */
PUBLIC size_t rows_turned(const void *given)
{
#if HAS_ROWS
    const struct product *p = given;
    return groups_of(p) * p->inputs * WIDE;
#else
    (void)given;
    return 0;
#endif
}

PUBLIC void rows_product(const void *given, unsigned threads)
{
#if HAS_ROWS
    const struct product *p = given;
    if (!p->pool->parallel || threads < 2) {
        turn_share(p, 0, 1);
        multiply_share(p, 0, 1);
        return;
    }
    p->pool->parallel(turn_of_thread, (void *)p, threads, 0);
    p->pool->parallel(multiply_of_thread, (void *)p, threads, 0);
#else
    (void)given, (void)threads;
#endif
}
