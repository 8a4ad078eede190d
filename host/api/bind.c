#include <stdio.h>
#include <string.h>

#include "davit/infer.h"
#include "davit/reference.h"
#include "objects.h"

/* The binding of that input, or NULL, reported. */
static davit_binding *find_binding(const davit_session *session, davit_binding *bindings,
                                   const char *name)
{
    const davit_graph *graph = session->graph;
    size_t index = davit_model_find_input(session->model, name);
    if (index == graph->input_count) {
        char names[512];
        (void)davit_fail(&session->call.sink, DAVIT_INVALID_ARGUMENT,
                         "%s: the model has no input '%s'; its inputs are %s", session->model->path,
                         name,
                         davit_value_names(session->model->graph, graph->inputs, graph->input_count,
                                           names, sizeof(names)));
        return NULL;
    }
    return &bindings[index];
}

static davit_status take_shape(const davit_session *session, davit_binding *bindings,
                               const davit_named_shape *shape)
{
    davit_binding *binding = find_binding(session, bindings, shape->name);
    if (binding == NULL) {
        return DAVIT_INVALID_ARGUMENT;
    }
    if (shape->rank < 0 || shape->rank > DAVIT_MAX_RANK) {
        return davit_fail(&session->call.sink, DAVIT_INVALID_ARGUMENT,
                          "input '%s': a shape has 0 to %d dimensions, not %d", shape->name,
                          DAVIT_MAX_RANK, shape->rank);
    }
    binding->rank = shape->rank;
    memcpy(binding->dims, shape->dims, (size_t)shape->rank * sizeof(shape->dims[0]));
    return DAVIT_OK;
}

/* A given tensor binds its input to its shape, which must be that of `shapes` if that says one. */
static davit_status take_input(const davit_session *session, davit_binding *bindings,
                               const davit_named_tensor *input)
{
    davit_binding *binding = find_binding(session, bindings, input->name);
    if (binding == NULL) {
        return DAVIT_INVALID_ARGUMENT;
    }
    if (input->tensor == NULL) {
        return DAVIT_OK;
    }
    const davit_tensor_desc *desc = &input->tensor->desc;
    char given[128];
    char asked[128];
    if (!davit_tensor_desc_is_dense(desc)) {
        return davit_fail(&session->call.sink, DAVIT_INVALID_ARGUMENT,
                          "input '%s' must be dense row-major", input->name);
    }
    if (binding->rank >= 0 &&
        (binding->rank != desc->rank ||
         memcmp(binding->dims, desc->dims, (size_t)desc->rank * sizeof(desc->dims[0])) != 0)) {
        return davit_fail(&session->call.sink, DAVIT_INVALID_ARGUMENT,
                          "input '%s' is given as %s, but its shape is set to %s", input->name,
                          davit_shape_text(desc->dims, desc->rank, given, sizeof(given)),
                          davit_shape_text(binding->dims, binding->rank, asked, sizeof(asked)));
    }
    binding->rank = desc->rank;
    memcpy(binding->dims, desc->dims, (size_t)desc->rank * sizeof(desc->dims[0]));
    binding->value = input->tensor;
    return DAVIT_OK;
}

/* A value that binding took is the caller's, and only for the call: the graph gets a copy. */
static davit_status own_value(davit_session *session, const davit_tensor *given)
{
    davit_graph *graph = session->graph;
    davit_tensor *copy = NULL;
    for (size_t v = 0; v < graph->value_count; v++) {
        if (graph->values[v].constant != given) {
            continue;
        }
        if (copy == NULL) {
            davit_status status = davit_tensor_clone(graph->allocator, given, &copy);
            if (status == DAVIT_OK) {
                status = davit_graph_own_tensor(graph, copy);
            }
            if (status != DAVIT_OK) {
                return status;
            }
        }
        graph->values[v].constant = copy;
    }
    return DAVIT_OK;
}

davit_status davit_session_bind(davit_session *session, const davit_session_options *options)
{
    davit_graph *graph = session->graph;
    davit_binding *bindings =
        davit_arena_alloc_array(&session->arena, graph->input_count, sizeof(*bindings));
    if (bindings == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < graph->input_count; i++) {
        bindings[i].name = graph->values[graph->inputs[i]].name;
        bindings[i].rank = -1;
    }
    davit_status status = DAVIT_OK;
    for (size_t i = 0; status == DAVIT_OK && i < options->shape_count; i++) {
        status = take_shape(session, bindings, &options->shapes[i]);
    }
    for (size_t i = 0; status == DAVIT_OK && i < options->input_count; i++) {
        status = take_input(session, bindings, &options->inputs[i]);
    }
    if (status == DAVIT_OK) {
        status = davit_graph_bind(graph, bindings, graph->input_count, davit_reference_evaluator(),
                                  &session->call.sink);
    }
    for (size_t i = 0; status == DAVIT_OK && i < options->input_count; i++) {
        if (options->inputs[i].tensor != NULL) {
            status = own_value(session, options->inputs[i].tensor);
        }
    }
    return status;
}
