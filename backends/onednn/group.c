#include "group.h"

#include <string.h>

#include "attention.h"
#include "bottleneck.h"
#include "chain.h"
#include "int8_attention.h"

/* ---- who makes and reads what ---- */

static void note_values(davit_onednn_builder *builder)
{
    const davit_program_spec *spec = builder->spec;
    for (size_t v = 0; v < builder->graph->value_count; v++) {
        builder->values[v].maker = SIZE_MAX;
    }
    for (size_t i = 0; i < spec->unit_count; i++) {
        const davit_unit *unit = &builder->graph->units[spec->units[i]];
        for (uint32_t j = 0; j < unit->input_count; j++) {
            builder->values[unit->inputs[j]].reader_count++;
            builder->values[unit->inputs[j]].reader = i;
        }
        for (uint32_t j = 0; j < unit->output_count; j++) {
            builder->values[unit->outputs[j]].maker = i;
        }
    }
}

static const davit_unit *unit_at(const davit_onednn_builder *builder, size_t position)
{
    return &builder->graph->units[builder->spec->units[position]];
}

const davit_unit *davit_onednn_lone_unit(const davit_onednn_builder *builder, size_t position)
{
    bool there = position != SIZE_MAX && builder->groups[position] == NULL;
    return there && unit_at(builder, position)->output_count == 1 ? unit_at(builder, position)
                                                                  : NULL;
}

const davit_node *davit_onednn_lone_node(const davit_onednn_builder *builder, size_t position)
{
    const davit_unit *unit = davit_onednn_lone_unit(builder, position);
    return unit != NULL && unit->node_count == 1 ? &builder->graph->nodes[unit->anchor] : NULL;
}

size_t davit_onednn_maker(const davit_onednn_builder *builder, davit_value_id value)
{
    return value == DAVIT_NONE ? SIZE_MAX : builder->values[value].maker;
}

size_t davit_onednn_sole_reader(const davit_onednn_builder *builder, davit_value_id value)
{
    const davit_onednn_value *v = &builder->values[value];
    return v->reader_count == 1 && v->output == SIZE_MAX ? v->reader : SIZE_MAX;
}

const davit_node *davit_onednn_group_climb(const davit_onednn_builder *builder,
                                           davit_onednn_group *group, davit_op op,
                                           davit_value_id *value)
{
    size_t position = davit_onednn_maker(builder, *value);
    const davit_node *node = davit_onednn_lone_node(builder, position);
    if (node == NULL || node->op->op != op ||
        davit_onednn_sole_reader(builder, *value) == SIZE_MAX ||
        !davit_onednn_group_add(group, position)) {
        return NULL;
    }
    *value = node->inputs[0];
    return node;
}

/* ---- groups ---- */

bool davit_onednn_group_add(davit_onednn_group *group, size_t position)
{
    if (group->count == DAVIT_ONEDNN_GROUP_UNITS) {
        return false;
    }
    group->positions[group->count++] = position;
    return true;
}

davit_status davit_onednn_group_keep(davit_onednn_builder *builder, const davit_onednn_group *group,
                                     size_t match_bytes)
{
    davit_onednn_group *kept = davit_onednn_alloc(builder, sizeof(*kept));
    void *match = davit_onednn_alloc(builder, match_bytes);
    if (kept == NULL || match == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    memcpy(match, group->match, match_bytes);
    *kept = *group;
    kept->match = match;
    for (size_t i = 0; i < group->count; i++) {
        const davit_unit *unit = unit_at(builder, group->positions[i]);
        builder->groups[group->positions[i]] = kept;
        for (uint32_t j = 0; j < unit->input_count; j++) { /* which are read when it is built */
            davit_onednn_value *value = &builder->values[unit->inputs[j]];
            if (value->last_unit < group->positions[0]) {
                value->last_unit = group->positions[0];
            }
        }
    }
    return DAVIT_OK;
}

davit_status davit_onednn_groups_find(davit_onednn_builder *builder)
{
    davit_status status = DAVIT_OK;
    if (builder->spec->separate) {
        return DAVIT_OK;
    }
    note_values(builder);
    for (size_t i = 0; i < builder->spec->unit_count && status == DAVIT_OK; i++) {
        const davit_node *node = davit_onednn_lone_node(builder, i);
        if (node != NULL && node->op->op == DAVIT_OP_Softmax) {
            status = davit_attention_find(builder, i);
            if (status == DAVIT_OK) {
                status = davit_int8_attention_find(builder, i);
            }
        }
    }
    for (size_t i = 0; i < builder->spec->unit_count && status == DAVIT_OK; i++) {
        const davit_node *node = davit_onednn_lone_node(builder, i);
        if (node != NULL && node->op->op == DAVIT_OP_QuantizeLinear) {
            size_t reader = davit_onednn_sole_reader(builder, node->outputs[0]);
            const davit_onednn_group *group = reader != SIZE_MAX ? builder->groups[reader] : NULL;
            status = davit_chain_find(
                builder, i, group != NULL && davit_int8_attention_reads(group, node->outputs[0]));
        }
    }
    for (size_t i = 0; i < builder->spec->unit_count && status == DAVIT_OK; i++) {
        status = davit_bottleneck_find(builder, i);
    }
    return status;
}

bool davit_onednn_has_one_scale(const davit_graph *graph, const davit_node *node)
{
    const davit_tensor *scale = davit_node_constant(graph, node, 1);
    const davit_tensor *zero = davit_node_constant(graph, node, 2);
    return scale != NULL && scale->desc.dtype == DAVIT_F32 &&
           davit_tensor_desc_elems(&scale->desc) == 1 &&
           (!davit_node_has_input(node, 2) ||
            (zero != NULL && davit_tensor_desc_elems(&zero->desc) == 1));
}
