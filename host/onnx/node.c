#include <stdio.h>
#include <string.h>

#include "importer.h"
#include "schema.h"

void davit_onnx_show_node(const Onnx__NodeProto *proto, char *text, size_t bytes)
{
    const char *op = davit_onnx_text(proto->op_type);
    if (davit_onnx_text(proto->name)[0] != '\0') {
        snprintf(text, bytes, "node '%.150s' (%.60s)", proto->name, op);
    } else {
        const char *output = proto->n_output > 0 ? proto->output[0] : "";
        snprintf(text, bytes, "node that computes '%.150s' (%.60s)", output, op);
    }
}

bool davit_onnx_lookup(const davit_onnx_scope *scope, const char *name, davit_value_id *out)
{
    *out = DAVIT_NONE;
    if (name[0] == '\0') {
        return true;
    }
    for (; scope != NULL; scope = scope->parent) {
        davit_value_id found = davit_names_find(&scope->names, name);
        if (found != DAVIT_NONE) {
            *out = found == DAVIT_ONNX_ABSENT ? DAVIT_NONE : found;
            return true;
        }
    }
    return false;
}

davit_status davit_onnx_lookup_input(davit_onnx_importer *importer, const davit_onnx_scope *scope,
                                     const Onnx__NodeProto *proto, size_t index,
                                     davit_value_id *out)
{
    if (davit_onnx_lookup(scope, proto->input[index], out)) {
        return DAVIT_OK;
    }
    char shown[DAVIT_ONNX_SHOWN_BYTES];
    davit_onnx_show_node(proto, shown, sizeof(shown));
    return davit_fail(importer->diag, DAVIT_BAD_DATA, "%s: nothing computes its input '%s'", shown,
                      proto->input[index]);
}

/* ---- inputs and outputs ---- */

static davit_status read_inputs(davit_onnx_importer *importer, const davit_onnx_scope *scope,
                                const Onnx__NodeProto *proto, davit_onnx_node *node)
{
    node->inputs = davit_arena_alloc_array(&importer->arena, proto->n_input + DAVIT_ONNX_NODE_ROOM,
                                           sizeof(*node->inputs));
    if (node->inputs == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < proto->n_input; i++) {
        davit_status status = davit_onnx_lookup_input(importer, scope, proto, i, &node->inputs[i]);
        if (status != DAVIT_OK) {
            return status;
        }
        if (node->inputs[i] != DAVIT_NONE) {
            node->input_count = (uint32_t)i + 1;
        }
    }
    return DAVIT_OK;
}

static davit_status read_outputs(davit_onnx_importer *importer, const davit_onnx_scope *scope,
                                 const Onnx__NodeProto *proto, davit_onnx_node *node)
{
    node->outputs = davit_arena_alloc_array(
        &importer->arena, proto->n_output + DAVIT_ONNX_NODE_ROOM, sizeof(*node->outputs));
    if (node->outputs == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    bool any = false;
    node->output_count = (uint32_t)proto->n_output;
    for (size_t i = 0; i < proto->n_output; i++) {
        (void)davit_onnx_lookup(scope, proto->output[i], &node->outputs[i]);
        any = any || node->outputs[i] != DAVIT_NONE;
    }
    if (!any) {
        return davit_fail(importer->diag, DAVIT_BAD_DATA, "%s has no outputs", node->shown);
    }
    return DAVIT_OK;
}

/* ---- operators ---- */

static davit_status check_domain(davit_onnx_importer *importer, const Onnx__NodeProto *proto,
                                 const davit_onnx_node *node)
{
    const char *domain = davit_onnx_text(proto->domain);
    if (domain[0] != '\0' && strcmp(domain, "ai.onnx") != 0) {
        return davit_fail(importer->diag, DAVIT_UNSUPPORTED,
                          "%s: operator %s of domain %s is not supported", node->shown,
                          node->op_type, domain);
    }
    return DAVIT_OK;
}

static davit_status check_operator(davit_onnx_importer *importer, const davit_onnx_node *node)
{
    const davit_onnx_schema *schema = davit_onnx_schema_find(node->op_type);
    if (schema == NULL) {
        return davit_fail(importer->diag, DAVIT_UNSUPPORTED, "%s: operator %s is not supported",
                          node->shown, node->op_type);
    }
    if (node->opset == 0) {
        return davit_fail(importer->diag, DAVIT_BAD_DATA,
                          "%s: no opset of ai.onnx is imported for it", node->shown);
    }
    if (node->opset < schema->first_opset || node->opset > schema->last_opset) {
        return davit_fail(importer->diag, DAVIT_UNSUPPORTED,
                          "%s: operator %s of opset %lld is not supported; opsets %d to %d are",
                          node->shown, node->op_type, (long long)node->opset, schema->first_opset,
                          schema->last_opset);
    }
    return DAVIT_OK;
}

static davit_status import_operator(davit_onnx_importer *importer, const davit_onnx_scope *scope,
                                    const Onnx__NodeProto *proto, davit_onnx_node *node)
{
    const davit_onnx_qlinear *qlinear = davit_onnx_qlinear_find(proto);
    const char *name = davit_onnx_text(proto->name);
    if (name[0] != '\0') {
        node->name = davit_arena_printf(&importer->arena, "%s%s", scope->prefix, name);
        if (node->name == NULL) {
            return DAVIT_OUT_OF_MEMORY;
        }
    }
    davit_status status = read_inputs(importer, scope, proto, node);
    if (status == DAVIT_OK) {
        status = read_outputs(importer, scope, proto, node);
    }
    if (status == DAVIT_OK && qlinear == NULL) {
        status = davit_onnx_read_attributes(importer, scope, proto, node);
    }
    if (status == DAVIT_OK && qlinear != NULL) {
        status = davit_onnx_qlinear_attributes(importer, scope, proto, node);
    }
    if (status == DAVIT_OK && qlinear != NULL) {
        status = davit_onnx_qlinear_expand(importer, qlinear, node);
    }
    return status == DAVIT_OK ? davit_onnx_add_node(importer, node) : status;
}

davit_status davit_onnx_import_node(davit_onnx_importer *importer, const davit_onnx_scope *scope,
                                    const Onnx__NodeProto *proto)
{
    char shown[DAVIT_ONNX_SHOWN_BYTES];
    davit_onnx_show_node(proto, shown, sizeof(shown));
    if (++importer->node_count > DAVIT_ONNX_MAX_NODES) {
        return davit_fail(importer->diag, DAVIT_UNSUPPORTED,
                          "%s: more than %zu nodes when functions are expanded", shown,
                          DAVIT_ONNX_MAX_NODES);
    }
    const davit_onnx_function *function = davit_onnx_find_function(importer, proto);
    if (function != NULL) {
        return davit_onnx_expand_function(importer, scope, proto, function);
    }
    davit_onnx_node node = {
        .op_type = davit_onnx_text(proto->op_type), .opset = scope->opset, .shown = shown};
    const davit_onnx_qlinear *qlinear = davit_onnx_qlinear_find(proto);
    davit_status status = DAVIT_OK;
    if (qlinear != NULL) {
        node.op_type = davit_onnx_qlinear_op(qlinear);
    } else {
        status = check_domain(importer, proto, &node);
    }
    if (status == DAVIT_OK) {
        status = check_operator(importer, &node);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    if (strcmp(node.op_type, "If") == 0) {
        return davit_onnx_expand_if(importer, scope, proto);
    }
    if (strcmp(node.op_type, "Constant") == 0) {
        return davit_onnx_import_constant(importer, scope, proto, shown);
    }
    return import_operator(importer, scope, proto, &node);
}
