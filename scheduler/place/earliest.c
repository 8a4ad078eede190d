#include "earliest.h"

#include "simulate_private.h"

/* Passes over the nodes when blocks are placed: the ends of blocks delay what reads from them. */
enum { PASSES = 3 };

static bool is_block(const davit_place_earliest *e, uint32_t device)
{
    return e->items->problem->devices[device].discipline == DAVIT_PLACE_BLOCK;
}

static double *end_of(const davit_place_earliest *e, uint32_t node, uint32_t device)
{
    return &e->end[(size_t)node * e->items->problem->device_count + device];
}

/* When a value that its producer makes on `from` is in the host's memory. */
static double at_host(const davit_place_earliest *e, const uint32_t *at, uint32_t value,
                      uint32_t from)
{
    const davit_place_problem *problem = e->items->problem;
    uint32_t producer = problem->values[value].producer;
    double there = *end_of(e, producer, from) + davit_place_out_seconds(problem, value, from);
    if (is_block(e, from) && at[e->items->of_node[producer]] == from) {
        there = fmax(there, e->block_start[from] + e->block_length[from]);
    }
    return there;
}

/* When the value can be on `device` for a node of `item`, wherever its producer is. */
static double arrival(const davit_place_earliest *e, const uint32_t *at, uint32_t value,
                      uint32_t item, uint32_t device)
{
    const davit_place_items *items = e->items;
    const davit_place_problem *problem = items->problem;
    uint32_t producer = problem->values[value].producer;
    double in = davit_place_in_seconds(problem, value, device);
    if (producer == DAVIT_PLACE_NONE) {
        return in;
    }
    uint32_t source = items->of_node[producer];
    double same = *end_of(e, producer, device);
    if (source == item) {
        return same;
    }
    bool together = davit_place_fits(items->bytes[source] + items->bytes[item],
                                     problem->devices[device].memory_bytes);
    double least = together ? same : INFINITY;
    for (uint32_t d = 0; d < problem->device_count; d++) {
        if (d != device && *end_of(e, producer, d) < least) {
            least = fmin(least, at_host(e, at, value, d) + in);
        }
    }
    return least;
}

/* The end of a node on a device, and what is later there because of it. */
static double end_node(davit_place_earliest *e, const uint32_t *at, uint32_t node, uint32_t device)
{
    const davit_place_problem *problem = e->items->problem;
    uint32_t item = e->items->of_node[node];
    if (!davit_place_item_allowed(e->items, item, device) ||
        (at[item] != DAVIT_PLACE_NONE && at[item] != device)) {
        return INFINITY;
    }
    bool chained =
        at[item] == device && problem->devices[device].discipline == DAVIT_PLACE_IN_ORDER;
    double start = chained ? e->free[device] : 0.0;
    const davit_place_clock *clock = e->clock;
    for (uint32_t k = clock->read_first[node]; k < clock->read_first[node + 1]; k++) {
        start = fmax(start, arrival(e, at, clock->read[k], item, device));
    }
    double end = start + davit_place_node_seconds(problem, node, device);
    if (chained) {
        e->free[device] = end;
    }
    return end;
}

/* From the end of the node to that of the inference, if it is on the device. */
static double after_node(const davit_place_earliest *e, uint32_t node, uint32_t device)
{
    const davit_place_problem *problem = e->items->problem;
    double out = 0.0;
    for (uint32_t k = e->clock->made_first[node]; k < e->clock->made_first[node + 1]; k++) {
        uint32_t value = e->clock->made[k];
        if (problem->values[value].to_host) {
            out = fmax(out, davit_place_out_seconds(problem, value, device));
        }
    }
    return out + problem->devices[device].use_seconds;
}

static double run_pass(davit_place_earliest *e, const uint32_t *at)
{
    const davit_place_problem *problem = e->items->problem;
    double latency = 0.0;
    for (uint32_t d = 0; d < problem->device_count; d++) {
        e->free[d] = 0.0;
    }
    for (uint32_t v = 0; v < problem->node_count; v++) {
        double least = INFINITY;
        for (uint32_t d = 0; d < problem->device_count; d++) {
            *end_of(e, v, d) = end_node(e, at, v, d);
            if (isfinite(*end_of(e, v, d))) {
                least = fmin(least, *end_of(e, v, d) + after_node(e, v, d));
            }
        }
        latency = fmax(latency, least);
    }
    return latency;
}

/* Adds to blocks what the value brings for certain: copies between placed nodes, and when it is
 * there to be received. */
static void add_value(davit_place_earliest *e, const uint32_t *at, uint32_t value, bool length)
{
    const davit_place_items *items = e->items;
    const davit_place_problem *problem = items->problem;
    const davit_place_value *info = &problem->values[value];
    bool from_host = info->producer == DAVIT_PLACE_NONE;
    uint32_t source = from_host ? DAVIT_PLACE_NONE : at[items->of_node[info->producer]];
    bool leaves = info->to_host && !from_host;
    for (uint32_t k = 0; k < info->consumer_count; k++) {
        uint32_t to = at[items->of_node[info->consumers[k]]];
        bool elsewhere =
            to != DAVIT_PLACE_NONE && to != source && (from_host || source != DAVIT_PLACE_NONE);
        leaves = leaves || (elsewhere && !from_host);
        if (!elsewhere || !is_block(e, to)) {
            continue;
        }
        bool first = true;
        for (uint32_t j = 0; j < k && first; j++) {
            first = at[items->of_node[info->consumers[j]]] != to;
        }
        if (first && length) {
            e->block_length[to] += davit_place_in_seconds(problem, value, to);
        } else if (!length && !from_host) {
            e->block_start[to] = fmax(e->block_start[to], at_host(e, at, value, source));
        }
    }
    if (length && leaves && source != DAVIT_PLACE_NONE && is_block(e, source)) {
        e->block_length[source] += davit_place_out_seconds(problem, value, source);
    }
}

static void measure_blocks(davit_place_earliest *e, const uint32_t *at)
{
    const davit_place_problem *problem = e->items->problem;
    for (uint32_t d = 0; d < problem->device_count; d++) {
        e->block_start[d] = e->block_length[d] = 0.0;
    }
    for (uint32_t item = 0; item < e->items->count; item++) {
        if (at[item] != DAVIT_PLACE_NONE) {
            e->block_length[at[item]] += davit_place_item_seconds(e->items, item, at[item]);
        }
    }
    for (uint32_t i = 0; i < problem->value_count; i++) {
        add_value(e, at, i, true);
    }
}

/* The mean of what devices compute, weighted by the multipliers. */
static double area(const davit_place_earliest *e, const uint32_t *at)
{
    double sum = 0.0;
    double whole = 0.0;
    for (uint32_t item = 0; item < e->items->count; item++) {
        sum += at[item] == DAVIT_PLACE_NONE
                   ? e->least_area[item]
                   : e->multipliers[at[item]] * davit_place_item_seconds(e->items, item, at[item]);
    }
    for (uint32_t d = 0; d < e->items->problem->device_count; d++) {
        whole += e->multipliers[d];
    }
    return whole > 0.0 ? sum / whole : 0.0;
}

double davit_place_earliest_latency(davit_place_earliest *e, const uint32_t *at)
{
    const davit_place_problem *problem = e->items->problem;
    measure_blocks(e, at);
    double latency = run_pass(e, at);
    if (e->multipliers != NULL) {
        latency = fmax(latency, area(e, at));
    }
    for (int pass = 1; pass < PASSES && e->blocks; pass++) {
        bool later = false;
        for (uint32_t i = 0; i < problem->value_count; i++) {
            add_value(e, at, i, false);
        }
        for (uint32_t d = 0; d < problem->device_count; d++) {
            if (is_block(e, d) && e->block_length[d] > 0.0) {
                later = true;
                latency = fmax(latency, e->block_start[d] + e->block_length[d] +
                                            problem->devices[d].use_seconds);
            }
        }
        if (!later) {
            break;
        }
        latency = fmax(latency, run_pass(e, at));
    }
    return latency;
}

/* Of copies between placed nodes. */
static double copy_joules(const davit_place_earliest *e, const uint32_t *at, uint32_t value)
{
    const davit_place_items *items = e->items;
    const davit_place_problem *problem = items->problem;
    const davit_place_value *info = &problem->values[value];
    const double *joules = &problem->copy_joules[(size_t)value * problem->class_count];
    bool from_host = info->producer == DAVIT_PLACE_NONE;
    uint32_t source = from_host ? DAVIT_PLACE_NONE : at[items->of_node[info->producer]];
    bool leaves = info->to_host && !from_host;
    double sum = 0.0;
    for (uint32_t k = 0; k < info->consumer_count; k++) {
        uint32_t to = at[items->of_node[info->consumers[k]]];
        bool counts =
            to != DAVIT_PLACE_NONE && to != source && (from_host || source != DAVIT_PLACE_NONE);
        leaves = leaves || (counts && !from_host);
        for (uint32_t j = 0; j < k && counts; j++) {
            counts = at[items->of_node[info->consumers[j]]] != to;
        }
        sum += counts ? joules[davit_place_class(problem, to)] : 0.0;
    }
    bool known = leaves && source != DAVIT_PLACE_NONE;
    return sum + (known ? joules[davit_place_class(problem, source)] : 0.0);
}

static double item_joules(const davit_place_items *items, uint32_t item, uint32_t device)
{
    const davit_place_problem *problem = items->problem;
    double joules = 0.0;
    for (uint32_t k = items->first[item]; k < items->first[item + 1]; k++) {
        joules += problem->node_joules[(size_t)items->nodes[k] * problem->class_count +
                                       davit_place_class(problem, device)];
    }
    return joules;
}

/* Devices that have a node draw power for as long as the inference takes. */
static double idle_watts(const davit_place_earliest *e, const uint32_t *at)
{
    const davit_place_problem *problem = e->items->problem;
    double used = 0.0;
    double least = INFINITY;
    for (uint32_t d = 0; d < problem->device_count; d++) {
        bool has = false;
        for (uint32_t item = 0; item < e->items->count && !has; item++) {
            has = at[item] == d;
        }
        used += has ? problem->devices[d].idle_watts : 0.0;
        least = fmin(least, problem->devices[d].idle_watts);
    }
    return fmax(used, least);
}

double davit_place_least_joules(const davit_place_earliest *e, const uint32_t *at, double latency_s)
{
    const davit_place_problem *problem = e->items->problem;
    double joules = 0.0;
    for (uint32_t item = 0; item < e->items->count && problem->node_joules != NULL; item++) {
        joules += at[item] == DAVIT_PLACE_NONE ? e->least_joules[item]
                                               : item_joules(e->items, item, at[item]);
    }
    for (uint32_t i = 0; i < problem->value_count && problem->copy_joules != NULL; i++) {
        joules += copy_joules(e, at, i);
    }
    double watts = idle_watts(e, at);
    return joules + (watts > 0.0 ? watts * latency_s : 0.0);
}

static void fill_least(davit_place_earliest *e)
{
    const davit_place_items *items = e->items;
    for (uint32_t item = 0; item < items->count; item++) {
        e->least_joules[item] = e->least_area[item] = INFINITY;
        for (uint32_t d = 0; d < items->problem->device_count; d++) {
            if (!davit_place_item_allowed(items, item, d)) {
                continue;
            }
            if (items->problem->node_joules != NULL) {
                e->least_joules[item] = fmin(e->least_joules[item], item_joules(items, item, d));
            }
            if (e->multipliers != NULL) {
                double part = e->multipliers[d] * davit_place_item_seconds(items, item, d);
                e->least_area[item] = fmin(e->least_area[item], part);
            }
        }
    }
}

davit_status davit_place_earliest_make(const davit_place_items *items,
                                       const davit_place_clock *clock, const double *multipliers,
                                       const davit_allocator *allocator, davit_place_earliest *e)
{
    const davit_place_problem *problem = items->problem;
    *e = (davit_place_earliest){.items = items, .clock = clock, .multipliers = multipliers};
    davit_arena_init(&e->arena, allocator);
    size_t devices = problem->device_count;
    e->end = davit_arena_alloc_array(&e->arena, problem->node_count * devices, sizeof(double));
    e->free = davit_arena_alloc_array(&e->arena, devices, sizeof(double));
    e->block_start = davit_arena_alloc_array(&e->arena, devices, sizeof(double));
    e->block_length = davit_arena_alloc_array(&e->arena, devices, sizeof(double));
    e->least_joules = davit_arena_alloc_array(&e->arena, items->count, sizeof(double));
    e->least_area = davit_arena_alloc_array(&e->arena, items->count, sizeof(double));
    if (e->end == NULL || e->free == NULL || e->block_start == NULL || e->block_length == NULL ||
        e->least_joules == NULL || e->least_area == NULL) {
        davit_place_earliest_clear(e);
        return DAVIT_OUT_OF_MEMORY;
    }
    for (uint32_t d = 0; d < devices; d++) {
        e->blocks = e->blocks || is_block(e, d);
    }
    fill_least(e);
    return DAVIT_OK;
}

void davit_place_earliest_clear(davit_place_earliest *e)
{
    davit_arena_clear(&e->arena);
}
