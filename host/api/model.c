#include <errno.h>
#include <sha256.h>
#include <stdio.h>
#include <string.h>

#include "davit/graphs.h"
#include "davit/onnx.h"
#include "objects.h"

_Static_assert(DAVIT_SHA256_HEX == SHA256_DIGEST_STRING_LENGTH, "hex digits and a NUL");

static davit_status load(davit_model *model, const char *path, const davit_diagnostics *diag)
{
    const davit_allocator *allocator = model->context->allocator;
    model->path = davit_strdup(allocator, path);
    if (model->path == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    model->is_file = stat(path, &model->file) == 0; /* what cannot be read is told when loading */
    return davit_onnx_load(allocator, path, diag, &model->graph);
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static davit_status hash_file(davit_model *model, const davit_diagnostics *diag)
{
    char sha256[DAVIT_SHA256_HEX];
    struct stat now;
    if (SHA256_File(model->path, sha256) == NULL || stat(model->path, &now) != 0) {
        return davit_fail(diag, DAVIT_IO_ERROR, "%s: cannot be read: %s", model->path,
                          strerror(errno));
    }
    if (!is_same_file(&now, &model->file)) {
        return davit_fail(diag, DAVIT_IO_ERROR, "%s: has changed since it was loaded", model->path);
    }
    memcpy(model->sha256, sha256, sizeof(sha256));
    return DAVIT_OK;
}

davit_status davit_model_hash(davit_model *model, const davit_diagnostics *diag)
{
    pthread_mutex_lock(&model->context->lock);
    davit_status status =
        model->is_file && model->sha256[0] == '\0' ? hash_file(model, diag) : DAVIT_OK;
    pthread_mutex_unlock(&model->context->lock);
    return status;
}

davit_status davit_model_load(davit_context *context, const char *path, davit_model **out)
{
    *out = NULL;
    davit_call call;
    davit_call_begin(&call, context->diag);
    davit_model *model = davit_alloc(context->allocator, sizeof(*model));
    if (model == NULL) {
        return davit_call_end(&call, DAVIT_OUT_OF_MEMORY, path);
    }
    model->context = context;
    davit_status status = load(model, path, &call.sink);
    if (status != DAVIT_OK) {
        davit_model_destroy(model);
        return davit_call_end(&call, status, path);
    }
    *out = model;
    return DAVIT_OK;
}

davit_status davit_model_adopt(davit_context *context, davit_graph *graph, const char *label,
                               davit_model **out)
{
    *out = NULL;
    davit_model *model = davit_alloc(context->allocator, sizeof(*model));
    if (model != NULL) {
        model->path = davit_strdup(context->allocator, label);
    }
    if (model == NULL || model->path == NULL) {
        davit_free(context->allocator, model);
        davit_graph_destroy(graph);
        return davit_fail(context->diag, DAVIT_OUT_OF_MEMORY, "%s: out of memory", label);
    }
    model->context = context;
    model->graph = graph;
    *out = model;
    return DAVIT_OK;
}

void davit_model_destroy(davit_model *model)
{
    if (model != NULL && !model->set_aside) {
        davit_graph_destroy(model->graph);
        davit_free(model->context->allocator, model->path);
        davit_free(model->context->allocator, model);
    }
}

size_t davit_model_input_count(const davit_model *model)
{
    return model->graph->input_count;
}

size_t davit_model_output_count(const davit_model *model)
{
    return model->graph->output_count;
}

static void describe_port(const davit_value *value, davit_port *port)
{
    *port = (davit_port){.name = value->name, .dtype = value->declared_dtype, .rank = -1};
    if (value->constant != NULL || value->inferred) {
        port->dtype = value->desc.dtype;
        port->rank = value->desc.rank;
        memcpy(port->dims, value->desc.dims, sizeof(port->dims));
        return;
    }
    port->rank = value->declared_rank;
    for (int i = 0; i < value->declared_rank; i++) {
        port->dims[i] = value->declared[i].value;
        port->symbols[i] = value->declared[i].symbol;
    }
}

davit_status davit_model_input(const davit_model *model, size_t index, davit_port *port)
{
    if (index >= model->graph->input_count) {
        return davit_fail(model->context->diag, DAVIT_INVALID_ARGUMENT,
                          "%s: input %zu of %zu does not exist", model->path, index,
                          model->graph->input_count);
    }
    describe_port(&model->graph->values[model->graph->inputs[index]], port);
    return DAVIT_OK;
}

davit_status davit_model_output(const davit_model *model, size_t index, davit_port *port)
{
    if (index >= model->graph->output_count) {
        return davit_fail(model->context->diag, DAVIT_INVALID_ARGUMENT,
                          "%s: output %zu of %zu does not exist", model->path, index,
                          model->graph->output_count);
    }
    describe_port(&model->graph->values[model->graph->outputs[index]], port);
    return DAVIT_OK;
}

const char *davit_model_metadata(const davit_model *model, const char *key)
{
    const davit_graph *graph = model->graph;
    for (size_t i = 0; i < graph->metadata_count; i++) {
        if (strcmp(graph->metadata[i].key, key) == 0) {
            return graph->metadata[i].value;
        }
    }
    return NULL;
}

static size_t find(const davit_graph *graph, const davit_value_id *values, size_t count,
                   const char *name)
{
    size_t i = 0;
    while (i < count && strcmp(graph->values[values[i]].name, name) != 0) {
        i++;
    }
    return i;
}

size_t davit_model_find_input(const davit_model *model, const char *name)
{
    return find(model->graph, model->graph->inputs, model->graph->input_count, name);
}

size_t davit_model_find_output(const davit_model *model, const char *name)
{
    return find(model->graph, model->graph->outputs, model->graph->output_count, name);
}

char *davit_value_names(const davit_graph *graph, const davit_value_id *values, size_t count,
                        char *text, size_t bytes)
{
    size_t used = 0;
    snprintf(text, bytes, "none");
    for (size_t i = 0; i < count && used < bytes; i++) {
        int length = snprintf(text + used, bytes - used, "%s'%s'", i > 0 ? ", " : "",
                              graph->values[values[i]].name);
        used += length > 0 ? (size_t)length : 0;
    }
    return text;
}
