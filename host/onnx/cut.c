/* Takes the large raw data of a model's initialisers out of the file before it is parsed: protobuf
 * would copy it, and the tensors can stay in the mapping. What is left is parsed as any file. */
#include <string.h>

#include "message.h"
#include "onnx.pb-c.h"

enum { MODEL_GRAPH = 7, GRAPH_INITIALIZER = 5, TENSOR_RAW_DATA = 9 };

/* One field of a message: its key, its value and, when it has a length, what that spans. */
typedef struct field {
    const uint8_t *begin, *end; /* of all of it */
    davit_onnx_reader payload;
    uint64_t tag;
    bool prefixed;
} field;

static bool next_field(davit_onnx_reader *in, field *out)
{
    uint64_t key;
    *out = (field){.begin = in->at, .payload = {in->at, in->at}};
    if (!davit_onnx_read_varint(in, &key)) {
        return false;
    }
    out->tag = key >> 3;
    out->prefixed = (key & 7) == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
    bool whole = davit_onnx_skip_value(in, (unsigned)(key & 7), &out->payload);
    out->end = in->at;
    return whole;
}

/* The only field of a tag; false when there is none, several, or the message is malformed. */
static bool find_only(davit_onnx_reader in, uint64_t tag, field *out)
{
    bool found = false;
    while (in.at != in.end) {
        field f;
        if (!next_field(&in, &f) || (f.tag == tag && (found || !f.prefixed))) {
            return false;
        }
        if (f.tag == tag) {
            *out = f;
            found = true;
        }
    }
    return found;
}

/* ---- writing what is left ---- */

static davit_status append(davit_onnx_cuts *cuts, const uint8_t *begin, const uint8_t *end)
{
    size_t bytes = (size_t)(end - begin);
    davit_status status = davit_array_grow(cuts->allocator, (void **)&cuts->bytes, &cuts->capacity,
                                           cuts->size, cuts->size + bytes, 1);
    if (status == DAVIT_OK && bytes > 0) {
        memcpy(cuts->bytes + cuts->size, begin, bytes);
        cuts->size += bytes;
    }
    return status;
}

/* The key of a length-delimited field, and its length. */
static davit_status append_head(davit_onnx_cuts *cuts, unsigned tag, size_t length)
{
    uint8_t head[16];
    size_t used = 0;
    head[used++] = (uint8_t)(tag << 3 | PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED);
    while (length >= 0x80) {
        head[used++] = (uint8_t)(length | 0x80);
        length >>= 7;
    }
    head[used++] = (uint8_t)length;
    return append(cuts, head, head + used);
}

static davit_status add_cut(davit_onnx_cuts *cuts, size_t initializer, davit_onnx_reader raw)
{
    davit_status status =
        davit_array_grow(cuts->allocator, (void **)&cuts->items, &cuts->item_capacity,
                         cuts->count, cuts->count + 1, sizeof(*cuts->items));
    if (status == DAVIT_OK) {
        cuts->items[cuts->count++] = (davit_onnx_cut){.initializer = initializer,
                                                      .bytes = raw.at,
                                                      .size = (size_t)(raw.end - raw.at)};
    }
    return status;
}

static davit_status cut_tensor(davit_onnx_cuts *cuts, size_t index, const field *tensor)
{
    field raw;
    if (!find_only(tensor->payload, TENSOR_RAW_DATA, &raw) ||
        raw.payload.end - raw.payload.at < DAVIT_ONNX_LEAST_CUT) {
        return append(cuts, tensor->begin, tensor->end);
    }
    size_t left = (size_t)(tensor->payload.end - tensor->payload.at) - (size_t)(raw.end - raw.begin);
    davit_status status = append_head(cuts, GRAPH_INITIALIZER, left);
    if (status == DAVIT_OK) {
        status = append(cuts, tensor->payload.at, raw.begin);
    }
    if (status == DAVIT_OK) {
        status = append(cuts, raw.end, tensor->payload.end);
    }
    return status == DAVIT_OK ? add_cut(cuts, index, raw.payload) : status;
}

/* Writes the graph's fields. *whole false: malformed. */
static davit_status cut_graph(davit_onnx_cuts *cuts, davit_onnx_reader in, bool *whole)
{
    davit_status status = DAVIT_OK;
    for (size_t index = 0; status == DAVIT_OK && in.at != in.end;) {
        field f;
        *whole = next_field(&in, &f) && (f.tag != GRAPH_INITIALIZER || f.prefixed);
        if (!*whole) {
            return DAVIT_OK;
        }
        status = f.tag == GRAPH_INITIALIZER ? cut_tensor(cuts, index++, &f)
                                            : append(cuts, f.begin, f.end);
    }
    return status;
}

static davit_status cut_model(davit_onnx_cuts *cuts, const uint8_t *bytes, size_t size, bool *whole)
{
    davit_onnx_cuts inside = {.allocator = cuts->allocator};
    field graph;
    *whole = find_only((davit_onnx_reader){bytes, bytes + size}, MODEL_GRAPH, &graph);
    davit_status status = *whole ? cut_graph(&inside, graph.payload, whole) : DAVIT_OK;
    if (status == DAVIT_OK && *whole) {
        status = append(cuts, bytes, graph.begin);
    }
    if (status == DAVIT_OK && *whole) {
        status = append_head(cuts, MODEL_GRAPH, inside.size);
    }
    if (status == DAVIT_OK && *whole) {
        status = append(cuts, inside.bytes, inside.bytes + inside.size);
    }
    if (status == DAVIT_OK && *whole) {
        status = append(cuts, graph.end, bytes + size);
    }
    davit_free(cuts->allocator, inside.bytes);
    cuts->items = inside.items;
    cuts->count = inside.count;
    return status;
}

davit_status davit_onnx_cut_initializers(const davit_allocator *allocator, const uint8_t *bytes,
                                         size_t size, davit_onnx_cuts *out)
{
    *out = (davit_onnx_cuts){.allocator = allocator};
    bool whole = false;
    davit_status status = size > 0 ? cut_model(out, bytes, size, &whole) : DAVIT_OK;
    if (status != DAVIT_OK || !whole) {
        davit_onnx_cuts_clear(out);
    }
    return status;
}

const davit_onnx_cut *davit_onnx_find_cut(const davit_onnx_cuts *cuts, size_t initializer)
{
    size_t low = 0, high = cuts->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (cuts->items[middle].initializer < initializer) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool found = low < cuts->count && cuts->items[low].initializer == initializer;
    return found ? &cuts->items[low] : NULL;
}

void davit_onnx_cuts_clear(davit_onnx_cuts *cuts)
{
    davit_free(cuts->allocator, cuts->bytes);
    davit_free(cuts->allocator, cuts->items);
    *cuts = (davit_onnx_cuts){.allocator = cuts->allocator};
}
