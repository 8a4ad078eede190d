#include "davit/explain.h"

#include <string.h>

#include "explain_moves.h"
#include "plan_parts.h"
#include "predict.h"

typedef struct explaining {
    const davit_plan_request *request;
    const davit_plan *plan;
    const davit_explain_options *options;
    const davit_diagnostics *diag;
    davit_plan_explanation *explanation;
    davit_unit_problem made;
    davit_place_options place;
    uint32_t *devices; /* scratch, by unit */
} explaining;

static davit_status out_of_memory(const explaining *e)
{
    return davit_fail(e->diag, DAVIT_OUT_OF_MEMORY, "out of memory for explaining a plan");
}

/* ---- units on devices ---- */

static const char *why_not(explaining *e, size_t unit, size_t device)
{
    const davit_candidates *candidates = &e->made.candidates;
    size_t cell = unit * candidates->device_count + device;
    if (candidates->allowed[cell]) {
        return "";
    }
    if (!candidates->supported[cell]) {
        char reason[DAVIT_REASON_BYTES];
        (void)davit_candidate_supported(e->request, device, &e->request->graph->units[unit],
                                        reason);
        return davit_arena_strdup(&e->explanation->arena, reason);
    }
    return candidates->pins[unit] != DAVIT_NONE ? "pinned elsewhere"
                                                : "a device before it in the list runs it";
}

static davit_status list_moves(explaining *e)
{
    const davit_candidates *candidates = &e->made.candidates;
    for (uint32_t u = 0; u < e->plan->unit_count; u++) {
        for (uint32_t d = 0; d < e->plan->device_count; d++) {
            size_t cell = u * e->plan->device_count + d;
            davit_plan_move *move = &e->explanation->moves[cell];
            *move = (davit_plan_move){.supported = candidates->supported[cell],
                                      .allowed = candidates->allowed[cell],
                                      .reason = why_not(e, u, d),
                                      .cost = e->made.estimates[cell],
                                      .moved = (double)NAN};
            if (move->reason == NULL) {
                return out_of_memory(e);
            }
        }
    }
    return DAVIT_OK;
}

/* ---- simpler plans ---- */

static davit_status add_alternative(explaining *e, const char *name, size_t elsewhere)
{
    static const char *const faults[] = {
        [DAVIT_PLACE_FEASIBLE] = "",
        [DAVIT_PLACE_UNSUPPORTED] = "a unit is on a device that cannot run it",
        [DAVIT_PLACE_PIN_BROKEN] = "a pin is broken",
        [DAVIT_PLACE_GROUP_SPLIT] = "a group of units is split",
        [DAVIT_PLACE_MEMORY_EXCEEDED] = "a device lacks the memory",
        [DAVIT_PLACE_CIRCLE] = "devices wait for each other"};
    davit_plan_explanation *explanation = e->explanation;
    davit_place_timeline timeline;
    davit_place_fault fault;
    if (name == NULL ||
        davit_place_simulate(&e->made.problem, e->devices, false, explanation->arena.allocator,
                             &timeline, &fault) != DAVIT_OK) {
        return out_of_memory(e);
    }
    bool late =
        e->place.objective == DAVIT_PLACE_ENERGY && timeline.latency_s > e->place.latency_limit_s;
    explanation->alternatives[explanation->alternative_count++] = (davit_plan_alternative){
        .name = name,
        .infeasible =
            fault == DAVIT_PLACE_FEASIBLE && late ? "above the latency limit" : faults[fault],
        .latency_s = timeline.latency_s,
        .period_s = timeline.period_s,
        .joules = timeline.joules,
        .elsewhere = elsewhere};
    davit_place_timeline_clear(&timeline);
    return DAVIT_OK;
}

/* The device itself, or the first that may run the unit. */
static uint32_t device_or_first(const davit_candidates *candidates, size_t unit, uint32_t device)
{
    const bool *allowed = &candidates->allowed[unit * candidates->device_count];
    uint32_t first = 0;
    while (!allowed[device] && !allowed[first]) {
        first++;
    }
    return allowed[device] ? device : first;
}

static davit_status all_on(explaining *e, uint32_t device)
{
    size_t elsewhere = 0;
    for (size_t u = 0; u < e->plan->unit_count; u++) {
        e->devices[u] = device_or_first(&e->made.candidates, u, device);
        elsewhere += e->devices[u] != device;
    }
    if (elsewhere == e->plan->unit_count) {
        return DAVIT_OK; /* it runs nothing: no alternative */
    }
    return add_alternative(
        e,
        davit_arena_printf(&e->explanation->arena, "all on %s", e->plan->devices[device].info.name),
        elsewhere);
}

static davit_status explain_alternatives(explaining *e)
{
    for (uint32_t d = 0; d < e->plan->device_count; d++) {
        davit_status status = all_on(e, d);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    if (davit_place_greedy(&e->made.problem, &e->place, e->explanation->arena.allocator,
                           e->devices) != DAVIT_OK) {
        return out_of_memory(e);
    }
    return add_alternative(e, "greedy", 0);
}

static davit_status explain(explaining *e)
{
    davit_plan_explanation *explanation = e->explanation;
    davit_arena *arena = &explanation->arena;
    size_t units = e->plan->unit_count;
    size_t devices = e->plan->device_count;
    explanation->unit_count = units;
    explanation->device_count = devices;
    explanation->moves = davit_arena_alloc_array(arena, units * devices, sizeof(davit_plan_move));
    explanation->alternatives =
        davit_arena_alloc_array(arena, devices + 1, sizeof(davit_plan_alternative));
    e->devices = davit_arena_alloc_array(arena, units, sizeof(*e->devices));
    if (explanation->moves == NULL || explanation->alternatives == NULL || e->devices == NULL) {
        return out_of_memory(e);
    }
    davit_status status = davit_unit_problem_make(arena->allocator, e->request, e->diag, &e->made);
    if (status == DAVIT_OK) {
        status = explain_alternatives(e);
    }
    if (status == DAVIT_OK) {
        status = list_moves(e);
    }
    return status == DAVIT_OK
               ? davit_explain_moves(e->request, e->plan, e->options, e->diag, explanation)
               : status;
}

davit_status davit_plan_explain(const davit_allocator *allocator, const davit_plan_request *request,
                                const davit_plan *plan, const davit_explain_options *options,
                                const davit_diagnostics *diag, davit_plan_explanation **out)
{
    *out = NULL;
    davit_plan_explanation *explanation = davit_alloc(allocator, sizeof(*explanation));
    if (explanation == NULL) {
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "out of memory for explaining a plan");
    }
    davit_arena_init(&explanation->arena, allocator);
    davit_plan_request made_from = *request;
    made_from.objective = plan->prediction.objective;
    made_from.latency_limit_s = plan->prediction.latency_limit_s;
    explaining e = {.request = &made_from,
                    .plan = plan,
                    .options = options,
                    .diag = diag,
                    .explanation = explanation,
                    .place = davit_plan_place_options(&made_from)};
    davit_status status = davit_plan_take_pins(plan, &explanation->arena, &made_from);
    status = status == DAVIT_OK ? explain(&e) : out_of_memory(&e);
    davit_unit_problem_clear(&e.made);
    if (status != DAVIT_OK) {
        davit_plan_explanation_destroy(explanation);
        return status;
    }
    *out = explanation;
    return DAVIT_OK;
}

void davit_plan_explanation_destroy(davit_plan_explanation *explanation)
{
    if (explanation != NULL) {
        const davit_allocator *allocator = explanation->arena.allocator;
        davit_arena_clear(&explanation->arena);
        davit_free(allocator, explanation);
    }
}
