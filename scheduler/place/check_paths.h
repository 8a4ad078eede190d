/* What the checks of the forms `paths` and `branches` share. */
#ifndef DAVIT_PLACE_CHECK_PATHS_H
#define DAVIT_PLACE_CHECK_PATHS_H

#include "certificate.h"

typedef struct davit_place_paths {
    const davit_place_problem *problem;
    const davit_place_groups *groups;
    uint32_t *made_first; /* [node_count + 1] into made: values by producer */
    uint32_t *made;
    double *end;            /* [node][device] */
    double *ready;          /* [node][device] when all that the node reads can be there */
    double *last;           /* [device] end of the latest placed node of an in-order device */
    double *multipliers;    /* [device], NULL: the certificate has none */
    double *begin, *length; /* [device] of the placed part of a block */
} davit_place_paths;

DAVIT_NODISCARD davit_status davit_place_paths_make(const davit_place_proof *proof,
                                                    const davit_place_groups *groups,
                                                    davit_place_paths *paths);

/* The least latency that certificate.md proves of placements that agree with at: [group] device, or
 * DAVIT_PLACE_NONE; likewise the least joules, given the least latency. */
double davit_place_paths_latency(davit_place_paths *paths, const uint32_t *at);
double davit_place_paths_joules(const davit_place_paths *paths, const uint32_t *at,
                                double latency_s);

#endif
