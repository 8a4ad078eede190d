/* What is replayed part by part is what the written file computes. */
#include <math.h>
#include <string.h>

#include "fixture.h"
#include "host/quantizer/replay.h"

enum { ELEMS = 4 * 6 * 6, SAMPLES = 8 };

static const int64_t image[] = {1, 3, 8, 8};

/* Two convolutions on a branch, an Add that joins it, a third convolution. */
static void build(onnx_builder *b)
{
    onnx_builder_init(b, 14);
    onnx_add_input(b, "x", DAVIT_F32, 4, image);
    fixture_random(b, "w1", 4, (const int64_t[]){8, 3, 3, 3}, 1);
    fixture_random(b, "w2", 4, (const int64_t[]){8, 8, 1, 1}, 2);
    fixture_random(b, "w3", 4, (const int64_t[]){4, 8, 1, 1}, 3);
    fixture_random(b, "b1", 1, (const int64_t[]){8}, 4);
    onnx_add_node(b, "Conv", "x w1 b1", "c1");
    onnx_add_node(b, "HardSwish", "c1", "h");
    onnx_add_node(b, "Conv", "h w2", "c2");
    onnx_add_node(b, "Add", "c2 h", "a");
    onnx_add_node(b, "Conv", "a w3", "y");
    onnx_add_output(b, "y");
}

static void prepare(fixture *f, davit_quantizer *job)
{
    fixture_open_job(f, job);
    assert_int_equal(davit_calibrate(job), DAVIT_OK);
    davit_choose_types(job);
    assert_int_equal(davit_layers_quantize(job), DAVIT_OK);
}

static void run_file(const fixture *f, const char *path, size_t sample, float *y)
{
    davit_context *context;
    davit_model *model;
    davit_session *session;
    davit_named_tensor in = {"x", NULL};
    davit_named_tensor out = {"y", NULL};
    assert_int_equal(davit_context_create(NULL, &context), DAVIT_OK);
    assert_int_equal(davit_model_load(context, path, &model), DAVIT_OK);
    assert_int_equal(davit_session_create(model, NULL, &session), DAVIT_OK);
    assert_int_equal(f->options.samples.read(f->options.samples.user, sample, &in.tensor),
                     DAVIT_OK);
    assert_int_equal(davit_session_run(session, &in, 1, &out, 1), DAVIT_OK);
    assert_int_equal(davit_tensor_desc_elems(&out.tensor->desc), ELEMS);
    memcpy(y, out.tensor->data, ELEMS * sizeof(*y));
    davit_tensor_destroy(in.tensor);
    davit_tensor_destroy(out.tensor);
    davit_session_destroy(session);
    davit_model_destroy(model);
    davit_context_destroy(context);
}

static void test_replay_computes_the_file(void **state)
{
    (void)state;
    onnx_builder b;
    fixture f;
    davit_quantizer job;
    davit_replay *replay;
    float y[ELEMS];
    build(&b);
    fixture_init(&f, &b, 4, image);
    f.options.bias_correction = false;
    fixture_quantize(&f);
    prepare(&f, &job);
    assert_int_equal(davit_replay_open(&job, &replay), DAVIT_OK);
    assert_int_equal(davit_replay_count(replay), SAMPLES);
    for (size_t i = 0; i < job.layer_count; i++) {
        assert_int_equal(davit_replay_run(replay, job.layers[i].node), DAVIT_OK);
    }
    float step = job.values[davit_graph_find_value(job.graph, "y")].type.scale;
    for (size_t s = 0; s < SAMPLES; s++) {
        assert_int_equal(davit_replay_sample(replay, s), s);
        run_file(&f, f.output, s, y);
        const float *replayed = davit_replay_result(replay, s)->data;
        for (size_t i = 0; i < ELEMS; i++) { /* which is not rounded yet */
            assert_true(fabsf(replayed[i] - y[i]) < 0.51f * step);
        }
    }
    davit_replay_close(replay);
    fixture_close_job(&job);
    fixture_clear(&f);
}

/* The square error of the channel means of the result over all samples. */
static double mean_error(fixture *f, bool corrected)
{
    float want[ELEMS];
    float got[ELEMS];
    double sums[4] = {0};
    double error = 0;
    f->options.bias_correction = corrected;
    fixture_quantize(f);
    for (size_t s = 0; s < SAMPLES; s++) {
        run_file(f, f->model, s, want);
        run_file(f, f->output, s, got);
        for (size_t i = 0; i < ELEMS; i++) {
            sums[i * 4 / ELEMS] += (double)(got[i] - want[i]);
        }
    }
    for (size_t c = 0; c < 4; c++) {
        error += sums[c] * sums[c];
    }
    return error;
}

/* Also where the errors of several layers and of what is between them add up. */
static void test_means_are_those_of_the_model(void **state)
{
    (void)state;
    onnx_builder b;
    fixture f;
    build(&b);
    fixture_init(&f, &b, 4, image);
    double before = mean_error(&f, false);
    double after = mean_error(&f, true);
    assert_true(after < 0.1 * before);
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replay_computes_the_file),
        cmocka_unit_test(test_means_are_those_of_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
