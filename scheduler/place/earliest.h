/* Lower bounds of latency and energy when some items are placed and others are open. */
#ifndef DAVIT_PLACE_EARLIEST_H
#define DAVIT_PLACE_EARLIEST_H

#include "clock.h"
#include "items.h"

typedef struct davit_place_earliest {
    const davit_place_items *items;
    const davit_place_clock *clock; /* its lists of values */
    davit_arena arena;
    bool blocks;          /* whether there are block devices */
    double *end;          /* [node_count][device_count] on that device, INFINITY: it is not there */
    double *free;         /* [device_count] in-order devices: when the last placed node ends */
    double *block_start;  /* [device_count] of what is placed there */
    double *block_length; /* [device_count] */
    double *least_joules; /* [item count] where it takes fewest */
    const double *multipliers; /* [device_count] of the area bound, borrowed, or NULL: none */
    double *least_area;        /* [item count] the least multiplier times seconds */
} davit_place_earliest;

/* Borrows items, clock and multipliers (0 for unlimited devices; NULL: the area is not used).
 * DAVIT_OUT_OF_MEMORY, not reported. */
DAVIT_NODISCARD davit_status davit_place_earliest_make(const davit_place_items *items,
                                                       const davit_place_clock *clock,
                                                       const double *multipliers,
                                                       const davit_allocator *allocator,
                                                       davit_place_earliest *earliest);
void davit_place_earliest_clear(davit_place_earliest *earliest);

/* at: [item count] device, or DAVIT_PLACE_NONE. No placement that agrees with it takes less time
 * (certificate.md, form `paths`). */
double davit_place_earliest_latency(davit_place_earliest *earliest, const uint32_t *at);

/* No placement that agrees with it and takes at least latency_s takes fewer joules. */
double davit_place_least_joules(const davit_place_earliest *earliest, const uint32_t *at,
                                double latency_s);

#endif
