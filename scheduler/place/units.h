/* What local search moves: sets of nodes that change devices together. The finest units are the
 * items of a problem; coarser ones hold neighbours too, so that few moves change much. */
#ifndef DAVIT_PLACE_UNITS_H
#define DAVIT_PLACE_UNITS_H

#include "items.h"

typedef struct davit_place_units {
    const davit_place_problem *problem;
    davit_arena arena; /* holds everything below */
    uint32_t count;
    uint32_t *of_node;      /* [node_count] */
    uint32_t *first;        /* [count + 1] into nodes */
    uint32_t *nodes;        /* by unit, ascending */
    uint32_t *before_first; /* [count + 1] into before: units whose values it reads, each once */
    uint32_t *before;
    uint32_t *after_first; /* [count + 1] into after: units that read its values */
    uint32_t *after;
    uint32_t
        *order; /* depth first; topological when units do not wait for each other in a circle */
    uint32_t *place; /* [count] place in order */
    bool *allowed;   /* [count][device_count] */
} davit_place_units;

/* Both return DAVIT_OUT_OF_MEMORY, not reported. Free with davit_place_units_clear. */
DAVIT_NODISCARD davit_status davit_place_units_of_items(const davit_place_items *items,
                                                        const davit_allocator *allocator,
                                                        davit_place_units *units);
/* About half as many units: neighbours are joined where it makes no circle, those with the dearest
 * copies between them first. With device [node_count], units on different devices stay apart. */
DAVIT_NODISCARD davit_status davit_place_units_join(const davit_place_units *fine,
                                                    const uint32_t *device, uint64_t *random,
                                                    const davit_allocator *allocator,
                                                    davit_place_units *units);
void davit_place_units_clear(davit_place_units *units);

static inline bool davit_place_unit_allowed(const davit_place_units *units, uint32_t unit,
                                            uint32_t device)
{
    return units->allowed[(size_t)unit * units->problem->device_count + device];
}

/* Shared by the two above: of_node and count are set; makes the rest. */
DAVIT_NODISCARD davit_status davit_place_units_finish(davit_place_units *units);

#endif
