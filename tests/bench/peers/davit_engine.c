/* Davit on the CPU. */
#include <davit/davit.h>

#include <string.h>

#include "driver.h"

static davit_context *context;
static davit_model *model;
static davit_session *session;
static davit_named_tensor inputs[MOST_INPUTS], outputs[MOST_INPUTS];
static size_t input_count, output_count;

static void check(davit_status status, const char *what)
{
    if (status != DAVIT_OK) {
        fail("davit: %s", what);
    }
}

static void make_session(const problem *p)
{
    davit_named_shape shapes[MOST_INPUTS] = {0};
    davit_session_options options;
    davit_session_options_init(&options);
    for (size_t i = 0; i < p->input_count; i++) {
        shapes[i].name = p->inputs[i].name;
        shapes[i].rank = p->inputs[i].rank;
        memcpy(shapes[i].dims, p->inputs[i].dims, sizeof(p->inputs[i].dims));
    }
    options.shapes = shapes;
    options.shape_count = p->input_count;
    options.devices = "cpu";
    options.threads = (uint32_t)p->threads;
    check(davit_session_create(model, &options, &session), "session");
}

void engine_open(const problem *p)
{
    const davit_context_options options = {.diag = davit_diagnostics_stderr(DAVIT_WARNING)};
    check(davit_context_create(&options, &context), "context");
    check(davit_model_load(context, p->model, &model), p->model);
    make_session(p);
    input_count = p->input_count;
    for (size_t i = 0; i < input_count; i++) {
        const input *in = &p->inputs[i];
        inputs[i].name = in->name;
        check(davit_tensor_borrow(davit_allocator_default(), davit_session_input_desc(session, i),
                                  in->data, &inputs[i].tensor),
              in->name);
    }
    output_count = davit_model_output_count(model);
    for (size_t i = 0; i < output_count; i++) {
        davit_port port;
        check(davit_model_output(model, i, &port), "output");
        outputs[i].name = port.name;
    }
}

void engine_run(void)
{
    check(davit_session_run(session, inputs, input_count, outputs, output_count), "run");
}

const char *engine_version(void)
{
    davit_device_summary device;
    for (size_t i = 0; i < davit_context_device_count(context); i++) {
        check(davit_context_device(context, i, &device), "device");
        if (strcmp(device.name, "cpu") == 0) {
            return device.description;
        }
    }
    return davit_version();
}

size_t engine_output_count(void)
{
    return output_count;
}

const float *engine_output(size_t index, size_t *count)
{
    const davit_tensor *tensor = outputs[index].tensor;
    *count = (size_t)davit_tensor_desc_elems(&tensor->desc);
    return tensor->data;
}
