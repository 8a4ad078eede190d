/* The loops of chain.h for the vectors that the including file defines. */
#include "chain.h"
#include "vector_math.h"

static inline __attribute__((always_inline)) vector
read_operand(const davit_chain_operand *operand, const void *p, int64_t at, int64_t n)
{
    if (operand->is_bytes) {
        return load_bytes((const uint8_t *)p + at, n, operand->source.flip,
                          operand->source.offset) *
               ALL(operand->scale);
    }
    return load_some((const float *)p + at, n);
}

/* Elements at to at + n of a row that begins at row. */
static inline __attribute__((always_inline)) vector
add_up(const davit_chain *c, const void *a, const void *b, int64_t row, int64_t at, int64_t n)
{
    vector x = read_operand(&c->a, a, row + at, n);
    if (c->bias != NULL) {
        x = x + load_some(c->bias + at, n);
    }
    if (c->has_b) {
        x = x + read_operand(&c->b, b, row + at, n);
    }
    return x;
}

/* The quotient as division gives it, but for one in millions that ends between two numbers: cut
 * first, so that nothing is infinite, then a step of Newton. */
static inline __attribute__((always_inline)) void quantize(const davit_chain *c, vector x,
                                                           uint8_t *out, int64_t n)
{
    const davit_int8_linear *l = &c->out;
    const float low = l->least - l->zero, high = l->greatest - l->zero;
    vector q;
    if (c->reciprocal != 0.0f) {
        const float far = 1024.0f * l->scale;
        x = LESSER(ALL(far), GREATER(x, ALL(-far)));
        q = x * ALL(c->reciprocal);
        q = MULTIPLY_ADD(MULTIPLY_ADD(q, ALL(-l->scale), x), ALL(c->reciprocal), q);
    } else {
        q = x / ALL(l->scale);
    }
    q = LESSER(GREATER(q, ALL(low)), ALL(high));
    store_bytes(out, n, q, (int32_t)l->zero);
}

static inline int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void normalize_row(const davit_chain *c, const void *a, const void *b, int64_t row,
                          uint8_t *out)
{
    float x[DAVIT_CHAIN_NORMALIZED];
    vector sums[4] = {ALL(0.0f), ALL(0.0f), ALL(0.0f), ALL(0.0f)};
    vector squares[4] = {ALL(0.0f), ALL(0.0f), ALL(0.0f), ALL(0.0f)};
    const int64_t columns = c->columns, whole = columns / LANES * LANES;
    const float count = (float)columns;
    int64_t i = 0;
    for (; i < whole; i += LANES) {
        vector v = add_up(c, a, b, row, i, LANES);
        STORE(x + i, v);
        sums[i / LANES % 4] = sums[i / LANES % 4] + v;
    }
    float sum = sum_of(sums[0] + sums[1] + (sums[2] + sums[3]));
    if (i < columns) {
        store_some(x + i, columns - i, add_up(c, a, b, row, i, columns - i));
        sum += sum_of(load_some(x + i, columns - i));
    }
    const vector mean = ALL(sum / count);
    for (i = 0; i < whole; i += LANES) {
        const vector v = LOAD(x + i) - mean;
        squares[i / LANES % 4] = MULTIPLY_ADD(v, v, squares[i / LANES % 4]);
    }
    float variance = sum_of(squares[0] + squares[1] + (squares[2] + squares[3]));
    for (; i < columns; i++) {
        variance += (x[i] - sum / count) * (x[i] - sum / count);
    }
    const vector factor = ALL(1.0f / sqrtf(variance / count + c->epsilon));
    for (i = 0; i < columns; i += LANES) {
        const int64_t n = least(columns - i, LANES);
        vector v = (load_some(x + i, n) - mean) * factor * load_some(c->scale + i, n);
        if (c->shift != NULL) {
            v = v + load_some(c->shift + i, n);
        }
        quantize(c, v, out + row + i, n);
    }
}

static inline __attribute__((always_inline)) void plain_row(const davit_chain *c, bool has_gelu,
                                                            const void *a, const void *b,
                                                            int64_t row, uint8_t *out)
{
    int64_t i = 0;
    for (; i + LANES <= c->columns; i += LANES) {
        const vector x = add_up(c, a, b, row, i, LANES);
        quantize(c, has_gelu ? gelu(x) : x, out + row + i, LANES);
    }
    if (i < c->columns) {
        const vector x = add_up(c, a, b, row, i, c->columns - i);
        quantize(c, has_gelu ? gelu(x) : x, out + row + i, c->columns - i);
    }
}

static void run(const davit_chain *c, int64_t first, int64_t count, const void *a, const void *b,
                void *out)
{
    for (int64_t row = first; row < first + count; row++) {
        if (c->function == DAVIT_CHAIN_NORMALIZE) {
            normalize_row(c, a, b, row * c->columns, out);
        } else if (c->function == DAVIT_CHAIN_GELU) {
            plain_row(c, true, a, b, row * c->columns, out);
        } else {
            plain_row(c, false, a, b, row * c->columns, out);
        }
    }
}

const davit_chain_loops DAVIT_CHAIN_TABLE = {.name = DAVIT_CHAIN_NAME, .run = run};
