/* What a step of small networks is made of: matrix products of bfloat16 numbers in blocks of 32 by 32
   with sums in float32, on arrays that are kept as tiles.

   A tile is 16 rows of 32 bfloat16 numbers, 1 KB. Of the left factor of a product a tile has 16 rows
   and 32 terms of the sum; of the right one it has 16 columns, and row j has the terms 2j and 2j + 1
   of each column side by side, as the instructions want it. The tiles of 16 rows or columns, a
   panel, lie one after the other. Products are taken by AMX where processor, system and compiler
   have it, else by AVX512-BF16 on the same tiles. */
#ifndef SHRINKAGE_MLP_H
#define SHRINKAGE_MLP_H

#include "_adam_wide.h"
#include "_steps.h"

#if HAS_WIDE
#define MLP __attribute__((target("avx512f,avx512dq,avx512bw,avx512bf16")))
#define MLP_INLINE MLP static inline __attribute__((always_inline))

#if defined(__linux__) && __GNUC__ >= 11
#define HAS_TILES 1
#include <sys/syscall.h>
#include <unistd.h>
#else
#define HAS_TILES 0
#endif

enum { SIDE = 32, LANES = 16, TILE = LANES * SIDE };

/* Panels of tiles, each so many tiles deep. */
struct tiles {
    uint16_t *at;
    size_t depth;
};

MLP_INLINE uint16_t *tile_of(struct tiles t, size_t panel, size_t k)
{
    return t.at + (panel * t.depth + k) * TILE;
}

static inline size_t blocks_of(size_t n) { return (n + SIDE - 1) / SIDE; }

static inline __mmask16 lanes_of(size_t n) { return n >= LANES ? 0xffff : (__mmask16)((1u << n) - 1); }

/* Thirty-two rows of thirty-two bfloat16 numbers. */
struct block {
    __m512i row[SIDE];
};

MLP_INLINE __m512i rounded(__m512 low, __m512 high)
{
    return (__m512i)_mm512_cvtne2ps_pbh(high, low);
}

/* The rows as they are, into two tiles. */
MLP_INLINE void put_rows(const struct block *b, uint16_t *low, uint16_t *high)
{
    for (size_t i = 0; i < LANES; i++) {
        _mm512_storeu_si512(low + i * SIDE, b->row[i]);
        _mm512_storeu_si512(high + i * SIDE, b->row[i + LANES]);
    }
}

/* Numbers of rows 2j and 2j + 1 side by side: those of the first 16 columns, those of the others. */
MLP_INLINE void put_pairs(const struct block *b, uint16_t *low, uint16_t *high)
{
    const __m512i order = _mm512_set_epi16(
        47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8, 39, 7, 38, 6, 37, 5, 36, 4, 35,
        3, 34, 2, 33, 1, 32, 0);
    const __m512i after = _mm512_add_epi16(order, _mm512_set1_epi16(LANES));
    for (size_t j = 0; j < LANES; j++) {
        __m512i even = b->row[2 * j], odd = b->row[2 * j + 1];
        _mm512_storeu_si512(low + j * SIDE, _mm512_permutex2var_epi16(even, order, odd));
        _mm512_storeu_si512(high + j * SIDE, _mm512_permutex2var_epi16(even, after, odd));
    }
}

/* Sixteen rows of sixteen pairs, rows and columns exchanged, to rows `stride` numbers apart. */
MLP_INLINE void put_turned_half(const __m512i *row, uint16_t *to, size_t stride)
{
    __m512i a[LANES], b[LANES];
    for (size_t i = 0; i < LANES; i += 2) {
        a[i] = _mm512_unpacklo_epi32(row[i], row[i + 1]);
        a[i + 1] = _mm512_unpackhi_epi32(row[i], row[i + 1]);
    }
    for (size_t i = 0; i < LANES; i += 4) { /* b[i + c] has column 4q + c of four rows in lane q */
        b[i] = _mm512_unpacklo_epi64(a[i], a[i + 2]);
        b[i + 1] = _mm512_unpackhi_epi64(a[i], a[i + 2]);
        b[i + 2] = _mm512_unpacklo_epi64(a[i + 1], a[i + 3]);
        b[i + 3] = _mm512_unpackhi_epi64(a[i + 1], a[i + 3]);
    }
    for (size_t c = 0; c < 4; c++) {
        __m512i even = _mm512_shuffle_i32x4(b[c], b[c + 4], 0x88);
        __m512i odd = _mm512_shuffle_i32x4(b[c], b[c + 4], 0xdd);
        __m512i even2 = _mm512_shuffle_i32x4(b[c + 8], b[c + 12], 0x88);
        __m512i odd2 = _mm512_shuffle_i32x4(b[c + 8], b[c + 12], 0xdd);
        _mm512_storeu_si512(to + c * stride, _mm512_shuffle_i32x4(even, even2, 0x88));
        _mm512_storeu_si512(to + (c + 4) * stride, _mm512_shuffle_i32x4(odd, odd2, 0x88));
        _mm512_storeu_si512(to + (c + 8) * stride, _mm512_shuffle_i32x4(even, even2, 0xdd));
        _mm512_storeu_si512(to + (c + 12) * stride, _mm512_shuffle_i32x4(odd, odd2, 0xdd));
    }
}

MLP_INLINE void put_turned(const struct block *b, uint16_t *low, uint16_t *high)
{
    put_turned_half(b->row, low, SIDE);
    put_turned_half(b->row + LANES, high, SIDE);
}

/* Thirty-two left rows by thirty-two right columns, sums of `depth` tiles, to (32 x 32) numbers.
   `next` is what separates the second panel from the first. */
struct product {
    const uint16_t *a, *b;
    size_t next_a, next_b, depth;
    float *to;
};

static inline struct product product_of(struct tiles left, size_t a, struct tiles right, size_t b,
                                        float *to)
{
    struct product own = {left.at + 2 * a * left.depth * TILE,
                          right.at + 2 * b * right.depth * TILE,
                          left.depth * TILE,
                          right.depth * TILE,
                          left.depth,
                          to};
    return own;
}

MLP static void product_wide(const struct product *p)
{
    size_t next_b = p->next_b;
    const uint16_t *b = p->b;
    for (size_t m = 0; m < SIDE; m += 4) {
        const uint16_t *left = p->a + (m / LANES) * p->next_a + (m % LANES) * SIDE;
        __m512 sum[4][2];
        for (size_t i = 0; i < 4; i++)
            sum[i][0] = sum[i][1] = _mm512_setzero_ps();
        for (size_t k = 0; k < p->depth; k++)
            for (size_t j = 0; j < LANES; j++) {
                __m512bh low = (__m512bh)_mm512_loadu_si512(b + k * TILE + j * SIDE);
                __m512bh high = (__m512bh)_mm512_loadu_si512(b + next_b + k * TILE + j * SIDE);
                for (size_t i = 0; i < 4; i++) {
                    int pair;
                    memcpy(&pair, left + k * TILE + i * SIDE + 2 * j, sizeof pair);
                    __m512bh both = (__m512bh)_mm512_set1_epi32(pair);
                    sum[i][0] = _mm512_dpbf16_ps(sum[i][0], both, low);
                    sum[i][1] = _mm512_dpbf16_ps(sum[i][1], both, high);
                }
            }
        for (size_t i = 0; i < 4; i++) {
            _mm512_storeu_ps(p->to + (m + i) * SIDE, sum[i][0]);
            _mm512_storeu_ps(p->to + (m + i) * SIDE + LANES, sum[i][1]);
        }
    }
}

#if HAS_TILES
struct tile_layout {
    uint8_t palette, start, reserved[14];
    uint16_t bytes[16];
    uint8_t rows[16];
};

/* A product by tiles, if there is one: it begins, goes on and ends, and between these other work may
   be done. The unit sleeps after a few hundred cycles without a product, and takes a thousand and
   more to wake, three times what a product does. */
MLP_INLINE void tiles_begin(const struct product *p)
{
    if (p)
        __asm__ volatile("tilezero %tmm0\n\ttilezero %tmm1\n\t"
                         "tilezero %tmm2\n\ttilezero %tmm3");
}

/* The parts of the depth from `from` to `to` of 32. */
MLP_INLINE void tiles_go_on(const struct product *p, size_t from, size_t to)
{
    for (size_t k = p ? p->depth * from / SIDE : 0; p && k < p->depth * to / SIDE; k++) {
        const uint16_t *a = p->a + k * TILE, *b = p->b + k * TILE;
        __asm__ volatile("tileloadd (%0,%4,1), %%tmm4\n\t"
                         "tileloadd (%2,%4,1), %%tmm6\n\t"
                         "tileloadd (%1,%4,1), %%tmm5\n\t"
                         "tileloadd (%3,%4,1), %%tmm7\n\t"
                         "tdpbf16ps %%tmm6, %%tmm4, %%tmm0\n\t"
                         "tdpbf16ps %%tmm7, %%tmm4, %%tmm1\n\t"
                         "tdpbf16ps %%tmm6, %%tmm5, %%tmm2\n\t"
                         "tdpbf16ps %%tmm7, %%tmm5, %%tmm3" ::"r"(a),
                         "r"(a + p->next_a), "r"(b), "r"(b + p->next_b), "r"((size_t)64)
                         : "memory");
    }
}

MLP_INLINE void tiles_end(const struct product *p)
{
    if (p) {
        float *c = p->to;
        __asm__ volatile("tilestored %%tmm0, (%0,%4,1)\n\t"
                         "tilestored %%tmm1, (%1,%4,1)\n\t"
                         "tilestored %%tmm2, (%2,%4,1)\n\t"
                         "tilestored %%tmm3, (%3,%4,1)" ::"r"(c),
                         "r"(c + LANES), "r"(c + LANES * SIDE), "r"(c + LANES * SIDE + LANES),
                         "r"(SIDE * sizeof *c)
                         : "memory");
    }
}

MLP static void product_amx(const struct product *p)
{
    tiles_begin(p);
    tiles_go_on(p, 0, SIDE);
    tiles_end(p);
}

/* What others have configured is put back afterwards: some libraries remember it. */
MLP static void tiles_are_set(struct tile_layout *before)
{
    struct tile_layout own = {.palette = 1};
    for (size_t i = 0; i < 8; i++)
        own.rows[i] = LANES, own.bytes[i] = 64;
    __asm__ volatile("sttilecfg %0" : "=m"(*before));
    __asm__ volatile("ldtilecfg %0" ::"m"(own));
}

MLP static void tiles_are_put_back(const struct tile_layout *before)
{
    __asm__ volatile("ldtilecfg %0" ::"m"(*before));
}

/* Linux lets a process use tiles once it has asked for them. */
static int tiles_are_there(void)
{
    __builtin_cpu_init();
    unsigned a = 7, b, c = 0, d;
    __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    const unsigned needed = 1u << 22 | 1u << 24; /* amx-bf16 and amx-tile */
    return (d & needed) == needed && syscall(SYS_arch_prctl, 0x1023, 18) == 0;
}
#endif
#endif
#endif
