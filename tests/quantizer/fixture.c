#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SAMPLES = 8 };

static davit_status read_sample(void *user, size_t index, davit_tensor **out)
{
    const fixture *f = user;
    davit_status status =
        davit_tensor_create(davit_allocator_default(), DAVIT_F32, f->rank, f->dims, out);
    if (status != DAVIT_OK) {
        return status;
    }
    uint64_t seed = 100 + index;
    float *data = (*out)->data;
    int64_t elems = davit_tensor_desc_elems(&(*out)->desc);
    for (int64_t i = 0; i < elems; i++) {
        data[i] = test_random_float(&seed);
    }
    if (index == SAMPLES - 1 && f->poison != 0) {
        data[0] = f->poison;
    }
    return DAVIT_OK;
}

void fixture_init(fixture *f, onnx_builder *builder, int rank, const int64_t *dims)
{
    memset(f, 0, sizeof(*f));
    snprintf(f->folder, sizeof(f->folder), "/tmp/davit-quantizer-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->model, sizeof(f->model), "%s/model.onnx", f->folder);
    snprintf(f->output, sizeof(f->output), "%s/model.int8.onnx", f->folder);
    size_t size;
    const uint8_t *bytes = onnx_serialize(builder, &size);
    FILE *file = fopen(f->model, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    onnx_builder_clear(builder);
    f->rank = rank;
    memcpy(f->dims, dims, (size_t)rank * sizeof(*dims));
    davit_diagnostics_buffer_init(&f->diag);
    davit_quantizer_options_init(&f->options);
    f->options.samples = (davit_samples){SAMPLES, read_sample, f};
}

void fixture_quantize(fixture *f)
{
    davit_quantizer_report_clear(&f->report);
    davit_onnx_document_close(f->written);
    f->written = NULL;
    davit_status status =
        davit_quantize_model(f->model, f->output, &f->options, &f->diag.sink, &f->report);
    if (status != DAVIT_OK) {
        fail_msg("%s", f->diag.text);
    }
    assert_int_equal(f->diag.error_count, 0);
    assert_int_equal(
        davit_onnx_document_open(davit_allocator_default(), f->output, &f->diag.sink, &f->written),
        DAVIT_OK);
}

void fixture_fail(fixture *f, davit_status expected, const char *needle)
{
    struct stat info;
    davit_quantizer_report_clear(&f->report);
    davit_status status =
        davit_quantize_model(f->model, f->output, &f->options, &f->diag.sink, &f->report);
    if (status != expected || strstr(f->diag.text, needle) == NULL) {
        fail_msg("expected '%s' and '%s', got '%s' and '%s'", davit_status_text(expected), needle,
                 davit_status_text(status), f->diag.text);
    }
    assert_int_equal(f->diag.error_count, 1);
    assert_int_not_equal(stat(f->output, &info), 0);
}

void fixture_clear(fixture *f)
{
    davit_onnx_document_close(f->written);
    davit_quantizer_report_clear(&f->report);
    unlink(f->output);
    unlink(f->model);
    assert_int_equal(rmdir(f->folder), 0); /* no temporary file is left */
}

const Onnx__NodeProto *fixture_node(const fixture *f, const char *op, size_t index)
{
    const Onnx__GraphProto *graph = f->written->model->graph;
    for (size_t n = 0; n < graph->n_node; n++) {
        if (strcmp(graph->node[n]->op_type, op) == 0 && index-- == 0) {
            return graph->node[n];
        }
    }
    return NULL;
}

const Onnx__NodeProto *fixture_producer(const fixture *f, const char *value)
{
    const Onnx__GraphProto *graph = f->written->model->graph;
    for (size_t n = 0; n < graph->n_node; n++) {
        if (strcmp(graph->node[n]->output[0], value) == 0) {
            return graph->node[n];
        }
    }
    return NULL;
}

const Onnx__TensorProto *fixture_initializer(const fixture *f, const char *name)
{
    const Onnx__GraphProto *graph = f->written->model->graph;
    for (size_t i = 0; i < graph->n_initializer; i++) {
        if (strcmp(graph->initializer[i]->name, name) == 0) {
            return graph->initializer[i];
        }
    }
    fail_msg("no initialiser '%s'", name);
    return NULL;
}

bool fixture_is_quantized(const fixture *f, const char *value)
{
    const Onnx__GraphProto *graph = f->written->model->graph;
    for (size_t n = 0; n < graph->n_node; n++) {
        if (strcmp(graph->node[n]->op_type, "QuantizeLinear") == 0 &&
            strcmp(graph->node[n]->input[0], value) == 0) {
            return true;
        }
    }
    return false;
}

const davit_quantized_layer *fixture_layer(const fixture *f, const char *value)
{
    for (size_t i = 0; i < f->report.layer_count; i++) {
        if (strcmp(f->report.layers[i].value, value) == 0) {
            return &f->report.layers[i];
        }
    }
    fail_msg("no layer makes '%s'", value);
    return NULL;
}

void fixture_random(onnx_builder *builder, const char *name, int rank, const int64_t *dims,
                    uint64_t seed)
{
    size_t elems = 1;
    for (int i = 0; i < rank; i++) {
        elems *= (size_t)dims[i];
    }
    float *data = malloc(elems * sizeof(*data));
    assert_non_null(data);
    for (size_t i = 0; i < elems; i++) {
        data[i] = test_random_float(&seed);
    }
    onnx_add_initializer(builder, name, DAVIT_F32, rank, dims, data);
    free(data);
}

void fixture_open_job(fixture *f, davit_quantizer *job)
{
    memset(job, 0, sizeof(*job));
    job->options = &f->options;
    job->diag = &f->diag.sink;
    davit_arena_init(&job->arena, davit_allocator_default());
    const davit_context_options options = {.diag = &f->diag.sink};
    assert_int_equal(davit_context_create(&options, &job->context), DAVIT_OK);
    assert_int_equal(davit_model_load(job->context, f->model, &job->model), DAVIT_OK);
    assert_int_equal(davit_session_create(job->model, NULL, &job->session), DAVIT_OK);
    assert_int_equal(davit_graph_clone(davit_session_graph(job->session), &job->graph), DAVIT_OK);
    job->values =
        davit_arena_alloc_array(&job->arena, job->graph->value_count, sizeof(*job->values));
    job->nodes = davit_arena_alloc_array(&job->arena, job->graph->node_count, sizeof(*job->nodes));
    assert_int_equal(davit_select(job), DAVIT_OK);
    assert_int_equal(davit_layers_make(job), DAVIT_OK);
}

void fixture_close_job(davit_quantizer *job)
{
    davit_graph_destroy(job->graph);
    davit_session_destroy(job->session);
    davit_model_destroy(job->model);
    davit_context_destroy(job->context);
    davit_arena_clear(&job->arena);
}
