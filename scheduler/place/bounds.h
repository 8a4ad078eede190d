/* Lower bounds of the largest load, with their certificates (certificate.md). */
#ifndef DAVIT_PLACE_BOUNDS_H
#define DAVIT_PLACE_BOUNDS_H

#include "solvers.h"

/* What a proof is made of; the arrays belong to the arena that the bound was made with. */
typedef struct davit_place_bounds {
    double *sure;        /* [item][device], INFINITY where not allowed: certificate.md, area */
    double area;         /* proved by multipliers */
    double *multipliers; /* [device] */
    double packing;      /* proved by weights */
    uint32_t *weights;   /* [item] */
} davit_place_bounds;

/* The load that placing item on device brings for certain, and no other item; with or without
 * copies in of values that lie in the host's memory. */
DAVIT_NODISCARD davit_status davit_place_sure_loads(const davit_place_context *context,
                                                    bool with_copies_in, davit_arena *arena,
                                                    double **sure);
/* Fills sure, area and multipliers: the multipliers are found by ascent. */
DAVIT_NODISCARD davit_status davit_place_bound_area(const davit_place_context *context,
                                                    davit_arena *arena, davit_place_bounds *bounds);
/* Fills packing and weights, given the others and a period that is known to be possible. */
DAVIT_NODISCARD davit_status davit_place_bound_packing(const davit_place_context *context,
                                                       double possible, davit_arena *arena,
                                                       davit_place_bounds *bounds);

/* The members of certificates; NULL when memory is short. */
json_t *davit_place_area_certificate(const davit_place_context *context, const double *multipliers);
json_t *davit_place_packing_certificate(const davit_place_context *context,
                                        const uint32_t *weights);
json_t *davit_place_search_certificate(const davit_place_context *context, const uint32_t *order,
                                       const double *multipliers);

#endif
