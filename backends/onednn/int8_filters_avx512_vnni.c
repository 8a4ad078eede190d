#include <immintrin.h>

#include "int8_filters.h"

#define BLOCK DAVIT_INT8_FILTERS
#define VECTORS 4 /* of s32 in a block */

/* So that sums stay in registers. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 12")
#endif

/* What stays the same along a row. */
typedef struct context {
    const davit_int8_filters *f;
    const davit_int8_filter_rows *r;
    __mmask64 mask;    /* channels of a part that there are */
    bool whole;        /* there are all */
    bool flips, plain; /* plain: saturates, without a zero point */
    __m512i flip, padding;
    const int8_t *weights;
    const int32_t *start;
    const float *scale;
    __m512 zero, low, high;
} context;

/* _mm512_dpbusd_epi32 with weights from memory, for which gcc moves and spills the sums. */
static inline __attribute__((always_inline)) void add_dot(__m512i *sums, __m512i x, const int8_t *w)
{
    __asm__("vpdpbusd %2, %1, %0"
            : "+v"(*sums)
            : "v"(x), "m"(*(const __attribute__((may_alias)) __m512i *)w));
}

static inline const uint8_t *place_of(const context *c, int part, int row, int64_t column)
{
    return c->r->x[part][row] + column * c->r->steps[part][row];
}

static inline __m256i read_half(const context *c, int part, int row, int64_t column)
{
    return _mm256_maskz_loadu_epi8((__mmask32)c->mask, place_of(c, part, row, column));
}

static inline __m128i read_quarter(const context *c, int part, int row, int64_t column)
{
    return _mm_maskz_loadu_epi8((__mmask16)c->mask, place_of(c, part, row, column));
}

/* Four rows of a column of the image, channel by channel. */
static inline __attribute__((always_inline)) void read_column(const context *c, int64_t column,
                                                              int first, __m512i quads[VECTORS])
{
    __m512i x[4];
    if (column < 0 || column >= c->f->in) {
        UNROLL
        for (int v = 0; v < VECTORS; v++) {
            quads[v] = c->padding;
        }
        return;
    }
    if (c->whole) {
        UNROLL
        for (int i = 0; i < 4; i++) {
            x[i] = _mm512_loadu_si512(place_of(c, 0, first + i, column));
        }
    } else if (c->r->parts == 1) {
        UNROLL
        for (int i = 0; i < 4; i++) {
            x[i] = _mm512_maskz_loadu_epi8(c->mask, place_of(c, 0, first + i, column));
        }
    } else if (c->r->parts == 2) {
        UNROLL
        for (int i = 0; i < 4; i++) {
            x[i] = _mm512_inserti64x4(_mm512_castsi256_si512(read_half(c, 0, first + i, column)),
                                      read_half(c, 1, first + i, column), 1);
        }
    } else {
        UNROLL
        for (int i = 0; i < 4; i++) {
            x[i] = _mm512_castsi128_si512(read_quarter(c, 0, first + i, column));
            x[i] = _mm512_inserti32x4(x[i], read_quarter(c, 1, first + i, column), 1);
            x[i] = _mm512_inserti32x4(x[i], read_quarter(c, 2, first + i, column), 2);
            x[i] = _mm512_inserti32x4(x[i], read_quarter(c, 3, first + i, column), 3);
        }
    }
    if (c->flips) {
        UNROLL
        for (int i = 0; i < 4; i++) {
            x[i] = _mm512_xor_si512(x[i], c->flip);
        }
    }
    const __m512i low[2] = {_mm512_unpacklo_epi8(x[0], x[1]), _mm512_unpackhi_epi8(x[0], x[1])};
    const __m512i high[2] = {_mm512_unpacklo_epi8(x[2], x[3]), _mm512_unpackhi_epi8(x[2], x[3])};
    UNROLL
    for (int i = 0; i < 2; i++) {
        quads[2 * i] = _mm512_unpacklo_epi16(low[i], high[i]);
        quads[2 * i + 1] = _mm512_unpackhi_epi16(low[i], high[i]);
    }
}

/* Writes a block of one output to row of the parts. */
static inline __attribute__((always_inline)) void store(const context *c, int row, int64_t at,
                                                        __m512i bytes)
{
    for (int part = 0; part < c->r->parts && c->r->out[part][row] != NULL; part++) {
        uint8_t *out = c->r->out[part][row] + at;
        if (c->whole) {
            _mm512_storeu_si512(out, bytes);
        } else if (c->r->parts == 1) {
            _mm512_mask_storeu_epi8(out, c->mask, bytes);
        } else if (c->r->parts == 2) {
            _mm256_mask_storeu_epi8(out, (__mmask32)c->mask, _mm512_castsi512_si256(bytes));
            bytes = _mm512_alignr_epi64(bytes, bytes, 4);
        } else {
            _mm_mask_storeu_epi8(out, (__mmask16)c->mask, _mm512_castsi512_si128(bytes));
            bytes = _mm512_alignr_epi64(bytes, bytes, 2);
        }
    }
}

/* Requantises a block of one output; packing puts the channels in order again. */
static inline __attribute__((always_inline)) void finish(const context *c, int row, int64_t at,
                                                         const __m512i sums[VECTORS])
{
    __m512 t[VECTORS];
    __m512i v[VECTORS];
    UNROLL
    for (int i = 0; i < VECTORS; i++) {
        t[i] = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[i]), _mm512_loadu_ps(c->scale + 16 * i));
    }
    if (!c->plain) {
        UNROLL
        for (int i = 0; i < VECTORS; i++) {
            t[i] = _mm512_add_ps(t[i], c->zero);
            t[i] = _mm512_min_ps(_mm512_max_ps(t[i], c->low), c->high);
        }
    }
    UNROLL
    for (int i = 0; i < VECTORS; i++) {
        v[i] = _mm512_cvtps_epi32(t[i]);
    }
    const __m512i words[2] = {_mm512_packs_epi32(v[0], v[1]), _mm512_packs_epi32(v[2], v[3])};
    const __m512i bytes = c->f->result.least < 0.0f ? _mm512_packs_epi16(words[0], words[1])
                                                    : _mm512_packus_epi16(words[0], words[1]);
    store(c, row, at, bytes);
}

static inline __attribute__((always_inline)) void start_sums(const context *c, int rows,
                                                             __m512i sums[2][VECTORS])
{
    UNROLL
    for (int i = 0; i < rows * VECTORS; i++) {
        sums[i / VECTORS][i % VECTORS] = _mm512_loadu_si512(c->start + 16 * (i % VECTORS));
    }
}

/* Runs along the row: step o reads the columns at which output o begins and adds them to all
 * outputs that they are in, of which there are at most live. All but the context are constants
 * wherever this is inlined. */
static inline __attribute__((always_inline)) void run_rows(const context *c, int kernel, int stride,
                                                           int rows, int quads)
{
    enum { MOST_LIVE = 5 };
    const int live = (kernel + stride - 1) / stride;
    const int last = (kernel - 1) % stride; /* column of a step that ends an output */
    const int64_t steps = c->f->out + live - 1;
    __m512i s[MOST_LIVE][2][VECTORS];
    UNROLL
    for (int i = 0; i < live; i++) {
        start_sums(c, rows, s[i]);
    }
    for (int64_t o = 0; o < steps; o += live) {
        UNROLL
        for (int u = 0; u < live; u++) {
            if (o + u >= steps) {
                break;
            }
            UNROLL
            for (int p = 0; p < stride; p++) {
                UNROLL
                for (int q = 0; q < quads; q++) {
                    __m512i x[VECTORS];
                    read_column(c, (o + u) * stride + p - c->f->pad, 4 * q, x);
                    if (p == 0 && q == 0) {
                        start_sums(c, rows, s[u]);
                    }
                    const int8_t *w = c->weights;
                    __asm__("" : "+r"(w)); /* else all places in it are kept in registers */
                    UNROLL
                    for (int k = 0; p + k * stride < kernel; k++) {
                        UNROLL
                        for (int i = 0; i < rows * VECTORS; i++) {
                            const int tap = ((p + k * stride) * rows + i / VECTORS) * quads + q;
                            add_dot(&s[(u + live - k) % live][i / VECTORS][i % VECTORS],
                                    x[i % VECTORS], w + (tap * VECTORS + i % VECTORS) * 64);
                        }
                    }
                }
                const int64_t ended = o + u - (live - 1);
                if (p == last && ended >= 0 && ended < c->f->out) {
                    finish(c, 0, ended * c->f->channels, s[(u + 1) % live][0]);
                    if (rows == 2) {
                        finish(c, 1, ended * c->f->channels, s[(u + 1) % live][1]);
                    }
                }
            }
        }
    }
}

static inline __attribute__((always_inline)) void run_windows(const context *c, int quads)
{
    switch (c->f->kernel * 2 + c->f->stride) {
    case 3 * 2 + 1:
        run_rows(c, 3, 1, 1, quads);
        break;
    case 3 * 2 + 2:
        run_rows(c, 3, 2, 1, quads);
        break;
    case 5 * 2 + 1:
        run_rows(c, 5, 1, 1, quads);
        break;
    case 5 * 2 + 2:
        run_rows(c, 5, 2, 1, quads);
        break;
    default:
        break;
    }
}

static float within(float t, float low, float high)
{
    t = t > low ? t : low;
    return t < high ? t : high;
}

void davit_int8_filters_avx512_vnni(const davit_int8_filters *f, const davit_int8_filter_rows *r)
{
    const int64_t left = f->channels - r->block * BLOCK, first = r->block * BLOCK;
    const davit_int8_result *result = &f->result;
    /* One pair of bounds: adding the zero point and rounding keep their order. */
    const float high = within(result->high + result->zero, result->least, result->greatest);
    const float low = within(result->low + result->zero, result->least, result->greatest);
    const context c = {.f = f,
                       .r = r,
                       .mask = left < BLOCK ? ((__mmask64)1 << left) - 1 : ~(__mmask64)0,
                       .whole = left >= BLOCK,
                       .flips = f->flip != 0,
                       .plain = f->saturates && result->zero == 0.0f,
                       .flip = _mm512_set1_epi8((char)f->flip),
                       .padding = _mm512_set1_epi8((char)f->zero),
                       .weights = f->weights + first * f->kernel * f->rows * f->quads * 4,
                       .start = f->start + first,
                       .scale = f->scale + first,
                       .zero = _mm512_set1_ps(result->zero),
                       .low = _mm512_set1_ps(low < high ? low : high),
                       .high = _mm512_set1_ps(high)};
    if (f->rows == 2) {
        run_rows(&c, 3, 1, 2, 1);
    } else if (f->quads == 1) {
        run_windows(&c, 1);
    } else {
        run_windows(&c, 2);
    }
}
