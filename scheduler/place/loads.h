/* The loads of all devices under a placement of items, kept while single items move. */
#ifndef DAVIT_PLACE_LOADS_H
#define DAVIT_PLACE_LOADS_H

#include "items.h"

typedef struct davit_place_sum {
    double compute_s, in_s, out_s; /* without use_seconds */
    double bytes;
    uint32_t count;
} davit_place_sum;

typedef struct davit_place_loads {
    const davit_place_items *items;
    uint32_t device_count;
    uint32_t *at;         /* [item] its device, DAVIT_PLACE_NONE: not placed */
    uint32_t *next;       /* [item] scratch */
    uint32_t *readers;    /* [flow][device] items there that read it, without its producer */
    uint32_t *remote;     /* [flow] devices with readers, without the producer's */
    davit_place_sum *sum; /* [device] */
} davit_place_loads;

/* Allocates from the arena; the placement is not set. DAVIT_OUT_OF_MEMORY, not reported. */
DAVIT_NODISCARD davit_status davit_place_loads_make(const davit_place_items *items,
                                                    davit_arena *arena, davit_place_loads *loads);
/* Places all items; at may be loads->at. */
void davit_place_loads_set(davit_place_loads *loads, const uint32_t *at);
/* Takes all items away. While some are not placed, copies count where both ends are. */
void davit_place_loads_empty(davit_place_loads *loads);
/* Places an item that is not. */
void davit_place_loads_add(davit_place_loads *loads, uint32_t item, uint32_t device);
/* Takes away the item that was added last. Sums are only as good as before up to rounding: who
 * wants them exact keeps a copy. */
void davit_place_loads_remove(davit_place_loads *loads, uint32_t item);
/* Moves one of a placement of all items. */
void davit_place_loads_move(davit_place_loads *loads, uint32_t item, uint32_t to);
/* A device's load: what the period of a pipeline is at least because of it. */
double davit_place_loads_of(const davit_place_loads *loads, uint32_t device);
/* The largest load; INFINITY when a memory is too small. */
double davit_place_loads_period(const davit_place_loads *loads);

#endif
