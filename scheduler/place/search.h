/* Exact search for throughput: branch and bound over the items, for problems small enough. */
#ifndef DAVIT_PLACE_SEARCH_H
#define DAVIT_PLACE_SEARCH_H

#include "bounds.h"

typedef struct davit_place_search {
    uint64_t branches;         /* at most */
    const double *multipliers; /* [device] of the area bound */
    bool by_time;              /* the order of items: largest first, else as the nodes come */
    bool complete;             /* out: nothing below *period exists */
    uint32_t *order;           /* [item] out, scratch of the caller */
} davit_place_search;

/* Looks for a placement below *period and keeps the best in at (device of each item). */
DAVIT_NODISCARD davit_status davit_place_search_run(const davit_place_context *context,
                                                    davit_place_search *search, uint32_t *at,
                                                    double *period);

#endif
