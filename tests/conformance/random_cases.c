#include "case_writer.h"
#include "cases.h"

#include <string.h>

static void append_epilogue(case_writer *writer, int channels, const char *trailing_ones)
{
    if (case_pick(writer, 0, 1)) {
        case_append(writer, " ; Add w:%d%s", channels, trailing_ones);
    }
    bool residual = case_pick(writer, 0, 2) == 0;
    bool early = case_pick(writer, 0, 1) == 1;
    if (residual && early) {
        case_append(writer, " ; Add x:same");
    }
    if (case_pick(writer, 0, 2) > 0) {
        case_append(writer, " ; %s", case_pick_activation(writer));
    }
    if (residual && !early) {
        case_append(writer, " ; Add x:same");
    }
}

static void random_convolution(case_writer *writer)
{
    int group = case_pick(writer, 0, 1) ? 1 : case_pick(writer, 2, 6);
    int in = group * case_pick(writer, 1, group == 1 ? 20 : 3);
    int out = group * case_pick(writer, 1, group == 1 ? 20 : 3);
    int kernel = case_pick(writer, 1, 4);
    case_append(writer, "Conv x:%dx%dx", case_pick(writer, 1, 2), in);
    case_append_numbers(writer, 'x', 2, 7, 14);
    case_append(writer, " w:%dx%dx%dx%d group=%d", out, in / group, kernel, kernel, group);
    case_append_list(writer, "strides", 2, 1, 3);
    case_append_list(writer, "pads", 4, 0, kernel - 1);
    case_append_list(writer, "dilations", 2, 1, 2);
    append_epilogue(writer, out, "x1x1");
}

static void random_transposed(case_writer *writer)
{
    int group = case_pick(writer, 0, 2) ? 1 : 2;
    int in = group * case_pick(writer, 1, 6);
    int out = case_pick(writer, 1, 6);
    int kernel = case_pick(writer, 2, 4);
    case_append(writer, "ConvTranspose x:%dx%dx", case_pick(writer, 1, 2), in);
    case_append_numbers(writer, 'x', 2, 3, 7);
    case_append(writer, " w:%dx%dx%dx%d group=%d", in, out, kernel, kernel, group);
    case_append_list(writer, "strides", 2, 1, 3);
    case_append_list(writer, "pads", 4, 0, (kernel - 1) / 2);
    append_epilogue(writer, out * group, "x1x1");
}

static void random_gemm(case_writer *writer)
{
    int rows = case_pick(writer, 1, 20);
    int inner = case_pick(writer, 1, 40);
    int columns = case_pick(writer, 1, 30);
    int transposed_a = case_pick(writer, 0, 1);
    int transposed_b = case_pick(writer, 0, 1);
    case_append(writer, "Gemm x:%dx%d", transposed_a ? inner : rows, transposed_a ? rows : inner);
    case_append(writer, " w:%dx%d", transposed_b ? columns : inner, transposed_b ? inner : columns);
    if (case_pick(writer, 0, 1)) {
        case_append(writer, " w:%d beta=0.75", columns);
    }
    case_append(writer, " transA=%d transB=%d alpha=%s", transposed_a, transposed_b,
                case_pick(writer, 0, 1) ? "1.0" : "1.5");
    append_epilogue(writer, columns, "");
}

static void random_matmul(case_writer *writer)
{
    int batch = case_pick(writer, 1, 3);
    int rows = case_pick(writer, 1, 15);
    int inner = case_pick(writer, 1, 40);
    int columns = case_pick(writer, 1, 20);
    case_append(writer, "MatMul x:%dx%dx%d ", batch, rows, inner);
    switch (case_pick(writer, 0, 2)) {
    case 0:
        case_append(writer, "w:%dx%d", inner, columns);
        break;
    case 1:
        case_append(writer, "x:%dx%dx%d", batch, inner, columns);
        break;
    default:
        case_append(writer, "x:2x1x%dx%d", inner, columns);
        break;
    }
    append_epilogue(writer, columns, "");
}

static void random_pool(case_writer *writer)
{
    int kernel = case_pick(writer, 2, 4);
    bool largest = case_pick(writer, 0, 2) == 0;
    case_append(writer, "%s x:", largest ? "MaxPool" : "AveragePool");
    case_append_numbers(writer, 'x', 2, 1, 17);
    case_append(writer, "x");
    case_append_numbers(writer, 'x', 2, 5, 12);
    case_append(writer, " kernel_shape=%d,%d", kernel, kernel);
    case_append_list(writer, "strides", 2, 1, 3);
    case_append_list(writer, "pads", 4, 0, 1);
    case_append(writer, " ceil_mode=%d", case_pick(writer, 0, 1));
    if (!largest) {
        case_append(writer, " count_include_pad=%d", case_pick(writer, 0, 1));
    }
}

static void random_unary(case_writer *writer)
{
    static const char *const functions[] = {"Abs",  "Exp",   "Neg",  "Sin",
                                            "Cos",  "Erf",   "Ceil", "Softplus",
                                            "Tanh", "Floor", "Sign", "Elu alpha=0.5"};
    const char *function =
        case_pick(writer, 0, 1) ? CASE_PICK(writer, functions) : case_pick_activation(writer);
    int name_length = (int)strcspn(function, " ");
    case_append(writer, "%.*s x:", name_length, function);
    case_append_numbers(writer, 'x', 4, 1, 9);
    case_append(writer, "%s", function + name_length);
}

static void random_binary(case_writer *writer)
{
    static const char *const functions[] = {"Add", "Sub", "Mul", "Max", "Min", "Div"};
    const char *function = CASE_PICK(writer, functions);
    case_append(writer, "%s x:", function);
    int dims[4];
    for (int i = 0; i < 4; i++) {
        dims[i] = case_pick(writer, 1, 7);
        case_append(writer, "%s%d", i > 0 ? "x" : "", case_pick(writer, 0, 4) ? dims[i] : 1);
    }
    case_append(writer, " %s:",
                strcmp(function, "Div") == 0 ? "p"
                : case_pick(writer, 0, 1)    ? "x"
                                             : "w");
    for (int first = case_pick(writer, 0, 3), i = first; i < 4; i++) {
        case_append(writer, "%s%d", i > first ? "x" : "", case_pick(writer, 0, 2) ? dims[i] : 1);
    }
}

static void random_normalization(case_writer *writer)
{
    int channels = case_pick(writer, 1, 20);
    int height = case_pick(writer, 1, 8);
    int width = case_pick(writer, 2, 8);
    switch (case_pick(writer, 0, 3)) {
    case 0:
        case_append(writer, "Softmax x:%dx%dx%d axis=%d", channels, height, width,
                    case_pick(writer, 0, 2));
        break;
    case 1:
        case_append(writer, "LayerNormalization x:2x%dx%d p:%d w:%d", channels, width, width,
                    width);
        break;
    case 2:
        case_append(writer, "BatchNormalization x:2x%dx%dx%d p:%d w:%d w:%d p:%d", channels, height,
                    width, channels, channels, channels, channels);
        break;
    default:
        case_append(writer, "InstanceNormalization x:2x%dx%dx%d p:%d w:%d", channels, height, width,
                    channels, channels);
        break;
    }
}

static void random_reduction(case_writer *writer)
{
    static const char *const functions[] = {"ReduceSum", "ReduceMean", "ReduceMax",
                                            "ReduceMin", "ReduceL1",   "ReduceL2"};
    static const char *const axes[] = {"0", "1", "2", "3", "1,2", "2,3", "0,3", "0,1,2,3", "-1"};
    case_append(writer, "%s x:", CASE_PICK(writer, functions));
    case_append_numbers(writer, 'x', 4, 1, 9);
    case_append(writer, " l:%s", CASE_PICK(writer, axes));
    case_append(writer, " keepdims=%d", case_pick(writer, 0, 1));
}

static void random_resize(case_writer *writer)
{
    static const char *const coordinates[] = {"half_pixel", "asymmetric", "align_corners",
                                              "pytorch_half_pixel"};
    const char *mode = case_pick(writer, 0, 1) ? "linear" : "nearest";
    int channels = case_pick(writer, 1, 9);
    case_append(writer, "Resize x:1x%dx", channels);
    case_append_numbers(writer, 'x', 2, 2, 8);
    case_append(writer, " - - l:1,%d,", channels);
    case_append_numbers(writer, ',', 2, 1, 16);
    case_append(writer, " mode=%s coordinate_transformation_mode=%s", mode,
                CASE_PICK(writer, coordinates));
}

static void random_concat(case_writer *writer)
{
    int axis = case_pick(writer, 0, 3);
    int dims[4];
    for (int i = 0; i < 4; i++) {
        dims[i] = case_pick(writer, 1, 9);
    }
    case_append(writer, "Concat");
    for (int count = case_pick(writer, 2, 4); count > 0; count--) {
        dims[axis] = case_pick(writer, 1, 9);
        case_append(writer, " x:%dx%dx%dx%d", dims[0], dims[1], dims[2], dims[3]);
    }
    case_append(writer, " axis=%d", axis);
}

static void (*const kinds[])(case_writer *writer) = {
    random_convolution, random_transposed, random_gemm,   random_matmul,
    random_pool,        random_unary,      random_binary, random_normalization,
    random_reduction,   random_resize,     random_concat, random_network,
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
