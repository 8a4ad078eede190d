#include "message.h"

#include <string.h>

/* protobuf's own limit on nested messages (CodedInputStream): protobuf-c has none and would run out
 * of stack. */
#define MAX_DEPTH 100
/* A parsed message may need this many times its size, for empty nodes and packed zeros, and this
 * much besides. */
#define MEMORY_RATIO 16
#define MEMORY_FLOOR ((uint64_t)64 << 20)
#define TEMPORARY_FIELD_BYTES 40 /* what protobuf-c keeps for each field while it parses */

static void *allocate(void *data, size_t bytes)
{
    davit_onnx_memory *memory = data;
    void *pointer = davit_alloc_uninitialized(memory->allocator, bytes);
    if (pointer == NULL) {
        memory->failed = true;
    }
    return pointer;
}

static void release(void *data, void *pointer)
{
    davit_onnx_memory *memory = data;
    davit_free(memory->allocator, pointer);
}

void davit_onnx_memory_init(davit_onnx_memory *memory, const davit_allocator *allocator)
{
    *memory = (davit_onnx_memory){.proto = {allocate, release, memory}, .allocator = allocator};
}

/* ---- the check before parsing ---- */

bool davit_onnx_read_varint(davit_onnx_reader *in, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (in->at == in->end) {
            return false;
        }
        uint8_t byte = *in->at++;
        if (shift < 64) {
            *value |= (uint64_t)(byte & 0x7f) << shift;
        }
        if ((byte & 0x80) == 0) {
            return true;
        }
    }
    return false;
}

static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *descriptor,
                                                  uint64_t tag)
{
    size_t low = 0;
    size_t high = descriptor->n_fields;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (descriptor->fields[middle].id < tag) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool found = low < descriptor->n_fields && descriptor->fields[low].id == tag;
    return found ? &descriptor->fields[low] : NULL;
}

bool davit_onnx_skip_value(davit_onnx_reader *in, unsigned wire_type, davit_onnx_reader *payload)
{
    uint64_t value;
    size_t size = 0;
    switch (wire_type) {
    case PROTOBUF_C_WIRE_TYPE_VARINT:
        return davit_onnx_read_varint(in, &value);
    case PROTOBUF_C_WIRE_TYPE_64BIT:
        size = 8;
        break;
    case PROTOBUF_C_WIRE_TYPE_32BIT:
        size = 4;
        break;
    case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
        if (!davit_onnx_read_varint(in, &value) || value > (uint64_t)(in->end - in->at)) {
            return false;
        }
        size = (size_t)value;
        break;
    default:
        return false; /* groups: protobuf-c does not read them either */
    }
    if (size > (size_t)(in->end - in->at)) {
        return false;
    }
    *payload = (davit_onnx_reader){in->at, in->at + size};
    in->at += size;
    return true;
}

/* Adds to *memory an upper estimate of what parsing the message takes. */
static bool check_message(const ProtobufCMessageDescriptor *descriptor, davit_onnx_reader in, int depth,
                          uint64_t *memory)
{
    if (depth > MAX_DEPTH) {
        return false;
    }
    *memory += descriptor->sizeof_message;
    while (in.at != in.end) {
        uint64_t key;
        davit_onnx_reader payload = {in.at, in.at};
        if (!davit_onnx_read_varint(&in, &key) || key > UINT32_MAX || key < 8) {
            return false;
        }
        unsigned wire_type = (unsigned)(key & 7);
        if (!davit_onnx_skip_value(&in, wire_type, &payload)) {
            return false;
        }
        *memory += TEMPORARY_FIELD_BYTES;
        const ProtobufCFieldDescriptor *field = find_field(descriptor, key >> 3);
        bool prefixed = wire_type == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
        if (prefixed && field != NULL && field->type == PROTOBUF_C_TYPE_MESSAGE) {
            if (!check_message(field->descriptor, payload, depth + 1, memory)) {
                return false;
            }
        } else if (prefixed && field != NULL && field->label == PROTOBUF_C_LABEL_REPEATED) {
            *memory += (uint64_t)(payload.end - payload.at) * sizeof(uint64_t);
        } else {
            *memory += (uint64_t)(payload.end - payload.at) + sizeof(ProtobufCMessageUnknownField);
        }
    }
    return true;
}

davit_status davit_onnx_parse(const ProtobufCMessageDescriptor *descriptor,
                              davit_onnx_memory *memory, const uint8_t *bytes, size_t size,
                              const davit_diagnostics *diag, ProtobufCMessage **out)
{
    *out = NULL;
    const char *type = descriptor->short_name;
    uint64_t needed = 0;
    if (size > 0 && !check_message(descriptor, (davit_onnx_reader){bytes, bytes + size}, 0, &needed)) {
        return davit_fail(diag, DAVIT_BAD_DATA, "not an ONNX %s, or truncated or damaged", type);
    }
    if (needed > MEMORY_FLOOR + size * (uint64_t)MEMORY_RATIO) {
        return davit_fail(diag, DAVIT_BAD_DATA, "%zu bytes would unfold to %llu: not a sane %s",
                          size, (unsigned long long)needed, type);
    }
    memory->failed = false;
    *out = protobuf_c_message_unpack(descriptor, &memory->proto, size, bytes);
    if (*out != NULL) {
        return DAVIT_OK;
    }
    if (memory->failed) {
        return DAVIT_OUT_OF_MEMORY;
    }
    return davit_fail(diag, DAVIT_BAD_DATA, "not an ONNX %s: protobuf does not parse it", type);
}

/* ---- fields of later versions of onnx.proto ---- */

static bool known_field(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                        size_t index, davit_onnx_field *out)
{
    const char *base = (const char *)message;
    const void *value = base + field->offset;
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        size_t count;
        memcpy(&count, base + field->quantifier_offset, sizeof(count));
        if (index >= count) {
            return false;
        }
        ProtobufCMessage *const *messages;
        memcpy(&messages, value, sizeof(messages));
        out->message = messages[index];
        return true;
    }
    const char *text;
    memcpy(&text, value, sizeof(text));
    if (text == NULL || index > 0) {
        return false;
    }
    out->bytes = (const uint8_t *)text;
    out->size = strlen(text);
    return true;
}

bool davit_onnx_late_field(const ProtobufCMessage *message, uint32_t tag, size_t index,
                           davit_onnx_field *out)
{
    *out = (davit_onnx_field){0};
    const ProtobufCFieldDescriptor *field = find_field(message->descriptor, tag);
    if (field != NULL) {
        return known_field(message, field, index, out);
    }
    for (unsigned i = 0; i < message->n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *unknown = &message->unknown_fields[i];
        if (unknown->tag != tag || unknown->wire_type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED ||
            index-- > 0) {
            continue;
        }
        davit_onnx_reader in = {unknown->data, unknown->data + unknown->len};
        uint64_t size;
        if (!davit_onnx_read_varint(&in, &size) || size != (uint64_t)(in.end - in.at)) {
            return false;
        }
        out->bytes = in.at;
        out->size = (size_t)size;
        return true;
    }
    return false;
}
