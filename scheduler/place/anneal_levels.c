#include "anneal_levels.h"

#include <string.h>

#include "anneal.h"
#include "random.h"
#include "units.h"

enum { LEVELS = 24, COARSEST = 40 };

#define HOT 2.0
#define HOT_AGAIN 0.3
#define COOLER 0.5   /* per level */
#define COLD 0.02    /* of the level's heat */
#define COLDEST 3e-4 /* at the finest level */

/* The units of one level, as items of a problem whose groups they are. */
typedef struct level {
    davit_place_units units;
    davit_place_node *nodes;
    davit_place_problem problem;
    davit_place_items items;
} level;

typedef struct descent {
    const davit_place_context *context;
    const davit_place_anneal_levels *run;
    uint64_t random;
    uint32_t *device; /* [node] */
    davit_place_units finest;
    level levels[LEVELS]; /* coarser and coarser */
    uint32_t count;
} descent;

static davit_status contract(const descent *s, level *l)
{
    const davit_place_problem *problem = s->context->problem;
    l->problem = *problem;
    l->problem.group_count = l->units.count;
    l->nodes = davit_alloc_array(s->context->allocator, problem->node_count, sizeof(*l->nodes));
    if (l->nodes == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (uint32_t v = 0; v < problem->node_count; v++) {
        l->nodes[v] = problem->nodes[v];
        l->nodes[v].group = l->units.of_node[v];
    }
    l->problem.nodes = l->nodes;
    davit_status status = davit_place_items_make(&l->problem, s->context->allocator, &l->items);
    for (uint32_t u = 0; u < l->units.count && status == DAVIT_OK; u++) {
        for (uint32_t d = 0; d < problem->device_count; d++) {
            bool *allowed = &l->items.allowed[(size_t)u * problem->device_count + d];
            *allowed = *allowed && davit_place_unit_allowed(&l->units, u, d);
        }
    }
    return status;
}

/* Makes levels as long as units get fewer. */
static davit_status coarsen(descent *s)
{
    const davit_place_units *fine = &s->finest;
    while (s->count < LEVELS && fine->count > COARSEST) {
        level *l = &s->levels[s->count++];
        *l = (level){.nodes = NULL};
        davit_status status = davit_place_units_join(fine, s->run->again ? s->device : NULL,
                                                     &s->random, s->context->allocator, &l->units);
        if (status == DAVIT_OK) {
            status = contract(s, l);
        }
        if (status != DAVIT_OK) {
            return status;
        }
        if (l->units.count > fine->count / 10 * 9) {
            break;
        }
        fine = &l->units;
    }
    return DAVIT_OK;
}

/* Anneals one level's items from where their first nodes are. */
static davit_status anneal_items(descent *s, const davit_place_items *items,
                                 const davit_place_anneal *schedule, double *period)
{
    davit_place_context context = *s->context;
    context.items = items;
    context.problem = items->problem;
    uint32_t *at = davit_alloc_array(context.allocator, items->count, sizeof(*at));
    if (at == NULL) {
        return davit_fail(context.diag, DAVIT_OUT_OF_MEMORY, "no memory for local search");
    }
    for (uint32_t item = 0; item < items->count; item++) {
        at[item] = s->device[items->nodes[items->first[item]]];
        for (uint32_t d = 0;
             d < context.problem->device_count && !davit_place_item_allowed(items, item, at[item]);
             d++) {
            at[item] = d;
        }
    }
    *period = (double)INFINITY;
    davit_status status = davit_place_anneal_run(&context, schedule, at, period);
    davit_place_items_spread(items, at, s->device);
    davit_free(context.allocator, at);
    return status;
}

static davit_status anneal_all(descent *s, double *period)
{
    double hot = s->run->again ? HOT_AGAIN : HOT;
    uint64_t left = s->run->steps;
    davit_status status = DAVIT_OK;
    for (uint32_t k = s->count + 1; k-- > 0 && status == DAVIT_OK;) {
        bool finest = k == 0;
        uint64_t share = finest ? left : left * 35 / 100;
        const davit_place_anneal schedule = {.steps = share,
                                             .seed = davit_place_random(&s->random),
                                             .hot = hot,
                                             .cold = finest ? COLDEST : hot * COLD};
        status = anneal_items(s, finest ? s->context->items : &s->levels[k - 1].items, &schedule,
                              period);
        left -= share;
        hot *= COOLER;
    }
    return status;
}

static void clear(descent *s)
{
    for (uint32_t k = 0; k < s->count; k++) {
        davit_place_items_clear(&s->levels[k].items);
        davit_free(s->context->allocator, s->levels[k].nodes);
        davit_place_units_clear(&s->levels[k].units);
    }
    davit_place_units_clear(&s->finest);
    davit_free(s->context->allocator, s->device);
    davit_free(s->context->allocator, s);
}

davit_status davit_place_anneal_levels_run(const davit_place_context *context,
                                           const davit_place_anneal_levels *run, uint32_t *at,
                                           double *period)
{
    const davit_place_problem *problem = context->problem;
    descent *s = davit_alloc(context->allocator, sizeof(*s));
    if (s == NULL) {
        return davit_fail(context->diag, DAVIT_OUT_OF_MEMORY, "no memory for local search");
    }
    *s = (descent){.context = context, .run = run, .random = run->seed};
    s->device = davit_alloc_array(context->allocator, problem->node_count, sizeof(*s->device));
    davit_status status = DAVIT_OUT_OF_MEMORY;
    if (s->device != NULL) {
        davit_place_items_spread(context->items, at, s->device);
        status = davit_place_units_of_items(context->items, context->allocator, &s->finest);
    }
    if (status == DAVIT_OK) {
        status = coarsen(s);
    }
    if (status != DAVIT_OK) {
        status = davit_fail(context->diag, status, "no memory for local search");
    } else {
        double found;
        status = anneal_all(s, &found);
        if (status == DAVIT_OK && found < *period) {
            *period = found;
            for (uint32_t item = 0; item < context->items->count; item++) {
                at[item] = s->device[context->items->nodes[context->items->first[item]]];
            }
        }
    }
    clear(s);
    return status;
}
