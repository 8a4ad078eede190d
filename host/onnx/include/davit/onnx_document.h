/* An ONNX file as it is, to be changed and written again: the protobuf message with everything in
 * it, also what Davit does not know. For tools; running a model goes through davit/onnx.h. */
#ifndef DAVIT_ONNX_DOCUMENT_H
#define DAVIT_ONNX_DOCUMENT_H

#include "davit/allocator.h"
#include "davit/diagnostics.h"

struct Onnx__ModelProto; /* onnx.pb-c.h */

/* The message and all that it points to live in the arena: changes point to memory from it too, and
 * nothing is freed one by one. Fields of later versions of onnx.proto are kept as they are. */
typedef struct davit_onnx_document {
    davit_arena arena;
    struct Onnx__ModelProto *model; /* with a graph */
} davit_onnx_document;

/* Reads and parses a file, checked as davit_onnx_load does. Weights kept in other files are read
 * into the message, so that it can be written anywhere. Returns what davit_onnx_load does for a file
 * that cannot be read or is malformed; the message names the file. */
DAVIT_NODISCARD davit_status davit_onnx_document_open(const davit_allocator *allocator,
                                                      const char *path,
                                                      const davit_diagnostics *diag,
                                                      davit_onnx_document **out);
void davit_onnx_document_close(davit_onnx_document *document);

/* Serialises the message into the arena: the same message gives the same bytes. Returns
 * DAVIT_UNSUPPORTED above 2 GiB, protobuf's limit. */
DAVIT_NODISCARD davit_status davit_onnx_document_bytes(davit_onnx_document *document,
                                                       const davit_diagnostics *diag,
                                                       const uint8_t **bytes, size_t *size);

/* Writes a file as a whole or not at all: into a temporary file of the same folder, which then takes
 * the name. Permissions are those of any new file. DAVIT_IO_ERROR names the file. */
DAVIT_NODISCARD davit_status davit_onnx_write_file(const char *path, const uint8_t *bytes,
                                                   size_t size, const davit_diagnostics *diag);

#endif
