#include "tune.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Of extensions; not in the headers of OpenCL 1.2. */
#define DEVICE_PCI_BUS_INFO 0x410f
#define DEVICE_PCI_BUS_ID_NV 0x4008
#define DEVICE_PCI_SLOT_ID_NV 0x4009

#define MIN_GROUP_THREADS 256
#define MAX_PLATFORMS 8
#define GRACE_NS 2000000000u

typedef struct pci_bus_info {
    cl_uint domain, bus, device, function;
} pci_bus_info;

/* ---- finding ---- */

static int rank_of(cl_device_type type)
{
    return (type & CL_DEVICE_TYPE_GPU) != 0 ? 0 : (type & CL_DEVICE_TYPE_ACCELERATOR) != 0 ? 1 : 2;
}

static int by_rank(const void *a, const void *b)
{
    const davit_opencl_found *const *x = a, *const *y = b;
    int difference = rank_of((*x)->type) - rank_of((*y)->type);
    return difference != 0 ? difference : *x < *y ? -1 : 1; /* pointers into one array: stable */
}

size_t davit_opencl_find(const davit_cl_api *api, davit_opencl_found *found)
{
    davit_opencl_found all[DAVIT_OPENCL_MAX_DEVICES];
    const davit_opencl_found *order[DAVIT_OPENCL_MAX_DEVICES];
    cl_platform_id platforms[MAX_PLATFORMS];
    cl_uint platform_count = 0;
    size_t count = 0;
    if (api->clGetPlatformIDs(MAX_PLATFORMS, platforms, &platform_count) != CL_SUCCESS) {
        return 0;
    }
    for (cl_uint i = 0; i < platform_count && i < MAX_PLATFORMS; i++) {
        cl_device_id ids[DAVIT_OPENCL_MAX_DEVICES];
        cl_uint id_count = 0;
        cl_uint room = (cl_uint)(DAVIT_OPENCL_MAX_DEVICES - count);
        if (room == 0 || api->clGetDeviceIDs(platforms[i], CL_DEVICE_TYPE_ALL, room, ids,
                                             &id_count) != CL_SUCCESS) {
            continue;
        }
        for (cl_uint k = 0; k < id_count && k < room; k++) {
            all[count] = (davit_opencl_found){.platform = platforms[i], .id = ids[k]};
            (void)api->clGetDeviceInfo(ids[k], CL_DEVICE_TYPE, sizeof(all[count].type),
                                       &all[count].type, NULL);
            order[count] = &all[count];
            count++;
        }
    }
    qsort(order, count, sizeof(order[0]), by_rank);
    for (size_t i = 0; i < count; i++) {
        found[i] = *order[i];
    }
    return count;
}

/* ---- describing ---- */

static void device_text(const davit_cl_api *api, cl_device_id id, cl_device_info what, char *text,
                        size_t bytes)
{
    text[0] = '\0';
    if (api->clGetDeviceInfo(id, what, bytes, text, NULL) != CL_SUCCESS) {
        text[0] = '\0';
    }
    text[bytes - 1] = '\0';
}

static uint64_t device_number(const davit_cl_api *api, cl_device_id id, cl_device_info what)
{
    uint64_t value = 0; /* little-endian: also right for the smaller types */
    return api->clGetDeviceInfo(id, what, sizeof(value), &value, NULL) == CL_SUCCESS ? value : 0;
}

static bool has_extension(const davit_cl_api *api, cl_device_id id, const char *name)
{
    char extensions[8192];
    device_text(api, id, CL_DEVICE_EXTENSIONS, extensions, sizeof(extensions));
    const char *at = strstr(extensions, name);
    return at != NULL && (at[strlen(name)] == ' ' || at[strlen(name)] == '\0');
}

static void find_pci_address(const davit_cl_api *api, cl_device_id id, char *text)
{
    pci_bus_info info = {0};
    text[0] = '\0';
    if (has_extension(api, id, "cl_khr_pci_bus_info") &&
        api->clGetDeviceInfo(id, DEVICE_PCI_BUS_INFO, sizeof(info), &info, NULL) == CL_SUCCESS) {
        (void)snprintf(text, DAVIT_PCI_ADDRESS_BYTES, "%04x:%02x:%02x.%x", info.domain,
                       info.bus & 0xff, info.device & 0x1f, info.function & 7);
    } else if (has_extension(api, id, "cl_nv_device_attribute_query")) {
        cl_uint bus = (cl_uint)device_number(api, id, DEVICE_PCI_BUS_ID_NV);
        cl_uint slot = (cl_uint)device_number(api, id, DEVICE_PCI_SLOT_ID_NV);
        (void)snprintf(text, DAVIT_PCI_ADDRESS_BYTES, "0000:%02x:%02x.%x", bus & 0xff,
                       slot >> 3 & 0x1f, slot & 7);
    }
}

/* What a device of that many units and that clock may reach, roughly: what calibration replaces. */
static void guess_rates(davit_device_profile *profile, uint64_t units, uint64_t clock_mhz,
                        bool is_cpu)
{
    double lanes = is_cpu ? 16.0 : 64.0;
    profile->f32_flops_per_s = (double)units * (double)clock_mhz * 1e6 * lanes * 2.0;
    profile->s8_ops_per_s = profile->f32_flops_per_s;
    profile->memory_bytes_per_s = is_cpu ? 1e10 : 1e11;
    profile->launch_ns = 20000;
    profile->efficiency = (davit_efficiency_profile){.convolution = 0.2,
                                                     .depthwise = 0.05,
                                                     .gemm = 0.3,
                                                     .s8_convolution = 0.2,
                                                     .s8_depthwise = 0.05,
                                                     .s8_gemm = 0.3,
                                                     .elementwise = 0.1,
                                                     .memory = 0.5,
                                                     .confidence = 0.1};
    profile->link = (davit_link_profile){.to_device_bytes_per_s = is_cpu ? 8e9 : 1e10,
                                         .to_host_bytes_per_s = is_cpu ? 8e9 : 1e10,
                                         .latency_ns = 20000};
}

static const char *defect_of(const davit_cl_api *api, cl_device_id id, char *text, size_t bytes)
{
    char version[128];
    int major = 0, minor = 0;
    device_text(api, id, CL_DEVICE_VERSION, version, sizeof(version));
    if (sscanf(version, "OpenCL %d.%d", &major, &minor) != 2 ||
        major * 10 + minor < 12) { /* floor */
        (void)snprintf(text, bytes, "it has '%.40s', and OpenCL 1.2 is needed", version);
    } else if (device_number(api, id, CL_DEVICE_COMPILER_AVAILABLE) == 0) {
        (void)snprintf(text, bytes, "its driver has no compiler");
    } else if (device_number(api, id, CL_DEVICE_ENDIAN_LITTLE) == 0) {
        (void)snprintf(text, bytes, "it is big-endian");
    } else if (device_number(api, id, CL_DEVICE_MAX_WORK_GROUP_SIZE) < MIN_GROUP_THREADS) {
        (void)snprintf(text, bytes, "its groups have fewer than %d threads", MIN_GROUP_THREADS);
    } else {
        text[0] = '\0';
    }
    return text;
}

void davit_opencl_describe(const davit_cl_api *api, const davit_opencl_found *found, uint32_t index,
                           davit_device_info *info)
{
    char name[96], driver[48], platform[64] = "";
    bool is_cpu = rank_of(found->type) == 2;
    *info = (davit_device_info){.emulated = is_cpu, .ordinal = index};
    device_text(api, found->id, CL_DEVICE_NAME, name, sizeof(name));
    device_text(api, found->id, CL_DRIVER_VERSION, driver, sizeof(driver));
    (void)api->clGetPlatformInfo(found->platform, CL_PLATFORM_NAME, sizeof(platform), platform,
                                 NULL);
    platform[sizeof(platform) - 1] = '\0';
    (void)snprintf(info->name, sizeof(info->name), "opencl:%u", index);
    (void)snprintf(info->description, sizeof(info->description), "%.60s; %.40s %.20s", name,
                   platform, driver);
    (void)defect_of(api, found->id, info->unusable, sizeof(info->unusable));
    find_pci_address(api, found->id, info->pci_address);
    info->profile.kind = DAVIT_DEVICE_GPU;
    (void)snprintf(info->profile.name, sizeof(info->profile.name), "%.60s", name);
    info->profile.memory_bytes = device_number(api, found->id, CL_DEVICE_GLOBAL_MEM_SIZE);
    guess_rates(&info->profile, device_number(api, found->id, CL_DEVICE_MAX_COMPUTE_UNITS),
                device_number(api, found->id, CL_DEVICE_MAX_CLOCK_FREQUENCY), is_cpu);
}

/* ---- failures ---- */

davit_status davit_opencl_fail(const davit_opencl_device *device, cl_int error, const char *what)
{
    char text[32];
    davit_status status = error == CL_MEM_OBJECT_ALLOCATION_FAILURE ||
                                  error == CL_OUT_OF_HOST_MEMORY || error == CL_OUT_OF_RESOURCES ||
                                  error == CL_INVALID_BUFFER_SIZE
                              ? DAVIT_OUT_OF_MEMORY
                              : DAVIT_DEVICE_LOST;
    return davit_fail(device->base.options.diag, status, "device '%s': %s: %s",
                      device->base.info.name, what, davit_cl_error(error, text, sizeof(text)));
}

static bool has_ended(const davit_opencl_device *device, cl_event event, cl_int *state)
{
    *state = CL_COMPLETE;
    cl_int error = device->api->clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS,
                                               sizeof(*state), state, NULL);
    *state = error != CL_SUCCESS ? error : *state;
    return *state <= CL_COMPLETE;
}

bool davit_opencl_is_answering(davit_opencl_device *device)
{
    cl_int state;
    pthread_mutex_lock(&device->mutex);
    if (device->stuck != NULL && has_ended(device, device->stuck, &state)) {
        (void)device->api->clReleaseEvent(device->stuck);
        device->stuck = NULL;
    }
    bool answers = device->stuck == NULL;
    pthread_mutex_unlock(&device->mutex);
    return answers;
}

davit_status davit_opencl_alive(davit_opencl_device *device, uint64_t deadline_ns)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    uint64_t grace_ns = davit_deadline_after(GRACE_NS);
    uint64_t end_ns = grace_ns < deadline_ns ? grace_ns : deadline_ns;
    while (!davit_opencl_is_answering(device)) {
        if (davit_clock_ns() >= end_ns) {
            return davit_fail(device->base.options.diag, DAVIT_DEVICE_LOST,
                              "device '%s' is lost: a kernel that ran past its deadline goes on",
                              device->base.info.name);
        }
        (void)nanosleep(&pause, NULL);
    }
    return DAVIT_OK;
}

void davit_opencl_set_stuck(davit_opencl_device *device, cl_event event)
{
    pthread_mutex_lock(&device->mutex);
    cl_event before = device->stuck;
    device->stuck = event;
    pthread_mutex_unlock(&device->mutex);
    if (before != NULL) {
        (void)device->api->clReleaseEvent(before);
    }
}

davit_status davit_opencl_wait(davit_opencl_device *device, cl_event event, uint64_t deadline_ns)
{
    /* A callback would have to outlive what never ends; looking costs at most a millisecond. */
    long pause_ns = 5000;
    cl_int state;
    while (!has_ended(device, event, &state)) {
        if (davit_clock_ns() >= deadline_ns) {
            davit_opencl_set_stuck(device, event);
            return davit_fail(device->base.options.diag, DAVIT_DEADLINE_EXCEEDED,
                              "device '%s': the deadline passed while kernels ran",
                              device->base.info.name);
        }
        const struct timespec pause = {.tv_nsec = pause_ns};
        (void)nanosleep(&pause, NULL);
        pause_ns = pause_ns < 500000 ? pause_ns + pause_ns / 4 : pause_ns;
    }
    (void)device->api->clReleaseEvent(event);
    return state == CL_COMPLETE ? DAVIT_OK : davit_opencl_fail(device, state, "a command failed");
}

/* ---- opening ---- */

static uint64_t hash_text(uint64_t hash, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
    }
    return hash;
}

/* FNV-1a over the sources. */
static uint64_t hash_sources(void)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < davit_opencl_sources_count; i++) {
        hash = hash_text(hash, (const char *)davit_opencl_sources[i].text,
                         davit_opencl_sources[i].bytes);
    }
    return hash;
}

static void read_limits(davit_opencl_device *device)
{
    const davit_cl_api *api = device->api;
    cl_device_id id = device->id;
    device->limits = (davit_gpu_limits){
        .compute_units = (uint32_t)device_number(api, id, CL_DEVICE_MAX_COMPUTE_UNITS),
        .max_group_threads = (uint32_t)device_number(api, id, CL_DEVICE_MAX_WORK_GROUP_SIZE),
        .shared_bytes = (uint32_t)device_number(api, id, CL_DEVICE_LOCAL_MEM_SIZE),
        .offset_alignment = DAVIT_ALIGNMENT};
    device->max_buffer_bytes = device_number(api, id, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
    bool exact = (device_number(api, id, CL_DEVICE_SINGLE_FP_CONFIG) &
                  CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT) != 0;
    bool dot = has_extension(api, id, "cl_khr_integer_dot_product");
    device->limits.features = dot ? DAVIT_GPU_S8_DOT : 0;
    (void)snprintf(device->options, sizeof(device->options), "%s%s%s",
                   dot ? "-cl-std=CL3.0" : "-cl-std=CL1.2",
                   exact ? " -cl-fp32-correctly-rounded-divide-sqrt -DDAVIT_EXACT_DIVIDE" : "",
                   dot ? " -DDAVIT_DOT_PRODUCT" : "");
}

static void make_key(davit_opencl_device *device, const davit_opencl_found *found)
{
    char name[128], version[64], platform[192];
    device_text(device->api, device->id, CL_DEVICE_NAME, name, sizeof(name));
    device_text(device->api, device->id, CL_DRIVER_VERSION, version, sizeof(version));
    if (device->api->clGetPlatformInfo(found->platform, CL_PLATFORM_VERSION, sizeof(platform),
                                       platform, NULL) != CL_SUCCESS) {
        platform[0] = '\0'; /* none of that length */
    }
    (void)snprintf(device->key, sizeof(device->key), "%s|%s|%s|%016llx", name, version, platform,
                   (unsigned long long)hash_sources());
}

static davit_status open_context(davit_opencl_device *device, const davit_opencl_found *found)
{
    const cl_context_properties properties[] = {CL_CONTEXT_PLATFORM,
                                                (cl_context_properties)found->platform, 0};
    cl_int error;
    device->context =
        device->api->clCreateContext(properties, 1, &device->id, NULL, NULL, &error);
    if (device->context == NULL) {
        return davit_opencl_fail(device, error, "cannot be opened");
    }
    device->uploads = device->api->clCreateCommandQueue(device->context, device->id, 0, &error);
    if (device->uploads == NULL) {
        (void)device->api->clReleaseContext(device->context);
        return davit_opencl_fail(device, error, "a command queue");
    }
    return DAVIT_OK;
}

davit_status davit_opencl_device_open(davit_backend *backend, const davit_device_info *info,
                                      const davit_device_options *options, davit_device **out)
{
    const char *reason;
    davit_opencl_found found[DAVIT_OPENCL_MAX_DEVICES];
    const davit_cl_api *api = davit_cl_open(&reason);
    (void)backend;
    if (api == NULL || davit_opencl_find(api, found) <= info->ordinal) {
        return davit_fail(options->diag, DAVIT_UNAVAILABLE, "device '%s': %s", info->name,
                          api == NULL ? reason : "it is there no more");
    }
    davit_opencl_device *device = davit_alloc(options->allocator, sizeof(*device));
    if (device == NULL) {
        return davit_fail(options->diag, DAVIT_OUT_OF_MEMORY, "device '%s': no memory", info->name);
    }
    device->base.info = *info;
    device->base.options = *options;
    device->api = api;
    device->id = found[info->ordinal].id;
    device->is_cpu = rank_of(found[info->ordinal].type) == 2;
    read_limits(device);
    device->tiles = davit_opencl_tuning_default(device->is_cpu);
    device->tuning = (davit_gpu_tuning){.choose = davit_opencl_choose, .user = &device->tiles};
    make_key(device, &found[info->ordinal]);
    davit_status status =
        davit_opencl_read_choices(device, options->backend_options != NULL ? options->backend_options
                                                                           : "");
    if (status == DAVIT_OK) {
        status = open_context(device, &found[info->ordinal]);
    }
    if (status != DAVIT_OK) {
        davit_free(options->allocator, device);
        return status;
    }
    pthread_mutex_init(&device->mutex, NULL);
    pthread_cond_init(&device->built, NULL);
    *out = &device->base;
    return DAVIT_OK;
}

/* Of a device that does not answer, what the driver holds is set aside: releasing could wait for
 * ever. */
void davit_opencl_device_close(davit_device *base)
{
    davit_opencl_device *device = (davit_opencl_device *)base;
    davit_opencl_library_free(device);
    cl_int state;
    if (device->stuck == NULL || has_ended(device, device->stuck, &state)) {
        if (device->stuck != NULL) {
            (void)device->api->clReleaseEvent(device->stuck);
        }
        (void)device->api->clReleaseCommandQueue(device->uploads);
        (void)device->api->clReleaseContext(device->context);
    }
    pthread_cond_destroy(&device->built);
    pthread_mutex_destroy(&device->mutex);
    davit_free(base->options.allocator, device);
}
