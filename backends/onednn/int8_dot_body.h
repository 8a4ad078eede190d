/* Products of 8-bit rows with 8-bit weights by vpdpbusd, requantised in registers: included by
 * int8_loops_body.h where there is AVX-512 VNNI. */

#define DOT_ROWS 12 /* rows and panels of a block: 24 registers of sums */
#define DOT_PANELS 2
#define LONG_LINE 32 /* quads that are worth a loop */

/* So that sums stay in registers. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 12")
#endif

/* What ends of sums need, as finish_panel and finish_panel_alone. */
typedef struct dot_end {
    const davit_int8_finish *finish;
    vector_end end;
    __m512 residual_scale;
} dot_end;

static inline __mmask16 dot_mask(const davit_int8_dot *d, int panel)
{
    int64_t left = d->columns - panel * COLUMNS;
    return (__mmask16)(left < COLUMNS ? (1U << left) - 1 : 0xffffU);
}

static inline __attribute__((always_inline)) void
dot_finish(const davit_int8_dot *d, const dot_end *e, int64_t row, int panel, __m512i sums)
{
    int64_t at = row * d->out_stride + panel * COLUMNS;
    __mmask16 mask = dot_mask(d, panel);
    __m512 t = _mm512_cvtepi32_ps(sums);
    if (!d->has_bias_inside) {
        t = _mm512_add_ps(t, _mm512_loadu_ps(e->finish->bias + panel * COLUMNS));
    }
    t = _mm512_mul_ps(t, _mm512_loadu_ps(e->finish->scale + panel * COLUMNS));
    if (d->residual != NULL) {
        __m512i before =
            vector_read(e->finish->residual, _mm_maskz_loadu_epi8(mask, d->residual + at));
        t = _mm512_add_ps(t, _mm512_mul_ps(_mm512_cvtepi32_ps(before), e->residual_scale));
    }
    _mm_mask_storeu_epi8(d->out + at, mask, vector_ends(&e->end, t));
}

/* Where only the type bounds the result, which packing does: two rows, maybe the same one twice. */
static inline __attribute__((always_inline)) void dot_finish_two(const davit_int8_dot *d,
                                                                 const dot_end *e, __mmask32 mask,
                                                                 uint8_t *out[2],
                                                                 const __m512i *sums[2], int panels)
{
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    __m512i words[2];
    for (int i = 0; i < 2; i++) {
        __m512i v[DOT_PANELS] = {NONE, NONE};
        for (int p = 0; p < panels; p++) {
            __m512 t = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[i][p]),
                                     _mm512_loadu_ps(e->finish->scale + p * COLUMNS));
            v[p] = _mm512_cvtps_epi32(_mm512_add_ps(t, e->end.zero));
        }
        words[i] = _mm512_packs_epi32(v[0], v[1]);
    }
    __m512i bytes = d->finish->result.least < 0.0f ? _mm512_packs_epi16(words[0], words[1])
                                                   : _mm512_packus_epi16(words[0], words[1]);
    bytes = _mm512_permutexvar_epi32(order, bytes);
    _mm256_mask_storeu_epi8(out[0], mask, _mm512_castsi512_si256(bytes));
    _mm256_mask_storeu_epi8(out[1], mask, _mm512_extracti64x4_epi64(bytes, 1));
}

static inline int32_t quad_at(const uint8_t *x)
{
    int32_t quad;
    memcpy(&quad, x, sizeof(quad));
    return quad;
}

/* _mm512_dpbusd_epi32, for which gcc moves and spills the sums. */
static inline __attribute__((always_inline)) void add_dot(__m512i *sums, __m512i x, __m512i w)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(*sums) : "v"(x), "v"(w));
}

/* The same for pairs of s16. */
static inline __attribute__((always_inline)) void add_words(__m512i *sums, __m512i x, __m512i w)
{
    __asm__("vpdpwssd %2, %1, %0" : "+v"(*sums) : "v"(x), "v"(w));
}

/* Of the bytes of a row. */
static inline int32_t row_sum(const uint8_t *x, int64_t quads)
{
    const __m512i ones = _mm512_set1_epi8(1);
    __m512i sums = NONE;
    for (int64_t k = 0; k < quads; k += COLUMNS) {
        __mmask16 mask = (__mmask16)(quads - k < COLUMNS ? (1U << (quads - k)) - 1 : 0xffffU);
        add_dot(&sums, _mm512_maskz_loadu_epi32(mask, x + 4 * k), ones);
    }
    return _mm512_reduce_add_epi32(sums);
}

/* Rows of four bytes or two words each times panels of weights. */
typedef struct dot_operands {
    const uint8_t *x;
    int64_t stride;
    const int8_t *weights;
    int64_t panel, quads; /* bytes of a panel */
    int64_t line, jump;   /* quads after which x goes on jump bytes further */
} dot_operands;

/* What to fetch meanwhile: bytes for each quad. */
typedef struct dot_next {
    const int8_t *at;
    int64_t step;
} dot_next;

/* Adds to s; rows, panels, words and jumps (over the ends of lines) are constants wherever this is
 * inlined. */
static inline __attribute__((always_inline)) void dot_sums(const dot_operands *o, int rows,
                                                           int panels, bool words, bool jumps,
                                                           const dot_next *next,
                                                           __m512i s[DOT_ROWS][DOT_PANELS])
{
    const uint8_t *x[4];
    const int8_t *w = o->weights, *fetched = next->at;
    const int64_t stride = o->stride, panel = o->panel, step = next->step;
    for (int i = 0; i < 4; i++) {
        x[i] = o->x + (3 * i < rows ? 3 * i : 0) * stride;
    }
    int64_t at = 0, left = o->line;
    for (int64_t k = 0; k < o->quads; k++, w += 4 * COLUMNS) {
        __m512i v[DOT_PANELS];
        _mm_prefetch((const char *)fetched + step * k, _MM_HINT_T1);
        UNROLL
        for (int p = 0; p < panels; p++) {
            v[p] = LOAD(w + p * panel);
        }
        UNROLL
        for (int r = 0; r < rows; r++) {
            __m512i q =
                _mm512_set1_epi32(quad_at(x[r / 3] + (r % 3) * stride + (jumps ? at : 4 * k)));
            UNROLL
            for (int p = 0; p < panels; p++) {
                if (words) {
                    add_words(&s[r][p], q, v[p]);
                } else {
                    add_dot(&s[r][p], q, v[p]);
                }
            }
        }
        if (jumps) { /* without a branch */
            left--;
            at += 4 + (left == 0 ? o->jump : 0);
            left = left == 0 ? o->line : left;
        }
    }
}

/* rows and panels are constants wherever this is inlined. */
static inline __attribute__((always_inline)) void dot_block(const davit_int8_dot *d,
                                                            const dot_end *e, int64_t first,
                                                            int rows, int panels,
                                                            const dot_next *next)
{
    __m512i s[DOT_ROWS][DOT_PANELS];
    const int64_t stride = d->x_stride;
    UNROLL
    for (int p = 0; p < panels; p++) {
        __m512i start = LOAD(d->start + p * COLUMNS);
        UNROLL
        for (int r = 0; r < rows; r++) {
            s[r][p] = start;
        }
    }
    if (d->row_factor != 0) {
        UNROLL
        for (int r = 0; r < rows; r++) {
            __m512i more =
                _mm512_set1_epi32(d->row_factor * row_sum(d->x + (first + r) * stride, d->quads));
            UNROLL
            for (int p = 0; p < panels; p++) {
                s[r][p] = _mm512_add_epi32(s[r][p], more);
            }
        }
    }
    dot_operands operands = {.x = d->x + first * stride,
                             .stride = stride,
                             .weights = d->weights,
                             .panel = d->quads * 4 * COLUMNS,
                             .quads = d->quads,
                             .line = d->line,
                             .jump = d->jump};
    if (d->line > 0 && d->line < LONG_LINE) {
        dot_sums(&operands, rows, panels, false, true, next, s);
    } else {
        dot_next fetched = *next;
        operands.quads = d->line > 0 ? d->line : d->quads;
        for (int64_t k = 0; k < d->quads; k += operands.quads) {
            dot_sums(&operands, rows, panels, false, false, &fetched, s);
            operands.x += 4 * operands.quads + d->jump;
            operands.weights += operands.quads * 4 * COLUMNS;
            fetched.at += operands.quads * fetched.step;
        }
    }
    if (d->saturates) {
        const __mmask32 mask =
            (__mmask32)(dot_mask(d, 0) | (panels > 1 ? (uint32_t)dot_mask(d, 1) << COLUMNS : 0));
        UNROLL
        for (int r = 0; r < rows; r += 2) {
            int other = r + 1 < rows ? r + 1 : r;
            uint8_t *out[2] = {d->out + (first + r) * d->out_stride,
                               d->out + (first + other) * d->out_stride};
            const __m512i *sums[2] = {s[r], s[other]};
            dot_finish_two(d, e, mask, out, sums, panels);
        }
        return;
    }
    UNROLL
    for (int p = 0; p < panels; p++) {
        UNROLL
        for (int r = 0; r < rows; r++) {
            dot_finish(d, e, first + r, p, s[r][p]);
        }
    }
}

#define DOT_CASE(rows)                                                                             \
    case rows:                                                                                     \
        if (wide) {                                                                                \
            dot_block(d, e, first, rows, 2, next);                                                 \
        } else {                                                                                   \
            dot_block(d, e, first, rows, 1, next);                                                 \
        }                                                                                          \
        break

static void dot_rows(const davit_int8_dot *d, const dot_end *e, int64_t first, int64_t rows,
                     const dot_next *next)
{
    bool wide = d->columns > COLUMNS;
    switch (rows) {
        DOT_CASE(1);
        DOT_CASE(2);
        DOT_CASE(3);
        DOT_CASE(4);
        DOT_CASE(5);
        DOT_CASE(6);
        DOT_CASE(7);
        DOT_CASE(8);
        DOT_CASE(9);
        DOT_CASE(10);
        DOT_CASE(11);
        DOT_CASE(12);
    default:
        break;
    }
}

/* Blocks of rows as even as can be; each fetches a part of the weights that come next. */
static void dot(const davit_int8_dot *d)
{
    const dot_end e = {.finish = d->finish,
                       .end = vector_end_of(&d->finish->result),
                       .residual_scale = _mm512_set1_ps(d->finish->residual_scale)};
    int64_t blocks = (d->rows + DOT_ROWS - 1) / DOT_ROWS;
    int64_t step = (d->next_bytes + blocks - 1) / blocks;
    for (int64_t i = 0, first = 0; i < blocks; i++) {
        int64_t rows = (d->rows - first + blocks - i - 1) / (blocks - i);
        const dot_next next = {d->next != NULL ? d->next + i * step * d->quads : d->weights,
                               d->next != NULL ? step : 0};
        dot_rows(d, &e, first, rows, &next);
        first += rows;
    }
}

/* What the zero points add to sums of a panel's columns, taken off. */
static inline void start_panel(const davit_int8_panel *p, __m512i sums)
{
    int32_t whole = (int32_t)(4 * p->quads) * p->zero_x * p->zero;
    sums = _mm512_mullo_epi32(sums, _mm512_set1_epi32(-p->zero_x));
    STORE(p->start, _mm512_add_epi32(sums, _mm512_set1_epi32(whole)));
}

/* Four bytes of each column at a time. */
static void pack_transposed(const davit_int8_panel *p)
{
    const __m512i flip = _mm512_set1_epi8((char)p->flip);
    const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i at = _mm512_mullo_epi32(lanes, _mm512_set1_epi32((int32_t)p->stride));
    const __mmask16 mask = (__mmask16)(p->columns < COLUMNS ? (1U << p->columns) - 1 : 0xffffU);
    __m512i sums = NONE;
    for (int64_t k = 0; k < p->quads; k++) {
        __m512i quads = _mm512_mask_i32gather_epi32(NONE, mask, at, p->rows + 4 * k, 1);
        quads = _mm512_xor_si512(quads, flip);
        STORE(p->packed + 4 * COLUMNS * k, quads);
        add_dot(&sums, _mm512_set1_epi8(1), quads);
    }
    start_panel(p, sums);
}

/* Four rows at a time, sixteen columns of each. */
static void pack_panel(const davit_int8_panel *p)
{
    if (p->transposed) {
        pack_transposed(p);
        return;
    }
    const __m128i flip = _mm_set1_epi8((char)p->flip);
    const __mmask16 mask = (__mmask16)(p->columns < COLUMNS ? (1U << p->columns) - 1 : 0xffffU);
    __m512i sums = NONE;
    for (int64_t k = 0; k < p->quads; k++) {
        __m128i r[4], pairs[4];
        for (int i = 0; i < 4; i++) {
            r[i] = _mm_maskz_loadu_epi8(mask, p->rows + (4 * k + i) * p->stride);
            r[i] = _mm_xor_si128(r[i], flip);
        }
        pairs[0] = _mm_unpacklo_epi8(r[0], r[1]);
        pairs[1] = _mm_unpacklo_epi8(r[2], r[3]);
        pairs[2] = _mm_unpackhi_epi8(r[0], r[1]);
        pairs[3] = _mm_unpackhi_epi8(r[2], r[3]);
        __m512i quads = _mm512_castsi128_si512(_mm_unpacklo_epi16(pairs[0], pairs[1]));
        quads = _mm512_inserti32x4(quads, _mm_unpackhi_epi16(pairs[0], pairs[1]), 1);
        quads = _mm512_inserti32x4(quads, _mm_unpacklo_epi16(pairs[2], pairs[3]), 2);
        quads = _mm512_inserti32x4(quads, _mm_unpackhi_epi16(pairs[2], pairs[3]), 3);
        STORE(p->packed + 4 * COLUMNS * k, quads);
        add_dot(&sums, _mm512_set1_epi8(1), quads);
    }
    start_panel(p, sums);
}
