#include "onnx_builder.h"

#include <stdlib.h>
#include <string.h>

static void *alloc(onnx_builder *builder, size_t bytes)
{
    void *pointer = davit_arena_alloc(&builder->arena, bytes);
    if (pointer == NULL) {
        abort();
    }
    return pointer;
}

static void *copy(onnx_builder *builder, const void *data, size_t bytes)
{
    void *to = alloc(builder, bytes);
    if (bytes > 0) {
        memcpy(to, data, bytes);
    }
    return to;
}

static char *text(onnx_builder *builder, const char *from)
{
    return copy(builder, from, strlen(from) + 1);
}

/* Appends a pointer to an array of pointers in the arena. */
static void append(onnx_builder *builder, void *array, size_t *count, void *message)
{
    void **old;
    memcpy(&old, array, sizeof(old));
    void **grown = alloc(builder, (*count + 1) * sizeof(*grown));
    if (*count > 0) {
        memcpy(grown, old, *count * sizeof(*grown));
    }
    grown[*count] = message;
    memcpy(array, &grown, sizeof(grown));
    (*count)++;
}

/* Splits names at spaces; "-" becomes "". */
static void append_names(onnx_builder *builder, char ***array, size_t *count, const char *names)
{
    while (*names != '\0') {
        size_t length = strcspn(names, " ");
        bool absent = length == 1 && names[0] == '-';
        char *name = alloc(builder, length + 1);
        memcpy(name, names, absent ? 0 : length);
        append(builder, array, count, name);
        names += length + strspn(names + length, " ");
    }
}

static Onnx__OperatorSetIdProto *opset_id(onnx_builder *builder, int64_t version)
{
    Onnx__OperatorSetIdProto *id = alloc(builder, sizeof(*id));
    onnx__operator_set_id_proto__init(id);
    id->domain = text(builder, "");
    id->has_version = 1;
    id->version = version;
    return id;
}

void onnx_builder_init(onnx_builder *builder, int64_t opset)
{
    davit_arena_init(&builder->arena, davit_allocator_default());
    onnx__model_proto__init(&builder->model);
    onnx__graph_proto__init(&builder->graph);
    builder->graph.name = text(builder, "graph");
    builder->model.graph = &builder->graph;
    builder->model.has_ir_version = 1;
    builder->model.ir_version = 8;
    append(builder, &builder->model.opset_import, &builder->model.n_opset_import,
           opset_id(builder, opset));
}

void onnx_builder_clear(onnx_builder *builder)
{
    davit_arena_clear(&builder->arena);
}

/* ---- nodes ---- */

Onnx__NodeProto *onnx_add_node_to(onnx_builder *builder, Onnx__NodeProto ***nodes, size_t *count,
                                  const char *op, const char *inputs, const char *outputs)
{
    Onnx__NodeProto *node = alloc(builder, sizeof(*node));
    onnx__node_proto__init(node);
    node->op_type = text(builder, op);
    append_names(builder, &node->input, &node->n_input, inputs);
    append_names(builder, &node->output, &node->n_output, outputs);
    append(builder, nodes, count, node);
    return node;
}

Onnx__NodeProto *onnx_add_node(onnx_builder *builder, const char *op, const char *inputs,
                               const char *outputs)
{
    return onnx_add_node_to(builder, &builder->graph.node, &builder->graph.n_node, op, inputs,
                            outputs);
}

Onnx__AttributeProto *onnx_attribute(onnx_builder *builder, Onnx__NodeProto *node, const char *name,
                                     Onnx__AttributeProto__AttributeType type)
{
    Onnx__AttributeProto *attribute = alloc(builder, sizeof(*attribute));
    onnx__attribute_proto__init(attribute);
    attribute->name = text(builder, name);
    attribute->has_type = 1;
    attribute->type = type;
    append(builder, &node->attribute, &node->n_attribute, attribute);
    return attribute;
}

void onnx_set_int(onnx_builder *builder, Onnx__NodeProto *node, const char *name, int64_t value)
{
    Onnx__AttributeProto *attribute =
        onnx_attribute(builder, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    attribute->has_i = 1;
    attribute->i = value;
}

void onnx_set_float(onnx_builder *builder, Onnx__NodeProto *node, const char *name, float value)
{
    Onnx__AttributeProto *attribute =
        onnx_attribute(builder, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    attribute->has_f = 1;
    attribute->f = value;
}

void onnx_set_string(onnx_builder *builder, Onnx__NodeProto *node, const char *name,
                     const char *value)
{
    Onnx__AttributeProto *attribute =
        onnx_attribute(builder, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
    attribute->has_s = 1;
    attribute->s.len = strlen(value);
    attribute->s.data = copy(builder, value, strlen(value));
}

void onnx_set_ints(onnx_builder *builder, Onnx__NodeProto *node, const char *name, size_t count,
                   const int64_t *values)
{
    Onnx__AttributeProto *attribute =
        onnx_attribute(builder, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    attribute->n_ints = count;
    attribute->ints = copy(builder, values, count * sizeof(*values));
}

void onnx_set_floats(onnx_builder *builder, Onnx__NodeProto *node, const char *name, size_t count,
                     const float *values)
{
    Onnx__AttributeProto *attribute =
        onnx_attribute(builder, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS);
    attribute->n_floats = count;
    attribute->floats = copy(builder, values, count * sizeof(*values));
}

void onnx_set_tensor(onnx_builder *builder, Onnx__NodeProto *node, const char *name,
                     Onnx__TensorProto *tensor)
{
    onnx_attribute(builder, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR)->t = tensor;
}

void onnx_set_reference(onnx_builder *builder, Onnx__NodeProto *node, const char *name,
                        Onnx__AttributeProto__AttributeType type, const char *reference)
{
    onnx_attribute(builder, node, name, type)->ref_attr_name = text(builder, reference);
}

/* ---- values ---- */

static Onnx__ValueInfoProto *value_info(onnx_builder *builder, const char *name)
{
    Onnx__ValueInfoProto *info = alloc(builder, sizeof(*info));
    onnx__value_info_proto__init(info);
    info->name = text(builder, name);
    return info;
}

static Onnx__TensorShapeProto *tensor_shape(onnx_builder *builder, int rank, const int64_t *dims)
{
    Onnx__TensorShapeProto *shape = alloc(builder, sizeof(*shape));
    onnx__tensor_shape_proto__init(shape);
    for (int i = 0; i < rank; i++) {
        Onnx__TensorShapeProto__Dimension *dim = alloc(builder, sizeof(*dim));
        onnx__tensor_shape_proto__dimension__init(dim);
        if (dims[i] >= 0) {
            dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            dim->dim_value = dims[i];
        }
        append(builder, &shape->dim, &shape->n_dim, dim);
    }
    return shape;
}

Onnx__ValueInfoProto *onnx_add_input(onnx_builder *builder, const char *name, davit_dtype dtype,
                                     int rank, const int64_t *dims)
{
    Onnx__TypeProto__Tensor *tensor = alloc(builder, sizeof(*tensor));
    onnx__type_proto__tensor__init(tensor);
    tensor->has_elem_type = 1;
    tensor->elem_type = (int32_t)dtype;
    tensor->shape = tensor_shape(builder, rank, dims);
    Onnx__TypeProto *type = alloc(builder, sizeof(*type));
    onnx__type_proto__init(type);
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor;
    Onnx__ValueInfoProto *info = value_info(builder, name);
    info->type = type;
    append(builder, &builder->graph.input, &builder->graph.n_input, info);
    return info;
}

Onnx__ValueInfoProto *onnx_add_output(onnx_builder *builder, const char *name)
{
    Onnx__ValueInfoProto *info = value_info(builder, name);
    append(builder, &builder->graph.output, &builder->graph.n_output, info);
    return info;
}

/* ---- tensors ---- */

Onnx__TensorProto *onnx_tensor(onnx_builder *builder, const char *name, davit_dtype dtype, int rank,
                               const int64_t *dims, const void *data)
{
    Onnx__TensorProto *tensor = alloc(builder, sizeof(*tensor));
    onnx__tensor_proto__init(tensor);
    tensor->name = text(builder, name);
    tensor->has_data_type = 1;
    tensor->data_type = (int32_t)dtype;
    tensor->n_dims = (size_t)rank;
    tensor->dims = copy(builder, dims, (size_t)rank * sizeof(*dims));
    if (data != NULL) {
        size_t bytes = davit_dtype_bytes(dtype);
        for (int i = 0; i < rank; i++) {
            bytes *= (size_t)dims[i];
        }
        tensor->has_raw_data = 1;
        tensor->raw_data.len = bytes;
        tensor->raw_data.data = copy(builder, data, bytes);
    }
    return tensor;
}

Onnx__TensorProto *onnx_add_initializer(onnx_builder *builder, const char *name, davit_dtype dtype,
                                        int rank, const int64_t *dims, const void *data)
{
    Onnx__TensorProto *tensor = onnx_tensor(builder, name, dtype, rank, dims, data);
    append(builder, &builder->graph.initializer, &builder->graph.n_initializer, tensor);
    return tensor;
}

static void add_place(onnx_builder *builder, Onnx__TensorProto *tensor, const char *key,
                      const char *value)
{
    if (value == NULL) {
        return;
    }
    Onnx__StringStringEntryProto *entry = alloc(builder, sizeof(*entry));
    onnx__string_string_entry_proto__init(entry);
    entry->key = text(builder, key);
    entry->value = text(builder, value);
    append(builder, &tensor->external_data, &tensor->n_external_data, entry);
}

void onnx_set_external(onnx_builder *builder, Onnx__TensorProto *tensor, const char *location,
                       const char *offset, const char *length)
{
    tensor->has_raw_data = 0;
    tensor->has_data_location = 1;
    tensor->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    add_place(builder, tensor, "location", location);
    add_place(builder, tensor, "offset", offset);
    add_place(builder, tensor, "length", length);
}

/* ---- models ---- */

Onnx__FunctionProto *onnx_add_function(onnx_builder *builder, const char *domain, const char *name,
                                       const char *inputs, const char *outputs, int64_t opset)
{
    Onnx__FunctionProto *function = alloc(builder, sizeof(*function));
    onnx__function_proto__init(function);
    function->domain = text(builder, domain);
    function->name = text(builder, name);
    append_names(builder, &function->input, &function->n_input, inputs);
    append_names(builder, &function->output, &function->n_output, outputs);
    append(builder, &function->opset_import, &function->n_opset_import, opset_id(builder, opset));
    append(builder, &builder->model.functions, &builder->model.n_functions, function);
    return function;
}

uint8_t *onnx_serialize(onnx_builder *builder, size_t *size)
{
    uint8_t *bytes = alloc(builder, onnx__model_proto__get_packed_size(&builder->model));
    *size = onnx__model_proto__pack(&builder->model, bytes);
    return bytes;
}

davit_status onnx_load_built(onnx_builder *builder, const char *folder,
                             const davit_diagnostics *diag, davit_graph **out)
{
    size_t size;
    const uint8_t *bytes = onnx_serialize(builder, &size);
    return davit_onnx_load_memory(davit_allocator_default(), bytes, size, "test.onnx", folder, diag,
                                  out);
}
