#include "anneal.h"

#include <string.h>

#include "davit/simulate.h"
#include "loads.h"
#include "random.h"

/* Items moved by one step at most. */
#define STEP_ITEMS 48

typedef struct annealing {
    const davit_place_items *items;
    const davit_place_problem *problem;
    davit_place_loads loads;
    uint64_t random;
    double scale; /* 1 / the period that loads are measured in */
    double energy;
    uint32_t moved[STEP_ITEMS], from[STEP_ITEMS];
    uint32_t moved_count;
    uint32_t *mark; /* [item] the step that took it, for clusters */
    uint32_t step;
} annealing;

/* Soft maximum: the sum of the 16th powers of loads. What a memory lacks counts like load. */
static double energy_of(const annealing *a)
{
    double energy = 0.0;
    for (uint32_t d = 0; d < a->loads.device_count; d++) {
        double x = davit_place_loads_of(&a->loads, d) * a->scale;
        double bytes = a->loads.sum[d].bytes;
        double memory = a->problem->devices[d].memory_bytes;
        x *= x;
        x *= x;
        x *= x;
        energy += x * x;
        if (!davit_place_fits(bytes, memory)) {
            energy += 4.0 + 40.0 * (bytes - memory) / (memory + 1e-3 * bytes);
        }
    }
    return energy;
}

static void move(annealing *a, uint32_t item, uint32_t to)
{
    if (a->moved_count < STEP_ITEMS && a->loads.at[item] != to &&
        davit_place_item_allowed(a->items, item, to)) {
        a->moved[a->moved_count] = item;
        a->from[a->moved_count++] = a->loads.at[item];
        davit_place_loads_move(&a->loads, item, to);
    }
}

static void undo(annealing *a)
{
    while (a->moved_count > 0) {
        a->moved_count--;
        davit_place_loads_move(&a->loads, a->moved[a->moved_count], a->from[a->moved_count]);
    }
}

static uint32_t below(annealing *a, uint32_t bound)
{
    return davit_place_random_below(&a->random, bound);
}

/* Another item that exchanges a value with item, or item itself when there is none. */
static uint32_t neighbour(annealing *a, uint32_t item)
{
    const davit_place_items *items = a->items;
    uint32_t reads = items->read_first[item + 1] - items->read_first[item];
    uint32_t made = items->made_first[item + 1] - items->made_first[item];
    if (reads + made == 0) {
        return item;
    }
    uint32_t pick = below(a, reads + made);
    const davit_place_flow *flow =
        pick < reads ? &items->flows[items->read[items->read_first[item] + pick]]
                     : &items->flows[items->made[items->made_first[item] + pick - reads]];
    uint32_t ends = flow->consumer_count + (flow->producer != DAVIT_PLACE_NONE);
    if (ends == 0 || (pick < reads && flow->producer != DAVIT_PLACE_NONE && below(a, 2) == 0)) {
        return ends == 0 ? item : flow->producer;
    }
    return flow->consumer_count > 0 ? flow->consumers[below(a, flow->consumer_count)]
                                    : flow->producer;
}

/* Up to count items of item's device, grown over values, go to another device. */
static void move_cluster(annealing *a, uint32_t item, uint32_t to, uint32_t count)
{
    uint32_t from = a->loads.at[item];
    uint32_t at = item;
    move(a, item, to);
    for (uint32_t tries = 3 * count; tries > 0 && count > 1; tries--) {
        uint32_t next = neighbour(a, at);
        if (a->loads.at[next] == from) {
            move(a, next, to);
            count--;
        }
        /* On from the new one, or from any that moved. */
        at = a->moved_count > 0 && below(a, 4) == 0 ? a->moved[below(a, a->moved_count)] : next;
        if (a->loads.at[at] != to) {
            at = item;
        }
    }
}

/* A run of items in order that are on one device goes to another: a boundary shifts. */
static void move_run(annealing *a, uint32_t item, uint32_t to, uint32_t count)
{
    uint32_t from = a->loads.at[item];
    bool up = below(a, 2) == 0;
    uint32_t skipped = 0;
    while (count > 0 && skipped < 8 && item < a->items->count) {
        if (a->loads.at[item] == from) {
            move(a, item, to);
            count--;
            skipped = 0;
        } else {
            skipped++;
        }
        item = up ? item + 1 : item - 1; /* below 0 it is above count */
    }
}

static uint32_t run_length(annealing *a)
{
    uint32_t length = 2;
    while (length < STEP_ITEMS / 2 && below(a, 4) != 0) {
        length += 1 + length / 4;
    }
    return length;
}

static uint32_t busiest(const annealing *a)
{
    uint32_t best = 0;
    double most = -1.0;
    for (uint32_t d = 0; d < a->loads.device_count; d++) {
        double load = davit_place_loads_of(&a->loads, d);
        if (load > most) {
            most = load;
            best = d;
        }
    }
    return best;
}

/* An item, rather one of the busiest device. */
static uint32_t pick_item(annealing *a)
{
    uint32_t item = below(a, a->items->count);
    if (below(a, 2) == 0) {
        uint32_t device = busiest(a);
        for (int tries = 0; tries < 8 && a->loads.at[item] != device; tries++) {
            item = below(a, a->items->count);
        }
    }
    return item;
}

static void try_step(annealing *a)
{
    uint32_t item = pick_item(a);
    uint32_t from = a->loads.at[item];
    uint32_t other = below(a, 2) == 0 ? neighbour(a, item) : below(a, a->items->count);
    uint32_t to = a->loads.at[other];
    if (to == from) {
        to = below(a, a->loads.device_count);
    }
    switch (below(a, 8)) {
    case 0:
    case 1:
    case 2:
        move(a, item, to);
        break;
    case 3:
    case 4:
        move(a, item, to);
        for (int tries = 0; tries < 8 && (a->loads.at[other] != to || other == item); tries++) {
            other = below(a, a->items->count);
        }
        if (a->loads.at[other] == to && other != item) {
            move(a, other, from);
        }
        break;
    case 5:
        move_cluster(a, item, to, run_length(a));
        break;
    case 6:
        move_run(a, item, to, run_length(a));
        break;
    default:
        move_cluster(a, item, to, run_length(a));
        for (int tries = 0; tries < 8 && a->loads.at[other] != to; tries++) {
            other = below(a, a->items->count);
        }
        if (a->loads.at[other] == to) {
            move_cluster(a, other, from, run_length(a));
        }
        break;
    }
}

static void anneal(annealing *a, const davit_place_anneal *schedule, uint32_t *best_at,
                   double *best)
{
    double cooling = pow(schedule->cold / schedule->hot, 1.0 / 256.0);
    double heat = schedule->hot;
    uint64_t per_level = schedule->steps / 256 + 1;
    a->energy = energy_of(a);
    for (uint64_t step = 1; step <= schedule->steps; step++) {
        a->moved_count = 0;
        try_step(a);
        if (a->moved_count == 0) {
            continue;
        }
        double energy = energy_of(a);
        double worse = energy - a->energy;
        if (worse > 0.0 && davit_place_random_unit(&a->random) >= exp(-worse / heat)) {
            undo(a);
        } else {
            a->energy = energy;
            double period = davit_place_loads_period(&a->loads);
            if (period < *best) {
                *best = period;
                memcpy(best_at, a->loads.at, a->items->count * sizeof(*best_at));
            }
        }
        if (step % per_level == 0) {
            heat *= cooling;
            davit_place_loads_set(&a->loads, a->loads.at); /* no rounding piles up */
            a->scale = isfinite(*best) && *best > 0.0 ? 1.0 / *best : a->scale;
            a->energy = energy_of(a);
        }
    }
}

davit_status davit_place_anneal_run(const davit_place_context *context,
                                    const davit_place_anneal *schedule, uint32_t *at,
                                    double *period)
{
    davit_arena arena;
    davit_arena_init(&arena, context->allocator);
    annealing a = {.items = context->items, .problem = context->problem, .random = schedule->seed};
    davit_status status = davit_place_loads_make(context->items, &arena, &a.loads);
    if (status == DAVIT_OK && context->items->count > 0) {
        davit_place_loads_set(&a.loads, at);
        double top = 0.0;
        for (uint32_t d = 0; d < a.loads.device_count; d++) {
            top = fmax(top, davit_place_loads_of(&a.loads, d));
        }
        a.scale = top > 0.0 ? 1.0 / top : 1.0;
        anneal(&a, schedule, at, period);
    }
    davit_arena_clear(&arena);
    return status == DAVIT_OK ? status
                              : davit_fail(context->diag, status, "no memory for local search");
}
