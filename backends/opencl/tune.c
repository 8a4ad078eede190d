/* The short search of `davit calibrate`: every tile on a product of each class, in turn. */
#include "tune.h"

#include <stdio.h>
#include <string.h>

#define ROUNDS 5
#define SKIP_S 2.0 /* a tile that takes longer is measured once */

/* A product that stands for its class. */
typedef struct subject {
    davit_opencl_device *device;
    bool s8;
    davit_opencl_class class;
    davit_gpu_product_params params;
    cl_command_queue queue;
    cl_mem memory[4]; /* x, w, one for bias, scale and correction, y */
} subject;

static const char *const class_names[DAVIT_OPENCL_CLASSES] = {"large", "shallow", "thin"};
static const int class_shapes[DAVIT_OPENCL_CLASSES][3] = {
    /* m, n, k */
    [DAVIT_OPENCL_LARGE] = {1024, 1024, 1024},
    [DAVIT_OPENCL_SHALLOW] = {3136, 256, 64},
    [DAVIT_OPENCL_THIN] = {1, 1024, 2048}};

static void shape(subject *s)
{
    const int *sizes = class_shapes[s->class];
    s->params = (davit_gpu_product_params){.images = sizes[0],
                                           .in_h = 1,
                                           .in_w = 1,
                                           .in_c = sizes[2],
                                           .out_h = 1,
                                           .out_w = 1,
                                           .out_c = sizes[1],
                                           .kernel_h = 1,
                                           .kernel_w = 1,
                                           .stride_h = 1,
                                           .stride_w = 1,
                                           .dilation_h = 1,
                                           .dilation_w = 1,
                                           .groups = 1,
                                           .group_in = sizes[2],
                                           .group_out = sizes[1],
                                           .pitch = sizes[2],
                                           .k_padded = sizes[2],
                                           .n_padded = sizes[1],
                                           .m = sizes[0],
                                           .k = sizes[2],
                                           .low = -1e6f,
                                           .high = 1e6f,
                                           .activation = -1};
}

static davit_status make_memory(subject *s)
{
    davit_opencl_device *device = s->device;
    size_t elem = s->s8 ? 1 : sizeof(float);
    const size_t bytes[4] = {(size_t)s->params.m * (size_t)s->params.k * elem,
                             (size_t)s->params.n_padded * (size_t)s->params.k_padded * elem,
                             (size_t)s->params.out_c * sizeof(float),
                             (size_t)s->params.m * (size_t)s->params.out_c * elem};
    const cl_uchar pattern = s->s8 ? 3 : 0; /* any bytes; f32: no denormals */
    davit_status status = DAVIT_OK;
    for (int i = 0; i < 4 && status == DAVIT_OK; i++) {
        status = davit_opencl_memory(device, bytes[i], "a measurement", &s->memory[i]);
        if (status == DAVIT_OK) {
            cl_int error = device->api->clEnqueueFillBuffer(s->queue, s->memory[i], &pattern, 1, 0,
                                                            bytes[i], 0, NULL, NULL);
            status = error == CL_SUCCESS ? DAVIT_OK
                                         : davit_opencl_fail(device, error, "a measurement");
        }
    }
    return status;
}

static davit_status make_kernel(const subject *s, const davit_opencl_tile *tile, cl_kernel *out)
{
    /* x, w, bias, scale, correction, residual, y */
    static const int places[7] = {0, 1, 2, 2, 2, -1, 3};
    const davit_cl_api *api = s->device->api;
    const cl_ulong offset = 0;
    davit_status status = davit_opencl_library_kernel(s->device, tile->kernels[s->s8], out);
    if (status != DAVIT_OK) {
        return status;
    }
    cl_int error = api->clSetKernelArg(*out, 0, sizeof(s->params), &s->params);
    for (cl_uint i = 0; i < 7 && error == CL_SUCCESS; i++) {
        const cl_mem *memory = places[i] >= 0 ? &s->memory[places[i]] : NULL;
        error = api->clSetKernelArg(*out, 1 + 2 * i, sizeof(cl_mem), memory);
        error = error == CL_SUCCESS
                    ? api->clSetKernelArg(*out, 2 + 2 * i, sizeof(offset), &offset)
                    : error;
    }
    if (error != CL_SUCCESS) {
        (void)api->clReleaseKernel(*out);
        return davit_opencl_fail(s->device, error, tile->name);
    }
    return DAVIT_OK;
}

static davit_status time_once(const subject *s, const davit_opencl_tile *tile, cl_kernel kernel,
                              double *seconds)
{
    const davit_cl_api *api = s->device->api;
    const size_t local[3] = {tile->threads, 1, 1};
    const size_t global[3] = {
        ((size_t)s->params.m + tile->tile_m - 1) / tile->tile_m * tile->threads,
        ((size_t)s->params.group_out + tile->tile_n - 1) / tile->tile_n, 1};
    cl_event event = NULL;
    uint64_t begin_ns = davit_clock_ns();
    cl_int error = api->clEnqueueNDRangeKernel(s->queue, kernel, 3, NULL, global, local, 0, NULL,
                                               &event);
    if (error != CL_SUCCESS) {
        return davit_opencl_fail(s->device, error, tile->name);
    }
    (void)api->clFlush(s->queue);
    davit_status status =
        davit_opencl_wait(s->device, event, davit_deadline_after(60u * 1000000000u));
    *seconds = (double)(davit_clock_ns() - begin_ns) * 1e-9;
    return status;
}

/* All tiles once for warming up, which compiles them, then ROUNDS times in turn. */
static davit_status measure(const subject *s, const cl_kernel *kernels, double (*samples)[ROUNDS],
                            size_t *counts)
{
    davit_status status = DAVIT_OK;
    for (int round = -1; round < ROUNDS && status == DAVIT_OK; round++) {
        for (size_t i = 0; i < davit_opencl_tile_count && status == DAVIT_OK; i++) {
            double seconds = 0;
            if (counts[i] == 1 && samples[i][0] > SKIP_S) {
                continue;
            }
            status = time_once(s, &davit_opencl_tiles[i], kernels[i], &seconds);
            if (round >= 0) {
                samples[i][counts[i]++] = seconds;
            }
        }
    }
    return status;
}

static davit_status tune_class(subject *s, davit_choice_found found, void *user)
{
    cl_kernel kernels[DAVIT_OPENCL_MAX_TILES] = {NULL};
    double samples[DAVIT_OPENCL_MAX_TILES][ROUNDS];
    size_t counts[DAVIT_OPENCL_MAX_TILES] = {0};
    char choice[32];
    shape(s);
    (void)snprintf(choice, sizeof(choice), "%s_%s", s->s8 ? "s8" : "f32", class_names[s->class]);
    davit_status status = make_memory(s);
    for (size_t i = 0; i < davit_opencl_tile_count && status == DAVIT_OK; i++) {
        status = make_kernel(s, &davit_opencl_tiles[i], &kernels[i]);
    }
    if (status == DAVIT_OK) {
        status = measure(s, kernels, samples, counts);
    }
    for (size_t i = 0; i < davit_opencl_tile_count; i++) {
        if (status == DAVIT_OK) {
            status = found(user, choice, davit_opencl_tiles[i].name, samples[i], counts[i]);
        }
        if (kernels[i] != NULL) {
            (void)s->device->api->clReleaseKernel(kernels[i]);
        }
    }
    for (int i = 0; i < 4; i++) {
        if (s->memory[i] != NULL) {
            (void)s->device->api->clReleaseMemObject(s->memory[i]);
            s->memory[i] = NULL;
        }
    }
    return status;
}

davit_status davit_opencl_tune(davit_device *base, davit_choice_found found, void *user)
{
    subject s = {.device = (davit_opencl_device *)base};
    cl_int error;
    s.queue =
        s.device->api->clCreateCommandQueue(s.device->context, s.device->id, 0, &error);
    if (s.queue == NULL) {
        return davit_opencl_fail(s.device, error, "a command queue");
    }
    davit_status status = DAVIT_OK;
    for (int s8 = 1; s8 >= 0; s8--) {
        for (int class = 0; class < DAVIT_OPENCL_CLASSES && status == DAVIT_OK; class++) {
            s.s8 = s8 != 0;
            s.class = (davit_opencl_class)class;
            status = tune_class(&s, found, user);
        }
    }
    if (davit_opencl_is_answering(s.device)) {
        (void)s.device->api->clReleaseCommandQueue(s.queue);
    }
    return status;
}

/* ---- what was chosen before ---- */

static bool take(davit_opencl_device *device, const char *choice, size_t choice_length,
                 const char *name, size_t name_length)
{
    char text[32];
    for (int s8 = 0; s8 < 2; s8++) {
        for (int class = 0; class < DAVIT_OPENCL_CLASSES; class++) {
            (void)snprintf(text, sizeof(text), "%s_%s", s8 ? "s8" : "f32", class_names[class]);
            if (strlen(text) != choice_length || strncmp(text, choice, choice_length) != 0) {
                continue;
            }
            for (size_t i = 0; i < davit_opencl_tile_count; i++) {
                if (strlen(davit_opencl_tiles[i].name) == name_length &&
                    strncmp(davit_opencl_tiles[i].name, name, name_length) == 0) {
                    device->tiles.tiles[s8][class] = (uint32_t)i;
                    return true;
                }
            }
        }
    }
    return false;
}

davit_status davit_opencl_read_choices(davit_opencl_device *device, const char *text)
{
    const davit_device_options *options = &device->base.options;
    while (*text != '\0') {
        size_t choice = strcspn(text, "=,");
        size_t whole = strcspn(text, ",");
        if (choice == whole ||
            !take(device, text, choice, text + choice + 1, whole - choice - 1)) {
            return davit_fail(options->diag, DAVIT_INVALID_ARGUMENT,
                              "device '%s': bad option '%s': CHOICE=NAME, as calibrate finds them",
                              device->base.info.name, text);
        }
        text += whole + (text[whole] == ',' ? 1 : 0);
    }
    return DAVIT_OK;
}
