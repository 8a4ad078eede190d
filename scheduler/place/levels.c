#include "levels.h"

#include <string.h>

#include "random.h"

enum { LEVELS = 24, COARSEST = 60 };

#define HOT 0.2
#define HOT_AGAIN 0.01
#define COOLER 0.25  /* per level */
#define COLD 0.01    /* of the level's heat */
#define COLDEST 1e-4 /* at the finest level */

typedef struct levels {
    davit_place_quest *quest;
    const davit_place_units *finest;
    davit_place_units coarse[LEVELS];
    uint32_t count; /* of coarse */
    uint32_t *device;
} levels;

static davit_status coarsen(levels *l, bool again)
{
    const davit_place_units *fine = l->finest;
    while (l->count < LEVELS && fine->count > COARSEST) {
        davit_place_units *units = &l->coarse[l->count];
        davit_status status = davit_place_units_join(
            fine, again ? l->device : NULL, &l->quest->random, l->quest->context->allocator, units);
        if (status != DAVIT_OK) {
            return status;
        }
        l->count++;
        if (units->count > fine->count / 10 * 9) {
            break;
        }
        fine = units;
    }
    return DAVIT_OK;
}

/* Everything on the device that may have most of it. */
static void start_anywhere(levels *l)
{
    const davit_place_units *units = l->count > 0 ? &l->coarse[l->count - 1] : l->finest;
    uint32_t devices = units->problem->device_count;
    uint32_t most = 0;
    uint32_t favourite = 0;
    for (uint32_t d = 0; d < devices; d++) {
        uint32_t count = 0;
        for (uint32_t u = 0; u < units->count; u++) {
            count += davit_place_unit_allowed(units, u, d);
        }
        if (count >= most) {
            most = count;
            favourite = d;
        }
    }
    for (uint32_t u = 0; u < units->count; u++) {
        uint32_t at = favourite;
        for (uint32_t d = 0; d < devices && !davit_place_unit_allowed(units, u, at); d++) {
            at = d;
        }
        for (uint32_t k = units->first[u]; k < units->first[u + 1]; k++) {
            l->device[units->nodes[k]] = at;
        }
    }
}

static davit_status anneal(levels *l, uint64_t steps, bool again)
{
    double hot = again ? HOT_AGAIN : HOT;
    uint64_t left = steps;
    davit_status status = DAVIT_OK;
    for (uint32_t level = l->count + 1; level-- > 0 && status == DAVIT_OK;) {
        bool finest = level == 0;
        uint64_t share = finest ? left : left * (level == l->count ? 40 : 30) / 100;
        davit_place_climb climb = {.units = finest ? l->finest : &l->coarse[level - 1],
                                   .steps = share > 0 ? share : 1,
                                   .hot = hot,
                                   .cold = finest ? fmin(COLDEST, hot * COLD) : hot * COLD};
        status = davit_place_climb_run(l->quest, &climb, l->device);
        left -= share;
        hot *= COOLER;
    }
    return status;
}

davit_status davit_place_levels_run(davit_place_quest *quest, const davit_place_units *finest,
                                    uint64_t steps, bool again)
{
    const davit_allocator *allocator = quest->context->allocator;
    uint32_t nodes = finest->problem->node_count;
    levels *l = davit_alloc(allocator, sizeof(*l));
    if (l == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    *l = (levels){.quest = quest, .finest = finest};
    l->device = davit_alloc_array(allocator, nodes, sizeof(*l->device));
    davit_status status = l->device != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
    bool from_best = again && isfinite(quest->best_score);
    if (status == DAVIT_OK) {
        memcpy(l->device, quest->best, nodes * sizeof(*l->device));
        status = coarsen(l, from_best);
    }
    if (status == DAVIT_OK) {
        if (!from_best) {
            start_anywhere(l);
        }
        status = anneal(l, steps, from_best);
    }
    for (uint32_t i = 0; i < l->count; i++) {
        davit_place_units_clear(&l->coarse[i]);
    }
    davit_free(allocator, l->device);
    davit_free(allocator, l);
    return status;
}
