/* Documents: a parsed file whose memory is one arena. */
#include "davit/onnx_document.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "upgrade.h"

#define PROTOBUF_MAX_BYTES ((size_t)INT32_MAX)

/* Everything that a document is read with. */
typedef struct reading {
    davit_onnx_document *document;
    davit_allocator face; /* the arena as an allocator: nothing is freed before its end */
    davit_onnx_memory memory;
    davit_onnx_sink sink;
    davit_onnx_files files;
} reading;

static void *arena_alloc(void *self, size_t bytes, size_t alignment)
{
    (void)alignment; /* protobuf-c needs no more than max_align_t */
    return davit_arena_alloc(self, bytes);
}

static void arena_free(void *self, void *pointer)
{
    (void)self;
    (void)pointer;
}

/* Brings a tensor's external bytes into its raw data. */
static davit_status embed_tensor(reading *in, Onnx__TensorProto *tensor)
{
    if (!tensor->has_data_location ||
        tensor->data_location != ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL) {
        return DAVIT_OK;
    }
    char what[200];
    snprintf(what, sizeof(what), "initialiser '%.150s'", davit_onnx_text(tensor->name));
    const davit_onnx_tensor_source source = {.allocator = davit_allocator_default(),
                                             .diag = &in->sink.face,
                                             .files = &in->files,
                                             .what = what};
    davit_tensor *read;
    davit_status status = davit_onnx_make_tensor(&source, tensor, &read);
    if (status != DAVIT_OK) {
        return status;
    }
    size_t bytes = davit_tensor_desc_bytes(&read->desc);
    uint8_t *copy = davit_arena_alloc(&in->document->arena, bytes);
    if (copy != NULL) {
        memcpy(copy, read->data, bytes);
        tensor->has_raw_data = 1;
        tensor->raw_data = (ProtobufCBinaryData){.len = bytes, .data = copy};
        tensor->n_external_data = 0;
        tensor->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__DEFAULT;
    }
    davit_tensor_destroy(read);
    return copy != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
}

static davit_status embed_graph(reading *in, Onnx__GraphProto *graph)
{
    davit_status status = DAVIT_OK;
    for (size_t i = 0; status == DAVIT_OK && i < graph->n_initializer; i++) {
        status = embed_tensor(in, graph->initializer[i]);
    }
    for (size_t n = 0; n < graph->n_node; n++) {
        for (size_t a = 0; status == DAVIT_OK && a < graph->node[n]->n_attribute; a++) {
            Onnx__AttributeProto *attribute = graph->node[n]->attribute[a];
            if (attribute->t != NULL) {
                status = embed_tensor(in, attribute->t);
            }
            if (status == DAVIT_OK && attribute->g != NULL) {
                status = embed_graph(in, attribute->g);
            }
        }
    }
    return status;
}

/* The files of external data are mapped by a graph that lives no longer than this. */
static davit_status embed(reading *in)
{
    davit_graph *owner;
    davit_arena list;
    davit_status status = davit_graph_create(davit_allocator_default(), &owner);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_arena_init(&list, davit_allocator_default());
    in->files.graph = owner;
    in->files.arena = &list;
    status = embed_graph(in, in->document->model->graph);
    davit_graph_destroy(owner);
    davit_arena_clear(&list);
    return status;
}

static davit_status parse(reading *in, const davit_onnx_mapping *file)
{
    in->face = (davit_allocator){arena_alloc, arena_free, &in->document->arena};
    davit_onnx_memory_init(&in->memory, &in->face);
    ProtobufCMessage *message;
    davit_status status = davit_onnx_parse(&onnx__model_proto__descriptor, &in->memory, file->bytes,
                                           file->size, &in->sink.face, &message);
    if (status != DAVIT_OK) {
        return status;
    }
    in->document->model = (Onnx__ModelProto *)message;
    if (in->document->model->graph == NULL) {
        return davit_fail(&in->sink.face, DAVIT_BAD_DATA, "not an ONNX model: it has no graph");
    }
    return embed(in);
}

davit_status davit_onnx_document_open(const davit_allocator *allocator, const char *path,
                                      const davit_diagnostics *diag, davit_onnx_document **out)
{
    *out = NULL;
    reading in = {0};
    char folder[PATH_MAX];
    davit_onnx_sink_init(&in.sink, path, diag);
    in.files.folder = davit_onnx_folder_of(path, folder) ? folder : NULL;
    in.document = davit_alloc(allocator, sizeof(*in.document));
    if (in.document == NULL) {
        return davit_onnx_finish(&in.sink, DAVIT_OUT_OF_MEMORY);
    }
    davit_arena_init(&in.document->arena, allocator);
    davit_onnx_mapping file;
    davit_status status = davit_onnx_map_file(path, &in.sink.face, &file);
    if (status == DAVIT_OK) {
        status = parse(&in, &file);
        davit_onnx_unmap_file(&file);
    }
    if (status != DAVIT_OK) {
        davit_onnx_document_close(in.document);
        return davit_onnx_finish(&in.sink, status);
    }
    *out = in.document;
    return DAVIT_OK;
}

void davit_onnx_document_close(davit_onnx_document *document)
{
    if (document != NULL) {
        const davit_allocator *allocator = document->arena.allocator;
        davit_arena_clear(&document->arena);
        davit_free(allocator, document);
    }
}

davit_status davit_onnx_document_bytes(davit_onnx_document *document, const davit_diagnostics *diag,
                                       const uint8_t **bytes, size_t *size)
{
    size_t needed = onnx__model_proto__get_packed_size(document->model);
    if (needed > PROTOBUF_MAX_BYTES) {
        return davit_fail(diag, DAVIT_UNSUPPORTED,
                          "the model would have %zu bytes, protobuf's limit is 2 GiB", needed);
    }
    uint8_t *packed = davit_arena_alloc(&document->arena, needed);
    if (packed == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    *size = onnx__model_proto__pack(document->model, packed);
    *bytes = packed;
    return DAVIT_OK;
}
