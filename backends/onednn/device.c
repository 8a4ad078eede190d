#include "device.h"

#include <signal.h>

#include "davit/host_buffer.h"
#include "davit/host_queue.h"
#include "parallel.h"
#include "program.h"

/* ---- programs ---- */

typedef struct build_job {
    davit_onednn_device *device;
    const davit_program_spec *spec;
    davit_onednn_program *program;
    davit_status status;
} build_job;

static void *run_build(void *data)
{
    build_job *job = data;
    const davit_device_options *options = &job->device->base.options;
    job->status = DAVIT_OK;
    if (options->bind_thread != NULL) {
        job->status = options->bind_thread(options->bind_user, &job->device->base.info);
    }
    if (job->status == DAVIT_OK) {
        (void)davit_onednn_set_threads(job->device->threads);
        job->status = davit_onednn_program_build(job->device, job->spec, &job->program);
    }
    return NULL;
}

/* Starts the thread with all signals blocked: they are the host program's. */
static int start_build(build_job *job, pthread_t *thread)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(thread, NULL, run_build, job);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

/* On a thread of its own, with the device's number of OpenMP threads, which oneDNN plans for; the
 * caller's own OpenMP settings stay as they are. */
static davit_status program_build(davit_device *base, const davit_program_spec *spec,
                                  davit_program **out)
{
    build_job job = {.device = (davit_onednn_device *)base, .spec = spec};
    pthread_t thread;
    if (start_build(&job, &thread) != 0) {
        return davit_fail(base->options.diag, DAVIT_OUT_OF_MEMORY,
                          "device '%s': no thread to build a program on", base->info.name);
    }
    pthread_join(thread, NULL);
    if (job.status == DAVIT_OK) {
        *out = &job.program->base;
    }
    return job.status;
}

static void program_free(davit_program *program)
{
    davit_onednn_program_destroy((davit_onednn_program *)program);
}

static void program_info(const davit_program *base, davit_program_info *info)
{
    const davit_onednn_program *program = (const davit_onednn_program *)base;
    info->scratch_bytes = program->activation_bytes;
    info->constant_bytes = program->constant_bytes;
    info->weights_found = davit_weight_cache_found(program->cache);
    info->unit_implementations = program->implementations;
    info->units_grouped = program->grouped;
}

/* ---- queues ---- */

static davit_status start(davit_device *base)
{
    (void)davit_onednn_set_threads(((davit_onednn_device *)base)->threads);
    return DAVIT_OK;
}

/* With more threads each caller would start OpenMP threads of its own; those of a node are bound. */
static bool enter(davit_device *base, davit_thread_state *before)
{
    bool can = ((davit_onednn_device *)base)->threads == 1 && base->info.ordinal == 0;
    if (can) {
        before->threads = davit_onednn_set_threads(1);
        (void)fegetenv(&before->floats);
        (void)fesetenv(FE_DFL_ENV);
    }
    return can;
}

static void leave(const davit_thread_state *before)
{
    (void)davit_onednn_set_threads(before->threads);
    (void)fesetenv(&before->floats);
}

static davit_status execute(davit_device *base, davit_program *program, void *const *pointers,
                            uint64_t *unit_ns, uint64_t deadline_ns)
{
    davit_onednn_device *device = (davit_onednn_device *)base;
    pthread_mutex_lock(&device->turn);
    davit_status status = davit_onednn_program_execute((davit_onednn_program *)program, pointers,
                                                       unit_ns, deadline_ns);
    pthread_mutex_unlock(&device->turn);
    return status;
}

static davit_status queue_create(davit_device *device, davit_queue **out)
{
    static const davit_host_queue_ops ops = {
        .start = start, .execute = execute, .enter = enter, .leave = leave};
    return davit_host_queue_create(device, &ops, out);
}

/* ---- life ---- */

static void close_device(davit_device *base)
{
    davit_onednn_device *device = (davit_onednn_device *)base;
    (void)dnnl_engine_destroy(device->engine);
    (void)pthread_mutex_destroy(&device->turn);
    davit_free(base->options.allocator, device);
}

static const davit_device_table device_table = {
    .abi_version = DAVIT_BACKEND_ABI_VERSION,
    .struct_size = sizeof(davit_device_table),
    .close = close_device,
    .buffer_alloc = davit_host_buffer_alloc,
    .buffer_free = davit_host_buffer_free,
    .buffer_map = davit_host_buffer_map,
    .program_build = program_build,
    .program_free = program_free,
    .program_info = program_info,
    .queue_create = queue_create,
    .queue_free = davit_host_queue_free,
    .queue_submit = davit_host_queue_submit,
};

static uint32_t thread_count(const davit_host_info *host, uint32_t ordinal, uint32_t asked)
{
    uint32_t cores = host != NULL ? host->core_count : 1;
    if (ordinal > 0 && host != NULL && host->node_count > 1) {
        cores /= host->node_count;
    }
    if (asked > 0) {
        return asked;
    }
    return cores > 0 ? cores : 1;
}

davit_status davit_onednn_device_open(davit_backend *backend, const davit_device_info *info,
                                      const davit_device_options *options, davit_device **out)
{
    davit_onednn_device *device = davit_alloc(options->allocator, sizeof(*device));
    if (device == NULL) {
        return davit_fail(options->diag, DAVIT_OUT_OF_MEMORY, "device '%s': no memory", info->name);
    }
    device->threads = thread_count(backend->host, info->ordinal, options->threads);
    davit_status status = davit_dnnl_status(
        options->diag, dnnl_engine_create(&device->engine, dnnl_cpu, 0), "engine");
    if (status != DAVIT_OK) {
        goto free_device;
    }
    if (pthread_mutex_init(&device->turn, NULL) != 0) {
        status =
            davit_fail(options->diag, DAVIT_OUT_OF_MEMORY, "device '%s': no mutex", info->name);
        goto destroy_engine;
    }
    if (info->profile.precision == DAVIT_PRECISION_BF16 && !davit_dnnl_has_bf16()) {
        davit_log(options->diag, DAVIT_WARNING,
                  "device '%s': this processor has no bf16 instructions: oneDNN emulates them, which "
                  "is slower than f32",
                  info->name);
    }
    device->base.table = &device_table;
    *out = &device->base;
    return DAVIT_OK;

destroy_engine:
    (void)dnnl_engine_destroy(device->engine);
free_device:
    davit_free(options->allocator, device);
    return status;
}
