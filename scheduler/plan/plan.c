#include "davit/plan.h"

#include <stdio.h>
#include <string.h>

#include "plan_parts.h"
#include "predict.h"

typedef struct placing {
    const davit_plan_request *request;
    const davit_diagnostics *diag;
    davit_plan *plan;
    davit_unit_problem made;
} placing;

static davit_status out_of_memory(const placing *p)
{
    return davit_fail(p->diag, DAVIT_OUT_OF_MEMORY, "out of memory for a plan");
}

/* Energy is compared only where it is known of every device that is weighed. */
static davit_status check_powers(const placing *p)
{
    for (size_t d = 0; d < p->request->device_count; d++) {
        const davit_plan_device *device = &p->request->devices[d];
        const davit_power_profile *power = &device->info.profile.power;
        if (davit_candidate_weighed(device) && power->joules_per_flop <= 0 &&
            power->joules_per_s8_op <= 0) {
            return davit_fail(p->diag, DAVIT_UNSUPPORTED,
                              "objective energy: the power of device %s is not known; give it in a "
                              "profile of that name (--profiles DIR), or leave the device out",
                              device->info.name);
        }
    }
    return DAVIT_OK;
}

static davit_status solve(placing *p)
{
    const davit_plan_request *request = p->request;
    const davit_place_options options = davit_plan_place_options(request);
    davit_plan *plan = p->plan;
    davit_placement placement;
    davit_status status =
        davit_place_solve(&p->made.problem, &options, plan->arena.allocator, p->diag, &placement);
    if (status != DAVIT_OK) {
        return status;
    }
    for (size_t u = 0; u < plan->unit_count; u++) {
        plan->units[u].device = placement.devices[u];
    }
    davit_plan_prediction *prediction = &plan->prediction;
    prediction->bound = placement.bound;
    prediction->method = placement.method;
    prediction->bound_method = placement.bound_method;
    prediction->certificate = davit_arena_strdup(&plan->arena, placement.certificate);
    davit_placement_clear(&placement);
    return prediction->certificate != NULL ? DAVIT_OK : out_of_memory(p);
}

/* Why a unit that had a choice is where it is: "2.1 us, 17 us on cpu". */
static const char *describe_choice(const placing *p, size_t unit)
{
    size_t devices = p->plan->device_count;
    const davit_cost_estimate *costs = &p->made.estimates[unit * devices];
    uint32_t here = p->plan->units[unit].device;
    bool cheapest = true;
    char others[128] = "";
    for (size_t d = 0; d < devices; d++) {
        if (d == here || !p->made.candidates.allowed[unit * devices + d]) {
            continue;
        }
        cheapest = cheapest && costs[here].seconds <= costs[d].seconds;
        davit_plan_append(others, sizeof(others), ", %.4g us on %s", costs[d].seconds * 1e6,
                          p->plan->devices[d].info.name);
    }
    return davit_arena_printf(&p->plan->arena, "%s: %.4g us%s",
                              cheapest ? "fastest here" : "better for the whole plan",
                              costs[here].seconds * 1e6, others);
}

static bool had_choice(const placing *p, size_t unit)
{
    size_t count = 0;
    for (size_t d = 0; d < p->plan->device_count; d++) {
        count += p->made.candidates.allowed[unit * p->plan->device_count + d];
    }
    return count > 1;
}

static davit_status say_why(const placing *p, size_t unit)
{
    davit_plan_unit *placed = &p->plan->units[unit];
    const davit_candidates *candidates = &p->made.candidates;
    bool pinned = candidates->pins[unit] != DAVIT_NONE;
    placed->fallback =
        !pinned && placed->device > 0 && !candidates->supported[unit * candidates->device_count];
    if (pinned) {
        placed->reason = DAVIT_REASON_PINNED;
    } else if (placed->fallback) {
        char reason[DAVIT_REASON_BYTES];
        (void)davit_candidate_supported(p->request, 0, &p->request->graph->units[unit], reason);
        placed->reason =
            davit_arena_printf(&p->plan->arena, "%s: %s", p->request->devices[0].info.name, reason);
    } else if (had_choice(p, unit)) {
        placed->reason = describe_choice(p, unit);
    } else {
        placed->reason = placed->device == 0 ? "first device" : "the only device that can run it";
    }
    if (placed->reason == NULL) {
        return out_of_memory(p);
    }
    davit_log(p->diag, DAVIT_DEBUG, "unit '%s' runs on %s (%s)",
              p->request->graph->units[unit].name, p->request->devices[placed->device].info.name,
              placed->reason);
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

static davit_status make(placing *p)
{
    const davit_plan_request *request = p->request;
    davit_plan *plan = p->plan;
    davit_status status =
        davit_unit_problem_make(plan->arena.allocator, request, p->diag, &p->made);
    if (status == DAVIT_OK && request->objective == DAVIT_PLACE_ENERGY) {
        status = check_powers(p);
    }
    if (status == DAVIT_OK) {
        status = solve(p);
    }
    for (size_t u = 0; status == DAVIT_OK && u < plan->unit_count; u++) {
        status = say_why(p, u);
    }
    if (status == DAVIT_OK) {
        status = davit_plan_predict(plan, request, &p->made, p->diag);
    }
    if (status == DAVIT_OK) {
        warn_of_fallbacks(p);
        status = davit_plan_say_unused(plan, request, &p->made, p->diag);
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
    davit_unit_problem_clear(&p.made);
    if (status != DAVIT_OK) {
        davit_plan_destroy(p.plan);
        return status;
    }
    *out = p.plan;
    return DAVIT_OK;
}
