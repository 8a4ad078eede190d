/* What is placed: a group of nodes that must share a device is one item, every other node is one.
 * Values that stay inside an item are gone; what is left is called a flow. */
#ifndef DAVIT_PLACE_ITEMS_H
#define DAVIT_PLACE_ITEMS_H

#include "davit/problem.h"

typedef struct davit_place_flow {
    uint32_t value;    /* of the problem */
    uint32_t producer; /* item, or DAVIT_PLACE_NONE: in the host's memory */
    bool to_host;
    uint32_t consumer_count; /* items that read it, without the producer, ascending */
    const uint32_t *consumers;
} davit_place_flow;

typedef struct davit_place_items {
    const davit_place_problem *problem;
    davit_arena arena; /* holds everything below */
    uint32_t count;    /* items are numbered by their first node */
    uint32_t *of_node; /* [node_count] */
    uint32_t *first;   /* [count + 1] into nodes */
    uint32_t *nodes;   /* by item, ascending */
    double *seconds;   /* [count][class_count] sums, INFINITY where the class cannot */
    double *bytes;     /* [count] */
    bool *allowed;     /* [count][device_count]: by class, pins and the device's whole memory */
    uint32_t flow_count;
    davit_place_flow *flows;
    uint32_t *made_first; /* [count + 1] into made: flows by producer */
    uint32_t *made;
    uint32_t *read_first; /* [count + 1] into read: flows by consumer */
    uint32_t *read;
} davit_place_items;

/* Contracts a problem that was checked. Reports nothing but DAVIT_OUT_OF_MEMORY. Free with
 * davit_place_items_clear. */
DAVIT_NODISCARD davit_status davit_place_items_make(const davit_place_problem *problem,
                                                    const davit_allocator *allocator,
                                                    davit_place_items *items);
void davit_place_items_clear(davit_place_items *items);

static inline double davit_place_item_seconds(const davit_place_items *items, uint32_t item,
                                              uint32_t device)
{
    const davit_place_problem *problem = items->problem;
    return items
        ->seconds[(size_t)item * problem->class_count + problem->devices[device].device_class];
}

static inline bool davit_place_item_allowed(const davit_place_items *items, uint32_t item,
                                            uint32_t device)
{
    return items->allowed[(size_t)item * items->problem->device_count + device];
}

/* device[node] from at[item]. */
static inline void davit_place_items_spread(const davit_place_items *items, const uint32_t *at,
                                            uint32_t *device)
{
    for (uint32_t v = 0; v < items->problem->node_count; v++) {
        device[v] = at[items->of_node[v]];
    }
}

#endif
