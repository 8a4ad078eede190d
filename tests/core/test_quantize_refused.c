/* What is refused, with which status and reason, and that nothing was written then. */
#include "unit_test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "davit/quantize_table.h"
#include "davit/quantize_weights.h"

/* Scales that no model may have. */
static const struct {
    float scale;
    const char *defect;
} bad_scales[] = {
    {0.0f, "is zero"},           {-0.0f, "is zero"},
    {NAN, "is not a number"},    {INFINITY, "is infinite"},
    {-INFINITY, "is infinite"},  {-1.0f, "is negative"},
    {-0x1p-140f, "is negative"}, {0x1.fffffcp-127f, "is denormal"},
    {0x1p-149f, "is denormal"},
};

static void test_scales(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad_scales) / sizeof(bad_scales[0]); i++) {
        assert_string_equal(davit_scale_defect(bad_scales[i].scale), bad_scales[i].defect);
        davit_quant8 type = {DAVIT_U8, bad_scales[i].scale, 0};
        davit_reason reason;
        assert_int_equal(davit_quant8_check(&type, "x", &reason), DAVIT_BAD_DATA);
        char wanted[64];
        (void)snprintf(wanted, sizeof(wanted), "the scale of x %s", bad_scales[i].defect);
        assert_string_equal(reason.text, wanted);
    }
    assert_null(davit_scale_defect(FLT_MIN));
    assert_null(davit_scale_defect(FLT_MAX));
}

static void refuse_quantization(const davit_tensor_desc *desc, const char *text)
{
    davit_reason reason = {""};
    assert_int_equal(davit_quantization_check(desc, "'conv1_w'", &reason), DAVIT_BAD_DATA);
    assert_string_equal(reason.text, text);
}

static void test_tensors(void **state)
{
    (void)state;
    float scale[] = {1.0f, 1.0f, NAN};
    int32_t zero[] = {0, -1, 0};
    davit_tensor_desc desc;
    assert_int_equal(davit_tensor_desc_dense(&desc, DAVIT_U8, 2, (const int64_t[]){3, 2}),
                     DAVIT_OK);
    desc.quantization = (davit_quantization){scale, NULL, 3, 0};
    refuse_quantization(&desc, "scale 2 of 'conv1_w' is not a number");
    desc.quantization.zero_point = zero;
    refuse_quantization(&desc, "zero point 1 of 'conv1_w' is -1, out of the range of u8");
    desc.quantization.axis = 1;
    refuse_quantization(&desc, "'conv1_w' has 3 scales for 2 slices");
    desc.quantization.axis = 2;
    refuse_quantization(&desc, "'conv1_w' of rank 2 is quantised along axis 2");
    desc.quantization.axis = -1;
    refuse_quantization(&desc, "'conv1_w' of rank 2 is quantised along axis -1");
    desc.quantization = (davit_quantization){scale, zero, 0, 0};
    refuse_quantization(&desc, "'conv1_w' has 0 scales for 3 slices");
    desc.quantization = (davit_quantization){scale, zero + 1, 1, 7};
    refuse_quantization(&desc, "the zero point of 'conv1_w' is -1, out of the range of u8");
    desc.dtype = DAVIT_S8;
    assert_int_equal(davit_quantization_check(&desc, "x", NULL), DAVIT_OK);
    desc.dtype = DAVIT_S32;
    refuse_quantization(&desc, "'conv1_w' is s32 with the zero point -1");
    desc.dtype = DAVIT_F32;
    refuse_quantization(&desc, "'conv1_w' is f32, which is not quantised");
}

static void refuse_requantization(const davit_requantization_spec *spec, davit_status status,
                                  const char *text)
{
    float scale[2];
    float bias[2];
    davit_requantization untouched;
    memset(&untouched, 0x5a, sizeof(untouched));
    davit_requantization p = untouched;
    davit_reason reason = {""};
    assert_int_equal(davit_requantization_prepare(spec, scale, bias, &p, &reason), status);
    assert_string_equal(reason.text, text);
    assert_memory_equal(&p, &untouched, sizeof(p));
    assert_int_equal(davit_requantization_prepare(spec, scale, bias, &p, NULL), status);
}

static void test_requantization(void **state)
{
    (void)state;
    float w_scale[] = {1.0f, 1.0f};
    const int32_t bias[] = {1, 2};
    const davit_requantization_spec good = {
        .result = {{DAVIT_U8, 1.0f, 0}, -INFINITY, INFINITY},
        .channels = 2,
        .x_scale = 1.0f,
        .w_scale = w_scale,
        .w_scale_count = 2,
        .bias = bias,
        .bias_count = 2,
        .residual = {DAVIT_U8, 1.0f, 0},
    };
    davit_requantization_spec spec = good;
    spec.result.type.dtype = DAVIT_F32;
    refuse_requantization(&spec, DAVIT_BAD_DATA, "the result is f32, not u8 or s8");
    spec = good;
    spec.result.type.zero = 256;
    refuse_requantization(&spec, DAVIT_BAD_DATA,
                          "the zero point of the result is 256, out of the range of u8");
    spec = good;
    spec.result.type.scale = 0.0f;
    refuse_requantization(&spec, DAVIT_BAD_DATA, "the scale of the result is zero");
    spec = good;
    spec.result.low = NAN;
    refuse_requantization(&spec, DAVIT_BAD_DATA, "a bound of the activation is not a number");
    spec = good;
    spec.x_scale = NAN;
    refuse_requantization(&spec, DAVIT_BAD_DATA, "the scale of the input is not a number");
    spec = good;
    spec.residual.zero = -1;
    refuse_requantization(&spec, DAVIT_BAD_DATA,
                          "the zero point of the residual is -1, out of the range of u8");
    spec = good;
    spec.residual.scale = 0x1p65f;
    refuse_requantization(&spec, DAVIT_UNSUPPORTED,
                          "the scale of the residual is more than 2^64 times that of the result");
    spec = good;
    spec.w_scale_count = 3;
    refuse_requantization(&spec, DAVIT_BAD_DATA, "the weights have 3 scales for 2 channels");
    spec = good;
    spec.bias_count = 1;
    refuse_requantization(&spec, DAVIT_BAD_DATA, "the bias has 1 elements for 2 channels");
    w_scale[1] = -1.0f;
    refuse_requantization(&good, DAVIT_BAD_DATA, "scale 1 of the weights is negative");
    w_scale[1] = 0x1p-130f;
    refuse_requantization(&good, DAVIT_BAD_DATA, "scale 1 of the weights is denormal");
    w_scale[1] = INFINITY;
    refuse_requantization(&good, DAVIT_BAD_DATA, "scale 1 of the weights is infinite");
    w_scale[1] = 0x1.000002p64f;
    refuse_requantization(&good, DAVIT_UNSUPPORTED,
                          "scale 1 of the weights is more than 2^64 times that of the result");
    w_scale[0] = FLT_MAX;
    spec = good;
    spec.w_scale_count = 1;
    spec.x_scale = 2.0f; /* the product is infinite */
    refuse_requantization(&spec, DAVIT_UNSUPPORTED,
                          "the scale of the weights is more than 2^64 times that of the result");
}

static const davit_quant8 good = {DAVIT_U8, 1.0f, 0};
static const davit_quant8 bad = {DAVIT_S8, 1.0f, 128};
static const davit_quant8 huge = {DAVIT_U8, 0x1p65f, 0};
static const davit_result_spec good_result = {{DAVIT_U8, 1.0f, 0}, -INFINITY, INFINITY};
static const davit_result_spec bad_result = {{DAVIT_U8, 1.0f, 0}, 0.0f, NAN};

static void test_two_operands(void **state)
{
    (void)state;
    davit_reason reason;
    davit_addition sum;
    davit_multiplication product;
    assert_int_equal(davit_addition_prepare(&bad, &good, &good_result, &sum, &reason),
                     DAVIT_BAD_DATA);
    assert_string_equal(reason.text,
                        "the zero point of the first operand is 128, out of the range of s8");
    assert_int_equal(davit_addition_prepare(&good, &huge, &good_result, &sum, &reason),
                     DAVIT_UNSUPPORTED);
    assert_string_equal(reason.text,
                        "the scale of the second operand is more than 2^64 times that of the "
                        "result");
    assert_int_equal(davit_addition_prepare(&good, &good, &bad_result, &sum, &reason),
                     DAVIT_BAD_DATA);
    assert_int_equal(davit_multiplication_prepare(&good, &bad, &good_result, &product, &reason),
                     DAVIT_BAD_DATA);
    assert_string_equal(reason.text,
                        "the zero point of the second operand is 128, out of the range of s8");
    assert_int_equal(davit_multiplication_prepare(&good, &huge, &good_result, &product, &reason),
                     DAVIT_UNSUPPORTED);
    assert_string_equal(reason.text,
                        "the scale of the product is more than 2^64 times that of the result");
}

static void test_one_operand(void **state)
{
    (void)state;
    davit_reason reason;
    davit_rescale p;
    assert_int_equal(davit_average_prepare(&good, &good_result, -1, &p, &reason),
                     DAVIT_INVALID_ARGUMENT);
    assert_string_equal(reason.text, "a window has -1 elements");
    assert_int_equal(davit_average_prepare(&bad, &good_result, 4, &p, &reason), DAVIT_BAD_DATA);
    assert_int_equal(davit_average_prepare(&huge, &good_result, 4, &p, &reason), DAVIT_UNSUPPORTED);
    assert_int_equal(davit_linear_resize_prepare(&good, &good_result, 5, &p, &reason),
                     DAVIT_UNSUPPORTED);
    assert_string_equal(reason.text, "5 axes are resized");
    assert_int_equal(davit_linear_resize_prepare(&good, &good_result, 0, &p, &reason),
                     DAVIT_UNSUPPORTED);
    assert_int_equal(davit_linear_resize_prepare(&good, &bad_result, 2, &p, &reason),
                     DAVIT_BAD_DATA);
    davit_softmax softmax;
    assert_int_equal(davit_softmax_prepare(&bad, &good_result, &softmax, &reason), DAVIT_BAD_DATA);
    davit_result_spec fine = good_result;
    fine.type.scale = 0x1p-100f;
    assert_int_equal(davit_softmax_prepare(&good, &fine, &softmax, &reason), DAVIT_UNSUPPORTED);
    assert_string_equal(reason.text,
                        "the scale of softmax is more than 2^64 times that of the result");
}

static void refuse_table(davit_table_spec spec, davit_status status, const char *text)
{
    uint8_t table[256];
    uint8_t untouched[256];
    memset(table, 0x5a, sizeof(table));
    memset(untouched, 0x5a, sizeof(untouched));
    davit_reason reason = {""};
    assert_int_equal(davit_table_make(&spec, table, &reason), status);
    assert_string_equal(reason.text, text);
    assert_memory_equal(table, untouched, sizeof(table));
}

static void test_tables(void **state)
{
    (void)state;
    davit_table_spec spec = {DAVIT_FUNCTION_ELU, INFINITY, 0.0f, good, good};
    refuse_table(spec, DAVIT_BAD_DATA, "alpha of elu is not finite");
    spec = (davit_table_spec){DAVIT_FUNCTION_LINEAR, 1.0f, NAN, good, good};
    refuse_table(spec, DAVIT_BAD_DATA, "beta of linear is not finite");
    spec = (davit_table_spec){DAVIT_FUNCTION_TANH, 0.0f, 0.0f, bad, good};
    refuse_table(spec, DAVIT_BAD_DATA,
                 "the zero point of the input is 128, out of the range of s8");
    spec = (davit_table_spec){DAVIT_FUNCTION_TANH, 0.0f, 0.0f, good, bad};
    refuse_table(spec, DAVIT_BAD_DATA,
                 "the zero point of the result is 128, out of the range of s8");
    spec.function = DAVIT_FUNCTION_COUNT;
    refuse_table(spec, DAVIT_INVALID_ARGUMENT, "there is no function 17");
    assert_null(davit_function_name((davit_function)-1));
}

static void refuse_weights(const davit_weights *weights, const char *text)
{
    davit_reason reason = {""};
    assert_int_equal(davit_weights_check(weights, &reason), DAVIT_BAD_DATA);
    assert_string_equal(reason.text, text);
}

static void test_weights(void **state)
{
    (void)state;
    const uint8_t data[] = {0, 0, 200, 0};
    const int32_t zero[] = {0, 256};
    const davit_weights right = {DAVIT_U8, data, 1, 2, 2, zero, 0};
    davit_weights weights = right;
    weights.dtype = DAVIT_S32;
    refuse_weights(&weights, "the weights are s32, not u8 or s8");
    weights.dtype = DAVIT_S16;
    weights.zero_count = 1;
    refuse_weights(&weights, "the weights are s16, not u8 or s8");
    weights = right;
    weights.zero_count = 3;
    refuse_weights(&weights, "the weights have 3 zero points for 2 channels");
    weights.zero_count = 2;
    refuse_weights(&weights, "zero point 1 of the weights is 256, out of the range of u8");
    weights = right;
    weights.outer = SIZE_MAX;
    refuse_weights(&weights, "the weights have too many elements");
    davit_reason reason;
    int8_t narrow[4];
    assert_int_equal(davit_weights_shift(&right, DAVIT_S8, narrow, &reason), DAVIT_UNSUPPORTED);
    assert_string_equal(reason.text,
                        "the weights of channel 1 without their zero point do not fit s8");
    assert_int_equal(davit_weights_shift(&right, DAVIT_U8, narrow, &reason),
                     DAVIT_INVALID_ARGUMENT);
    static uint8_t many[40000];
    memset(many, 255, sizeof(many));
    davit_weights heavy = {DAVIT_U8, many, sizeof(many), 1, 1, NULL, 0};
    int32_t folded;
    assert_int_equal(davit_fold_zero_point(&heavy, 255, &folded, &reason), DAVIT_UNSUPPORTED);
    assert_string_equal(reason.text,
                        "the zero point times the weights of channel 0 does not fit s32");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scales),         cmocka_unit_test(test_tensors),
        cmocka_unit_test(test_requantization), cmocka_unit_test(test_two_operands),
        cmocka_unit_test(test_one_operand),    cmocka_unit_test(test_tables),
        cmocka_unit_test(test_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
