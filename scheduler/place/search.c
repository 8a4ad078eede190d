#include "search.h"

#include <stdlib.h>
#include <string.h>

#include "davit/simulate.h"
#include "loads.h"

typedef struct searching {
    const davit_place_context *context;
    const davit_place_items *items;
    davit_place_search *search;
    davit_place_loads loads;
    const double *sure;
    double *left;           /* [item + 1] what the items from there on in order bring, weighted */
    double whole;           /* sum of the multipliers */
    davit_place_sum *saved; /* [depth][device] */
    bool *pinned;           /* [item] */
    uint64_t branches;
    uint32_t *best_at;
    double best;
} searching;

static bool is_pinned(const davit_place_items *items, uint32_t item)
{
    for (uint32_t k = items->first[item]; k < items->first[item + 1]; k++) {
        if (items->problem->nodes[items->nodes[k]].pin != DAVIT_PLACE_NONE) {
            return true;
        }
    }
    return false;
}

/* The least time of an item on any device. */
static double least_of(const searching *s, uint32_t item)
{
    double least = INFINITY;
    for (uint32_t d = 0; d < s->loads.device_count; d++) {
        least = fmin(least, s->sure[(size_t)item * s->loads.device_count + d]);
    }
    return least;
}

static bool comes_before(const searching *s, uint32_t a, uint32_t b)
{
    if (s->pinned[a] != s->pinned[b]) {
        return s->pinned[a];
    }
    if (s->search->by_time && least_of(s, a) != least_of(s, b)) {
        return least_of(s, a) > least_of(s, b);
    }
    return a < b;
}

static void sort_items(searching *s)
{
    uint32_t *order = s->search->order;
    for (uint32_t k = 0; k < s->items->count; k++) {
        s->pinned[k] = is_pinned(s->items, k);
    }
    for (uint32_t k = 0; k < s->items->count; k++) {
        uint32_t at = k;
        for (; at > 0 && comes_before(s, k, order[at - 1]); at--) {
            order[at] = order[at - 1];
        }
        order[at] = k;
    }
}

/* Whether the placement so far may lead to something better than the best. */
static bool is_open(const searching *s, uint32_t depth)
{
    double weighted = s->left[depth];
    for (uint32_t d = 0; d < s->loads.device_count; d++) {
        const davit_place_device *device = &s->context->problem->devices[d];
        const davit_place_sum *sum = &s->loads.sum[d];
        double load = davit_place_loads_of(&s->loads, d);
        if (load >= s->best || !davit_place_fits(sum->bytes, device->memory_bytes)) {
            return false;
        }
        double compute = sum->compute_s + (sum->count > 0 ? device->use_seconds : 0.0);
        weighted +=
            s->search->multipliers[d] * (device->discipline == DAVIT_PLACE_BLOCK ? load : compute);
    }
    return !(weighted >= s->best * s->whole);
}

/* An empty device like an empty one before it gives nothing new. */
static bool is_twin(const searching *s, uint32_t d)
{
    const davit_place_device *devices = s->context->problem->devices;
    bool twin = false;
    for (uint32_t e = 0; e < d && s->loads.sum[d].count == 0; e++) {
        twin = twin ||
               (s->loads.sum[e].count == 0 && devices[e].device_class == devices[d].device_class);
    }
    return twin;
}

/* False when the branches are used up. */
static bool descend(searching *s, uint32_t depth)
{
    if (depth == s->items->count) {
        double period = davit_place_loads_period(&s->loads);
        if (period < s->best) {
            s->best = period;
            memcpy(s->best_at, s->loads.at, s->items->count * sizeof(uint32_t));
        }
        return true;
    }
    uint32_t item = s->search->order[depth];
    size_t row = (size_t)depth * s->loads.device_count;
    size_t bytes = s->loads.device_count * sizeof(davit_place_sum);
    memcpy(s->saved + row, s->loads.sum, bytes);
    for (uint32_t d = 0; d < s->loads.device_count; d++) {
        if (!davit_place_item_allowed(s->items, item, d) || (!s->pinned[item] && is_twin(s, d))) {
            continue;
        }
        if (++s->branches > s->search->branches) {
            return false;
        }
        davit_place_loads_add(&s->loads, item, d);
        bool enough = !is_open(s, depth + 1) || descend(s, depth + 1);
        davit_place_loads_remove(&s->loads, item);
        memcpy(s->loads.sum, s->saved + row, bytes);
        if (!enough) {
            return false;
        }
    }
    return true;
}

static davit_status prepare(searching *s, davit_arena *arena)
{
    uint32_t count = s->items->count;
    uint32_t devices = s->context->problem->device_count;
    double *sure;
    davit_status status = davit_place_loads_make(s->items, arena, &s->loads);
    s->left = davit_arena_alloc_array(arena, (size_t)count + 1, sizeof(double));
    s->pinned = davit_arena_alloc_array(arena, count, sizeof(bool));
    s->saved = davit_arena_alloc_array(arena, (size_t)count * devices, sizeof(davit_place_sum));
    if (status != DAVIT_OK || s->left == NULL || s->pinned == NULL || s->saved == NULL) {
        return davit_fail(s->context->diag, DAVIT_OUT_OF_MEMORY, "no memory for a search");
    }
    status = davit_place_sure_loads(s->context, false, arena, &sure);
    if (status != DAVIT_OK) {
        return status;
    }
    s->sure = sure;
    sort_items(s);
    for (uint32_t d = 0; d < devices; d++) {
        s->whole += s->search->multipliers[d];
    }
    for (uint32_t k = count; k-- > 0;) {
        double least = INFINITY;
        for (uint32_t d = 0; d < devices; d++) {
            double one = sure[(size_t)s->search->order[k] * devices + d];
            if (isfinite(one)) {
                least = fmin(least, s->search->multipliers[d] * one);
            }
        }
        s->left[k] = s->left[k + 1] + least;
    }
    return DAVIT_OK;
}

davit_status davit_place_search_run(const davit_place_context *context, davit_place_search *search,
                                    uint32_t *at, double *period)
{
    davit_arena arena;
    davit_arena_init(&arena, context->allocator);
    searching s = {.context = context,
                   .items = context->items,
                   .search = search,
                   .best_at = at,
                   .best = *period};
    davit_status status = prepare(&s, &arena);
    if (status == DAVIT_OK) {
        davit_place_loads_empty(&s.loads);
        search->complete = descend(&s, 0);
        *period = s.best;
    }
    davit_arena_clear(&arena);
    return status;
}
