#include "davit/graph.h"
#include "davit/names.h"

#include "rewrite.h"

#include <string.h>

/* The name for a new node, in the arena: wanted if it is free, else one made from it. */
static char *make_node_name(davit_graph *graph, const davit_node_spec *spec)
{
    const char *wanted = spec->name;
    char *name;
    if (wanted && davit_names_find(graph->node_names, wanted) == DAVIT_NONE) {
        return davit_arena_strdup(&graph->arena, wanted);
    }
    name = davit_arena_printf(&graph->arena, "%s_%zu",
                              wanted ? wanted : davit_op_get(spec->op)->name, graph->node_count);
    while (name && davit_names_find(graph->node_names, name) != DAVIT_NONE) {
        name = davit_arena_printf(&graph->arena, "%s_", name);
    }
    return name;
}

/* Copies count elements into the arena; *out stays NULL for none. */
static davit_status copy_array(davit_arena *arena, const void *from, size_t count,
                               size_t elem_bytes, void *out)
{
    if (count == 0) {
        return DAVIT_OK;
    }
    void *copy = davit_arena_alloc_array(arena, count, elem_bytes);
    if (!copy) {
        return DAVIT_OUT_OF_MEMORY;
    }
    memcpy(copy, from, count * elem_bytes);
    memcpy(out, &copy, sizeof(copy));
    return DAVIT_OK;
}

static davit_status copy_strings(davit_arena *arena, davit_attribute *to)
{
    const char **strings = davit_arena_alloc_array(arena, to->count, sizeof(*strings));
    if (!strings) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < to->count; i++) {
        strings[i] = davit_arena_strdup(arena, to->u.strings[i]);
        if (!strings[i]) {
            return DAVIT_OUT_OF_MEMORY;
        }
    }
    to->u.strings = strings;
    return DAVIT_OK;
}

/* Makes *to, so far a shallow copy, own what it points to; tensors stay shared. */
static davit_status copy_attribute(davit_arena *arena, davit_attribute *to)
{
    to->name = davit_arena_strdup(arena, to->name);
    if (!to->name) {
        return DAVIT_OUT_OF_MEMORY;
    }
    switch (to->type) {
    case DAVIT_ATTRIBUTE_STRING:
        to->u.s = davit_arena_strndup(arena, to->u.s, to->count);
        return to->u.s ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
    case DAVIT_ATTRIBUTE_INTS:
        return copy_array(arena, to->u.ints, to->count, sizeof(int64_t), &to->u.ints);
    case DAVIT_ATTRIBUTE_FLOATS:
        return copy_array(arena, to->u.floats, to->count, sizeof(float), &to->u.floats);
    case DAVIT_ATTRIBUTE_STRINGS:
        return copy_strings(arena, to);
    case DAVIT_ATTRIBUTE_INT:
    case DAVIT_ATTRIBUTE_FLOAT:
    case DAVIT_ATTRIBUTE_TENSOR:
        break;
    }
    return DAVIT_OK;
}

/* Sets everything of *node but its name and outputs. */
static davit_status copy_spec(davit_graph *graph, const davit_node_spec *spec, davit_node *node)
{
    davit_arena *arena = &graph->arena;
    node->op = davit_op_get(spec->op);
    node->input_count = spec->input_count;
    node->attribute_count = spec->attribute_count;
    davit_status status =
        copy_array(arena, spec->inputs, spec->input_count, sizeof(davit_value_id), &node->inputs);
    if (status == DAVIT_OK) {
        status = copy_array(arena, spec->attributes, spec->attribute_count, sizeof(davit_attribute),
                            &node->attributes);
    }
    for (uint32_t i = 0; i < spec->attribute_count && status == DAVIT_OK; i++) {
        status = copy_attribute(arena, &node->attributes[i]);
    }
    return status;
}

davit_status davit_graph_add_node(davit_graph *graph, const davit_node_spec *spec,
                                  davit_node_id *out)
{
    *out = DAVIT_NONE;
    if (graph->node_count >= DAVIT_NONE) {
        return DAVIT_OUT_OF_MEMORY;
    }
    void *nodes = graph->nodes;
    davit_status status =
        davit_array_grow(graph->allocator, &nodes, &graph->node_capacity, graph->node_count,
                         graph->node_count + 1, sizeof(*graph->nodes));
    graph->nodes = nodes;
    davit_node node = {0};
    if (status == DAVIT_OK) {
        status = copy_spec(graph, spec, &node);
    }
    if (status == DAVIT_OK) {
        node.output_count = spec->output_count;
        status = copy_array(&graph->arena, spec->outputs, spec->output_count,
                            sizeof(davit_value_id), &node.outputs);
    }
    if (status == DAVIT_OK) {
        node.name = make_node_name(graph, spec);
        status = node.name ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
    }
    davit_node_id id = (davit_node_id)graph->node_count;
    if (status == DAVIT_OK) {
        status = davit_names_add(graph->node_names, node.name, id);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    for (uint32_t i = 0; i < node.output_count; i++) {
        if (node.outputs[i] != DAVIT_NONE) {
            graph->values[node.outputs[i]].producer = id;
        }
    }
    graph->nodes[id] = node;
    graph->node_count++;
    *out = id;
    return DAVIT_OK;
}

void davit_graph_remove_node(davit_graph *graph, davit_node_id id)
{
    davit_node *node = &graph->nodes[id];
    node->removed = true;
    for (uint32_t i = 0; i < node->output_count; i++) {
        davit_value_id value = node->outputs[i];
        if (value != DAVIT_NONE && graph->values[value].producer == id) {
            graph->values[value].producer = DAVIT_NONE;
        }
    }
}

davit_status davit_graph_rewrite_node(davit_graph *graph, davit_node_id id,
                                      const davit_node_spec *spec)
{
    davit_node node = graph->nodes[id];
    node.inputs = NULL;
    node.attributes = NULL;
    davit_status status = copy_spec(graph, spec, &node);
    if (status == DAVIT_OK) {
        graph->nodes[id] = node;
    }
    return status;
}

void davit_graph_move_output(davit_graph *graph, davit_node_id from, davit_node_id to)
{
    davit_value_id value = graph->nodes[from].outputs[0];
    davit_graph_remove_node(graph, from);
    graph->values[graph->nodes[to].outputs[0]].producer = DAVIT_NONE;
    graph->nodes[to].outputs[0] = value;
    graph->values[value].producer = to;
}
