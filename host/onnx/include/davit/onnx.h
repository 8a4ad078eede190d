/* Import of ONNX files through protobuf-c, opsets 7 to 21, IR versions 3 to 10.
 *
 * Files of opsets 1 to 6 are read too, as far as their operators' forms can be brought to the
 * canonical one; the others are refused by operator and opset. Inputs that have an initialiser are
 * constants. Functions of the model are expanded, and If where its condition is constant; other
 * control flow, sequences, optionals, maps and strings are refused.
 *
 * Models are untrusted: sizes are checked before anything is allocated from them, external data
 * never leaves the model's folder, nothing is executed. Operators and types outside the supported
 * table (davit/graph.h) are refused by name with DAVIT_UNSUPPORTED; malformed files with
 * DAVIT_BAD_DATA naming the file and node. */
#ifndef DAVIT_ONNX_H
#define DAVIT_ONNX_H

#include "davit/graph.h"

/* Loads a model: parses, expands model-local functions, brings every node to the canonical form,
 * checks, sorts. Large tensors and external ones are mapped read-only, not copied (davit_tensor.mapped):
 * the file must stay as it is while the graph lives. *out is owned by the caller
 * (davit_graph_destroy). Thread-safe. */
DAVIT_NODISCARD davit_status davit_onnx_load(const davit_allocator *allocator, const char *path,
                                             const davit_diagnostics *diag, davit_graph **out);

/* The same from memory. label stands for the path in messages; folder is where external data is
 * looked for, NULL: external data is refused. */
DAVIT_NODISCARD davit_status davit_onnx_load_memory(const davit_allocator *allocator,
                                                    const void *bytes, size_t size,
                                                    const char *label, const char *folder,
                                                    const davit_diagnostics *diag,
                                                    davit_graph **out);

/* Reads a file holding one serialised TensorProto (.pb). Free with davit_tensor_destroy. */
DAVIT_NODISCARD davit_status davit_onnx_read_tensor(const davit_allocator *allocator,
                                                    const char *path,
                                                    const davit_diagnostics *diag,
                                                    davit_tensor **out);

#endif
