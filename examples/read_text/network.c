#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "read_text.h"

davit_status network_open(davit_context *context, const char *path, text_network *out)
{
    davit_status status = davit_model_load(context, path, &out->model);
    if (status == DAVIT_OK) {
        status = davit_model_input(out->model, 0, &out->input);
    }
    if (status == DAVIT_OK) {
        status = davit_model_output(out->model, 0, &out->output);
    }
    return status;
}

void network_close(text_network *network)
{
    davit_session_destroy(network->session);
    davit_model_destroy(network->model);
}

davit_status network_bind(text_network *network, int height, int width)
{
    const davit_named_shape shape = {
        .name = network->input.name, .rank = 4, .dims = {1, 3, height, width}};
    davit_session_options options;
    davit_session_options_init(&options);
    options.shape_count = 1;
    options.shapes = &shape;
    options.devices = network->devices;
    options.in_flight = IN_FLIGHT;
    network->height = height;
    network->width = width;
    return davit_session_create(network->model, &options, &network->session);
}

davit_status run_make(const text_network *network, text_run *out)
{
    const int64_t dims[] = {1, 3, network->height, network->width};
    *out = (text_run){.input = {network->input.name, NULL}, .output = {network->output.name, NULL}};
    return davit_tensor_create(davit_allocator_default(), DAVIT_F32, 4, dims, &out->input.tensor);
}

davit_status run_submit(const text_network *network, text_run *run)
{
    return davit_session_submit(network->session, &run->input, 1, &run->output, 1, 0,
                                &run->request);
}

davit_status run_wait(text_run *run, const davit_tensor **output)
{
    davit_status status = davit_request_wait(run->request);
    davit_request_release(run->request);
    run->request = NULL;
    *output = run->output.tensor;
    return status;
}

/* What is submitted must end before its memory goes. */
void run_clear(text_run *run)
{
    if (run->request != NULL) {
        davit_request_cancel(run->request);
        davit_status status = davit_request_wait(run->request);
        (void)status;
        davit_request_release(run->request);
    }
    davit_tensor_destroy(run->input.tensor);
    davit_tensor_destroy(run->output.tensor);
    memset(run, 0, sizeof(*run));
}

davit_status run_keep(const text_run *run, const char *path)
{
    enum { HEADER = 118 }; /* with the 10 bytes before it a multiple of 64 */
    const davit_tensor *tensor = run->input.tensor;
    char header[HEADER + 1];
    snprintf(header, sizeof(header),
             "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, %lld, %lld), }",
             (long long)tensor->desc.dims[2], (long long)tensor->desc.dims[3]);
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        fprintf(stderr, "read_text: %s: %s\n", path, strerror(errno));
        return DAVIT_IO_ERROR;
    }
    fprintf(file, "\x93NUMPY%c%c%c%c%-117s\n", 1, 0, HEADER, 0, header);
    fwrite(tensor->data, 1, davit_tensor_desc_bytes(&tensor->desc), file);
    if (fclose(file) != 0) {
        fprintf(stderr, "read_text: %s cannot be written\n", path);
        return DAVIT_IO_ERROR;
    }
    return DAVIT_OK;
}
