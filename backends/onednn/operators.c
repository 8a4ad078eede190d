#include "operators.h"

#include <stdio.h>

static const davit_onednn_family *const families[] = {
    &davit_onednn_convolutions,  &davit_onednn_products,
    &davit_onednn_pools,         &davit_onednn_normalizations,
    &davit_onednn_unary,         &davit_onednn_broadcast,
    &davit_onednn_reductions,    &davit_onednn_views,
    &davit_onednn_movements,     &davit_onednn_resizes,
    &davit_onednn_casts,         &davit_onednn_int8_convolutions,
    &davit_onednn_int8_products, &davit_onednn_int8_elementwise,
    &davit_onednn_int8_linear,   &davit_onednn_int8_pools,
    &davit_onednn_int8_resizes};

static const davit_onednn_operator *find(davit_op op)
{
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        for (size_t j = 0; j < families[i]->count; j++) {
            if (families[i]->operators[j].op == op) {
                return &families[i]->operators[j];
            }
        }
    }
    return NULL;
}

/* ---- what holds for every operator ---- */

static const char *refuse_value(const davit_graph *graph, davit_value_id value, bool any_type)
{
    const davit_tensor_desc *desc = &graph->values[value].desc;
    if (any_type && graph->values[value].constant != NULL) {
        return NULL;
    }
    if (davit_tensor_desc_elems(desc) == 0) {
        return "empty tensor";
    }
    if (!any_type && desc->dtype != DAVIT_F32) {
        return "element type other than f32";
    }
    return davit_dtype_bytes(desc->dtype) > 8 ? "element type" : NULL;
}

/* Every value that the unit's nodes read or write. Constants of an operator that takes any type are
 * its own to judge: shapes, axes, scales. */
static const char *refuse_values(const davit_graph *graph, const davit_unit *unit, bool any_type)
{
    const char *reason = NULL;
    for (uint32_t n = 0; n < unit->node_count && reason == NULL; n++) {
        const davit_node *node = &graph->nodes[unit->nodes[n]];
        for (uint32_t i = 0; i < node->input_count && reason == NULL; i++) {
            if (node->inputs[i] != DAVIT_NONE) {
                reason = refuse_value(graph, node->inputs[i], any_type);
            }
        }
    }
    for (uint32_t i = 0; i < unit->output_count && reason == NULL; i++) {
        reason = refuse_value(graph, unit->outputs[i], any_type);
    }
    return reason;
}

static const char *refuse(const davit_graph *graph, const davit_unit *unit)
{
    const davit_onednn_operator *entry = find(graph->nodes[unit->anchor].op->op);
    if (entry == NULL) {
        return "";
    }
    const char *reason = refuse_values(graph, unit, entry->any_type);
    if (reason == NULL && entry->refuse != NULL) {
        reason = entry->refuse(graph, unit);
    }
    return reason;
}

bool davit_onednn_operator_supports(const davit_graph *graph, const davit_unit *unit, char *reason,
                                    size_t reason_bytes)
{
    const char *text = refuse(graph, unit);
    if (text != NULL && reason != NULL) {
        snprintf(reason, reason_bytes, "operator %s%s%s", graph->nodes[unit->anchor].op->name,
                 text[0] != '\0' ? ": " : "", text);
    }
    return text == NULL;
}

davit_status davit_onednn_operator_build(davit_onednn_builder *builder, const davit_unit *unit)
{
    const davit_node *node = &builder->graph->nodes[unit->anchor];
    const davit_onednn_operator *entry = find(node->op->op);
    return entry != NULL ? entry->build(builder, unit, node) : DAVIT_UNSUPPORTED;
}
