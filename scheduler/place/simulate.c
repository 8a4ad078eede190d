/* When things happen: nodes and blocks are taken as soon as all that they wait for is known. The
 * order in which this file takes them does not matter: on each device it is fixed. */
#include "simulate_private.h"

#include <stdlib.h>

/* A unit is what starts at one time: a node, or the block of a device. Units are numbered: nodes,
 * then devices. */
typedef struct simulation {
    const davit_place_problem *problem;
    const uint32_t *device;
    davit_place_timeline *timeline;
    bool events;
    uint32_t *scratch; /* [device_count + group_count] */
    uint32_t *pending; /* [unit] what it still waits for */
    uint32_t *ready;   /* [unit] stack */
    uint32_t ready_count, done_count;
    uint32_t *next;       /* [node] the node after it on its device */
    uint32_t *head;       /* [device] its first node */
    uint32_t *made_first; /* [node + 1] into made */
    uint32_t *made;       /* values by producer */
    uint32_t *read_first; /* [node + 1] into read */
    uint32_t *read;       /* values by reader, ascending */
    double *at_host;      /* [value] when it is in the host's memory */
    double *node_end;     /* [node] */
    double *arrived;      /* [value][device] when it was there; negative: not yet */
    double *compute_free, *in_free, *out_free; /* [device] */
} simulation;

static bool is_block(const simulation *s, uint32_t device)
{
    return s->problem->devices[device].discipline == DAVIT_PLACE_BLOCK;
}

static uint32_t unit_of(const simulation *s, uint32_t node)
{
    uint32_t device = s->device[node];
    return is_block(s, device) ? s->problem->node_count + device : node;
}

static void add_event(simulation *s, davit_place_event event)
{
    if (s->events) {
        s->timeline->events[s->timeline->event_count++] = event;
    }
    s->timeline->latency_s = fmax(s->timeline->latency_s, event.end_s);
}

/* A copy of value into device that may start at `from`; returns its end. */
static double copy_in(simulation *s, uint32_t value, uint32_t device, double from)
{
    double *arrived = &s->arrived[(size_t)value * s->problem->device_count + device];
    if (*arrived < 0.0) {
        double start = fmax(from, s->at_host[value]);
        if (s->problem->devices[device].discipline == DAVIT_PLACE_IN_ORDER) {
            start = fmax(start, s->in_free[device]);
        }
        *arrived = start + davit_place_in_seconds(s->problem, value, device);
        s->in_free[device] = *arrived;
        add_event(s, (davit_place_event){DAVIT_PLACE_IN, device, value, start, *arrived});
    }
    return *arrived;
}

/* A node is done on a device without blocks: its values leave. */
static void send_values(simulation *s, uint32_t node)
{
    uint32_t device = s->device[node];
    bool in_order = s->problem->devices[device].discipline == DAVIT_PLACE_IN_ORDER;
    for (uint32_t k = s->made_first[node]; k < s->made_first[node + 1]; k++) {
        uint32_t value = s->made[k];
        if (!davit_place_leaves(s->problem, s->device, value)) {
            continue;
        }
        double start = s->node_end[node];
        if (in_order) {
            start = fmax(start, s->out_free[device]);
        }
        double end = start + davit_place_out_seconds(s->problem, value, device);
        s->out_free[device] = end;
        s->at_host[value] = end;
        add_event(s, (davit_place_event){DAVIT_PLACE_OUT, device, value, start, end});
    }
}

static void run_node(simulation *s, uint32_t node)
{
    uint32_t device = s->device[node];
    double start = 0.0;
    if (s->problem->devices[device].discipline == DAVIT_PLACE_IN_ORDER) {
        start = s->compute_free[device];
    }
    for (uint32_t k = s->read_first[node]; k < s->read_first[node + 1]; k++) {
        uint32_t value = s->read[k];
        uint32_t source = davit_place_source(s->problem, s->device, value);
        start = fmax(start, source == device ? s->node_end[s->problem->values[value].producer]
                                             : copy_in(s, value, device, 0.0));
    }
    double end = start + davit_place_node_seconds(s->problem, node, device);
    s->node_end[node] = end;
    s->compute_free[device] = end;
    add_event(s, (davit_place_event){DAVIT_PLACE_COMPUTE, device, node, start, end});
    send_values(s, node);
}

static double receive_block(simulation *s, uint32_t device)
{
    double start = 0.0;
    for (uint32_t v = s->head[device]; v != DAVIT_PLACE_NONE; v = s->next[v]) {
        for (uint32_t k = s->read_first[v]; k < s->read_first[v + 1]; k++) {
            uint32_t value = s->read[k];
            if (davit_place_source(s->problem, s->device, value) != device) {
                start = fmax(start, s->at_host[value]);
            }
        }
    }
    double now = start;
    for (uint32_t v = s->head[device]; v != DAVIT_PLACE_NONE; v = s->next[v]) {
        for (uint32_t k = s->read_first[v]; k < s->read_first[v + 1]; k++) {
            if (davit_place_source(s->problem, s->device, s->read[k]) != device) {
                now = fmax(now, copy_in(s, s->read[k], device, now));
            }
        }
    }
    return now;
}

static void run_block(simulation *s, uint32_t device)
{
    double now = receive_block(s, device);
    for (uint32_t v = s->head[device]; v != DAVIT_PLACE_NONE; v = s->next[v]) {
        double end = now + davit_place_node_seconds(s->problem, v, device);
        add_event(s, (davit_place_event){DAVIT_PLACE_COMPUTE, device, v, now, end});
        now = end;
    }
    for (uint32_t v = s->head[device]; v != DAVIT_PLACE_NONE; v = s->next[v]) {
        for (uint32_t k = s->made_first[v]; k < s->made_first[v + 1]; k++) {
            uint32_t value = s->made[k];
            if (davit_place_leaves(s->problem, s->device, value)) {
                double end = now + davit_place_out_seconds(s->problem, value, device);
                add_event(s, (davit_place_event){DAVIT_PLACE_OUT, device, value, now, end});
                now = end;
            }
        }
    }
    for (uint32_t v = s->head[device]; v != DAVIT_PLACE_NONE; v = s->next[v]) {
        s->node_end[v] = now;
        for (uint32_t k = s->made_first[v]; k < s->made_first[v + 1]; k++) {
            s->at_host[s->made[k]] = now;
        }
    }
}

static void settle(simulation *s, uint32_t unit)
{
    if (--s->pending[unit] == 0) {
        s->ready[s->ready_count++] = unit;
    }
}

/* What waits for a node that is done waits for one thing less. */
static void release(simulation *s, uint32_t node)
{
    uint32_t own = unit_of(s, node);
    for (uint32_t k = s->made_first[node]; k < s->made_first[node + 1]; k++) {
        const davit_place_value *value = &s->problem->values[s->made[k]];
        for (uint32_t c = 0; c < value->consumer_count; c++) {
            if (unit_of(s, value->consumers[c]) != own) {
                settle(s, unit_of(s, value->consumers[c]));
            }
        }
    }
    if (own == node && s->next[node] != DAVIT_PLACE_NONE) {
        settle(s, s->next[node]);
    }
    s->done_count++;
}

static void run_all(simulation *s)
{
    uint32_t nodes = s->problem->node_count;
    while (s->ready_count > 0) {
        uint32_t unit = s->ready[--s->ready_count];
        if (unit < nodes) {
            run_node(s, unit);
            release(s, unit);
            continue;
        }
        run_block(s, unit - nodes);
        for (uint32_t v = s->head[unit - nodes]; v != DAVIT_PLACE_NONE; v = s->next[v]) {
            release(s, v);
        }
    }
    if (s->done_count < nodes) {
        s->timeline->latency_s = INFINITY;
    }
}

/* Chains the nodes of each device and counts what each unit waits for. A device that is not in
 * order has its nodes chained too, but only blocks use it. */
static void link_units(simulation *s)
{
    const davit_place_problem *problem = s->problem;
    for (uint32_t d = 0; d < problem->device_count; d++) {
        s->head[d] = DAVIT_PLACE_NONE;
    }
    for (uint32_t v = problem->node_count; v-- > 0;) {
        uint32_t d = s->device[v];
        bool unlimited = problem->devices[d].discipline == DAVIT_PLACE_UNLIMITED;
        s->next[v] = unlimited ? DAVIT_PLACE_NONE : s->head[d];
        if (s->next[v] != DAVIT_PLACE_NONE && !is_block(s, d)) {
            s->pending[s->next[v]]++;
        }
        s->head[d] = v;
    }
    for (uint32_t i = 0; i < problem->value_count; i++) {
        const davit_place_value *value = &problem->values[i];
        for (uint32_t c = 0; value->producer != DAVIT_PLACE_NONE && c < value->consumer_count;
             c++) {
            uint32_t unit = unit_of(s, value->consumers[c]);
            s->pending[unit] += unit != unit_of(s, value->producer);
        }
    }
    for (uint32_t v = problem->node_count; v-- > 0;) {
        uint32_t unit = unit_of(s, v);
        bool first = unit == v || s->head[s->device[v]] == v;
        if (first && s->pending[unit] == 0) {
            s->ready[s->ready_count++] = unit;
        }
    }
}

/* Values by producer and by reader. */
static void index_values(simulation *s)
{
    const davit_place_problem *problem = s->problem;
    uint32_t nodes = problem->node_count;
    for (uint32_t i = 0; i < problem->value_count; i++) {
        const davit_place_value *value = &problem->values[i];
        if (value->producer != DAVIT_PLACE_NONE) {
            s->made_first[value->producer + 1]++;
        }
        for (uint32_t c = 0; c < value->consumer_count; c++) {
            s->read_first[value->consumers[c] + 1]++;
        }
    }
    for (uint32_t v = 0; v < nodes; v++) {
        s->made_first[v + 1] += s->made_first[v];
        s->read_first[v + 1] += s->read_first[v];
    }
    uint32_t made_count = s->made_first[nodes];
    uint32_t read_count = s->read_first[nodes];
    for (uint32_t i = problem->value_count; i-- > 0;) {
        const davit_place_value *value = &problem->values[i];
        if (value->producer != DAVIT_PLACE_NONE) {
            s->made[--s->made_first[value->producer + 1]] = i;
        }
        for (uint32_t c = 0; c < value->consumer_count; c++) {
            s->read[--s->read_first[value->consumers[c] + 1]] = i;
        }
    }
    for (uint32_t v = 0; v < nodes; v++) { /* the ends of ranges have become their beginnings */
        s->made_first[v] = s->made_first[v + 1];
        s->read_first[v] = s->read_first[v + 1];
    }
    s->made_first[nodes] = made_count;
    s->read_first[nodes] = read_count;
}

static int compare_events(const void *left, const void *right)
{
    const davit_place_event *a = left;
    const davit_place_event *b = right;
    if (a->start_s != b->start_s) {
        return a->start_s < b->start_s ? -1 : 1;
    }
    if (a->device != b->device) {
        return a->device < b->device ? -1 : 1;
    }
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    return a->index < b->index ? -1 : a->index > b->index;
}

static davit_status prepare(simulation *s, davit_arena *arena)
{
    const davit_place_problem *problem = s->problem;
    uint32_t nodes = problem->node_count;
    uint32_t devices = problem->device_count;
    uint32_t values = problem->value_count;
    size_t reads = 0;
    for (uint32_t i = 0; i < values; i++) {
        reads += problem->values[i].consumer_count;
    }
    size_t units = (size_t)nodes + devices;
    size_t places;
    if (!davit_mul_size(values, devices, &places)) {
        return DAVIT_OUT_OF_MEMORY;
    }
    s->scratch = davit_arena_alloc_array(arena, (size_t)devices + problem->group_count, 4);
    s->pending = davit_arena_alloc_array(arena, units, sizeof(uint32_t));
    s->ready = davit_arena_alloc_array(arena, units, sizeof(uint32_t));
    s->next = davit_arena_alloc_array(arena, nodes, sizeof(uint32_t));
    s->head = davit_arena_alloc_array(arena, devices, sizeof(uint32_t));
    s->made_first = davit_arena_alloc_array(arena, (size_t)nodes + 1, sizeof(uint32_t));
    s->made = davit_arena_alloc_array(arena, values, sizeof(uint32_t));
    s->read_first = davit_arena_alloc_array(arena, (size_t)nodes + 1, sizeof(uint32_t));
    s->read = davit_arena_alloc_array(arena, reads, sizeof(uint32_t));
    s->at_host = davit_arena_alloc_array(arena, values, sizeof(double));
    s->node_end = davit_arena_alloc_array(arena, nodes, sizeof(double));
    s->arrived = davit_arena_alloc_array(arena, places, sizeof(double));
    s->compute_free = davit_arena_alloc_array(arena, devices, sizeof(double));
    s->in_free = davit_arena_alloc_array(arena, devices, sizeof(double));
    s->out_free = davit_arena_alloc_array(arena, devices, sizeof(double));
    if (s->scratch == NULL || s->pending == NULL || s->ready == NULL || s->next == NULL ||
        s->head == NULL || s->made_first == NULL || s->made == NULL || s->read_first == NULL ||
        s->read == NULL || s->at_host == NULL || s->node_end == NULL || s->arrived == NULL ||
        s->compute_free == NULL || s->in_free == NULL || s->out_free == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t k = 0; k < places; k++) {
        s->arrived[k] = -1.0;
    }
    s->timeline->loads =
        davit_alloc_array(s->timeline->allocator, devices, sizeof(*s->timeline->loads));
    if (s->timeline->loads != NULL && s->events) {
        s->timeline->events = davit_alloc_array(s->timeline->allocator, nodes + values + reads,
                                                sizeof(*s->timeline->events));
    }
    return s->timeline->loads == NULL || (s->events && s->timeline->events == NULL)
               ? DAVIT_OUT_OF_MEMORY
               : DAVIT_OK;
}

static void add_use(const davit_place_problem *problem, davit_place_timeline *timeline)
{
    double watts = 0.0;
    for (uint32_t d = 0; d < problem->device_count; d++) {
        if (timeline->loads[d].node_count > 0) {
            timeline->latency_s += problem->devices[d].use_seconds;
            watts += problem->devices[d].idle_watts;
        }
    }
    if (watts > 0.0) {
        timeline->joules += watts * timeline->latency_s;
    }
}

davit_status davit_place_simulate(const davit_place_problem *problem, const uint32_t *device,
                                  bool events, const davit_allocator *allocator,
                                  davit_place_timeline *timeline, davit_place_fault *fault)
{
    *timeline = (davit_place_timeline){.allocator = allocator};
    simulation s = {.problem = problem, .device = device, .timeline = timeline, .events = events};
    davit_arena arena;
    davit_arena_init(&arena, allocator);
    davit_status status = prepare(&s, &arena);
    if (status == DAVIT_OK) {
        davit_place_sum_loads(problem, device, s.scratch, timeline, fault);
        index_values(&s);
        link_units(&s);
        run_all(&s);
        if (s.done_count < problem->node_count && *fault == DAVIT_PLACE_FEASIBLE) {
            *fault = DAVIT_PLACE_CIRCLE;
        }
        add_use(problem, timeline);
        if (timeline->event_count > 1) {
            qsort(timeline->events, timeline->event_count, sizeof(*timeline->events),
                  compare_events);
        }
    } else {
        davit_place_timeline_clear(timeline);
    }
    davit_arena_clear(&arena);
    return status;
}

void davit_place_timeline_clear(davit_place_timeline *timeline)
{
    if (timeline->allocator != NULL) {
        davit_free(timeline->allocator, timeline->loads);
        davit_free(timeline->allocator, timeline->events);
    }
    *timeline = (davit_place_timeline){0};
}
