/* Memory, time and threads of sessions. */
#include <pthread.h>

#include "fixture.h"

#define NETWORK_IN 32 /* elements of x: 1x2x4x4 */
#define NETWORK_OUT 5

static void add_weights(onnx_builder *builder, const char *name, int rank, const int64_t *dims)
{
    float values[64];
    uint64_t random = 11;
    for (size_t i = 0; i < 64; i++) {
        values[i] = test_random_float(&random) * 0.5f + 0.6f;
    }
    onnx_add_initializer(builder, name, DAVIT_F32, rank, dims, values);
}

/* A residual block with batch normalisation, pooling, a shape computed from a shape, a product and
 * a Tanh: something for every pass to do. */
static void build_network(onnx_builder *builder)
{
    const int64_t x_dims[] = {1, 2, 4, 4};
    const int64_t conv_dims[] = {2, 2, 3, 3};
    const int64_t channel_dims[] = {2};
    const int64_t product_dims[] = {2, NETWORK_OUT};
    const int64_t pads[] = {1, 1, 1, 1};
    const int64_t one[] = {1};
    const int64_t zero = 0;
    const int64_t rest = -1;
    onnx_builder_init(builder, 13);
    onnx_add_input(builder, "x", DAVIT_F32, 4, x_dims);
    add_weights(builder, "w", 4, conv_dims);
    add_weights(builder, "c", 1, channel_dims);
    add_weights(builder, "m", 2, product_dims);
    onnx_add_initializer(builder, "first", DAVIT_S64, 1, one, &zero);
    onnx_add_initializer(builder, "rest", DAVIT_S64, 1, one, &rest);
    Onnx__NodeProto *conv = onnx_add_node(builder, "Conv", "x w", "conv");
    onnx_set_ints(builder, conv, "pads", 4, pads);
    fixture_add_node(builder, "BatchNormalization", "norm", "conv c c c c", "normal");
    fixture_add_node(builder, "Add", "residual", "normal x", "sum");
    fixture_add_node(builder, "Relu", "relu", "sum", "positive");
    fixture_add_node(builder, "GlobalAveragePool", "pool", "positive", "pooled");
    fixture_add_node(builder, "Shape", "shape", "x", "dims");
    fixture_add_node(builder, "Gather", "gather", "dims first", "batch");
    fixture_add_node(builder, "Concat", "concat", "batch rest", "flat");
    onnx_set_int(builder, builder->graph.node[builder->graph.n_node - 1], "axis", 0);
    fixture_add_node(builder, "Reshape", "reshape", "pooled flat", "vector");
    fixture_add_node(builder, "MatMul", "product", "vector m", "scores");
    fixture_add_node(builder, "Tanh", "tanh", "scores", "y");
    onnx_add_output(builder, "y");
}

/* Loads, binds, plans, runs and lets go of everything. */
static davit_status whole_life(fixture *f, const davit_session_options *options, float *y)
{
    const int64_t x_dims[] = {1, 2, 4, 4};
    const int64_t y_dims[] = {1, NETWORK_OUT};
    float x[NETWORK_IN];
    for (size_t i = 0; i < NETWORK_IN; i++) {
        x[i] = (float)i / 64;
    }
    const davit_context_options context_options = {.allocator = &f->counting.allocator,
                                                   .diag = &f->diag.sink};
    davit_context *context = NULL;
    davit_model *model = NULL;
    davit_session *session = NULL;
    davit_status status = davit_context_create(&context_options, &context);
    if (status == DAVIT_OK) {
        status = davit_model_load(context, f->model_path, &model);
    }
    if (status == DAVIT_OK) {
        status = davit_session_create(model, options, &session);
    }
    if (status == DAVIT_OK) {
        davit_named_tensor input = {"x", fixture_tensor(DAVIT_F32, 4, x_dims, x)};
        davit_named_tensor output = {"y", fixture_tensor(DAVIT_F32, 2, y_dims, y)};
        status = davit_session_run(session, &input, 1, &output, 1);
        davit_tensor_destroy(input.tensor);
        davit_tensor_destroy(output.tensor);
    }
    davit_session_destroy(session);
    davit_model_destroy(model);
    davit_context_destroy(context);
    return status;
}

static void fail_each_allocation(fixture *f, const davit_session_options *options)
{
    float expected[NETWORK_OUT];
    float y[NETWORK_OUT] = {0};
    size_t live = atomic_load(&f->counting.live);
    counting_allocator_restart(&f->counting, 0);
    assert_int_equal(whole_life(f, options, expected), DAVIT_OK);
    size_t calls = atomic_load(&f->counting.calls);
    for (size_t at = 1; at <= calls; at++) {
        davit_diagnostics_buffer_init(&f->diag);
        counting_allocator_restart(&f->counting, at);
        davit_status status = whole_life(f, options, y);
        if (status != DAVIT_OUT_OF_MEMORY || f->diag.error_count != 1 ||
            atomic_load(&f->counting.live) != live) {
            fail_msg("allocation %zu of %zu: %s, %u errors, the last '%s', %zu not freed", at,
                     calls, davit_status_text(status), f->diag.error_count, f->diag.text,
                     atomic_load(&f->counting.live) - live);
        }
    }
    counting_allocator_restart(&f->counting, 0);
    assert_int_equal(whole_life(f, options, y), DAVIT_OK);
    assert_memory_equal(y, expected, sizeof(y));
}

static bool has_cpu(const fixture *f)
{
    davit_device_summary device = {.name = ""};
    return davit_context_device(f->context, 0, &device) == DAVIT_OK &&
           strcmp(device.name, "cpu") == 0 && device.unusable[0] == '\0';
}

/* Over two devices, with and without passes. */
static void survives_each_failing_allocation(void **state)
{
    fixture *f = *state;
    onnx_builder builder;
    build_network(&builder);
    fixture_load(f, &builder);
    const char *pins[] = {"tanh=null"};
    davit_session_options options;
    davit_session_options_init(&options);
    options.devices = "reference,null";
    options.pin_count = 1;
    options.pins = pins;
    fail_each_allocation(f, &options);
    options.optimize = false;
    fail_each_allocation(f, &options);
    if (has_cpu(f)) {
        pins[0] = "pool=reference";
        options.devices = "cpu,reference";
        options.optimize = true;
        fail_each_allocation(f, &options);
    }
}

static void allocates_nothing_after_the_first_run(void **state)
{
    fixture *f = *state;
    static const char *const lists[] = {"reference,null", "cpu,null"};
    const char *const pins[] = {"relu=null"};
    davit_session_options options = fixture_options();
    options.pin_count = 1;
    options.pins = pins;
    float x[X_ELEMS];
    float y[X_ELEMS];
    fixture_fill(x, y);
    for (size_t i = 0; i < (has_cpu(f) ? 2 : 1); i++) {
        options.devices = lists[i];
        assert_int_equal(fixture_session(f, &options), DAVIT_OK);
        assert_int_equal(fixture_run(f, x, y), DAVIT_OK);
        counting_allocator_restart(&f->counting, 0);
        assert_int_equal(fixture_run(f, x, y), DAVIT_OK);
        assert_int_equal(atomic_load(&f->counting.calls), 0);
    }
}

typedef struct worker {
    davit_model *model;
    davit_status status;
} worker;

static void *run_sessions(void *argument)
{
    worker *w = argument;
    davit_session_options options = fixture_options();
    float x[X_ELEMS];
    float y[X_ELEMS];
    fixture_fill(x, y);
    for (int i = 0; i < 5 && w->status == DAVIT_OK; i++) {
        fixture f = {.session = NULL};
        w->status = davit_session_create(w->model, &options, &f.session);
        if (w->status == DAVIT_OK) {
            w->status = fixture_run(&f, x, y);
        }
        davit_session_destroy(f.session);
    }
    return NULL;
}

static void runs_sessions_side_by_side(void **state)
{
    fixture *f = *state;
    pthread_t threads[3];
    worker workers[3];
    for (size_t i = 0; i < 3; i++) {
        workers[i] = (worker){.model = f->model, .status = DAVIT_OK};
        assert_int_equal(pthread_create(&threads[i], NULL, run_sessions, &workers[i]), 0);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(workers[i].status, DAVIT_OK);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(survives_each_failing_allocation),
        TEST(allocates_nothing_after_the_first_run),
        TEST(runs_sessions_side_by_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
