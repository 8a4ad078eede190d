#include <string.h>

#include "objects.h"

/* Type, shape and layout of a tensor that the caller gave for an input or output. */
static davit_status check_tensor(davit_request *request, const char *what, const char *name,
                                 const davit_tensor *tensor, const davit_tensor_desc *expected)
{
    const davit_tensor_desc *given = &tensor->desc;
    if (given->dtype != expected->dtype || !davit_tensor_desc_same_shape(given, expected)) {
        char expected_text[128];
        char given_text[128];
        return davit_fail(
            &request->call.sink, DAVIT_INVALID_ARGUMENT, "%s '%s': expected %s %s, given %s %s",
            what, name, davit_dtype_name(expected->dtype),
            davit_shape_text(expected->dims, expected->rank, expected_text, sizeof(expected_text)),
            davit_dtype_name(given->dtype),
            davit_shape_text(given->dims, given->rank, given_text, sizeof(given_text)));
    }
    if (!davit_tensor_desc_is_dense(given)) {
        return davit_fail(&request->call.sink, DAVIT_INVALID_ARGUMENT,
                          "%s '%s' must be dense row-major", what, name);
    }
    return DAVIT_OK;
}

/* The model has no input or output, `what`, of that name. */
static davit_status refuse_name(davit_request *request, const char *what, const char *name,
                                const davit_value_id *values, size_t count)
{
    const davit_model *model = request->session->model;
    char names[512];
    return davit_fail(&request->call.sink, DAVIT_INVALID_ARGUMENT,
                      "%s: the model has no %s '%s'; its %ss are %s", model->path, what, name, what,
                      davit_value_names(model->graph, values, count, names, sizeof(names)));
}

static davit_status take_input(davit_request *request, const davit_named_tensor *input)
{
    const davit_session *session = request->session;
    const davit_graph *graph = session->graph;
    const davit_diagnostics *diag = &request->call.sink;
    size_t index = davit_model_find_input(session->model, input->name);
    if (index == graph->input_count) {
        return refuse_name(request, "input", input->name, graph->inputs, graph->input_count);
    }
    if (request->inputs[index] != NULL) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT, "input '%s' is given twice", input->name);
    }
    if (input->tensor == NULL) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT, "input '%s' has no tensor", input->name);
    }
    const davit_value *value = &graph->values[graph->inputs[index]];
    davit_status status = check_tensor(request, "input", input->name, input->tensor, &value->desc);
    if (status == DAVIT_OK && value->constant != NULL &&
        memcmp(value->constant->data, input->tensor->data, davit_tensor_desc_bytes(&value->desc)) !=
            0) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT,
                          "input '%s' decides shapes: another value than the session's needs a "
                          "session of its own",
                          input->name);
    }
    request->inputs[index] = input->tensor->data;
    return status;
}

static davit_status take_inputs(davit_request *request, const davit_named_tensor *inputs,
                                size_t count)
{
    const davit_session *session = request->session;
    const davit_graph *graph = session->graph;
    memset(request->inputs, 0, graph->input_count * sizeof(*request->inputs));
    for (size_t i = 0; i < count; i++) {
        davit_status status = take_input(request, &inputs[i]);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    for (size_t i = 0; i < graph->input_count; i++) {
        const davit_value *value = &graph->values[graph->inputs[i]];
        if (request->inputs[i] == NULL && value->constant == NULL &&
            davit_tensor_desc_bytes(&value->desc) > 0) {
            char shape[128];
            return davit_fail(
                &request->call.sink, DAVIT_INVALID_ARGUMENT, "input '%s' (%s %s) is missing",
                session->model->graph->values[graph->inputs[i]].name,
                davit_dtype_name(value->desc.dtype),
                davit_shape_text(value->desc.dims, value->desc.rank, shape, sizeof(shape)));
        }
    }
    return DAVIT_OK;
}

static davit_status take_output(davit_request *request, const davit_named_tensor *output)
{
    const davit_session *session = request->session;
    const davit_graph *graph = session->graph;
    const davit_diagnostics *diag = &request->call.sink;
    size_t index = davit_model_find_output(session->model, output->name);
    if (index == graph->output_count) {
        return refuse_name(request, "output", output->name, session->model->graph->outputs,
                           graph->output_count);
    }
    if (request->outputs[index] != NULL) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT, "output '%s' is asked for twice",
                          output->name);
    }
    const davit_tensor_desc *desc = &graph->values[graph->outputs[index]].desc;
    if (output->tensor != NULL) {
        request->outputs[index] = output->tensor->data;
        return check_tensor(request, "output", output->name, output->tensor, desc);
    }
    davit_status status = davit_tensor_create(session->model->context->allocator, desc->dtype,
                                              desc->rank, desc->dims, &request->created[index]);
    if (status == DAVIT_OK) {
        request->outputs[index] = request->created[index]->data;
    }
    return status;
}

davit_status davit_request_take(davit_request *request, const davit_named_tensor *inputs,
                                size_t input_count, davit_named_tensor *outputs,
                                size_t output_count)
{
    const davit_session *session = request->session;
    const davit_graph *graph = session->graph;
    if (session->place_only) {
        return davit_fail(&request->call.sink, DAVIT_INVALID_ARGUMENT,
                          "%s: the session was made with place_only and cannot run",
                          session->model->path);
    }
    memset(request->outputs, 0, graph->output_count * sizeof(*request->outputs));
    memset(request->created, 0, graph->output_count * sizeof(*request->created));
    request->wanted = outputs;
    request->wanted_count = output_count;
    davit_status status = take_inputs(request, inputs, input_count);
    for (size_t i = 0; status == DAVIT_OK && i < output_count; i++) {
        status = take_output(request, &outputs[i]);
    }
    return status;
}
