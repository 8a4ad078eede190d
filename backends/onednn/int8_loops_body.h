/* The loops of int8_loops.h for the instruction set that the including file is compiled for. It
 * defines DAVIT_INT8_TABLE (the table's name) and DAVIT_INT8_NAME first.
 *
 * Loops of a fixed count of DAVIT_INT8_COLUMNS are written in C for the compiler to turn into
 * vectors; the sums of pairs are written with intrinsics. */
#include <string.h>

#include "int8_loops.h"

#if defined(__SSE4_1__)
#include <immintrin.h>
#endif

#define COLUMNS DAVIT_INT8_COLUMNS

/* ---- sums of pairs ---- */

#if defined(__AVX512BW__)
#define TILE 8
typedef __m512i vector;
#define LOAD(p) _mm512_loadu_si512(p)
#define STORE(p, v) _mm512_storeu_si512(p, v)
#define PAIR(x) _mm512_set1_epi32(x)
#define MULTIPLY_ADD(s, a, b) _mm512_add_epi32(s, _mm512_madd_epi16(a, b))
#define NONE _mm512_setzero_si512()
#elif defined(__AVX2__)
#define TILE 4
typedef __m256i vector;
#define LOAD(p) _mm256_loadu_si256((const __m256i *)(p))
#define STORE(p, v) _mm256_storeu_si256((__m256i *)(p), v)
#define PAIR(x) _mm256_set1_epi32(x)
#define MULTIPLY_ADD(s, a, b) _mm256_add_epi32(s, _mm256_madd_epi16(a, b))
#define NONE _mm256_setzero_si256()
#elif defined(__SSE4_1__)
#define TILE 2
typedef __m128i vector;
#define LOAD(p) _mm_loadu_si128((const __m128i *)(p))
#define STORE(p, v) _mm_storeu_si128((__m128i *)(p), v)
#define PAIR(x) _mm_set1_epi32(x)
#define MULTIPLY_ADD(s, a, b) _mm_add_epi32(s, _mm_madd_epi16(a, b))
#define NONE _mm_setzero_si128()
#else
#define TILE 1
typedef struct vector {
    int32_t lane[COLUMNS];
} vector;
#endif

#define LANES ((int)(sizeof(vector) / sizeof(int32_t)))
#define VECTORS (COLUMNS / LANES)

#if TILE > 1
static inline int32_t pair_at(const int16_t *row, int64_t k)
{
    int32_t pair;
    memcpy(&pair, row + 2 * k, sizeof(pair));
    return pair;
}

/* count rows at once, a constant wherever this is inlined. */
static inline __attribute__((always_inline)) void sum_rows(const davit_int8_tile *t, int first,
                                                           int count, int32_t *sums)
{
    vector s[TILE][VECTORS];
    const int16_t *rows = t->rows + (int64_t)first * 2 * t->pairs;
    for (int r = 0; r < count; r++) {
        for (int v = 0; v < VECTORS; v++) {
            s[r][v] = NONE;
        }
    }
    for (int64_t k = 0; k < t->pairs; k++) {
        const int16_t *panel = t->panel + k * 2 * COLUMNS;
        vector w[VECTORS];
        for (int v = 0; v < VECTORS; v++) {
            w[v] = LOAD(panel + 2 * LANES * v);
        }
        for (int r = 0; r < count; r++) {
            vector x = PAIR(pair_at(rows + (int64_t)r * 2 * t->pairs, k));
            for (int v = 0; v < VECTORS; v++) {
                s[r][v] = MULTIPLY_ADD(s[r][v], x, w[v]);
            }
        }
    }
    for (int r = 0; r < count; r++) {
        for (int v = 0; v < VECTORS; v++) {
            STORE(sums + (first + r) * COLUMNS + v * LANES, s[r][v]);
        }
    }
}
#else
static inline void sum_rows(const davit_int8_tile *t, int first, int count, int32_t *sums)
{
    for (int r = first; r < first + count; r++) {
        const int16_t *row = t->rows + (int64_t)r * 2 * t->pairs;
        vector s = {{0}};
        for (int64_t k = 0; k < t->pairs; k++) {
            const int16_t *panel = t->panel + k * 2 * COLUMNS;
            for (int c = 0; c < COLUMNS; c++) {
                s.lane[c] += row[2 * k] * panel[2 * c] + row[2 * k + 1] * panel[2 * c + 1];
            }
        }
        memcpy(sums + r * COLUMNS, s.lane, sizeof(s.lane));
    }
}
#endif

static void tile(const davit_int8_tile *t, int32_t *sums)
{
    int r = 0;
    for (; r + TILE <= t->count; r += TILE) {
        sum_rows(t, r, TILE, sums);
    }
    for (; r < t->count; r++) {
        sum_rows(t, r, 1, sums);
    }
}

/* ---- reading ---- */

static inline int32_t read_byte(davit_int8_source source, uint8_t x)
{
    return (int32_t)(uint8_t)(x ^ source.flip) - source.offset;
}

static void widen(davit_int8_source source, int64_t count, const uint8_t *x, int16_t *values)
{
    for (int64_t i = 0; i < count; i++) {
        values[i] = (int16_t)read_byte(source, x[i]);
    }
}

static inline __attribute__((always_inline)) void
add_tap(const davit_int8_taps *t, int64_t tap, int64_t first, int64_t count, int32_t *sums)
{
    const uint8_t *x = t->image + t->offsets[tap] + first;
    const int16_t *w = t->weights + tap * t->channels + first;
    for (int64_t c = 0; c < count; c++) {
        sums[c] += read_byte(t->source, x[c]) * w[c];
    }
}

static void depthwise(const davit_int8_taps *t, int64_t first, int64_t count, int32_t *sums)
{
    int32_t local[COLUMNS] = {0};
    for (int64_t tap = 0; tap < t->count; tap++) {
        if (t->offsets[tap] < 0) {
            continue;
        }
        if (count == COLUMNS) {
            add_tap(t, tap, first, COLUMNS, local);
        } else {
            add_tap(t, tap, first, count, local);
        }
    }
    memcpy(sums, local, sizeof(local));
}

/* ---- the ends ---- */

/* Rounds to nearest even: |t| is far below 2^22, so that adding 3 * 2^22 leaves the integer in the
 * low bits. */
static inline uint8_t end_of(const davit_int8_result *p, float t)
{
    t = t > p->low ? t : p->low;
    t = t < p->high ? t : p->high;
    t = t + p->zero;
    t = t > p->least ? t : p->least;
    t = t < p->greatest ? t : p->greatest;
    t = t + 12582912.0f;
    uint32_t bits;
    memcpy(&bits, &t, sizeof(bits));
    return (uint8_t)(bits + p->after);
}

static inline void finish_panel(const davit_int8_finish *f, int64_t first, const int32_t *sums,
                                const uint8_t *residual, uint8_t *out)
{
    const davit_int8_result result = f->result;
    const float *scale = f->scale + first, *bias = f->bias + first;
    uint8_t ends[COLUMNS];
    for (int i = 0; i < COLUMNS; i++) {
        float t = (float)sums[i];
        t = t + bias[i];
        t = t * scale[i];
        float previous = (float)read_byte(f->residual, residual[i]) * f->residual_scale;
        t = t + previous;
        ends[i] = end_of(&result, t);
    }
    memcpy(out, ends, sizeof(ends));
}

static inline void finish_panel_alone(const davit_int8_finish *f, int64_t first,
                                      const int32_t *sums, uint8_t *out)
{
    const davit_int8_result result = f->result;
    const float *scale = f->scale + first, *bias = f->bias + first;
    uint8_t ends[COLUMNS];
    for (int i = 0; i < COLUMNS; i++) {
        float t = (float)sums[i];
        t = t + bias[i];
        ends[i] = end_of(&result, t * scale[i]);
    }
    memcpy(out, ends, sizeof(ends));
}

static void finish(const davit_int8_finish *f, int64_t count, const int32_t *sums,
                   const uint8_t *residual, uint8_t *out)
{
    int64_t i = 0;
    for (; i + COLUMNS <= count; i += COLUMNS) {
        if (residual != NULL) {
            finish_panel(f, i, sums + i, residual + i, out + i);
        } else {
            finish_panel_alone(f, i, sums + i, out + i);
        }
    }
    if (i < count) {
        int32_t rest[COLUMNS] = {0};
        uint8_t before[COLUMNS] = {0}, after[COLUMNS];
        size_t left = (size_t)(count - i);
        memcpy(rest, sums + i, left * sizeof(*rest));
        if (residual != NULL) {
            memcpy(before, residual + i, left);
            finish_panel(f, i, rest, before, after);
        } else {
            finish_panel_alone(f, i, rest, after);
        }
        memcpy(out + i, after, left);
    }
}

static void rescale(const davit_int8_result *p, float scale, int64_t count, const int32_t *sums,
                    uint8_t *out)
{
    const davit_int8_result result = *p;
    for (int64_t i = 0; i < count; i++) {
        out[i] = end_of(&result, (float)sums[i] * scale);
    }
}

/* ---- standalone ---- */

static void quantize(const davit_int8_linear *linear, int64_t count, const float *x, uint8_t *out)
{
    const davit_int8_linear l = *linear;
    const davit_int8_result end = {.low = l.least - l.zero,
                                   .high = l.greatest - l.zero,
                                   .least = l.least - l.zero,
                                   .greatest = l.greatest - l.zero,
                                   .after = (uint8_t)(int32_t)l.zero};
    for (int64_t i = 0; i < count; i++) {
        out[i] = end_of(&end, x[i] / l.scale);
    }
}

static void dequantize(const davit_int8_linear *linear, int64_t count, const uint8_t *x, float *out)
{
    const davit_int8_linear l = *linear;
    for (int64_t i = 0; i < count; i++) {
        out[i] = (float)read_byte(l.source, x[i]) * l.scale;
    }
}

/* ---- pairs ---- */

#if defined(__AVX512BW__)
/* The end of sixteen values: what end_of does, with one pair of bounds in the place of two, since
 * adding the zero point and rounding keep their order. */
typedef struct vector_end {
    __m512 low, high, zero;
    __m512i after;
} vector_end;

static inline float within(float t, float low, float high)
{
    t = t > low ? t : low;
    return t < high ? t : high;
}

static inline vector_end vector_end_of(const davit_int8_result *p)
{
    float high = within(p->high + p->zero, p->least, p->greatest);
    float low = within(p->low + p->zero, p->least, p->greatest);
    return (vector_end){.low = _mm512_set1_ps(low < high ? low : high),
                        .high = _mm512_set1_ps(high),
                        .zero = _mm512_set1_ps(p->zero),
                        .after = _mm512_set1_epi32(p->after)};
}

static inline __m128i vector_ends(const vector_end *e, __m512 t)
{
    t = _mm512_add_ps(t, e->zero);
    t = _mm512_min_ps(_mm512_max_ps(t, e->low), e->high);
    return _mm512_cvtepi32_epi8(_mm512_add_epi32(_mm512_cvtps_epi32(t), e->after));
}

static inline __m512i vector_read(davit_int8_source source, __m128i bytes)
{
    bytes = _mm_xor_si128(bytes, _mm_set1_epi8((char)source.flip));
    return _mm512_sub_epi32(_mm512_cvtepu8_epi32(bytes), _mm512_set1_epi32(source.offset));
}

/* Of lanes within nine bits and a sign. */
static inline __m512i vector_product(__m512i x, __m512i y)
{
    return _mm512_madd_epi16(_mm512_and_si512(x, _mm512_set1_epi32(0xffff)), y);
}

/* Sums and products of bytes that were read as they lie: a sum's shift takes the offset off. */
typedef struct vector_pair {
    bool adds;
    davit_int8_source a, b;
    __m512 a_scale, b_scale, a_shift, b_shift;
} vector_pair;

static inline vector_pair vector_pair_of(const davit_int8_pair *p, bool adds)
{
    return (vector_pair){.adds = adds,
                         .a = p->a,
                         .b = p->b,
                         .a_scale = _mm512_set1_ps(p->a_scale),
                         .b_scale = _mm512_set1_ps(p->b_scale),
                         .a_shift = _mm512_set1_ps(-(float)p->a.offset * p->a_scale),
                         .b_shift = _mm512_set1_ps(-(float)p->b.offset * p->b_scale)};
}

/* One of the two terms of a sum: exact, since (q - zero) * scale has 24 bits. */
static inline __m512 vector_term(davit_int8_source source, __m512 scale, __m512 shift, __m128i q)
{
    q = _mm_xor_si128(q, _mm_set1_epi8((char)source.flip));
    return _mm512_fmadd_ps(_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(q)), scale, shift);
}

static inline __attribute__((always_inline)) __m512 vector_pair_up(const vector_pair *p, __m128i a,
                                                                   __m128i b)
{
    if (p->adds) {
        return _mm512_add_ps(vector_term(p->a, p->a_scale, p->a_shift, a),
                             vector_term(p->b, p->b_scale, p->b_shift, b));
    }
    __m512i product = vector_product(vector_read(p->a, a), vector_read(p->b, b));
    return _mm512_mul_ps(_mm512_cvtepi32_ps(product), p->a_scale);
}

/* The end of 64 values that only packing bounds: after is added within s16. */
static inline void pack_ends(const __m512 t[4], __m512i after, bool is_signed, uint8_t *out)
{
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    __m512i first = _mm512_packs_epi32(_mm512_cvtps_epi32(t[0]), _mm512_cvtps_epi32(t[1]));
    __m512i second = _mm512_packs_epi32(_mm512_cvtps_epi32(t[2]), _mm512_cvtps_epi32(t[3]));
    first = _mm512_adds_epi16(first, after);
    second = _mm512_adds_epi16(second, after);
    __m512i bytes =
        is_signed ? _mm512_packs_epi16(first, second) : _mm512_packus_epi16(first, second);
    _mm512_storeu_si512(out, _mm512_permutexvar_epi32(order, bytes));
}

static inline __attribute__((always_inline)) void pair_up(const davit_int8_pair *p, bool adds,
                                                          bool a_single, bool b_single,
                                                          int64_t count, const uint8_t *a,
                                                          const uint8_t *b, uint8_t *out)
{
    enum { WIDE = 4 * COLUMNS };
    const vector_pair pair = vector_pair_of(p, adds);
    const vector_end end = vector_end_of(&p->result);
    const bool is_signed = p->result.least + (float)p->result.after != 0.0f;
    const int16_t after = is_signed ? (int8_t)p->result.after : p->result.after;
    const __m512i after_16 = _mm512_set1_epi16(after);
    __m128i x = _mm_set1_epi8((char)a[0]), y = _mm_set1_epi8((char)b[0]);
    int64_t i = 0;
    for (; i + WIDE <= count; i += WIDE) {
        __m512 t[4];
        for (int k = 0; k < 4; k++) {
            x = a_single ? x : _mm_loadu_si128((const __m128i *)(a + i + k * COLUMNS));
            y = b_single ? y : _mm_loadu_si128((const __m128i *)(b + i + k * COLUMNS));
            t[k] = vector_pair_up(&pair, x, y);
            t[k] = _mm512_min_ps(_mm512_max_ps(t[k], end.low), end.high);
        }
        pack_ends(t, after_16, is_signed, out + i);
    }
    for (; i < count; i += COLUMNS) {
        __mmask16 mask = (__mmask16)(count - i < COLUMNS ? (1U << (count - i)) - 1 : 0xffffU);
        x = a_single ? x : _mm_maskz_loadu_epi8(mask, a + i);
        y = b_single ? y : _mm_maskz_loadu_epi8(mask, b + i);
        _mm_mask_storeu_epi8(out + i, mask, vector_ends(&end, vector_pair_up(&pair, x, y)));
    }
}

/* Sums of u8 of which one has no zero point, where only the type bounds the result: of as many
 * elements as whole vectors have; returns their number. */
static int64_t add_quickly(const davit_int8_pair *p, int64_t count, const uint8_t *a,
                           const uint8_t *b, uint8_t *out)
{
    enum { WIDE = 4 * COLUMNS };
    const float largest = 1 << 20; /* keeps sums within s32 */
    const davit_int8_result *r = &p->result;
    if (p->a.offset != 0 && p->b.offset == 0) {
        const davit_int8_pair other = {.a = p->b,
                                       .b = p->a,
                                       .a_scale = p->b_scale,
                                       .b_scale = p->a_scale,
                                       .a_single = p->b_single,
                                       .b_single = p->a_single,
                                       .result = p->result};
        return add_quickly(&other, count, b, a, out);
    }
    if (p->a_single || p->b_single || p->a.flip != 0 || p->b.flip != 0 || p->a.offset != 0 ||
        r->zero != 0.0f || r->low > r->least || r->high < r->greatest || p->a_scale > largest ||
        p->b_scale > largest) {
        return 0;
    }
    const vector_pair pair = vector_pair_of(p, true);
    const bool is_signed = r->least + (float)r->after != 0.0f;
    const __m512i after = _mm512_set1_epi16(is_signed ? (int8_t)r->after : r->after);
    int64_t i = 0;
    for (; i + WIDE <= count; i += WIDE) {
        __m512 t[4];
        for (int k = 0; k < 4; k++) {
            const __m128i *x = (const __m128i *)(a + i + k * COLUMNS);
            const __m128i *y = (const __m128i *)(b + i + k * COLUMNS);
            __m512 first = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(x)));
            __m512 second = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(y)));
            second = _mm512_fmadd_ps(second, pair.b_scale, pair.b_shift); /* exact */
            t[k] = _mm512_fmadd_ps(first, pair.a_scale, second);
        }
        pack_ends(t, after, is_signed, out + i);
    }
    return i;
}

static inline __attribute__((always_inline)) void blocks(const davit_int8_pair *p, bool adds,
                                                         int64_t count, const uint8_t *a,
                                                         const uint8_t *b, uint8_t *out)
{
    if (p->a_single) {
        pair_up(p, adds, true, p->b_single, count, a, b, out);
    } else if (p->b_single) {
        pair_up(p, adds, false, true, count, a, b, out);
    } else {
        pair_up(p, adds, false, false, count, a, b, out);
    }
}
#else
static int64_t add_quickly(const davit_int8_pair *p, int64_t count, const uint8_t *a,
                           const uint8_t *b, uint8_t *out)
{
    (void)p, (void)count, (void)a, (void)b, (void)out;
    return 0;
}

static inline __attribute__((always_inline)) void pair_up(const davit_int8_pair *p, bool adds,
                                                          int64_t count, const uint8_t *a,
                                                          const uint8_t *b, uint8_t *out)
{
    const davit_int8_pair pair = *p;
    for (int64_t i = 0; i < count; i++) {
        int32_t x = read_byte(pair.a, a[i]);
        int32_t y = read_byte(pair.b, b[i]);
        float t;
        if (adds) {
            float first = (float)x * pair.a_scale;
            float second = (float)y * pair.b_scale;
            t = first + second;
        } else {
            t = (float)(x * y) * pair.a_scale;
        }
        out[i] = end_of(&pair.result, t);
    }
}

/* A single operand is spread over a block first. */
static inline __attribute__((always_inline)) void blocks(const davit_int8_pair *p, bool adds,
                                                         int64_t count, const uint8_t *in_a,
                                                         const uint8_t *in_b, uint8_t *out)
{
    enum { BLOCK = 256 };
    uint8_t a[BLOCK], b[BLOCK], ends[BLOCK];
    memset(a, in_a[0], BLOCK);
    memset(b, in_b[0], BLOCK);
    for (int64_t i = 0; i < count; i += BLOCK) {
        int64_t n = count - i < BLOCK ? count - i : BLOCK;
        pair_up(p, adds, n, p->a_single ? a : in_a + i, p->b_single ? b : in_b + i, ends);
        memcpy(out + i, ends, (size_t)n);
    }
}
#endif

static void add(const davit_int8_pair *p, int64_t count, const uint8_t *a, const uint8_t *b,
                uint8_t *out)
{
    int64_t i = add_quickly(p, count, a, b, out);
    if (i < count) {
        blocks(p, true, count - i, a + i, b + i, out + i);
    }
}

static void multiply(const davit_int8_pair *p, int64_t count, const uint8_t *a, const uint8_t *b,
                     uint8_t *out)
{
    blocks(p, false, count, a, b, out);
}

/* ---- maximum pooling ---- */

#if defined(__AVX512BW__)
#define GREATER_BYTES(a, b) _mm512_max_epu8(a, b)
#define ALL_BYTES(x) _mm512_set1_epi8(x)
#define FLIP(a, b) _mm512_xor_si512(a, b)
#elif defined(__AVX2__)
#define GREATER_BYTES(a, b) _mm256_max_epu8(a, b)
#define ALL_BYTES(x) _mm256_set1_epi8(x)
#define FLIP(a, b) _mm256_xor_si256(a, b)
#elif defined(__SSE4_1__)
#define GREATER_BYTES(a, b) _mm_max_epu8(a, b)
#define ALL_BYTES(x) _mm_set1_epi8(x)
#define FLIP(a, b) _mm_xor_si128(a, b)
#endif

static void greatest(uint8_t flip, int64_t taps, const int64_t *offsets, const uint8_t *x,
                     int64_t count, uint8_t *out)
{
    int64_t i = 0;
#if TILE > 1
    const vector flips = ALL_BYTES((char)flip);
    for (; i + (int64_t)sizeof(vector) <= count; i += (int64_t)sizeof(vector)) {
        vector most = NONE;
        for (int64_t t = 0; t < taps; t++) {
            if (offsets[t] >= 0) {
                most = GREATER_BYTES(most, FLIP(LOAD(x + offsets[t] + i), flips));
            }
        }
        STORE(out + i, FLIP(most, flips));
    }
#endif
    for (; i < count; i++) {
        uint8_t most = 0;
        for (int64_t t = 0; t < taps; t++) {
            uint8_t value = offsets[t] >= 0 ? (uint8_t)(x[offsets[t] + i] ^ flip) : 0;
            most = value > most ? value : most;
        }
        out[i] = most ^ flip;
    }
}

/* ---- tables ---- */

static void look_up(const uint8_t table[256], int64_t count, const uint8_t *x, uint8_t *out)
{
    int64_t i = 0;
#if defined(__AVX512VBMI__)
    const __m512i t0 = LOAD(table), t1 = LOAD(table + 64), t2 = LOAD(table + 128),
                  t3 = LOAD(table + 192);
    for (; i + 64 <= count; i += 64) {
        __m512i at = LOAD(x + i);
        __m512i low = _mm512_permutex2var_epi8(t0, at, t1);
        __m512i high = _mm512_permutex2var_epi8(t2, at, t3);
        STORE(out + i, _mm512_mask_blend_epi8(_mm512_movepi8_mask(at), low, high));
    }
#endif
    for (; i < count; i++) {
        out[i] = table[x[i]];
    }
}

static void bound(float low, float high, int64_t count, const float *x, float *out)
{
    for (int64_t i = 0; i < count; i++) {
        const float v = x[i] < low ? low : x[i];
        out[i] = v > high ? high : v;
    }
}

#if defined(__AVX512VNNI__)
#include "int8_dot_body.h"
#else
static void (*const dot)(const davit_int8_dot *) = NULL;
static void (*const pack_panel)(const davit_int8_panel *) = NULL;
#endif

#if TILE > 1
#include "int8_winograd_body.h"
#endif

const davit_int8_loops DAVIT_INT8_TABLE = {.name = DAVIT_INT8_NAME,
                                           .tile = tile,
                                           .depthwise = depthwise,
                                           .widen = widen,
                                           .finish = finish,
                                           .rescale = rescale,
                                           .quantize = quantize,
                                           .dequantize = dequantize,
                                           .add = add,
                                           .multiply = multiply,
                                           .greatest = greatest,
                                           .dot = dot,
                                           .pack_panel = pack_panel,
#if TILE > 1
                                           .winograd_transform = winograd_transform,
                                           .winograd_multiply = winograd_multiply,
#endif
                                           .bound = bound,
                                           .look_up = look_up};
