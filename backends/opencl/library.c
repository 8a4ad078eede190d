#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "device.h"

#define LOG_BYTES 4096

/* Not every driver's compiler takes several threads. */
static pthread_mutex_t compiling = PTHREAD_MUTEX_INITIALIZER;

/* Reports the compiler's first line of complaint. */
static void report_build(const davit_opencl_device *device, cl_program program, cl_int error,
                         const char *file)
{
    char log[LOG_BYTES] = "";
    char text[32];
    size_t bytes = 0;
    (void)device->api->clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG,
                                             sizeof(log) - 1, log, &bytes);
    const char *line = strstr(log, "error");
    line = line != NULL ? line : log;
    (void)davit_fail(device->base.options.diag, DAVIT_UNAVAILABLE,
                     "device '%s': its compiler refuses the kernels of '%s' (%s): %.*s",
                     device->base.info.name, file, davit_cl_error(error, text, sizeof(text)),
                     (int)strcspn(line, "\n"), line);
}

/* From source; NULL after a report. */
static cl_program compile(const davit_opencl_device *device, const davit_opencl_module *module)
{
    const char *texts[DAVIT_OPENCL_MAX_PARTS];
    size_t lengths[DAVIT_OPENCL_MAX_PARTS];
    char options[sizeof(device->options) + 160];
    cl_int error;
    size_t count = davit_opencl_module_parts(module, texts, lengths);
    cl_program program = device->api->clCreateProgramWithSource(device->context, (cl_uint)count,
                                                                texts, lengths, &error);
    if (program == NULL) {
        (void)davit_opencl_fail(device, error, "a program");
        return NULL;
    }
    (void)snprintf(options, sizeof(options), "%s %s", device->options, module->options);
    error = device->api->clBuildProgram(program, 1, &device->id, options, NULL, NULL);
    if (error != CL_SUCCESS) {
        report_build(device, program, error, module->file);
        (void)device->api->clReleaseProgram(program);
        return NULL;
    }
    return program;
}

static void finish(davit_opencl_device *device, size_t module, cl_program program)
{
    pthread_mutex_lock(&device->mutex);
    device->modules[module].program = program;
    device->modules[module].done = true;
    pthread_cond_broadcast(&device->built);
    pthread_mutex_unlock(&device->mutex);
}

static void build(davit_opencl_device *device, size_t module)
{
    uint64_t begin_ns = davit_clock_ns();
    pthread_mutex_lock(&compiling);
    cl_program program = davit_opencl_cache_load(device, module);
    bool cached = program != NULL;
    if (!cached) {
        program = compile(device, &davit_opencl_modules[module]);
    }
    pthread_mutex_unlock(&compiling);
    davit_log(device->base.options.diag, DAVIT_DEBUG, "device '%s': kernels of '%s' %s %.0f ms%s",
              device->base.info.name, davit_opencl_modules[module].file,
              cached ? "from the cache in" : "compiled in",
              (double)(davit_clock_ns() - begin_ns) * 1e-6,
              program == NULL ? ", and failed" : "");
    finish(device, module, program);
    if (!cached && program != NULL) {
        pthread_mutex_lock(&compiling);
        davit_opencl_cache_save(device, module, program);
        pthread_mutex_unlock(&compiling);
    }
}

static void *work(void *argument)
{
    davit_opencl_built *module = argument;
    davit_opencl_device *device = module->device;
    build(device, (size_t)(module - device->modules));
    pthread_mutex_lock(&device->mutex);
    device->jobs--;
    pthread_cond_broadcast(&device->built);
    pthread_mutex_unlock(&device->mutex);
    return NULL;
}

/* On a detached thread with all signals blocked; false when there is none to be had. */
static bool start(davit_opencl_device *device, size_t module)
{
    sigset_t all, before;
    pthread_attr_t attributes;
    pthread_t thread;
    device->modules[module].device = device;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&thread, &attributes, work, &device->modules[module]) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return started;
}

void davit_opencl_library_begin(davit_opencl_device *device, size_t module)
{
    pthread_mutex_lock(&device->mutex);
    bool begun = device->modules[module].begun;
    device->modules[module].begun = true;
    device->jobs += begun ? 0 : 1;
    pthread_mutex_unlock(&device->mutex);
    if (!begun && !start(device, module)) {
        pthread_mutex_lock(&device->mutex);
        device->jobs--;
        pthread_mutex_unlock(&device->mutex);
        build(device, module);
    }
}

static cl_program await(davit_opencl_device *device, size_t module)
{
    pthread_mutex_lock(&device->mutex);
    while (!device->modules[module].done) {
        pthread_cond_wait(&device->built, &device->mutex);
    }
    cl_program program = device->modules[module].program;
    pthread_mutex_unlock(&device->mutex);
    return program;
}

davit_status davit_opencl_library_kernel(davit_opencl_device *device, const char *name,
                                         cl_kernel *out)
{
    size_t module = davit_opencl_module_of(name);
    if (module == davit_opencl_module_count) {
        return davit_fail(device->base.options.diag, DAVIT_INTERNAL, "device '%s': no kernel '%s'",
                          device->base.info.name, name);
    }
    davit_opencl_library_begin(device, module);
    cl_program program = await(device, module);
    if (program == NULL) {
        return DAVIT_UNAVAILABLE; /* told when it was built */
    }
    cl_int error;
    cl_kernel kernel = device->api->clCreateKernel(program, name, &error);
    if (kernel == NULL) {
        return davit_opencl_fail(device, error, name);
    }
    *out = kernel;
    return DAVIT_OK;
}

void davit_opencl_library_free(davit_opencl_device *device)
{
    pthread_mutex_lock(&device->mutex);
    while (device->jobs > 0) {
        pthread_cond_wait(&device->built, &device->mutex);
    }
    pthread_mutex_unlock(&device->mutex);
    for (size_t i = 0; i < davit_opencl_module_count; i++) {
        if (device->modules[i].program != NULL) {
            (void)device->api->clReleaseProgram(device->modules[i].program);
        }
    }
}
