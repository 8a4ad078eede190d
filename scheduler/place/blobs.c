/* Strongly connected components of the items, in topological order (Tarjan 1972, without
 * recursion). */
#include "blobs.h"

typedef struct walk {
    const davit_place_items *items;
    uint32_t *number; /* [item] when it was met, from 1; 0: not yet */
    uint32_t *low;    /* [item] */
    bool *on_stack;
    uint32_t *stack, stack_count; /* items whose component is not complete */
    uint32_t *path, path_count;   /* items being walked */
    uint32_t *flow, *reader;      /* [item] where its walk is */
    uint32_t met;
    uint32_t *of_item; /* [item] component */
    uint32_t components;
} walk;

static void enter(walk *w, uint32_t item)
{
    w->number[item] = w->low[item] = ++w->met;
    w->on_stack[item] = true;
    w->stack[w->stack_count++] = item;
    w->path[w->path_count++] = item;
    w->flow[item] = w->items->made_first[item];
    w->reader[item] = 0;
}

/* The next item that depends on this one, DAVIT_PLACE_NONE when there is none left. */
static uint32_t next_reader(walk *w, uint32_t item)
{
    while (w->flow[item] < w->items->made_first[item + 1]) {
        const davit_place_flow *flow = &w->items->flows[w->items->made[w->flow[item]]];
        if (w->reader[item] < flow->consumer_count) {
            return flow->consumers[w->reader[item]++];
        }
        w->flow[item]++;
        w->reader[item] = 0;
    }
    return DAVIT_PLACE_NONE;
}

static void leave(walk *w, uint32_t item)
{
    w->path_count--;
    if (w->path_count > 0) {
        uint32_t before = w->path[w->path_count - 1];
        w->low[before] = w->low[item] < w->low[before] ? w->low[item] : w->low[before];
    }
    if (w->low[item] != w->number[item]) {
        return;
    }
    uint32_t top;
    do {
        top = w->stack[--w->stack_count];
        w->on_stack[top] = false;
        w->of_item[top] = w->components;
    } while (top != item);
    w->components++;
}

static void walk_from(walk *w, uint32_t root)
{
    enter(w, root);
    while (w->path_count > 0) {
        uint32_t item = w->path[w->path_count - 1];
        uint32_t next = next_reader(w, item);
        if (next == DAVIT_PLACE_NONE) {
            leave(w, item);
        } else if (w->number[next] == 0) {
            enter(w, next);
        } else if (w->on_stack[next] && w->number[next] < w->low[item]) {
            w->low[item] = w->number[next];
        }
    }
}

davit_status davit_place_blobs_find(const davit_place_items *items, davit_arena *arena,
                                    uint32_t **of_item, uint32_t *count)
{
    size_t n = items->count;
    walk w = {.items = items};
    w.number = davit_arena_alloc_array(arena, n, sizeof(uint32_t));
    w.low = davit_arena_alloc_array(arena, n, sizeof(uint32_t));
    w.on_stack = davit_arena_alloc_array(arena, n, sizeof(bool));
    w.stack = davit_arena_alloc_array(arena, n, sizeof(uint32_t));
    w.path = davit_arena_alloc_array(arena, n, sizeof(uint32_t));
    w.flow = davit_arena_alloc_array(arena, n, sizeof(uint32_t));
    w.reader = davit_arena_alloc_array(arena, n, sizeof(uint32_t));
    w.of_item = davit_arena_alloc_array(arena, n, sizeof(uint32_t));
    if (w.number == NULL || w.low == NULL || w.on_stack == NULL || w.stack == NULL ||
        w.path == NULL || w.flow == NULL || w.reader == NULL || w.of_item == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    /* Components come out last first; from the last root on, numbers fall with the items. */
    for (uint32_t item = items->count; item-- > 0;) {
        if (w.number[item] == 0) {
            walk_from(&w, item);
        }
    }
    for (uint32_t item = 0; item < items->count; item++) {
        w.of_item[item] = w.components - 1 - w.of_item[item];
    }
    *of_item = w.of_item;
    *count = w.components;
    return DAVIT_OK;
}
