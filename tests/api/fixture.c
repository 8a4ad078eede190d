#include "fixture.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

static const int64_t x_dims[] = {2, 2, 2, 3};

static void describe_model(model_file *file)
{
    static const float weights[] = {2, -1};
    const int64_t dims[] = {-1, 2, 2, 3};
    const int64_t weight_dims[] = {1, 2, 1, 1};
    model_file_init(file);
    model_file_input(file, "x", DAVIT_F32, 4, dims);
    model_file_weight(file, "w", 4, weight_dims, weights);
    model_file_node(file, "Mul", "scale", (const char *const[3]){"x", "w"}, "scaled");
    model_file_node(file, "Relu", "relu", (const char *const[3]){"scaled"}, "positive");
    model_file_node(file, "Tanh", "tanh", (const char *const[3]){"positive"}, "y");
    model_file_output(file, "y", DAVIT_F32);
}

int fixture_setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    counting_allocator_init(&f->counting);
    davit_diagnostics_buffer_init(&f->diag);
    snprintf(f->folder, sizeof(f->folder), "/tmp/davit-test-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->model_path, sizeof(f->model_path), "%s/model.onnx", f->folder);
    snprintf(f->plan_path, sizeof(f->plan_path), "%s/plan.json", f->folder);
    const davit_context_options options = {.allocator = &f->counting.allocator,
                                           .diag = &f->diag.sink};
    assert_int_equal(davit_context_create(&options, &f->context), DAVIT_OK);
    model_file file;
    describe_model(&file);
    fixture_load(f, &file);
    *state = f;
    return 0;
}

int fixture_teardown(void **state)
{
    fixture *f = *state;
    davit_session_destroy(f->session);
    davit_model_destroy(f->model);
    davit_context_destroy(f->context);
    (void)unlink(f->model_path);
    (void)unlink(f->plan_path);
    (void)rmdir(f->folder);
    size_t live = atomic_load(&f->counting.live);
    free(f);
    return live == 0 ? 0 : -1;
}

void fixture_fill(float *x, float *y)
{
    for (size_t i = 0; i < X_ELEMS; i++) {
        x[i] = (float)i / 16 - 0.5f;
        float scaled = x[i] * (i / 6 % 2 == 0 ? 2.0f : -1.0f);
        y[i] = tanhf(scaled > 0 ? scaled : 0);
    }
}

void fixture_load(fixture *f, const model_file *file)
{
    davit_session_destroy(f->session);
    davit_model_destroy(f->model);
    f->session = NULL;
    assert_true(model_file_write(file, f->model_path));
    assert_int_equal(davit_model_load(f->context, f->model_path, &f->model), DAVIT_OK);
}

davit_session_options fixture_options(void)
{
    static const davit_named_shape shape = {"x", 4, {2, 2, 2, 3}};
    davit_session_options options;
    davit_session_options_init(&options);
    options.shape_count = 1;
    options.shapes = &shape;
    options.devices = "reference";
    return options;
}

davit_status fixture_session(fixture *f, const davit_session_options *options)
{
    davit_session_destroy(f->session);
    davit_diagnostics_buffer_init(&f->diag);
    davit_status status = davit_session_create(f->model, options, &f->session);
    assert_int_equal(f->diag.error_count, status == DAVIT_OK ? 0 : 1);
    assert_int_equal(f->diag.status, status);
    assert_true((f->session == NULL) == (status != DAVIT_OK));
    return status;
}

davit_tensor *fixture_tensor(davit_dtype dtype, int rank, const int64_t *dims, void *data)
{
    davit_tensor_desc desc;
    davit_tensor *tensor;
    assert_int_equal(davit_tensor_desc_dense(&desc, dtype, rank, dims), DAVIT_OK);
    assert_int_equal(davit_tensor_borrow(davit_allocator_default(), &desc, data, &tensor),
                     DAVIT_OK);
    return tensor;
}

davit_status fixture_run(fixture *f, const float *x, float *y)
{
    float given[X_ELEMS];
    memcpy(given, x, sizeof(given));
    davit_named_tensor input = {"x", fixture_tensor(DAVIT_F32, 4, x_dims, given)};
    davit_named_tensor output = {"y", fixture_tensor(DAVIT_F32, 4, x_dims, y)};
    davit_status status = davit_session_run(f->session, &input, 1, &output, 1);
    davit_tensor_destroy(input.tensor);
    davit_tensor_destroy(output.tensor);
    return status;
}
