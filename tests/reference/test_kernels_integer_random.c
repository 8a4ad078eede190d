/* Integer operators without weights: golden vectors, and random shapes against the exact arithmetic
 * of integer_oracle.h, byte for byte. */
#include "exact_f32.h"
#include "golden.h"
#include "integer_node.h"
#include "integer_oracle.h"
#include "integer_random.h"

static int32_t load(const davit_tensor *t, int64_t i)
{
    return davit_load8(t->data, t->desc.dtype, (size_t)i);
}

static void expect(const integer_node *n, int64_t i, int32_t wanted)
{
    if (load(n->y, i) != wanted) {
        fail_msg("%s: element %lld is %d, not %d", davit_op_get(n->op)->name, (long long)i,
                 load(n->y, i), wanted);
    }
}

/* ---- golden vectors ---- */

static davit_quant8 read_type(const golden *g, int i)
{
    return (davit_quant8){golden_dtype(g, i), golden_f32(g, i + 2), golden_s32(g, i + 1)};
}

static davit_result_spec read_result(const golden *g, int i)
{
    return (davit_result_spec){read_type(g, i), golden_f32(g, i + 3), golden_f32(g, i + 4)};
}

/* add.txt and multiply.txt: one pair a line, read where the two files agree. */
static void run_golden_pairs(davit_op op, const char *name, int result_field)
{
    golden g;
    golden_open(&g, name);
    while (golden_next(&g)) {
        const int64_t dims[] = {1};
        davit_quant8 a = read_type(&g, 0);
        davit_quant8 b = read_type(&g, 3);
        davit_result_spec y = read_result(&g, 6);
        integer_node n;
        integer_node_init(&n, op);
        davit_store8(integer_node_input(&n, 0, a.dtype, 1, dims)->data, 0, golden_s32(&g, 11));
        davit_store8(integer_node_input(&n, 1, b.dtype, 1, dims)->data, 0, golden_s32(&g, 12));
        integer_node_type(&n, 'a', &a);
        integer_node_type(&n, 'b', &b);
        integer_node_result(&n, &y);
        integer_node_run(&n);
        golden_expect_s64(&g, "y", load(n.y, 0), golden_s64(&g, result_field));
        integer_node_clear(&n);
    }
}

static void test_golden_pairs(void **state)
{
    (void)state;
    run_golden_pairs(DAVIT_OP_IntegerAdd, "add.txt", 15);
    run_golden_pairs(DAVIT_OP_IntegerMul, "multiply.txt", 14);
}

static void test_golden_softmax(void **state)
{
    (void)state;
    golden g;
    golden_open(&g, "softmax.txt");
    while (golden_next(&g)) {
        const davit_quant8 x = {golden_dtype(&g, 0), golden_f32(&g, 1), 0};
        const davit_result_spec y = {
            {golden_dtype(&g, 2), golden_f32(&g, 4), golden_s32(&g, 3)}, -INFINITY, INFINITY};
        int64_t count = golden_s64(&g, 5);
        const int64_t dims[] = {count, 3}; /* the row in the middle, strided */
        integer_node n;
        integer_node_init(&n, DAVIT_OP_IntegerSoftmax);
        davit_tensor *input = integer_node_input(&n, 0, x.dtype, 2, dims);
        for (int64_t i = 0; i < count; i++) {
            davit_store8(input->data, (size_t)(i * 3 + 1), golden_s32(&g, 6 + (int)i));
        }
        integer_node_type(&n, 'x', &x);
        integer_node_result(&n, &y);
        integer_node_int(&n, "axis", 0);
        integer_node_run(&n);
        for (int64_t i = 0; i < count; i++) {
            golden_expect_s64(&g, "y", load(n.y, i * 3 + 1), golden_s64(&g, 6 + (int)(count + i)));
        }
        integer_node_clear(&n);
    }
}

/* requantize.txt through IntegerMatMul: the accumulator is taken apart into products with 127. */
static void run_golden_sum(const golden *g, int64_t acc)
{
    int64_t magnitude = acc < 0 ? -acc : acc;
    int64_t full = magnitude / (INT64_C(255) * 127);
    int64_t rest = magnitude % (INT64_C(255) * 127);
    const int64_t x_dims[] = {1, full + 2};
    const int64_t w_dims[] = {full + 2, 1};
    const int64_t y_dims[] = {1, 1};
    int8_t sign = acc < 0 ? -1 : 1;
    const davit_quant8 x = {DAVIT_U8, golden_f32(g, 5), 0};
    const davit_result_spec y = {{golden_dtype(g, 0), golden_f32(g, 2), golden_s32(g, 1)},
                                 golden_f32(g, 3),
                                 golden_f32(g, 4)};
    const float w_scale = golden_f32(g, 6);
    integer_node n;
    integer_node_init(&n, DAVIT_OP_IntegerMatMul);
    uint8_t *left = integer_node_input(&n, 0, DAVIT_U8, 2, x_dims)->data;
    int8_t *right = integer_node_input(&n, 1, DAVIT_S8, 2, w_dims)->data;
    for (int64_t i = 0; i <= full + 1; i++) {
        left[i] = (uint8_t)(i < full ? 255 : i == full ? rest / 127 : rest % 127);
        right[i] = (int8_t)(i <= full ? sign * 127 : sign);
    }
    if (golden_s32(g, 7) != 0) {
        *(int32_t *)integer_node_input(&n, 2, DAVIT_S32, 1, y_dims)->data = golden_s32(g, 7);
    }
    if (golden_dtype(g, 8) != DAVIT_DTYPE_NONE) {
        davit_tensor *residual = integer_node_input(&n, 3, golden_dtype(g, 8), 2, y_dims);
        davit_store8(residual->data, 0, golden_s32(g, 11));
        integer_node_float(&n, "residual_scale", golden_f32(g, 9));
        integer_node_int(&n, "residual_zero", golden_s32(g, 10));
    }
    integer_node_type(&n, 'x', &x);
    integer_node_floats(&n, "w_scale", 1, &w_scale);
    integer_node_result(&n, &y);
    integer_node_run(&n);
    golden_expect_s64(g, "y", load(n.y, 0), golden_s64(g, 17));
    integer_node_clear(&n);
}

static void test_golden_requantize(void **state)
{
    (void)state;
    int left_out = 0;
    int run = 0;
    golden g;
    golden_open(&g, "requantize.txt");
    while (golden_next(&g)) {
        int64_t acc = golden_s64(&g, 12);
        bool small = acc > -(1LL << 26) && acc < 1LL << 26;
        if (small || run % 16 == 0) {
            /* A few of the large ones, which take millions of products. */
            bool possible = acc > -(1LL << 33) && acc < 1LL << 33;
            left_out += !possible;
            if (possible) {
                run_golden_sum(&g, acc);
            }
        }
        run++;
    }
    assert_true(run > 200 && left_out < run / 16);
}

/* ---- pairs ---- */

static void test_pairs(void **state)
{
    (void)state;
    uint64_t seed = 5;
    for (int i = 0; i < 400; i++) {
        bool adds = i % 2 == 0;
        int64_t dims[] = {random_in(&seed, 1, 4), random_in(&seed, 1, 5), random_in(&seed, 1, 40)};
        int64_t b_dims[] = {random_in(&seed, 0, 1) ? dims[0] : 1,
                            random_in(&seed, 0, 1) ? dims[1] : 1,
                            random_in(&seed, 0, 1) ? dims[2] : 1};
        davit_quant8 a = random_type(&seed, random_scale(&seed, -7, -2));
        davit_quant8 b = random_type(&seed, random_scale(&seed, -7, -2));
        davit_result_spec y = random_result(&seed, random_scale(&seed, -7, -1));
        integer_node n;
        integer_node_init(&n, adds ? DAVIT_OP_IntegerAdd : DAVIT_OP_IntegerMul);
        random_bytes(&seed, integer_node_input(&n, 0, a.dtype, 3, dims));
        random_bytes(&seed, integer_node_input(&n, 1, b.dtype, 3, b_dims));
        integer_node_type(&n, 'a', &a);
        integer_node_type(&n, 'b', &b);
        integer_node_result(&n, &y);
        integer_node_run(&n);
        for (int64_t at = 0; at < dims[0] * dims[1] * dims[2]; at++) {
            int64_t i0 = at / dims[2] / dims[1] % b_dims[0];
            int64_t i1 = at / dims[2] % dims[1] % b_dims[1];
            int64_t i2 = at % dims[2] % b_dims[2];
            int32_t va = load(n.inputs[0], at) - a.zero;
            int32_t vb = load(n.inputs[1], (i0 * b_dims[1] + i1) * b_dims[2] + i2) - b.zero;
            expect(&n, at,
                   adds ? oracle_add(&y, va, a.scale, vb, b.scale)
                        : oracle_product(&y, (int64_t)va * vb, a.scale, b.scale));
        }
        integer_node_clear(&n);
    }
}

/* ---- pooling ---- */

/* Two axes; pads as ONNX gives them. */
typedef struct pool {
    int64_t in[2], kernel[2], stride[2], dilation[2], pads[4];
    bool include_pad, ceil_mode;
} pool;

static pool random_pool(uint64_t *seed)
{
    pool p = {.include_pad = random_in(seed, 0, 1), .ceil_mode = random_in(seed, 0, 1)};
    for (int i = 0; i < 2; i++) {
        p.kernel[i] = random_in(seed, 1, 4);
        p.stride[i] = random_in(seed, 1, 3);
        p.dilation[i] = random_in(seed, 1, 2);
        p.in[i] = random_in(seed, (p.kernel[i] - 1) * p.dilation[i] + 1, 12);
        p.pads[i] = random_in(seed, 0, p.kernel[i] - 1);
        p.pads[i + 2] = random_in(seed, 0, p.kernel[i] - 1);
    }
    return p;
}

/* Walks one window by hand: what is in the input counts, what is in the stated padding may. */
static int32_t average(const pool *p, const integer_node *n, const davit_quant8 *x,
                       const davit_result_spec *y, const int64_t at[3])
{
    int64_t sum = 0;
    int64_t count = 0;
    for (int64_t k = 0; k < p->kernel[0] * p->kernel[1]; k++) {
        int64_t row = at[1] * p->stride[0] + k / p->kernel[1] * p->dilation[0] - p->pads[0];
        int64_t column = at[2] * p->stride[1] + k % p->kernel[1] * p->dilation[1] - p->pads[1];
        bool inside = row >= 0 && row < p->in[0] && column >= 0 && column < p->in[1];
        bool padded = row < p->in[0] + p->pads[2] && column < p->in[1] + p->pads[3];
        if (inside) {
            sum += load(n->inputs[0], (at[0] * p->in[0] + row) * p->in[1] + column) - x->zero;
        }
        count += inside || (padded && p->include_pad);
    }
    return oracle_average(y, sum, x->scale, count);
}

static void test_average_pool(void **state)
{
    (void)state;
    uint64_t seed = 6;
    for (int i = 0; i < 300; i++) {
        pool p = random_pool(&seed);
        const int64_t dims[] = {2, 3, p.in[0], p.in[1]};
        davit_quant8 x = random_type(&seed, random_scale(&seed, -7, -4));
        davit_result_spec y = random_result(&seed, random_scale(&seed, -7, -4));
        integer_node n;
        integer_node_init(&n, DAVIT_OP_IntegerAveragePool);
        random_bytes(&seed, integer_node_input(&n, 0, x.dtype, 4, dims));
        integer_node_type(&n, 'x', &x);
        integer_node_result(&n, &y);
        integer_node_ints(&n, "kernel_shape", 2, p.kernel);
        integer_node_ints(&n, "strides", 2, p.stride);
        integer_node_ints(&n, "dilations", 2, p.dilation);
        integer_node_ints(&n, "pads", 4, p.pads);
        integer_node_int(&n, "count_include_pad", p.include_pad);
        integer_node_int(&n, "ceil_mode", p.ceil_mode);
        integer_node_run(&n);
        const int64_t *out = n.y->desc.dims;
        for (int64_t e = 0; e < davit_tensor_desc_elems(&n.y->desc); e++) {
            const int64_t at[] = {e / out[3] / out[2], e / out[3] % out[2], e % out[3]};
            expect(&n, e, average(&p, &n, &x, &y, at));
        }
        integer_node_clear(&n);
    }
}

/* ---- resize ---- */

typedef struct corner {
    int64_t low, high, weight; /* of high, in 2^-11 */
} corner;

/* The source coordinate as a fraction of integers, cut to the input and rounded to 2^-11. */
static corner corner_of(int mode, int64_t in, int64_t out, int64_t o)
{
    int64_t numerator = mode == 0 ? (2 * o + 1) * in - out : mode == 1 ? o * in : o * (in - 1);
    int64_t denominator = mode == 0 ? 2 * out : mode == 1 ? out : out - 1;
    if (denominator == 0 || numerator < 0) {
        numerator = 0;
        denominator = 1;
    }
    if (numerator >= (in - 1) * denominator) {
        return (corner){in - 1, in - 1, 0};
    }
    int64_t low = numerator / denominator;
    int64_t scaled = (numerator - low * denominator) * 2048;
    int64_t weight = scaled / denominator;
    int64_t rest = 2 * (scaled % denominator);
    weight += rest > denominator || (rest == denominator && weight % 2 != 0);
    return (corner){low, low + 1, weight};
}

static int64_t weigh(const integer_node *n, int64_t plane, int32_t zero, const corner at[2])
{
    const int64_t *in = n->inputs[0]->desc.dims;
    int64_t sum = 0;
    for (int c = 0; c < 4; c++) {
        int64_t row = c & 2 ? at[0].high : at[0].low;
        int64_t column = c & 1 ? at[1].high : at[1].low;
        int64_t weight = (c & 2 ? at[0].weight : 2048 - at[0].weight) *
                         (c & 1 ? at[1].weight : 2048 - at[1].weight);
        sum += (load(n->inputs[0], (plane * in[2] + row) * in[3] + column) - zero) * weight;
    }
    return sum;
}

static void test_resize(void **state)
{
    (void)state;
    static const char *const modes[] = {"half_pixel", "asymmetric", "align_corners"};
    uint64_t seed = 7;
    for (int i = 0; i < 300; i++) {
        const int64_t dims[] = {1, 2, random_in(&seed, 1, 9), random_in(&seed, 1, 9)};
        const int64_t sizes[] = {1, 2, random_in(&seed, 1, 20), random_in(&seed, 1, 20)};
        const int64_t four = 4;
        int mode = (int)random_in(&seed, 0, 2);
        davit_quant8 x = random_type(&seed, random_scale(&seed, -7, -4));
        davit_result_spec y = random_result(&seed, random_scale(&seed, -7, -4));
        float m = exact_multiply(exact_divide(x.scale, y.type.scale), 0x1p-22f);
        integer_node n;
        integer_node_init(&n, DAVIT_OP_IntegerResize);
        random_bytes(&seed, integer_node_input(&n, 0, x.dtype, 4, dims));
        memcpy(integer_node_input(&n, 3, DAVIT_S64, 1, &four)->data, sizes, sizeof(sizes));
        integer_node_type(&n, 'x', &x);
        integer_node_result(&n, &y);
        integer_node_string(&n, "mode", "linear");
        integer_node_string(&n, "coordinate_transformation_mode", modes[mode]);
        integer_node_run(&n);
        for (int64_t e = 0; e < 2 * sizes[2] * sizes[3]; e++) {
            const corner at[] = {corner_of(mode, dims[2], sizes[2], e / sizes[3] % sizes[2]),
                                 corner_of(mode, dims[3], sizes[3], e % sizes[3])};
            int64_t sum = weigh(&n, e / sizes[3] / sizes[2], x.zero, at);
            expect(&n, e, oracle_quantize(&y, exact_multiply(exact_from_s64(sum), m)));
        }
        integer_node_clear(&n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_pairs),      cmocka_unit_test(test_golden_softmax),
        cmocka_unit_test(test_golden_requantize), cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_average_pool),      cmocka_unit_test(test_resize),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
