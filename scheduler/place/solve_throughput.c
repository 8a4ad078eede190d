/* Throughput: which methods, in which order, and the best proof. */
#include "anneal.h"
#include "anneal_levels.h"
#include "bounds.h"
#include "contiguous.h"
#include "loads.h"
#include "random.h"
#include "search.h"
#include "solve_linear.h"
#include "solvers.h"

/* Items above which the exact search is not tried: it would not end. */
#define SEARCH_ITEMS 64
#define SEARCH_MOST 8000000u  /* branches; a check follows them */
#define ANNEAL_MOST 20000000u /* steps: some ten seconds */

typedef struct throughput {
    const davit_place_context *context;
    davit_arena arena;
    davit_place_bounds bounds;
    uint32_t *at; /* [item] the best */
    double period;
    davit_place_search search;
    davit_place_linear_proof linear;
    const char *method;
} throughput;

/* Each item, in order, where the largest load stays least: the beginning of everything else. */
static davit_status place_greedily(throughput *t)
{
    const davit_place_items *items = t->context->items;
    davit_place_loads loads;
    davit_status status = davit_place_loads_make(items, &t->arena, &loads);
    if (status != DAVIT_OK) {
        return davit_fail(t->context->diag, status, "no memory to place");
    }
    davit_place_loads_empty(&loads);
    for (uint32_t item = 0; item < items->count; item++) {
        uint32_t best = DAVIT_PLACE_NONE;
        double least = INFINITY;
        for (uint32_t d = 0; d < loads.device_count; d++) {
            if (!davit_place_item_allowed(items, item, d)) {
                continue;
            }
            davit_place_loads_add(&loads, item, d);
            double period = davit_place_loads_period(&loads);
            davit_place_loads_remove(&loads, item);
            if (best == DAVIT_PLACE_NONE || period < least) {
                best = d;
                least = period;
            }
        }
        davit_place_loads_add(&loads, item, best);
        t->at[item] = best;
    }
    t->period = davit_place_loads_period(&loads);
    t->method = "list";
    return DAVIT_OK;
}

/* Contiguous placements: often the best beginning, in operator graphs with large values above all.
 */
static davit_status cut_into_pieces(throughput *t)
{
    /* More effort than usual finds nothing more here. */
    uint64_t usual = 2000000 + (uint64_t)t->context->items->count * 1000;
    uint64_t steps = davit_place_effort(t->context, usual);
    davit_place_contiguous run = {.downsets = 4096, .steps = steps < usual ? steps : usual};
    davit_status status = davit_place_contiguous_run(t->context, &run, t->at, &t->period);
    if (status == DAVIT_OK && run.found) {
        t->method = "downsets";
    }
    davit_log(t->context->diag, DAVIT_DEBUG, "contiguous: %.9g%s", t->period,
              run.exact ? ", exact" : "");
    return status;
}

/* Rounds from coarse units to fine ones, from anywhere and then from the best. */
static davit_status search_by_levels(throughput *t, uint64_t steps, uint64_t *seed)
{
    uint64_t rounds = t->context->options.effort / 300u;
    rounds = rounds > 0 ? rounds : 1;
    davit_status status = DAVIT_OK;
    for (uint64_t k = 0; k < 3 * rounds && status == DAVIT_OK; k++) {
        const davit_place_anneal_levels run = {
            .steps = steps / (3 * rounds), .seed = davit_place_random(seed), .again = k % 3 > 0};
        double before = t->period;
        status = davit_place_anneal_levels_run(t->context, &run, t->at, &t->period);
        t->method = t->period < before ? "local search" : t->method;
        davit_log(t->context->diag, DAVIT_DEBUG, "levels: %.9g", t->period);
    }
    return status;
}

/* Rounds of annealing, hot first, then less; each starts from the best. */
static davit_status search_locally(throughput *t)
{
    static const double hot[] = {1.0, 0.3, 0.1, 0.03};
    uint64_t steps =
        davit_place_effort(t->context, 1000000 + 900 * (uint64_t)t->context->items->count);
    steps = steps < ANNEAL_MOST ? steps : ANNEAL_MOST;
    uint64_t seed = t->context->options.seed;
    davit_status status = search_by_levels(t, steps / 2, &seed);
    if (status != DAVIT_OK) {
        return status;
    }
    steps -= steps / 2;
    for (uint32_t round = 0; round < 4; round++) {
        davit_place_anneal schedule = {.steps = steps / (round == 0 ? 2 : 6),
                                       .seed = davit_place_random(&seed),
                                       .hot = hot[round],
                                       .cold = 0.0003};
        double before = t->period;
        status = davit_place_anneal_run(t->context, &schedule, t->at, &t->period);
        if (status != DAVIT_OK) {
            return status;
        }
        t->method = t->period < before ? "local search" : t->method;
    }
    return DAVIT_OK;
}

static bool is_proved(const throughput *t)
{
    double bound = fmax(t->bounds.area, t->bounds.packing);
    return t->search.complete || (isfinite(t->period) && bound >= t->period);
}

static davit_status search_exactly(throughput *t)
{
    uint32_t count = t->context->items->count;
    t->search.order = davit_arena_alloc_array(&t->arena, count, sizeof(uint32_t));
    if (t->search.order == NULL) {
        return davit_fail(t->context->diag, DAVIT_OUT_OF_MEMORY, "no memory for a search");
    }
    t->search.multipliers = t->bounds.multipliers;
    davit_status status = DAVIT_OK;
    double before = t->period;
    for (int trial = 0; trial < 2 && status == DAVIT_OK && !is_proved(t); trial++) {
        t->search.by_time = trial == 1;
        uint64_t branches = davit_place_effort(t->context, count <= 24 ? 1000000 : 200000);
        t->search.branches = branches < SEARCH_MOST ? branches : SEARCH_MOST;
        status = davit_place_search_run(t->context, &t->search, t->at, &t->period);
    }
    if (t->search.complete && count > 0) {
        t->method = t->period < before ? "enumeration" : t->method;
    }
    return status;
}

#ifdef DAVIT_WITH_CBC
static davit_status solve_linearly(throughput *t)
{
    double bound = fmax(t->bounds.area, t->bounds.packing);
    double before = t->period;
    davit_status status =
        davit_place_solve_linear(t->context, bound, t->at, &t->period, &t->linear);
    t->method = t->period < before ? "cbc" : t->method;
    return status;
}
#endif

static davit_status prove(throughput *t, davit_place_answer *answer)
{
    const davit_place_context *context = t->context;
    const davit_place_bounds *bounds = &t->bounds;
    if (t->search.complete) {
        answer->bound = t->period;
        answer->bound_method = "enumeration";
        answer->certificate =
            davit_place_search_certificate(context, t->search.order, t->search.multipliers);
    } else if (t->linear.certificate != NULL) {
        answer->bound = t->linear.bound;
        answer->bound_method = "linear program";
        answer->certificate = json_incref(t->linear.certificate);
    } else if (bounds->packing > bounds->area) {
        answer->bound = bounds->packing;
        answer->bound_method = "packing";
        answer->certificate = davit_place_packing_certificate(context, bounds->weights);
    } else {
        answer->bound = bounds->area;
        answer->bound_method = "area";
        answer->certificate = davit_place_area_certificate(context, bounds->multipliers);
    }
    answer->method = t->method;
    return answer->certificate != NULL
               ? DAVIT_OK
               : davit_fail(context->diag, DAVIT_OUT_OF_MEMORY, "no memory for a certificate");
}

static davit_status solve(throughput *t)
{
    uint32_t count = t->context->items->count;
    t->at = davit_arena_alloc_array(&t->arena, count, sizeof(uint32_t));
    if (t->at == NULL) {
        return davit_fail(t->context->diag, DAVIT_OUT_OF_MEMORY, "no memory to place");
    }
    davit_status status = place_greedily(t);
    if (status == DAVIT_OK) {
        status = davit_place_bound_area(t->context, &t->arena, &t->bounds);
    }
    if (status == DAVIT_OK && count <= 14) {
        status = search_exactly(t); /* sooner done than local search */
    }
    if (status == DAVIT_OK && !is_proved(t)) {
        status = cut_into_pieces(t);
    }
    if (status == DAVIT_OK && !is_proved(t)) {
        status = search_locally(t);
    }
    if (status == DAVIT_OK && !is_proved(t)) {
        status = davit_place_bound_packing(t->context, t->period, &t->arena, &t->bounds);
    }
    if (status == DAVIT_OK && !is_proved(t) && count <= SEARCH_ITEMS) {
        status = search_exactly(t);
    }
#ifdef DAVIT_WITH_CBC
    if (status == DAVIT_OK && !is_proved(t)) {
        status = solve_linearly(t);
    }
#endif
    return status;
}

davit_status davit_place_throughput(const davit_place_context *context, davit_place_answer *answer)
{
    throughput t = {.context = context, .period = INFINITY};
    davit_arena_init(&t.arena, context->allocator);
    davit_status status = solve(&t);
    answer->none = status == DAVIT_OK && !isfinite(t.period);
    if (status == DAVIT_OK && !answer->none) {
        davit_place_items_spread(context->items, t.at, answer->devices);
        status = prove(&t, answer);
    }
    json_decref(t.linear.certificate);
    davit_arena_clear(&t.arena);
    return status;
}
