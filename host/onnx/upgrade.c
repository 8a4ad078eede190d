/* The way of a node into the graph: the rule of its operator, the checks of the operator table, and
 * the helpers that rules share. */
#include "upgrade.h"

#include <string.h>

/* ---- attributes ---- */

davit_attribute *davit_onnx_node_attribute(const davit_onnx_node *node, const char *name)
{
    for (uint32_t i = 0; i < node->attribute_count; i++) {
        if (strcmp(node->attributes[i].name, name) == 0) {
            return &node->attributes[i];
        }
    }
    return NULL;
}

int64_t davit_onnx_node_int(const davit_onnx_node *node, const char *name, int64_t fallback)
{
    const davit_attribute *attribute = davit_onnx_node_attribute(node, name);
    return attribute != NULL ? attribute->u.i : fallback;
}

void davit_onnx_drop_attribute(davit_onnx_node *node, const char *name)
{
    davit_attribute *attribute = davit_onnx_node_attribute(node, name);
    if (attribute != NULL) {
        *attribute = node->attributes[--node->attribute_count];
    }
}

/* The attribute of that name, new if need be. */
static davit_attribute *set_attribute(davit_onnx_node *node, const char *name,
                                      davit_attribute_type type)
{
    davit_attribute *attribute = davit_onnx_node_attribute(node, name);
    if (attribute == NULL) {
        attribute = &node->attributes[node->attribute_count++];
    }
    *attribute = (davit_attribute){.name = name, .type = type};
    return attribute;
}

void davit_onnx_set_int(davit_onnx_node *node, const char *name, int64_t value)
{
    set_attribute(node, name, DAVIT_ATTRIBUTE_INT)->u.i = value;
}

void davit_onnx_set_float(davit_onnx_node *node, const char *name, float value)
{
    set_attribute(node, name, DAVIT_ATTRIBUTE_FLOAT)->u.f = value;
}

void davit_onnx_set_string(davit_onnx_node *node, const char *name, const char *value)
{
    davit_attribute *attribute = set_attribute(node, name, DAVIT_ATTRIBUTE_STRING);
    attribute->count = strlen(value);
    attribute->u.s = value;
}

/* ---- inputs and values ---- */

void davit_onnx_set_input(davit_onnx_node *node, uint32_t index, davit_value_id value)
{
    while (node->input_count <= index) {
        node->inputs[node->input_count++] = DAVIT_NONE;
    }
    node->inputs[index] = value;
}

davit_status davit_onnx_ints_to_input(davit_onnx_importer *importer, davit_onnx_node *node,
                                      const char *name, uint32_t index)
{
    const davit_attribute *attribute = davit_onnx_node_attribute(node, name);
    if (attribute == NULL) {
        return DAVIT_OK;
    }
    davit_value_id value;
    davit_status status = davit_onnx_ints(importer, 1, attribute->count, attribute->u.ints, &value);
    if (status == DAVIT_OK) {
        davit_onnx_set_input(node, index, value);
        davit_onnx_drop_attribute(node, name);
    }
    return status;
}

static davit_status add_constant(davit_onnx_importer *importer, davit_dtype dtype, int rank,
                                 int64_t count, const void *data, davit_value_id *out)
{
    davit_tensor *tensor;
    davit_status status = davit_tensor_create(importer->allocator, dtype, rank, &count, &tensor);
    if (status != DAVIT_OK) {
        return status;
    }
    if (count > 0) {
        memcpy(tensor->data, data, davit_tensor_desc_bytes(&tensor->desc));
    }
    return davit_graph_add_constant(importer->graph, NULL, tensor, out);
}

davit_status davit_onnx_ints(davit_onnx_importer *importer, int rank, size_t count,
                             const int64_t *values, davit_value_id *out)
{
    return add_constant(importer, DAVIT_S64, rank, (int64_t)count, values, out);
}

davit_status davit_onnx_floats(davit_onnx_importer *importer, int rank, size_t count,
                               const float *values, davit_value_id *out)
{
    return add_constant(importer, DAVIT_F32, rank, (int64_t)count, values, out);
}

davit_status davit_onnx_scalar_like(davit_onnx_importer *importer, float number,
                                    davit_value_id like, davit_value_id *out)
{
    const davit_value *value = &importer->graph->values[like];
    davit_dtype dtype = value->constant != NULL ? value->constant->desc.dtype : DAVIT_DTYPE_NONE;
    if (value->is_input) {
        dtype = value->declared_dtype;
    }
    if (dtype == DAVIT_F32 || importer->only_f32) {
        return davit_onnx_floats(importer, 0, 1, &number, out);
    }
    if (dtype == DAVIT_F64) {
        double wide = number;
        return add_constant(importer, DAVIT_F64, 0, 1, &wide, out);
    }
    if (dtype == DAVIT_F16) {
        uint16_t half = davit_f32_to_f16(number);
        return add_constant(importer, DAVIT_F16, 0, 1, &half, out);
    }
    davit_value_id inputs[] = {DAVIT_NONE, like};
    davit_status status = davit_onnx_floats(importer, 0, 1, &number, &inputs[0]);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_node_spec spec = {.op = DAVIT_OP_CastLike, .input_count = 2, .inputs = inputs};
    return davit_onnx_emit(importer, &spec, out);
}

int davit_onnx_rank(const davit_onnx_importer *importer, davit_value_id id)
{
    const davit_value *value = &importer->graph->values[id];
    if (value->constant != NULL) {
        return value->constant->desc.rank;
    }
    return value->is_input ? value->declared_rank : -1;
}

davit_status davit_onnx_emit(davit_onnx_importer *importer, const davit_node_spec *spec,
                             davit_value_id *out)
{
    davit_status status = davit_graph_add_value(importer->graph, NULL, out);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_node_spec complete = *spec;
    complete.output_count = 1;
    complete.outputs = out;
    davit_node_id node;
    return davit_graph_add_node(importer->graph, &complete, &node);
}

/* ---- into the graph ---- */

static davit_onnx_rule find_rule(const davit_onnx_node *node)
{
    const davit_onnx_upgrades *const tables[] = {
        &davit_onnx_upgrades_inputs, &davit_onnx_upgrades_forms, &davit_onnx_upgrades_legacy};
    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
        for (size_t i = 0; i < tables[t]->count; i++) {
            const davit_onnx_upgrade *upgrade = &tables[t]->rules[i];
            if (node->opset <= upgrade->last_opset &&
                strcmp(upgrade->op_type, node->op_type) == 0) {
                return upgrade->rule;
            }
        }
    }
    return NULL;
}

static davit_status check_count(davit_onnx_importer *importer, const davit_onnx_node *node,
                                uint32_t count, int low, int high, const char *what)
{
    if (count < (uint32_t)low || (high >= 0 && count > (uint32_t)high)) {
        return davit_fail(importer->diag, DAVIT_BAD_DATA, "%s has %u %s, at %s %d are needed",
                          node->shown, count, what, count < (uint32_t)low ? "least" : "most",
                          count < (uint32_t)low ? low : high);
    }
    return DAVIT_OK;
}

static uint32_t trim(const davit_value_id *values, uint32_t count)
{
    while (count > 0 && values[count - 1] == DAVIT_NONE) {
        count--;
    }
    return count;
}

davit_status davit_onnx_add_node(davit_onnx_importer *importer, davit_onnx_node *node)
{
    davit_onnx_rule rule = find_rule(node);
    davit_onnx_drop_attribute(node, "consumed_inputs"); /* opsets 1 to 5: a hint about memory */
    davit_status status = rule != NULL ? rule(importer, node) : DAVIT_OK;
    if (status != DAVIT_OK) {
        return status;
    }
    const davit_op_info *info = davit_op_find("", node->op_type);
    if (info == NULL) {
        return davit_fail(importer->diag, DAVIT_UNSUPPORTED, "%s: operator %s is not supported",
                          node->shown, node->op_type);
    }
    node->input_count = trim(node->inputs, node->input_count);
    node->output_count = trim(node->outputs, node->output_count);
    status = check_count(importer, node, node->input_count, info->min_inputs, info->max_inputs,
                         "inputs");
    if (status == DAVIT_OK) {
        status = check_count(importer, node, node->output_count, info->min_outputs,
                             info->max_outputs, "outputs");
    }
    if (status != DAVIT_OK) {
        return status;
    }
    if (info->min_inputs > 0 && node->inputs[0] == DAVIT_NONE) {
        return davit_fail(importer->diag, DAVIT_BAD_DATA, "%s lacks its first input", node->shown);
    }
    davit_node_spec spec = {.name = node->name,
                            .op = info->op,
                            .input_count = node->input_count,
                            .output_count = node->output_count,
                            .attribute_count = node->attribute_count,
                            .inputs = node->inputs,
                            .outputs = node->outputs,
                            .attributes = node->attributes};
    davit_node_id id;
    return davit_graph_add_node(importer->graph, &spec, &id);
}
