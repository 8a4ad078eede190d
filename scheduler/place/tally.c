#include "tally.h"

#include <string.h>

#include "simulate_private.h"

static uint64_t bit(uint32_t device)
{
    return device == DAVIT_PLACE_NONE ? 0 : (uint64_t)1 << device;
}

static bool is_block(const davit_place_tally *t, uint32_t device)
{
    return (t->blocks & bit(device)) != 0;
}

static uint32_t lowest(uint64_t mask)
{
    return (uint32_t)__builtin_ctzll(mask);
}

/* The device begins (sign 1) or ends (-1) to receive the value. */
static void count_copy(davit_place_tally *t, uint32_t value, uint32_t source, uint32_t to, int sign)
{
    if (is_block(t, to)) {
        t->work[to] += sign * davit_place_in_seconds(t->clock->problem, value, to);
        if (is_block(t, source)) {
            t->links[(size_t)source * t->clock->problem->device_count + to] += (uint32_t)sign;
        }
    }
}

static void count_leaving(davit_place_tally *t, uint32_t value, uint32_t source, int sign)
{
    if (is_block(t, source)) {
        t->work[source] += sign * davit_place_out_seconds(t->clock->problem, value, source);
    }
}

/* The first reader of the value came to the device, or the last one left it. */
static void toggle_readers(davit_place_tally *t, uint32_t value, uint32_t device, bool come)
{
    const davit_place_problem *problem = t->clock->problem;
    uint32_t source = davit_place_source(problem, t->device, value);
    t->mask[value] ^= bit(device);
    if (device == source) {
        return;
    }
    count_copy(t, value, source, device, come ? 1 : -1);
    bool others = (t->mask[value] & ~bit(source) & ~bit(device)) != 0;
    if (!others && !problem->values[value].to_host) {
        count_leaving(t, value, source, come ? 1 : -1);
    }
}

/* All copies of a value from its producer's device. */
static void count_copies(davit_place_tally *t, uint32_t value, uint32_t source, int sign)
{
    uint64_t away = t->mask[value] & ~bit(source);
    if (away != 0 || t->clock->problem->values[value].to_host) {
        count_leaving(t, value, source, sign);
    }
    for (; away != 0; away &= away - 1) {
        count_copy(t, value, source, lowest(away), sign);
    }
}

static void read_from(davit_place_tally *t, uint32_t node, uint32_t from, uint32_t to)
{
    const davit_place_clock *c = t->clock;
    for (uint32_t k = c->read_first[node]; k < c->read_first[node + 1]; k++) {
        uint32_t *readers = &t->readers[(size_t)c->read[k] * c->problem->device_count];
        if (from != DAVIT_PLACE_NONE && --readers[from] == 0) {
            toggle_readers(t, c->read[k], from, false);
        }
        if (readers[to]++ == 0) {
            toggle_readers(t, c->read[k], to, true);
        }
    }
}

static void leave_device(davit_place_tally *t, uint32_t node, uint32_t device)
{
    const davit_place_problem *problem = t->clock->problem;
    t->bytes[device] -= problem->nodes[node].bytes;
    t->count[device]--;
    if (is_block(t, device)) {
        t->work[device] -= davit_place_node_seconds(problem, node, device);
    } else {
        uint32_t last = t->free_nodes[--t->free_count];
        t->free_nodes[t->place[node]] = last;
        t->place[last] = t->place[node];
    }
}

static void enter_device(davit_place_tally *t, uint32_t node, uint32_t device)
{
    const davit_place_problem *problem = t->clock->problem;
    t->bytes[device] += problem->nodes[node].bytes;
    t->count[device]++;
    if (is_block(t, device)) {
        t->work[device] += davit_place_node_seconds(problem, node, device);
    } else {
        t->place[node] = t->free_count;
        t->free_nodes[t->free_count++] = node;
    }
}

void davit_place_tally_move(davit_place_tally *t, uint32_t node, uint32_t device)
{
    const davit_place_clock *c = t->clock;
    uint32_t from = t->device[node];
    leave_device(t, node, from);
    enter_device(t, node, device);
    read_from(t, node, from, device);
    for (uint32_t k = c->made_first[node]; k < c->made_first[node + 1]; k++) {
        count_copies(t, c->made[k], from, -1);
        count_copies(t, c->made[k], device, 1);
    }
    t->device[node] = device;
}

void davit_place_tally_set(davit_place_tally *t, const uint32_t *device)
{
    const davit_place_problem *problem = t->clock->problem;
    size_t devices = problem->device_count;
    memmove(t->device, device, problem->node_count * sizeof(*device));
    memset(t->readers, 0, problem->value_count * devices * sizeof(*t->readers));
    memset(t->mask, 0, problem->value_count * sizeof(*t->mask));
    memset(t->links, 0, devices * devices * sizeof(*t->links));
    memset(t->count, 0, devices * sizeof(*t->count));
    t->free_count = 0;
    for (uint32_t d = 0; d < devices; d++) {
        t->work[d] = t->bytes[d] = 0.0;
    }
    for (uint32_t i = 0; i < problem->value_count; i++) {
        if (problem->values[i].to_host && problem->values[i].producer != DAVIT_PLACE_NONE) {
            count_leaving(t, i, t->device[problem->values[i].producer], 1);
        }
    }
    for (uint32_t v = 0; v < problem->node_count; v++) {
        enter_device(t, v, t->device[v]);
        read_from(t, v, DAVIT_PLACE_NONE, t->device[v]);
    }
}

/* Counts what each free node and block waits for. */
static void count_pending(davit_place_tally *t)
{
    const davit_place_clock *c = t->clock;
    uint32_t devices = c->problem->device_count;
    uint32_t nodes = c->problem->node_count;
    for (uint32_t d = 0; d < devices; d++) {
        t->waiting[d] = DAVIT_PLACE_NONE;
        t->pending[nodes + d] = 0;
        t->start[nodes + d] = 0.0;
        for (uint32_t s = 0; s < devices; s++) {
            t->pending[nodes + d] += t->links[(size_t)s * devices + d] > 0;
        }
    }
    for (uint32_t i = 0; i < t->free_count; i++) {
        uint32_t node = t->free_nodes[i];
        t->pending[node] = 0;
        t->start[node] = 0.0;
        for (uint32_t k = c->read_first[node]; k < c->read_first[node + 1]; k++) {
            uint32_t source = davit_place_source(c->problem, t->device, c->read[k]);
            t->pending[node] += source != DAVIT_PLACE_NONE;
            if (is_block(t, source)) {
                t->reader[k] = node;
                t->next[k] = t->waiting[source];
                t->waiting[source] = k;
            }
        }
        for (uint32_t k = c->made_first[node]; k < c->made_first[node + 1]; k++) {
            for (uint64_t to = t->mask[c->made[k]] & t->blocks; to != 0; to &= to - 1) {
                t->pending[nodes + lowest(to)]++;
            }
        }
    }
}

static void arrive(davit_place_tally *t, uint32_t unit, double end, uint32_t *ready_count)
{
    t->start[unit] = t->start[unit] < end ? end : t->start[unit];
    if (--t->pending[unit] == 0) {
        t->ready[(*ready_count)++] = unit;
    }
}

static double run_free(davit_place_tally *t, uint32_t node, uint32_t *ready_count)
{
    const davit_place_clock *c = t->clock;
    const davit_place_problem *problem = c->problem;
    double end = t->start[node] + davit_place_node_seconds(problem, node, t->device[node]);
    for (uint32_t k = c->made_first[node]; k < c->made_first[node + 1]; k++) {
        uint32_t value = c->made[k];
        for (uint64_t to = t->mask[value] & t->blocks; to != 0; to &= to - 1) {
            arrive(t, problem->node_count + lowest(to), end, ready_count);
        }
        const davit_place_value *info = &problem->values[value];
        bool free_readers = (t->mask[value] & ~t->blocks) != 0;
        for (uint32_t i = 0; i < info->consumer_count && free_readers; i++) {
            if (!is_block(t, t->device[info->consumers[i]])) {
                arrive(t, info->consumers[i], end, ready_count);
            }
        }
    }
    return end;
}

static double run_block(davit_place_tally *t, uint32_t d, uint32_t *ready_count)
{
    uint32_t devices = t->clock->problem->device_count;
    uint32_t nodes = t->clock->problem->node_count;
    double end = t->start[nodes + d] + t->work[d];
    for (uint32_t to = 0; to < devices; to++) {
        if (t->links[(size_t)d * devices + to] > 0) {
            arrive(t, nodes + to, end, ready_count);
        }
    }
    for (uint32_t k = t->waiting[d]; k != DAVIT_PLACE_NONE; k = t->next[k]) {
        arrive(t, t->reader[k], end, ready_count);
    }
    return end;
}

static double run_all(davit_place_tally *t)
{
    uint32_t nodes = t->clock->problem->node_count;
    count_pending(t);
    uint32_t ready_count = 0;
    uint32_t units = t->free_count;
    for (uint32_t i = 0; i < t->free_count; i++) {
        if (t->pending[t->free_nodes[i]] == 0) {
            t->ready[ready_count++] = t->free_nodes[i];
        }
    }
    for (uint64_t left = t->blocks; left != 0; left &= left - 1) {
        uint32_t d = lowest(left);
        units += t->count[d] > 0;
        if (t->count[d] > 0 && t->pending[nodes + d] == 0) {
            t->ready[ready_count++] = nodes + d;
        }
    }
    double latency = 0.0;
    uint32_t done = 0;
    for (; done < ready_count; done++) {
        uint32_t unit = t->ready[done];
        double end = unit < nodes ? run_free(t, unit, &ready_count)
                                  : run_block(t, unit - nodes, &ready_count);
        latency = latency < end ? end : latency;
    }
    return done < units ? INFINITY : latency;
}

void davit_place_tally_read(davit_place_tally *t, davit_place_time *time)
{
    const davit_place_problem *problem = t->clock->problem;
    *time = (davit_place_time){.latency_s = run_all(t)};
    for (uint32_t d = 0; d < problem->device_count; d++) {
        const davit_place_device *info = &problem->devices[d];
        if (t->count[d] == 0) {
            continue;
        }
        time->latency_s += info->use_seconds;
        if (!davit_place_fits(t->bytes[d], info->memory_bytes)) {
            time->excess +=
                info->memory_bytes > 0.0 ? t->bytes[d] / info->memory_bytes - 1.0 : t->bytes[d];
        }
    }
}

bool davit_place_tally_can(const davit_place_clock *clock)
{
    const davit_place_problem *problem = clock->problem;
    bool can = !clock->energy && problem->device_count <= 64;
    for (uint32_t d = 0; d < problem->device_count && can; d++) {
        can = problem->devices[d].discipline != DAVIT_PLACE_IN_ORDER;
    }
    return can;
}

davit_status davit_place_tally_make(const davit_place_clock *clock,
                                    const davit_allocator *allocator, davit_place_tally *t)
{
    *t = (davit_place_tally){.clock = clock};
    const davit_place_problem *problem = clock->problem;
    davit_arena_init(&t->arena, allocator);
    size_t nodes = problem->node_count;
    size_t devices = problem->device_count;
    size_t values = problem->value_count;
    size_t reads = clock->read_first[nodes];
    size_t places;
    if (!davit_mul_size(values, devices, &places)) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (uint32_t d = 0; d < devices; d++) {
        t->blocks |= problem->devices[d].discipline == DAVIT_PLACE_BLOCK ? bit(d) : 0;
    }
    uint32_t **lists[] = {&t->device,     &t->readers, &t->links,   &t->count,
                          &t->free_nodes, &t->place,   &t->pending, &t->ready,
                          &t->waiting,    &t->next,    &t->reader};
    size_t list_sizes[] = {nodes, places,          devices * devices, devices, nodes,
                           nodes, nodes + devices, nodes + devices,   devices, reads,
                           reads};
    double **sums[] = {&t->work, &t->bytes, &t->start};
    size_t sum_sizes[] = {devices, devices, nodes + devices};
    t->mask = davit_arena_alloc_array(&t->arena, values, sizeof(*t->mask));
    bool memory = t->mask != NULL;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        *lists[i] = davit_arena_alloc_array(&t->arena, list_sizes[i], sizeof(uint32_t));
        memory = memory && *lists[i] != NULL;
    }
    for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
        *sums[i] = davit_arena_alloc_array(&t->arena, sum_sizes[i], sizeof(double));
        memory = memory && *sums[i] != NULL;
    }
    if (!memory) {
        davit_place_tally_clear(t);
        return DAVIT_OUT_OF_MEMORY;
    }
    return DAVIT_OK;
}

void davit_place_tally_clear(davit_place_tally *t)
{
    davit_arena_clear(&t->arena);
}
