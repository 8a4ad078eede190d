#include "message.h"

#include <string.h>

bool davit_message_append(davit_message_list *list, const void *item)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity > 0 ? 2 * list->capacity : 8;
        void **grown = davit_arena_alloc_array(list->arena, capacity, sizeof(*grown));
        if (grown == NULL) {
            return false;
        }
        for (size_t i = 0; i < list->count; i++) {
            grown[i] = list->items[i];
        }
        list->items = grown;
        list->capacity = capacity;
    }
    list->items[list->count++] = (void *)item;
    return true;
}

Onnx__NodeProto *davit_message_node(davit_arena *arena, const char *op, const char *name,
                                    const char *const inputs[3], const char *output)
{
    Onnx__NodeProto *node = davit_arena_alloc(arena, sizeof(*node));
    char **outputs = davit_arena_alloc(arena, sizeof(*outputs));
    if (node == NULL || outputs == NULL) {
        return NULL;
    }
    onnx__node_proto__init(node);
    node->op_type = (char *)op;
    node->name = (char *)name;
    outputs[0] = (char *)output;
    node->output = outputs;
    node->n_output = 1;
    for (size_t i = 0; i < 3 && inputs[i] != NULL; i++) {
        if (!davit_message_set_input(arena, node, i, inputs[i])) {
            return NULL;
        }
    }
    return node;
}

bool davit_message_set_input(davit_arena *arena, Onnx__NodeProto *node, size_t index,
                             const char *name)
{
    if (index >= node->n_input) {
        char **inputs = davit_arena_alloc_array(arena, index + 1, sizeof(*inputs));
        if (inputs == NULL) {
            return false;
        }
        for (size_t i = 0; i < node->n_input; i++) {
            inputs[i] = node->input[i];
        }
        node->input = inputs;
        node->n_input = index + 1;
    }
    node->input[index] = (char *)name;
    return true;
}

/* ---- attributes ---- */

Onnx__AttributeProto *davit_message_attribute(const Onnx__NodeProto *node, const char *name)
{
    for (size_t i = 0; i < node->n_attribute; i++) {
        if (strcmp(davit_message_text(node->attribute[i]->name), name) == 0) {
            return node->attribute[i];
        }
    }
    return NULL;
}

void davit_message_remove_attribute(Onnx__NodeProto *node, const char *name)
{
    size_t kept = 0;
    for (size_t i = 0; i < node->n_attribute; i++) {
        if (strcmp(davit_message_text(node->attribute[i]->name), name) != 0) {
            node->attribute[kept++] = node->attribute[i];
        }
    }
    node->n_attribute = kept;
}

/* The attribute of that name, emptied, or a new one. */
static Onnx__AttributeProto *renew(davit_arena *arena, Onnx__NodeProto *node, const char *name,
                                   Onnx__AttributeProto__AttributeType type)
{
    Onnx__AttributeProto *attribute = davit_message_attribute(node, name);
    if (attribute == NULL) {
        davit_message_list list = {.arena = arena};
        for (size_t i = 0; i < node->n_attribute; i++) {
            if (!davit_message_append(&list, node->attribute[i])) {
                return NULL;
            }
        }
        attribute = davit_arena_alloc(arena, sizeof(*attribute));
        if (attribute == NULL || !davit_message_append(&list, attribute)) {
            return NULL;
        }
        node->attribute = (Onnx__AttributeProto **)list.items;
        node->n_attribute = list.count;
    }
    onnx__attribute_proto__init(attribute);
    attribute->name = (char *)name;
    attribute->has_type = 1;
    attribute->type = type;
    return attribute;
}

bool davit_message_set_int(davit_arena *arena, Onnx__NodeProto *node, const char *name,
                           int64_t value)
{
    Onnx__AttributeProto *attribute =
        renew(arena, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    if (attribute != NULL) {
        attribute->has_i = 1;
        attribute->i = value;
    }
    return attribute != NULL;
}

bool davit_message_set_float(davit_arena *arena, Onnx__NodeProto *node, const char *name,
                             float value)
{
    Onnx__AttributeProto *attribute =
        renew(arena, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    if (attribute != NULL) {
        attribute->has_f = 1;
        attribute->f = value;
    }
    return attribute != NULL;
}

bool davit_message_set_string(davit_arena *arena, Onnx__NodeProto *node, const char *name,
                              const char *value)
{
    Onnx__AttributeProto *attribute =
        renew(arena, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
    char *copy = davit_arena_strdup(arena, value);
    if (attribute == NULL || copy == NULL) {
        return false;
    }
    attribute->has_s = 1;
    attribute->s = (ProtobufCBinaryData){.len = strlen(copy), .data = (uint8_t *)copy};
    return true;
}

bool davit_message_set_ints(davit_arena *arena, Onnx__NodeProto *node, const char *name,
                            const int64_t *values, size_t count)
{
    Onnx__AttributeProto *attribute =
        renew(arena, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    int64_t *copy = davit_arena_alloc_array(arena, count, sizeof(*copy));
    if (attribute == NULL || copy == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        copy[i] = values[i];
    }
    attribute->ints = copy;
    attribute->n_ints = count;
    return true;
}

/* ---- tensors ---- */

Onnx__TensorProto *davit_message_tensor(davit_arena *arena, const char *name, davit_dtype dtype,
                                        int rank, const int64_t *dims)
{
    Onnx__TensorProto *tensor = davit_arena_alloc(arena, sizeof(*tensor));
    int64_t *copy = davit_arena_alloc_array(arena, (size_t)rank + 1, sizeof(*copy));
    davit_tensor_desc desc;
    if (tensor == NULL || copy == NULL ||
        davit_tensor_desc_dense(&desc, dtype, rank, dims) != DAVIT_OK) {
        return NULL;
    }
    onnx__tensor_proto__init(tensor);
    tensor->name = (char *)name;
    tensor->has_data_type = 1;
    tensor->data_type = (int32_t)dtype; /* davit_dtype has ONNX's numbers */
    for (int i = 0; i < rank; i++) {
        copy[i] = dims[i];
    }
    tensor->dims = copy;
    tensor->n_dims = (size_t)rank;
    tensor->has_raw_data = 1;
    tensor->raw_data.len = davit_tensor_desc_bytes(&desc);
    tensor->raw_data.data = davit_arena_alloc(arena, tensor->raw_data.len);
    return tensor->raw_data.data != NULL ? tensor : NULL;
}
