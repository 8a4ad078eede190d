/* Products in bfloat16: only where that is asked for, and then within the bound that rounding
 * operands to 8 bits has. Below AVX-512 there is nothing to ask for. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "unit_test.h"

#include "counting_allocator.h"
#include "davit/onednn.h"
#include "tests/conformance/case.h"

#define PRODUCT_BOUND 0x1p-8 /* of a product of two operands, each within 2^-9 */
#define F32_BOUND 1e-5

static davit_registry registry;
static davit_device_info info;

/* What a case showed, as parts of the sum of its products' amounts. */
typedef struct shown {
    double worst;
    bool same; /* the bytes of the reference */
} shown;

/* ---- values ---- */

static float to_bf16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    bits += 0x7fffu + (bits >> 16 & 1u);
    bits &= 0xffff0000u;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static void change(davit_tensor *tensor, float (*by)(float))
{
    for (int64_t i = 0;
         tensor->desc.dtype == DAVIT_F32 && i < davit_tensor_desc_elems(&tensor->desc); i++) {
        ((float *)tensor->data)[i] = by(((float *)tensor->data)[i]);
    }
}

/* Changes inputs and constants of a case. */
static void change_all(unit_case *built, float (*by)(float))
{
    davit_graph *graph = built->graph;
    for (size_t i = 0; i < graph->input_count; i++) {
        change(built->inputs[i], by);
    }
    for (size_t v = 0; v < graph->value_count; v++) {
        if (graph->values[v].constant != NULL) {
            change((davit_tensor *)graph->values[v].constant, by);
        }
    }
}

/* ---- running ---- */

/* exact: of operands that are bfloat16 already. */
static shown run(const char *text, davit_precision precision, bool exact)
{
    unit_case built;
    davit_device *device;
    davit_tensor *got[1], *expected[1], *amounts[1];
    davit_device_info asked = info;
    shown result = {0};
    asked.profile.precision = precision;
    const davit_device_options options = {.threads = 2};
    assert_int_equal(davit_device_open(&registry.backends[0], &asked, &options, &device), DAVIT_OK);
    assert_int_equal(case_build(text, 1, NULL, NULL, &built), DAVIT_OK);
    if (exact) {
        change_all(&built, to_bf16);
    }
    assert_int_equal(case_run(device, &built, true, NULL, got), DAVIT_OK);
    assert_int_equal(case_evaluate(&built, NULL, expected), DAVIT_OK);
    change_all(&built, fabsf);
    assert_int_equal(case_evaluate(&built, NULL, amounts), DAVIT_OK);
    size_t bytes = davit_tensor_desc_bytes(&expected[0]->desc);
    result.same = memcmp(got[0]->data, expected[0]->data, bytes) == 0;
    const float *y = got[0]->data, *y0 = expected[0]->data, *sum = amounts[0]->data;
    for (size_t i = 0; expected[0]->desc.dtype == DAVIT_F32 && i < bytes / sizeof(float); i++) {
        double part = fabs((double)y[i] - (double)y0[i]) / (double)sum[i];
        result.worst = fmax(result.worst, part);
    }
    case_free_outputs(&built, got);
    case_free_outputs(&built, expected);
    case_free_outputs(&built, amounts);
    case_destroy(&built);
    davit_device_close(device);
    return result;
}

static int find_device(void **state)
{
    size_t count;
    (void)state;
    davit_registry_init(&registry, NULL);
    return davit_registry_add(&registry, &davit_onednn_backend, NULL) == DAVIT_OK &&
                   davit_onednn_backend.enumerate(&registry.backends[0], NULL, &info, 1, &count) ==
                       DAVIT_OK
               ? 0
               : -1;
}

static void products_keep_their_precision(void **state)
{
    static const char *const products[] = {
        "Conv x:1x32x14x14 w:48x32x3x3 pads=1,1,1,1",
        "Conv x:2x64x7x9 w:40x64x1x1 w:40",
        "Conv x:1x64x20x20 w:256x64x1x1",
        "Conv x:1x16x9x9 w:24x8x3x3 group=2",
        "Conv x:1x3x17x17 w:16x3x5x5 strides=2,2",
        "ConvTranspose x:1x24x8x8 w:24x16x2x2 strides=2,2",
        "MatMul x:1x65x129 w:129x96",
        "MatMul x:4x33x20 x:4x20x40",
        "Gemm x:33x200 w:200x64 w:64",
        "Gemm x:200x7 w:48x200 transA=1 transB=1",
    };
    (void)state;
    if (info.profile.bf16_flops_per_s == 0) {
        skip();
    }
    for (size_t i = 0; i < sizeof products / sizeof products[0]; i++) {
        shown plain = run(products[i], DAVIT_PRECISION_F32, false);
        shown asked = run(products[i], DAVIT_PRECISION_BF16, false);
        shown exact = run(products[i], DAVIT_PRECISION_BF16, true);
        assert_true(plain.worst < F32_BOUND);
        assert_true(asked.worst > PRODUCT_BOUND / 256 && asked.worst <= PRODUCT_BOUND * 1.001);
        assert_true(exact.worst < F32_BOUND);
    }
}

static void other_units_stay_as_they_are(void **state)
{
    static const char *const others[] = {"Softmax x:3x700", "Add x:3x40 x:3x40",
                                         "Conv x:1x32x9x9 w:32x1x3x3 group=32"};
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_true(run(others[i], DAVIT_PRECISION_BF16, false).worst < F32_BOUND);
    }
    assert_true(run("IntegerConv u:1x32x9x9 c:8x32x3x3 b:8 x_zero=7 x_scale=0.02 w_scale=0.01, "
                    "y_scale=0.05 y_zero=3 y_type=2 pads=1,1,1,1",
                    DAVIT_PRECISION_BF16, false)
                    .same);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_keep_their_precision),
        cmocka_unit_test(other_units_stay_as_they_are),
    };
    return cmocka_run_group_tests(tests, find_device, NULL);
}
