/* Integer convolutions and matrix products of random shapes against sums written out here and the
 * exact arithmetic of integer_oracle.h, byte for byte; golden vectors; sums beyond s32. */
#include <stdlib.h>

#include "integer_node.h"
#include "integer_oracle.h"
#include "integer_random.h"

#define MAX_AXES 3

/* A random convolution; spatial axes that it does not have are 1. */
typedef struct convolution {
    bool transposed;
    int axes;
    int64_t batches, groups, in_channels, out_channels; /* channels of one group */
    int64_t in[MAX_AXES], kernel[MAX_AXES], stride[MAX_AXES], dilation[MAX_AXES];
    int64_t pads[2 * MAX_AXES]; /* as ONNX gives them: begins, then ends */
    int64_t output_padding[MAX_AXES];
    int64_t out[MAX_AXES];
} convolution;

/* The weights' side of a node: what the oracle needs of it. */
typedef struct weighted {
    davit_quant8 x, residual;
    davit_result_spec y;
    int64_t channels;
    float w_scale[64];
    size_t w_scale_count;
} weighted;

static int32_t load(const davit_tensor *t, int64_t i)
{
    switch (t->desc.dtype) {
    case DAVIT_U8:
        return ((const uint8_t *)t->data)[i];
    case DAVIT_S8:
        return ((const int8_t *)t->data)[i];
    case DAVIT_S16:
        return ((const int16_t *)t->data)[i];
    default:
        return ((const int32_t *)t->data)[i];
    }
}

/* Compares element i of y, of channel o, whose exact sum is acc. */
static void expect(const integer_node *n, const weighted *w, int64_t i, int64_t o, int64_t acc)
{
    oracle_sum sum = {.acc = acc,
                      .x_scale = w->x.scale,
                      .w_scale = w->w_scale[w->w_scale_count == 1 ? 0 : o],
                      .bias = n->inputs[2] != NULL ? load(n->inputs[2], o) : 0,
                      .residual_scale = w->residual.scale};
    sum.residual = n->inputs[3] != NULL ? load(n->inputs[3], i) - w->residual.zero : 0;
    int32_t wanted = oracle_requantize(&w->y, &sum);
    if (load(n->y, i) != wanted) {
        fail_msg("%s: element %lld is %d, not %d", davit_op_get(n->op)->name, (long long)i,
                 load(n->y, i), wanted);
    }
}

/* Adds types, scales, bias and residual to a node whose x and w are there. sum_bits: how many bits
 * its sums have, about. */
static void decorate(integer_node *n, weighted *w, int rank, const int64_t *y_dims, uint64_t *seed)
{
    bool per_channel = random_in(seed, 0, 1) != 0;
    w->w_scale_count = per_channel ? (size_t)w->channels : 1;
    for (size_t i = 0; i < w->w_scale_count; i++) {
        w->w_scale[i] = random_scale(seed, -9, -7);
    }
    w->y = random_result(seed, random_scale(seed, -5, 1));
    integer_node_type(n, 'x', &w->x);
    integer_node_floats(n, "w_scale", w->w_scale_count, w->w_scale);
    integer_node_result(n, &w->y);
    if (random_in(seed, 0, 1)) {
        davit_tensor *bias = integer_node_input(n, 2, DAVIT_S32, 1, &w->channels);
        int64_t limit = random_in(seed, 0, 5) == 0 ? INT32_MAX : 20000;
        for (int64_t o = 0; o < w->channels; o++) {
            ((int32_t *)bias->data)[o] = (int32_t)random_in(seed, -limit - 1, limit);
        }
    }
    if (random_in(seed, 0, 2) == 0) {
        w->residual = random_type(seed, random_scale(seed, -6, 0));
        random_bytes(seed, integer_node_input(n, 3, w->residual.dtype, rank, y_dims));
        integer_node_float(n, "residual_scale", w->residual.scale);
        integer_node_int(n, "residual_zero", w->residual.zero);
    }
}

/* ---- convolution ---- */

static convolution random_convolution(bool transposed, uint64_t *seed)
{
    convolution c = {.transposed = transposed, .axes = (int)random_in(seed, 1, MAX_AXES)};
    c.batches = random_in(seed, 1, 2);
    c.groups = random_in(seed, 1, 3);
    c.in_channels = random_in(seed, 0, 3) == 0 ? random_in(seed, 15, 18) : random_in(seed, 1, 5);
    c.out_channels = random_in(seed, 0, 3) == 0 ? 1 : random_in(seed, 1, 9);
    for (int i = 0; i < MAX_AXES; i++) {
        bool there = i < c.axes;
        c.kernel[i] = there ? random_in(seed, 1, 3) : 1;
        c.stride[i] = there ? random_in(seed, 1, 3) : 1;
        c.dilation[i] = there ? random_in(seed, 1, 2) : 1;
        c.in[i] = there ? random_in(seed, 1, c.axes == 1 ? 40 : 7) : 1;
        int64_t extent = (c.kernel[i] - 1) * c.dilation[i] + 1;
        int64_t begin = there ? random_in(seed, 0, 2) : 0;
        int64_t end = there ? random_in(seed, 0, 2) : 0;
        if (transposed) {
            c.output_padding[i] = there ? random_in(seed, 0, c.stride[i] - 1) : 0;
            int64_t full = (c.in[i] - 1) * c.stride[i] + extent + c.output_padding[i];
            begin = begin + end < full ? begin : 0;
            end = begin + end < full ? end : 0;
            c.out[i] = full - begin - end;
        } else {
            end += c.in[i] + begin + end < extent ? extent : 0;
            c.out[i] = (c.in[i] + begin + end - extent) / c.stride[i] + 1;
        }
        if (there) {
            c.pads[i] = begin;
            c.pads[i + c.axes] = end;
        }
    }
    return c;
}

static void make_convolution(integer_node *n, const convolution *c, weighted *w, uint64_t *seed)
{
    size_t axes = (size_t)c->axes;
    int rank = c->axes + 2;
    int64_t x_dims[5] = {c->batches, c->groups * c->in_channels};
    int64_t w_dims[5] = {c->groups * c->out_channels, c->in_channels};
    int64_t y_dims[5] = {c->batches, c->groups * c->out_channels};
    if (c->transposed) {
        w_dims[0] = c->groups * c->in_channels;
        w_dims[1] = c->out_channels;
    }
    for (int i = 0; i < c->axes; i++) {
        x_dims[i + 2] = c->in[i];
        w_dims[i + 2] = c->kernel[i];
        y_dims[i + 2] = c->out[i];
    }
    w->x = random_type(seed, random_scale(seed, -7, -5));
    w->channels = y_dims[1];
    random_bytes(seed, integer_node_input(n, 0, w->x.dtype, rank, x_dims));
    davit_dtype dtype = random_in(seed, 0, 2) == 0 ? DAVIT_S16 : DAVIT_S8;
    random_weights(seed, integer_node_input(n, 1, dtype, rank, w_dims));
    decorate(n, w, rank, y_dims, seed);
    integer_node_int(n, "group", c->groups);
    integer_node_ints(n, "strides", axes, c->stride);
    integer_node_ints(n, "dilations", axes, c->dilation);
    integer_node_ints(n, "pads", 2 * axes, c->pads);
    if (c->transposed) {
        integer_node_ints(n, "output_padding", axes, c->output_padding);
    }
}

/* Splits an index into the coordinates of dims. */
static void split(int64_t index, const int64_t *dims, int64_t *at)
{
    for (int i = MAX_AXES - 1; i >= 0; i--) {
        at[i] = index % dims[i];
        index /= dims[i];
    }
}

static int64_t volume(const int64_t *dims)
{
    return dims[0] * dims[1] * dims[2];
}

/* The output place that input place p and kernel place k contribute to, or -1. */
static int64_t place_of(const convolution *c, int64_t p, int64_t k)
{
    int64_t in[MAX_AXES];
    int64_t tap[MAX_AXES];
    int64_t place = 0;
    split(p, c->in, in);
    split(k, c->kernel, tap);
    for (int i = 0; i < MAX_AXES; i++) {
        int64_t begin = i < c->axes ? c->pads[i] : 0;
        int64_t o;
        if (c->transposed) {
            o = in[i] * c->stride[i] + tap[i] * c->dilation[i] - begin;
        } else {
            o = in[i] + begin - tap[i] * c->dilation[i];
            if (o % c->stride[i] != 0) {
                return -1;
            }
            o /= c->stride[i];
        }
        if (o < 0 || o >= c->out[i]) {
            return -1;
        }
        place = place * c->out[i] + o;
    }
    return place;
}

/* Spreads every input element to the sums it belongs to: nothing is done for padding. */
static void sum_convolution(const integer_node *n, const convolution *c, int32_t x_zero,
                            int64_t *sums)
{
    int64_t in_places = volume(c->in);
    int64_t out_places = volume(c->out);
    int64_t taps = volume(c->kernel);
    int64_t in_total = c->batches * c->groups * c->in_channels;
    for (int64_t x = 0; x < in_total * in_places; x++) {
        int64_t channel = x / in_places % (c->groups * c->in_channels);
        int64_t batch = x / in_places / (c->groups * c->in_channels);
        int64_t group = channel / c->in_channels;
        for (int64_t k = 0; k < taps; k++) {
            int64_t place = place_of(c, x % in_places, k);
            for (int64_t m = 0; m < c->out_channels && place >= 0; m++) {
                int64_t o = group * c->out_channels + m;
                int64_t row = c->transposed ? channel * c->out_channels + m
                                            : o * c->in_channels + channel % c->in_channels;
                int64_t y = (batch * c->groups * c->out_channels + o) * out_places + place;
                sums[y] +=
                    (int64_t)(load(n->inputs[0], x) - x_zero) * load(n->inputs[1], row * taps + k);
            }
        }
    }
}

static void run_convolutions(bool transposed, int count, uint64_t seed)
{
    for (int i = 0; i < count; i++) {
        integer_node n;
        weighted w = {.channels = 0};
        convolution c = random_convolution(transposed, &seed);
        integer_node_init(&n, transposed ? DAVIT_OP_IntegerConvTranspose : DAVIT_OP_IntegerConv);
        make_convolution(&n, &c, &w, &seed);
        integer_node_run(&n);
        int64_t elems = davit_tensor_desc_elems(&n.y->desc);
        int64_t places = volume(c.out);
        assert_int_equal(elems, c.batches * w.channels * places);
        int64_t *sums = calloc((size_t)elems, sizeof(*sums));
        assert_non_null(sums);
        sum_convolution(&n, &c, w.x.zero, sums);
        for (int64_t y = 0; y < elems; y++) {
            expect(&n, &w, y, y / places % w.channels, sums[y]);
        }
        free(sums);
        integer_node_clear(&n);
    }
}

static void test_convolution(void **state)
{
    (void)state;
    run_convolutions(false, 400, 1);
}

static void test_transposed(void **state)
{
    (void)state;
    run_convolutions(true, 300, 2);
}

/* ---- matrix products ---- */

static void test_matmul(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (int i = 0; i < 300; i++) {
        integer_node n;
        int64_t dims[] = {random_in(&seed, 1, 3), random_in(&seed, 1, 20), random_in(&seed, 1, 40)};
        int64_t w_dims[] = {dims[2], random_in(&seed, 1, 20)};
        int64_t y_dims[] = {dims[0], dims[1], w_dims[1]};
        weighted w = {.x = random_type(&seed, random_scale(&seed, -7, -5)), .channels = w_dims[1]};
        integer_node_init(&n, DAVIT_OP_IntegerMatMul);
        random_bytes(&seed, integer_node_input(&n, 0, w.x.dtype, 3, dims));
        random_weights(&seed,
                       integer_node_input(&n, 1, i % 3 == 0 ? DAVIT_S16 : DAVIT_S8, 2, w_dims));
        decorate(&n, &w, 3, y_dims, &seed);
        integer_node_run(&n);
        for (int64_t y = 0; y < dims[0] * dims[1] * w.channels; y++) {
            int64_t acc = 0;
            for (int64_t k = 0; k < dims[2]; k++) {
                acc += (int64_t)(load(n.inputs[0], y / w.channels * dims[2] + k) - w.x.zero) *
                       load(n.inputs[1], k * w.channels + y % w.channels);
            }
            expect(&n, &w, y, y % w.channels, acc);
        }
        integer_node_clear(&n);
    }
}

/* Stacked on both sides, the right one broadcast now and then. */
static void test_product(void **state)
{
    (void)state;
    uint64_t seed = 4;
    for (int i = 0; i < 300; i++) {
        integer_node n;
        int64_t a[] = {random_in(&seed, 1, 3), random_in(&seed, 1, 18), random_in(&seed, 1, 40)};
        int64_t b[] = {i % 2 ? a[0] : 1, a[2], random_in(&seed, 1, 18)};
        davit_quant8 qa = random_type(&seed, random_scale(&seed, -7, -5));
        davit_quant8 qb = random_type(&seed, random_scale(&seed, -7, -5));
        davit_result_spec y = random_result(&seed, random_scale(&seed, -4, 0));
        integer_node_init(&n, DAVIT_OP_IntegerProduct);
        random_bytes(&seed, integer_node_input(&n, 0, qa.dtype, 3, a));
        random_bytes(&seed, integer_node_input(&n, 1, qb.dtype, 3, b));
        integer_node_type(&n, 'a', &qa);
        integer_node_type(&n, 'b', &qb);
        integer_node_result(&n, &y);
        integer_node_run(&n);
        for (int64_t at = 0; at < a[0] * a[1] * b[2]; at++) {
            int64_t row = at / b[2];
            int64_t batch = b[0] == 1 ? 0 : row / a[1];
            int64_t sum = 0;
            for (int64_t k = 0; k < a[2]; k++) {
                sum += (int64_t)(load(n.inputs[0], row * a[2] + k) - qa.zero) *
                       (load(n.inputs[1], (batch * b[1] + k) * b[2] + at % b[2]) - qb.zero);
            }
            assert_int_equal(load(n.y, at), oracle_product(&y, sum, qa.scale, qb.scale));
        }
        integer_node_clear(&n);
    }
}

/* ---- large sums ---- */

/* A sum of depth products of the greatest magnitude, computed as a product of matrices and, for
 * weights, as a convolution of one place. */
static void check_extreme(davit_op op, int64_t depth, davit_dtype w_dtype)
{
    const davit_result_spec y = {{DAVIT_U8, 0x1p25f, 255}, -INFINITY, INFINITY};
    const davit_quant8 one = {DAVIT_U8, 1.0f, 0};
    bool product = op == DAVIT_OP_IntegerProduct;
    bool conv = op == DAVIT_OP_IntegerConv;
    const int64_t x_dims[] = {1, depth, 1};
    const int64_t w_dims[] = {conv ? 1 : depth, conv ? depth : 1, 1};
    integer_node n;
    integer_node_init(&n, op);
    davit_tensor *x = integer_node_input(&n, 0, DAVIT_U8, conv ? 3 : 2, x_dims);
    davit_tensor *w = integer_node_input(&n, 1, w_dtype, conv ? 3 : 2, w_dims);
    integer_node_result(&n, &y);
    int32_t least = product || w_dtype == DAVIT_S16 ? -255 : -128;
    if (product) {
        const davit_quant8 b = {DAVIT_U8, 1.0f, 255};
        integer_node_type(&n, 'b', &b);
    }
    integer_node_type(&n, product ? 'a' : 'x', &one);
    for (int64_t k = 0; k < depth; k++) {
        ((uint8_t *)x->data)[k] = 255;
        if (w_dtype == DAVIT_S16) {
            ((int16_t *)w->data)[k] = (int16_t)least;
        } else {
            ((uint8_t *)w->data)[k] = (uint8_t)(product ? 0 : least);
        }
    }
    integer_node_run(&n);
    int64_t sum = depth * 255 * least;
    assert_int_equal(load(n.y, 0), oracle_product(&y, sum, 1.0f, 1.0f));
    assert_true(load(n.y, 0) > 0 && load(n.y, 0) < 255);
    integer_node_clear(&n);
}

/* On both sides of 2^31: depth * 255 * 128 crosses it at 65794, depth * 255 * 255 at 33026. */
static void test_beyond_s32(void **state)
{
    (void)state;
    static const int64_t depths[] = {33000, 33025, 33026, 65793, 65794, 70000, 120000};
    for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
        check_extreme(DAVIT_OP_IntegerMatMul, depths[i], DAVIT_S8);
        check_extreme(DAVIT_OP_IntegerMatMul, depths[i], DAVIT_S16);
        check_extreme(DAVIT_OP_IntegerConv, depths[i], DAVIT_S8);
        check_extreme(DAVIT_OP_IntegerProduct, depths[i], DAVIT_U8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convolution), cmocka_unit_test(test_transposed),
        cmocka_unit_test(test_matmul),      cmocka_unit_test(test_product),
        cmocka_unit_test(test_beyond_s32),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
