#include "random_text.h"

#include <stdarg.h>
#include <stdio.h>

#include "davit/tensor.h"
#include "unit_test.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

typedef struct writer {
    char *text;
    size_t length;
    uint64_t state;
} writer;

static void append(writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void append(writer *w, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(w->text + w->length, RANDOM_TEXT_BYTES - w->length, format, arguments);
    va_end(arguments);
    w->length += (size_t)written;
    assert_true(w->length < RANDOM_TEXT_BYTES);
}

static writer begin(uint64_t seed, char *text)
{
    text[0] = '\0';
    return (writer){.text = text, .state = seed};
}

/* Uniform in [low, high]. */
static int pick(writer *w, int low, int high)
{
    uint64_t count = (uint64_t)high - (uint64_t)low + 1;
    return low + (int)test_random_below(&w->state, count);
}

static void append_list(writer *w, const char *name, int count, int low, int high)
{
    append(w, " %s=", name);
    for (int i = 0; i < count; i++) {
        append(w, "%d,", pick(w, low, high));
    }
}

static void append_shape(writer *w, const char *head, const int *dims, int rank)
{
    append(w, "%s", head);
    for (int i = 0; i < rank; i++) {
        append(w, "%s%d", i > 0 ? "x" : "", dims[i]);
    }
}

static void append_ones(writer *w, int count)
{
    for (int i = 0; i < count; i++) {
        append(w, "x1");
    }
}

/* Up to three operators of those that units take in. */
static void append_epilogue(writer *w, int channels, int trailing_ones)
{
    static const char *const functions[] = {
        "Relu", "Clip s:-0.5 s:0.5",     "HardSwish",           "HardSigmoid", "Sigmoid",  "Silu",
        "Gelu", "Gelu approximate=tanh", "LeakyRelu alpha=0.2", "Tanh",        "Mul s:0.5"};
    for (int n = pick(w, 0, 3); n > 0; n--) {
        switch (pick(w, 0, 4)) {
        case 0:
            append(w, " ; Add w:%d", channels);
            append_ones(w, trailing_ones);
            break;
        case 1:
            append(w, " ; Add x:same");
            break;
        default:
            append(w, " ; %s", functions[test_random_below(&w->state, LENGTH(functions))]);
            break;
        }
    }
}

void random_convolution_text(uint64_t seed, char *text)
{
    writer w = begin(seed, text);
    int axes = pick(&w, 1, 3);
    bool depthwise = pick(&w, 0, 3) == 0;
    int groups = pick(&w, 0, 1) ? 1 : pick(&w, 2, 20);
    int in = depthwise ? 1 : pick(&w, 1, groups == 1 ? 40 : 17);
    int out = depthwise ? pick(&w, 1, 2) : pick(&w, 1, groups == 1 ? 40 : 17);
    int kernel[3];
    append(&w, "Conv x:%dx%d", pick(&w, 1, 2), groups * in);
    for (int i = 0; i < axes; i++) {
        append(&w, "x%d", pick(&w, 7, axes == 3 ? 8 : 15));
        kernel[i] = pick(&w, 1, axes == 3 ? 3 : 4);
    }
    append(&w, " w:%dx%d", groups * out, in);
    for (int i = 0; i < axes; i++) {
        append(&w, "x%d", kernel[i]);
    }
    if (pick(&w, 0, 1)) {
        append(&w, " w:%d", groups * out);
    }
    append(&w, " group=%d", groups);
    append_list(&w, "strides", axes, 1, 3);
    append_list(&w, "dilations", axes, 1, 2);
    append_list(&w, "pads", 2 * axes, 0, 2);
    append_epilogue(&w, groups * out, axes);
}

/* What Winograd's algorithm may compute. */
void random_winograd_text(uint64_t seed, char *text)
{
    writer w = begin(seed, text);
    int block = pick(&w, 0, 1) ? 16 : 1;
    int in = block * pick(&w, 3, 4) + (block == 1 ? pick(&w, 0, 60) : 0);
    int out = block * pick(&w, 3, 4) + (block == 1 ? pick(&w, 0, 60) : 0);
    append(&w, "Conv x:%dx%dx%dx%d w:%dx%dx3x3", pick(&w, 1, 2), in, pick(&w, 9, 19),
           pick(&w, 9, 19), out, in);
    if (pick(&w, 0, 1)) {
        append(&w, " w:%d", out);
    }
    append_list(&w, "pads", 4, 0, 2);
    append_epilogue(&w, out, 2);
}

/* Filters of single channels, of all sizes that the backend has loops for and some others. */
void random_depthwise_text(uint64_t seed, char *text)
{
    writer w = begin(seed, text);
    int channels = pick(&w, 0, 1) ? pick(&w, 2, 150) : 16 * pick(&w, 1, 8);
    int kernel[2] = {pick(&w, 1, 7), pick(&w, 0, 4) ? 3 + 2 * pick(&w, 0, 2) : pick(&w, 1, 6)};
    append(&w, "Conv x:%dx%dx%dx%d", pick(&w, 1, 2), channels, pick(&w, 1, 20), pick(&w, 1, 30));
    append(&w, " w:%dx1x%dx%d", channels, kernel[0], kernel[1]);
    if (pick(&w, 0, 1)) {
        append(&w, " w:%d", channels);
    }
    append(&w, " group=%d strides=%d,%d", channels, pick(&w, 1, 3), pick(&w, 1, 2));
    append(&w, " dilations=%d,%d", pick(&w, 1, 2), pick(&w, 0, 4) ? 1 : 2);
    append(&w, " pads=%d,%d,%d,%d", pick(&w, 0, kernel[0] - 1), pick(&w, 0, kernel[1] - 1),
           pick(&w, 0, kernel[0] - 1), pick(&w, 0, kernel[1] - 1));
    append_epilogue(&w, channels, 2);
}

static void append_pointwise(writer *w, int in, int out)
{
    append(w, " w:%dx%dx1x1", out, in);
    if (pick(w, 0, 1)) {
        append(w, " w:%d", out);
    }
}

/* What own loops have after a convolution. */
static void append_end(writer *w)
{
    static const char *const ends[] = {
        "", " ; Relu", " ; Clip s:-0.5 s:0.5", " ; Mul s:2", " ; HardSwish", " ; Gelu", " ; Silu"};
    append(w, "%s", ends[test_random_below(&w->state, LENGTH(ends))]);
}

void random_bottleneck_text(uint64_t seed, bool deep, char *text)
{
    writer w = begin(seed, text);
    int least = deep ? 64 : 2, in = pick(&w, least, least + 40), out = pick(&w, 1, 70);
    int between = pick(&w, 0, 1) ? 16 * pick(&w, 4, 8) : pick(&w, least + 1, 150);
    int stride = pick(&w, 1, 2), kernel = pick(&w, 0, 2) ? 3 : 5, pad = pick(&w, 0, kernel / 2);
    bool residual = stride == 1 && pad == kernel / 2 && pick(&w, 0, 1);
    out = residual ? in : out;
    append(&w, "Relu x:%dx%dx%dx%d", pick(&w, 1, 3), in, pick(&w, 5, 40), pick(&w, 5, 60));
    if (pick(&w, 0, 3)) {
        append(&w, " ; Conv");
        append_pointwise(&w, in, between);
        append_end(&w);
    } else {
        between = in;
    }
    append(&w, " ; Conv w:%dx1x%dx%d", between, kernel, kernel);
    append(&w, " group=%d strides=%d,%d pads=%d,%d,%d,%d", between, stride, stride, pad, pad, pad,
           pad);
    append_end(&w);
    append(&w, " ; Conv");
    append_pointwise(&w, between, out);
    append(&w, "%s", residual ? " ; Add @0" : pick(&w, 0, 1) ? " ; Add x:same" : " ; Sigmoid");
    append_end(&w);
}

/* Products deep enough for the backend's own loops: pointwise convolutions, MatMul, Gemm. */
void random_dense_text(uint64_t seed, char *text)
{
    writer w = begin(seed, text);
    int depth = pick(&w, 0, 3) ? pick(&w, 16, 150) : 512 * pick(&w, 1, 2);
    int columns = pick(&w, 1, 200), trailing = 0;
    switch (pick(&w, 0, 2)) {
    case 0:
        append(&w, "Conv x:%dx%dx%dx%d w:%dx%dx1x1", pick(&w, 1, 2), depth, pick(&w, 1, 9),
               pick(&w, 1, 9), columns, depth);
        trailing = 2;
        break;
    case 1:
        append(&w, "MatMul x:%dx%dx%d w:%dx%d", pick(&w, 1, 3), pick(&w, 1, 30), depth, depth,
               columns);
        break;
    default:
        append(&w, "Gemm x:%dx%d w:%dx%d w:%d transB=1", pick(&w, 1, 40), depth, columns, depth,
               columns);
        break;
    }
    append_epilogue(&w, columns, trailing);
}

void random_transposed_text(uint64_t seed, char *text)
{
    writer w = begin(seed, text);
    bool tiling = pick(&w, 0, 2) == 0;
    int axes = tiling ? 2 : pick(&w, 1, 3);
    int groups = !tiling && pick(&w, 0, 2) == 0 ? pick(&w, 2, 5) : 1;
    int in = pick(&w, 1, 20), out = pick(&w, 1, 20);
    int kernel = pick(&w, 2, 4);
    append(&w, "ConvTranspose x:%dx%d", pick(&w, 1, 2), groups * in);
    for (int i = 0; i < axes; i++) {
        append(&w, "x%d", pick(&w, 3, 7));
    }
    append(&w, " w:%dx%d", groups * in, out);
    for (int i = 0; i < axes; i++) {
        append(&w, "x%d", kernel);
    }
    if (pick(&w, 0, 1)) {
        append(&w, " w:%d", groups * out);
    }
    append(&w, " group=%d", groups);
    if (tiling) {
        append_list(&w, "strides", axes, kernel, kernel);
    } else {
        append_list(&w, "strides", axes, 2, 3);
        append_list(&w, "dilations", axes, 1, 2);
        append_list(&w, "output_padding", axes, 0, 1);
        append_list(&w, "pads", 2 * axes, 0, 1);
    }
    append_epilogue(&w, groups * out, axes);
}

void random_gemm_text(uint64_t seed, char *text)
{
    writer w = begin(seed, text);
    static const char *const factors[] = {"1.0", "1.5", "-0.5"};
    int rows = pick(&w, 1, 40), depth = pick(&w, 1, 70), columns = pick(&w, 1, 40);
    int transposed_a = pick(&w, 0, 1), transposed_b = pick(&w, 0, 1);
    const char *source = pick(&w, 0, 2) ? "w" : "x";
    const char *addend = pick(&w, 0, 1) ? "w" : "x";
    append(&w, "Gemm x:%dx%d", transposed_a ? depth : rows, transposed_a ? rows : depth);
    append(&w, " %s:%dx%d", source, transposed_b ? columns : depth, transposed_b ? depth : columns);
    switch (pick(&w, 0, 5)) {
    case 0:
        append(&w, " %s:%d", addend, columns);
        break;
    case 1:
        append(&w, " %s:1x%d", addend, columns);
        break;
    case 2:
        append(&w, " %s:%dx1", addend, rows);
        break;
    case 3:
        append(&w, " %s:%dx%d", addend, rows, columns);
        break;
    case 4:
        append(&w, " %s:1", addend);
        break;
    default:
        break;
    }
    append(&w, " transA=%d transB=%d alpha=%s beta=%s", transposed_a, transposed_b,
           factors[pick(&w, 0, 2)], factors[pick(&w, 0, 2)]);
    append_epilogue(&w, columns, 0);
}

void random_matmul_text(uint64_t seed, char *text)
{
    writer w = begin(seed, text);
    int batch_rank = pick(&w, 0, 3);
    int rows = pick(&w, 1, 20), depth = pick(&w, 1, 70), columns = pick(&w, 1, 20);
    int a[5], b[5], rank = batch_rank + 2;
    int shape = pick(&w, 0, 5); /* 0: b is one matrix; 1: a vector; else batches, perhaps of 1 */
    for (int i = 0; i < batch_rank; i++) {
        int size = pick(&w, 1, 4);
        a[i] = pick(&w, 0, 3) ? size : 1;
        b[i] = pick(&w, 0, 3) ? size : 1;
    }
    a[rank - 2] = rows;
    a[rank - 1] = b[rank - 2] = depth;
    b[rank - 1] = columns;
    append_shape(&w, "MatMul x:", a, rank);
    if (shape == 0) {
        append_shape(&w, pick(&w, 0, 2) ? " w:" : " x:", b + batch_rank, 2);
    } else if (shape == 1) {
        append(&w, " %s:%d", pick(&w, 0, 1) ? "w" : "x", depth);
    } else {
        append_shape(&w, pick(&w, 0, 3) ? " x:" : " w:", b, rank);
    }
    if (shape != 1) {
        append_epilogue(&w, columns, 0);
    }
}

void random_pool_text(uint64_t seed, char *text)
{
    writer w = begin(seed, text);
    bool greatest = pick(&w, 0, 1) == 0;
    int axes = pick(&w, 1, 3);
    int channels = pick(&w, 1, 36);
    bool blocked = pick(&w, 0, 1);
    append(&w, "%s x:%dx%d", blocked ? "Conv" : (greatest ? "MaxPool" : "AveragePool"),
           pick(&w, 1, 2), channels);
    for (int i = 0; i < axes; i++) {
        append(&w, "x%d", pick(&w, 5, 12));
    }
    if (blocked) {
        append(&w, " w:%dx%d", channels, channels);
        append_ones(&w, axes);
        append(&w, " ; %s", greatest ? "MaxPool" : "AveragePool");
    }
    append_list(&w, "kernel_shape", axes, 2, 4);
    append_list(&w, "strides", axes, 1, 3);
    append_list(&w, "pads", 2 * axes, 0, 1);
    append(&w, " ceil_mode=%d", pick(&w, 0, 1));
    if (!greatest) {
        append(&w, " count_include_pad=%d", pick(&w, 0, 1));
    }
}

/* Operators of one input that keep its shape. */
static const char *const unary[] = {
    "Abs",       "Relu",      "Sigmoid",        "Tanh",          "Elu alpha=0.7", "Exp",
    "Neg",       "Erf",       "Floor",          "HardSwish",     "HardSigmoid",   "Softplus",
    "Softsign",  "Mish",      "Clip s:-1 s:0",  "Selu",          "Gelu",          "Silu",
    "Add s:0.3", "Mul s:0.3", "Sub s:0.25",     "Div s:3",       "Pow s:2",       "Identity",
    "Max s:0.1", "Sign",      "Softmax axis=1", "Celu alpha=0.5"};

static void append_unary(writer *w)
{
    append(w, " ; %s", unary[test_random_below(&w->state, LENGTH(unary))]);
}

/* Operators with a second input made for [n, c, h, v]. */
static void append_binary(writer *w, int n, int c, int h, int v)
{
    static const char *const functions[] = {"Add", "Mul", "Sub", "Max", "Min", "PRelu"};
    const char *function = functions[test_random_below(&w->state, LENGTH(functions))];
    switch (pick(w, 0, 5)) {
    case 0:
        append(w, " ; %s w:%dx1x1", function, c);
        break;
    case 1:
        append(w, " ; %s w:1x%dx1x1", function, c);
        break;
    case 2:
        append(w, " ; %s x:%dx%dx1x1", function[0] == 'P' ? "Mul" : function, n, c);
        break;
    case 3:
        append(w, " ; %s w:%dx%d", function, h, v);
        break;
    case 4:
        append(w, " ; %s x:same", function[0] == 'P' ? "Add" : function);
        break;
    default:
        append(w, " ; %s w:%d", function, v);
        break;
    }
}

/* Operators that change the shape of [n, c, h, v], or go through it otherwise. */
static void append_reshaping(writer *w, int n, int c, int h, int v)
{
    static const char *const permutations[] = {"0,2,3,1", "0,3,1,2", "0,1,3,2",
                                               "1,0,2,3", "3,2,1,0", "2,0,3,1"};
    static const char *const axes[] = {"2,3", "1", "3", "1,2,3", "2", "0,1", "-1", "0"};
    static const char *const reductions[] = {"ReduceMean",     "ReduceSum", "ReduceMax",
                                             "ReduceMin",      "ReduceL2",  "ReduceL1",
                                             "ReduceSumSquare"};
    switch (pick(w, 0, 17)) {
    case 0:
        append(w, " ; Transpose perm=%s", permutations[pick(w, 0, 5)]);
        break;
    case 1:
        append(w, " ; %s l:%s keepdims=%d", reductions[pick(w, 0, 6)], axes[pick(w, 0, 7)],
               pick(w, 0, 1));
        break;
    case 2:
        append(w, " ; Split l:%d,%d axis=1 ->2", c / 2, c - c / 2);
        break;
    case 3:
        append(w, " ; Slice l:%d,1 l:%d,%d l:1,3", pick(w, 0, 1) * (c / 2), c, v);
        break;
    case 4:
        append(w, " ; Slice l:-1,%d l:-1000,0 l:2,3 l:-1,-2", v - 1);
        break;
    case 5:
        append(w, " ; Concat @0 x:%dx%dx%dx%d axis=%d", n, c, h, v, pick(w, 0, 3));
        break;
    case 6:
        append(w, " ; Reshape l:%d,-1", n);
        break;
    case 7:
        append(w, " ; Flatten axis=%d", pick(w, 0, 3));
        break;
    case 8:
        append(w,
               " ; Resize - f:1,1,2,%d mode=nearest coordinate_transformation_mode=asymmetric "
               "nearest_mode=floor",
               pick(w, 1, 3));
        break;
    case 9:
        append(w, " ; Resize - - l:%d,%d,%d,%d mode=%s", n, c, pick(w, 2, 14), pick(w, 2, 14),
               pick(w, 0, 1) ? "linear" : "nearest");
        break;
    case 10:
        append(w, " ; Pad l:0,%d,1,2,0,0,%d,1 s:0.5", pick(w, 0, 1), pick(w, -1, 1));
        break;
    case 11:
        append(w, " ; BatchNormalization p:%d w:%d w:%d p:%d", c, c, c, c);
        break;
    case 12:
        append(w, " ; InstanceNormalization p:%d w:%d", c, c);
        break;
    case 13:
        append(w, " ; GlobalAveragePool ; Mul @0");
        break;
    case 14:
        append(w, " ; LRN size=%d", 2 * pick(w, 0, 2) + 1);
        break;
    case 15:
        append(w, " ; Gather l:0,-1,0 axis=%d", pick(w, 0, 3));
        break;
    case 16:
        append(w, " ; Tile l:1,2,1,3");
        break;
    default:
        append(w, " ; Expand l:2,%d,%d,%d,%d", n, c, h, v);
        break;
    }
}

void random_blocked_text(uint64_t seed, char *text)
{
    writer w = begin(seed, text);
    int n = pick(&w, 1, 2), c = pick(&w, 2, 40), h = pick(&w, 2, 9), v = pick(&w, 2, 9);
    int in = pick(&w, 1, 24);
    append(&w, "Conv x:%dx%dx%dx%d w:%dx%dx1x1 w:%d", n, in, h, v, c, in, c);
    for (int i = pick(&w, 0, 2); i > 0; i--) {
        if (pick(&w, 0, 1)) {
            append_unary(&w);
        } else {
            append_binary(&w, n, c, h, v);
        }
    }
    if (pick(&w, 0, 2) > 0) {
        append_reshaping(&w, n, c, h, v);
    }
    append_unary(&w);
}

void random_broadcast_text(uint64_t seed, char *text)
{
    static const char *const functions[] = {
        "Add", "Sub", "Mul", "Max", "Min", "Equal", "Less", "GreaterOrEqual", "PRelu", "Sum"};
    writer w = begin(seed, text);
    int rank = pick(&w, 1, 7);
    int a[8], b[8];
    const char *function = functions[test_random_below(&w.state, LENGTH(functions))];
    for (int i = 0; i < rank; i++) {
        int size = pick(&w, 1, 4);
        a[i] = pick(&w, 0, 2) || function[0] == 'P' ? size : 1;
        b[i] = pick(&w, 0, 2) ? size : 1;
    }
    int skipped = pick(&w, 0, rank - 1);
    append(&w, "%s", function);
    append_shape(&w, " x:", a, rank);
    append_shape(&w, pick(&w, 0, 1) ? " x:" : " w:", b + skipped, rank - skipped);
}

/* ---- groups ---- */

/* Sizes of an attention. */
typedef struct heads {
    int batch, count, queries, keys, depth, width;
} heads;

static heads pick_heads(writer *w, int multiple)
{
    heads h = {.batch = pick(w, 1, 2), .count = pick(w, 1, 3)};
    h.queries = pick(w, 1, 70);
    h.keys = pick(w, 1, 120 / multiple) * multiple;
    h.depth = pick(w, 0, 2) ? 16 * pick(w, 1, 8) : pick(w, 1, 24) * multiple;
    h.width = pick(w, 0, 2) ? h.depth : pick(w, 1, 70);
    return h;
}

/* Any broadcasting, or masked keys, or masked but what lies before. */
static void append_mask(writer *w, const heads *h)
{
    int kind = pick(w, 0, 4);
    if (kind == 0) {
        return;
    }
    if (kind == 1 && h->keys < 60) {
        append(w, " ; Add f:0");
        for (int i = 1; i < h->keys; i++) {
            append(w, ",%s", pick(w, 0, 2) ? "0" : "-inf");
        }
        return;
    }
    if (kind == 2 && h->keys < 60) {
        append(w, " ; Add f:0");
        for (int i = 1; i < h->keys; i++) {
            append(w, ",%s", pick(w, 0, 2) ? "0" : "-3e38");
        }
        return;
    }
    append(w, " ; Add x:");
    if (pick(w, 0, 2)) {
        append(w, "%dx%dx", pick(w, 0, 1) ? h->batch : 1, pick(w, 0, 1) ? h->count : 1);
    }
    append(w, "%dx%d", pick(w, 0, 1) ? h->queries : 1, pick(w, 0, 3) ? h->keys : 1);
}

static void append_scale(writer *w)
{
    static const char *const scales[] = {"", " ; Mul s:0.125", " ; Div s:8", " ; Mul s:3.7"};
    append(w, "%s", scales[pick(w, 0, 3)]);
}

static void append_heads_end(writer *w, const heads *h)
{
    if (pick(w, 0, 2)) {
        append(w, " ; Transpose perm=0,2,1,3 ; Reshape l:%d,%d,%d", h->batch, h->queries,
               h->count * h->width);
    }
}

/* What the products of an attention read. */
typedef struct operands {
    int nodes; /* that were appended for them */
    char q[40], k[40], v[40];
} operands;

/* An operand of that shape: an input, or a Transpose of one, which is appended; of bytes maybe
 * between DequantizeLinear and QuantizeLinear. */
static void append_operand(writer *w, char letter, const int dims[4], int *nodes, char text[40])
{
    static const int permutations[][4] = {
        {0, 2, 1, 3}, {0, 1, 3, 2}, {0, 2, 3, 1}, {0, 3, 1, 2}, {0, 1, 2, 3}};
    const int *p = permutations[pick(w, 0, 4)];
    int from[4];
    if (pick(w, 0, 1)) {
        (void)snprintf(text, 40, "%c:%dx%dx%dx%d", letter, dims[0], dims[1], dims[2], dims[3]);
        return;
    }
    for (int i = 0; i < 4; i++) {
        from[p[i]] = dims[i];
    }
    bool through_floats = letter != 'x' && pick(w, 0, 1);
    append(w, "%s ^ %c:%dx%dx%dx%d", through_floats ? "DequantizeLinear" : "Transpose",
           through_floats ? 'u' : letter, from[0], from[1], from[2], from[3]);
    if (through_floats) { /* a chain, which leaves the bytes in that order */
        append(w, " s:0.03 t:1 ; Transpose");
    }
    append(w, " perm=%d,%d,%d,%d ; ", p[0], p[1], p[2], p[3]);
    if (through_floats) {
        append(w, "QuantizeLinear s:0.02 %c:1 ; ", letter == 'u' ? 't' : 'c');
    }
    *nodes += through_floats ? 3 : 1;
    (void)snprintf(text, 40, "@%d", *nodes - 1);
}

/* letters: of the types of q, k and v, of which k and v may be broadcast. */
static operands append_operands(writer *w, const heads *h, const char letters[3])
{
    operands o = {.nodes = 0};
    const int q[] = {h->batch, h->count, h->queries, h->depth};
    const int k[] = {pick(w, 0, 3) ? h->batch : 1, pick(w, 0, 3) ? h->count : 1, h->depth, h->keys};
    const int v[] = {pick(w, 0, 3) ? h->batch : 1, pick(w, 0, 3) ? h->count : 1, h->keys, h->width};
    append_operand(w, letters[0], q, &o.nodes, o.q);
    append_operand(w, letters[1], k, &o.nodes, o.k);
    append_operand(w, letters[2], v, &o.nodes, o.v);
    return o;
}

void random_attention_text(uint64_t seed, char *text)
{
    writer w = begin(seed, text);
    heads h = pick_heads(&w, 1);
    operands o = append_operands(&w, &h, "xxx");
    append(&w, "MatMul ^ %s %s", o.q, o.k);
    append_scale(&w);
    append_mask(&w, &h);
    append(&w, " ; Softmax axis=-1 ; MatMul %s", o.v);
    append_heads_end(&w, &h);
}

/* Of an IntegerProduct of u8 with u8 or s8, sums of which are about depth steps. */
static void append_product(writer *w, int depth, char letter, bool is_signed)
{
    append(w, " a_scale=0.01 a_zero=%d b_scale=0.013 b_zero=%d y_scale=%.6f y_zero=%d y_type=%d",
           pick(w, 0, 255), letter == 'i' ? pick(w, -128, 127) : pick(w, 0, 255), 0.004 * depth,
           is_signed ? pick(w, -128, 127) : pick(w, 0, 255), is_signed ? DAVIT_S8 : DAVIT_U8);
}

void random_bytes_attention_text(uint64_t seed, char *text)
{
    writer w = begin(seed, text);
    heads h = pick_heads(&w, 4);
    const char letters[3] = {'u', pick(&w, 0, 1) ? 'i' : 'u', pick(&w, 0, 1) ? 'i' : 'u'};
    bool signed_scores = pick(&w, 0, 1) == 1, signed_result = pick(&w, 0, 1) == 1;
    operands o = append_operands(&w, &h, letters);
    append(&w, "IntegerProduct ^ %s %s", o.q, o.k);
    append_product(&w, h.depth, letters[1], signed_scores);
    append(&w, " ; DequantizeLinear s:%s %c:1", pick(&w, 0, 1) ? "0.02" : "0.2",
           signed_scores ? 'c' : 't');
    append_scale(&w);
    append_mask(&w, &h);
    append(&w, " ; Softmax axis=-1 ; QuantizeLinear s:0.003921569 t:1");
    append(&w, " ; IntegerProduct %s", o.v);
    append_product(&w, h.keys, letters[2], signed_result);
    append_heads_end(&w, &h);
}

void random_chain_text(uint64_t seed, char *text, bool *has_function)
{
    static const char *const scales[] = {"0.02", "0.0371", "0.25", "3.1"};
    writer w = begin(seed, text);
    int rows = pick(&w, 1, 40), columns = pick(&w, 1, 200), function = pick(&w, 0, 3);
    bool is_bytes = pick(&w, 0, 3) > 0;
    if (is_bytes) {
        append(&w, "DequantizeLinear %s:2x%dx%d s:%s %s:1", "u", rows, columns,
               scales[pick(&w, 0, 3)], "t");
    } else {
        append(&w, "Add x:2x%dx%d x:2x%dx%d", rows, columns, rows, columns);
    }
    if (pick(&w, 0, 3)) {
        append(&w, " ; Add w:%d", columns);
    }
    if (is_bytes && pick(&w, 0, 1)) {
        append(&w, " ; Add x:same");
    }
    if (function == 0) {
        append(&w, " ; Gelu");
    } else if (function == 1) {
        append(&w, " ; LayerNormalization p:%d w:%d axis=-1", columns, columns);
    }
    if (pick(&w, 0, 2) == 0) {
        append(&w, " ; Reshape l:2,%d", rows * columns);
    }
    append(&w, " ; QuantizeLinear s:%s %c:1", scales[pick(&w, 0, 2)], pick(&w, 0, 1) ? 't' : 'c');
    *has_function = function < 2;
}
