/* The loops of davit_int8_winograd, written once for each vector width: included by
 * int8_loops_body.h. */
#define POINTS DAVIT_INT8_POINTS
#define WORDS ((int)(sizeof(vector) / sizeof(int16_t)))
#define UNROLL_ALL _Pragma("GCC unroll 36")

typedef int16_t words __attribute__((vector_size(sizeof(vector))));
typedef uint32_t sums_vector __attribute__((vector_size(sizeof(vector)))); /* modulo 2^32 */
typedef int32_t signed_vector __attribute__((vector_size(sizeof(vector))));

/* A tile's place: the image and the first output. */
typedef struct tile_place {
    int64_t image, at[2];
} tile_place;

static tile_place tile_place_of(const davit_int8_winograd *w, int64_t tile_index)
{
    int64_t line = tile_index / w->tiles[1];
    return (tile_place){.image = line / w->tiles[0],
                        .at = {line % w->tiles[0] * 4, tile_index % w->tiles[1] * 4}};
}

/* ---- to 36 points ---- */

static inline words read_words(const uint8_t *x, bool is_signed)
{
#if defined(__AVX512BW__)
    __m256i bytes = _mm256_loadu_si256((const __m256i *)x);
    return (words)(is_signed ? _mm512_cvtepi8_epi16(bytes) : _mm512_cvtepu8_epi16(bytes));
#elif defined(__AVX2__)
    __m128i bytes = _mm_loadu_si128((const __m128i *)x);
    return (words)(is_signed ? _mm256_cvtepi8_epi16(bytes) : _mm256_cvtepu8_epi16(bytes));
#else
    __m128i bytes = _mm_loadl_epi64((const __m128i *)x);
    return (words)(is_signed ? _mm_cvtepi8_epi16(bytes) : _mm_cvtepu8_epi16(bytes));
#endif
}

/* Six values to six points, in place; step is the distance of the values. */
static inline __attribute__((always_inline)) void to_points(words *d, int step)
{
    const words d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step],
                d5 = d[5 * step];
    const words even = d4 - (d2 << 2), odd = d3 - (d1 << 2), u = d4 - d2, v = (d3 - d1) << 1;
    d[0] = ((d0 - d2) << 2) + u;
    d[step] = even + odd;
    d[2 * step] = even - odd;
    d[3 * step] = u + v;
    d[4 * step] = u - v;
    d[5 * step] = d5 - d3 - (v << 1);
}

/* WORDS channels of a tile. corner is the first of 6x6 inputs; those outside of the image are the
 * zero point. */
static inline __attribute__((always_inline)) void transform_part(const davit_int8_winograd *w,
                                                                 const uint8_t *corner, bool inside,
                                                                 bool is_signed,
                                                                 const tile_place *p, int16_t *to)
{
    words d[POINTS];
    const int64_t line = w->in[1] * w->inputs, stride = davit_int8_points_stride(w);
    const words zero = (words){0} + w->zero;
    UNROLL_ALL
    for (int i = 0; i < 6; i++) {
        int64_t row = p->at[0] - w->pad[0] + i;
        UNROLL_ALL
        for (int j = 0; j < 6; j++) {
            int64_t column = p->at[1] - w->pad[1] + j;
            bool there = inside || (row >= 0 && row < w->in[0] && column >= 0 && column < w->in[1]);
            d[6 * i + j] = there ? read_words(corner + i * line + j * w->inputs, is_signed) : zero;
        }
    }
    UNROLL_ALL
    for (int i = 0; i < 6; i++) {
        to_points(d + i, 6);
    }
    UNROLL_ALL
    for (int i = 0; i < 6; i++) {
        to_points(d + 6 * i, 1);
        UNROLL_ALL
        for (int j = 0; j < 6; j++) {
            STORE((void *)(to + (6 * i + j) * stride), (vector)d[6 * i + j]);
        }
    }
}

static void winograd_transform(const davit_int8_winograd *w, int64_t first, int64_t begin,
                               int64_t end, const uint8_t *x, int16_t *points)
{
    for (int64_t t = begin; t < end; t++) {
        const tile_place p = tile_place_of(w, first + t);
        const int64_t row = p.at[0] - w->pad[0], column = p.at[1] - w->pad[1];
        const bool inside =
            row >= 0 && column >= 0 && row + 6 <= w->in[0] && column + 6 <= w->in[1];
        const uint8_t *corner = x + ((p.image * w->in[0] + row) * w->in[1] + column) * w->inputs;
        for (int64_t c = 0; c < w->inputs; c += WORDS) {
            int16_t *to = points + t * w->inputs + c;
            if (w->is_signed) {
                transform_part(w, corner + c, inside, true, &p, to);
            } else if (inside) {
                transform_part(w, corner + c, true, false, &p, to);
            } else {
                transform_part(w, corner + c, false, false, &p, to);
            }
        }
    }
}

/* ---- products ---- */

/* Tiles times a pair of panels at one point. sums: [panels][block][COLUMNS]. */
#if defined(__AVX512VNNI__)
static inline __attribute__((always_inline)) void
multiply_block(const davit_int8_winograd *w, const int16_t *rows, const int16_t *panels, int height,
               int count, const dot_next *next, int32_t *sums)
{
    __m512i s[DOT_ROWS][DOT_PANELS];
    const int64_t bytes = 2 * w->inputs;
    UNROLL
    for (int r = 0; r < height; r++) {
        UNROLL
        for (int p = 0; p < count; p++) {
            s[r][p] = NONE;
        }
    }
    const dot_operands o = {.x = (const uint8_t *)rows,
                            .stride = bytes,
                            .weights = (const int8_t *)panels,
                            .panel = bytes * COLUMNS,
                            .quads = bytes / 4};
    dot_sums(&o, height, count, true, false, next, s);
    UNROLL
    for (int p = 0; p < count; p++) {
        UNROLL
        for (int r = 0; r < height; r++) {
            STORE(sums + (p * w->block + r) * COLUMNS, s[r][p]);
        }
    }
}

#define MULTIPLY_CASE(height)                                                                      \
    case height:                                                                                   \
        if (count > 1) {                                                                           \
            multiply_block(w, rows, panels, height, 2, next, sums);                                \
        } else {                                                                                   \
            multiply_block(w, rows, panels, height, 1, next, sums);                                \
        }                                                                                          \
        break

static void multiply_rows(const davit_int8_winograd *w, int64_t height, const int16_t *rows,
                          const int16_t *panels, int count, const dot_next *next, int32_t *sums)
{
    switch (height) {
        MULTIPLY_CASE(1);
        MULTIPLY_CASE(2);
        MULTIPLY_CASE(3);
        MULTIPLY_CASE(4);
        MULTIPLY_CASE(5);
        MULTIPLY_CASE(6);
        MULTIPLY_CASE(7);
        MULTIPLY_CASE(8);
        MULTIPLY_CASE(9);
        MULTIPLY_CASE(10);
        MULTIPLY_CASE(11);
        MULTIPLY_CASE(12);
    default:
        break;
    }
}

/* In blocks as even as can be; each fetches a part of the weights that come next. */
static void multiply_point(const davit_int8_winograd *w, int64_t tiles, const int16_t *rows,
                           const int16_t *panels, int count, const int16_t *after, int32_t *sums)
{
    const int64_t blocks = (tiles + DOT_ROWS - 1) / DOT_ROWS;
    const int64_t step = (count * 4 * COLUMNS + blocks - 1) / blocks;
    for (int64_t i = 0, first = 0; i < blocks; i++) {
        const int64_t height = (tiles - first + blocks - i - 1) / (blocks - i);
        const dot_next next = {(const int8_t *)after + i * step * (w->inputs / 2), step};
        multiply_rows(w, height, rows + first * w->inputs, panels, count, &next,
                      sums + first * COLUMNS);
        first += height;
    }
}
#else
static void multiply_point(const davit_int8_winograd *w, int64_t tiles, const int16_t *rows,
                           const int16_t *panels, int count, const int16_t *after, int32_t *sums)
{
    (void)after;
    for (int p = 0; p < count; p++) {
        davit_int8_tile t = {.pairs = w->inputs / 2, .panel = panels + p * w->inputs * COLUMNS};
        for (int64_t r = 0; r < tiles; r += DAVIT_INT8_ROWS) {
            t.rows = rows + r * w->inputs;
            t.count = (int)(tiles - r < DAVIT_INT8_ROWS ? tiles - r : DAVIT_INT8_ROWS);
            tile(&t, sums + (p * w->block + r) * COLUMNS);
        }
    }
}
#endif

/* ---- results ---- */

/* Six points to four values, of which the last three are 2, 4 and 4 times too small. */
static inline __attribute__((always_inline)) void from_points(const sums_vector *m, int step,
                                                              sums_vector *y, int y_step)
{
    const sums_vector s = m[step] + m[2 * step], t = m[step] - m[2 * step];
    const sums_vector u = m[3 * step] + m[4 * step], v = m[3 * step] - m[4 * step];
    y[0] = m[0] + (s << 2) + u;
    y[y_step] = t + t + v;
    y[2 * y_step] = s + u;
    y[3 * y_step] = t + v + v + m[5 * step];
}

/* The sums of a tile for LANES columns of a pair. out: [16][2 * COLUMNS]. */
static inline __attribute__((always_inline)) void
sum_tile(const davit_int8_winograd *w, const int32_t *from, const int32_t *start, int32_t *out)
{
    static const int shift[4] = {0, 1, 2, 2};
    const uint32_t inverse_of_nine = 0x38e38e39;
    const int64_t stride = davit_int8_sums_stride(w);
    sums_vector m[6], half[24], y[16];
    UNROLL_ALL
    for (int j = 0; j < 6; j++) {
        UNROLL_ALL
        for (int i = 0; i < 6; i++) {
            m[i] = (sums_vector)LOAD((const void *)(from + (6 * i + j) * stride));
        }
        from_points(m, 1, half + j, 6);
    }
    const signed_vector begin = (signed_vector)LOAD((const void *)start);
    UNROLL_ALL
    for (int i = 0; i < 4; i++) {
        from_points(half + 6 * i, 1, y + 4 * i, 1);
        UNROLL_ALL
        for (int j = 0; j < 4; j++) {
            const signed_vector scaled = (signed_vector)(y[4 * i + j] * inverse_of_nine);
            STORE((void *)(out + (4 * i + j) * 2 * COLUMNS),
                  (vector)((scaled >> (6 - shift[i] - shift[j])) + begin));
        }
    }
}

/* What the ends of a pair's sums need. */
typedef struct tile_end {
    davit_int8_finish finish;
    int64_t columns;
#if defined(__AVX512VNNI__)
    davit_int8_dot dot;
    dot_end end;
    bool saturates;
#endif
} tile_end;

static void begin_ends(const davit_int8_winograd *w, int64_t column, tile_end *e)
{
    e->finish = w->finish;
    e->finish.scale += column;
    e->finish.bias += column;
    e->columns = w->outputs - column;
    if (e->columns > 2 * COLUMNS) {
        e->columns = 2 * COLUMNS;
    }
#if defined(__AVX512VNNI__)
    e->saturates = w->saturates;
    e->dot = (davit_int8_dot){
        .columns = e->columns, .has_bias_inside = w->has_bias_inside, .finish = &e->finish};
    e->end = (dot_end){.finish = &e->finish,
                       .end = vector_end_of(&e->finish.result),
                       .residual_scale = _mm512_set1_ps(e->finish.residual_scale)};
#endif
}

/* Ends of count places side by side, w->outputs bytes from each other. */
static inline void end_places(const davit_int8_winograd *w, tile_end *e, int64_t count,
                              const int32_t *sums, const uint8_t *residual, uint8_t *out)
{
#if defined(__AVX512VNNI__)
    const int panels = e->columns > COLUMNS ? 2 : 1;
    const __mmask32 mask = (__mmask32)(e->columns < 2 * COLUMNS ? (1U << e->columns) - 1 : ~0U);
    for (int64_t i = 0; e->saturates && i < count; i += 2) {
        __m512i s[2][DOT_PANELS];
        int64_t other = i + 1 < count ? i + 1 : i;
        for (int p = 0; p < DOT_PANELS; p++) {
            s[0][p] = LOAD(sums + (2 * i + p) * COLUMNS);
            s[1][p] = LOAD(sums + (2 * other + p) * COLUMNS);
        }
        uint8_t *to[2] = {out + i * w->outputs, out + other * w->outputs};
        const __m512i *both[2] = {s[0], s[1]};
        dot_finish_two(&e->dot, &e->end, mask, to, both, panels);
    }
    e->dot.out_stride = w->outputs;
    e->dot.residual = residual;
    e->dot.out = out;
    for (int64_t i = 0; !e->saturates && i < count; i++) {
        for (int p = 0; p < panels; p++) {
            dot_finish(&e->dot, &e->end, i, p, LOAD(sums + (2 * i + p) * COLUMNS));
        }
    }
#else
    for (int64_t i = 0; i < count; i++) {
        finish(&e->finish, e->columns, sums + 2 * i * COLUMNS,
               residual != NULL ? residual + i * w->outputs : NULL, out + i * w->outputs);
    }
#endif
}

/* A pair of panels of a tile. */
static void finish_pair(const davit_int8_winograd *w, const tile_place *p, int64_t column,
                        tile_end *e, const int32_t *products, const uint8_t *residual, uint8_t *out)
{
    int32_t sums[16 * 2 * COLUMNS];
    for (int64_t c = 0; c < e->columns; c += LANES) {
        sum_tile(w, products + c / COLUMNS * w->block * COLUMNS + c % COLUMNS,
                 w->start + column + c, sums + c);
    }
    const int64_t left = w->out[1] - p->at[1];
    for (int64_t i = 0; i < 4 && p->at[0] + i < w->out[0]; i++) {
        const int64_t line = (p->image * w->out[0] + p->at[0] + i) * w->out[1];
        const int64_t at = (line + p->at[1]) * w->outputs + column;
        end_places(w, e, left < 4 ? left : 4, sums + i * 4 * 2 * COLUMNS,
                   residual != NULL ? residual + at : NULL, out + at);
    }
}

static void winograd_multiply(const davit_int8_winograd *w, int64_t first, int64_t count,
                              int64_t column, const int16_t *points, int32_t *products,
                              const uint8_t *residual, uint8_t *out)
{
    const int64_t end = column + w->group < w->outputs ? column + w->group : w->outputs;
    for (int64_t p = 0; p < POINTS; p++) {
        const int16_t *weights = w->weights + p * w->columns * w->inputs;
        for (int64_t c = column; c < end; c += 2 * COLUMNS) {
            const int64_t next = c + 2 * COLUMNS < end ? c + 2 * COLUMNS : w->columns + column;
            multiply_point(w, count, points + p * davit_int8_points_stride(w),
                           weights + c * w->inputs, end - c > COLUMNS ? 2 : 1,
                           weights + next * w->inputs,
                           products + p * davit_int8_sums_stride(w) + (c - column) * w->block);
        }
    }
    tile_end ends[DAVIT_INT8_GROUP / (2 * COLUMNS)];
    for (int64_t c = column; c < end; c += 2 * COLUMNS) {
        begin_ends(w, c, &ends[(c - column) / (2 * COLUMNS)]);
    }
    for (int64_t t = 0; t < count; t++) {
        const tile_place p = tile_place_of(w, first + t);
        for (int64_t c = column; c < end; c += 2 * COLUMNS) {
            finish_pair(w, &p, c, &ends[(c - column) / (2 * COLUMNS)],
                        products + (c - column) * w->block + t * COLUMNS, residual, out);
        }
    }
}
