/* The entry points: opens, parses and checks a file, and sees to it that a failure is told once,
 * with the file's name before it. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "upgrade.h"

static void pass_on(void *user, davit_severity severity, davit_status status, const char *text)
{
    davit_onnx_sink *sink = user;
    if (severity == DAVIT_ERROR) {
        sink->error_reported = true;
        (void)davit_fail(sink->user, status, "%s: %s", sink->label, text);
    } else {
        davit_log(sink->user, severity, "%s: %s", sink->label, text);
    }
}

void davit_onnx_sink_init(davit_onnx_sink *sink, const char *label, const davit_diagnostics *user)
{
    *sink = (davit_onnx_sink){.face = {pass_on, sink, user != NULL ? user->level : DAVIT_ERROR},
                              .user = user,
                              .label = label};
}

davit_status davit_onnx_finish(davit_onnx_sink *sink, davit_status status)
{
    if (status != DAVIT_OK && !sink->error_reported) {
        return davit_fail(&sink->face, status, "%s", davit_status_text(status));
    }
    return status;
}

/* ---- models ---- */

static davit_status check_versions(davit_onnx_importer *importer)
{
    const Onnx__ModelProto *model = importer->model;
    if (model->graph == NULL || !model->has_ir_version) {
        return davit_fail(importer->diag, DAVIT_BAD_DATA, "not an ONNX model: it has no %s",
                          model->graph == NULL ? "graph" : "IR version");
    }
    if (model->ir_version < DAVIT_ONNX_OLDEST_IR || model->ir_version > DAVIT_ONNX_NEWEST_IR) {
        return davit_fail(importer->diag, DAVIT_UNSUPPORTED,
                          "IR version %lld; supported are %d to %d", (long long)model->ir_version,
                          DAVIT_ONNX_OLDEST_IR, DAVIT_ONNX_NEWEST_IR);
    }
    for (size_t i = 0; i < model->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *import = model->opset_import[i];
        const char *domain = davit_onnx_text(import->domain);
        if (domain[0] != '\0' && strcmp(domain, "ai.onnx") != 0) {
            continue; /* what it is for is refused by operator name, if it is used at all */
        }
        if (importer->opset != 0 && importer->opset != import->version) {
            return davit_fail(importer->diag, DAVIT_BAD_DATA, "opsets %lld and %lld of ai.onnx at once",
                              (long long)importer->opset, (long long)import->version);
        }
        importer->opset = import->version;
        if (import->version < 1 || import->version > DAVIT_ONNX_NEWEST_OPSET) {
            return davit_fail(importer->diag, DAVIT_UNSUPPORTED,
                              "opset %lld; supported are 7 to %d", (long long)import->version,
                              DAVIT_ONNX_NEWEST_OPSET);
        }
    }
    return DAVIT_OK;
}

static davit_status import_bytes(davit_onnx_importer *importer, const void *bytes, size_t size)
{
    ProtobufCMessage *message;
    davit_status status = davit_onnx_parse(&onnx__model_proto__descriptor, &importer->memory, bytes,
                                           size, importer->diag, &message);
    if (status != DAVIT_OK) {
        return status;
    }
    importer->model = (const Onnx__ModelProto *)message;
    status = check_versions(importer);
    if (status == DAVIT_OK) {
        status = davit_graph_create(importer->allocator, &importer->graph);
    }
    if (status == DAVIT_OK) {
        importer->files.graph = importer->graph;
        importer->only_f32 = davit_onnx_only_f32(importer->model);
        status = davit_onnx_import_model(importer);
    }
    davit_onnx_free_functions(importer);
    protobuf_c_message_free_unpacked(message, &importer->memory.proto);
    return status;
}

/* Imports a model with the importer's sink and folder set. */
static davit_status run(davit_onnx_importer *importer, const davit_allocator *allocator,
                        const void *bytes, size_t size, davit_graph **out)
{
    importer->allocator = allocator;
    importer->diag = &importer->sink.face;
    davit_onnx_memory_init(&importer->memory, allocator);
    davit_arena_init(&importer->arena, allocator);
    importer->files.arena = &importer->arena;
    davit_names_init(&importer->function_names, allocator);
    davit_names_init(&importer->shared, allocator);
    bool cut = importer->cuts.bytes != NULL;
    davit_status status = import_bytes(importer, cut ? importer->cuts.bytes : bytes,
                                       cut ? importer->cuts.size : size);
    davit_names_clear(&importer->function_names);
    davit_names_clear(&importer->shared);
    davit_arena_clear(&importer->arena);
    if (status != DAVIT_OK) {
        davit_graph_destroy(importer->graph);
        return davit_onnx_finish(&importer->sink, status);
    }
    *out = importer->graph;
    return DAVIT_OK;
}

davit_status davit_onnx_load_memory(const davit_allocator *allocator, const void *bytes,
                                    size_t size, const char *label, const char *folder,
                                    const davit_diagnostics *diag, davit_graph **out)
{
    *out = NULL;
    davit_onnx_importer importer = {.files.folder = folder};
    davit_onnx_sink_init(&importer.sink, label, diag);
    return run(&importer, allocator, bytes, size, out);
}

bool davit_onnx_folder_of(const char *path, char *text)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return snprintf(text, PATH_MAX, ".") > 0;
    }
    int length = slash == path ? 1 : (int)(slash - path);
    return snprintf(text, PATH_MAX, "%.*s", length, path) < PATH_MAX;
}

/* The graph's weights are in the file: it takes the mapping over. */
static davit_status keep_mapped(const davit_allocator *allocator, davit_onnx_mapping *file,
                                davit_graph *graph)
{
    davit_tensor_desc desc;
    const davit_tensor *owned;
    int64_t size = (int64_t)file->size;
    davit_status status = davit_tensor_desc_dense(&desc, DAVIT_U8, 1, &size);
    if (status == DAVIT_OK) {
        status = davit_onnx_own_mapping(graph, allocator, file->bytes, &desc, &owned);
        *file = (davit_onnx_mapping){0};
    }
    return status;
}

davit_status davit_onnx_load(const davit_allocator *allocator, const char *path,
                             const davit_diagnostics *diag, davit_graph **out)
{
    *out = NULL;
    davit_onnx_importer importer = {0};
    davit_onnx_sink_init(&importer.sink, path, diag);
    davit_onnx_mapping file;
    davit_status status = davit_onnx_map_file(path, &importer.sink.face, &file);
    if (status != DAVIT_OK) {
        return status;
    }
    char folder[PATH_MAX];
    importer.files.folder = davit_onnx_folder_of(path, folder) ? folder : NULL;
    status = davit_onnx_cut_initializers(allocator, file.bytes, file.size, &importer.cuts);
    if (status == DAVIT_OK) {
        status = run(&importer, allocator, file.bytes, file.size, out);
    } else {
        status = davit_onnx_finish(&importer.sink, status);
    }
    bool used = importer.cuts.count > 0;
    davit_onnx_cuts_clear(&importer.cuts);
    if (status == DAVIT_OK && used) {
        status = keep_mapped(allocator, &file, *out);
        if (status != DAVIT_OK) {
            davit_graph_destroy(*out);
            *out = NULL;
            status = davit_onnx_finish(&importer.sink, status);
        }
    }
    davit_onnx_unmap_file(&file);
    return status;
}

/* ---- tensors ---- */

davit_status davit_onnx_read_tensor(const davit_allocator *allocator, const char *path,
                                    const davit_diagnostics *diag, davit_tensor **out)
{
    *out = NULL;
    davit_onnx_sink sink;
    davit_onnx_sink_init(&sink, path, diag);
    davit_onnx_mapping file;
    davit_status status = davit_onnx_map_file(path, &sink.face, &file);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_onnx_memory memory;
    davit_onnx_memory_init(&memory, allocator);
    ProtobufCMessage *message;
    status = davit_onnx_parse(&onnx__tensor_proto__descriptor, &memory, file.bytes, file.size,
                              &sink.face, &message);
    if (status == DAVIT_OK) {
        davit_onnx_tensor_source source = {
            .allocator = allocator, .diag = &sink.face, .what = "tensor", .steal = true};
        status = davit_onnx_make_tensor(&source, (Onnx__TensorProto *)message, out);
        protobuf_c_message_free_unpacked(message, &memory.proto);
    }
    davit_onnx_unmap_file(&file);
    return davit_onnx_finish(&sink, status);
}
