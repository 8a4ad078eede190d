#include "cases.h"

#include "suite.h"

#include <math.h>
#include <string.h>

/* A case whose operands and results are formulas over indices, so that no kernel is trusted. */
typedef struct closed_form {
    const char *text;
    case_fill fill;
    double (*expected)(const int64_t *index);
} closed_form;

static double ramp_4(const int64_t *i)
{
    return (double)(i[0] + 2 * i[1] + 3 * i[2] + 5 * i[3]);
}

/* ---- convolution ---- */

static double ones(int operand, const int64_t *i)
{
    (void)operand;
    (void)i;
    return 1;
}

/* How many of the taps -1, 0, 1 around a coordinate lie in [0, 4]. */
static double taps_in_range(int64_t at)
{
    return at == 0 || at == 4 ? 2 : 3;
}

/* 3 channels of ones under a 3x3 kernel of ones, padded: the number of taps inside. */
static double count_taps(const int64_t *i)
{
    return 3 * taps_in_range(i[2]) * taps_in_range(i[3]);
}

/* The same plus a bias of 1 and a residual of 1, cut at 20. */
static double count_taps_fused(const int64_t *i)
{
    return fmin(count_taps(i) + 2, 20);
}

/* Depthwise kernel that picks the tap below and to the right of the centre. */
static double pick_lower_right(int operand, const int64_t *i)
{
    return operand == 0 ? ramp_4(i) : (i[2] == 2 && i[3] == 2 ? 1.0 : 0.0);
}

static double shifted_ramp(const int64_t *i)
{
    const int64_t source[4] = {i[0], i[1], i[2] + 1, i[3] + 1};
    return source[2] < 5 && source[3] < 6 ? ramp_4(source) : 0;
}

/* Stride 2, dilation 2, group 2: output channel c sums the corners of a dilated 2x2 kernel. */
static double corners_of_ramp(const int64_t *i)
{
    double sum = 0;
    for (int64_t y = 0; y <= 2; y += 2) {
        for (int64_t x = 0; x <= 2; x += 2) {
            const int64_t source[4] = {i[0], i[1], 2 * i[2] + y, 2 * i[3] + x};
            sum += ramp_4(source);
        }
    }
    return sum;
}

static double ramp_and_ones(int operand, const int64_t *i)
{
    return operand == 0 ? ramp_4(i) : 1;
}

/* Kernel 2x2 = stride: every input element is spread over a 2x2 tile, scaled by the tap. */
static double ramp_and_taps(int operand, const int64_t *i)
{
    return operand == 0 ? ramp_4(i) : (double)(1 + i[2] * 2 + i[3]);
}

static double spread_tiles(const int64_t *i)
{
    const int64_t source[4] = {i[0], 0, i[2] / 2, i[3] / 2};
    return ramp_4(source) * (double)(1 + i[2] % 2 * 2 + i[3] % 2);
}

/* ---- matrices ---- */

/* A[i][k] = i + 1, B[k][j] = j - 1. */
static double outer_factors(int operand, const int64_t *i)
{
    return operand == 0 ? (double)(i[0] + 1) : (double)(i[1] - 1);
}

static double outer_product(const int64_t *i)
{
    return 7.0 * (double)(i[0] + 1) * (double)(i[1] - 1);
}

/* A transposed: A[k][i] = i + 1; B transposed: B[j][k] = j - 1; C[j] = 10 j. */
static double transposed_factors(int operand, const int64_t *i)
{
    return operand == 0   ? (double)(i[1] + 1)
           : operand == 1 ? (double)(i[0] - 1)
                          : 10.0 * (double)i[0];
}

static double transposed_product(const int64_t *i)
{
    return fmax(0, 0.5 * outer_product(i) + 2.0 * 10.0 * (double)i[1]);
}

/* Batch b: A = (b + 1) * ones, B[k][j] = k. */
static double batch_factors(int operand, const int64_t *i)
{
    return operand == 0 ? (double)(i[0] + 1) : (double)i[0];
}

static double batch_product(const int64_t *i)
{
    return (double)(i[0] + 1) * 10; /* 0 + 1 + 2 + 3 + 4 */
}

/* ---- pooling ---- */

static double ramp_operand(int operand, const int64_t *i)
{
    (void)operand;
    return ramp_4(i);
}

static double window_last(const int64_t *i)
{
    const int64_t source[4] = {i[0], i[1], 2 * i[2] + 1, 2 * i[3] + 1};
    return ramp_4(source);
}

static double window_centre(const int64_t *i)
{
    return (double)(i[0] + 2 * i[1]) + 3 * (2.0 * (double)i[2] + 0.5) +
           5 * (2.0 * (double)i[3] + 0.5);
}

/* 6x8 planes. */
static double plane_mean(const int64_t *i)
{
    return (double)(i[0] + 2 * i[1]) + 3 * 2.5 + 5 * 3.5;
}

/* ---- normalisation, reduction ---- */

static double logarithms(int operand, const int64_t *i)
{
    (void)operand;
    return log((double)(i[1] + 1)) + (double)i[0];
}

static double softmax_of_logarithms(const int64_t *i)
{
    return (double)(i[1] + 1) / 15; /* 1 + 2 + 3 + 4 + 5 */
}

/* x alternates around a mean of 10 with deviation 3; scale 2, shift 1. */
static double alternating(int operand, const int64_t *i)
{
    return operand == 0 ? 10 + (i[1] % 2 ? 3 : -3) : operand == 1 ? 2 : 1;
}

static double layer_normalized(const int64_t *i)
{
    return 1 + 2 * (i[1] % 2 ? 3 : -3) / sqrt(9 + 1e-5);
}

/* scale c + 1, shift c, mean 2 c, variance 4 (4 - epsilon makes the root 2). */
static double batch_norm_operands(int operand, const int64_t *i)
{
    switch (operand) {
    case 0:
        return ramp_4(i);
    case 1:
        return (double)(i[0] + 1);
    case 2:
        return (double)i[0];
    case 3:
        return 2.0 * (double)i[0];
    default:
        return 4.0 - 1e-5;
    }
}

static double batch_normalized(const int64_t *i)
{
    return (ramp_4(i) - 2.0 * (double)i[1]) / 2 * (double)(i[1] + 1) + (double)i[1];
}

static double row_operand(int operand, const int64_t *i)
{
    (void)operand;
    return (double)(i[1] + 10 * i[0]);
}

static double row_sum(const int64_t *i)
{
    return 45 + 100.0 * (double)i[0];
}

static double row_max(const int64_t *i)
{
    return 9 + 10.0 * (double)i[0];
}

/* ---- resizing, movement ---- */

static double doubled_nearest(const int64_t *i)
{
    const int64_t source[4] = {i[0], i[1], i[2] / 2, i[3] / 2};
    return ramp_4(source);
}

/* 3x4 to 5x7 with corners aligned: steps of one half. */
static double halved_ramp(const int64_t *i)
{
    return (double)(i[0] + 2 * i[1]) + 3 * 0.5 * (double)i[2] + 5 * 0.5 * (double)i[3];
}

/* Parts of 2, 3 and 1 rows. */
static double concat_operands(int operand, const int64_t *i)
{
    static const int64_t first[] = {0, 2, 5};
    return 100.0 * (double)(first[operand] + i[1]) + (double)i[2];
}

static double concatenated(const int64_t *i)
{
    return 100.0 * (double)i[1] + (double)i[2];
}

static double transposed_ramp(const int64_t *i)
{
    const int64_t source[4] = {i[0], i[3], i[1], i[2]};
    return ramp_4(source);
}

/* ---- element by element ---- */

static double centred(int operand, const int64_t *i)
{
    return operand == 0 ? (double)i[1] - 3.5 : (double)i[0];
}

static double relu(const int64_t *i)
{
    return fmax(0, (double)i[1] - 3.5);
}

static double sigmoid(const int64_t *i)
{
    return 1 / (1 + exp(3.5 - (double)i[1]));
}

static double hardswish(const int64_t *i)
{
    double x = (double)i[1] - 3.5;
    return x * fmax(0, fmin(1, x / 6 + 0.5));
}

static double gelu(const int64_t *i)
{
    double x = (double)i[1] - 3.5;
    return x / 2 * (1 + erf(x / sqrt(2)));
}

static double broadcast_difference(const int64_t *i)
{
    return (double)i[1] - 3.5 - (double)i[1];
}

static const closed_form forms[] = {
    {"Conv x:1x3x5x5 w:4x3x3x3 pads=1,1,1,1", ones, count_taps},
    {"Conv x:1x3x5x5 w:4x3x3x3 pads=1,1,1,1 ; Add w:4x1x1 ; Add x:same ; Clip s:0 s:20", ones,
     count_taps_fused},
    {"Conv x:2x3x5x6 w:3x1x3x3 group=3 pads=1,1,1,1", pick_lower_right, shifted_ramp},
    {"Conv x:1x2x7x7 w:2x1x2x2 group=2 strides=2,2 dilations=2,2", ramp_and_ones, corners_of_ramp},
    {"ConvTranspose x:1x1x3x4 w:1x1x2x2 strides=2,2", ramp_and_taps, spread_tiles},
    {"MatMul x:4x7 w:7x5", outer_factors, outer_product},
    {"Gemm x:7x4 w:5x7 w:5 transA=1 transB=1 alpha=0.5 beta=2.0 ; Relu", transposed_factors,
     transposed_product},
    {"MatMul x:3x2x5 x:5x4", batch_factors, batch_product},
    {"MaxPool x:1x2x6x8 kernel_shape=2,2 strides=2,2", ramp_operand, window_last},
    {"AveragePool x:1x2x6x8 kernel_shape=2,2 strides=2,2", ramp_operand, window_centre},
    {"GlobalAveragePool x:2x3x6x8", ramp_operand, plane_mean},
    {"Softmax x:3x5 axis=1", logarithms, softmax_of_logarithms},
    {"LayerNormalization x:3x8 w:8 w:8 axis=1", alternating, layer_normalized},
    {"BatchNormalization x:2x3x4x5 w:3 w:3 w:3 w:3", batch_norm_operands, batch_normalized},
    {"ReduceSum x:4x10 l:1 keepdims=1", row_operand, row_sum},
    {"ReduceMax x:4x10 l:1 keepdims=1", row_operand, row_max},
    {"Resize x:1x2x3x4 - f:1,1,2,2 mode=nearest coordinate_transformation_mode=asymmetric "
     "nearest_mode=floor",
     ramp_operand, doubled_nearest},
    {"Resize x:1x2x3x4 - - l:1,2,5,7 mode=linear coordinate_transformation_mode=align_corners",
     ramp_operand, halved_ramp},
    {"Concat x:2x2x3 x:2x3x3 x:2x1x3 axis=1", concat_operands, concatenated},
    {"Transpose x:2x3x4x5 perm=0,2,3,1", ramp_operand, transposed_ramp},
    {"Relu x:2x8", centred, relu},
    {"Sigmoid x:2x8", centred, sigmoid},
    {"HardSwish x:2x8", centred, hardswish},
    {"Gelu x:2x8", centred, gelu},
    {"Sub x:2x8 w:8", centred, broadcast_difference},
};

static void fill_expected(const closed_form *form, davit_tensor *tensor)
{
    float *data = tensor->data;
    int64_t index[DAVIT_MAX_RANK] = {0};
    for (int64_t i = 0; i < davit_tensor_desc_elems(&tensor->desc); i++) {
        data[i] = (float)form->expected(index);
        for (int d = tensor->desc.rank - 1; d >= 0 && ++index[d] == tensor->desc.dims[d]; d--) {
            index[d] = 0;
        }
    }
}

static void check_form(test_suite *suite, const closed_form *form, const unit_case *built,
                       bool channels_last)
{
    davit_tensor *got[1] = {NULL};
    davit_tensor *expected = NULL;
    char problem[256] = "no memory";
    bool same = false;
    if (case_run(suite->device, built, channels_last, NULL, got) != DAVIT_OK) {
        suite_fail(suite, "%s: %s", form->text, suite->errors.text);
        return;
    }
    if (davit_tensor_clone(davit_allocator_default(), got[0], &expected) == DAVIT_OK) {
        fill_expected(form, expected);
        same = case_compare(got[0], expected, problem, sizeof(problem));
    }
    if (same) {
        suite_pass(suite);
    } else {
        suite_fail(suite, "closed form %s%s: %s", form->text, channels_last ? " (nhwc)" : "",
                   problem);
    }
    davit_tensor_destroy(expected);
    case_free_outputs(built, got);
}

void closed_forms_run(test_suite *suite)
{
    if (suite->info.profile.kind == DAVIT_DEVICE_NULL) {
        suite_skip(suite, "closed forms: the device computes nothing");
        return;
    }
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        unit_case built;
        char reason[160];
        if (case_build(forms[i].text, 0, forms[i].fill, &suite->errors.sink, &built) != DAVIT_OK) {
            suite_fail(suite, "%s: %s", forms[i].text, suite->errors.text);
            continue;
        }
        if (case_unsupported(suite, &built, reason, sizeof(reason)) != NULL) {
            suite_skip(suite, reason);
        } else {
            check_form(suite, &forms[i], &built, false);
            check_form(suite, &forms[i], &built, true);
        }
        case_destroy(&built);
    }
}
