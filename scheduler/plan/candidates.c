#include "candidates.h"

#include <stdio.h>
#include <string.h>

#include "plan_parts.h"

bool davit_candidate_weighed(const davit_plan_device *device)
{
    davit_device_kind kind = device->info.profile.kind;
    return kind != DAVIT_DEVICE_REFERENCE && kind != DAVIT_DEVICE_NULL;
}

/* Devices that exist only as profiles are marked as emulated too, but cannot be used. */
static bool is_emulated(const davit_plan_device *device)
{
    return device->info.emulated && device->info.unusable[0] == '\0';
}

/* True when the speeds of two devices say which is to be preferred. */
static bool comparable(const davit_plan_device *a, const davit_plan_device *b)
{
    return davit_candidate_weighed(a) && davit_candidate_weighed(b) &&
           is_emulated(a) == is_emulated(b);
}

bool davit_candidate_supported(const davit_plan_request *request, size_t device,
                               const davit_unit *unit, char *reason)
{
    const davit_plan_device *candidate = &request->devices[device];
    reason[0] = '\0';
    if (request->float_device != NULL && strcmp(candidate->info.name, request->float_device) != 0 &&
        davit_plan_computes_floats(request->graph, unit)) {
        snprintf(reason, DAVIT_REASON_BYTES, "all that computes floats is on %s",
                 request->float_device);
        return false;
    }
    return davit_backend_supports(candidate->backend, &candidate->info.profile, request->graph,
                                  unit, reason, DAVIT_REASON_BYTES);
}

/* No device, or with strict not the first, supports the unit: says why for each that was asked. */
static davit_status refuse(const davit_plan_request *request, const davit_diagnostics *diag,
                           const davit_unit *unit, size_t asked)
{
    const char *name = request->graph->nodes[unit->anchor].op->name;
    char reasons[512] = "";
    for (size_t d = 0; d < asked; d++) {
        char reason[DAVIT_REASON_BYTES];
        bool supported = davit_candidate_supported(request, d, unit, reason);
        davit_plan_append(reasons, sizeof(reasons), "%s%s: %s", d > 0 ? "; " : "",
                          request->devices[d].info.name,
                          supported ? "no fallback on this kind of device is allowed" : reason);
    }
    if (request->strict) {
        return davit_fail(diag, DAVIT_UNSUPPORTED,
                          "unit '%s' (%s) cannot run on the first device and strict allows no "
                          "other: %s",
                          unit->name, name, reasons);
    }
    return davit_fail(diag, DAVIT_UNSUPPORTED, "unit '%s' (%s): no device can run it: %s",
                      unit->name, name, reasons);
}

static davit_status allow_pinned(const davit_plan_request *request, const davit_diagnostics *diag,
                                 size_t unit, uint32_t device, const davit_candidates *found)
{
    if (!found->supported[unit * found->device_count + device]) {
        char reason[DAVIT_REASON_BYTES];
        const davit_unit *pinned = &request->graph->units[unit];
        (void)davit_candidate_supported(request, device, pinned, reason);
        return davit_fail(diag, DAVIT_UNSUPPORTED,
                          "unit '%s' (%s) is pinned to %s, which cannot run it: %s", pinned->name,
                          request->graph->nodes[pinned->anchor].op->name,
                          request->devices[device].info.name, reason);
    }
    found->allowed[unit * found->device_count + device] = true;
    return DAVIT_OK;
}

/* True when the kind of a device, "cuda" of "cuda:emu:1", is in a list of kinds. */
static bool is_listed(const char *kinds, const char *device)
{
    size_t length = strcspn(device, ":");
    for (const char *kind = kinds; kind != NULL;) {
        size_t kind_length = strcspn(kind, ",");
        if (kind_length == length && strncmp(kind, device, length) == 0) {
            return true;
        }
        kind = kind[kind_length] == ',' ? kind + kind_length + 1 : NULL;
    }
    return false;
}

/* True when the unit would fall back on a device of a kind that is not for that. */
static bool forbidden(const davit_plan_request *request, const bool *supported, size_t device)
{
    bool falls_back = request->placed != NULL || !supported[0];
    return falls_back && is_listed(request->no_fallback, request->devices[device].info.name);
}

static davit_status allow_free(const davit_plan_request *request, const davit_diagnostics *diag,
                               size_t unit, const davit_candidates *found)
{
    const bool *supported = &found->supported[unit * found->device_count];
    bool *allowed = &found->allowed[unit * found->device_count];
    size_t first = 0;
    while (first < found->device_count &&
           (!supported[first] || forbidden(request, supported, first))) {
        first++;
    }
    if (first == found->device_count || (request->strict && first > 0)) {
        return refuse(request, diag, &request->graph->units[unit],
                      request->strict ? 1 : found->device_count);
    }
    allowed[first] = true;
    for (size_t d = first + 1; d < found->device_count; d++) {
        allowed[d] = supported[d] && !forbidden(request, supported, d) &&
                     comparable(&request->devices[first], &request->devices[d]);
    }
    return DAVIT_OK;
}

static davit_status find(const davit_plan_request *request, const davit_diagnostics *diag,
                         const davit_candidates *found)
{
    const davit_graph *graph = request->graph;
    for (size_t u = 0; u < graph->unit_count; u++) {
        for (size_t d = 0; d < request->device_count; d++) {
            char reason[DAVIT_REASON_BYTES];
            found->supported[u * request->device_count + d] =
                davit_candidate_supported(request, d, &graph->units[u], reason);
        }
        davit_status status = found->pins[u] != DAVIT_NONE
                                  ? allow_pinned(request, diag, u, found->pins[u], found)
                                  : allow_free(request, diag, u, found);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    return DAVIT_OK;
}

davit_status davit_candidates_find(const davit_plan_request *request, davit_arena *arena,
                                   const davit_diagnostics *diag, davit_candidates *out)
{
    size_t units = request->graph->unit_count;
    size_t cells;
    if (!davit_mul_size(units, request->device_count, &cells)) {
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "out of memory for a plan");
    }
    uint32_t *pins = davit_arena_alloc_array(arena, units, sizeof(*pins));
    const davit_candidates found = {.device_count = request->device_count,
                                    .supported =
                                        davit_arena_alloc_array(arena, cells, sizeof(bool)),
                                    .allowed = davit_arena_alloc_array(arena, cells, sizeof(bool)),
                                    .pins = pins};
    if (pins == NULL || found.supported == NULL || found.allowed == NULL) {
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "out of memory for a plan");
    }
    davit_status status = davit_plan_resolve_pins(request, diag, pins);
    if (status == DAVIT_OK) {
        status = find(request, diag, &found);
    }
    if (status == DAVIT_OK) {
        *out = found;
    }
    return status;
}
