#include "davit/plan.h"

#include <stdio.h>
#include <string.h>

#include "plan_parts.h"

#define REASON_BYTES 160

typedef struct placing {
    const davit_plan_request *request;
    const davit_diagnostics *diag;
    davit_plan *plan;
    const uint32_t *pinned; /* by unit: device or DAVIT_NONE */
    size_t *asked;          /* by device: how many units it was tried for, without pins */
    size_t *placed;         /* by device: how many units run there */
} placing;

static const char *operator_name(const davit_graph *graph, const davit_unit *unit)
{
    return graph->nodes[unit->anchor].op->name;
}

static bool supports(const placing *p, size_t device, const davit_unit *unit, char *reason)
{
    const davit_plan_device *candidate = &p->request->devices[device];
    reason[0] = '\0';
    return davit_backend_supports(candidate->backend, &candidate->info.profile, p->request->graph,
                                  unit, reason, REASON_BYTES);
}

static davit_status place_pinned(placing *p, davit_unit_id id, uint32_t device)
{
    const davit_graph *graph = p->request->graph;
    const davit_unit *unit = &graph->units[id];
    char reason[REASON_BYTES];
    if (!supports(p, device, unit, reason)) {
        return davit_fail(
            p->diag, DAVIT_UNSUPPORTED, "unit '%s' (%s) is pinned to %s, which cannot run it: %s",
            unit->name, operator_name(graph, unit), p->request->devices[device].info.name, reason);
    }
    p->plan->units[id] = (davit_plan_unit){.device = device, .reason = "pinned"};
    p->placed[device]++;
    return DAVIT_OK;
}

/* No device, or with strict not the first, supports the unit: says why for each that was asked. */
static davit_status refuse(const placing *p, const davit_unit *unit, size_t asked)
{
    const char *name = operator_name(p->request->graph, unit);
    char reasons[512] = "";
    for (size_t d = 0; d < asked; d++) {
        char reason[REASON_BYTES];
        (void)supports(p, d, unit, reason);
        davit_plan_append(reasons, sizeof(reasons), "%s%s: %s", d > 0 ? "; " : "",
                          p->request->devices[d].info.name, reason);
    }
    if (p->request->strict) {
        return davit_fail(p->diag, DAVIT_UNSUPPORTED,
                          "unit '%s' (%s) cannot run on the first device and strict allows no "
                          "other: %s",
                          unit->name, name, reasons);
    }
    return davit_fail(p->diag, DAVIT_UNSUPPORTED, "unit '%s' (%s): no device can run it: %s",
                      unit->name, name, reasons);
}

static davit_status place_free(placing *p, davit_unit_id id)
{
    const davit_unit *unit = &p->request->graph->units[id];
    size_t count = p->request->strict ? 1 : p->request->device_count;
    char first_reason[REASON_BYTES];
    char reason[REASON_BYTES];
    size_t device = 0;
    p->asked[0]++;
    bool found = supports(p, 0, unit, first_reason);
    while (!found && ++device < count) {
        p->asked[device]++;
        found = supports(p, device, unit, reason);
    }
    if (!found) {
        return refuse(p, unit, count);
    }
    davit_plan_unit *placed = &p->plan->units[id];
    placed->device = (uint32_t)device;
    placed->fallback = device > 0;
    placed->reason = device == 0
                         ? "first device"
                         : davit_arena_printf(&p->plan->arena, "%s: %s",
                                              p->request->devices[0].info.name, first_reason);
    if (placed->reason == NULL) {
        return davit_fail(p->diag, DAVIT_OUT_OF_MEMORY, "out of memory for a plan");
    }
    p->placed[device]++;
    return DAVIT_OK;
}

static davit_status place_all(placing *p)
{
    for (size_t u = 0; u < p->plan->unit_count; u++) {
        davit_unit_id id = (davit_unit_id)u;
        davit_status status =
            p->pinned[u] != DAVIT_NONE ? place_pinned(p, id, p->pinned[u]) : place_free(p, id);
        if (status != DAVIT_OK) {
            return status;
        }
        davit_log(
            p->diag, DAVIT_DEBUG, "unit '%s' runs on %s (%s)", p->request->graph->units[u].name,
            p->request->devices[p->plan->units[u].device].info.name, p->plan->units[u].reason);
    }
    return DAVIT_OK;
}

/* Appends "2 run on reference (NonZero, Unique)" for the fallbacks to one device; returns how many
 * there are. */
static size_t describe_fallbacks(const placing *p, uint32_t device, char *text, size_t bytes)
{
    const davit_graph *graph = p->request->graph;
    bool seen[DAVIT_OP_COUNT] = {false};
    char operators[512] = "";
    size_t count = 0;
    for (size_t u = 0; u < p->plan->unit_count; u++) {
        if (!p->plan->units[u].fallback || p->plan->units[u].device != device) {
            continue;
        }
        count++;
        const davit_op_info *op = graph->nodes[graph->units[u].anchor].op;
        if (!seen[op->op]) {
            davit_plan_append(operators, sizeof(operators), "%s%s",
                              operators[0] != '\0' ? ", " : "", op->name);
            seen[op->op] = true;
        }
    }
    if (count > 0) {
        davit_plan_append(text, bytes, "%s%zu %s on %s (%s)", text[0] != '\0' ? ", " : "", count,
                          count == 1 ? "runs" : "run", p->request->devices[device].info.name,
                          operators);
    }
    return count;
}

static void warn_of_fallbacks(const placing *p)
{
    char text[800] = "";
    size_t count = 0;
    for (size_t d = 1; d < p->request->device_count; d++) {
        count += describe_fallbacks(p, (uint32_t)d, text, sizeof(text));
    }
    if (count > 0) {
        davit_log(p->diag, DAVIT_WARNING, "%s cannot run %zu of %zu units: %s",
                  p->request->devices[0].info.name, count, p->plan->unit_count, text);
    }
}

static void log_unused_devices(const placing *p)
{
    for (size_t d = 0; d < p->request->device_count; d++) {
        if (p->placed[d] > 0) {
            continue;
        }
        const char *why = p->asked[d] > 0            ? "it supports none of the units left for it"
                          : p->plan->unit_count == 0 ? "the model has no units to run"
                          : d == 0                   ? "every unit is pinned to another device"
                                   : "the devices before it in the list run every unit";
        davit_log(p->diag, DAVIT_INFO, "device %s is not used: %s",
                  p->request->devices[d].info.name, why);
    }
}

static davit_status make(placing *p)
{
    const davit_plan_request *request = p->request;
    davit_plan *plan = p->plan;
    davit_arena *arena = &plan->arena;
    uint32_t *pinned = davit_arena_alloc_array(arena, plan->unit_count, sizeof(*pinned));
    plan->devices = davit_arena_alloc_array(arena, request->device_count, sizeof(*plan->devices));
    p->asked = davit_arena_alloc_array(arena, request->device_count, sizeof(*p->asked));
    p->placed = davit_arena_alloc_array(arena, request->device_count, sizeof(*p->placed));
    if (pinned == NULL || plan->devices == NULL || p->asked == NULL || p->placed == NULL) {
        return davit_fail(p->diag, DAVIT_OUT_OF_MEMORY, "out of memory for a plan");
    }
    memcpy(plan->devices, request->devices, request->device_count * sizeof(*plan->devices));
    plan->device_count = request->device_count;
    p->pinned = pinned;
    davit_status status = davit_plan_resolve_pins(request, p->diag, pinned);
    if (status == DAVIT_OK) {
        status = place_all(p);
    }
    if (status == DAVIT_OK) {
        warn_of_fallbacks(p);
        log_unused_devices(p);
    }
    return status;
}

davit_status davit_plan_make(const davit_allocator *allocator, const davit_plan_request *request,
                             const davit_diagnostics *diag, davit_plan **out)
{
    *out = NULL;
    if (request->device_count == 0) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT, "no device to place the model on");
    }
    placing p = {.request = request, .diag = diag};
    davit_status status = davit_plan_create(allocator, request, diag, &p.plan);
    if (status != DAVIT_OK) {
        return status;
    }
    status = make(&p);
    if (status != DAVIT_OK) {
        davit_plan_destroy(p.plan);
        return status;
    }
    *out = p.plan;
    return DAVIT_OK;
}
