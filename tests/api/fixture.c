#include "fixture.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

static const int64_t x_dims[] = {2, 2, 2, 3};

void fixture_add_node(onnx_builder *builder, const char *op, const char *name, const char *inputs,
                      const char *output)
{
    onnx_add_node(builder, op, inputs, output)->name = davit_arena_strdup(&builder->arena, name);
}

static void build_model(onnx_builder *builder)
{
    static const float weights[] = {2, -1};
    const int64_t dims[] = {-1, 2, 2, 3};
    const int64_t weight_dims[] = {1, 2, 1, 1};
    onnx_builder_init(builder, 13);
    Onnx__ValueInfoProto *x = onnx_add_input(builder, "x", DAVIT_F32, 4, dims);
    Onnx__TensorShapeProto__Dimension *n = x->type->tensor_type->shape->dim[0];
    n->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
    n->dim_param = davit_arena_strdup(&builder->arena, "N");
    onnx_add_initializer(builder, "w", DAVIT_F32, 4, weight_dims, weights);
    fixture_add_node(builder, "Mul", "scale", "x w", "scaled");
    fixture_add_node(builder, "Relu", "relu", "scaled", "positive");
    fixture_add_node(builder, "Tanh", "tanh", "positive", "y");
    onnx_add_output(builder, "y");
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
    onnx_builder builder;
    build_model(&builder);
    fixture_load(f, &builder);
    *state = f;
    return 0;
}

int fixture_teardown(void **state)
{
    fixture *f = *state;
    davit_session_destroy(f->session);
    davit_model_destroy(f->model);
    const bool all = davit_context_destroy(f->context);
    (void)unlink(f->model_path);
    (void)unlink(f->plan_path);
    (void)rmdir(f->folder);
    size_t live = atomic_load(&f->counting.live);
    free(f);
    return all && live == 0 ? 0 : -1;
}

void fixture_fill(float *x, float *y)
{
    for (size_t i = 0; i < X_ELEMS; i++) {
        x[i] = (float)i / 16 - 0.5f;
        float scaled = x[i] * (i / 6 % 2 == 0 ? 2.0f : -1.0f);
        y[i] = tanhf(scaled > 0 ? scaled : 0);
    }
}

void fixture_load(fixture *f, onnx_builder *builder)
{
    size_t bytes;
    const uint8_t *model = onnx_serialize(builder, &bytes);
    davit_session_destroy(f->session);
    davit_model_destroy(f->model);
    f->session = NULL;
    FILE *file = fopen(f->model_path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(model, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
    onnx_builder_clear(builder);
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
    _Alignas(DAVIT_ALIGNMENT) float given[X_ELEMS]; /* read where it is */
    memcpy(given, x, sizeof(given));
    davit_named_tensor input = {"x", fixture_tensor(DAVIT_F32, 4, x_dims, given)};
    davit_named_tensor output = {"y", fixture_tensor(DAVIT_F32, 4, x_dims, y)};
    davit_status status = davit_session_run(f->session, &input, 1, &output, 1);
    davit_tensor_destroy(input.tensor);
    davit_tensor_destroy(output.tensor);
    return status;
}
