/* What is in a quantised file: structure, parameters, what stays, what is refused. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

static const int64_t image[] = {1, 3, 8, 8};

/* x, Conv, BatchNormalization, Relu, MaxPool, Conv, y; opset and metadata are to be kept. */
static void build_network(onnx_builder *b, int64_t opset)
{
    onnx_builder_init(b, opset);
    onnx_add_input(b, "x", DAVIT_F32, 4, image);
    fixture_random(b, "w1", 4, (const int64_t[]){4, 3, 3, 3}, 1);
    fixture_random(b, "w2", 4, (const int64_t[]){5, 4, 1, 1}, 2);
    fixture_random(b, "b2", 1, (const int64_t[]){5}, 3);
    fixture_random(b, "shift", 1, (const int64_t[]){4}, 4);
    const float ones[] = {1, 2, 3, 4};
    onnx_add_initializer(b, "ones", DAVIT_F32, 1, (const int64_t[]){4}, ones);
    onnx_add_node(b, "Conv", "x w1", "c1")->name = (char *)"first";
    onnx_add_node(b, "BatchNormalization", "c1 ones shift shift ones", "n1");
    onnx_add_node(b, "Relu", "n1", "r1");
    Onnx__NodeProto *pool = onnx_add_node(b, "MaxPool", "r1", "m1");
    onnx_set_ints(b, pool, "kernel_shape", 2, (const int64_t[]){2, 2});
    onnx_add_node(b, "Conv", "m1 w2 b2", "y")->name = (char *)"second";
    onnx_add_output(b, "y");
    b->model.producer_name = (char *)"a producer";
}

static void open_network(fixture *f)
{
    onnx_builder b;
    build_network(&b, 13);
    fixture_init(f, &b, 4, image);
}

static const Onnx__NodeProto *reads_through(const fixture *f, const char *value, const char *op)
{
    const Onnx__NodeProto *node = fixture_producer(f, value);
    assert_non_null(node);
    assert_string_equal(node->op_type, op);
    return node;
}

static void test_structure(void **state)
{
    (void)state;
    fixture f;
    open_network(&f);
    fixture_quantize(&f);
    /* The normalisation went into the weights; nothing stands between Conv and Relu. */
    assert_null(fixture_node(&f, "BatchNormalization", 0));
    const Onnx__NodeProto *conv = fixture_node(&f, "Conv", 0);
    const Onnx__NodeProto *relu = fixture_node(&f, "Relu", 0);
    assert_string_equal(conv->name, "first");
    assert_string_equal(relu->input[0], conv->output[0]);
    assert_true(fixture_is_quantized(&f, "x"));
    assert_true(fixture_is_quantized(&f, "r1"));
    /* Weights: s8, one scale a channel along axis 0. */
    const Onnx__NodeProto *weights = reads_through(&f, conv->input[1], "DequantizeLinear");
    const Onnx__TensorProto *data = fixture_initializer(&f, weights->input[0]);
    const Onnx__TensorProto *scale = fixture_initializer(&f, weights->input[1]);
    assert_int_equal(data->data_type, DAVIT_S8);
    assert_int_equal(data->n_dims, 4);
    assert_int_equal(scale->n_dims, 1);
    assert_int_equal(scale->dims[0], 4);
    assert_int_equal(weights->attribute[0]->i, 0);
    /* The bias: s32, its scales are those of input times weights. */
    const Onnx__NodeProto *bias = reads_through(&f, conv->input[2], "DequantizeLinear");
    const Onnx__NodeProto *input = reads_through(&f, conv->input[0], "DequantizeLinear");
    assert_int_equal(fixture_initializer(&f, bias->input[0])->data_type, DAVIT_S32);
    float x_scale;
    memcpy(&x_scale, fixture_initializer(&f, input->input[1])->raw_data.data, sizeof(x_scale));
    for (size_t c = 0; c < 4; c++) {
        float want = x_scale * ((const float *)scale->raw_data.data)[c];
        const float *got = (const float *)fixture_initializer(&f, bias->input[1])->raw_data.data;
        assert_true(got[c] == want);
    }
    /* MaxPool's result has the parameters of what it reads. */
    const Onnx__NodeProto *second = fixture_node(&f, "Conv", 1);
    const Onnx__NodeProto *pooled = reads_through(&f, second->input[0], "DequantizeLinear");
    const Onnx__NodeProto *read =
        reads_through(&f, fixture_node(&f, "MaxPool", 0)->input[0], "DequantizeLinear");
    assert_string_equal(pooled->input[1], read->input[1]);
    assert_string_equal(pooled->input[2], read->input[2]);
    fixture_clear(&f);
}

static void test_what_is_kept_of_the_file(void **state)
{
    (void)state;
    fixture f;
    open_network(&f);
    fixture_quantize(&f);
    const Onnx__ModelProto *model = f.written->model;
    assert_string_equal(model->producer_name, "a producer");
    assert_int_equal(model->opset_import[0]->version, 13);
    assert_string_equal(model->graph->output[0]->name, "y");
    assert_string_equal(model->graph->input[0]->name, "x");
    assert_string_equal(fixture_producer(&f, "y")->op_type, "DequantizeLinear");
    for (size_t i = 0; i < model->graph->n_initializer; i++) {
        assert_string_not_equal(model->graph->initializer[i]->name, "w1"); /* nothing reads it */
    }
    fixture_clear(&f);
}

static void test_report(void **state)
{
    (void)state;
    fixture f;
    open_network(&f);
    fixture_quantize(&f);
    assert_int_equal(f.report.quantized_count, 4);
    assert_int_equal(f.report.layer_count, 4);
    for (size_t i = 1; i < f.report.layer_count; i++) {
        assert_true(f.report.layers[i - 1].snr_db <= f.report.layers[i].snr_db);
    }
    assert_int_equal(f.report.output_count, 1);
    assert_true(f.report.outputs[0].snr_db > 30 && f.report.outputs[0].snr_db < 60);
    fixture_clear(&f);
}

static void test_kept_operators(void **state)
{
    (void)state;
    fixture f;
    open_network(&f);
    f.options.keep = (const char *const[]){"second"};
    f.options.keep_count = 1;
    fixture_quantize(&f);
    assert_string_equal(fixture_producer(&f, "y")->op_type, "Conv");
    assert_false(fixture_layer(&f, "y")->quantized);
    assert_true(fixture_layer(&f, "r1")->quantized);
    f.options.keep_count = 0;
    f.options.keep_types = (const char *const[]){"MaxPool"};
    f.options.keep_type_count = 1;
    fixture_quantize(&f);
    assert_false(fixture_layer(&f, "m1")->quantized);
    assert_true(fixture_layer(&f, "y")->quantized);
    fixture_clear(&f);
}

static void test_types(void **state)
{
    (void)state;
    fixture f;
    open_network(&f);
    f.options.weights = DAVIT_U8;
    f.options.activations = DAVIT_S8;
    f.options.per_tensor = true;
    fixture_quantize(&f);
    const Onnx__NodeProto *conv = fixture_node(&f, "Conv", 0);
    const Onnx__NodeProto *weights = fixture_producer(&f, conv->input[1]);
    assert_int_equal(fixture_initializer(&f, weights->input[0])->data_type, DAVIT_U8);
    assert_int_equal(fixture_initializer(&f, weights->input[2])->raw_data.data[0], 128);
    assert_int_equal(fixture_initializer(&f, weights->input[1])->n_dims, 0);
    const Onnx__NodeProto *input = fixture_producer(&f, conv->input[0]);
    assert_int_equal(fixture_initializer(&f, input->input[2])->data_type, DAVIT_S8);
    assert_true(f.report.outputs[0].snr_db > 25);
    fixture_clear(&f);
}

static void test_methods(void **state)
{
    (void)state;
    const davit_calibration methods[] = {DAVIT_CALIBRATION_MINMAX, DAVIT_CALIBRATION_PERCENTILE,
                                         DAVIT_CALIBRATION_ENTROPY, DAVIT_CALIBRATION_MSE};
    for (size_t i = 0; i < 4; i++) {
        fixture f;
        open_network(&f);
        f.options.method = methods[i];
        f.options.percentile = 99.9;
        fixture_quantize(&f);
        assert_true(f.report.outputs[0].snr_db > 15);
        fixture_clear(&f);
    }
}

static size_t read_file(const char *path, uint8_t *bytes, size_t capacity)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, capacity, file);
    assert_int_equal(fclose(file), 0);
    return size;
}

static void test_same_bytes_twice(void **state)
{
    (void)state;
    static uint8_t bytes[2][65536];
    size_t sizes[2];
    for (int i = 0; i < 2; i++) {
        fixture f;
        open_network(&f);
        fixture_quantize(&f);
        sizes[i] = read_file(f.output, bytes[i], sizeof(bytes[i]));
        fixture_clear(&f);
    }
    assert_true(sizes[0] > 0 && sizes[0] == sizes[1]);
    assert_memory_equal(bytes[0], bytes[1], sizes[0]);
}

/* The mean of every channel of the result is that of the f32 model. */
static void test_biases_take_the_mean_error(void **state)
{
    (void)state;
    double snr[2];
    for (int corrected = 0; corrected < 2; corrected++) {
        onnx_builder b;
        fixture f;
        onnx_builder_init(&b, 13);
        onnx_add_input(&b, "x", DAVIT_F32, 4, image);
        /* Weights that all round up by nearly half a step, inputs whose mean is far from 0. */
        float weights[12] = {127, 0.45f, 0.45f, 127, 0.45f, 0.45f,
                             127, 0.45f, 0.45f, 127, 0.45f, 0};
        fixture_random(&b, "w0", 4, (const int64_t[]){3, 3, 1, 1}, 9);
        onnx_add_initializer(&b, "w", DAVIT_F32, 4, (const int64_t[]){4, 3, 1, 1}, weights);
        onnx_add_initializer(&b, "ten", DAVIT_F32, 0, NULL, (const float[]){100});
        onnx_add_node(&b, "Add", "x ten", "a");
        onnx_add_node(&b, "Conv", "a w", "y");
        onnx_add_output(&b, "y");
        fixture_init(&f, &b, 4, image);
        f.options.bias_correction = corrected == 1;
        fixture_quantize(&f);
        snr[corrected] = f.report.outputs[0].snr_db;
        fixture_clear(&f);
    }
    assert_true(snr[1] > snr[0]);
}

/* The bias of a product of three dimensions is an Add of its own: nothing is quantised between, and
 * it stays f32. */
static void test_bias_of_a_product(void **state)
{
    (void)state;
    const int64_t rows[] = {1, 5, 6};
    onnx_builder b;
    fixture f;
    onnx_builder_init(&b, 13);
    onnx_add_input(&b, "x", DAVIT_F32, 3, rows);
    fixture_random(&b, "w", 2, (const int64_t[]){6, 4}, 1);
    fixture_random(&b, "b", 1, (const int64_t[]){4}, 2);
    onnx_add_node(&b, "MatMul", "x w", "p");
    onnx_add_node(&b, "Add", "b p", "y");
    onnx_add_output(&b, "y");
    fixture_init(&f, &b, 3, rows);
    fixture_quantize(&f);
    assert_false(fixture_is_quantized(&f, "p"));
    assert_string_equal(fixture_node(&f, "Add", 0)->input[0], "b");
    assert_string_equal(fixture_node(&f, "Add", 0)->input[1], "p");
    assert_string_equal(fixture_producer(&f, "y")->op_type, "DequantizeLinear");
    fixture_clear(&f);
}

/* ---- older opsets ---- */

static void build_old(onnx_builder *b, int64_t opset, bool widen)
{
    onnx_builder_init(b, opset);
    onnx_add_input(b, "x", DAVIT_F32, 4, image);
    fixture_random(b, "w", 4, (const int64_t[]){6, 3, 8, 8}, 1);
    onnx_add_node(b, "Conv", "x w", "c");
    Onnx__NodeProto *squeeze = onnx_add_node(b, "Squeeze", "c", "s");
    onnx_set_ints(b, squeeze, "axes", 2, (const int64_t[]){2, 3});
    Onnx__NodeProto *softmax = onnx_add_node(b, "Softmax", widen ? "c" : "s", "y");
    onnx_set_int(b, softmax, "axis", 1);
    onnx_add_output(b, "y");
    if (widen) {
        onnx_add_output(b, "s");
    }
}

static void test_opset_is_raised_where_channels_need_it(void **state)
{
    (void)state;
    onnx_builder b;
    fixture f;
    build_old(&b, 11, false);
    fixture_init(&f, &b, 4, image);
    fixture_quantize(&f);
    assert_int_equal(f.written->model->opset_import[0]->version, 13);
    assert_int_equal(f.report.opset, 13);
    const Onnx__NodeProto *squeeze = fixture_node(&f, "Squeeze", 0);
    assert_int_equal(squeeze->n_input, 2);
    assert_int_equal(squeeze->n_attribute, 0);
    assert_int_equal(fixture_node(&f, "Softmax", 0)->attribute[0]->i, -1);
    assert_true(f.report.outputs[0].snr_db > 25);
    f.options.per_tensor = true;
    fixture_quantize(&f);
    assert_int_equal(f.written->model->opset_import[0]->version, 11);
    fixture_clear(&f);
}

static void test_opset_that_cannot_be_raised(void **state)
{
    (void)state;
    onnx_builder b;
    fixture f;
    build_old(&b, 11, true); /* its Softmax works on three axes */
    fixture_init(&f, &b, 4, image);
    fixture_fail(&f, DAVIT_UNSUPPORTED, "Softmax 'y' cannot be raised (it works on several axes)");
    fixture_clear(&f);
}

/* ---- what is refused ---- */

static void test_names_that_are_not_there(void **state)
{
    (void)state;
    fixture f;
    open_network(&f);
    f.options.keep = (const char *const[]){"nothing"};
    f.options.keep_count = 1;
    fixture_fail(&f, DAVIT_INVALID_ARGUMENT, "--keep nothing: no operator");
    fixture_clear(&f);
    open_network(&f);
    f.options.keep_types = (const char *const[]){"Convolution"};
    f.options.keep_type_count = 1;
    fixture_fail(&f, DAVIT_INVALID_ARGUMENT, "--keep-type Convolution: there is no such");
    fixture_clear(&f);
}

static void test_results_that_are_not_finite(void **state)
{
    (void)state;
    fixture f;
    open_network(&f);
    f.poison = NAN;
    fixture_fail(&f, DAVIT_BAD_DATA, "sample 7: 'x' of the input is not finite");
    fixture_clear(&f);
    onnx_builder b;
    onnx_builder_init(&b, 13);
    onnx_add_input(&b, "x", DAVIT_F32, 4, image);
    onnx_add_initializer(&b, "many", DAVIT_F32, 0, NULL, (const float[]){100});
    onnx_add_node(&b, "Mul", "x many", "y")->name = (char *)"too much";
    onnx_add_output(&b, "y");
    fixture_init(&f, &b, 4, image);
    f.poison = 3e38f;
    fixture_fail(&f, DAVIT_BAD_DATA, "sample 7: 'y' of too much is not finite in f32");
    fixture_clear(&f);
}

static void test_models_that_cannot_be_quantised(void **state)
{
    (void)state;
    fixture f;
    onnx_builder b;
    build_network(&b, 13);
    onnx_add_input(&b, "x2", DAVIT_F32, 4, image);
    fixture_init(&f, &b, 4, image);
    fixture_fail(&f, DAVIT_UNSUPPORTED, "the model has 2 inputs");
    fixture_clear(&f);

    onnx_builder_init(&b, 13);
    onnx_add_input(&b, "x", DAVIT_F32, 4, image);
    onnx_add_node(&b, "Exp", "x", "y");
    onnx_add_output(&b, "y");
    fixture_init(&f, &b, 4, image);
    fixture_fail(&f, DAVIT_UNSUPPORTED, "nothing that can be quantised");
    fixture_clear(&f);

    open_network(&f);
    f.options.samples.count = 1;
    f.rank = 3;
    fixture_fail(&f, DAVIT_INVALID_ARGUMENT, "'x'");
    fixture_clear(&f);
}

static void test_quantised_models_are_refused(void **state)
{
    (void)state;
    fixture f;
    open_network(&f);
    fixture_quantize(&f);
    assert_int_equal(rename(f.output, f.model), 0);
    fixture_fail(&f, DAVIT_UNSUPPORTED, "is quantised already");
    fixture_clear(&f);
}

/* A value that is always 0 has scale 1; so have its bias and weights, and all is still normal. */
static void test_all_zero(void **state)
{
    (void)state;
    onnx_builder b;
    fixture f;
    onnx_builder_init(&b, 13);
    onnx_add_input(&b, "x", DAVIT_F32, 4, image);
    onnx_add_initializer(&b, "zero", DAVIT_F32, 0, NULL, (const float[]){0});
    onnx_add_node(&b, "Mul", "x zero", "z");
    const float none[12] = {0};
    onnx_add_initializer(&b, "w", DAVIT_F32, 4, (const int64_t[]){4, 3, 1, 1}, none);
    onnx_add_node(&b, "Conv", "z w", "y");
    onnx_add_output(&b, "y");
    fixture_init(&f, &b, 4, image);
    fixture_quantize(&f);
    assert_true(isinf(f.report.outputs[0].snr_db));
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_structure),
        cmocka_unit_test(test_what_is_kept_of_the_file),
        cmocka_unit_test(test_report),
        cmocka_unit_test(test_kept_operators),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_same_bytes_twice),
        cmocka_unit_test(test_biases_take_the_mean_error),
        cmocka_unit_test(test_bias_of_a_product),
        cmocka_unit_test(test_opset_is_raised_where_channels_need_it),
        cmocka_unit_test(test_opset_that_cannot_be_raised),
        cmocka_unit_test(test_names_that_are_not_there),
        cmocka_unit_test(test_results_that_are_not_finite),
        cmocka_unit_test(test_models_that_cannot_be_quantised),
        cmocka_unit_test(test_quantised_models_are_refused),
        cmocka_unit_test(test_all_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
