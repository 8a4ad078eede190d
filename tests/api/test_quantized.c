/* What a session tells of a quantised model, and that its results do not depend on optimisation. */
#include "fixture.h"

/* y = dequantise(quantise(relu(x * 2))), z = ceil(y); x is quantised before. */
static void load_quantized(fixture *f)
{
    static const float scale = 0.01f;
    static const uint8_t zero = 30;
    static const float two = 2.0f;
    onnx_builder builder;
    onnx_builder_init(&builder, 17);
    onnx_add_input(&builder, "x", DAVIT_F32, 1, (const int64_t[]){6});
    onnx_add_initializer(&builder, "s", DAVIT_F32, 0, NULL, &scale);
    onnx_add_initializer(&builder, "zp", DAVIT_U8, 0, NULL, &zero);
    onnx_add_initializer(&builder, "two", DAVIT_F32, 0, NULL, &two);
    fixture_add_node(&builder, "QuantizeLinear", "q", "x s zp", "xq");
    fixture_add_node(&builder, "DequantizeLinear", "dq", "xq s zp", "xd");
    fixture_add_node(&builder, "Mul", "twice", "xd two", "m");
    fixture_add_node(&builder, "Relu", "relu", "m", "r");
    fixture_add_node(&builder, "QuantizeLinear", "q2", "r s zp", "rq");
    fixture_add_node(&builder, "DequantizeLinear", "dq2", "rq s zp", "y");
    fixture_add_node(&builder, "Ceil", "ceil", "y", "z");
    onnx_add_output(&builder, "y");
    onnx_add_output(&builder, "z");
    fixture_load(f, &builder);
}

static void tells_what_is_integer(void **state)
{
    fixture *f = *state;
    davit_session_summary summary;
    davit_kept_summary kept;
    load_quantized(f);
    assert_int_equal(fixture_session(f, NULL), DAVIT_OK);
    davit_session_get_summary(f->session, &summary);
    assert_int_equal(summary.integer_unit_count, 1);
    assert_int_equal(summary.kept_count, 1);
    assert_int_equal(davit_session_kept(f->session, 0, &kept), DAVIT_OK);
    assert_string_equal(kept.node, "ceil");
    assert_string_equal(kept.reason, "its result is not quantised");
    assert_int_equal(davit_session_kept(f->session, 1, &kept), DAVIT_INVALID_ARGUMENT);
}

static void gives_the_same_without_optimisation(void **state)
{
    fixture *f = *state;
    float x[] = {-1.0f, -0.1f, 0.0f, 0.333f, 0.777f, 1.5f};
    const float expected[] = {0.0f, 0.0f, 0.0f, 0.66f, 1.56f, 2.25f};
    const int64_t dims[] = {6};
    load_quantized(f);
    for (int optimize = 0; optimize < 2; optimize++) {
        float y[6] = {0};
        davit_session_options options;
        davit_session_options_init(&options);
        options.optimize = optimize;
        assert_int_equal(fixture_session(f, &options), DAVIT_OK);
        davit_named_tensor input = {"x", fixture_tensor(DAVIT_F32, 1, dims, x)};
        davit_named_tensor output = {"y", fixture_tensor(DAVIT_F32, 1, dims, y)};
        assert_int_equal(davit_session_run(f->session, &input, 1, &output, 1), DAVIT_OK);
        davit_tensor_destroy(input.tensor);
        davit_tensor_destroy(output.tensor);
        for (size_t i = 0; i < 6; i++) {
            assert_float_equal(y[i], expected[i], 1e-6);
        }
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(tells_what_is_integer),
        TEST(gives_the_same_without_optimisation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
