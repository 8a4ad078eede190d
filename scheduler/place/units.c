#include "units.h"

/* Nodes by unit. */
static davit_status list_nodes(davit_place_units *units)
{
    uint32_t nodes = units->problem->node_count;
    units->first = davit_arena_alloc_array(&units->arena, (size_t)units->count + 2, 4);
    units->nodes = davit_arena_alloc_array(&units->arena, nodes, 4);
    if (units->first == NULL || units->nodes == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (uint32_t v = 0; v < nodes; v++) {
        units->first[units->of_node[v] + 2]++;
    }
    for (uint32_t u = 0; u < units->count; u++) {
        units->first[u + 2] += units->first[u + 1];
    }
    for (uint32_t v = 0; v < nodes; v++) {
        units->nodes[units->first[units->of_node[v] + 1]++] = v;
    }
    return DAVIT_OK;
}

/* The pairs (producer's unit, reader's unit), once per value and reader; by `from`. */
static davit_status list_pairs(davit_place_units *units, bool forward, uint32_t *first,
                               uint32_t *other)
{
    const davit_place_problem *problem = units->problem;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < problem->value_count; i++) {
            const davit_place_value *value = &problem->values[i];
            if (value->producer == DAVIT_PLACE_NONE) {
                continue;
            }
            uint32_t made_by = units->of_node[value->producer];
            for (uint32_t k = 0; k < value->consumer_count; k++) {
                uint32_t read_by = units->of_node[value->consumers[k]];
                uint32_t from = forward ? made_by : read_by;
                if (made_by != read_by && pass == 0) {
                    first[from + 2]++;
                } else if (made_by != read_by) {
                    other[first[from + 1]++] = forward ? read_by : made_by;
                }
            }
        }
        for (uint32_t u = 0; u < units->count && pass == 0; u++) {
            first[u + 2] += first[u + 1];
        }
    }
    return DAVIT_OK;
}

/* Drops what is twice in a unit's list. */
static void drop_doubles(uint32_t count, uint32_t *first, uint32_t *other, uint32_t *mark)
{
    uint32_t kept = 0;
    uint32_t begin = 0;
    for (uint32_t u = 0; u < count; u++) {
        uint32_t end = first[u + 1];
        for (uint32_t k = begin; k < end; k++) {
            if (mark[other[k]] != u + 1) {
                mark[other[k]] = u + 1;
                other[kept++] = other[k];
            }
        }
        begin = end;
        first[u + 1] = kept;
    }
}

static davit_status list_neighbours(davit_place_units *units)
{
    size_t reads = 0;
    for (uint32_t i = 0; i < units->problem->value_count; i++) {
        reads += units->problem->values[i].consumer_count;
    }
    for (int forward = 0; forward < 2; forward++) {
        uint32_t *first = davit_arena_alloc_array(&units->arena, (size_t)units->count + 2, 4);
        uint32_t *other = davit_arena_alloc_array(&units->arena, reads, 4);
        uint32_t *mark = davit_arena_alloc_array(&units->arena, units->count, 4);
        if (first == NULL || other == NULL || mark == NULL) {
            return DAVIT_OUT_OF_MEMORY;
        }
        davit_status status = list_pairs(units, forward != 0, first, other);
        if (status != DAVIT_OK) {
            return status;
        }
        drop_doubles(units->count, first, other, mark);
        *(forward ? &units->after_first : &units->before_first) = first;
        *(forward ? &units->after : &units->before) = other;
    }
    return DAVIT_OK;
}

/* Reversed post-order of a depth-first search from the last unit to the first. */
static davit_status sort_units(davit_place_units *units)
{
    uint32_t count = units->count;
    units->order = davit_arena_alloc_array(&units->arena, count, 4);
    units->place = davit_arena_alloc_array(&units->arena, count, 4);
    uint32_t *stack = davit_arena_alloc_array(&units->arena, (size_t)count + 1, 4);
    uint32_t *edge = davit_arena_alloc_array(&units->arena, count, 4);
    bool *seen = davit_arena_alloc_array(&units->arena, count, sizeof(bool));
    if (units->order == NULL || units->place == NULL || stack == NULL || edge == NULL ||
        seen == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    uint32_t end = count;
    for (uint32_t root = count; root-- > 0;) {
        uint32_t depth = 0;
        if (!seen[root]) {
            seen[root] = true;
            edge[root] = units->after_first[root];
            stack[depth++] = root;
        }
        while (depth > 0) {
            uint32_t u = stack[depth - 1];
            if (edge[u] == units->after_first[u + 1]) {
                depth--;
                units->order[--end] = u;
                units->place[u] = end;
                continue;
            }
            uint32_t next = units->after[edge[u]++];
            if (!seen[next]) {
                seen[next] = true;
                edge[next] = units->after_first[next];
                stack[depth++] = next;
            }
        }
    }
    return DAVIT_OK;
}

davit_status davit_place_units_finish(davit_place_units *units)
{
    davit_status status = list_nodes(units);
    if (status == DAVIT_OK) {
        status = list_neighbours(units);
    }
    return status == DAVIT_OK ? sort_units(units) : status;
}

davit_status davit_place_units_of_items(const davit_place_items *items,
                                        const davit_allocator *allocator, davit_place_units *units)
{
    *units = (davit_place_units){.problem = items->problem, .count = items->count};
    davit_arena_init(&units->arena, allocator);
    size_t places = (size_t)items->count * items->problem->device_count;
    units->of_node = davit_arena_alloc_array(&units->arena, items->problem->node_count, 4);
    units->allowed = davit_arena_alloc_array(&units->arena, places, sizeof(bool));
    davit_status status = DAVIT_OUT_OF_MEMORY;
    if (units->of_node != NULL && units->allowed != NULL) {
        for (uint32_t v = 0; v < items->problem->node_count; v++) {
            units->of_node[v] = items->of_node[v];
        }
        for (size_t i = 0; i < places; i++) {
            units->allowed[i] = items->allowed[i];
        }
        status = davit_place_units_finish(units);
    }
    if (status != DAVIT_OK) {
        davit_place_units_clear(units);
    }
    return status;
}

void davit_place_units_clear(davit_place_units *units)
{
    davit_arena_clear(&units->arena);
}
