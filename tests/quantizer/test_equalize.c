/* Equalisation changes channels, not functions. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "host/quantizer/probe.h"

static const int64_t input_dims[] = {1, 3, 8, 8};

/* A convolution; the channels of the first two differ a thousandfold, one way and the other. */
static void add_conv(onnx_builder *b, const char *inputs, const char *output, const int64_t *dims,
                     uint64_t seed)
{
    char weights[32];
    snprintf(weights, sizeof(weights), "w_%s", output);
    fixture_random(b, weights, 4, dims, seed);
    float *data = (float *)b->graph.initializer[b->graph.n_initializer - 1]->raw_data.data;
    int64_t inner = dims[1] * dims[2] * dims[3];
    for (int64_t i = 0; seed <= 2 && i < dims[0] * inner; i++) {
        float power = (float)(i / inner % 4) / 3.0f - 0.5f;
        data[i] *= powf(1000.0f, seed == 1 ? power : -power);
    }
    char all[96];
    snprintf(all, sizeof(all), "%s %s %s", inputs, weights, "bias");
    Onnx__NodeProto *node = onnx_add_node(b, "Conv", all, output);
    onnx_set_ints(b, node, "pads", 4, (const int64_t[]){1, 1, 1, 1});
    if (dims[1] == 1) {
        onnx_set_int(b, node, "group", dims[0]);
    }
}

/* Conv, Relu, depthwise Conv, Conv, Clip, Conv: pairs are 1-2 and 2-3, not over the Clip. */
static void build(onnx_builder *b)
{
    onnx_builder_init(b, 13);
    onnx_add_input(b, "x", DAVIT_F32, 4, input_dims);
    fixture_random(b, "bias", 1, (const int64_t[]){8}, 5);
    onnx_add_initializer(b, "high", DAVIT_F32, 0, NULL, (const float[]){6});
    add_conv(b, "x", "a", (const int64_t[]){8, 3, 3, 3}, 1);
    onnx_add_node(b, "Relu", "a", "r");
    add_conv(b, "r", "d", (const int64_t[]){8, 1, 3, 3}, 2);
    add_conv(b, "d", "p", (const int64_t[]){8, 8, 3, 3}, 3);
    onnx_add_node(b, "Clip", "p - high", "c");
    add_conv(b, "c", "y", (const int64_t[]){8, 8, 3, 3}, 4);
    onnx_add_output(b, "y");
}

static void run_graph(fixture *f, davit_quantizer *job, float *y, size_t count)
{
    davit_tensor *sample;
    assert_int_equal(f->options.samples.read(f, 0, &sample), DAVIT_OK);
    davit_probe *probe;
    davit_value_id value = davit_graph_find_value(job->graph, "y");
    assert_int_equal(davit_probe_open(job->context, job->graph, &value, 1, sample, &probe),
                     DAVIT_OK);
    assert_int_equal(davit_probe_run(probe, sample), DAVIT_OK);
    const davit_tensor *result = davit_probe_value(probe, 0);
    assert_int_equal(davit_tensor_desc_elems(&result->desc), count);
    memcpy(y, result->data, count * sizeof(*y));
    davit_probe_close(probe);
    davit_tensor_destroy(sample);
}

static void test_function_stays(void **state)
{
    (void)state;
    enum { ELEMS = 8 * 8 * 8 };
    onnx_builder b;
    fixture f;
    davit_quantizer job;
    float before[ELEMS];
    float after[ELEMS];
    build(&b);
    fixture_init(&f, &b, 4, input_dims);
    fixture_open_job(&f, &job);
    run_graph(&f, &job, before, ELEMS);
    float first = job.layers[0].weights[0];
    assert_int_equal(davit_equalize(&job), DAVIT_OK);
    assert_int_equal(job.equalized_pairs, 2);
    assert_true(job.layers[0].weights[0] != first);
    run_graph(&f, &job, after, ELEMS);
    double error = 0;
    double norm = 0;
    for (size_t i = 0; i < ELEMS; i++) {
        error += (double)(after[i] - before[i]) * (double)(after[i] - before[i]);
        norm += (double)before[i] * (double)before[i];
    }
    assert_true(sqrt(error / norm) < 1e-5);
    fixture_close_job(&job);
    fixture_clear(&f);
}

/* Both sides of a pair end with the same greatest magnitude for each channel. */
static void test_channels_are_equal(void **state)
{
    (void)state;
    onnx_builder b;
    fixture f;
    davit_quantizer job;
    build(&b);
    fixture_init(&f, &b, 4, input_dims);
    fixture_open_job(&f, &job);
    assert_int_equal(davit_equalize(&job), DAVIT_OK);
    for (size_t c = 0; c < 8; c++) {
        float one = 0;
        float two = 0;
        for (size_t i = 0; i < 27; i++) {
            one = fmaxf(one, fabsf(job.layers[0].weights[c * 27 + i]));
        }
        for (size_t i = 0; i < 9; i++) {
            two = fmaxf(two, fabsf(job.layers[1].weights[c * 9 + i]));
        }
        assert_true(fabsf(one - two) < 0.01f * one);
    }
    fixture_close_job(&job);
    fixture_clear(&f);
}

/* With one scale for all channels, that they are alike is worth a lot. */
static void test_it_helps_one_scale(void **state)
{
    (void)state;
    double errors[2];
    for (int equalize = 0; equalize < 2; equalize++) {
        onnx_builder b;
        fixture f;
        build(&b);
        fixture_init(&f, &b, 4, input_dims);
        f.options.per_tensor = true;
        f.options.equalize = equalize == 1;
        fixture_quantize(&f);
        assert_int_equal(f.report.equalized_pairs, equalize == 1 ? 2 : 0);
        errors[equalize] = f.report.outputs[0].snr_db;
        fixture_clear(&f);
    }
    assert_true(errors[1] > errors[0] + 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_function_stays),
        cmocka_unit_test(test_channels_are_equal),
        cmocka_unit_test(test_it_helps_one_scale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
