/* The walk over a body: the model's graph, a function, or a branch. All names of a body are defined
 * before its nodes are read, so that nodes may come in any order and a name that nothing defines is
 * noticed where it is read. */
#include <stdio.h>

#include "importer.h"

void davit_onnx_scope_init(const davit_onnx_importer *importer, davit_onnx_scope *scope)
{
    davit_names_init(&scope->names, importer->allocator);
    davit_names_init(&scope->results, importer->allocator);
}

void davit_onnx_scope_clear(davit_onnx_scope *scope)
{
    davit_names_clear(&scope->names);
    davit_names_clear(&scope->results);
}

davit_status davit_onnx_add_value(davit_onnx_importer *importer, const char *name,
                                  davit_value_id *out)
{
    davit_graph *graph = importer->graph;
    const char *unique = name;
    for (size_t i = 2; davit_graph_find_value(graph, unique) != DAVIT_NONE; i++) {
        unique = davit_arena_printf(&importer->arena, "%s#%zu", name, graph->value_count + i);
        if (unique == NULL) {
            return DAVIT_OUT_OF_MEMORY;
        }
    }
    return davit_graph_add_value(graph, unique, out);
}

void davit_onnx_set_constant(davit_onnx_importer *importer, davit_value_id id,
                             const davit_tensor *tensor)
{
    davit_value *value = &importer->graph->values[id];
    value->constant = tensor;
    value->desc = tensor->desc;
    value->inferred = true;
}

davit_status davit_onnx_define(davit_onnx_importer *importer, davit_onnx_scope *scope,
                               const char *name, const char *what, davit_value_id *out)
{
    *out = DAVIT_NONE;
    if (name == NULL || name[0] == '\0') {
        return davit_fail(importer->diag, DAVIT_BAD_DATA, "%s has no name", what);
    }
    if (davit_names_find(&scope->names, name) != DAVIT_NONE) {
        return davit_fail(importer->diag, DAVIT_BAD_DATA, "%s: the name '%s' is defined twice",
                          what, name);
    }
    *out = davit_names_find(&scope->results, name);
    if (*out != DAVIT_NONE) {
        return davit_names_add(&scope->names, name, *out);
    }
    const char *full = name;
    if (scope->prefix[0] != '\0') {
        full = davit_arena_printf(&importer->arena, "%s%s", scope->prefix, name);
    }
    if (full == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = davit_onnx_add_value(importer, full, out);
    return status == DAVIT_OK ? davit_names_add(&scope->names, name, *out) : status;
}

davit_status davit_onnx_define_nodes(davit_onnx_importer *importer, davit_onnx_scope *scope,
                                     size_t count, Onnx__NodeProto *const *nodes)
{
    for (size_t n = 0; n < count; n++) {
        for (size_t i = 0; i < nodes[n]->n_output; i++) {
            if (nodes[n]->output[i][0] == '\0') {
                continue;
            }
            char shown[DAVIT_ONNX_SHOWN_BYTES];
            davit_onnx_show_node(nodes[n], shown, sizeof(shown));
            davit_value_id value;
            davit_status status =
                davit_onnx_define(importer, scope, nodes[n]->output[i], shown, &value);
            if (status != DAVIT_OK) {
                return status;
            }
        }
    }
    return DAVIT_OK;
}

davit_status davit_onnx_add_nodes(davit_onnx_importer *importer, const davit_onnx_scope *scope,
                                  size_t count, Onnx__NodeProto *const *nodes)
{
    for (size_t n = 0; n < count; n++) {
        davit_status status = davit_onnx_import_node(importer, scope, nodes[n]);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    return DAVIT_OK;
}

/* ---- initialisers ---- */

/* Defines name as the constant tensor, taking that over. */
static davit_status define_constant(davit_onnx_importer *importer, davit_onnx_scope *scope,
                                    const char *name, davit_tensor *tensor)
{
    davit_status status = davit_graph_own_tensor(importer->graph, tensor);
    davit_value_id value;
    if (status == DAVIT_OK) {
        status = davit_onnx_define(importer, scope, name, "initialiser", &value);
    }
    if (status == DAVIT_OK) {
        davit_onnx_set_constant(importer, value, tensor);
    }
    return status;
}

davit_status davit_onnx_add_initializers(davit_onnx_importer *importer, davit_onnx_scope *scope,
                                         const Onnx__GraphProto *graph)
{
    char what[DAVIT_ONNX_SHOWN_BYTES];
    davit_onnx_tensor_source source = {.allocator = importer->allocator,
                                       .diag = importer->diag,
                                       .files = &importer->files,
                                       .what = what,
                                       .steal = scope->function == NULL};
    for (size_t i = 0; i < graph->n_initializer; i++) {
        const char *name = davit_onnx_text(graph->initializer[i]->name);
        snprintf(what, sizeof(what), "initialiser '%s'", name);
        source.cut = graph == importer->model->graph ? davit_onnx_find_cut(&importer->cuts, i) : NULL;
        davit_tensor *tensor;
        davit_status status = davit_onnx_make_tensor(&source, graph->initializer[i], &tensor);
        if (status == DAVIT_OK) {
            status = define_constant(importer, scope, name, tensor);
        }
        if (status != DAVIT_OK) {
            return status;
        }
    }
    source.cut = NULL;
    for (size_t i = 0; i < graph->n_sparse_initializer; i++) {
        Onnx__SparseTensorProto *sparse = graph->sparse_initializer[i];
        const char *name = davit_onnx_text(sparse->values != NULL ? sparse->values->name : NULL);
        snprintf(what, sizeof(what), "sparse initialiser '%s'", name);
        davit_tensor *tensor;
        davit_status status = davit_onnx_make_dense(&source, sparse, &tensor);
        if (status == DAVIT_OK) {
            status = define_constant(importer, scope, name, tensor);
        }
        if (status != DAVIT_OK) {
            return status;
        }
    }
    return DAVIT_OK;
}

/* ---- bodies ---- */

/* Names the values of the call's outputs, so that what the body computes is written to them. */
static davit_status bind_results(davit_onnx_importer *importer, davit_onnx_scope *scope,
                                 const davit_onnx_body *body)
{
    const Onnx__NodeProto *call = scope->call;
    if (call->n_output > body->output_count) {
        return davit_fail(importer->diag, DAVIT_BAD_DATA, "%s has %zu outputs, its caller uses %zu",
                          body->what, body->output_count, call->n_output);
    }
    for (size_t i = 0; i < call->n_output; i++) {
        davit_value_id value;
        if (!davit_onnx_lookup(scope->caller, call->output[i], &value) || value == DAVIT_NONE) {
            continue; /* not used */
        }
        /* Of an output that is listed twice, the first is written, the others are copies. */
        davit_status status = davit_names_add(&scope->results, body->outputs[i], value);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    return DAVIT_OK;
}

static davit_status add_identity(davit_onnx_importer *importer, davit_value_id from,
                                 davit_value_id to)
{
    davit_node_spec spec = {.op = DAVIT_OP_Identity,
                            .input_count = 1,
                            .output_count = 1,
                            .inputs = &from,
                            .outputs = &to};
    davit_node_id node;
    return davit_graph_add_node(importer->graph, &spec, &node);
}

/* Ties those outputs that are not written by a node of the body itself: its inputs, what a branch
 * sees around it, outputs listed twice. */
static davit_status copy_results(davit_onnx_importer *importer, const davit_onnx_scope *scope,
                                 const davit_onnx_body *body)
{
    for (size_t i = 0; i < scope->call->n_output; i++) {
        davit_value_id to;
        davit_value_id from;
        if (!davit_onnx_lookup(scope->caller, scope->call->output[i], &to) || to == DAVIT_NONE) {
            continue;
        }
        if (!davit_onnx_lookup(scope, body->outputs[i], &from) || from == DAVIT_NONE) {
            return davit_fail(importer->diag, DAVIT_BAD_DATA,
                              "%s: nothing computes its output '%s'", body->what, body->outputs[i]);
        }
        davit_status status = from == to ? DAVIT_OK : add_identity(importer, from, to);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    return DAVIT_OK;
}

davit_status davit_onnx_import_body(davit_onnx_importer *importer, davit_onnx_scope *scope,
                                    const davit_onnx_body *body)
{
    if (scope->depth > DAVIT_ONNX_MAX_DEPTH) {
        return davit_fail(importer->diag, DAVIT_UNSUPPORTED, "%s: more than %d calls deep",
                          body->what, DAVIT_ONNX_MAX_DEPTH);
    }
    davit_status status = bind_results(importer, scope, body);
    if (status == DAVIT_OK) {
        status = davit_onnx_define_nodes(importer, scope, body->node_count, body->nodes);
    }
    if (status == DAVIT_OK) {
        status = davit_onnx_add_nodes(importer, scope, body->node_count, body->nodes);
    }
    return status == DAVIT_OK ? copy_results(importer, scope, body) : status;
}
