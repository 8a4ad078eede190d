/* Writes small ONNX files for the tests of the API. */
#ifndef DAVIT_TEST_MODEL_FILE_H
#define DAVIT_TEST_MODEL_FILE_H

#include <stdbool.h>

#include "davit/tensor.h"
#include "onnx.pb-c.h"

#define MODEL_FILE_MAX 16
#define MODEL_FILE_MAX_RANK 4

/* A model under construction, of fixed size; names are borrowed. Must stay where it is. */
typedef struct model_file {
    Onnx__ModelProto model;
    Onnx__OperatorSetIdProto opset, *opsets[1];
    Onnx__GraphProto graph;

    size_t value_count; /* inputs and outputs */
    Onnx__ValueInfoProto values[MODEL_FILE_MAX], *inputs[MODEL_FILE_MAX], *outputs[MODEL_FILE_MAX];
    Onnx__TypeProto types[MODEL_FILE_MAX];
    Onnx__TypeProto__Tensor tensor_types[MODEL_FILE_MAX];
    Onnx__TensorShapeProto shapes[MODEL_FILE_MAX];
    Onnx__TensorShapeProto__Dimension dims[MODEL_FILE_MAX][MODEL_FILE_MAX_RANK];
    Onnx__TensorShapeProto__Dimension *dim_pointers[MODEL_FILE_MAX][MODEL_FILE_MAX_RANK];

    Onnx__NodeProto nodes[MODEL_FILE_MAX], *node_pointers[MODEL_FILE_MAX];
    char *node_inputs[MODEL_FILE_MAX][3], *node_outputs[MODEL_FILE_MAX][1];

    Onnx__TensorProto weights[MODEL_FILE_MAX], *weight_pointers[MODEL_FILE_MAX];
    int64_t weight_dims[MODEL_FILE_MAX][MODEL_FILE_MAX_RANK];
} model_file;

/* An empty model of opset 13. */
void model_file_init(model_file *file);
/* Adds an input; a dimension of -1 is the symbol "N". */
void model_file_input(model_file *file, const char *name, davit_dtype dtype, int rank,
                      const int64_t *dims);
void model_file_output(model_file *file, const char *name, davit_dtype dtype);
/* Adds a node; absent inputs are NULL, from the end. */
void model_file_node(model_file *file, const char *op, const char *name,
                     const char *const inputs[3], const char *output);
/* Adds an f32 initializer; values are borrowed. */
void model_file_weight(model_file *file, const char *name, int rank, const int64_t *dims,
                       const float *values);
/* Writes the file; false when that fails. */
bool model_file_write(const model_file *file, const char *path);

#endif
