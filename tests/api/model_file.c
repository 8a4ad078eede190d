#include "model_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* protobuf-c's structs want char *; nothing here is written to. */
static char *borrow(const char *text)
{
    union {
        const char *given;
        char *field;
    } name = {text};
    return name.field;
}

void model_file_init(model_file *file)
{
    memset(file, 0, sizeof(*file));
    onnx__model_proto__init(&file->model);
    onnx__operator_set_id_proto__init(&file->opset);
    onnx__graph_proto__init(&file->graph);
    file->opset.domain = borrow("");
    file->opset.has_version = 1;
    file->opset.version = 13;
    file->opsets[0] = &file->opset;
    file->model.has_ir_version = 1;
    file->model.ir_version = 7;
    file->model.n_opset_import = 1;
    file->model.opset_import = file->opsets;
    file->model.graph = &file->graph;
    file->graph.name = borrow("test");
    file->graph.input = file->inputs;
    file->graph.output = file->outputs;
    file->graph.node = file->node_pointers;
    file->graph.initializer = file->weight_pointers;
}

static Onnx__ValueInfoProto *add_value(model_file *file, const char *name, davit_dtype dtype)
{
    size_t at = file->value_count++;
    Onnx__ValueInfoProto *value = &file->values[at];
    onnx__value_info_proto__init(value);
    onnx__type_proto__init(&file->types[at]);
    onnx__type_proto__tensor__init(&file->tensor_types[at]);
    value->name = borrow(name);
    value->type = &file->types[at];
    value->type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    value->type->tensor_type = &file->tensor_types[at];
    value->type->tensor_type->has_elem_type = 1;
    value->type->tensor_type->elem_type = (int32_t)dtype;
    return value;
}

void model_file_input(model_file *file, const char *name, davit_dtype dtype, int rank,
                      const int64_t *dims)
{
    size_t at = file->value_count;
    Onnx__ValueInfoProto *value = add_value(file, name, dtype);
    Onnx__TensorShapeProto *shape = &file->shapes[at];
    onnx__tensor_shape_proto__init(shape);
    value->type->tensor_type->shape = shape;
    shape->n_dim = (size_t)rank;
    shape->dim = file->dim_pointers[at];
    for (int i = 0; i < rank; i++) {
        Onnx__TensorShapeProto__Dimension *dim = &file->dims[at][i];
        onnx__tensor_shape_proto__dimension__init(dim);
        shape->dim[i] = dim;
        if (dims[i] >= 0) {
            dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            dim->dim_value = dims[i];
        } else {
            dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            dim->dim_param = borrow("N");
        }
    }
    file->inputs[file->graph.n_input++] = value;
}

void model_file_output(model_file *file, const char *name, davit_dtype dtype)
{
    file->outputs[file->graph.n_output++] = add_value(file, name, dtype);
}

void model_file_node(model_file *file, const char *op, const char *name,
                     const char *const inputs[3], const char *output)
{
    size_t at = file->graph.n_node++;
    Onnx__NodeProto *node = &file->nodes[at];
    onnx__node_proto__init(node);
    node->op_type = borrow(op);
    node->name = borrow(name);
    node->input = file->node_inputs[at];
    while (node->n_input < 3 && inputs[node->n_input] != NULL) {
        node->input[node->n_input] = borrow(inputs[node->n_input]);
        node->n_input++;
    }
    node->output = file->node_outputs[at];
    node->output[0] = borrow(output);
    node->n_output = 1;
    file->node_pointers[at] = node;
}

void model_file_weight(model_file *file, const char *name, int rank, const int64_t *dims,
                       const float *values)
{
    size_t at = file->graph.n_initializer++;
    Onnx__TensorProto *weight = &file->weights[at];
    onnx__tensor_proto__init(weight);
    weight->name = borrow(name);
    weight->has_data_type = 1;
    weight->data_type = DAVIT_F32;
    weight->n_dims = (size_t)rank;
    weight->dims = file->weight_dims[at];
    size_t count = 1;
    for (int i = 0; i < rank; i++) {
        weight->dims[i] = dims[i];
        count *= (size_t)dims[i];
    }
    union {
        const float *given;
        float *field;
    } data = {values};
    weight->n_float_data = count;
    weight->float_data = data.field;
    file->weight_pointers[at] = weight;
}

bool model_file_write(const model_file *file, const char *path)
{
    size_t bytes = onnx__model_proto__get_packed_size(&file->model);
    uint8_t *packed = malloc(bytes);
    FILE *out = packed != NULL ? fopen(path, "wb") : NULL;
    bool good = out != NULL;
    if (good) {
        onnx__model_proto__pack(&file->model, packed);
        good = fwrite(packed, 1, bytes, out) == bytes;
        good = fclose(out) == 0 && good;
    }
    free(packed);
    return good;
}
