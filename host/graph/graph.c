#include "davit/graph.h"

#include "names.h"

#include <string.h>

davit_status davit_graph_create(const davit_allocator *allocator, davit_graph **out)
{
    *out = NULL;
    davit_graph *graph = davit_alloc(allocator, sizeof(*graph));
    if (!graph) {
        return DAVIT_OUT_OF_MEMORY;
    }
    graph->allocator = allocator;
    davit_arena_init(&graph->arena, allocator);
    graph->name = "";
    graph->producer = "";
    graph->value_names = davit_arena_alloc(&graph->arena, sizeof(davit_names));
    graph->node_names = davit_arena_alloc(&graph->arena, sizeof(davit_names));
    if (!graph->value_names || !graph->node_names) {
        davit_arena_clear(&graph->arena);
        davit_free(allocator, graph);
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_names_init(graph->value_names, allocator);
    davit_names_init(graph->node_names, allocator);
    *out = graph;
    return DAVIT_OK;
}

void davit_graph_destroy(davit_graph *graph)
{
    if (!graph) {
        return;
    }
    for (size_t i = 0; i < graph->tensor_count; i++) {
        davit_tensor_destroy(graph->tensors[i]);
    }
    davit_names_clear(graph->value_names);
    davit_names_clear(graph->node_names);
    davit_free(graph->allocator, graph->tensors);
    davit_free(graph->allocator, graph->values);
    davit_free(graph->allocator, graph->nodes);
    davit_free(graph->allocator, graph->order);
    davit_arena_clear(&graph->arena);
    davit_free(graph->allocator, graph);
}

/* ---- values ---- */

/* A name in the arena that no value has. */
static char *make_value_name(davit_graph *graph)
{
    char *name = davit_arena_printf(&graph->arena, "davit_value_%zu", graph->value_count);
    while (name && davit_names_find(graph->value_names, name) != DAVIT_NONE) {
        name = davit_arena_printf(&graph->arena, "%s_", name);
    }
    return name;
}

davit_status davit_graph_add_value(davit_graph *graph, const char *name, davit_value_id *out)
{
    *out = DAVIT_NONE;
    if (graph->value_count >= DAVIT_NONE) {
        return DAVIT_OUT_OF_MEMORY;
    }
    void *values = graph->values;
    davit_status status =
        davit_array_grow(graph->allocator, &values, &graph->value_capacity, graph->value_count,
                         graph->value_count + 1, sizeof(*graph->values));
    graph->values = values;
    if (status != DAVIT_OK) {
        return status;
    }
    char *copy = name ? davit_arena_strdup(&graph->arena, name) : make_value_name(graph);
    if (!copy) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_value_id id = (davit_value_id)graph->value_count;
    status = davit_names_add(graph->value_names, copy, id);
    if (status != DAVIT_OK) {
        return status;
    }
    graph->values[id] = (davit_value){.name = copy, .declared_rank = -1, .producer = DAVIT_NONE};
    graph->value_count++;
    *out = id;
    return DAVIT_OK;
}

davit_status davit_graph_own_tensor(davit_graph *graph, davit_tensor *tensor)
{
    void *tensors = graph->tensors;
    davit_status status =
        davit_array_grow(graph->allocator, &tensors, &graph->tensor_capacity, graph->tensor_count,
                         graph->tensor_count + 1, sizeof(*graph->tensors));
    graph->tensors = tensors;
    if (status != DAVIT_OK) {
        davit_tensor_destroy(tensor);
        return status;
    }
    graph->tensors[graph->tensor_count++] = tensor;
    return DAVIT_OK;
}

davit_status davit_graph_add_constant(davit_graph *graph, const char *name, davit_tensor *tensor,
                                      davit_value_id *out)
{
    *out = DAVIT_NONE;
    davit_status status = davit_graph_own_tensor(graph, tensor);
    if (status != DAVIT_OK) {
        return status;
    }
    status = davit_graph_add_value(graph, name, out);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_value *value = &graph->values[*out];
    value->constant = tensor;
    value->desc = tensor->desc;
    value->inferred = true;
    return DAVIT_OK;
}

davit_value_id davit_graph_find_value(const davit_graph *graph, const char *name)
{
    return davit_names_find(graph->value_names, name);
}

void davit_graph_replace_uses(davit_graph *graph, davit_value_id from, davit_value_id to)
{
    for (size_t n = 0; n < graph->node_count; n++) {
        davit_node *node = &graph->nodes[n];
        for (uint32_t i = 0; i < node->input_count && !node->removed; i++) {
            if (node->inputs[i] == from) {
                node->inputs[i] = to;
            }
        }
    }
    if (!graph->values[from].is_output) {
        return;
    }
    for (size_t i = 0; i < graph->output_count; i++) {
        if (graph->outputs[i] == from) {
            graph->outputs[i] = to;
        }
    }
    davit_value *a = &graph->values[from];
    davit_value *b = &graph->values[to];
    const char *name = a->name;
    a->name = b->name;
    b->name = name;
    davit_names_set(graph->value_names, a->name, from);
    davit_names_set(graph->value_names, b->name, to);
    a->is_output = false;
    b->is_output = true;
}

/* ---- nodes ---- */

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

static davit_status copy_spec(davit_graph *graph, const davit_node_spec *spec, davit_node *node)
{
    davit_arena *arena = &graph->arena;
    node->op = davit_op_get(spec->op);
    node->input_count = spec->input_count;
    node->output_count = spec->output_count;
    node->attribute_count = spec->attribute_count;
    node->name = make_node_name(graph, spec);
    davit_status status = node->name ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
    if (status == DAVIT_OK) {
        status = copy_array(arena, spec->inputs, spec->input_count, sizeof(davit_value_id),
                            &node->inputs);
    }
    if (status == DAVIT_OK) {
        status = copy_array(arena, spec->outputs, spec->output_count, sizeof(davit_value_id),
                            &node->outputs);
    }
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
