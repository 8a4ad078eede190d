#include "davit/quantizer.h"

#include <string.h>

#include "job.h"

void davit_quantizer_options_init(davit_quantizer_options *options)
{
    *options = (davit_quantizer_options){.method = DAVIT_CALIBRATION_PERCENTILE,
                                         .percentile = 99.99,
                                         .weights = DAVIT_S8,
                                         .activations = DAVIT_U8,
                                         .bias_correction = true};
}

void davit_quantizer_report_clear(davit_quantizer_report *report)
{
    if (report->arena.allocator != NULL) {
        davit_arena_clear(&report->arena);
    }
    memset(report, 0, sizeof(*report));
}

void davit_quantizer_tell(const davit_quantizer *job, const char *step, size_t done)
{
    if (job->options->progress != NULL) {
        job->options->progress(job->options->progress_user, step, done,
                               job->options->samples.count);
    }
}

/* ---- opening ---- */

static davit_status check_model(const davit_quantizer *job)
{
    davit_port port;
    size_t inputs = davit_model_input_count(job->model);
    if (inputs != 1) {
        return davit_fail(job->diag, DAVIT_UNSUPPORTED,
                          "the model has %zu inputs: calibration takes models of one", inputs);
    }
    davit_status status = davit_model_input(job->model, 0, &port);
    if (status == DAVIT_OK && port.dtype != DAVIT_F32) {
        return davit_fail(job->diag, DAVIT_UNSUPPORTED,
                          "input '%s' is %s: calibration takes f32 samples", port.name,
                          davit_dtype_name(port.dtype));
    }
    return status;
}

/* A session on the shape of the first sample: its graph is what gets quantised. */
static davit_status open_session(davit_quantizer *job)
{
    davit_tensor *sample;
    davit_status status = job->options->samples.read(job->options->samples.user, 0, &sample);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_port port;
    status = davit_model_input(job->model, 0, &port);
    davit_named_shape shape = {.name = port.name, .rank = sample->desc.rank};
    memcpy(shape.dims, sample->desc.dims, sizeof(shape.dims));
    davit_tensor_destroy(sample);
    davit_session_options options;
    davit_session_options_init(&options);
    options.shapes = &shape;
    options.shape_count = 1;
    if (status == DAVIT_OK) {
        status = davit_session_create(job->model, &options, &job->session);
    }
    return status == DAVIT_OK ? davit_graph_clone(davit_session_graph(job->session), &job->graph)
                              : status;
}

static davit_status open(davit_quantizer *job, const char *path)
{
    if (job->diag != NULL) {
        job->errors_only = *job->diag;
        job->errors_only.level = DAVIT_ERROR;
    }
    const davit_context_options options = {.diag = job->diag != NULL ? &job->errors_only : NULL};
    davit_status status = davit_context_create(&options, &job->context);
    if (status == DAVIT_OK) {
        status = davit_model_load(job->context, path, &job->model);
    }
    if (status == DAVIT_OK) {
        status =
            davit_onnx_document_open(davit_allocator_default(), path, job->diag, &job->document);
    }
    if (status == DAVIT_OK) {
        status = check_model(job);
    }
    if (status == DAVIT_OK) {
        status = open_session(job);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    job->values =
        davit_arena_alloc_array(&job->arena, job->graph->value_count, sizeof(*job->values));
    job->nodes = davit_arena_alloc_array(&job->arena, job->graph->node_count, sizeof(*job->nodes));
    return job->values != NULL && job->nodes != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
}

static void close(davit_quantizer *job)
{
    davit_graph_destroy(job->graph);
    davit_session_destroy(job->session);
    davit_model_destroy(job->model);
    davit_onnx_document_close(job->document);
    davit_context_destroy(job->context);
    davit_arena_clear(&job->arena);
}

/* ---- the steps ---- */

static davit_status quantize(davit_quantizer *job)
{
    davit_status status = davit_select(job);
    if (status == DAVIT_OK) {
        status = davit_layers_make(job);
    }
    if (status == DAVIT_OK && job->options->equalize) {
        status = davit_equalize(job);
    }
    if (status == DAVIT_OK) {
        status = davit_calibrate(job);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    davit_choose_types(job);
    status = davit_layers_quantize(job);
    if (status == DAVIT_OK && job->options->bias_correction) {
        status = davit_correct_biases(job);
    }
    if (status == DAVIT_OK) {
        status = davit_raise_opset(job);
    }
    return status == DAVIT_OK ? davit_rewrite(job) : status;
}

static davit_status run(davit_quantizer *job, const char *path, const char *output,
                        davit_quantizer_report *report)
{
    const uint8_t *bytes;
    size_t size;
    davit_status status = open(job, path);
    if (status == DAVIT_OK) {
        status = quantize(job);
    }
    if (status == DAVIT_OK) {
        status = davit_onnx_document_bytes(job->document, job->diag, &bytes, &size);
    }
    if (status == DAVIT_OK) {
        status = davit_measure(job, bytes, size, report);
    }
    if (status == DAVIT_OK) {
        status = davit_keep_measured(job, report);
    }
    if (status == DAVIT_OK) {
        status = davit_onnx_document_bytes(job->document, job->diag, &bytes, &size);
    }
    if (status == DAVIT_OK) {
        status = davit_onnx_write_file(output, bytes, size, job->diag);
    }
    if (status == DAVIT_OK) {
        report->equalized_pairs = job->equalized_pairs;
        report->opset = job->opset;
        report->bytes = size;
    }
    return status;
}

davit_status davit_quantize_model(const char *path, const char *output,
                                  const davit_quantizer_options *options,
                                  const davit_diagnostics *diag, davit_quantizer_report *report)
{
    davit_quantizer job = {.options = options, .diag = diag};
    memset(report, 0, sizeof(*report));
    davit_arena_init(&report->arena, davit_allocator_default());
    davit_arena_init(&job.arena, davit_allocator_default());
    davit_status status = run(&job, path, output, report);
    close(&job);
    if (status == DAVIT_OUT_OF_MEMORY) {
        status = davit_fail(diag, status, "%s: out of memory", path);
    }
    if (status != DAVIT_OK) {
        davit_quantizer_report_clear(report);
    }
    return status;
}
