#include "clock.h"

#include <string.h>

#include "simulate_private.h"

static davit_place_discipline discipline(const davit_place_clock *c, uint32_t device)
{
    return c->problem->devices[device].discipline;
}

static bool is_block(const davit_place_clock *c, uint32_t device)
{
    return discipline(c, device) == DAVIT_PLACE_BLOCK;
}

/* When the value is on an in-order device. */
static double copy_in(davit_place_clock *c, uint32_t value, uint32_t device, double from)
{
    davit_place_arrival *arrival = &c->arrival[(size_t)value * c->problem->device_count + device];
    if (arrival->tick != c->tick) {
        double start = fmax(from, c->in_free[device]);
        arrival->end = start + davit_place_in_seconds(c->problem, value, device);
        arrival->tick = c->tick;
        c->in_free[device] = arrival->end;
    }
    return arrival->end;
}

/* The node's values leave; returns when the last one that the host wants is there. */
static double send_values(davit_place_clock *c, const uint32_t *device, uint32_t node, double end)
{
    uint32_t d = device[node];
    double last = end;
    for (uint32_t k = c->made_first[node]; k < c->made_first[node + 1]; k++) {
        uint32_t value = c->made[k];
        if (discipline(c, d) == DAVIT_PLACE_UNLIMITED) {
            c->at_host[value] = end;
        } else if (davit_place_leaves(c->problem, device, value)) {
            c->at_host[value] =
                fmax(end, c->out_free[d]) + davit_place_out_seconds(c->problem, value, d);
            c->out_free[d] = c->at_host[value];
            last = fmax(last, c->at_host[value]);
        }
    }
    return last;
}

static double run_node(davit_place_clock *c, const uint32_t *device, uint32_t node)
{
    uint32_t d = device[node];
    bool in_order = discipline(c, d) == DAVIT_PLACE_IN_ORDER;
    double start = in_order ? c->compute_free[d] : 0.0;
    for (uint32_t k = c->read_first[node]; k < c->read_first[node + 1]; k++) {
        uint32_t value = c->read[k];
        uint32_t source = davit_place_source(c->problem, device, value);
        double there;
        if (source == d) {
            there = c->node_end[c->problem->values[value].producer];
        } else {
            there = source == DAVIT_PLACE_NONE ? 0.0 : c->at_host[value];
            there = in_order ? copy_in(c, value, d, there) : there;
        }
        start = fmax(start, there);
    }
    double end = start + davit_place_node_seconds(c->problem, node, d);
    c->node_end[node] = end;
    c->compute_free[d] = end;
    return send_values(c, device, node, end);
}

static double run_block(davit_place_clock *c, const uint32_t *device, uint32_t d)
{
    double start = 0.0;
    double seconds = 0.0;
    for (uint32_t v = c->head[d]; v != DAVIT_PLACE_NONE; v = c->next[v]) {
        seconds += davit_place_node_seconds(c->problem, v, d);
        for (uint32_t k = c->read_first[v]; k < c->read_first[v + 1]; k++) {
            uint32_t value = c->read[k];
            uint32_t source = davit_place_source(c->problem, device, value);
            davit_place_arrival *arrival =
                &c->arrival[(size_t)value * c->problem->device_count + d];
            if (source == d || arrival->tick == c->tick) {
                continue;
            }
            arrival->tick = c->tick;
            seconds += davit_place_in_seconds(c->problem, value, d);
            start = source == DAVIT_PLACE_NONE ? start : fmax(start, c->at_host[value]);
        }
        for (uint32_t k = c->made_first[v]; k < c->made_first[v + 1]; k++) {
            if (davit_place_leaves(c->problem, device, c->made[k])) {
                seconds += davit_place_out_seconds(c->problem, c->made[k], d);
            }
        }
    }
    for (uint32_t v = c->head[d]; v != DAVIT_PLACE_NONE; v = c->next[v]) {
        for (uint32_t k = c->made_first[v]; k < c->made_first[v + 1]; k++) {
            c->at_host[c->made[k]] = start + seconds;
        }
    }
    return start + seconds;
}

/* Chains the nodes of blocks and of in-order devices; counts what each node or block waits for. */
static uint32_t link_units(davit_place_clock *c, const uint32_t *device, uint32_t *ready_count)
{
    const davit_place_problem *problem = c->problem;
    uint32_t nodes = problem->node_count;
    memset(c->pending, 0, ((size_t)nodes + problem->device_count) * sizeof(*c->pending));
    for (uint32_t v = nodes; v-- > 0;) {
        uint32_t d = device[v];
        bool block = is_block(c, d);
        uint32_t waits = 0;
        for (uint32_t k = c->read_first[v]; k < c->read_first[v + 1]; k++) {
            uint32_t source = davit_place_source(problem, device, c->read[k]);
            waits += source != DAVIT_PLACE_NONE && !(block && source == d);
        }
        c->pending[block ? nodes + d : v] += waits;
        c->next[v] = discipline(c, d) == DAVIT_PLACE_UNLIMITED ? DAVIT_PLACE_NONE : c->head[d];
        if (!block && c->next[v] != DAVIT_PLACE_NONE) {
            c->pending[c->next[v]]++;
        }
        c->head[d] = v;
    }
    uint32_t units = 0;
    for (uint32_t v = 0; v < nodes; v++) {
        uint32_t unit = is_block(c, device[v]) ? nodes + device[v] : v;
        if (unit == v || c->head[device[v]] == v) {
            units++;
            if (c->pending[unit] == 0) {
                c->ready[(*ready_count)++] = unit;
            }
        }
    }
    return units;
}

static void release(davit_place_clock *c, const uint32_t *device, uint32_t node,
                    uint32_t *ready_count)
{
    uint32_t nodes = c->problem->node_count;
    for (uint32_t k = c->made_first[node]; k < c->made_first[node + 1]; k++) {
        const davit_place_value *value = &c->problem->values[c->made[k]];
        for (uint32_t i = 0; i < value->consumer_count; i++) {
            uint32_t reader = value->consumers[i];
            bool block = is_block(c, device[reader]);
            uint32_t unit = block ? nodes + device[reader] : reader;
            if (!(block && device[reader] == device[node]) && --c->pending[unit] == 0) {
                c->ready[(*ready_count)++] = unit;
            }
        }
    }
}

/* With blocks: nodes and blocks in the order in which they become ready. */
static double run_units(davit_place_clock *c, const uint32_t *device)
{
    uint32_t nodes = c->problem->node_count;
    double latency = 0.0;
    uint32_t ready_count = 0;
    uint32_t units = link_units(c, device, &ready_count);
    uint32_t done = 0;
    for (; done < ready_count; done++) {
        uint32_t unit = c->ready[done];
        if (unit < nodes) {
            latency = fmax(latency, run_node(c, device, unit));
            release(c, device, unit, &ready_count);
            if (c->next[unit] != DAVIT_PLACE_NONE && --c->pending[c->next[unit]] == 0) {
                c->ready[ready_count++] = c->next[unit];
            }
            continue;
        }
        latency = fmax(latency, run_block(c, device, unit - nodes));
        for (uint32_t v = c->head[unit - nodes]; v != DAVIT_PLACE_NONE; v = c->next[v]) {
            release(c, device, v, &ready_count);
        }
    }
    return done < units ? INFINITY : latency;
}

/* Of nodes and copies. */
static double sum_joules(const davit_place_clock *c, const uint32_t *device)
{
    const davit_place_problem *p = c->problem;
    double joules = 0.0;
    for (uint32_t v = 0; v < p->node_count && p->node_joules != NULL; v++) {
        joules += p->node_joules[(size_t)v * p->class_count + davit_place_class(p, device[v])];
    }
    for (uint32_t i = 0; i < p->value_count && p->copy_joules != NULL; i++) {
        const double *copy = &p->copy_joules[(size_t)i * p->class_count];
        uint32_t source = davit_place_source(p, device, i);
        if (davit_place_leaves(p, device, i)) {
            joules += copy[davit_place_class(p, source)];
        }
        const davit_place_value *value = &p->values[i];
        for (uint32_t k = 0; k < value->consumer_count; k++) {
            uint32_t to = device[value->consumers[k]];
            bool first = to != source;
            for (uint32_t j = 0; j < k && first; j++) {
                first = device[value->consumers[j]] != to;
            }
            joules += first ? copy[davit_place_class(p, to)] : 0.0;
        }
    }
    return joules;
}

static void add_devices(davit_place_clock *c, const uint32_t *device, davit_place_time *time)
{
    const davit_place_problem *problem = c->problem;
    double watts = 0.0;
    for (uint32_t d = 0; d < problem->device_count; d++) {
        const davit_place_device *info = &problem->devices[d];
        if (c->head[d] == DAVIT_PLACE_NONE) {
            continue;
        }
        time->latency_s += info->use_seconds;
        watts += info->idle_watts;
        if (!davit_place_fits(c->bytes[d], info->memory_bytes)) {
            time->excess +=
                info->memory_bytes > 0.0 ? c->bytes[d] / info->memory_bytes - 1.0 : c->bytes[d];
        }
    }
    if (c->energy) {
        time->joules = sum_joules(c, device);
        time->joules += watts > 0.0 ? watts * time->latency_s : 0.0;
    }
}

void davit_place_clock_read(davit_place_clock *c, const uint32_t *device, davit_place_time *time)
{
    const davit_place_problem *problem = c->problem;
    *time = (davit_place_time){0};
    c->tick++;
    for (uint32_t d = 0; d < problem->device_count; d++) {
        c->compute_free[d] = c->in_free[d] = c->out_free[d] = c->bytes[d] = 0.0;
        c->head[d] = DAVIT_PLACE_NONE;
    }
    bool blocks = false;
    for (uint32_t v = 0; v < problem->node_count; v++) {
        c->bytes[device[v]] += problem->nodes[v].bytes;
        blocks = blocks || is_block(c, device[v]);
    }
    if (blocks) {
        time->latency_s = run_units(c, device);
    } else {
        for (uint32_t v = 0; v < problem->node_count; v++) {
            time->latency_s = fmax(time->latency_s, run_node(c, device, v));
            c->head[device[v]] = v;
        }
    }
    add_devices(c, device, time);
}

/* Counts of values by producer and reader, then lists; `made` and `read` come out ascending. */
static void index_values(davit_place_clock *c)
{
    const davit_place_problem *problem = c->problem;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < problem->value_count; i++) {
            const davit_place_value *value = &problem->values[i];
            if (value->producer != DAVIT_PLACE_NONE && pass == 0) {
                c->made_first[value->producer + 2]++;
            } else if (value->producer != DAVIT_PLACE_NONE) {
                c->made[c->made_first[value->producer + 1]++] = i;
            }
            for (uint32_t k = 0; k < value->consumer_count; k++) {
                if (pass == 0) {
                    c->read_first[value->consumers[k] + 2]++;
                } else {
                    c->read[c->read_first[value->consumers[k] + 1]++] = i;
                }
            }
        }
        for (uint32_t v = 0; v < problem->node_count && pass == 0; v++) {
            c->made_first[v + 2] += c->made_first[v + 1];
            c->read_first[v + 2] += c->read_first[v + 1];
        }
    }
}

davit_status davit_place_clock_make(const davit_place_problem *problem, bool energy,
                                    const davit_allocator *allocator, davit_place_clock *clock)
{
    *clock = (davit_place_clock){.problem = problem, .energy = energy};
    davit_arena_init(&clock->arena, allocator);
    davit_arena *arena = &clock->arena;
    size_t nodes = problem->node_count;
    size_t devices = problem->device_count;
    size_t values = problem->value_count;
    size_t reads = 0;
    size_t places;
    for (size_t i = 0; i < values; i++) {
        reads += problem->values[i].consumer_count;
    }
    if (!davit_mul_size(values, devices, &places)) {
        return DAVIT_OUT_OF_MEMORY;
    }
    uint32_t **lists[] = {&clock->made_first, &clock->read_first, &clock->made, &clock->read,
                          &clock->pending,    &clock->ready,      &clock->next, &clock->head};
    size_t list_sizes[] = {nodes + 2,       nodes + 2,       values, reads,
                           nodes + devices, nodes + devices, nodes,  devices};
    double **times[] = {&clock->node_end, &clock->at_host,  &clock->compute_free,
                        &clock->in_free,  &clock->out_free, &clock->bytes};
    size_t time_sizes[] = {nodes, values, devices, devices, devices, devices};
    clock->arrival = davit_arena_alloc_array(arena, places, sizeof(*clock->arrival));
    bool memory = clock->arrival != NULL;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        *lists[i] = davit_arena_alloc_array(arena, list_sizes[i], sizeof(uint32_t));
        memory = memory && *lists[i] != NULL;
    }
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        *times[i] = davit_arena_alloc_array(arena, time_sizes[i], sizeof(double));
        memory = memory && *times[i] != NULL;
    }
    if (!memory) {
        davit_place_clock_clear(clock);
        return DAVIT_OUT_OF_MEMORY;
    }
    index_values(clock);
    return DAVIT_OK;
}

void davit_place_clock_clear(davit_place_clock *clock)
{
    davit_arena_clear(&clock->arena);
}
