#include "davit/cuda.h"

#include <stdio.h>

#include "davit/roofline.h"
#include "blas.h"
#include "device.h"
#include "images.h"

/* Adds the devices of a driver; one entry that says why where there are none. */
static void list_devices(davit_cuda_driver_kind kind, davit_device_info *infos, size_t capacity,
                         size_t *count)
{
    const davit_cuda_driver *driver = davit_cuda_driver_open(kind);
    bool emulated = kind == DAVIT_CUDA_EMULATED;
    const char *problem = driver->unusable;
    int found = 0;
    size_t images;
    (void)davit_cuda_images(kind, &images);
    if (problem[0] == '\0' && driver->device_count(&found) != CUDA_RESULT_SUCCESS) {
        problem = "the driver does not say how many devices there are";
    } else if (problem[0] == '\0' && found == 0) {
        problem = emulated ? "DAVIT_CUDAEMU_DEVICES is 0" : "the driver sees no device";
    }
    for (int i = 0; i < (found > 0 ? found : 1); i++, (*count)++) {
        if (*count >= capacity) {
            continue;
        }
        davit_device_info *info = &infos[*count];
        *info = (davit_device_info){.emulated = emulated,
                                    .ordinal = (uint32_t)i,
                                    .profile = {.kind = DAVIT_DEVICE_GPU, .name = "CUDA device"}};
        (void)snprintf(info->name, sizeof(info->name), emulated ? "cuda:emu:%d" : "cuda:%d", i);
        if (emulated && i == 0) {
            (void)snprintf(info->name, sizeof(info->name), "cuda:emu");
        }
        (void)snprintf(info->description, sizeof(info->description), "%sCUDA device",
                       emulated ? "emulated " : "");
        (void)snprintf(info->unusable, sizeof(info->unusable), "%s", problem);
        if (found > 0) {
            davit_cuda_describe(driver, i, info);
        }
        if (info->unusable[0] == '\0' && images == 0) {
            (void)snprintf(info->unusable, sizeof(info->unusable),
                           "this build has no CUDA kernels: it was made without nvcc");
        }
    }
}

/* Where decisions are told: opening the library takes its time. */
static void tell_library(const davit_diagnostics *diag)
{
    if (diag != NULL && diag->level >= DAVIT_INFO) {
        const davit_cuda_blas *library = davit_cuda_blas_open(DAVIT_CUDA_REAL);
        davit_log(diag, DAVIT_INFO, "CUDA: %s%s",
                  library->unusable[0] == '\0' ? "large products by " : "no cuBLASLt: ",
                  library->unusable[0] == '\0' ? library->name : library->unusable);
    }
}

static davit_status enumerate(davit_backend *backend, const davit_diagnostics *diag,
                              davit_device_info *infos, size_t capacity, size_t *count)
{
    (void)backend;
    *count = 0;
    list_devices(DAVIT_CUDA_REAL, infos, capacity, count);
    if (davit_cuda_driver_open(DAVIT_CUDA_REAL)->unusable[0] == '\0') {
        tell_library(diag);
    }
    list_devices(DAVIT_CUDA_EMULATED, infos, capacity, count);
    return DAVIT_OK;
}

static bool supports(const davit_device_profile *profile, const davit_graph *graph,
                     const davit_unit *unit, char *reason, size_t reason_bytes)
{
    (void)profile;
    return davit_gpu_supports(graph, unit, reason, reason_bytes);
}

static davit_status cost(const davit_device_profile *profile, const davit_graph *graph,
                         const davit_unit *unit, davit_unit_cost *out)
{
    if (profile->f32_flops_per_s <= 0 || profile->memory_bytes_per_s <= 0) {
        davit_roofline_cost(profile, graph, unit, out);
        return DAVIT_OK;
    }
    *out = (davit_unit_cost){.seconds = davit_roofline_seconds(profile, graph, unit),
                             .confidence = profile->efficiency.confidence};
    return DAVIT_OK;
}

const davit_backend_table davit_cuda_backend = {
    .abi_version = DAVIT_BACKEND_ABI_VERSION,
    .struct_size = sizeof(davit_backend_table),
    .name = "cuda",
    .kind = "cuda",
    .enumerate = enumerate,
    .supports = supports,
    .cost = cost,
    .open = davit_cuda_open,
    .precisions = 1u << DAVIT_PRECISION_TF32,
};
