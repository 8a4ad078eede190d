#include <math.h>
#include <stdio.h>
#include <string.h>

#include "davit/profile.h"
#include "davit/read_file.h"
#include "objects.h"

#define MAX_PLAN_BYTES ((size_t)64 << 20)

/* Splits "NAME=DEVICE" at its last '=': names of nodes may contain one. */
static davit_status parse_pin(davit_session *session, const char *text, davit_pin *pin)
{
    char *copy = davit_arena_strdup(&session->arena, text);
    if (copy == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    char *equals = strrchr(copy, '=');
    if (equals == NULL || equals == copy || equals[1] == '\0') {
        return davit_fail(&session->call.sink, DAVIT_INVALID_ARGUMENT,
                          "pin '%s': expected NAME=DEVICE", text);
    }
    *equals = '\0';
    *pin = (davit_pin){.name = copy, .device = equals + 1};
    return DAVIT_OK;
}

static davit_status read_plan(davit_session *session, const char *path,
                              const davit_plan_request *request)
{
    const davit_allocator *allocator = session->model->context->allocator;
    char *text;
    davit_status status =
        davit_read_file(allocator, path, MAX_PLAN_BYTES, &session->call.sink, &text, NULL);
    if (status == DAVIT_OK) {
        status = davit_plan_read(allocator, path, text, request, &session->call.sink,
                                 &session->current->plan);
        davit_free(allocator, text);
    }
    return status;
}

static davit_status parse_pins(davit_session *session, const davit_session_options *options)
{
    davit_pin *pins = davit_arena_alloc_array(&session->arena, options->pin_count, sizeof(*pins));
    if (pins == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < options->pin_count; i++) {
        davit_status status = parse_pin(session, options->pins[i], &pins[i]);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    session->request.pins = pins;
    session->request.pin_count = options->pin_count;
    return DAVIT_OK;
}

static bool computes_in(const davit_plan_device *device, davit_precision precision)
{
    const davit_device_profile *profile = &device->info.profile;
    bool known = (device->backend->table->precisions >> precision & 1) != 0;
    switch (precision) {
    case DAVIT_PRECISION_TF32:
        return known && profile->tf32_flops_per_s > 0;
    case DAVIT_PRECISION_BF16:
        return known && profile->kind == DAVIT_DEVICE_CPU && profile->bf16_flops_per_s > 0;
    default:
        return known;
    }
}

/* Tells the devices that can of the precision, and which do not by a line. Another description
 * means other measured times. */
static davit_status ask_precision(davit_precision precision, const davit_diagnostics *diag,
                                  davit_plan_device *devices, size_t count)
{
    static const char *const owners[DAVIT_PRECISION_COUNT] = {
        [DAVIT_PRECISION_TF32] = "NVIDIA GPUs from compute capability 8.0 on",
        [DAVIT_PRECISION_BF16] = "CPUs with AVX-512"};
    const char *name = davit_precision_name(precision);
    char others[400] = "";
    size_t used = 0, asked = 0;
    if (name == NULL) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT, "precision %u does not exist",
                          (unsigned)precision);
    }
    for (size_t d = 0; precision != DAVIT_PRECISION_F32 && d < count; d++) {
        davit_device_info *info = &devices[d].info;
        if (computes_in(&devices[d], precision)) {
            size_t end = strlen(info->description);
            (void)snprintf(info->description + end, sizeof(info->description) - end, ", %s", name);
            info->profile.precision = precision;
            asked++;
        } else if (used < sizeof(others)) {
            int length = snprintf(others + used, sizeof(others) - used, "%s%s",
                                  used > 0 ? ", " : "", info->name);
            used += length > 0 ? (size_t)length : 0;
        }
    }
    if (precision != DAVIT_PRECISION_F32 && asked == 0) {
        return davit_fail(diag, DAVIT_UNAVAILABLE,
                          "precision %s: none of the devices computes in it (%s); %s do", name,
                          others, owners[precision]);
    }
    if (used > 0) {
        davit_log(diag, DAVIT_INFO, "precision %s: f32 on %s", name, others);
    }
    return DAVIT_OK;
}

static davit_status choose_devices(davit_session *session, const davit_session_options *options)
{
    davit_plan_device *devices;
    davit_status status =
        davit_context_choose(session->model->context, options, &session->arena, &session->call.sink,
                             &devices, &session->request.device_count);
    session->request.devices = devices;
    if (status == DAVIT_OK) {
        status = ask_precision(options->precision, &session->call.sink, devices,
                               session->request.device_count);
    }
    for (size_t d = 0; status == DAVIT_OK && d < session->request.device_count; d++) {
        char key[DAVIT_DEVICE_KEY_BYTES] = "";
        if (devices[d].backend->table != &davit_profile_backend) {
            davit_device_key(devices[d].backend, &devices[d].info, options->threads, key);
        }
        devices[d].cost_key = davit_arena_strdup(&session->arena, key);
        status = devices[d].cost_key != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
    }
    return status;
}

/* True when costs decide something: two devices are weighed, or the costs are what is asked for. */
static bool costs_matter(const davit_session *session, const davit_session_options *options)
{
    size_t weighed = 0;
    for (size_t d = 0; d < session->request.device_count; d++) {
        davit_device_kind kind = session->request.devices[d].info.profile.kind;
        weighed += kind != DAVIT_DEVICE_REFERENCE && kind != DAVIT_DEVICE_NULL;
    }
    return options->place_only || weighed > 1;
}

static davit_status open_costs(davit_session *session, const davit_session_options *options)
{
    const davit_allocator *allocator = session->model->context->allocator;
    davit_status status = DAVIT_OK;
    if (costs_matter(session, options)) {
        status = davit_store_open(allocator, NULL, &session->call.sink, &session->store);
    }
    if (status == DAVIT_OK) {
        status = davit_cost_model_create(allocator, session->store, &session->cost);
    }
    return status;
}

const char *const *davit_session_choices(davit_session *session, davit_generation *generation)
{
    const davit_plan *plan = generation->plan;
    const char **texts = NULL;
    for (size_t d = 0; d < plan->device_count; d++) {
        const davit_plan_device *device = &plan->devices[d];
        if (!device->backend->table->tunes || device->cost_key == NULL) {
            continue;
        }
        if (session->store == NULL &&
            davit_store_open(session->model->context->allocator, NULL, &generation->call.sink,
                             &session->store) != DAVIT_OK) {
            return NULL;
        }
        texts = texts != NULL ? texts
                              : davit_arena_alloc_array(&generation->arena, plan->device_count,
                                                        sizeof(*texts));
        if (texts != NULL) {
            texts[d] = davit_store_choices(session->store, device->cost_key, &generation->arena);
        }
    }
    return texts;
}

/* Each kind must be one that devices of this build have. */
static davit_status check_no_fallback(const davit_session *session,
                                      const davit_session_options *options)
{
    const davit_registry *registry = &session->model->context->registry;
    for (const char *kind = options->no_fallback; kind != NULL;) {
        size_t length = strcspn(kind, ",");
        bool known = false;
        for (size_t i = 0; i < registry->count; i++) {
            const char *own = registry->backends[i].table->kind;
            known = known || (strlen(own) == length && strncmp(own, kind, length) == 0);
        }
        if (!known) {
            return davit_fail(&session->call.sink, DAVIT_NOT_FOUND,
                              "no fallback on '%.*s': there is no such kind of device; kinds are "
                              "what names begin with, as cpu, cuda, fpga, reference",
                              (int)length, kind);
        }
        kind = kind[length] == ',' ? kind + length + 1 : NULL;
    }
    return DAVIT_OK;
}

static davit_status check_objective(const davit_session *session,
                                    const davit_session_options *options)
{
    const davit_diagnostics *diag = &session->call.sink;
    if ((unsigned)options->objective > DAVIT_OBJECTIVE_ENERGY) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT, "objective %u does not exist",
                          (unsigned)options->objective);
    }
    if (!(options->latency_limit_s >= 0) || isinf(options->latency_limit_s)) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT, "a latency limit of %g seconds",
                          options->latency_limit_s);
    }
    if (options->latency_limit_s > 0 && options->objective != DAVIT_OBJECTIVE_ENERGY) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT,
                          "a latency limit goes with the objective energy");
    }
    return DAVIT_OK;
}

davit_status davit_session_plan(davit_session *session, const davit_session_options *options)
{
    static const davit_place_objective objectives[] = {
        [DAVIT_OBJECTIVE_LATENCY] = DAVIT_PLACE_LATENCY,
        [DAVIT_OBJECTIVE_THROUGHPUT] = DAVIT_PLACE_THROUGHPUT,
        [DAVIT_OBJECTIVE_ENERGY] = DAVIT_PLACE_ENERGY};
    const davit_context *context = session->model->context;
    const davit_diagnostics *diag = &session->call.sink;
    if (options->plan_path != NULL && options->pin_count > 0) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT,
                          "a plan places every unit: pins cannot be given with %s",
                          options->plan_path);
    }
    davit_status status = check_objective(session, options);
    if (status == DAVIT_OK) {
        status = check_no_fallback(session, options);
    }
    if (status == DAVIT_OK) {
        status = parse_pins(session, options);
    }
    if (status == DAVIT_OK) {
        status = choose_devices(session, options);
    }
    if (status == DAVIT_OK) {
        status = open_costs(session, options);
    }
    if (status == DAVIT_OK && options->plan_path != NULL) {
        status = davit_model_hash(session->model, diag);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    davit_plan_request *request = &session->request;
    request->graph = session->graph;
    request->model_sha256 = session->model->sha256;
    request->strict = options->strict;
    if (options->no_fallback != NULL) {
        request->no_fallback = davit_arena_strdup(&session->arena, options->no_fallback);
        if (request->no_fallback == NULL) {
            return DAVIT_OUT_OF_MEMORY;
        }
    }
    request->effort = options->effort;
    request->check_proof = options->place_only;
    request->cost = session->cost;
    request->objective = objectives[options->objective];
    request->latency_limit_s =
        options->latency_limit_s > 0 ? options->latency_limit_s : (double)INFINITY;
    request->inference_count = options->inference_count > 0 ? options->inference_count : 1000;
    if (options->reproducible) {
        status =
            davit_plan_find_float_device(request, &session->arena, diag, &request->float_device);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    session->current->request = *request;
    return options->plan_path != NULL
               ? read_plan(session, options->plan_path, request)
               : davit_plan_make(context->allocator, request, diag, &session->current->plan);
}
