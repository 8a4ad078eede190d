/* TF32: only where it is asked for, and then within its tolerance. */
#include "rig.h"

#include <string.h>

typedef struct measured {
    double relative_l2;
    bool tf32; /* the program's unit says that it is */
} measured;

static measured run(const char *text, davit_precision precision)
{
    static rig on;
    rig_program program;
    davit_program_info info;
    rig_init(&on, 0);
    on.info.profile.precision = precision;
    on.measures = true;
    rig_open(&on, NULL);
    assert_int_equal(rig_build(&on, text, &program), DAVIT_OK);
    davit_program_get_info(program.program, &info);
    measured result = {.tf32 = strstr(info.unit_implementations[0], "tf32") != NULL};
    assert_int_equal(rig_run(&on, &program, 20 * RIG_SECOND), DAVIT_OK);
    result.relative_l2 = on.relative_l2;
    rig_destroy(&program);
    rig_close(&on);
    return result;
}

/* Operands keep 11 bits: a product is within 2^-10 of what it is, and a sum of many, whose errors
 * go both ways, well within; f32 is a thousand times closer. */
static void products_keep_their_precision(void **state)
{
    static const char *const products[] = {
        "Conv x:1x32x14x14 w:48x32x3x3 pads=1,1,1,1", "Conv x:2x64x7x9 w:40x64x1x1 w:40",
        "MatMul x:1x65x129 w:129x96", "Gemm x:33x200 w:200x64 w:64"};
    (void)state;
    for (size_t i = 0; i < sizeof products / sizeof products[0]; i++) {
        measured plain = run(products[i], DAVIT_PRECISION_F32);
        measured asked = run(products[i], DAVIT_PRECISION_TF32);
        assert_false(plain.tf32);
        assert_true(plain.relative_l2 < 1e-6);
        assert_true(asked.tf32);
        assert_true(asked.relative_l2 > 2e-5 && asked.relative_l2 < 1e-3);
    }
}

/* What is no product of f32 values stays what it is. */
static void other_units_stay_f32(void **state)
{
    static const char *const others[] = {"Softmax x:3x700", "Add x:3x40 x:3x40",
                                         "LayerNormalization x:7x96 p:96 w:96 axis=-1",
                                         "Conv x:1x32x9x9 w:32x1x3x3 group=32"};
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        measured asked = run(others[i], DAVIT_PRECISION_TF32);
        assert_false(asked.tf32);
        assert_true(asked.relative_l2 < 1e-6);
    }
}

static void integers_stay_exact(void **state)
{
    (void)state;
    measured asked = run("IntegerConv u:1x32x9x9 c:8x32x3x3 b:8 x_zero=7 x_scale=0.02 "
                         "w_scale=0.01, y_scale=0.05 y_zero=3 y_type=2 pads=1,1,1,1",
                         DAVIT_PRECISION_TF32);
    assert_false(asked.tf32);
    assert_true(asked.relative_l2 == 0);
}

/* A device without it says so. */
static void old_devices_refuse(void **state)
{
    static rig on;
    davit_device *device;
    (void)state;
    rig_init(&on, 0);
    on.info.profile.precision = DAVIT_PRECISION_TF32;
    const davit_device_options options = {.allocator = &on.allocator.allocator,
                                          .diag = &on.sink,
                                          .backend_options = "capability=75"};
    assert_int_equal(davit_device_open(&on.backend, &on.info, &options, &device),
                     DAVIT_UNAVAILABLE);
    assert_int_equal(atomic_load(&on.errors), 1);
    assert_non_null(strstr(on.error, "tf32 needs compute capability 8.0, it has 7.5"));
    assert_int_equal(atomic_load(&on.allocator.live), 0);
    assert_int_equal(rig_leaked(&on), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_keep_their_precision),
        cmocka_unit_test(other_units_stay_f32),
        cmocka_unit_test(integers_stay_exact),
        cmocka_unit_test(old_devices_refuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
