/* An open OpenCL device: its context, its compiled programs, and whether it still answers. */
#ifndef DAVIT_OPENCL_DEVICE_H
#define DAVIT_OPENCL_DEVICE_H

#include <pthread.h>

#include "api.h"
#include "davit/gpu_program.h"
#include "modules.h"
#include "tuning.h"

/* A module while it is compiled, and after. */
typedef struct davit_opencl_built {
    struct davit_opencl_device *device;
    bool begun, done;
    cl_program program; /* NULL where building failed */
} davit_opencl_built;

typedef struct davit_opencl_device {
    davit_device base;
    const davit_cl_api *api;
    cl_device_id id;
    cl_context context;
    cl_command_queue uploads; /* of constants; under mutex */
    davit_gpu_limits limits;
    davit_opencl_tuning tiles;
    davit_gpu_tuning tuning; /* over tiles */
    size_t max_buffer_bytes;
    char key[448];     /* what compiled programs depend on: device, driver, Davit's sources */
    char options[160]; /* of the compiler */
    bool is_cpu;
    pthread_mutex_t mutex;
    pthread_cond_t built;
    davit_opencl_built modules[DAVIT_OPENCL_MAX_MODULES];
    unsigned jobs; /* threads that compile or save */
    /* Something that ran past its deadline; NULL: nothing. While it goes on the device is lost. */
    cl_event stuck;
} davit_opencl_device;

/* What is known of an OpenCL device without opening it. */
typedef struct davit_opencl_found {
    cl_platform_id platform;
    cl_device_id id;
    cl_device_type type;
} davit_opencl_found;

#define DAVIT_OPENCL_MAX_DEVICES 16

/* The devices, GPUs first, then accelerators, then CPUs; returns how many. */
size_t davit_opencl_find(const davit_cl_api *api, davit_opencl_found *found);
void davit_opencl_describe(const davit_cl_api *api, const davit_opencl_found *found, uint32_t index,
                           davit_device_info *info);

davit_status davit_opencl_device_open(davit_backend *backend, const davit_device_info *info,
                                      const davit_device_options *options, davit_device **out);
void davit_opencl_device_close(davit_device *device);

/* Reports "device 'opencl:0': WHAT: CL_OUT_OF_RESOURCES" and returns the status that it means. */
davit_status davit_opencl_fail(const davit_opencl_device *device, cl_int error, const char *what);

/* DAVIT_OK, or DAVIT_DEVICE_LOST after a report while something that ran past its deadline goes on; it
 * is given two seconds more, at most until deadline_ns. */
DAVIT_NODISCARD davit_status davit_opencl_alive(davit_opencl_device *device, uint64_t deadline_ns);
/* The same without a report. */
bool davit_opencl_is_answering(davit_opencl_device *device);
/* Remembers what did not end in time; takes the reference of event over. */
void davit_opencl_set_stuck(davit_opencl_device *device, cl_event event);

/* Waits for an event until the deadline, for which the queue has been flushed. DAVIT_OK,
 * DAVIT_DEADLINE_EXCEEDED after a report (the event is then set aside), or a failure of the device. */
DAVIT_NODISCARD davit_status davit_opencl_wait(davit_opencl_device *device, cl_event event,
                                               uint64_t deadline_ns);

/* ---- compiled programs (library.c) ---- */

/* Begins to compile a module, on a thread of its own, unless that was begun before. */
void davit_opencl_library_begin(davit_opencl_device *device, size_t module);
/* Waits for a module and makes a kernel of it. */
DAVIT_NODISCARD davit_status davit_opencl_library_kernel(davit_opencl_device *device,
                                                         const char *name, cl_kernel *out);
/* Waits for what is being compiled, and lets go of all. */
void davit_opencl_library_free(davit_opencl_device *device);

/* ---- files of compiled programs (cache.c) ---- */

/* The program of a module from its file, built; NULL where there is none that works. */
cl_program davit_opencl_cache_load(const davit_opencl_device *device, size_t module);
/* Writes it; failures are only told at the level of details. */
void davit_opencl_cache_save(const davit_opencl_device *device, size_t module, cl_program program);

#endif
