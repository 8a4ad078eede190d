#include "predict.h"

#include <stdio.h>
#include <string.h>

/* In percent of the solver's usual effort. An explanation solves for each unit and device: at 25,
 * that of ResNet-50 over three devices takes half a minute on two cores, and its plans are the
 * same. */
enum { EFFORT = 25 };

davit_place_options davit_plan_place_options(const davit_plan_request *request)
{
    return (davit_place_options){.objective = request->objective,
                                 .latency_limit_s = request->latency_limit_s,
                                 .effort = request->effort > 0 ? request->effort : EFFORT};
}

double davit_timeline_objective(const davit_place_timeline *timeline,
                                davit_place_objective objective)
{
    switch (objective) {
    case DAVIT_PLACE_THROUGHPUT:
        return timeline->period_s;
    case DAVIT_PLACE_ENERGY:
        return timeline->joules;
    default:
        return timeline->latency_s;
    }
}

double davit_plan_objective_value(const davit_plan *plan)
{
    const davit_place_timeline timeline = {.latency_s = plan->prediction.latency_s,
                                           .period_s = plan->prediction.period_s,
                                           .joules = plan->prediction.joules};
    return davit_timeline_objective(&timeline, plan->prediction.objective);
}

double davit_plan_gap(const davit_plan *plan)
{
    double value = davit_plan_objective_value(plan);
    return value > 0 ? (value - plan->prediction.bound) / value : 0;
}

char *davit_objective_text(davit_place_objective objective, double value, char *text, size_t bytes)
{
    snprintf(text, bytes, "%.4g %s", value * 1e3, objective == DAVIT_PLACE_ENERGY ? "mJ" : "ms");
    return text;
}

static davit_status out_of_memory(const davit_diagnostics *diag)
{
    return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "out of memory for a plan");
}

static uint32_t *placement_of(const davit_plan *plan, davit_arena *arena)
{
    uint32_t *devices = davit_arena_alloc_array(arena, plan->unit_count, sizeof(*devices));
    for (size_t u = 0; devices != NULL && u < plan->unit_count; u++) {
        devices[u] = plan->units[u].device;
    }
    return devices;
}

/* The first device whose units need more memory than it has. */
static davit_status refuse_memory(const davit_plan *plan, const davit_place_problem *problem,
                                  const davit_place_timeline *timeline,
                                  const davit_diagnostics *diag)
{
    for (size_t d = 0; d < plan->device_count; d++) {
        double limit = problem->devices[d].memory_bytes;
        if (timeline->loads[d].memory_bytes > limit) {
            return davit_fail(diag, DAVIT_UNSUPPORTED,
                              "device %s has %.0f bytes of memory, its %u units need %.0f",
                              plan->devices[d].info.name, limit, timeline->loads[d].node_count,
                              timeline->loads[d].memory_bytes);
        }
    }
    return davit_fail(diag, DAVIT_UNSUPPORTED, "the plan cannot be carried out");
}

static void take_event(davit_plan *plan, const davit_unit_problem *made,
                       const davit_place_event *event)
{
    if (event->kind == DAVIT_PLACE_COMPUTE) {
        plan->units[event->index].start_s = event->start_s;
        plan->units[event->index].end_s = event->end_s;
        return;
    }
    plan->copies[plan->copy_count++] = (davit_plan_copy){.value = made->values[event->index],
                                                         .device = event->device,
                                                         .to_device = event->kind == DAVIT_PLACE_IN,
                                                         .start_s = event->start_s,
                                                         .end_s = event->end_s};
}

static davit_status take(davit_plan *plan, const davit_plan_request *request,
                         const davit_unit_problem *made, const davit_place_timeline *timeline,
                         const davit_diagnostics *diag)
{
    davit_plan_prediction *prediction = &plan->prediction;
    size_t copies = 0;
    for (size_t e = 0; e < timeline->event_count; e++) {
        copies += timeline->events[e].kind != DAVIT_PLACE_COMPUTE;
    }
    plan->copies = davit_arena_alloc_array(&plan->arena, copies, sizeof(*plan->copies));
    if (plan->copies == NULL) {
        return out_of_memory(diag);
    }
    for (size_t e = 0; e < timeline->event_count; e++) {
        take_event(plan, made, &timeline->events[e]);
    }
    for (size_t d = 0; d < plan->device_count; d++) {
        plan->loads[d] = (davit_plan_load){.load = timeline->loads[d], .unused = ""};
    }
    for (size_t u = 0; u < plan->unit_count; u++) {
        plan->units[u].cost = made->estimates[u * plan->device_count + plan->units[u].device];
    }
    prediction->objective = request->objective;
    prediction->latency_limit_s = request->latency_limit_s;
    prediction->latency_s = timeline->latency_s;
    prediction->period_s = timeline->period_s;
    prediction->joules = timeline->joules;
    memcpy(prediction->problem_sha256, made->sha256, sizeof(prediction->problem_sha256));
    return DAVIT_OK;
}

davit_status davit_plan_predict(davit_plan *plan, const davit_plan_request *request,
                                const davit_unit_problem *made, const davit_diagnostics *diag)
{
    const davit_allocator *allocator = plan->arena.allocator;
    uint32_t *devices = placement_of(plan, &plan->arena);
    davit_place_timeline timeline;
    davit_place_fault fault;
    if (devices == NULL || davit_place_simulate(&made->problem, devices, true, allocator, &timeline,
                                                &fault) != DAVIT_OK) {
        return out_of_memory(diag);
    }
    davit_status status = fault == DAVIT_PLACE_MEMORY_EXCEEDED
                              ? refuse_memory(plan, &made->problem, &timeline, diag)
                              : take(plan, request, made, &timeline, diag);
    davit_place_timeline_clear(&timeline);
    return status;
}

/* ---- devices without units ---- */

enum { MOST_MOVES = 1000 }; /* beyond it, single moves are not tried */

typedef struct best_move {
    size_t unit;
    double objective;
    size_t tried, late; /* late: beyond the latency limit */
} best_move;

/* The least objective when one unit moves to a device. */
static davit_status find_best_move(const davit_plan *plan, const davit_unit_problem *made,
                                   uint32_t *devices, uint32_t device, best_move *best)
{
    *best = (best_move){.objective = (double)INFINITY};
    for (size_t u = 0; u < plan->unit_count && plan->unit_count <= MOST_MOVES; u++) {
        if (!made->candidates.allowed[u * plan->device_count + device]) {
            continue;
        }
        davit_place_timeline timeline;
        davit_place_fault fault;
        devices[u] = device;
        davit_status status = davit_place_simulate(&made->problem, devices, false,
                                                   plan->arena.allocator, &timeline, &fault);
        devices[u] = plan->units[u].device;
        if (status != DAVIT_OK) {
            return status;
        }
        double objective = davit_timeline_objective(&timeline, plan->prediction.objective);
        bool late = timeline.latency_s > plan->prediction.latency_limit_s;
        davit_place_timeline_clear(&timeline);
        best->tried++;
        best->late += late;
        if (fault == DAVIT_PLACE_FEASIBLE && !late && objective < best->objective) {
            best->unit = u;
            best->objective = objective;
        }
    }
    return DAVIT_OK;
}

static const char *describe_move(davit_plan *plan, const davit_plan_request *request,
                                 const best_move *best)
{
    char moved[32], planned[32];
    if (best->tried == 0) {
        return "no plan that uses it is better";
    }
    if (best->objective >= (double)INFINITY) {
        return best->late > 0 ? "no single unit can move there within the latency limit"
                              : "no unit that it could run fits its memory";
    }
    return davit_arena_printf(
        &plan->arena, "no single unit gains by moving there: the best, '%s', gives %s, the plan %s",
        request->graph->units[best->unit].name,
        davit_objective_text(request->objective, best->objective, moved, sizeof(moved)),
        davit_objective_text(request->objective, davit_plan_objective_value(plan), planned,
                             sizeof(planned)));
}

static davit_status say_unused(davit_plan *plan, const davit_plan_request *request,
                               const davit_unit_problem *made, uint32_t *devices, uint32_t device)
{
    size_t supported = 0, allowed = 0, pinned = 0;
    for (size_t u = 0; u < plan->unit_count; u++) {
        supported += made->candidates.supported[u * plan->device_count + device];
        allowed += made->candidates.allowed[u * plan->device_count + device];
        pinned += made->candidates.pins[u] != DAVIT_NONE;
    }
    const char **unused = &plan->loads[device].unused;
    if (plan->unit_count == 0) {
        *unused = "the model has no units to run";
    } else if (pinned == plan->unit_count) {
        *unused = "every unit is pinned to another device";
    } else if (supported == 0) {
        *unused = "it can run none of the units";
    } else if (allowed == 0) {
        *unused = "the devices before it in the list run every unit that it could";
    } else {
        best_move best;
        davit_status status = find_best_move(plan, made, devices, device, &best);
        if (status != DAVIT_OK) {
            return status;
        }
        *unused = describe_move(plan, request, &best);
    }
    return *unused != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
}

davit_status davit_plan_say_unused(davit_plan *plan, const davit_plan_request *request,
                                   const davit_unit_problem *made, const davit_diagnostics *diag)
{
    uint32_t *devices = placement_of(plan, &plan->arena);
    if (devices == NULL) {
        return out_of_memory(diag);
    }
    for (uint32_t d = 0; d < plan->device_count; d++) {
        if (plan->loads[d].load.node_count > 0) {
            continue;
        }
        if (say_unused(plan, request, made, devices, d) != DAVIT_OK) {
            return out_of_memory(diag);
        }
        davit_log(diag, DAVIT_INFO, "device %s is not used: %s", plan->devices[d].info.name,
                  plan->loads[d].unused);
    }
    return DAVIT_OK;
}
