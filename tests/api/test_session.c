/* Models and sessions: ports, runs, and every documented mistake of a caller. */
#include <fenv.h>
#include <stdio.h>
#include <time.h>

#include "fixture.h"

static const int64_t x_dims[] = {2, 2, 2, 3};

static void assert_close(const float *y, const float *expected)
{
    for (size_t i = 0; i < X_ELEMS; i++) {
        assert_float_equal(y[i], expected[i], 1e-6);
    }
}

static void describes_ports(void **state)
{
    fixture *f = *state;
    davit_port port;
    assert_int_equal(davit_model_input_count(f->model), 1);
    assert_int_equal(davit_model_output_count(f->model), 1);
    assert_int_equal(davit_model_input(f->model, 0, &port), DAVIT_OK);
    assert_string_equal(port.name, "x");
    assert_int_equal(port.dtype, DAVIT_F32);
    assert_int_equal(port.rank, 4);
    assert_int_equal(port.dims[0], -1);
    assert_string_equal(port.symbols[0], "N");
    assert_int_equal(port.dims[3], 3);
    assert_null(port.symbols[3]);
    assert_int_equal(davit_model_output(f->model, 0, &port), DAVIT_OK);
    assert_string_equal(port.name, "y");
    assert_int_equal(davit_model_output(f->model, 1, &port), DAVIT_INVALID_ARGUMENT);
    assert_int_equal(davit_model_input(f->model, 1, &port), DAVIT_INVALID_ARGUMENT);
}

static void runs_into_given_and_new_tensors(void **state)
{
    fixture *f = *state;
    davit_session_options options = fixture_options();
    float x[X_ELEMS];
    float y[X_ELEMS];
    float expected[X_ELEMS];
    fixture_fill(x, expected);
    assert_int_equal(fixture_session(f, &options), DAVIT_OK);
    assert_int_equal(davit_session_input_desc(f->session, 0)->dims[0], 2);
    assert_int_equal(davit_session_output_desc(f->session, 0)->dims[1], 2);
    assert_null(davit_session_output_desc(f->session, 1));
    assert_int_equal(fixture_run(f, x, y), DAVIT_OK);
    assert_close(y, expected);

    davit_named_tensor input = {"x", fixture_tensor(DAVIT_F32, 4, x_dims, x)};
    davit_named_tensor output = {"y", NULL};
    assert_int_equal(davit_session_run(f->session, &input, 1, &output, 1), DAVIT_OK);
    assert_close(output.tensor->data, expected);
    davit_tensor_destroy(output.tensor);
    assert_int_equal(davit_session_run(f->session, &input, 1, NULL, 0), DAVIT_OK);
    davit_tensor_destroy(input.tensor);
}

static void takes_shapes_from_inputs(void **state)
{
    fixture *f = *state;
    float x[X_ELEMS] = {0};
    davit_named_tensor input = {"x", fixture_tensor(DAVIT_F32, 4, x_dims, x)};
    davit_session_options options = fixture_options();
    options.shape_count = 0;
    options.input_count = 1;
    options.inputs = &input;
    assert_int_equal(fixture_session(f, &options), DAVIT_OK);
    assert_int_equal(davit_session_input_desc(f->session, 0)->dims[0], 2);

    const davit_named_shape other = {"x", 4, {1, 2, 2, 3}};
    options.shape_count = 1;
    options.shapes = &other;
    assert_int_equal(fixture_session(f, &options), DAVIT_INVALID_ARGUMENT);
    assert_string_equal(f->diag.text,
                        "input 'x' is given as 2x2x2x3, but its shape is set to 1x2x2x3");
    davit_tensor_destroy(input.tensor);
}

static void refuses_bad_shapes(void **state)
{
    fixture *f = *state;
    davit_session_options options = fixture_options();
    options.shape_count = 0;
    assert_int_equal(fixture_session(f, &options), DAVIT_INVALID_ARGUMENT);
    assert_non_null(strstr(f->diag.text, "'x'"));
    assert_non_null(strstr(f->diag.text, "'N'"));
    options.shape_count = 1;
    options.shapes = &(const davit_named_shape){"z", 1, {1}};
    assert_int_equal(fixture_session(f, &options), DAVIT_INVALID_ARGUMENT);
    assert_non_null(strstr(f->diag.text, "the model has no input 'z'; its inputs are 'x'"));
    options.shapes = &(const davit_named_shape){"x", 9, {1}};
    assert_int_equal(fixture_session(f, &options), DAVIT_INVALID_ARGUMENT);
    options.shapes = &(const davit_named_shape){"x", 4, {2, 5, 2, 3}};
    assert_int_equal(fixture_session(f, &options), DAVIT_INVALID_ARGUMENT);
    options.shapes = &(const davit_named_shape){"x", 4, {INT64_MAX, 2, 2, 3}};
    assert_int_not_equal(fixture_session(f, &options), DAVIT_OK);
}

/* One wrong run: what it is given and how the line that refuses it ends. */
static void expect_refusal(fixture *f, const davit_named_tensor *inputs, size_t input_count,
                           davit_named_tensor *outputs, size_t output_count, const char *message)
{
    davit_diagnostics_buffer_init(&f->diag);
    assert_int_equal(davit_session_run(f->session, inputs, input_count, outputs, output_count),
                     DAVIT_INVALID_ARGUMENT);
    assert_int_equal(f->diag.error_count, 1);
    if (strstr(f->diag.text, message) == NULL) {
        fail_msg("'%s' does not say '%s'", f->diag.text, message);
    }
}

static void refuses_wrong_tensors(void **state)
{
    fixture *f = *state;
    davit_session_options options = fixture_options();
    assert_int_equal(fixture_session(f, &options), DAVIT_OK);
    float data[X_ELEMS] = {0};
    const int64_t short_dims[] = {2, 2, 2, 2};
    davit_named_tensor right = {"x", fixture_tensor(DAVIT_F32, 4, x_dims, data)};
    davit_named_tensor wrong_shape = {"x", fixture_tensor(DAVIT_F32, 4, short_dims, data)};
    davit_named_tensor wrong_type = {"x", fixture_tensor(DAVIT_S32, 4, x_dims, data)};
    davit_named_tensor wrong_layout = {"x", fixture_tensor(DAVIT_F32, 4, x_dims, data)};
    davit_tensor_desc_channels_last(&wrong_layout.tensor->desc);
    davit_named_tensor wrong_name = {"X", right.tensor};
    davit_named_tensor no_tensor = {"x", NULL};
    davit_named_tensor twice[] = {right, right};
    davit_named_tensor both[] = {{"y", NULL}, {"y", NULL}};
    davit_named_tensor no_output = {"z", NULL};
    davit_named_tensor wrong_output = {"y", wrong_shape.tensor};

    expect_refusal(f, &wrong_name, 1, NULL, 0, "the model has no input 'X'; its inputs are 'x'");
    expect_refusal(f, &wrong_shape, 1, NULL, 0,
                   "input 'x': expected f32 2x2x2x3, given f32 2x2x2x2");
    expect_refusal(f, &wrong_type, 1, NULL, 0,
                   "input 'x': expected f32 2x2x2x3, given s32 2x2x2x3");
    expect_refusal(f, &wrong_layout, 1, NULL, 0, "input 'x' must be dense row-major");
    expect_refusal(f, &no_tensor, 1, NULL, 0, "input 'x' has no tensor");
    expect_refusal(f, twice, 2, NULL, 0, "input 'x' is given twice");
    expect_refusal(f, NULL, 0, NULL, 0, "input 'x' (f32 2x2x2x3) is missing");
    expect_refusal(f, &right, 1, &no_output, 1, "the model has no output 'z'; its outputs are 'y'");
    expect_refusal(f, &right, 1, both, 2, "output 'y' is asked for twice");
    assert_null(both[0].tensor);
    expect_refusal(f, &right, 1, &wrong_output, 1,
                   "output 'y': expected f32 2x2x2x3, given f32 2x2x2x2");

    davit_tensor_destroy(right.tensor);
    davit_tensor_destroy(wrong_shape.tensor);
    davit_tensor_destroy(wrong_type.tensor);
    davit_tensor_destroy(wrong_layout.tensor);
}

static void refuses_a_missing_model(void **state)
{
    fixture *f = *state;
    davit_model *model;
    assert_int_not_equal(davit_model_load(f->context, "/nowhere/m.onnx", &model), DAVIT_OK);
    assert_null(model);
    assert_int_equal(f->diag.error_count, 1);
    assert_non_null(strstr(f->diag.text, "/nowhere/m.onnx"));
}

static void refuses_options_of_another_size(void **state)
{
    fixture *f = *state;
    davit_session_options options = fixture_options();
    options.struct_size = 0;
    assert_int_equal(fixture_session(f, &options), DAVIT_INVALID_ARGUMENT);
    options.struct_size = sizeof(options) + 1;
    assert_int_equal(fixture_session(f, &options), DAVIT_INVALID_ARGUMENT);
}

/* y = reshape(x, shape): the value of `shape` decides the shape of y. */
static void binds_values_of_shape_inputs(void **state)
{
    fixture *f = *state;
    onnx_builder file;
    const int64_t flat[] = {6};
    const int64_t two[] = {2};
    onnx_builder_init(&file, 13);
    onnx_add_input(&file, "x", DAVIT_F32, 1, flat);
    onnx_add_input(&file, "shape", DAVIT_S64, 1, two);
    fixture_add_node(&file, "Reshape", "reshape", "x shape", "y");
    onnx_add_output(&file, "y");
    fixture_load(f, &file);

    davit_session_options options;
    davit_session_options_init(&options);
    options.devices = "reference";
    assert_int_not_equal(fixture_session(f, &options), DAVIT_OK);
    assert_non_null(strstr(f->diag.text, "shape"));

    int64_t value[] = {3, 2};
    davit_named_tensor shape = {"shape", fixture_tensor(DAVIT_S64, 1, two, value)};
    options.input_count = 1;
    options.inputs = &shape;
    assert_int_equal(fixture_session(f, &options), DAVIT_OK);
    assert_int_equal(davit_session_output_desc(f->session, 0)->dims[0], 3);

    float x[] = {1, 2, 3, 4, 5, 6};
    davit_named_tensor inputs[] = {{"x", fixture_tensor(DAVIT_F32, 1, flat, x)}, shape};
    davit_named_tensor output = {"y", NULL};
    assert_int_equal(davit_session_run(f->session, inputs, 2, &output, 1), DAVIT_OK);
    assert_memory_equal(output.tensor->data, x, sizeof(x));
    davit_tensor_destroy(output.tensor);
    value[0] = 2;
    value[1] = 3;
    output.tensor = NULL;
    expect_refusal(f, inputs, 2, &output, 1, "input 'shape' decides shapes");
    assert_int_equal(davit_session_run(f->session, inputs, 1, &output, 1), DAVIT_OK);
    davit_tensor_destroy(output.tensor);
    davit_tensor_destroy(inputs[0].tensor);
    davit_tensor_destroy(shape.tensor);
}

/* Graph outputs that are a graph input, and one value under two names after optimisation. */
static void delivers_outputs_that_no_unit_makes(void **state)
{
    fixture *f = *state;
    onnx_builder file;
    const int64_t dims[] = {2, 2, 2, 3};
    onnx_builder_init(&file, 13);
    onnx_add_input(&file, "x", DAVIT_F32, 4, dims);
    fixture_add_node(&file, "Relu", "relu", "x", "y");
    fixture_add_node(&file, "Identity", "again", "y", "y2");
    fixture_add_node(&file, "Identity", "pass", "x", "x2");
    onnx_add_output(&file, "y");
    onnx_add_output(&file, "y2");
    onnx_add_output(&file, "x2");
    fixture_load(f, &file);
    davit_session_options options = fixture_options();
    float x[X_ELEMS];
    float unused[X_ELEMS];
    fixture_fill(x, unused);
    davit_named_tensor input = {"x", fixture_tensor(DAVIT_F32, 4, x_dims, x)};
    for (int optimize = 0; optimize < 2; optimize++) {
        options.optimize = optimize == 1;
        assert_int_equal(fixture_session(f, &options), DAVIT_OK);
        davit_named_tensor outputs[] = {{"x2", NULL}, {"y2", NULL}, {"y", NULL}};
        assert_int_equal(davit_session_run(f->session, &input, 1, outputs, 3), DAVIT_OK);
        assert_memory_equal(outputs[0].tensor->data, x, sizeof(x));
        assert_memory_equal(outputs[1].tensor->data, outputs[2].tensor->data, sizeof(x));
        assert_float_equal(((float *)outputs[2].tensor->data)[X_ELEMS - 1], x[X_ELEMS - 1], 0);
        for (int i = 0; i < 3; i++) {
            davit_tensor_destroy(outputs[i].tensor);
        }
    }
    davit_tensor_destroy(input.tensor);
}

static void tells_units_and_times(void **state)
{
    fixture *f = *state;
    davit_session_options options = fixture_options();
    options.optimize = false;
    assert_int_equal(fixture_session(f, &options), DAVIT_OK);
    float x[X_ELEMS];
    float y[X_ELEMS];
    fixture_fill(x, y);
    assert_int_equal(davit_session_unit_count(f->session), 3);
    davit_unit_summary unit;
    assert_int_equal(davit_session_unit(f->session, 3, &unit), DAVIT_INVALID_ARGUMENT);
    assert_int_equal(davit_session_unit(f->session, 0, &unit), DAVIT_OK);
    assert_string_equal(unit.name, "scale");
    assert_string_equal(unit.operators, "Mul");
    assert_string_equal(unit.device, "reference");
    assert_string_equal(unit.reason, "first device");
    assert_int_equal(unit.output.dims[0], 2);
    assert_int_equal(unit.last_ns, 0);
    davit_session_summary summary;
    davit_session_get_summary(f->session, &summary);
    assert_true(summary.load_ns > 0);
    assert_int_equal(summary.last_ns, 0);
    assert_int_equal(summary.program_count, 1);
    assert_true(summary.memory_bytes >= sizeof(x));
    assert_int_equal(fixture_run(f, x, y), DAVIT_OK);
    davit_session_get_summary(f->session, &summary);
    assert_int_equal(summary.last_transfer_bytes, sizeof(x)); /* of y */
    assert_int_equal(summary.fallback_count, 0);
    uint64_t unit_ns = 0;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(davit_session_unit(f->session, i, &unit), DAVIT_OK);
        unit_ns += unit.last_ns;
    }
    assert_true(unit_ns > 0 && summary.last_ns >= unit_ns + summary.last_transfer_ns);
}

#ifdef DAVIT_WITH_ONEDNN
static double cpu_seconds(clockid_t clock)
{
    struct timespec now;
    assert_int_equal(clock_gettime(clock, &now), 0);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Of all that the process computes, the caller's part; in the first session of a kind. */
static double part_of_caller(fixture *f, uint32_t threads)
{
    enum { SIDE = 512 };
    static float w[SIDE * SIDE], x[SIDE * SIDE], y[SIDE * SIDE];
    const int64_t dims[] = {SIDE, SIDE};
    onnx_builder builder;
    onnx_builder_init(&builder, 13);
    onnx_add_input(&builder, "x", DAVIT_F32, 2, dims);
    onnx_add_initializer(&builder, "w", DAVIT_F32, 2, dims, w);
    fixture_add_node(&builder, "MatMul", "product", "x w", "y");
    onnx_add_output(&builder, "y");
    fixture_load(f, &builder);
    davit_session_options options;
    davit_session_options_init(&options);
    options.devices = "cpu";
    options.threads = threads;
    assert_int_equal(fixture_session(f, &options), DAVIT_OK);
    davit_named_tensor input = {"x", fixture_tensor(DAVIT_F32, 2, dims, x)};
    davit_named_tensor output = {"y", fixture_tensor(DAVIT_F32, 2, dims, y)};
    double process = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);
    double caller = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(davit_session_run(f->session, &input, 1, &output, 1), DAVIT_OK);
    }
    caller = cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - caller;
    process = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - process;
    davit_tensor_destroy(input.tensor);
    davit_tensor_destroy(output.tensor);
    davit_session_destroy(f->session);
    f->session = NULL;
    return caller / process;
}

static void one_thread_is_the_callers(void **state)
{
    assert_true(part_of_caller(*state, 1) > 0.9);
    assert_true(part_of_caller(*state, 2) < 0.5);
}

/* How a caller rounds changes no result, and stays. */
static void callers_rounding_is_left_alone(void **state)
{
    fixture *f = *state;
    davit_session_options options = fixture_options();
    options.devices = "cpu";
    float x[X_ELEMS], y[2][X_ELEMS];
    fixture_fill(x, y[0]);
    for (uint32_t i = 0; i < 2; i++) {
        options.threads = i + 1; /* by the caller, by a worker */
        assert_int_equal(fixture_session(f, &options), DAVIT_OK);
        assert_int_equal(fesetround(FE_UPWARD), 0);
        davit_status status = fixture_run(f, x, y[i]);
        assert_int_equal(fegetround(), FE_UPWARD);
        assert_int_equal(fesetround(FE_TONEAREST), 0);
        assert_int_equal(status, DAVIT_OK);
    }
    assert_memory_equal(y[0], y[1], sizeof(y[0]));
}
#endif

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(describes_ports),
        TEST(runs_into_given_and_new_tensors),
        TEST(takes_shapes_from_inputs),
        TEST(refuses_bad_shapes),
        TEST(refuses_wrong_tensors),
        TEST(refuses_a_missing_model),
        TEST(refuses_options_of_another_size),
        TEST(binds_values_of_shape_inputs),
        TEST(delivers_outputs_that_no_unit_makes),
        TEST(tells_units_and_times),
#ifdef DAVIT_WITH_ONEDNN
        TEST(one_thread_is_the_callers),
        TEST(callers_rounding_is_left_alone),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
