/* OpenVINO on the CPU: the latency hint, f32 where davit computes in f32, shapes fixed. */
#include <openvino/c/openvino.h>

#include <stdio.h>
#include <string.h>

#include "driver.h"

static ov_infer_request_t *request;
static size_t output_count;

static void check(ov_status_e status)
{
    if (status != OK) {
        fail("openvino: %s: %s", ov_get_error_info(status), ov_get_last_err_msg());
    }
}

static ov_model_t *read_model(const ov_core_t *core, const problem *p)
{
    ov_model_t *model;
    const char *names[MOST_INPUTS];
    ov_partial_shape_t shapes[MOST_INPUTS];
    check(ov_core_read_model(core, p->model, NULL, &model));
    for (size_t i = 0; i < p->input_count; i++) {
        ov_dimension_t dims[MOST_RANK];
        for (int d = 0; d < p->inputs[i].rank; d++) {
            dims[d] = (ov_dimension_t){p->inputs[i].dims[d], p->inputs[i].dims[d]};
        }
        names[i] = p->inputs[i].name;
        check(ov_partial_shape_create(p->inputs[i].rank, dims, &shapes[i]));
    }
    check(ov_model_reshape(model, names, shapes, p->input_count));
    return model;
}

void engine_open(const problem *p)
{
    ov_core_t *core;
    ov_compiled_model_t *compiled;
    char threads[16];
    snprintf(threads, sizeof(threads), "%d", p->threads);
    check(ov_core_create(&core));
    ov_model_t *model = read_model(core, p);
    check(ov_core_compile_model(core, model, "CPU", 6, &compiled,
                                ov_property_key_hint_performance_mode, "LATENCY",
                                ov_property_key_inference_num_threads, threads,
                                ov_property_key_hint_inference_precision, "f32"));
    ov_model_free(model);
    check(ov_compiled_model_create_infer_request(compiled, &request));
    check(ov_compiled_model_outputs_size(compiled, &output_count));
    for (size_t i = 0; i < p->input_count; i++) {
        const input *in = &p->inputs[i];
        ov_shape_t shape;
        ov_tensor_t *tensor;
        check(ov_shape_create(in->rank, in->dims, &shape));
        check(ov_tensor_create_from_host_ptr(in->is_i64 ? I64 : F32, shape, in->data, &tensor));
        check(ov_infer_request_set_tensor(request, in->name, tensor));
    }
}

void engine_run(void)
{
    check(ov_infer_request_infer(request));
}

const char *engine_version(void)
{
    static char text[64];
    ov_version_t version;
    check(ov_get_openvino_version(&version));
    snprintf(text, sizeof(text), "%.60s", version.buildNumber);
    ov_version_free(&version);
    return text;
}

size_t engine_output_count(void)
{
    return output_count;
}

const float *engine_output(size_t index, size_t *count)
{
    ov_tensor_t *tensor;
    void *values;
    check(ov_infer_request_get_output_tensor_by_index(request, index, &tensor));
    check(ov_tensor_get_size(tensor, count));
    check(ov_tensor_data(tensor, &values));
    return values;
}
