#include <string.h>

#include "objects.h"

/* Type, shape and layout of a tensor that the caller gave for an input or output. */
static davit_status check_tensor(const davit_session *session, const char *what, const char *name,
                                 const davit_tensor *tensor, const davit_tensor_desc *expected)
{
    const davit_tensor_desc *given = &tensor->desc;
    if (given->dtype != expected->dtype || !davit_tensor_desc_same_shape(given, expected)) {
        char expected_text[128];
        char given_text[128];
        return davit_fail(
            &session->call.sink, DAVIT_INVALID_ARGUMENT, "%s '%s': expected %s %s, given %s %s",
            what, name, davit_dtype_name(expected->dtype),
            davit_shape_text(expected->dims, expected->rank, expected_text, sizeof(expected_text)),
            davit_dtype_name(given->dtype),
            davit_shape_text(given->dims, given->rank, given_text, sizeof(given_text)));
    }
    if (!davit_tensor_desc_is_dense(given)) {
        return davit_fail(&session->call.sink, DAVIT_INVALID_ARGUMENT,
                          "%s '%s' must be dense row-major", what, name);
    }
    return DAVIT_OK;
}

static davit_status take_input(davit_session *session, const davit_named_tensor *input)
{
    const davit_graph *graph = session->graph;
    const davit_diagnostics *diag = &session->call.sink;
    size_t index = davit_model_find_input(session->model, input->name);
    if (index == graph->input_count) {
        char names[512];
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT,
                          "%s: the model has no input '%s'; its inputs are %s",
                          session->model->path, input->name,
                          davit_value_names(session->model->graph, graph->inputs,
                                            graph->input_count, names, sizeof(names)));
    }
    if (session->inputs[index] != NULL) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT, "input '%s' is given twice", input->name);
    }
    if (input->tensor == NULL) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT, "input '%s' has no tensor", input->name);
    }
    const davit_value *value = &graph->values[graph->inputs[index]];
    davit_status status = check_tensor(session, "input", input->name, input->tensor, &value->desc);
    if (status == DAVIT_OK && value->constant != NULL &&
        memcmp(value->constant->data, input->tensor->data, davit_tensor_desc_bytes(&value->desc)) !=
            0) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT,
                          "input '%s' decides shapes: another value than the session's needs a "
                          "session of its own",
                          input->name);
    }
    session->inputs[index] = input->tensor->data;
    return status;
}

static davit_status take_inputs(davit_session *session, const davit_named_tensor *inputs,
                                size_t count)
{
    const davit_graph *graph = session->graph;
    memset(session->inputs, 0, graph->input_count * sizeof(*session->inputs));
    for (size_t i = 0; i < count; i++) {
        davit_status status = take_input(session, &inputs[i]);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    for (size_t i = 0; i < graph->input_count; i++) {
        const davit_value *value = &graph->values[graph->inputs[i]];
        if (session->inputs[i] == NULL && value->constant == NULL &&
            davit_tensor_desc_bytes(&value->desc) > 0) {
            char shape[128];
            return davit_fail(
                &session->call.sink, DAVIT_INVALID_ARGUMENT, "input '%s' (%s %s) is missing",
                session->model->graph->values[graph->inputs[i]].name,
                davit_dtype_name(value->desc.dtype),
                davit_shape_text(value->desc.dims, value->desc.rank, shape, sizeof(shape)));
        }
    }
    return DAVIT_OK;
}

static davit_status take_output(davit_session *session, const davit_named_tensor *output)
{
    const davit_graph *graph = session->graph;
    const davit_diagnostics *diag = &session->call.sink;
    size_t index = davit_model_find_output(session->model, output->name);
    if (index == graph->output_count) {
        char names[512];
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT,
                          "%s: the model has no output '%s'; its outputs are %s",
                          session->model->path, output->name,
                          davit_value_names(session->model->graph, session->model->graph->outputs,
                                            graph->output_count, names, sizeof(names)));
    }
    if (session->outputs[index] != NULL) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT, "output '%s' is asked for twice",
                          output->name);
    }
    const davit_tensor_desc *desc = &graph->values[graph->outputs[index]].desc;
    if (output->tensor != NULL) {
        session->outputs[index] = output->tensor->data;
        return check_tensor(session, "output", output->name, output->tensor, desc);
    }
    davit_status status = davit_tensor_create(session->model->context->allocator, desc->dtype,
                                              desc->rank, desc->dims, &session->created[index]);
    if (status == DAVIT_OK) {
        session->outputs[index] = session->created[index]->data;
    }
    return status;
}

static davit_status run(davit_session *session, const davit_named_tensor *inputs,
                        size_t input_count, const davit_named_tensor *outputs, size_t output_count)
{
    const davit_graph *graph = session->graph;
    if (session->executor == NULL) {
        return davit_fail(&session->call.sink, DAVIT_INVALID_ARGUMENT,
                          "%s: the session was made with place_only and cannot run",
                          session->model->path);
    }
    memset(session->outputs, 0, graph->output_count * sizeof(*session->outputs));
    memset(session->created, 0, graph->output_count * sizeof(*session->created));
    davit_status status = take_inputs(session, inputs, input_count);
    for (size_t i = 0; status == DAVIT_OK && i < output_count; i++) {
        status = take_output(session, &outputs[i]);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    return davit_executor_run(session->executor, session->inputs, session->outputs,
                              &session->record);
}

davit_status davit_session_run(davit_session *session, const davit_named_tensor *inputs,
                               size_t input_count, davit_named_tensor *outputs, size_t output_count)
{
    davit_call_begin(&session->call, session->model->context->diag);
    davit_status status = run(session, inputs, input_count, outputs, output_count);
    if (status != DAVIT_OK) {
        for (size_t i = 0; i < session->graph->output_count; i++) {
            davit_tensor_destroy(session->created[i]);
        }
        return davit_call_end(&session->call, status, session->model->path);
    }
    for (size_t i = 0; i < output_count; i++) {
        if (outputs[i].tensor == NULL) {
            outputs[i].tensor =
                session->created[davit_model_find_output(session->model, outputs[i].name)];
        }
    }
    return DAVIT_OK;
}
