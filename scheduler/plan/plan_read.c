#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "candidates.h"
#include "plan_parts.h"
#include "predict.h"

typedef struct reading {
    const char *path;
    const davit_plan_request *request;
    const davit_diagnostics *diag;
    davit_plan *plan;
    json_t *named; /* the plan's devices by name */
} reading;

/* What a plan says of how it was made. */
typedef struct read_prediction {
    const char *sha256; /* of the problem */
    const char *method, *bound_method;
    const json_t *certificate;
} read_prediction;

static davit_status out_of_memory(const reading *r)
{
    return davit_fail(r->diag, DAVIT_OUT_OF_MEMORY, "%s: out of memory", r->path);
}

/* The object at list[index] (index -1: the object list itself) lacks a key, has one too many, or
 * one of the wrong type; error is what json_unpack_ex said of it. */
static davit_status malformed(const reading *r, const char *list, int64_t index,
                              const json_error_t *error)
{
    if (index < 0) {
        return davit_fail(r->diag, DAVIT_BAD_DATA, "%s: not a davit plan: %s", r->path,
                          error->text);
    }
    return davit_fail(r->diag, DAVIT_BAD_DATA, "%s: not a davit plan: %s[%" PRId64 "]: %s", r->path,
                      list, index, error->text);
}

/* The devices that the plan names, by name; their figures are predicted anew. */
static davit_status read_devices(reading *r, const json_t *list, json_t *named)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *item = json_array_get(list, i);
        const char *name;
        const char *backend;
        char names[256];
        json_error_t error;
        if (json_unpack_ex(item, &error, 0, "{s:s, s:s}", "name", &name, "backend", &backend) !=
            0) {
            return malformed(r, "devices", (int64_t)i, &error);
        }
        uint32_t device = davit_plan_find_device(r->request, name);
        if (device == DAVIT_NONE) {
            return davit_fail(r->diag, DAVIT_NOT_FOUND,
                              "%s: needs device %s, which is not among those in use (%s); name it "
                              "in the device list, or make the plan again",
                              r->path, name,
                              davit_plan_device_names(r->request, names, sizeof(names)));
        }
        const char *driven_by = r->request->devices[device].backend->table->name;
        if (strcmp(driven_by, backend) != 0) {
            return davit_fail(r->diag, DAVIT_NOT_FOUND,
                              "%s: made for device %s of backend %s, here %s drives it; make the "
                              "plan again",
                              r->path, name, backend, driven_by);
        }
        if (json_object_set(named, name, item) != 0) {
            return out_of_memory(r);
        }
    }
    return DAVIT_OK;
}

/* Reads a JSON shape; false when it is none. */
static bool read_shape(const json_t *shape, int64_t *dims, int *rank)
{
    size_t count = json_array_size(shape);
    if (!json_is_array(shape) || count > DAVIT_MAX_RANK) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *dim = json_array_get(shape, i);
        if (!json_is_integer(dim) || json_integer_value(dim) < 0) {
            return false;
        }
        dims[i] = json_integer_value(dim);
    }
    *rank = (int)count;
    return true;
}

static davit_status read_input(const reading *r, const json_t *item, size_t index)
{
    const char *name;
    const char *type;
    json_t *shape;
    int64_t dims[DAVIT_MAX_RANK];
    int rank;
    json_error_t error;
    if (json_unpack_ex((json_t *)item, &error, JSON_STRICT, "{s:s, s:s, s:o}", "name", &name,
                       "type", &type, "shape", &shape) != 0) {
        return malformed(r, "inputs", (int64_t)index, &error);
    }
    if (!read_shape(shape, dims, &rank)) {
        return davit_fail(r->diag, DAVIT_BAD_DATA,
                          "%s: not a davit plan: the shape of input '%s' is not a list of at most "
                          "%d sizes",
                          r->path, name, DAVIT_MAX_RANK);
    }
    const davit_program_io *binding = &r->plan->bindings[index];
    const char *expected = r->request->graph->values[binding->value].name;
    if (strcmp(name, expected) != 0) {
        return davit_fail(
            r->diag, DAVIT_BAD_DATA,
            "%s: made for an input '%s' where the model has '%s'; make the plan again", r->path,
            name, expected);
    }
    const davit_tensor_desc *desc = &binding->desc;
    if (strcmp(type, davit_dtype_name(desc->dtype)) != 0 || rank != desc->rank ||
        memcmp(dims, desc->dims, (size_t)rank * sizeof(dims[0])) != 0) {
        char made_for[128];
        char here[128];
        return davit_fail(r->diag, DAVIT_INVALID_ARGUMENT,
                          "%s: made for input '%s' of %s %s, here it is %s %s; give that shape, or "
                          "make the plan again",
                          r->path, name, type,
                          davit_shape_text(dims, rank, made_for, sizeof(made_for)),
                          davit_dtype_name(desc->dtype),
                          davit_shape_text(desc->dims, desc->rank, here, sizeof(here)));
    }
    return DAVIT_OK;
}

static davit_status read_inputs(const reading *r, const json_t *list)
{
    if (json_array_size(list) != r->plan->binding_count) {
        return davit_fail(r->diag, DAVIT_BAD_DATA,
                          "%s: has %zu inputs, the model has %zu; make the plan again", r->path,
                          json_array_size(list), r->plan->binding_count);
    }
    for (size_t i = 0; i < r->plan->binding_count; i++) {
        davit_status status = read_input(r, json_array_get(list, i), i);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    return DAVIT_OK;
}

/* The entries of the list by unit name: what is looked up in read_units. */
static davit_status index_units(const reading *r, const json_t *list, json_t *by_name)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *item = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(item, "name"));
        if (name == NULL) {
            return davit_fail(r->diag, DAVIT_BAD_DATA,
                              "%s: not a davit plan: units[%zu] has no name", r->path, i);
        }
        if (json_object_get(by_name, name) != NULL) {
            return davit_fail(r->diag, DAVIT_BAD_DATA, "%s: unit '%s' is placed twice", r->path,
                              name);
        }
        if (json_object_set(by_name, name, item) != 0) {
            return out_of_memory(r);
        }
    }
    return DAVIT_OK;
}

static davit_status check_unit(const reading *r, const davit_unit *unit,
                               const davit_plan_unit *placed)
{
    const davit_plan_device *device = &r->plan->devices[placed->device];
    char reason[DAVIT_REASON_BYTES];
    uint32_t index = davit_plan_find_device(r->request, device->info.name);
    if (!davit_candidate_supported(r->request, index, unit, reason)) {
        return davit_fail(r->diag, DAVIT_UNSUPPORTED,
                          "%s: places unit '%s' (%s) on %s, which cannot run it: %s", r->path,
                          unit->name, r->request->graph->nodes[unit->anchor].op->name,
                          device->info.name, reason);
    }
    if (r->request->strict && placed->fallback) {
        return davit_fail(r->diag, DAVIT_UNSUPPORTED,
                          "%s: unit '%s' falls back to %s, which strict does not allow", r->path,
                          unit->name, device->info.name);
    }
    return DAVIT_OK;
}

static davit_status read_unit(const reading *r, json_t *item, size_t id)
{
    const davit_unit *unit = &r->request->graph->units[id];
    davit_plan_unit *placed = &r->plan->units[id];
    const char *name;
    const char *operator_name;
    const char *device;
    const char *reason;
    int fallback;
    json_error_t error;
    if (json_unpack_ex(item, &error, 0, "{s:s, s:s, s:s, s:b, s:s}", "name", &name, "operator",
                       &operator_name, "device", &device, "fallback", &fallback, "reason",
                       &reason) != 0) {
        return davit_fail(r->diag, DAVIT_BAD_DATA, "%s: not a davit plan: unit '%s': %s", r->path,
                          unit->name, error.text);
    }
    if (json_object_get(r->named, device) == NULL) {
        return davit_fail(r->diag, DAVIT_BAD_DATA,
                          "%s: unit '%s' is on device %s, which the plan does not list", r->path,
                          unit->name, device);
    }
    placed->device = davit_plan_find_device(r->request, device);
    char lack[DAVIT_REASON_BYTES];
    placed->fallback = strcmp(reason, DAVIT_REASON_PINNED) != 0 && placed->device > 0 &&
                       !davit_candidate_supported(r->request, 0, unit, lack);
    placed->reason = davit_arena_strdup(&r->plan->arena, reason);
    if (placed->reason == NULL) {
        return out_of_memory(r);
    }
    return check_unit(r, unit, placed);
}

static davit_status read_units(const reading *r, const json_t *list)
{
    json_t *by_name = json_object();
    if (by_name == NULL) {
        return out_of_memory(r);
    }
    davit_status status = index_units(r, list, by_name);
    for (size_t u = 0; status == DAVIT_OK && u < r->plan->unit_count; u++) {
        const char *name = r->request->graph->units[u].name;
        json_t *item = json_object_get(by_name, name);
        if (item == NULL) {
            status = davit_fail(r->diag, DAVIT_BAD_DATA,
                                "%s: does not place unit '%s' of the model; make the plan again",
                                r->path, name);
            break;
        }
        status = read_unit(r, item, u);
        json_object_del(by_name, name);
    }
    const char *unknown = json_object_iter_key(json_object_iter(by_name));
    if (status == DAVIT_OK && unknown != NULL) {
        status = davit_fail(r->diag, DAVIT_BAD_DATA,
                            "%s: places unit '%s', which the model does not have; make the plan "
                            "again",
                            r->path, unknown);
    }
    json_decref(by_name);
    return status;
}

static davit_status check_version(const reading *r, const json_t *root)
{
    const json_t *version = json_object_get(root, "schema_version");
    if (!json_is_integer(version)) {
        return davit_fail(r->diag, DAVIT_BAD_DATA,
                          "%s: not a davit plan: no schema_version at its top level", r->path);
    }
    if (json_integer_value(version) != DAVIT_PLAN_SCHEMA_VERSION) {
        return davit_fail(r->diag, DAVIT_UNSUPPORTED,
                          "%s: plan format %" PRId64 ", this davit reads format %d; make the plan "
                          "again",
                          r->path, (int64_t)json_integer_value(version), DAVIT_PLAN_SCHEMA_VERSION);
    }
    return DAVIT_OK;
}

static davit_status read_objective(const reading *r, const char *name,
                                   davit_place_objective *objective)
{
    static const davit_place_objective known[] = {DAVIT_PLACE_LATENCY, DAVIT_PLACE_THROUGHPUT,
                                                  DAVIT_PLACE_ENERGY};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(davit_plan_objective_name(known[i]), name) == 0) {
            *objective = known[i];
            return DAVIT_OK;
        }
    }
    return davit_fail(r->diag, DAVIT_BAD_DATA, "%s: not a davit plan: objective '%s'", r->path,
                      name);
}

/* What is proved of a plan is taken over where the problem is still the same. */
static davit_status take_proof(reading *r, const davit_plan_request *request,
                               const davit_unit_problem *made, const read_prediction *read)
{
    const davit_place_options options = davit_plan_place_options(request);
    davit_plan_prediction *prediction = &r->plan->prediction;
    davit_arena *arena = &r->plan->arena;
    char *text = json_dumps(read->certificate, JSON_COMPACT | JSON_REAL_PRECISION(17));
    if (text == NULL) {
        return out_of_memory(r);
    }
    davit_diagnostics_buffer told;
    davit_diagnostics_buffer_init(&told);
    davit_status status = davit_place_certificate_check(
        &made->problem, &options, text, arena->allocator, &told.sink, &prediction->bound);
    prediction->certificate = davit_arena_strdup(arena, text);
    prediction->method = davit_arena_strdup(arena, read->method);
    prediction->bound_method = davit_arena_strdup(arena, read->bound_method);
    free(text);
    if (status == DAVIT_UNSUPPORTED) {
        davit_log(r->diag, DAVIT_WARNING, "%s: %s; its bound is left out", r->path, told.text);
        prediction->bound = 0;
        prediction->certificate = prediction->method = prediction->bound_method = "";
        return DAVIT_OK;
    }
    if (status != DAVIT_OK) {
        return davit_fail(r->diag, status, "%s: %s; make the plan again", r->path, told.text);
    }
    if (prediction->certificate == NULL || prediction->method == NULL ||
        prediction->bound_method == NULL) {
        return out_of_memory(r);
    }
    return DAVIT_OK;
}

/* A plan may place a unit where davit_plan_make would not. */
static davit_status allow_placed(reading *r, davit_unit_problem *made)
{
    size_t devices = r->plan->device_count;
    bool *only = davit_arena_alloc_array(&r->plan->arena, devices, sizeof(*only));
    if (only == NULL) {
        return out_of_memory(r);
    }
    for (uint32_t u = 0; u < r->plan->unit_count; u++) {
        uint32_t device = r->plan->units[u].device;
        if (!made->candidates.allowed[u * devices + device]) {
            only[device] = true;
            davit_unit_problem_choose(made, u, only, device);
            only[device] = false;
        }
    }
    return DAVIT_OK;
}

/* The figures are predicted with the costs of this machine as they are now. */
static davit_status predict_as(reading *r, davit_plan_request *request, const read_prediction *read)
{
    davit_unit_problem made = {0};
    davit_status status = davit_plan_take_pins(r->plan, &r->plan->arena, request);
    status = status == DAVIT_OK ? status : out_of_memory(r);
    if (status == DAVIT_OK) {
        status = davit_unit_problem_make(r->plan->arena.allocator, request, r->diag, &made);
    }
    if (status == DAVIT_OK && request->check_proof && json_is_object(read->certificate)) {
        if (strcmp(read->sha256, made.sha256) == 0) {
            status = take_proof(r, request, &made, read);
        } else {
            davit_log(
                r->diag, DAVIT_WARNING,
                "%s: costs or devices have changed since it was made: its proof does not hold "
                "any more; make the plan again for a new one",
                r->path);
        }
    }
    if (status == DAVIT_OK) {
        status = allow_placed(r, &made);
    }
    if (status == DAVIT_OK) {
        status = davit_plan_predict(r->plan, request, &made, r->diag);
    }
    if (status == DAVIT_OK && r->plan->prediction.latency_s > request->latency_limit_s) {
        davit_log(r->diag, DAVIT_WARNING,
                  "%s: takes %.4g ms with the costs known here, above its latency limit of %.4g ms",
                  r->path, r->plan->prediction.latency_s * 1e3, request->latency_limit_s * 1e3);
    }
    if (status == DAVIT_OK) {
        status = davit_plan_say_unused(r->plan, request, &made, r->diag);
    }
    davit_unit_problem_clear(&made);
    return status;
}

static davit_status predict(reading *r, json_t *prediction)
{
    davit_plan_request request = *r->request;
    read_prediction read;
    const char *objective;
    json_error_t error;
    request.latency_limit_s = (double)INFINITY;
    if (json_unpack_ex(prediction, &error, 0, "{s:s, s?F, s:s, s:s, s:s, s:o}", "objective",
                       &objective, "latency_limit_s", &request.latency_limit_s, "problem_sha256",
                       &read.sha256, "method", &read.method, "bound_method", &read.bound_method,
                       "certificate", &read.certificate) != 0) {
        return davit_fail(r->diag, DAVIT_BAD_DATA, "%s: not a davit plan: prediction: %s", r->path,
                          error.text);
    }
    if (!(request.latency_limit_s > 0)) {
        return davit_fail(r->diag, DAVIT_BAD_DATA, "%s: not a davit plan: latency_limit_s %g",
                          r->path, request.latency_limit_s);
    }
    davit_status status = read_objective(r, objective, &request.objective);
    return status == DAVIT_OK ? predict_as(r, &request, &read) : status;
}

static davit_status read_parts(reading *r, const json_t *devices, const json_t *inputs,
                               const json_t *units)
{
    if (!json_is_array(inputs) || json_array_size(devices) == 0 || !json_is_array(units)) {
        return davit_fail(r->diag, DAVIT_BAD_DATA,
                          "%s: not a davit plan: inputs, devices and units must be lists, devices "
                          "not an empty one",
                          r->path);
    }
    r->named = json_object();
    davit_status status = r->named != NULL ? read_devices(r, devices, r->named) : out_of_memory(r);
    if (status == DAVIT_OK) {
        status = read_inputs(r, inputs);
    }
    if (status == DAVIT_OK) {
        status = read_units(r, units);
    }
    json_decref(r->named);
    return status;
}

static davit_status read_plan(reading *r, json_t *root)
{
    int version;
    const char *sha256;
    json_t *prediction;
    json_t *inputs;
    json_t *devices;
    json_t *units;
    json_t *copies;
    json_t *explanation = NULL;
    json_error_t error;
    davit_status status = check_version(r, root);
    if (status != DAVIT_OK) {
        return status;
    }
    if (json_unpack_ex(root, &error, JSON_STRICT, "{s:i, s:s, s:o, s:o, s:o, s:o, s:o, s?o}",
                       "schema_version", &version, "model_sha256", &sha256, "prediction",
                       &prediction, "inputs", &inputs, "devices", &devices, "units", &units,
                       "copies", &copies, "explanation", &explanation) != 0) {
        return malformed(r, NULL, -1, &error);
    }
    if (strcmp(sha256, r->request->model_sha256) != 0) {
        return davit_fail(r->diag, DAVIT_INVALID_ARGUMENT,
                          "%s: made for another model (sha256 %.12s, this one's is %.12s); make "
                          "the plan again",
                          r->path, sha256, r->request->model_sha256);
    }
    status = read_parts(r, devices, inputs, units);
    return status == DAVIT_OK ? predict(r, prediction) : status;
}

davit_status davit_plan_read(const davit_allocator *allocator, const char *path, const char *text,
                             const davit_plan_request *request, const davit_diagnostics *diag,
                             davit_plan **out)
{
    *out = NULL;
    json_error_t error;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        return davit_fail(diag, DAVIT_BAD_DATA, "%s: not JSON: line %d, column %d: %s", path,
                          error.line, error.column, error.text);
    }
    reading r = {.path = path, .request = request, .diag = diag};
    davit_status status = davit_plan_create(allocator, request, diag, &r.plan);
    if (status == DAVIT_OK) {
        status = read_plan(&r, root);
    }
    json_decref(root);
    if (status != DAVIT_OK) {
        davit_plan_destroy(r.plan);
        return status;
    }
    *out = r.plan;
    return DAVIT_OK;
}
