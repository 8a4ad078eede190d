/* Latency and energy: local search, then branch and bound, which proves a bound. */
#include <string.h>

#include "bounds.h"
#include "branches.h"
#include "levels.h"

/* Steps of local search, of all its runs together: constant time for problems up to where a step
 * takes much, then at least some. */
#define SEARCH_WORK 100000000u
#define SEARCH_LEAST 50000u
/* The same where a tally is kept, in nodes and devices looked at: about 1.5 s of a core. */
#define TALLY_WORK 60000000u
enum { TALLY_FIRST = 64, LONG_ROUND = 3 }; /* the part of the first run; rounds in the first */
/* Runs from anywhere, and then again from the best, per effort of 100. */
enum { FRESH_RUNS = 2, AGAIN_RUNS = 4, ROUND_PARTS = 2 * FRESH_RUNS + AGAIN_RUNS };
/* Branches times what a bound costs, for one try; and branches at most. */
#define BRANCH_WORK 60000000u
#define BRANCH_WORK_MOST 1000000000u /* a check follows about twice as much */
#define BRANCH_MOST 2000000u
#define BRANCH_LEAST 10000u
#define BRANCH_ITEMS 2000u /* more, a check would not follow */
/* Branches that are looked at before local search: small problems need no more. */
#define BRANCH_FIRST 100000u

/* What is tried to be proved when the best cannot be, as shares of it. */
static const double shares[] = {0.99, 0.95, 0.9, 0.8, 0.65, 0.5};

/* Greedy placement is what search begins with; for very large problems it is hard to beat. */
static davit_status try_greedy(davit_place_quest *quest, davit_place_objective objective)
{
    const davit_place_context *context = quest->context;
    const davit_allocator *allocator = context->allocator;
    davit_place_options options = context->options;
    options.objective = objective;
    uint32_t *device = davit_alloc_array(allocator, context->problem->node_count, sizeof(*device));
    if (device == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = davit_place_greedy(context->problem, &options, allocator, device);
    davit_place_timeline timeline = {0};
    davit_place_fault fault = DAVIT_PLACE_CIRCLE;
    if (status == DAVIT_OK) {
        status =
            davit_place_simulate(context->problem, device, false, allocator, &timeline, &fault);
    }
    davit_place_timeline_clear(&timeline);
    if (status == DAVIT_OK && fault == DAVIT_PLACE_FEASIBLE) {
        (void)davit_place_quest_try(quest, device);
    }
    davit_free(allocator, device);
    return status;
}

static davit_status run_round(davit_place_quest *quest, const davit_place_units *units,
                              uint64_t steps)
{
    davit_status status = DAVIT_OK;
    for (int run = 0; run < FRESH_RUNS && status == DAVIT_OK; run++) {
        status = davit_place_levels_run(quest, units, 2 * steps, false);
    }
    for (int run = 0; run < AGAIN_RUNS && status == DAVIT_OK; run++) {
        status = davit_place_levels_run(quest, units, steps, true);
    }
    return status;
}

static davit_status run_rounds(davit_place_quest *quest, const davit_place_units *units,
                               uint64_t rounds)
{
    const davit_place_context *context = quest->context;
    uint64_t steps = SEARCH_WORK / (context->problem->node_count + 20u);
    steps = steps > SEARCH_LEAST ? steps : SEARCH_LEAST;
    steps = davit_place_effort(context, steps) / (rounds * ROUND_PARTS);
    davit_status status = DAVIT_OK;
    for (uint64_t round = 0; round < rounds && status == DAVIT_OK; round++) {
        status = run_round(quest, units, steps);
    }
    return status;
}

/* A step of a tally takes what it must: a short run tells how much, and each round corrects it.
 * The first round is longer: some problems want long runs, others many. */
static davit_status run_tallied(davit_place_quest *quest, const davit_place_units *units,
                                uint64_t rounds)
{
    const davit_place_context *context = quest->context;
    uint64_t work = davit_place_effort(context, TALLY_WORK);
    uint64_t steps = work / TALLY_FIRST / (context->problem->node_count + 20u) + 1;
    double done = (double)steps;
    davit_status status = davit_place_levels_run(quest, units, steps, false);
    while (rounds > 0 && status == DAVIT_OK && quest->work < work) {
        uint64_t length = done == (double)steps && rounds >= LONG_ROUND ? LONG_ROUND : 1;
        double left = (double)(work - quest->work) * done / (double)(quest->work + 1);
        double round_steps = left / (double)(rounds * ROUND_PARTS) * (double)length;
        status = run_round(quest, units, (uint64_t)round_steps + 1);
        done += round_steps * ROUND_PARTS;
        rounds -= length;
    }
    return status;
}

static davit_status run_levels(davit_place_quest *quest)
{
    const davit_place_context *context = quest->context;
    davit_place_units units;
    davit_status status = davit_place_units_of_items(context->items, context->allocator, &units);
    if (status != DAVIT_OK) {
        return status;
    }
    uint64_t rounds = context->options.effort / 100u;
    rounds = rounds > 0 ? rounds : 1;
    status =
        quest->has_tally ? run_tallied(quest, &units, rounds) : run_rounds(quest, &units, rounds);
    davit_place_units_clear(&units);
    return status;
}

static bool item_is_pinned(const davit_place_items *items, uint32_t item)
{
    for (uint32_t k = items->first[item]; k < items->first[item + 1]; k++) {
        if (items->problem->nodes[items->nodes[k]].pin != DAVIT_PLACE_NONE) {
            return true;
        }
    }
    return false;
}

/* Pinned items first (the other devices can then be exchanged), then as nodes follow each other. */
static void sort_items(const davit_place_items *items, uint32_t *order)
{
    uint32_t count = 0;
    for (int pinned = 1; pinned >= 0; pinned--) {
        for (uint32_t item = 0; item < items->count; item++) {
            if (item_is_pinned(items, item) == (pinned != 0)) {
                order[count++] = item;
            }
        }
    }
}

static uint64_t branch_limit(const davit_place_context *context)
{
    const davit_place_problem *problem = context->problem;
    uint64_t reads = problem->node_count;
    for (uint32_t i = 0; i < problem->value_count; i++) {
        reads += problem->values[i].consumer_count;
    }
    uint64_t cost = reads * problem->device_count * problem->device_count;
    uint64_t work = davit_place_effort(context, BRANCH_WORK);
    uint64_t limit = (work < BRANCH_WORK_MOST ? work : BRANCH_WORK_MOST) / (cost + 1);
    limit = limit < BRANCH_MOST ? limit : BRANCH_MOST;
    return limit >= BRANCH_LEAST && context->items->count <= BRANCH_ITEMS ? limit : 0;
}

static json_t *form_of_paths(const davit_place_context *context, const double *multipliers)
{
    json_t *form =
        multipliers == NULL ? json_object() : davit_place_area_certificate(context, multipliers);
    if (json_object_set_new(form, "form", json_string("paths")) != 0) {
        json_decref(form);
        form = NULL;
    }
    return form;
}

static json_t *form_of_branches(const davit_place_branches *branches)
{
    const davit_place_context *context = branches->quest->context;
    const davit_place_items *items = context->items;
    json_t *list = json_array();
    for (uint32_t i = 0; list != NULL && i < items->count; i++) {
        uint32_t node = items->nodes[items->first[branches->order[i]]];
        if (json_array_append_new(list, json_integer(node)) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    json_t *form = form_of_paths(context, branches->earliest->multipliers);
    if (list == NULL || json_object_set_new(form, "order", list) != 0 ||
        json_object_set_new(form, "form", json_string("branches")) != 0) {
        json_decref(form);
        form = NULL;
    }
    return form;
}

/* Everything was looked at: the best is the optimum. Or below what was looked for: a bound. */
static davit_status set_bound(const davit_place_branches *branches, double bound,
                              davit_place_answer *answer)
{
    answer->bound = bound;
    answer->bound_method = "branch and bound";
    json_decref(answer->certificate);
    answer->certificate = form_of_branches(branches);
    return answer->certificate != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
}

/* Looks at all placements below a bound; raises answer->bound when that was possible. */
static davit_status branch_below(const davit_place_branches *branches, double below, uint64_t limit,
                                 bool *complete, davit_place_answer *answer)
{
    davit_place_quest *quest = branches->quest;
    *complete = false;
    if (limit == 0 || answer->bound >= fmin(below, quest->best_score)) {
        return DAVIT_OK;
    }
    double before = quest->best_score;
    davit_status status = davit_place_branches_run(branches, below, limit, complete);
    if (status == DAVIT_OK && quest->best_score < before) {
        answer->method = "enumeration";
    }
    double bound = fmin(below, quest->best_score);
    if (status == DAVIT_OK && *complete && isfinite(bound)) {
        status = set_bound(branches, bound, answer);
    }
    return status;
}

/* Small problems are solved at once; else local search, then a bound as high as can be. */
static davit_status find_and_prove(const davit_place_branches *branches, davit_place_answer *answer)
{
    davit_place_quest *quest = branches->quest;
    if (quest->context->items->count == 0) {
        (void)davit_place_quest_try(quest, quest->best);
        return DAVIT_OK;
    }
    uint64_t limit = branch_limit(quest->context);
    bool complete = false;
    davit_status status = try_greedy(quest, quest->context->options.objective);
    if (status == DAVIT_OK) {
        status = try_greedy(quest, DAVIT_PLACE_LATENCY);
    }
    if (status == DAVIT_OK) {
        status = branch_below(branches, INFINITY, limit < BRANCH_FIRST ? 0 : BRANCH_FIRST,
                              &complete, answer);
    }
    if (status != DAVIT_OK || complete) {
        return status;
    }
    status = run_levels(quest);
    if (status == DAVIT_OK && limit > BRANCH_FIRST) {
        status = branch_below(branches, INFINITY, limit, &complete, answer);
    }
    for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]) && status == DAVIT_OK && !complete &&
                       isfinite(quest->best_score);
         i++) {
        status =
            branch_below(branches, shares[i] * quest->best_score, limit / 4, &complete, answer);
    }
    return status;
}

static davit_status prove_paths(davit_place_earliest *earliest, uint32_t *at,
                                const davit_place_context *context, davit_place_answer *answer)
{
    for (uint32_t item = 0; item < context->items->count; item++) {
        at[item] = DAVIT_PLACE_NONE;
    }
    answer->bound = davit_place_earliest_latency(earliest, at);
    if (context->options.objective == DAVIT_PLACE_ENERGY) {
        answer->bound = davit_place_least_joules(earliest, at, answer->bound);
    }
    answer->bound_method = "paths";
    answer->certificate = form_of_paths(context, earliest->multipliers);
    return answer->certificate != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
}

/* *multipliers: NULL when a device has no load. */
static davit_status weigh_devices(const davit_place_context *context, davit_arena *arena,
                                  double **multipliers)
{
    *multipliers = NULL;
    for (uint32_t d = 0; d < context->problem->device_count; d++) {
        if (context->problem->devices[d].discipline == DAVIT_PLACE_UNLIMITED) {
            return DAVIT_OK;
        }
    }
    davit_place_bounds bounds;
    davit_status status = davit_place_bound_area(context, arena, &bounds);
    *multipliers = status == DAVIT_OK ? bounds.multipliers : NULL;
    return status;
}

static davit_status search(davit_place_quest *quest, const double *multipliers,
                           davit_place_answer *answer)
{
    const davit_place_context *context = quest->context;
    davit_place_earliest earliest;
    davit_status status = davit_place_earliest_make(context->items, &quest->clock, multipliers,
                                                    context->allocator, &earliest);
    if (status != DAVIT_OK) {
        return status;
    }
    uint32_t *order = davit_alloc_array(context->allocator, context->items->count, sizeof(*order));
    status = order != NULL ? prove_paths(&earliest, order, context, answer) : DAVIT_OUT_OF_MEMORY;
    if (status == DAVIT_OK) {
        sort_items(context->items, order);
        davit_place_branches branches = {.quest = quest, .earliest = &earliest, .order = order};
        status = find_and_prove(&branches, answer);
    }
    davit_free(context->allocator, order);
    davit_place_earliest_clear(&earliest);
    return status;
}

static davit_status solve(const davit_place_context *context, davit_place_answer *answer)
{
    davit_arena arena;
    davit_arena_init(&arena, context->allocator);
    double *multipliers;
    davit_status status = weigh_devices(context, &arena, &multipliers);
    if (status == DAVIT_OK) {
        davit_place_quest quest;
        status = davit_place_quest_make(context, &quest);
        if (status == DAVIT_OK) {
            answer->method = "local search";
            status = search(&quest, multipliers, answer);
            answer->none = !isfinite(quest.best_score);
            memcpy(answer->devices, quest.best, context->problem->node_count * sizeof(uint32_t));
            davit_place_quest_clear(&quest);
        }
        if (status != DAVIT_OK) {
            status = davit_fail(context->diag, status, "no memory to place");
        }
    }
    davit_arena_clear(&arena);
    return status;
}

/* Nothing within the limit was found: the fastest placement is taken if it is, else told. */
static davit_status take_fastest(const davit_place_context *context, const uint32_t *fastest,
                                 double bound_s, davit_place_answer *answer)
{
    davit_place_timeline timeline;
    davit_place_fault fault;
    davit_status status = davit_place_simulate(context->problem, fastest, false, context->allocator,
                                               &timeline, &fault);
    if (status != DAVIT_OK) {
        return davit_fail(context->diag, status, "no memory to place");
    }
    double latency_s = timeline.latency_s;
    davit_place_timeline_clear(&timeline);
    if (latency_s > context->options.latency_limit_s) {
        return davit_fail(context->diag, DAVIT_UNSUPPORTED,
                          "no placement was found within a latency of %.6g s: the least found is "
                          "%.6g s, and none is below %.6g s",
                          context->options.latency_limit_s, latency_s, fmin(bound_s, latency_s));
    }
    memcpy(answer->devices, fastest, context->problem->node_count * sizeof(*fastest));
    answer->none = false;
    return DAVIT_OK;
}

static davit_status find_fastest(const davit_place_context *context, davit_place_answer *answer)
{
    davit_place_context fastest = *context;
    fastest.options.objective = DAVIT_PLACE_LATENCY;
    davit_place_answer found = {0};
    found.devices =
        davit_alloc_array(context->allocator, context->problem->node_count, sizeof(uint32_t));
    if (found.devices == NULL) {
        return davit_fail(context->diag, DAVIT_OUT_OF_MEMORY, "no memory to place");
    }
    davit_status status = solve(&fastest, &found);
    if (status == DAVIT_OK && !found.none) {
        status = take_fastest(context, found.devices, found.bound, answer);
    }
    json_decref(found.certificate);
    davit_free(context->allocator, found.devices);
    return status;
}

davit_status davit_place_latency(const davit_place_context *context, davit_place_answer *answer)
{
    return solve(context, answer);
}

davit_status davit_place_energy(const davit_place_context *context, davit_place_answer *answer)
{
    davit_status status = solve(context, answer);
    bool limited = isfinite(context->options.latency_limit_s);
    return status == DAVIT_OK && answer->none && limited ? find_fastest(context, answer) : status;
}
