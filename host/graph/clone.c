#include "davit/graph.h"

static davit_status clone_value(davit_graph *to, const davit_value *value)
{
    davit_value_id id;
    davit_status status = davit_graph_add_value(to, value->name, &id);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_value *copy = &to->values[id];
    const char *name = copy->name;
    *copy = *value;
    copy->name = name;
    copy->producer = DAVIT_NONE;
    if (value->declared_rank > 0) {
        copy->declared = davit_arena_alloc_array(&to->arena, (size_t)value->declared_rank,
                                                 sizeof(*copy->declared));
        if (!copy->declared) {
            return DAVIT_OUT_OF_MEMORY;
        }
    }
    for (int i = 0; i < value->declared_rank; i++) {
        copy->declared[i] = value->declared[i];
        if (value->declared[i].symbol) {
            copy->declared[i].symbol = davit_arena_strdup(&to->arena, value->declared[i].symbol);
            if (!copy->declared[i].symbol) {
                return DAVIT_OUT_OF_MEMORY;
            }
        }
    }
    return DAVIT_OK;
}

/* Removed nodes are copied too, so that ids are the same in both graphs. */
static davit_status clone_node(davit_graph *to, const davit_node *node)
{
    davit_node_spec spec = {.name = node->name,
                            .op = node->op->op,
                            .input_count = node->input_count,
                            .output_count = node->output_count,
                            .attribute_count = node->attribute_count,
                            .inputs = node->inputs,
                            .outputs = node->outputs,
                            .attributes = node->attributes};
    davit_node_id id;
    return davit_graph_add_node(to, &spec, &id);
}

static davit_status clone_ids(davit_graph *to, const davit_value_id *ids, size_t count,
                              davit_value_id **out)
{
    *out = davit_arena_alloc_array(&to->arena, count, sizeof(**out));
    if (!*out) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        (*out)[i] = ids[i];
    }
    return DAVIT_OK;
}

static davit_status clone_texts(davit_graph *to, const davit_graph *from)
{
    to->opset = from->opset;
    to->name = davit_arena_strdup(&to->arena, from->name);
    to->producer = davit_arena_strdup(&to->arena, from->producer);
    to->metadata = davit_arena_alloc_array(&to->arena, from->metadata_count, sizeof(*to->metadata));
    if (!to->name || !to->producer || !to->metadata) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < from->metadata_count; i++) {
        to->metadata[i].key = davit_arena_strdup(&to->arena, from->metadata[i].key);
        to->metadata[i].value = davit_arena_strdup(&to->arena, from->metadata[i].value);
        if (!to->metadata[i].key || !to->metadata[i].value) {
            return DAVIT_OUT_OF_MEMORY;
        }
        to->metadata_count++;
    }
    return DAVIT_OK;
}

static davit_status clone_into(davit_graph *to, const davit_graph *from)
{
    davit_status status = clone_texts(to, from);
    for (size_t v = 0; v < from->value_count && status == DAVIT_OK; v++) {
        status = clone_value(to, &from->values[v]);
    }
    for (size_t n = 0; n < from->node_count && status == DAVIT_OK; n++) {
        status = clone_node(to, &from->nodes[n]);
        if (status == DAVIT_OK) {
            to->nodes[n].removed = from->nodes[n].removed;
        }
    }
    for (size_t v = 0; v < from->value_count && status == DAVIT_OK; v++) {
        to->values[v].producer = from->values[v].producer;
    }
    if (status == DAVIT_OK) {
        status = clone_ids(to, from->inputs, from->input_count, &to->inputs);
        to->input_count = from->input_count;
    }
    if (status == DAVIT_OK) {
        status = clone_ids(to, from->outputs, from->output_count, &to->outputs);
        to->output_count = from->output_count;
    }
    return status;
}

davit_status davit_graph_clone(const davit_graph *graph, davit_graph **out)
{
    *out = NULL;
    davit_graph *copy;
    davit_status status = davit_graph_create(graph->allocator, &copy);
    if (status != DAVIT_OK) {
        return status;
    }
    status = clone_into(copy, graph);
    if (status == DAVIT_OK && graph->order_count > 0) {
        status = davit_graph_sort(copy, NULL);
    }
    if (status != DAVIT_OK) {
        davit_graph_destroy(copy);
        return status;
    }
    *out = copy;
    return DAVIT_OK;
}
