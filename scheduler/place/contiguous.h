/* The best placement whose devices form a chain (Tarnawski et al. 2020): each device takes what is
 * between two downsets. */
#ifndef DAVIT_PLACE_CONTIGUOUS_H
#define DAVIT_PLACE_CONTIGUOUS_H

#include "solvers.h"

typedef struct davit_place_contiguous {
    uint32_t downsets; /* at most; else one topological order is cut into pieces */
    uint64_t steps;    /* at most: pairs of downsets looked at */
    bool found;        /* out: something below *period */
    bool exact;        /* out: nothing contiguous is better */
} davit_place_contiguous;

/* Looks for a placement below *period; at (device of each item) and *period are set when there is
 * one. Problems with pins are left alone. */
DAVIT_NODISCARD davit_status davit_place_contiguous_run(const davit_place_context *context,
                                                        davit_place_contiguous *run, uint32_t *at,
                                                        double *period);

#endif
