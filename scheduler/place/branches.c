#include "branches.h"

#include <string.h>

typedef struct walk {
    const davit_place_branches *branches;
    const davit_place_items *items;
    davit_arena arena;
    uint32_t *at;     /* [item] */
    uint32_t *next;   /* [depth] the device to try next */
    uint32_t *count;  /* [device] items on it */
    double *bytes;    /* [device] */
    uint32_t *device; /* [node] of a whole placement */
} walk;

/* Of devices of one class without items only the first is tried. */
static bool is_first_empty(const walk *w, uint32_t device)
{
    const davit_place_device *devices = w->items->problem->devices;
    for (uint32_t d = 0; d < device && w->count[device] == 0; d++) {
        if (w->count[d] == 0 && devices[d].device_class == devices[device].device_class) {
            return false;
        }
    }
    return true;
}

/* The next device for the item, from first on. */
static uint32_t choose_device(const walk *w, uint32_t item, uint32_t first, bool pinned)
{
    uint32_t devices = w->items->problem->device_count;
    uint32_t d = first;
    while (d < devices && !(davit_place_item_allowed(w->items, item, d) &&
                            davit_place_fits(w->bytes[d] + w->items->bytes[item],
                                             w->items->problem->devices[d].memory_bytes) &&
                            (pinned || is_first_empty(w, d)))) {
        d++;
    }
    return d;
}

static void set(walk *w, uint32_t item, uint32_t device)
{
    w->at[item] = device;
    w->count[device]++;
    w->bytes[device] += w->items->bytes[item];
}

static void unset(walk *w, uint32_t item)
{
    uint32_t device = w->at[item];
    w->at[item] = DAVIT_PLACE_NONE;
    w->count[device]--;
    w->bytes[device] -= w->items->bytes[item];
}

/* Whether something better than `below` may be under this branch. */
static bool is_open(walk *w, double below)
{
    const davit_place_options *options = &w->branches->quest->context->options;
    double latency = davit_place_earliest_latency(w->branches->earliest, w->at);
    if (options->objective != DAVIT_PLACE_ENERGY) {
        return latency < below;
    }
    return latency <= options->latency_limit_s &&
           davit_place_least_joules(w->branches->earliest, w->at, latency) < below;
}

static void try_whole(walk *w)
{
    davit_place_items_spread(w->items, w->at, w->device);
    (void)davit_place_quest_try(w->branches->quest, w->device);
}

static bool is_pinned(const davit_place_items *items, uint32_t item)
{
    bool pinned = false;
    for (uint32_t k = items->first[item]; k < items->first[item + 1]; k++) {
        pinned = pinned || items->problem->nodes[items->nodes[k]].pin != DAVIT_PLACE_NONE;
    }
    return pinned;
}

static bool walk_all(walk *w, double below, uint64_t steps)
{
    const uint32_t *order = w->branches->order;
    uint32_t count = w->items->count;
    uint32_t depth = 0;
    uint64_t step = 0;
    for (;;) {
        uint32_t item = order[depth];
        if (w->at[item] != DAVIT_PLACE_NONE) {
            unset(w, item);
        }
        uint32_t d = choose_device(w, item, w->next[depth], is_pinned(w->items, item));
        if (d == w->items->problem->device_count) {
            if (depth == 0) {
                return true;
            }
            depth--;
            continue;
        }
        if (step++ == steps) {
            return false;
        }
        w->next[depth] = d + 1;
        set(w, item, d);
        if (!is_open(w, fmin(below, w->branches->quest->best_score))) {
            continue;
        }
        if (depth + 1 == count) {
            try_whole(w);
        } else {
            w->next[++depth] = 0;
        }
    }
}

davit_status davit_place_branches_run(const davit_place_branches *branches, double below,
                                      uint64_t steps, bool *complete)
{
    const davit_place_context *context = branches->quest->context;
    const davit_place_problem *problem = context->problem;
    walk w = {.branches = branches, .items = context->items};
    davit_arena_init(&w.arena, context->allocator);
    w.at = davit_arena_alloc_array(&w.arena, w.items->count, sizeof(*w.at));
    w.next = davit_arena_alloc_array(&w.arena, w.items->count, sizeof(*w.next));
    w.count = davit_arena_alloc_array(&w.arena, problem->device_count, sizeof(*w.count));
    w.bytes = davit_arena_alloc_array(&w.arena, problem->device_count, sizeof(*w.bytes));
    w.device = davit_arena_alloc_array(&w.arena, problem->node_count, sizeof(*w.device));
    davit_status status = DAVIT_OUT_OF_MEMORY;
    if (w.at != NULL && w.next != NULL && w.count != NULL && w.bytes != NULL && w.device != NULL) {
        for (uint32_t item = 0; item < w.items->count; item++) {
            w.at[item] = DAVIT_PLACE_NONE;
        }
        *complete = walk_all(&w, below, steps);
        status = DAVIT_OK;
    }
    davit_arena_clear(&w.arena);
    return status;
}
