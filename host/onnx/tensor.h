/* TensorProto to davit_tensor: tensor.c (raw data, sparse tensors), typed_data.c (typed fields),
 * external.c (files). */
#ifndef DAVIT_ONNX_TENSOR_H
#define DAVIT_ONNX_TENSOR_H

#include "davit/onnx.h"
#include "message.h"
#include "onnx.pb-c.h"

struct davit_onnx_files;

/* What a tensor is read with. */
typedef struct davit_onnx_tensor_source {
    const davit_allocator *allocator; /* also that of the message */
    const davit_diagnostics *diag;
    struct davit_onnx_files *files; /* of external data; NULL: refused */
    const char *what;               /* for messages: "initialiser 'w'" */
    bool steal; /* raw bytes may be taken out of the message, which is not read again */
    const davit_onnx_cut *cut; /* the message's raw data, in a file that the graph keeps mapped */
} davit_onnx_tensor_source;

/* Type and shape from what a file states, sizes checked. */
DAVIT_NODISCARD davit_status davit_onnx_shape_desc(const davit_onnx_tensor_source *source,
                                                   int32_t data_type, size_t rank,
                                                   const int64_t *dims, davit_tensor_desc *desc);
DAVIT_NODISCARD davit_status davit_onnx_tensor_desc(const davit_onnx_tensor_source *source,
                                                    const Onnx__TensorProto *proto,
                                                    davit_tensor_desc *desc);

/* Makes a tensor; owned by the caller. Failures are reported, DAVIT_OUT_OF_MEMORY is not. */
DAVIT_NODISCARD davit_status davit_onnx_make_tensor(const davit_onnx_tensor_source *source,
                                                    Onnx__TensorProto *proto, davit_tensor **out);

/* The same from a sparse tensor, made dense. */
DAVIT_NODISCARD davit_status davit_onnx_make_dense(const davit_onnx_tensor_source *source,
                                                   Onnx__SparseTensorProto *proto,
                                                   davit_tensor **out);

/* The same from float_data, int32_data, int64_data, double_data or uint64_data. */
DAVIT_NODISCARD davit_status davit_onnx_typed_tensor(const davit_onnx_tensor_source *source,
                                                     const Onnx__TensorProto *proto,
                                                     const davit_tensor_desc *desc,
                                                     davit_tensor **out);

/* ---- external data ---- */

typedef struct davit_onnx_file davit_onnx_file;

/* The files of one model's external data. */
typedef struct davit_onnx_files {
    const char *folder; /* NULL: external data is refused */
    davit_graph *graph; /* owns the mappings */
    davit_arena *arena; /* of this list */
    davit_onnx_file *first;
} davit_onnx_files;

/* Makes the graph own mapped bytes (address NULL: none), as a tensor whose allocator unmaps: tensors
 * that borrow from it live exactly as long. On failure they are unmapped. */
DAVIT_NODISCARD davit_status davit_onnx_own_mapping(davit_graph *graph,
                                                    const davit_allocator *allocator, void *address,
                                                    const davit_tensor_desc *desc,
                                                    const davit_tensor **out);

/* Makes a tensor over external data: mapped read-only and borrowed where its place in the file is
 * aligned, else copied. The graph keeps the mapping; a file that is cut while it is mapped raises
 * SIGBUS, as with every mapping. */
DAVIT_NODISCARD davit_status davit_onnx_external_tensor(const davit_onnx_tensor_source *source,
                                                        const Onnx__TensorProto *proto,
                                                        const davit_tensor_desc *desc,
                                                        davit_tensor **out);

#endif
