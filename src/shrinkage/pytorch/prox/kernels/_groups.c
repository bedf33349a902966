/* Adam's step and the prox of a group penalty after it, in its own metric, perhaps with L1 and L2:
   for a stack of models whose groups run along an axis that others follow.

   Called by kernels/adam_groups.py on raw pointers. What it computes is what torch's Adam and
   pytorch/prox/group.py compute one after the other, a tile of neighbouring groups at a time: each
   array is read and written once, and the rest happens in a room that the cache holds. A group
   for which Σ (z/t)² <= 1 is zero, and has no root to be found; the others of a tile move together.
   What a group does depends on no other group. */
#include "_moments.h"
#include "_narrow.h"

enum { TILE = 256, LANES = 16 }; /* groups at once; what they are filled up to */

struct groups {
    void *w, *m, *v;
    const void *g;
    const size_t *from, *outer, *members, *inner; /* of each segment: (outer, members, inner) */
    const double *l1, *l2, *group;                /* strengths of each segment */
    size_t segments;
    const double *numbers;
    long long *zeros;          /* threads x segments */
    const uint16_t *narrow_g;  /* as in _adam.c */
    uint16_t *narrow_w;
    const unsigned char *marked;
    char *room;                /* of each thread: 3 x the most members x TILE numbers */
    size_t bytes;              /* of one room */
    void (*tile)(const struct groups *, size_t segment, size_t at, size_t n, void *room,
                 long long *zeros);
    const struct pool *pool;
};

#define REAL float
#define NAMED(name) name##_float
#define ROOT sqrtf
#define SIZE fabsf
#define LEAST FLT_MIN
#define DIGITS FLT_EPSILON
#include "_group_tile.h"
#define REAL double
#define NAMED(name) name##_double
#define ROOT sqrt
#define SIZE fabs
#define LEAST DBL_MIN
#define DIGITS DBL_EPSILON
#include "_group_tile.h"

/* Do the tiles of every segment that are this thread's. */
static void part(const void *given, size_t number, size_t count)
{
    const struct groups *s = given;
    long long *zeros = s->zeros + number * s->segments;
    for (size_t k = 0; k < s->segments; k++) {
        size_t inner = s->inner[k], across = (inner + TILE - 1) / TILE, tiles = s->outer[k] * across;
        size_t share = (tiles + count - 1) / count, tile = number * share, end = tile + share;
        zeros[k] = 0;
        for (; tile < end && tile < tiles; tile++) {
            size_t along = tile % across * TILE, n = inner - along < TILE ? inner - along : TILE;
            size_t at = s->from[k] + tile / across * s->members[k] * inner + along;
            s->tile(s, k, at, n, s->room + number * s->bytes, zeros + k);
        }
    }
}

/* One step, as `adam_of_stack` takes one; every strength of a group is above 0. */
PUBLIC unsigned adam_of_groups(void *w, const void *g, void *m, void *v, int wide,
                               const uint16_t *narrow_g, uint16_t *narrow_w,
                               const unsigned char *marked, const size_t *from,
                               const size_t *outer, const size_t *members, const size_t *inner,
                               const double *l1, const double *l2, const double *group,
                               size_t segments, const double *numbers, long long *zeros,
                               void *room, size_t bytes, const struct pool *pool, unsigned threads)
{
    struct groups s = {w, m, v, g, from, outer, members, inner, l1, l2, group, segments, numbers,
                       zeros, narrow_g, narrow_w, marked, room, bytes,
                       wide ? tile_double : tile_float, pool};
    size_t total = 0;
    for (size_t k = 0; k < segments; k++)
        total += outer[k] * members[k] * inner[k];
    if (!pool->parallel || threads < 2 || total < WORTHWHILE)
        threads = 1;
    for (size_t k = 0; k < threads * segments; k++)
        zeros[k] = 0;
    in_shares(pool, threads, part, &s);
    return threads;
}
