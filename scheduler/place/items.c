#include "items.h"

#include "davit/simulate.h"

typedef struct contraction {
    davit_place_items *items;
    const davit_place_problem *problem;
    davit_arena *arena;
    uint32_t *of_group; /* [group_count] item, or DAVIT_PLACE_NONE */
    uint32_t *stamp;    /* [count] */
} contraction;

static void number_items(contraction *c)
{
    for (uint32_t g = 0; g < c->problem->group_count; g++) {
        c->of_group[g] = DAVIT_PLACE_NONE;
    }
    for (uint32_t v = 0; v < c->problem->node_count; v++) {
        uint32_t group = c->problem->nodes[v].group;
        if (group == DAVIT_PLACE_NONE) {
            c->items->of_node[v] = c->items->count++;
            continue;
        }
        if (c->of_group[group] == DAVIT_PLACE_NONE) {
            c->of_group[group] = c->items->count++;
        }
        c->items->of_node[v] = c->of_group[group];
    }
}

/* Counts in first[k + 1] become ranges; fill with cursor[k]++. */
static void make_ranges(uint32_t *first, uint32_t count, uint32_t *cursor)
{
    for (uint32_t k = 0; k < count; k++) {
        first[k + 1] += first[k];
        cursor[k] = first[k];
    }
}

static void sum_costs(contraction *c)
{
    const davit_place_problem *problem = c->problem;
    davit_place_items *items = c->items;
    uint32_t classes = problem->class_count;
    for (uint32_t v = 0; v < problem->node_count; v++) {
        uint32_t item = items->of_node[v];
        items->first[item + 1]++;
        items->bytes[item] += problem->nodes[v].bytes;
        for (uint32_t k = 0; k < classes; k++) {
            items->seconds[(size_t)item * classes + k] +=
                problem->node_seconds[(size_t)v * classes + k];
        }
    }
    make_ranges(items->first, items->count, c->stamp);
    for (uint32_t v = 0; v < problem->node_count; v++) {
        items->nodes[c->stamp[items->of_node[v]]++] = v;
    }
}

static void find_allowed(contraction *c)
{
    const davit_place_problem *problem = c->problem;
    davit_place_items *items = c->items;
    for (uint32_t item = 0; item < items->count; item++) {
        for (uint32_t d = 0; d < problem->device_count; d++) {
            bool allowed = isfinite(davit_place_item_seconds(items, item, d)) &&
                           davit_place_fits(items->bytes[item], problem->devices[d].memory_bytes);
            for (uint32_t k = items->first[item]; k < items->first[item + 1]; k++) {
                uint32_t pin = problem->nodes[items->nodes[k]].pin;
                allowed = allowed && (pin == DAVIT_PLACE_NONE || pin == d);
            }
            items->allowed[(size_t)item * problem->device_count + d] = allowed;
        }
    }
}

static davit_status add_flow(contraction *c, uint32_t value_index)
{
    const davit_place_value *value = &c->problem->values[value_index];
    davit_place_items *items = c->items;
    davit_place_flow flow = {.value = value_index, .producer = DAVIT_PLACE_NONE};
    if (value->producer != DAVIT_PLACE_NONE) {
        flow.producer = items->of_node[value->producer];
        flow.to_host = value->to_host;
    }
    uint32_t *consumers =
        davit_arena_alloc_array(c->arena, value->consumer_count, sizeof(uint32_t));
    if (consumers == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (uint32_t k = 0; k < value->consumer_count; k++) {
        uint32_t item = items->of_node[value->consumers[k]];
        if (item != flow.producer && c->stamp[item] != value_index) {
            c->stamp[item] = value_index;
            uint32_t at = flow.consumer_count++;
            for (; at > 0 && consumers[at - 1] > item; at--) {
                consumers[at] = consumers[at - 1];
            }
            consumers[at] = item;
        }
    }
    flow.consumers = consumers;
    if (flow.consumer_count > 0 || flow.to_host) {
        items->flows[items->flow_count++] = flow;
    }
    return DAVIT_OK;
}

static davit_status make_flows(contraction *c)
{
    for (uint32_t item = 0; item < c->items->count; item++) {
        c->stamp[item] = DAVIT_PLACE_NONE;
    }
    davit_status status = DAVIT_OK;
    for (uint32_t i = 0; status == DAVIT_OK && i < c->problem->value_count; i++) {
        status = add_flow(c, i);
    }
    return status;
}

static davit_status index_flows(contraction *c)
{
    davit_place_items *items = c->items;
    size_t reads = 0;
    for (uint32_t f = 0; f < items->flow_count; f++) {
        const davit_place_flow *flow = &items->flows[f];
        reads += flow->consumer_count;
        if (flow->producer != DAVIT_PLACE_NONE) {
            items->made_first[flow->producer + 1]++;
        }
        for (uint32_t k = 0; k < flow->consumer_count; k++) {
            items->read_first[flow->consumers[k] + 1]++;
        }
    }
    items->made = davit_arena_alloc_array(c->arena, items->flow_count, sizeof(uint32_t));
    items->read = davit_arena_alloc_array(c->arena, reads, sizeof(uint32_t));
    if (items->made == NULL || items->read == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    make_ranges(items->made_first, items->count, c->stamp);
    for (uint32_t f = 0; f < items->flow_count; f++) {
        if (items->flows[f].producer != DAVIT_PLACE_NONE) {
            items->made[c->stamp[items->flows[f].producer]++] = f;
        }
    }
    make_ranges(items->read_first, items->count, c->stamp);
    for (uint32_t f = 0; f < items->flow_count; f++) {
        for (uint32_t k = 0; k < items->flows[f].consumer_count; k++) {
            items->read[c->stamp[items->flows[f].consumers[k]]++] = f;
        }
    }
    return DAVIT_OK;
}

static davit_status allocate(contraction *c)
{
    const davit_place_problem *problem = c->problem;
    davit_place_items *items = c->items;
    size_t count = items->count;
    items->first = davit_arena_alloc_array(c->arena, count + 1, sizeof(uint32_t));
    items->nodes = davit_arena_alloc_array(c->arena, problem->node_count, sizeof(uint32_t));
    items->seconds =
        davit_arena_alloc_array(c->arena, count * problem->class_count, sizeof(double));
    items->bytes = davit_arena_alloc_array(c->arena, count, sizeof(double));
    items->allowed = davit_arena_alloc_array(c->arena, count * problem->device_count, sizeof(bool));
    items->flows =
        davit_arena_alloc_array(c->arena, problem->value_count, sizeof(davit_place_flow));
    items->made_first = davit_arena_alloc_array(c->arena, count + 1, sizeof(uint32_t));
    items->read_first = davit_arena_alloc_array(c->arena, count + 1, sizeof(uint32_t));
    c->stamp = davit_arena_alloc_array(c->arena, count, sizeof(uint32_t));
    return items->first == NULL || items->nodes == NULL || items->seconds == NULL ||
                   items->bytes == NULL || items->allowed == NULL || items->flows == NULL ||
                   items->made_first == NULL || items->read_first == NULL || c->stamp == NULL
               ? DAVIT_OUT_OF_MEMORY
               : DAVIT_OK;
}

davit_status davit_place_items_make(const davit_place_problem *problem,
                                    const davit_allocator *allocator, davit_place_items *items)
{
    *items = (davit_place_items){.problem = problem};
    davit_arena_init(&items->arena, allocator);
    contraction c = {.items = items, .problem = problem, .arena = &items->arena};
    items->of_node = davit_arena_alloc_array(c.arena, problem->node_count, sizeof(uint32_t));
    c.of_group = davit_arena_alloc_array(c.arena, problem->group_count, sizeof(uint32_t));
    davit_status status = DAVIT_OUT_OF_MEMORY;
    if (items->of_node != NULL && c.of_group != NULL) {
        number_items(&c);
        status = allocate(&c);
    }
    if (status == DAVIT_OK) {
        sum_costs(&c);
        find_allowed(&c);
        status = make_flows(&c);
    }
    if (status == DAVIT_OK) {
        status = index_flows(&c);
    }
    if (status != DAVIT_OK) {
        davit_place_items_clear(items);
    }
    return status;
}

void davit_place_items_clear(davit_place_items *items)
{
    if (items->arena.allocator != NULL) {
        davit_arena_clear(&items->arena);
    }
    *items = (davit_place_items){0};
}
