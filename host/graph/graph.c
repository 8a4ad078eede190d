#include "davit/graph.h"
#include "davit/names.h"

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
    davit_pool_init(&graph->pool, allocator);
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
    davit_pool_clear(&graph->pool);
    davit_arena_clear(&graph->arena);
    davit_free(graph->allocator, graph);
}

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
                         graph->tensor_count + 1, sizeof(void *));
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

davit_status davit_graph_make_tensor(davit_graph *graph, const davit_tensor_desc *desc,
                                     davit_tensor **out)
{
    *out = NULL;
    davit_tensor_desc dense;
    davit_status status = davit_tensor_desc_dense(&dense, desc->dtype, desc->rank, desc->dims);
    if (status != DAVIT_OK) {
        return status;
    }
    void *data = davit_pool_alloc(&graph->pool, davit_tensor_desc_bytes(&dense));
    return data != NULL ? davit_tensor_borrow(graph->allocator, &dense, data, out)
                        : DAVIT_OUT_OF_MEMORY;
}

davit_status davit_graph_align_constant(davit_graph *graph, davit_value_id value)
{
    const davit_tensor *from = graph->values[value].constant;
    davit_tensor *to;
    if (from == NULL || davit_tensor_is_aligned(from)) {
        return DAVIT_OK;
    }
    davit_status status = davit_graph_make_tensor(graph, &from->desc, &to);
    if (status == DAVIT_OK) {
        to->desc = from->desc;
        memcpy(to->data, from->data, davit_tensor_desc_bytes(&from->desc));
        davit_tensor_rest(from);
        status = davit_graph_own_tensor(graph, to);
    }
    if (status == DAVIT_OK) {
        graph->values[value].constant = to;
    }
    return status;
}
