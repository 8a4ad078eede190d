#include "cases.h"

#include "unit_test.h"

#include <stdio.h>
#include <string.h>

/* A text under construction and where its choices come from. */
typedef struct case_writer {
    char *text;
    size_t bytes, length;
    uint64_t state;
} case_writer;

static DAVIT_PRINTF(2, 3) void append(case_writer *writer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length =
        vsnprintf(writer->text + writer->length, writer->bytes - writer->length, format, arguments);
    va_end(arguments);
    writer->length += (size_t)length;
    if (writer->length >= writer->bytes) {
        writer->length = writer->bytes - 1;
    }
}

/* Uniform in [low, high]. */
static int pick(case_writer *writer, int low, int high)
{
    uint64_t count = (uint64_t)high - (uint64_t)low + 1;
    return low + (int)test_random_below(&writer->state, count);
}

static const char *pick_text(case_writer *writer, const char *const *texts, size_t count)
{
    return texts[test_random_below(&writer->state, count)];
}

#define PICK(writer, texts) pick_text(writer, texts, sizeof(texts) / sizeof((texts)[0]))

static const char *const activations[] = {
    "Relu", "Clip s:-0.5 s:0.5",     "HardSwish",           "HardSigmoid", "Sigmoid", "Silu",
    "Gelu", "Gelu approximate=tanh", "LeakyRelu alpha=0.2", "Tanh"};

/* Appends count numbers of the same range. One call, one number at a time: the order in which a
 * compiler evaluates arguments must not change the case. */
static void append_numbers(case_writer *writer, char separator, int count, int low, int high)
{
    for (int i = 0; i < count; i++) {
        append(writer, "%d", pick(writer, low, high));
        if (i + 1 < count) {
            append(writer, "%c", separator);
        }
    }
}

/* " name=1,2" with count numbers. */
static void append_list(case_writer *writer, const char *name, int count, int low, int high)
{
    append(writer, " %s=", name);
    append_numbers(writer, ',', count, low, high);
}

static void append_epilogue(case_writer *writer, int channels, const char *trailing_ones)
{
    if (pick(writer, 0, 1)) {
        append(writer, " ; Add w:%d%s", channels, trailing_ones);
    }
    bool residual = pick(writer, 0, 2) == 0;
    bool early = pick(writer, 0, 1) == 1;
    if (residual && early) {
        append(writer, " ; Add x:same");
    }
    if (pick(writer, 0, 2) > 0) {
        append(writer, " ; %s", PICK(writer, activations));
    }
    if (residual && !early) {
        append(writer, " ; Add x:same");
    }
}

static void random_convolution(case_writer *writer)
{
    int group = pick(writer, 0, 1) ? 1 : pick(writer, 2, 6);
    int in = group * pick(writer, 1, group == 1 ? 20 : 3);
    int out = group * pick(writer, 1, group == 1 ? 20 : 3);
    int kernel = pick(writer, 1, 4);
    append(writer, "Conv x:%dx%dx", pick(writer, 1, 2), in);
    append_numbers(writer, 'x', 2, 7, 14);
    append(writer, " w:%dx%dx%dx%d group=%d", out, in / group, kernel, kernel, group);
    append_list(writer, "strides", 2, 1, 3);
    append_list(writer, "pads", 4, 0, kernel - 1);
    append_list(writer, "dilations", 2, 1, 2);
    append_epilogue(writer, out, "x1x1");
}

static void random_transposed(case_writer *writer)
{
    int group = pick(writer, 0, 2) ? 1 : 2;
    int in = group * pick(writer, 1, 6);
    int out = pick(writer, 1, 6);
    int kernel = pick(writer, 2, 4);
    append(writer, "ConvTranspose x:%dx%dx", pick(writer, 1, 2), in);
    append_numbers(writer, 'x', 2, 3, 7);
    append(writer, " w:%dx%dx%dx%d group=%d", in, out, kernel, kernel, group);
    append_list(writer, "strides", 2, 1, 3);
    append_list(writer, "pads", 4, 0, (kernel - 1) / 2);
    append_epilogue(writer, out * group, "x1x1");
}

static void random_gemm(case_writer *writer)
{
    int rows = pick(writer, 1, 20);
    int inner = pick(writer, 1, 40);
    int columns = pick(writer, 1, 30);
    int transposed_a = pick(writer, 0, 1);
    int transposed_b = pick(writer, 0, 1);
    append(writer, "Gemm x:%dx%d", transposed_a ? inner : rows, transposed_a ? rows : inner);
    append(writer, " w:%dx%d", transposed_b ? columns : inner, transposed_b ? inner : columns);
    if (pick(writer, 0, 1)) {
        append(writer, " w:%d beta=0.75", columns);
    }
    append(writer, " transA=%d transB=%d alpha=%s", transposed_a, transposed_b,
           pick(writer, 0, 1) ? "1.0" : "1.5");
    append_epilogue(writer, columns, "");
}

static void random_matmul(case_writer *writer)
{
    int batch = pick(writer, 1, 3);
    int rows = pick(writer, 1, 15);
    int inner = pick(writer, 1, 40);
    int columns = pick(writer, 1, 20);
    append(writer, "MatMul x:%dx%dx%d ", batch, rows, inner);
    switch (pick(writer, 0, 2)) {
    case 0:
        append(writer, "w:%dx%d", inner, columns);
        break;
    case 1:
        append(writer, "x:%dx%dx%d", batch, inner, columns);
        break;
    default:
        append(writer, "x:2x1x%dx%d", inner, columns);
        break;
    }
    append_epilogue(writer, columns, "");
}

static void random_pool(case_writer *writer)
{
    int kernel = pick(writer, 2, 4);
    bool largest = pick(writer, 0, 2) == 0;
    append(writer, "%s x:", largest ? "MaxPool" : "AveragePool");
    append_numbers(writer, 'x', 2, 1, 17);
    append(writer, "x");
    append_numbers(writer, 'x', 2, 5, 12);
    append(writer, " kernel_shape=%d,%d", kernel, kernel);
    append_list(writer, "strides", 2, 1, 3);
    append_list(writer, "pads", 4, 0, 1);
    append(writer, " ceil_mode=%d", pick(writer, 0, 1));
    if (!largest) {
        append(writer, " count_include_pad=%d", pick(writer, 0, 1));
    }
}

static void random_unary(case_writer *writer)
{
    static const char *const functions[] = {"Abs",  "Exp",   "Neg",  "Sin",
                                            "Cos",  "Erf",   "Ceil", "Softplus",
                                            "Tanh", "Floor", "Sign", "Elu alpha=0.5"};
    const char *function = pick(writer, 0, 1) ? PICK(writer, functions) : PICK(writer, activations);
    int name_length = (int)strcspn(function, " ");
    append(writer, "%.*s x:", name_length, function);
    append_numbers(writer, 'x', 4, 1, 9);
    append(writer, "%s", function + name_length);
}

static void random_binary(case_writer *writer)
{
    static const char *const functions[] = {"Add", "Sub", "Mul", "Max", "Min", "Div"};
    const char *function = PICK(writer, functions);
    append(writer, "%s x:", function);
    int dims[4];
    for (int i = 0; i < 4; i++) {
        dims[i] = pick(writer, 1, 7);
        append(writer, "%s%d", i > 0 ? "x" : "", pick(writer, 0, 4) ? dims[i] : 1);
    }
    append(writer, " %s:", strcmp(function, "Div") == 0 ? "p" : pick(writer, 0, 1) ? "x" : "w");
    for (int first = pick(writer, 0, 3), i = first; i < 4; i++) {
        append(writer, "%s%d", i > first ? "x" : "", pick(writer, 0, 2) ? dims[i] : 1);
    }
}

static void random_normalization(case_writer *writer)
{
    int channels = pick(writer, 1, 20);
    int height = pick(writer, 1, 8);
    int width = pick(writer, 2, 8);
    switch (pick(writer, 0, 3)) {
    case 0:
        append(writer, "Softmax x:%dx%dx%d axis=%d", channels, height, width, pick(writer, 0, 2));
        break;
    case 1:
        append(writer, "LayerNormalization x:2x%dx%d p:%d w:%d", channels, width, width, width);
        break;
    case 2:
        append(writer, "BatchNormalization x:2x%dx%dx%d p:%d w:%d w:%d p:%d", channels, height,
               width, channels, channels, channels, channels);
        break;
    default:
        append(writer, "InstanceNormalization x:2x%dx%dx%d p:%d w:%d", channels, height, width,
               channels, channels);
        break;
    }
}

static void random_reduction(case_writer *writer)
{
    static const char *const functions[] = {"ReduceSum", "ReduceMean", "ReduceMax",
                                            "ReduceMin", "ReduceL1",   "ReduceL2"};
    static const char *const axes[] = {"0", "1", "2", "3", "1,2", "2,3", "0,3", "0,1,2,3", "-1"};
    append(writer, "%s x:", PICK(writer, functions));
    append_numbers(writer, 'x', 4, 1, 9);
    append(writer, " l:%s", PICK(writer, axes));
    append(writer, " keepdims=%d", pick(writer, 0, 1));
}

static void random_resize(case_writer *writer)
{
    static const char *const coordinates[] = {"half_pixel", "asymmetric", "align_corners",
                                              "pytorch_half_pixel"};
    const char *mode = pick(writer, 0, 1) ? "linear" : "nearest";
    int channels = pick(writer, 1, 9);
    append(writer, "Resize x:1x%dx", channels);
    append_numbers(writer, 'x', 2, 2, 8);
    append(writer, " - - l:1,%d,", channels);
    append_numbers(writer, ',', 2, 1, 16);
    append(writer, " mode=%s coordinate_transformation_mode=%s", mode, PICK(writer, coordinates));
}

static void random_concat(case_writer *writer)
{
    int axis = pick(writer, 0, 3);
    int dims[4];
    for (int i = 0; i < 4; i++) {
        dims[i] = pick(writer, 1, 9);
    }
    append(writer, "Concat");
    for (int count = pick(writer, 2, 4); count > 0; count--) {
        dims[axis] = pick(writer, 1, 9);
        append(writer, " x:%dx%dx%dx%d", dims[0], dims[1], dims[2], dims[3]);
    }
    append(writer, " axis=%d", axis);
}

static void (*const kinds[])(case_writer *writer) = {
    random_convolution, random_transposed, random_gemm,   random_matmul,
    random_pool,        random_unary,      random_binary, random_normalization,
    random_reduction,   random_resize,     random_concat,
};

size_t random_case_kinds(void)
{
    return sizeof(kinds) / sizeof(kinds[0]);
}

void random_case(size_t kind, uint64_t seed, char *text, size_t bytes)
{
    case_writer writer = {.text = text, .bytes = bytes, .state = seed * 64 + kind};
    text[0] = '\0';
    kinds[kind](&writer);
}
