#include "loads.h"

#include <string.h>

#include "davit/simulate.h"

davit_status davit_place_loads_make(const davit_place_items *items, davit_arena *arena,
                                    davit_place_loads *loads)
{
    uint32_t devices = items->problem->device_count;
    *loads = (davit_place_loads){.items = items, .device_count = devices};
    size_t cells;
    if (!davit_mul_size(items->flow_count, devices, &cells)) {
        return DAVIT_OUT_OF_MEMORY;
    }
    loads->at = davit_arena_alloc_array(arena, items->count, sizeof(uint32_t));
    loads->next = davit_arena_alloc_array(arena, items->count, sizeof(uint32_t));
    loads->readers = davit_arena_alloc_array(arena, cells, sizeof(uint32_t));
    loads->remote = davit_arena_alloc_array(arena, items->flow_count, sizeof(uint32_t));
    loads->sum = davit_arena_alloc_array(arena, devices, sizeof(davit_place_sum));
    return loads->at == NULL || loads->next == NULL || loads->readers == NULL ||
                   loads->remote == NULL || loads->sum == NULL
               ? DAVIT_OUT_OF_MEMORY
               : DAVIT_OK;
}

static size_t cost_at(const davit_place_loads *loads, uint32_t flow, uint32_t device)
{
    const davit_place_problem *problem = loads->items->problem;
    return (size_t)loads->items->flows[flow].value * problem->class_count +
           problem->devices[device].device_class;
}

static void add_in(davit_place_loads *loads, uint32_t flow, uint32_t device, double sign)
{
    loads->sum[device].in_s +=
        sign * loads->items->problem->in_seconds[cost_at(loads, flow, device)];
}

static void add_out(davit_place_loads *loads, uint32_t flow, uint32_t device, double sign)
{
    loads->sum[device].out_s +=
        sign * loads->items->problem->out_seconds[cost_at(loads, flow, device)];
}

#define UNPLACED (DAVIT_PLACE_NONE - 1)

/* The device of the flow's producer; DAVIT_PLACE_NONE: the host's memory. */
static uint32_t source_of(const davit_place_loads *loads, uint32_t f)
{
    uint32_t producer = loads->items->flows[f].producer;
    if (producer == DAVIT_PLACE_NONE) {
        return DAVIT_PLACE_NONE;
    }
    return loads->at[producer] == DAVIT_PLACE_NONE ? UNPLACED : loads->at[producer];
}

/* One reader less on device a. source: the producer's device, or DAVIT_PLACE_NONE. */
static void drop_reader(davit_place_loads *loads, uint32_t f, uint32_t a, uint32_t source)
{
    uint32_t *readers = &loads->readers[(size_t)f * loads->device_count];
    if (--readers[a] > 0 || a == source) {
        return;
    }
    add_in(loads, f, a, -1.0);
    if (--loads->remote[f] == 0 && source != DAVIT_PLACE_NONE && !loads->items->flows[f].to_host) {
        add_out(loads, f, source, -1.0);
    }
}

static void add_reader(davit_place_loads *loads, uint32_t f, uint32_t b, uint32_t source)
{
    uint32_t *readers = &loads->readers[(size_t)f * loads->device_count];
    if (readers[b]++ > 0 || b == source) {
        return;
    }
    add_in(loads, f, b, 1.0);
    if (loads->remote[f]++ == 0 && source != DAVIT_PLACE_NONE && !loads->items->flows[f].to_host) {
        add_out(loads, f, source, 1.0);
    }
}

/* The producer of flow f goes from a to b. */
static void move_source(davit_place_loads *loads, uint32_t f, uint32_t a, uint32_t b)
{
    const uint32_t *readers = &loads->readers[(size_t)f * loads->device_count];
    bool to_host = loads->items->flows[f].to_host;
    if (loads->remote[f] > 0 || to_host) {
        add_out(loads, f, a, -1.0);
    }
    if (readers[a] > 0) {
        add_in(loads, f, a, 1.0);
        loads->remote[f]++;
    }
    if (readers[b] > 0) {
        add_in(loads, f, b, -1.0);
        loads->remote[f]--;
    }
    if (loads->remote[f] > 0 || to_host) {
        add_out(loads, f, b, 1.0);
    }
}

static void add_item(davit_place_loads *loads, uint32_t item, uint32_t device, double sign)
{
    davit_place_sum *sum = &loads->sum[device];
    sum->compute_s += sign * davit_place_item_seconds(loads->items, item, device);
    sum->bytes += sign * loads->items->bytes[item];
    sum->count += sign > 0.0 ? 1u : UINT32_MAX;
}

void davit_place_loads_move(davit_place_loads *loads, uint32_t item, uint32_t to)
{
    const davit_place_items *items = loads->items;
    uint32_t from = loads->at[item];
    if (from == to) {
        return;
    }
    add_item(loads, item, from, -1.0);
    add_item(loads, item, to, 1.0);
    loads->at[item] = to;
    for (uint32_t k = items->read_first[item]; k < items->read_first[item + 1]; k++) {
        uint32_t f = items->read[k];
        uint32_t source = source_of(loads, f);
        drop_reader(loads, f, from, source);
        add_reader(loads, f, to, source);
    }
    for (uint32_t k = items->made_first[item]; k < items->made_first[item + 1]; k++) {
        move_source(loads, items->made[k], from, to);
    }
}

void davit_place_loads_empty(davit_place_loads *loads)
{
    const davit_place_items *items = loads->items;
    memset(loads->readers, 0,
           (size_t)items->flow_count * loads->device_count * sizeof(*loads->readers));
    memset(loads->remote, 0, items->flow_count * sizeof(*loads->remote));
    memset(loads->sum, 0, loads->device_count * sizeof(*loads->sum));
    for (uint32_t item = 0; item < items->count; item++) {
        loads->at[item] = DAVIT_PLACE_NONE;
    }
}

void davit_place_loads_set(davit_place_loads *loads, const uint32_t *at)
{
    for (uint32_t item = 0; item < loads->items->count; item++) {
        loads->next[item] = at[item];
    }
    davit_place_loads_empty(loads);
    for (uint32_t item = 0; item < loads->items->count; item++) {
        davit_place_loads_add(loads, item, loads->next[item]);
    }
}

void davit_place_loads_add(davit_place_loads *loads, uint32_t item, uint32_t device)
{
    const davit_place_items *items = loads->items;
    add_item(loads, item, device, 1.0);
    loads->at[item] = device;
    for (uint32_t k = items->read_first[item]; k < items->read_first[item + 1]; k++) {
        uint32_t f = items->read[k];
        uint32_t source = source_of(loads, f);
        if (source == UNPLACED) {
            loads->readers[(size_t)f * loads->device_count + device]++;
        } else {
            add_reader(loads, f, device, source);
        }
    }
    for (uint32_t k = items->made_first[item]; k < items->made_first[item + 1]; k++) {
        uint32_t f = items->made[k];
        const uint32_t *readers = &loads->readers[(size_t)f * loads->device_count];
        for (uint32_t d = 0; d < loads->device_count; d++) {
            if (readers[d] > 0 && d != device) {
                add_in(loads, f, d, 1.0);
                loads->remote[f]++;
            }
        }
        if (loads->remote[f] > 0 || items->flows[f].to_host) {
            add_out(loads, f, device, 1.0);
        }
    }
}

void davit_place_loads_remove(davit_place_loads *loads, uint32_t item)
{
    const davit_place_items *items = loads->items;
    uint32_t device = loads->at[item];
    for (uint32_t k = items->made_first[item]; k < items->made_first[item + 1]; k++) {
        uint32_t f = items->made[k];
        const uint32_t *readers = &loads->readers[(size_t)f * loads->device_count];
        if (loads->remote[f] > 0 || items->flows[f].to_host) {
            add_out(loads, f, device, -1.0);
        }
        for (uint32_t d = 0; d < loads->device_count; d++) {
            if (readers[d] > 0 && d != device) {
                add_in(loads, f, d, -1.0);
            }
        }
        loads->remote[f] = 0;
    }
    loads->at[item] = DAVIT_PLACE_NONE;
    for (uint32_t k = items->read_first[item]; k < items->read_first[item + 1]; k++) {
        uint32_t f = items->read[k];
        uint32_t source = source_of(loads, f);
        if (source == UNPLACED) {
            loads->readers[(size_t)f * loads->device_count + device]--;
        } else {
            drop_reader(loads, f, device, source);
        }
    }
    add_item(loads, item, device, -1.0);
}

double davit_place_loads_of(const davit_place_loads *loads, uint32_t device)
{
    const davit_place_sum *sum = &loads->sum[device];
    const davit_place_device *spec = &loads->items->problem->devices[device];
    double compute = sum->compute_s + (sum->count > 0 ? spec->use_seconds : 0.0);
    return spec->discipline == DAVIT_PLACE_BLOCK ? compute + sum->in_s + sum->out_s
                                                 : fmax(compute, fmax(sum->in_s, sum->out_s));
}

double davit_place_loads_period(const davit_place_loads *loads)
{
    double period = 0.0;
    for (uint32_t d = 0; d < loads->device_count; d++) {
        bool fits =
            davit_place_fits(loads->sum[d].bytes, loads->items->problem->devices[d].memory_bytes);
        period = fits ? fmax(period, davit_place_loads_of(loads, d)) : INFINITY;
    }
    return period;
}
