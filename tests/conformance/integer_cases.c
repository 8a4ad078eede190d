/* Random cases of integer operators (davit/integer.h): u8 and s8, zero points at the ends and in
 * the middle, groups, dilation, asymmetric padding, odd channels, residuals, bounds. */
#include "case_writer.h"
#include "cases.h"
#include "davit/tensor.h"

#include <math.h>

/* An 8-bit type with a random zero point. */
typedef struct byte_type {
    davit_dtype dtype;
    int zero;
    char input; /* the letter of an operand of that type */
} byte_type;

static byte_type pick_type(case_writer *writer)
{
    byte_type type = {.dtype = DAVIT_U8, .input = 'u'};
    if (case_pick(writer, 0, 1) == 0) {
        type = (byte_type){.dtype = DAVIT_S8, .input = 'i'};
    }
    int low = type.dtype == DAVIT_U8 ? 0 : -128;
    switch (case_pick(writer, 0, 5)) {
    case 0:
        type.zero = low;
        break;
    case 1:
        type.zero = low + 255;
        break;
    case 2:
    case 3:
        type.zero = low + 128;
        break;
    default:
        type.zero = low + case_pick(writer, 0, 255);
        break;
    }
    if (case_pick(writer, 0, 3) == 0) {
        type.zero = 0;
    }
    return type;
}

/* Between one and three times the given number. */
static double pick_scale(case_writer *writer, double about)
{
    return about * (1.0 + case_pick(writer, 0, 2000) / 1000.0);
}

static void append_type(case_writer *writer, char name, const byte_type *type, double scale)
{
    case_append(writer, " %c_zero=%d %c_scale=%.9f", name, type->zero, name, scale);
}

/* The result; about is the size that its real values have. */
static void append_result(case_writer *writer, double about)
{
    byte_type type = pick_type(writer);
    double scale = pick_scale(writer, about / 200.0);
    append_type(writer, 'y', &type, scale);
    case_append(writer, " y_type=%d", (int)type.dtype);
    switch (case_pick(writer, 0, 4)) {
    case 0:
        case_append(writer, " low=0.0");
        break;
    case 1:
        case_append(writer, " low=0.0 high=%.9f", about / 2);
        break;
    case 2:
        case_append(writer, " low=%.9f high=%.9f", -about / 3, about / 4);
        break;
    default:
        break;
    }
}

/* An operator with weights. */
typedef struct weighted {
    byte_type x;
    int channels, fan_in; /* of the output; products of a sum */
    bool many_scales;
    int rank, dims[5]; /* of the result */
} weighted;

static void append_dims(case_writer *writer, int rank, const int *dims)
{
    for (int i = 0; i < rank; i++) {
        case_append(writer, "%s%d", i > 0 ? "x" : "", dims[i]);
    }
}

/* Bias, maybe a residual, and the attributes. */
static void append_weighted(case_writer *writer, const weighted *w)
{
    int channels = w->channels;
    double scale = pick_scale(writer, 0.02), w_scale = pick_scale(writer, 0.005);
    double about = scale * w_scale * 120.0 * 70.0 * sqrt((double)w->fan_in);
    bool has_bias = case_pick(writer, 0, 3) > 0;
    bool has_residual = case_pick(writer, 0, 2) == 0;
    if (has_bias) {
        case_append(writer, " b:%d", channels);
    } else if (has_residual) {
        case_append(writer, " -");
    }
    if (has_residual) {
        byte_type residual = pick_type(writer);
        case_append(writer, " %c:", residual.input);
        append_dims(writer, w->rank, w->dims);
        case_append(writer, " residual_zero=%d residual_scale=%.9f", residual.zero,
                    pick_scale(writer, about / 300.0));
    }
    append_type(writer, 'x', &w->x, scale);
    case_append(writer, " w_scale=%.9f,", w_scale);
    for (int i = 1; w->many_scales && i < channels; i++) {
        case_append(writer, "%.9f%s", pick_scale(writer, w_scale), i + 1 < channels ? "," : "");
    }
    append_result(writer, about);
}

/* A letter of weights: of nine bits now and then. */
static char pick_weights(case_writer *writer)
{
    return case_pick(writer, 0, 9) == 0 ? 'd' : 'c';
}

/* A window along one axis. */
typedef struct axis {
    int in, kernel, stride, dilation, pads[2], out;
} axis;

static axis pick_axis(case_writer *writer)
{
    axis a = {.kernel = 1};
    if (case_pick(writer, 0, 2) != 0) {
        a.kernel = case_pick(writer, 2, 5);
    }
    a.in = case_pick(writer, 2 * a.kernel, 12 + a.kernel);
    a.stride = case_pick(writer, 1, 3);
    a.dilation = case_pick(writer, 0, 3) == 0 ? 2 : 1;
    int range = (a.kernel - 1) * a.dilation;
    for (int i = 0; i < 2; i++) {
        a.pads[i] = case_pick(writer, 0, 1) ? case_pick(writer, 0, range) : 0;
    }
    a.out = (a.in + a.pads[0] + a.pads[1] - range - 1) / a.stride + 1;
    return a;
}

static void append_axes(case_writer *writer, int count, const axis *axes)
{
    case_append(writer, " strides=");
    for (int i = 0; i < count; i++) {
        case_append(writer, "%d,", axes[i].stride);
    }
    case_append(writer, " dilations=");
    for (int i = 0; i < count; i++) {
        case_append(writer, "%d,", axes[i].dilation);
    }
    case_append(writer, " pads=");
    for (int i = 0; i < 2 * count; i++) {
        case_append(writer, "%d,", axes[i % count].pads[i / count]);
    }
}

/* ---- convolution ---- */

static void append_convolution(case_writer *writer, int axes, int group, int in, int out)
{
    weighted w = {.x = pick_type(writer), .channels = group * out, .fan_in = in, .rank = 2 + axes};
    axis space[3];
    w.dims[0] = case_pick(writer, 1, 2);
    w.dims[1] = w.channels;
    case_append(writer, "IntegerConv %c:%dx%d", w.x.input, w.dims[0], group * in);
    for (int i = 0; i < axes; i++) {
        space[i] = pick_axis(writer);
        w.fan_in *= space[i].kernel;
        w.dims[2 + i] = space[i].out;
        case_append(writer, "x%d", space[i].in);
    }
    case_append(writer, " %c:%dx%d", pick_weights(writer), w.channels, in);
    for (int i = 0; i < axes; i++) {
        case_append(writer, "x%d", space[i].kernel);
    }
    w.many_scales = w.channels <= CASE_MAX_LIST && case_pick(writer, 0, 1) == 1;
    append_weighted(writer, &w);
    case_append(writer, " group=%d", group);
    append_axes(writer, axes, space);
}

static void integer_convolution(case_writer *writer)
{
    int in = case_pick(writer, 1, 40), out = case_pick(writer, 1, 40);
    append_convolution(writer, 2, 1, in, out);
}

static void integer_even_convolution(case_writer *writer)
{
    int in = 16 * case_pick(writer, 1, 5), out = 16 * case_pick(writer, 1, 5);
    append_convolution(writer, 2, 1, in, out);
}

/* 3x3 windows over enough places for Winograd's algorithm. */
static void integer_winograd(case_writer *writer)
{
    weighted w = {.x = pick_type(writer), .rank = 4};
    int in = 32 * case_pick(writer, 1, 3), pads[4], size[2];
    w.fan_in = 9 * in;
    w.channels = w.dims[1] = case_pick(writer, 1, 180);
    w.dims[0] = case_pick(writer, 1, 2);
    for (int i = 0; i < 4; i++) {
        pads[i] = case_pick(writer, 0, 2);
    }
    for (int i = 0; i < 2; i++) {
        w.dims[2 + i] = 4 * case_pick(writer, 5, 6) - case_pick(writer, 0, 1);
        size[i] = w.dims[2 + i] + 2 - pads[i] - pads[i + 2];
    }
    case_append(writer, "IntegerConv %c:%dx%dx%dx%d %c:%dx%dx3x3", w.x.input, w.dims[0], in,
                size[0], size[1], pick_weights(writer), w.channels, in);
    w.many_scales = w.channels <= CASE_MAX_LIST;
    append_weighted(writer, &w);
    case_append(writer, " pads=%d,%d,%d,%d", pads[0], pads[1], pads[2], pads[3]);
}

static void integer_pointwise(case_writer *writer)
{
    weighted w = {.x = pick_type(writer), .rank = 4};
    int stride = case_pick(writer, 1, 2);
    w.fan_in = case_pick(writer, 1, 200);
    w.channels = w.dims[1] = case_pick(writer, 1, 70);
    w.dims[0] = case_pick(writer, 1, 2);
    w.dims[2] = case_pick(writer, 1, 7);
    w.dims[3] = case_pick(writer, 1, 7);
    case_append(writer, "IntegerConv %c:%dx%dx%dx%d", w.x.input, w.dims[0], w.fan_in,
                (w.dims[2] - 1) * stride + 1, (w.dims[3] - 1) * stride + 1);
    case_append(writer, " %c:%dx%dx1x1", pick_weights(writer), w.channels, w.fan_in);
    append_weighted(writer, &w);
    case_append(writer, " strides=%d,%d", stride, stride);
}

static void integer_groups(case_writer *writer)
{
    int group = case_pick(writer, 2, 6);
    int in = case_pick(writer, 1, 18), out = case_pick(writer, 1, 18);
    append_convolution(writer, 2, group, in, out);
}

static void integer_depthwise(case_writer *writer)
{
    append_convolution(writer, 2, case_pick(writer, 2, 150), 1, 1);
}

static void integer_other_space(case_writer *writer)
{
    int axes = case_pick(writer, 0, 1) ? 1 : 3;
    int in = case_pick(writer, 1, 9), out = case_pick(writer, 1, 20);
    append_convolution(writer, axes, 1, in, out);
}

static void integer_transposed(case_writer *writer)
{
    weighted w = {.x = pick_type(writer), .rank = 4};
    int group = case_pick(writer, 0, 2) ? 1 : 2;
    int in = case_pick(writer, 1, 12), out = case_pick(writer, 1, 20);
    int kernel = case_pick(writer, 2, 4), stride = case_pick(writer, 1, 3);
    int pad = case_pick(writer, 0, (kernel - 1) / 2), size[2];
    if (case_pick(writer, 0, 2) == 0) { /* windows side by side */
        stride = kernel;
        pad = 0;
    }
    w.channels = w.dims[1] = group * out;
    w.fan_in = in * kernel;
    w.dims[0] = case_pick(writer, 1, 2);
    for (int i = 0; i < 2; i++) {
        size[i] = case_pick(writer, 3, 7);
        w.dims[2 + i] = (size[i] - 1) * stride + kernel - pad;
    }
    case_append(writer, "IntegerConvTranspose %c:%dx%dx%dx%d", w.x.input, w.dims[0], group * in,
                size[0], size[1]);
    case_append(writer, " %c:%dx%dx%dx%d", pick_weights(writer), group * in, out, kernel, kernel);
    append_weighted(writer, &w);
    case_append(writer, " group=%d strides=%d,%d pads=%d,0,0,%d", group, stride, stride, pad, pad);
}

/* ---- matrices ---- */

static void integer_matmul(case_writer *writer)
{
    weighted w = {.x = pick_type(writer), .rank = 3};
    w.dims[0] = case_pick(writer, 1, 3);
    w.dims[1] = case_pick(writer, 1, 20);
    w.fan_in = case_pick(writer, 1, 150);
    w.channels = w.dims[2] = case_pick(writer, 1, 80);
    w.many_scales = w.channels <= CASE_MAX_LIST;
    case_append(writer, "IntegerMatMul %c:%dx%dx%d", w.x.input, w.dims[0], w.dims[1], w.fan_in);
    char letter = pick_weights(writer);
    letter = case_pick(writer, 0, 2) == 0 ? (char)(letter - 'a' + 'A') : letter;
    case_append(writer, " %c:%dx%d", letter, w.fan_in, w.channels);
    append_weighted(writer, &w);
}

static void append_pair(case_writer *writer, const byte_type *a, const byte_type *b, double about)
{
    append_type(writer, 'a', a, pick_scale(writer, 0.01));
    append_type(writer, 'b', b, pick_scale(writer, 0.01));
    append_result(writer, about);
}

static void integer_product(case_writer *writer)
{
    byte_type a = pick_type(writer), b = pick_type(writer);
    int inner = case_pick(writer, 1, 70), columns = case_pick(writer, 1, 40);
    int batch = case_pick(writer, 1, 3), outer = case_pick(writer, 1, 2);
    bool same = case_pick(writer, 0, 1) == 1;
    case_append(writer, "IntegerProduct %c:%dx%dx%dx%d", a.input, outer, batch,
                case_pick(writer, 1, 20), inner);
    case_append(writer, " %c:%dx%dx%d", b.input, same ? batch : 1, inner, columns);
    append_pair(writer, &a, &b, 2.0 * sqrt((double)inner));
}

/* ---- element by element ---- */

static void append_pairwise(case_writer *writer, const char *op, double about)
{
    byte_type a = pick_type(writer), b = pick_type(writer);
    int dims[4];
    case_append(writer, "%s %c:", op, a.input);
    for (int i = 0; i < 4; i++) {
        dims[i] = i == 1 ? case_pick(writer, 1, 70) : case_pick(writer, 1, 7);
        case_append(writer, "%s%d", i > 0 ? "x" : "", case_pick(writer, 0, 5) ? dims[i] : 1);
    }
    int kind = case_pick(writer, 0, 3);
    if (kind == 0) {
        case_append(writer, " %c:%dx1x1", b.input, dims[1]);
    } else if (kind == 1) {
        case_append(writer, " %c:%dx%dx%dx%d", b.input, dims[0], dims[1], dims[2], dims[3]);
    } else {
        case_append(writer, " %c:", b.input);
        for (int first = case_pick(writer, 0, 3), i = first; i < 4; i++) {
            case_append(writer, "%s%d", i > first ? "x" : "",
                        case_pick(writer, 0, 2) ? dims[i] : 1);
        }
    }
    append_pair(writer, &a, &b, about);
}

static void integer_add(case_writer *writer)
{
    append_pairwise(writer, "IntegerAdd", 4.0);
}

static void integer_mul(case_writer *writer)
{
    append_pairwise(writer, "IntegerMul", 4.0);
}

static void integer_lookup(case_writer *writer)
{
    byte_type x = pick_type(writer);
    case_append(writer, "IntegerLookup %c:", x.input);
    case_append_numbers(writer, 'x', 4, 1, 9);
    case_append(writer, " %c:256", case_pick(writer, 0, 1) ? 't' : 'c');
}

static void integer_softmax(case_writer *writer)
{
    byte_type x = pick_type(writer);
    case_append(writer, "IntegerSoftmax %c:", x.input);
    case_append_numbers(writer, 'x', 3, 1, 30);
    case_append(writer, " axis=%d", case_pick(writer, -3, 2));
    append_type(writer, 'x', &x, pick_scale(writer, 0.05));
    append_result(writer, 1.0);
}

/* From f32 and back. */
static void integer_linear(case_writer *writer)
{
    double scale = pick_scale(writer, 0.004);
    char zero = case_pick(writer, 0, 1) ? 't' : 'c';
    case_append(writer, "QuantizeLinear x:2x%dx", case_pick(writer, 1, 40));
    case_append_numbers(writer, 'x', 2, 1, 9);
    case_append(writer,
                " s:%.9f %c: ; MaxPool kernel_shape=1,1 ; DequantizeLinear s:%.9f %c:", scale, zero,
                scale, zero);
}

/* ---- images ---- */

static void integer_average(case_writer *writer)
{
    byte_type x = pick_type(writer);
    int kernel = case_pick(writer, 1, 4);
    int global = case_pick(writer, 0, 3) == 0;
    int size = case_pick(writer, 4, 9);
    case_append(writer, "IntegerAveragePool %c:%dx", x.input, case_pick(writer, 1, 2));
    case_append(writer, "%dx%dx%d", case_pick(writer, 1, 300), size, size);
    if (global) {
        case_append(writer, " kernel_shape=%d,%d", size, size);
    } else {
        case_append(writer, " kernel_shape=%d,%d", kernel, kernel);
        case_append_list(writer, "strides", 2, 1, 3);
        case_append_list(writer, "pads", 4, 0, kernel - 1);
        case_append(writer, " ceil_mode=%d", case_pick(writer, 0, 1));
        case_append(writer, " count_include_pad=%d", case_pick(writer, 0, 1));
    }
    append_type(writer, 'x', &x, pick_scale(writer, 0.01));
    append_result(writer, 2.0);
}

static void integer_max(case_writer *writer)
{
    byte_type x = pick_type(writer);
    int kernel = case_pick(writer, 2, 4);
    case_append(writer, "MaxPool %c:%dx", x.input, case_pick(writer, 1, 2));
    case_append_numbers(writer, 'x', 3, 4, 12);
    case_append(writer, " kernel_shape=%d,%d", kernel, kernel);
    case_append_list(writer, "strides", 2, 1, 3);
    case_append_list(writer, "pads", 4, 0, kernel - 1);
}

static void integer_resize(case_writer *writer)
{
    static const char *const coordinates[] = {"half_pixel", "asymmetric", "align_corners",
                                              "pytorch_half_pixel"};
    byte_type x = pick_type(writer);
    bool linear = case_pick(writer, 0, 1) == 1;
    int channels = case_pick(writer, 1, 40);
    case_append(writer, "%s %c:1x%dx", linear ? "IntegerResize" : "Resize", x.input, channels);
    case_append_numbers(writer, 'x', 2, 2, 8);
    case_append(writer, " - - l:1,%d,", channels);
    case_append_numbers(writer, ',', 2, 1, 16);
    case_append(writer, " mode=%s coordinate_transformation_mode=%s", linear ? "linear" : "nearest",
                CASE_PICK(writer, coordinates));
    if (linear) {
        append_type(writer, 'x', &x, pick_scale(writer, 0.01));
        append_result(writer, 2.0);
    }
}

/* ---- bytes that only move ---- */

static void integer_movement(case_writer *writer)
{
    static const char *const moves[] = {"Transpose perm=0,2,3,1",
                                        "Reshape l:0,-1",
                                        "Flatten",
                                        "Slice l:0,1 l:9,9 l:1,3 l:1,2",
                                        "Slice l:1 l:4 l:1",
                                        "Split axis=1 ->2",
                                        "Concat @0 axis=1",
                                        "Concat u:2x3x6x6 axis=1",
                                        "Pad l:0,1,0,1,0,0,2,1",
                                        "Gather l:2,0,1 axis=1",
                                        "Expand l:2,8,6,6",
                                        "DepthToSpace blocksize=2"};
    case_append(writer, "MaxPool u:2x8x8x8 kernel_shape=3,3 ; %s", CASE_PICK(writer, moves));
}

/* ---- layers ---- */

static void integer_network(case_writer *writer)
{
    int first = case_pick(writer, 3, 40), second = case_pick(writer, 3, 40);
    case_append(writer,
                "IntegerConv u:1x3x17x15 c:%dx3x3x3 b:%d x_zero=%d x_scale=0.02 w_scale=0.01, "
                "y_scale=0.05 y_zero=3 y_type=%d low=0.0 strides=2,2 pads=1,1,1,1 ; ",
                first, first, case_pick(writer, 0, 255), (int)DAVIT_U8);
    case_append(writer,
                "IntegerConv c:%dx%dx1x1 b:%d x_zero=3 x_scale=0.05 w_scale=0.01, y_scale=0.2 "
                "y_zero=-1 y_type=%d ; ",
                second, first, second, (int)DAVIT_S8);
    case_append(writer,
                "IntegerConv c:%dx1x3x3 x_zero=-1 x_scale=0.2 w_scale=0.01, y_scale=0.4 "
                "y_zero=5 y_type=%d group=%d pads=1,1,1,1 ; ",
                second, (int)DAVIT_S8, second);
    case_append(writer,
                "IntegerAdd @1 a_zero=5 a_scale=0.4 b_zero=-1 b_scale=0.2 y_scale=0.5 y_zero=128 "
                "y_type=%d ; MaxPool kernel_shape=2,2 strides=2,2 ; ",
                (int)DAVIT_U8);
    case_append(writer,
                "IntegerConv c:%dx%dx3x3 - @4 x_zero=128 x_scale=0.5 w_scale=0.01, y_scale=1.0 "
                "y_zero=128 y_type=%d pads=1,1,1,1 residual_zero=128 residual_scale=0.5 ; ",
                second, second, (int)DAVIT_U8);
    case_append(writer,
                "IntegerAveragePool kernel_shape=4,4 x_zero=128 x_scale=1.0 y_zero=100 "
                "y_scale=0.8 y_type=%d ; Flatten ; ",
                (int)DAVIT_U8);
    case_append(writer,
                "IntegerMatMul c:%dx10 b:10 x_zero=100 x_scale=0.8 w_scale=0.02, y_scale=4.0 "
                "y_zero=0 y_type=%d ; DequantizeLinear s:0.1",
                second, (int)DAVIT_S8);
}

static void (*const kinds[])(case_writer *writer) = {
    integer_convolution, integer_even_convolution, integer_pointwise,
    integer_groups,      integer_depthwise,        integer_other_space,
    integer_convolution, integer_even_convolution, integer_transposed,
    integer_matmul,      integer_product,          integer_add,
    integer_mul,         integer_lookup,           integer_softmax,
    integer_linear,      integer_average,          integer_max,
    integer_resize,      integer_movement,         integer_network,
    integer_winograd};

size_t integer_case_kinds(void)
{
    return sizeof(kinds) / sizeof(kinds[0]);
}

void integer_case(size_t kind, uint64_t seed, char *text, size_t bytes)
{
    case_writer writer = {.text = text, .bytes = bytes, .state = seed * 64 + kind};
    text[0] = '\0';
    kinds[kind](&writer);
}
