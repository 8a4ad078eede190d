/* Reading protobuf messages of untrusted files. */
#ifndef DAVIT_ONNX_MESSAGE_H
#define DAVIT_ONNX_MESSAGE_H

#include <protobuf-c/protobuf-c.h>

#include "davit/allocator.h"
#include "davit/diagnostics.h"

/* A protobuf allocator over a davit_allocator: what a bytes field holds can become the data of a
 * tensor. Stays where it was initialised. */
typedef struct davit_onnx_memory {
    ProtobufCAllocator proto;
    const davit_allocator *allocator;
    bool failed; /* an allocation has failed since the last parse began */
} davit_onnx_memory;

void davit_onnx_memory_init(davit_onnx_memory *memory, const davit_allocator *allocator);

/* Parses a message. Checks first, without allocating, that it is well formed, nested no deeper than
 * protobuf's own limit, and needs no more memory than a multiple of its size. Free *out with
 * protobuf_c_message_free_unpacked and &memory->proto. DAVIT_OUT_OF_MEMORY is not reported. */
DAVIT_NODISCARD davit_status davit_onnx_parse(const ProtobufCMessageDescriptor *descriptor,
                                              davit_onnx_memory *memory, const uint8_t *bytes,
                                              size_t size, const davit_diagnostics *diag,
                                              ProtobufCMessage **out);

/* ---- wire format ---- */

typedef struct davit_onnx_reader {
    const uint8_t *at;
    const uint8_t *end;
} davit_onnx_reader;

/* Both are false for what is truncated or malformed. The payload of a value that has a length is
 * what that spans, of a varint what it was before. */
bool davit_onnx_read_varint(davit_onnx_reader *in, uint64_t *value);
bool davit_onnx_skip_value(davit_onnx_reader *in, unsigned wire_type, davit_onnx_reader *payload);

/* ---- initialisers that stay in the file ---- */

enum { DAVIT_ONNX_LEAST_CUT = 16384 };

/* Raw data that was taken out of initialiser number `initializer` of the model's graph. */
typedef struct davit_onnx_cut {
    size_t initializer;
    const uint8_t *bytes; /* in the file */
    size_t size;
} davit_onnx_cut;

typedef struct davit_onnx_cuts {
    const davit_allocator *allocator;
    uint8_t *bytes; /* the model without them; NULL: nothing was taken out */
    size_t size, capacity;
    davit_onnx_cut *items;
    size_t count, item_capacity;
} davit_onnx_cuts;

/* Nothing is taken out of what is malformed or has several graphs: parsing tells. Free with
 * davit_onnx_cuts_clear. Returns DAVIT_OUT_OF_MEMORY, not reported. */
DAVIT_NODISCARD davit_status davit_onnx_cut_initializers(const davit_allocator *allocator,
                                                         const uint8_t *bytes, size_t size,
                                                         davit_onnx_cuts *out);
/* NULL when nothing was taken out of that initialiser. */
const davit_onnx_cut *davit_onnx_find_cut(const davit_onnx_cuts *cuts, size_t initializer);
void davit_onnx_cuts_clear(davit_onnx_cuts *cuts);

/* One occurrence of a field of a message type. */
typedef struct davit_onnx_field {
    const uint8_t *bytes; /* of a string or an unparsed message; no NUL at the end */
    size_t size;
    ProtobufCMessage *message; /* parsed already, else NULL */
} davit_onnx_field;

/* Finds occurrence index of a string or message field that onnx.proto may have gained after the
 * version that this was built with: protobuf-c keeps it as an unknown field then. False when there
 * is none. */
bool davit_onnx_late_field(const ProtobufCMessage *message, uint32_t tag, size_t index,
                           davit_onnx_field *out);

/* A whole file mapped read-only. */
typedef struct davit_onnx_mapping {
    void *bytes; /* NULL for an empty file */
    size_t size;
} davit_onnx_mapping;

/* Opens and maps a regular file of at most 2 GiB, protobuf's limit. Messages do not name the file:
 * diag does. */
DAVIT_NODISCARD davit_status davit_onnx_map_file(const char *path, const davit_diagnostics *diag,
                                                 davit_onnx_mapping *out);
void davit_onnx_unmap_file(davit_onnx_mapping *mapping);

#endif
