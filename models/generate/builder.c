#include "builder.h"

#include "arena.h"
#include "random.h"
#include "weights_file.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXTERNAL_FROM_BYTES 1024

struct builder {
    arena memory;
    builder_options options;
    const char *path;
    weights_file *weights; /* NULL unless external */
    Onnx__ModelProto model;
    Onnx__GraphProto graph;
    Onnx__NodeProto *last_node;
};

/* APPEND(b, message, field): room for one more pointer in the repeated field; its slot. */
#define APPEND(b, message, field)                                                                  \
    (*((message)->field =                                                                          \
           arena_append(&(b)->memory, (message)->field, (message)->n_##field, sizeof(void *)),     \
       &(message)->field[(message)->n_##field++]))

#define NEW(b, type, initialise) ((type *)new_message(b, sizeof(type), initialise))

static void *new_message(builder *b, size_t bytes, void (*initialise)(void *))
{
    void *message = arena_alloc(&b->memory, bytes);
    initialise(message);
    return message;
}

/* protobuf-c's initialisers take their own type; these give them one type to be passed as. */
#define INITIALISER(name)                                                                          \
    static void init_##name(void *message)                                                         \
    {                                                                                              \
        onnx__##name##__init(message);                                                             \
    }
INITIALISER(node_proto)
INITIALISER(attribute_proto)
INITIALISER(tensor_proto)
INITIALISER(value_info_proto)
INITIALISER(type_proto)
INITIALISER(type_proto__tensor)
INITIALISER(tensor_shape_proto)
INITIALISER(tensor_shape_proto__dimension)
INITIALISER(string_string_entry_proto)
INITIALISER(operator_set_id_proto)

/* The file format version that came with an operator set (onnx/docs/Versioning.md). */
static int64_t ir_version_of(int64_t opset)
{
    return opset >= 21 ? 10 : opset >= 19 ? 9 : opset >= 15 ? 8 : 7;
}

builder *builder_open(const builder_options *options, const char *path)
{
    builder *b = must_alloc(1, sizeof *b);
    b->options = *options;
    b->path = arena_copy_string(&b->memory, path);
    if (options->external) {
        b->weights = weights_file_open(path);
        if (!b->weights) {
            builder_close(b);
            return NULL;
        }
    }
    onnx__model_proto__init(&b->model);
    onnx__graph_proto__init(&b->graph);
    b->model.has_ir_version = 1;
    b->model.ir_version = ir_version_of(options->opset);
    b->model.producer_name = arena_copy_string(&b->memory, "davit-models");
    b->model.graph = &b->graph;
    b->graph.name = arena_copy_string(&b->memory, options->graph_name);
    Onnx__OperatorSetIdProto *set = NEW(b, Onnx__OperatorSetIdProto, init_operator_set_id_proto);
    set->domain = arena_copy_string(&b->memory, "");
    set->has_version = 1;
    set->version = options->opset;
    APPEND(b, &b->model, opset_import) = set;
    return b;
}

void builder_close(builder *b)
{
    if (!b)
        return;
    weights_file_discard(b->weights);
    arena_free(&b->memory);
    free(b);
}

bool builder_finish(builder *b)
{
    weights_file *weights = b->weights;
    b->weights = NULL;
    return model_file_write(&b->model, b->path, weights);
}

int64_t builder_opset(const builder *b)
{
    return b->options.opset;
}

const char *builder_format(builder *b, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return arena_copy_string(&b->memory, text);
}

static Onnx__ValueInfoProto *new_value_info(builder *b, const char *name, int32_t type,
                                            const dimension *dims, size_t rank)
{
    Onnx__TensorShapeProto *shape = NEW(b, Onnx__TensorShapeProto, init_tensor_shape_proto);
    for (size_t i = 0; i < rank; i++) {
        Onnx__TensorShapeProto__Dimension *dim =
            NEW(b, Onnx__TensorShapeProto__Dimension, init_tensor_shape_proto__dimension);
        if (dims[i].symbol) {
            dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            dim->dim_param = arena_copy_string(&b->memory, dims[i].symbol);
        } else {
            dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            dim->dim_value = dims[i].size;
        }
        APPEND(b, shape, dim) = dim;
    }
    Onnx__TypeProto *outer = NEW(b, Onnx__TypeProto, init_type_proto);
    outer->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    outer->tensor_type = NEW(b, Onnx__TypeProto__Tensor, init_type_proto__tensor);
    outer->tensor_type->has_elem_type = 1;
    outer->tensor_type->elem_type = type;
    outer->tensor_type->shape = shape;
    Onnx__ValueInfoProto *info = NEW(b, Onnx__ValueInfoProto, init_value_info_proto);
    info->name = arena_copy_string(&b->memory, name);
    info->type = outer;
    return info;
}

value builder_input(builder *b, const char *name, int32_t type, const dimension *dims, size_t rank)
{
    Onnx__ValueInfoProto *info = new_value_info(b, name, type, dims, rank);
    APPEND(b, &b->graph, input) = info;
    return info->name;
}

void builder_output(builder *b, value name, int32_t type, const dimension *dims, size_t rank)
{
    APPEND(b, &b->graph, output) = new_value_info(b, name, type, dims, rank);
}

static Onnx__StringStringEntryProto *new_entry(builder *b, const char *key, const char *text)
{
    Onnx__StringStringEntryProto *entry =
        NEW(b, Onnx__StringStringEntryProto, init_string_string_entry_proto);
    entry->key = arena_copy_string(&b->memory, key);
    entry->value = arena_copy_string(&b->memory, text);
    return entry;
}

void builder_metadata(builder *b, const char *key, const char *text)
{
    APPEND(b, &b->model, metadata_props) = new_entry(b, key, text);
}

static size_t elements_of(const int64_t *dims, size_t rank)
{
    size_t count = 1;
    for (size_t i = 0; i < rank; i++)
        count *= (size_t)dims[i];
    return count;
}

static int64_t *copy_ints(builder *b, const int64_t *contents, size_t count)
{
    int64_t *copy = arena_alloc(&b->memory, count * sizeof *copy);
    if (count)
        memcpy(copy, contents, count * sizeof *copy);
    return copy;
}

static Onnx__TensorProto *new_tensor(builder *b, int32_t type, const int64_t *dims, size_t rank)
{
    Onnx__TensorProto *tensor = NEW(b, Onnx__TensorProto, init_tensor_proto);
    tensor->has_data_type = 1;
    tensor->data_type = type;
    tensor->n_dims = rank;
    tensor->dims = copy_ints(b, dims, rank);
    return tensor;
}

/* Room for the contents of an inline tensor, in the arena. */
static void *inline_room(builder *b, Onnx__TensorProto *tensor, size_t bytes)
{
    tensor->has_raw_data = 1;
    tensor->raw_data.len = bytes;
    tensor->raw_data.data = arena_alloc(&b->memory, bytes);
    return tensor->raw_data.data;
}

static void put_outside(builder *b, Onnx__TensorProto *tensor, const void *contents, size_t bytes)
{
    uint64_t offset = weights_file_append(b->weights, contents, bytes);
    tensor->has_data_location = 1;
    tensor->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    APPEND(b, tensor, external_data) = new_entry(b, "location", weights_file_name(b->weights));
    APPEND(b, tensor, external_data) =
        new_entry(b, "offset", builder_format(b, "%llu", (unsigned long long)offset));
    APPEND(b, tensor, external_data) = new_entry(b, "length", builder_format(b, "%zu", bytes));
}

static bool goes_outside(const builder *b, size_t bytes)
{
    return b->weights && bytes >= EXTERNAL_FROM_BYTES;
}

static value add_initialiser(builder *b, const char *name, Onnx__TensorProto *tensor)
{
    tensor->name = arena_copy_string(&b->memory, name);
    APPEND(b, &b->graph, initializer) = tensor;
    return tensor->name;
}

value builder_floats(builder *b, const char *name, const int64_t *dims, size_t rank,
                     const float *contents)
{
    Onnx__TensorProto *tensor = new_tensor(b, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, dims, rank);
    size_t bytes = elements_of(dims, rank) * sizeof *contents;
    if (goes_outside(b, bytes))
        put_outside(b, tensor, contents, bytes);
    else
        memcpy(inline_room(b, tensor, bytes), contents, bytes);
    return add_initialiser(b, name, tensor);
}

value builder_ints(builder *b, const char *name, const int64_t *dims, size_t rank,
                   const int64_t *contents)
{
    Onnx__TensorProto *tensor = new_tensor(b, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, dims, rank);
    size_t bytes = elements_of(dims, rank) * sizeof *contents;
    memcpy(inline_room(b, tensor, bytes), contents, bytes);
    return add_initialiser(b, name, tensor);
}

float *builder_random_contents(const builder *b, const char *name, size_t count, float mean,
                               float deviation)
{
    float *contents = must_alloc(count, sizeof *contents);
    random_fill(random_stream(b->options.seed, name), mean, deviation, contents, count);
    return contents;
}

value builder_random(builder *b, const char *name, const int64_t *dims, size_t rank, float mean,
                     float deviation)
{
    size_t count = elements_of(dims, rank);
    if (goes_outside(b, count * sizeof(float))) {
        float *contents = builder_random_contents(b, name, count, mean, deviation);
        value made = builder_floats(b, name, dims, rank, contents);
        free(contents);
        return made;
    }
    Onnx__TensorProto *tensor = new_tensor(b, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, dims, rank);
    random_fill(random_stream(b->options.seed, name), mean, deviation,
                inline_room(b, tensor, count * sizeof(float)), count);
    return add_initialiser(b, name, tensor);
}

value builder_node(builder *b, const char *op_type, const char *name, const value *inputs)
{
    Onnx__NodeProto *node = NEW(b, Onnx__NodeProto, init_node_proto);
    node->op_type = arena_copy_string(&b->memory, op_type);
    node->name = arena_copy_string(&b->memory, name);
    for (; *inputs; inputs++)
        APPEND(b, node, input) = arena_copy_string(&b->memory, *inputs);
    char *output = (char *)builder_format(b, "%s_output_0", name);
    APPEND(b, node, output) = output;
    APPEND(b, &b->graph, node) = node;
    b->last_node = node;
    return output;
}

value builder_name_output(builder *b, const char *name)
{
    b->last_node->output[0] = arena_copy_string(&b->memory, name);
    return b->last_node->output[0];
}

static Onnx__AttributeProto *add_attribute(builder *b, const char *name, int type)
{
    Onnx__AttributeProto *attribute = NEW(b, Onnx__AttributeProto, init_attribute_proto);
    attribute->name = arena_copy_string(&b->memory, name);
    attribute->has_type = 1;
    attribute->type = (Onnx__AttributeProto__AttributeType)type;
    APPEND(b, b->last_node, attribute) = attribute;
    return attribute;
}

void builder_attribute_int(builder *b, const char *name, int64_t contents)
{
    Onnx__AttributeProto *attribute =
        add_attribute(b, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    attribute->has_i = 1;
    attribute->i = contents;
}

void builder_attribute_float(builder *b, const char *name, float contents)
{
    Onnx__AttributeProto *attribute =
        add_attribute(b, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    attribute->has_f = 1;
    attribute->f = contents;
}

void builder_attribute_ints(builder *b, const char *name, const int64_t *contents, size_t count)
{
    Onnx__AttributeProto *attribute =
        add_attribute(b, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    attribute->n_ints = count;
    attribute->ints = copy_ints(b, contents, count);
}

static value add_constant(builder *b, const char *name, Onnx__TensorProto *tensor)
{
    value made = builder_node(b, "Constant", name, (const value[]){NULL});
    add_attribute(b, "value", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR)->t = tensor;
    return made;
}

value builder_constant_float(builder *b, const char *name, float contents)
{
    Onnx__TensorProto *tensor = new_tensor(b, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, NULL, 0);
    memcpy(inline_room(b, tensor, sizeof contents), &contents, sizeof contents);
    return add_constant(b, name, tensor);
}

value builder_constant_ints(builder *b, const char *name, const int64_t *contents, size_t count)
{
    int64_t dim = (int64_t)count;
    Onnx__TensorProto *tensor = new_tensor(b, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, &dim, 1);
    memcpy(inline_room(b, tensor, count * sizeof *contents), contents, count * sizeof *contents);
    return add_constant(b, name, tensor);
}

value builder_constant_int(builder *b, const char *name, int64_t contents)
{
    Onnx__TensorProto *tensor = new_tensor(b, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, NULL, 0);
    memcpy(inline_room(b, tensor, sizeof contents), &contents, sizeof contents);
    return add_constant(b, name, tensor);
}
