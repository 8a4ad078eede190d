/* If with a constant condition: the branch it selects takes the node's place. */
#include <stdio.h>

#include "importer.h"

static davit_status read_condition(davit_onnx_importer *importer, const davit_onnx_scope *scope,
                                   const Onnx__NodeProto *proto, const char *shown, bool *condition)
{
    davit_value_id value = DAVIT_NONE;
    davit_status status =
        proto->n_input == 1 ? davit_onnx_lookup_input(importer, scope, proto, 0, &value) : DAVIT_OK;
    if (status != DAVIT_OK) {
        return status;
    }
    if (value == DAVIT_NONE) {
        return davit_fail(importer->diag, DAVIT_BAD_DATA, "%s needs exactly one input", shown);
    }
    const davit_tensor *tensor = importer->graph->values[value].constant;
    if (tensor == NULL) {
        return davit_fail(importer->diag, DAVIT_UNSUPPORTED,
                          "%s: operator If is supported with a constant condition only", shown);
    }
    if (tensor->desc.dtype != DAVIT_BOOL || davit_tensor_desc_elems(&tensor->desc) != 1) {
        return davit_fail(importer->diag, DAVIT_BAD_DATA, "%s: its condition is not one bool",
                          shown);
    }
    *condition = *(const uint8_t *)tensor->data != 0;
    return DAVIT_OK;
}

static davit_status import_branch(davit_onnx_importer *importer, davit_onnx_scope *scope,
                                  const Onnx__GraphProto *graph, const char *shown)
{
    const char **outputs =
        davit_arena_alloc_array(&importer->arena, graph->n_output, sizeof(*outputs));
    if (outputs == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < graph->n_output; i++) {
        outputs[i] = davit_onnx_text(graph->output[i]->name);
    }
    davit_onnx_body body = {.what = shown,
                            .node_count = graph->n_node,
                            .nodes = graph->node,
                            .output_count = graph->n_output,
                            .outputs = outputs};
    davit_status status = davit_onnx_add_initializers(importer, scope, graph);
    return status == DAVIT_OK ? davit_onnx_import_body(importer, scope, &body) : status;
}

davit_status davit_onnx_expand_if(davit_onnx_importer *importer, const davit_onnx_scope *scope,
                                  const Onnx__NodeProto *proto)
{
    char shown[DAVIT_ONNX_SHOWN_BYTES];
    davit_onnx_show_node(proto, shown, sizeof(shown));
    bool condition = false;
    davit_status status = read_condition(importer, scope, proto, shown, &condition);
    if (status != DAVIT_OK) {
        return status;
    }
    const Onnx__AttributeProto *branch =
        davit_onnx_find_attribute(scope, proto, condition ? "then_branch" : "else_branch");
    if (branch == NULL || branch->g == NULL || branch->g->n_input > 0) {
        return davit_fail(importer->diag, DAVIT_BAD_DATA, "%s lacks its %s branch", shown,
                          condition ? "then" : "else");
    }
    davit_onnx_scope inner = {.parent = scope,
                              .caller = scope,
                              .call = proto,
                              .function = scope->function,
                              .opset = scope->opset,
                              .depth = scope->depth + 1};
    inner.prefix = davit_onnx_make_prefix(importer, scope, proto);
    if (inner.prefix == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_onnx_scope_init(importer, &inner);
    status = import_branch(importer, &inner, branch->g, shown);
    davit_onnx_scope_clear(&inner);
    return status;
}
