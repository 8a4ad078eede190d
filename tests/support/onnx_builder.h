/* Builds ONNX models in memory for tests: valid ones, and any invalid one that the tests can think
 * of, since every message can be changed before it is serialised. Functions that return a message
 * return it for that purpose. Failures of allocation end the test. */
#ifndef DAVIT_TEST_ONNX_BUILDER_H
#define DAVIT_TEST_ONNX_BUILDER_H

#include "davit/onnx.h"
#include "onnx.pb-c.h"

/* A model with a graph; everything lives in the arena until onnx_builder_clear. */
typedef struct onnx_builder {
    davit_arena arena;
    Onnx__ModelProto model;
    Onnx__GraphProto graph;
} onnx_builder;

/* An empty model of IR version 8 that imports ai.onnx at opset. builder must stay where it is. */
void onnx_builder_init(onnx_builder *builder, int64_t opset);
void onnx_builder_clear(onnx_builder *builder);

/* Appends to the graph. inputs and outputs are names separated by spaces, "-" an absent one. */
Onnx__NodeProto *onnx_add_node(onnx_builder *builder, const char *op, const char *inputs,
                               const char *outputs);
/* The same for the body of a function or a branch. */
Onnx__NodeProto *onnx_add_node_to(onnx_builder *builder, Onnx__NodeProto ***nodes, size_t *count,
                                  const char *op, const char *inputs, const char *outputs);

/* Attributes of a node; onnx_attribute leaves the value to the caller. */
Onnx__AttributeProto *onnx_attribute(onnx_builder *builder, Onnx__NodeProto *node, const char *name,
                                     Onnx__AttributeProto__AttributeType type);
void onnx_set_int(onnx_builder *builder, Onnx__NodeProto *node, const char *name, int64_t value);
void onnx_set_float(onnx_builder *builder, Onnx__NodeProto *node, const char *name, float value);
void onnx_set_string(onnx_builder *builder, Onnx__NodeProto *node, const char *name,
                     const char *value);
void onnx_set_ints(onnx_builder *builder, Onnx__NodeProto *node, const char *name, size_t count,
                   const int64_t *values);
void onnx_set_floats(onnx_builder *builder, Onnx__NodeProto *node, const char *name, size_t count,
                     const float *values);
void onnx_set_tensor(onnx_builder *builder, Onnx__NodeProto *node, const char *name,
                     Onnx__TensorProto *tensor);
/* An attribute of a function's body that takes the value of the caller's attribute reference. */
void onnx_set_reference(onnx_builder *builder, Onnx__NodeProto *node, const char *name,
                        Onnx__AttributeProto__AttributeType type, const char *reference);

/* Graph inputs and outputs. A dimension of -1 gets no value. */
Onnx__ValueInfoProto *onnx_add_input(onnx_builder *builder, const char *name, davit_dtype dtype,
                                     int rank, const int64_t *dims);
Onnx__ValueInfoProto *onnx_add_output(onnx_builder *builder, const char *name);

/* A tensor with raw data, which is copied; NULL data: no data at all. */
Onnx__TensorProto *onnx_tensor(onnx_builder *builder, const char *name, davit_dtype dtype, int rank,
                               const int64_t *dims, const void *data);
/* The same, appended to the graph's initialisers. */
Onnx__TensorProto *onnx_add_initializer(onnx_builder *builder, const char *name, davit_dtype dtype,
                                        int rank, const int64_t *dims, const void *data);
/* Moves a tensor's data to a file: sets location, offset and length (NULL: not given). */
void onnx_set_external(onnx_builder *builder, Onnx__TensorProto *tensor, const char *location,
                       const char *offset, const char *length);

/* A function of the model, with its opset of ai.onnx. */
Onnx__FunctionProto *onnx_add_function(onnx_builder *builder, const char *domain, const char *name,
                                       const char *inputs, const char *outputs, int64_t opset);

/* The serialised model, in the arena. */
uint8_t *onnx_serialize(onnx_builder *builder, size_t *size);

/* Loads the model as "test.onnx" of folder (NULL: no external data). */
DAVIT_NODISCARD davit_status onnx_load_built(onnx_builder *builder, const char *folder,
                                             const davit_diagnostics *diag, davit_graph **out);

#endif
