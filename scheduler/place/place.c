/* The dispatcher: what a solver needs, which solver, and what is said of its answer. */
#include "davit/place.h"

#include <stdlib.h>

#include "solvers.h"

static bool class_runs_item(const davit_place_items *items, uint32_t item)
{
    const davit_place_problem *problem = items->problem;
    for (uint32_t d = 0; d < problem->device_count; d++) {
        if (isfinite(davit_place_item_seconds(items, item, d))) {
            return true;
        }
    }
    return false;
}

/* The item is allowed nowhere: says why. */
static davit_status refuse_item(const davit_place_items *items, uint32_t item,
                                const davit_diagnostics *diag)
{
    const davit_place_problem *problem = items->problem;
    const char *name = problem->nodes[items->nodes[items->first[item]]].name;
    uint32_t count = items->first[item + 1] - items->first[item];
    const char *what = count > 1 ? "the group of node" : "node";
    if (!class_runs_item(items, item)) {
        return davit_fail(diag, DAVIT_UNSUPPORTED, "no device can run %s %s", what, name);
    }
    double most = 0.0;
    for (uint32_t d = 0; d < problem->device_count; d++) {
        if (isfinite(davit_place_item_seconds(items, item, d))) {
            most = fmax(most, problem->devices[d].memory_bytes);
        }
    }
    if (!davit_place_fits(items->bytes[item], most)) {
        return davit_fail(
            diag, DAVIT_UNSUPPORTED,
            "%s %s needs %.0f bytes, and no device that can run it has more than %.0f", what, name,
            items->bytes[item], most);
    }
    for (uint32_t k = items->first[item]; k < items->first[item + 1]; k++) {
        const davit_place_node *node = &problem->nodes[items->nodes[k]];
        if (node->pin != DAVIT_PLACE_NONE) {
            return davit_fail(diag, DAVIT_UNSUPPORTED,
                              "node %s is pinned to device %s, where %s %s cannot be", node->name,
                              problem->devices[node->pin].name, what, name);
        }
    }
    return davit_fail(diag, DAVIT_UNSUPPORTED,
                      "no device that can run %s %s and has a load of its own is among the devices",
                      what, name);
}

/* A pipeline has no use for a device without a load. */
static void forbid_unlimited(davit_place_items *items)
{
    const davit_place_problem *problem = items->problem;
    for (uint32_t d = 0; d < problem->device_count; d++) {
        for (uint32_t item = 0;
             item < items->count && problem->devices[d].discipline == DAVIT_PLACE_UNLIMITED;
             item++) {
            items->allowed[(size_t)item * problem->device_count + d] = false;
        }
    }
}

static davit_status check_items(const davit_place_items *items, const davit_diagnostics *diag)
{
    for (uint32_t item = 0; item < items->count; item++) {
        bool allowed = false;
        for (uint32_t d = 0; d < items->problem->device_count; d++) {
            allowed = allowed || davit_place_item_allowed(items, item, d);
        }
        if (!allowed) {
            return refuse_item(items, item, diag);
        }
    }
    return DAVIT_OK;
}

static davit_status run_solver(const davit_place_context *context, davit_place_answer *answer)
{
    switch (context->options.objective) {
    case DAVIT_PLACE_THROUGHPUT:
        return davit_place_throughput(context, answer);
    case DAVIT_PLACE_ENERGY:
        return davit_place_energy(context, answer);
    case DAVIT_PLACE_LATENCY:
        break;
    }
    return davit_place_latency(context, answer);
}

/* The device of each node where every item has only one; false where there is a choice. A limit of
 * latency is left to the solvers, which say how near it can be kept. */
static bool find_single(const davit_place_context *context, uint32_t *devices)
{
    const davit_place_items *items = context->items;
    for (uint32_t v = 0; v < context->problem->node_count; v++) {
        uint32_t count = 0;
        for (uint32_t d = 0; d < context->problem->device_count; d++) {
            if (davit_place_item_allowed(items, items->of_node[v], d)) {
                devices[v] = d;
                count++;
            }
        }
        if (count != 1) {
            return false;
        }
    }
    return context->options.objective != DAVIT_PLACE_ENERGY ||
           isinf(context->options.latency_limit_s);
}

/* The only placement there is; its bound is what the simulator says of it. */
static davit_status take_single(const davit_place_context *context, davit_place_answer *answer)
{
    davit_place_timeline timeline;
    davit_place_fault fault;
    davit_status status = davit_place_simulate(context->problem, answer->devices, false,
                                               context->allocator, &timeline, &fault);
    answer->certificate = json_pack("{s:s}", "form", "single");
    if (status != DAVIT_OK || answer->certificate == NULL) {
        return davit_fail(context->diag, DAVIT_OUT_OF_MEMORY, "no memory for a placement");
    }
    davit_place_timeline_clear(&timeline);
    answer->none = fault != DAVIT_PLACE_FEASIBLE;
    answer->bound = (double)INFINITY; /* whatever it is measured as */
    answer->method = "no choice";
    answer->bound_method = "no choice";
    return DAVIT_OK;
}

/* The objective by the simulator; a solver's placement must keep all limits. */
static davit_status measure(const davit_place_context *context, davit_placement *placement)
{
    davit_place_timeline timeline;
    davit_place_fault fault;
    davit_status status = davit_place_simulate(context->problem, placement->devices, false,
                                               context->allocator, &timeline, &fault);
    if (status != DAVIT_OK) {
        return davit_fail(context->diag, status, "no memory to simulate a placement");
    }
    double values[] = {timeline.latency_s, timeline.period_s, timeline.joules};
    placement->objective = values[context->options.objective];
    davit_place_timeline_clear(&timeline);
    /* A pipeline of inferences keeps blocks that wait for each other busy all the same. */
    bool kept =
        fault == DAVIT_PLACE_FEASIBLE ||
        (fault == DAVIT_PLACE_CIRCLE && context->options.objective == DAVIT_PLACE_THROUGHPUT);
    return kept ? DAVIT_OK
                : davit_fail(context->diag, DAVIT_INTERNAL, "%s broke a limit (fault %d)",
                             placement->method, (int)fault);
}

static davit_status write_certificate(const davit_place_context *context,
                                      const davit_place_answer *answer, davit_placement *placement)
{
    static const char *const objectives[] = {"latency", "throughput", "energy"};
    placement->bound = fmin(answer->bound, placement->objective);
    json_t *json = json_pack("{s:i, s:s, s:f}", "certificate", 1, "objective",
                             objectives[context->options.objective], "bound", placement->bound);
    char *text = NULL;
    if (json != NULL && json_object_update(json, answer->certificate) == 0) {
        text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17));
    }
    if (text != NULL) {
        placement->certificate = davit_strdup(context->allocator, text);
    }
    free(text);
    json_decref(json);
    return placement->certificate != NULL
               ? DAVIT_OK
               : davit_fail(context->diag, DAVIT_OUT_OF_MEMORY, "no memory for a certificate");
}

static davit_status solve(const davit_place_context *context, davit_placement *placement)
{
    placement->devices =
        davit_alloc_array(context->allocator, context->problem->node_count, sizeof(uint32_t));
    if (placement->devices == NULL) {
        return davit_fail(context->diag, DAVIT_OUT_OF_MEMORY, "no memory for a placement");
    }
    davit_place_answer answer = {.devices = placement->devices};
    davit_status status = find_single(context, placement->devices) ? take_single(context, &answer)
                                                                   : run_solver(context, &answer);
    if (status == DAVIT_OK && answer.none) {
        status = davit_place_refuse(context);
    }
    if (status == DAVIT_OK) {
        placement->method = answer.method;
        placement->bound_method = answer.bound_method;
        status = measure(context, placement);
    }
    if (status == DAVIT_OK) {
        status = write_certificate(context, &answer, placement);
    }
    json_decref(answer.certificate);
    return status;
}

davit_status davit_place_solve(const davit_place_problem *problem,
                               const davit_place_options *options, const davit_allocator *allocator,
                               const davit_diagnostics *diag, davit_placement *placement)
{
    *placement = (davit_placement){.allocator = allocator};
    davit_status status = davit_place_problem_check(problem, allocator, diag);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_place_items items;
    status = davit_place_items_make(problem, allocator, &items);
    if (status != DAVIT_OK) {
        return davit_fail(diag, status, "no memory to prepare a placement");
    }
    davit_place_context context = {.problem = problem,
                                   .options = *options,
                                   .items = &items,
                                   .allocator = allocator,
                                   .diag = diag};
    context.options.effort = options->effort == 0 ? 100 : options->effort;
    if (options->objective == DAVIT_PLACE_THROUGHPUT) {
        forbid_unlimited(&items);
    }
    status = check_items(&items, diag);
    if (status == DAVIT_OK) {
        status = solve(&context, placement);
    }
    if (status != DAVIT_OK) {
        davit_placement_clear(placement);
    }
    davit_place_items_clear(&items);
    return status;
}

void davit_placement_clear(davit_placement *placement)
{
    if (placement->allocator != NULL) {
        davit_free(placement->allocator, placement->devices);
        davit_free(placement->allocator, placement->certificate);
    }
    *placement = (davit_placement){0};
}
