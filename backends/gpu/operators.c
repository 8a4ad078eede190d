#include "operators.h"

#include <stdio.h>
#include <string.h>

static const davit_gpu_family *const families[] = {
    &davit_gpu_weighted, &davit_gpu_matmuls, &davit_gpu_elementwise, &davit_gpu_integer,
    &davit_gpu_pools,    &davit_gpu_rows,    &davit_gpu_movements,   &davit_gpu_resizes};

/* An operator may be in two families (MatMul): the first that does not refuse takes it. */
static const davit_gpu_operator *find(const davit_graph *graph, const davit_unit *unit,
                                      const char **reason);

/* ---- what holds for every operator ---- */

/* What kernels count with is s32. */
static const char *refuse_value(const davit_graph *graph, davit_value_id value, uint32_t types)
{
    const davit_tensor_desc *desc = &graph->values[value].desc;
    if (davit_tensor_desc_elems(desc) == 0) {
        return "empty tensor";
    }
    if (davit_tensor_desc_bytes(desc) > INT32_MAX) {
        return "tensor of more than 2 GiB";
    }
    if ((types & DAVIT_TYPE(desc->dtype)) == 0) {
        return "element type";
    }
    return NULL;
}

static const char *refuse_values(const davit_graph *graph, const davit_unit *unit, uint32_t types)
{
    const char *reason = NULL;
    for (uint32_t i = 0; i < unit->input_count && reason == NULL; i++) {
        reason = refuse_value(graph, unit->inputs[i], types);
    }
    for (uint32_t i = 0; i < unit->output_count && reason == NULL; i++) {
        reason = refuse_value(graph, unit->outputs[i], types);
    }
    return reason;
}

static const davit_gpu_operator *find(const davit_graph *graph, const davit_unit *unit,
                                      const char **reason)
{
    davit_op op = graph->nodes[unit->anchor].op->op;
    *reason = "";
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        for (size_t j = 0; j < families[i]->count; j++) {
            const davit_gpu_operator *entry = &families[i]->operators[j];
            if (entry->op != op) {
                continue;
            }
            *reason = refuse_values(graph, unit, entry->types);
            if (*reason == NULL && entry->refuse != NULL) {
                *reason = entry->refuse(graph, unit);
            }
            if (*reason == NULL) {
                return entry;
            }
        }
    }
    return NULL;
}

bool davit_gpu_supports(const davit_graph *graph, const davit_unit *unit, char *reason,
                        size_t reason_bytes)
{
    const char *text;
    bool found = find(graph, unit, &text) != NULL;
    if (!found && reason != NULL) {
        (void)snprintf(reason, reason_bytes, "operator %s%s%s",
                       graph->nodes[unit->anchor].op->name, text[0] != '\0' ? ": " : "", text);
    }
    return found;
}

davit_status davit_gpu_operator_build(davit_gpu_builder *builder, const davit_unit *unit)
{
    const char *reason;
    const davit_gpu_operator *entry = find(builder->graph, unit, &reason);
    return entry != NULL ? entry->build(builder, unit, &builder->graph->nodes[unit->anchor])
                         : DAVIT_UNSUPPORTED;
}

/* ---- for the families ---- */

bool davit_gpu_unsigned(davit_dtype dtype)
{
    return dtype == DAVIT_U8;
}

const char *davit_gpu_refuse_outputs(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    return unit->output_count == 1 && unit->outputs[0] == node->outputs[0] ? NULL : "second output";
}

const char *davit_gpu_refuse_shape_inputs(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    for (uint32_t i = 1; i < node->input_count; i++) {
        if (davit_node_has_input(node, i) && davit_node_constant(graph, node, i) == NULL) {
            return "inputs that are not constant";
        }
    }
    return NULL;
}

davit_status davit_gpu_ints(davit_gpu_builder *builder, const int32_t *values, size_t count,
                            davit_gpu_place *out)
{
    void *data;
    davit_status status = davit_gpu_constant(builder, count * sizeof(*values), &data, out);
    if (status == DAVIT_OK) {
        memcpy(data, values, count * sizeof(*values));
    }
    return status;
}
