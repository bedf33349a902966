/* A tile of neighbouring groups, for one kind of number: included by _groups.c once for each.

   Row j of the room's arrays has the j-th member of every group. With d = distance + l2, z is the
   weight after Adam, L2 and L1, t = group/d, and the weight ends at z·r/(r + t), where r is the root
   of φ(r) = Σ (z/(r + t))² = 1: Newton's method on 1/√φ − 1, which is concave, from where its
   tangent at infinity is 0. After a step of relative size s the error is at most 1.5·s². */

/* φ and −φ′/2 of some groups at their roots. */
CLONES static void NAMED(sums)(const REAL *restrict z, const REAL *restrict t, size_t members,
                               size_t n, const REAL *restrict root, REAL *restrict total,
                               REAL *restrict slope)
{
    for (size_t l = 0; l < n; l++)
        total[l] = slope[l] = 0;
    for (size_t j = 0; j < members; j++, z += TILE, t += TILE)
        for (size_t l = 0; l < n; l++) {
            REAL near = 1 / (root[l] + t[l]), ratio = z[l] * near, square = ratio * ratio;
            total[l] += square;
            slope[l] += square * near;
        }
}

/* Begin no lower than max(|z| − t), where no term of φ exceeds 1. */
static void NAMED(begin_higher)(const REAL *z, const REAL *t, size_t members, size_t n,
                                REAL *root, const REAL *slope)
{
    for (size_t l = 0; l < n; l++)
        for (size_t j = 0; j < members && !isfinite(slope[l]); j++) {
            REAL least = SIZE(z[j * TILE + l]) - t[j * TILE + l];
            root[l] = least > root[l] ? least : root[l];
        }
}

/* Find the root of each group: 0 if it vanishes after all, NaN if it has diverged. */
static void NAMED(find_roots)(const REAL *z, const REAL *t, size_t members, size_t n, REAL *root)
{
    REAL total[TILE], slope[TILE], settled = (REAL)(sqrt(DIGITS) / 3);
    unsigned char moves[TILE];
    int any = 0;
    NAMED(sums)(z, t, members, n, root, total, slope);
    for (size_t l = 0; l < n; l++)
        any |= !isfinite(slope[l]);
    if (any) {
        NAMED(begin_higher)(z, t, members, n, root, slope);
        NAMED(sums)(z, t, members, n, root, total, slope);
    }
    for (size_t l = 0; l < n; l++)
        moves[l] = 1;
    for (any = 1; any;) {
        any = 0;
        for (size_t l = 0; l < n; l++)
            if (moves[l]) {
                REAL move = (ROOT(total[l]) - 1) * (total[l] / slope[l]);
                root[l] += move;
                any |= moves[l] = move > settled * root[l];
            }
        if (any)
            NAMED(sums)(z, t, members, n, root, total, slope);
    }
}

/* Adam, L2 and L1 on one member of each group; sums for where Newton's method begins. */
CLONES static void NAMED(move)(const struct groups *s, size_t k, size_t at, size_t n,
                               const REAL *restrict g, REAL *restrict z, REAL *restrict t,
                               REAL *restrict far, REAL (*restrict sum)[TILE])
{
    REAL *restrict w = (REAL *)s->w + at, *restrict m = (REAL *)s->m + at;
    REAL *restrict v = (REAL *)s->v + at;
    const double *number = s->numbers;
    REAL fresh = (REAL)(1 - number[BETA1]), beta2 = (REAL)number[BETA2];
    REAL rare = (REAL)(1 - number[BETA2]), step = (REAL)number[STEP];
    REAL epsilon = (REAL)number[EPSILON], bound = (REAL)number[BOUND];
    REAL farthest = (REAL)number[FARTHEST], ridge = (REAL)(number[RATE] * s->l2[k]);
    REAL threshold = (REAL)(number[RATE] * s->l1[k]), group = (REAL)(number[RATE] * s->group[k]);
    REAL *restrict norm = sum[0], *restrict pull = sum[1], *restrict inside = sum[2];
    for (size_t i = 0; i < n; i++) {
        MOMENTS(REAL, ROOT, SIZE, LEAST)
        REAL moved = step * first / distance, w0 = w[i] - moved, own = farthest * SIZE(moved);
        REAL d = distance + ridge, r = 1 / d, u = w0 - w0 * (ridge * r), l1 = threshold * r;
        u = u - (u > l1 ? l1 : (u < -l1 ? -l1 : u));
        REAL ratio = u * d / group;
        far[i] = own > bound ? own : bound;
        w[i] = w0;
        z[i] = u;
        t[i] = group * r;
        norm[i] += u * u;
        pull[i] += u * u * t[i];
        inside[i] += ratio * ratio;
    }
}

/* w <- z, no farther from w than `far` */
CLONES static int NAMED(put)(REAL *restrict w, const REAL *restrict z, const REAL *restrict far,
                             size_t n)
{
    int none = 0;
    for (size_t i = 0; i < n; i++) {
        REAL low = w[i] - far[i], high = w[i] + far[i], u = z[i] + 0; /* −0.0 + 0.0 is +0.0 */
        w[i] = u < low ? low : (u > high ? high : u);
        none += w[i] == 0;
    }
    return none;
}

/* Bring the columns `lane` of an array to its front. */
static void NAMED(gather)(REAL *array, size_t members, const size_t *lane, size_t n, size_t filled)
{
    for (size_t j = 0; j < members; j++, array += TILE) {
        for (size_t l = 0; l < n; l++)
            array[l] = array[lane[l]];
        for (size_t l = n; l < filled; l++)
            array[l] = array[n - 1];
    }
}

CLONES static void NAMED(shrink)(REAL *restrict z, const REAL *restrict t,
                                 const REAL *restrict root, size_t n)
{
    for (size_t l = 0; l < n; l++)
        z[l] = z[l] * (root[l] / ((root[l] < LEAST ? LEAST : root[l]) + t[l]));
}

static void NAMED(tile)(const struct groups *s, size_t k, size_t at, size_t n, void *room,
                        long long *zeros)
{
    size_t members = s->members[k], inner = s->inner[k], lane[TILE], left = 0;
    REAL *z = room, *t = z + members * TILE, *far = t + members * TILE, sum[3][TILE] = {{0}};
    REAL root[TILE];
    int narrows = sizeof(REAL) == sizeof(float) && s->marked && s->marked[k];
    float wide[TILE];
    for (size_t j = 0; j < members; j++) {
        size_t row = at + j * inner;
        const void *g = (const REAL *)s->g + row;
        if (narrows) {
            widen(s->narrow_g + row, wide, n);
            g = wide;
        }
        NAMED(move)(s, k, row, n, g, z + j * TILE, t + j * TILE, far + j * TILE, sum);
    }
    for (size_t l = 0; l < n; l++)
        if (!(sum[2][l] <= 1))
            lane[left++] = l;
    size_t filled = (left + LANES - 1) / LANES * LANES;
    if (left) {
        NAMED(gather)(z, members, lane, left, filled);
        NAMED(gather)(t, members, lane, left, filled);
        for (size_t l = 0; l < filled; l++) {
            size_t own = lane[l < left ? l : left - 1];
            REAL norm = sum[0][own], start = ROOT(norm) - sum[1][own] / norm;
            root[l] = norm >= LEAST / DIGITS && start > LEAST && isfinite(start) ? start : LEAST;
        }
        NAMED(find_roots)(z, t, members, filled, root);
        for (size_t l = 0; l < filled; l++)
            root[l] = root[l] < 0 ? 0 : root[l];
    }
    for (size_t j = 0; j < members; j++) {
        size_t row = at + j * inner;
        REAL ends[TILE] = {0}, *own = z + j * TILE;
        NAMED(shrink)(own, t + j * TILE, root, filled);
        for (size_t l = 0; l < left; l++)
            ends[lane[l]] = own[l];
        *zeros += NAMED(put)((REAL *)s->w + row, ends, far + j * TILE, n);
        if (narrows)
            narrow((const float *)s->w + row, s->narrow_w + row, n);
    }
}

#undef REAL
#undef NAMED
#undef ROOT
#undef SIZE
#undef LEAST
#undef DIGITS
