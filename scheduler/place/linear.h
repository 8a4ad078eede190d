/* Placement for throughput as a linear program; with whole numbers of at[item][device] it is exact.
 *
 * Columns, all from 0 to 1 but the period: at[item][device], the period, used[device],
 * in[flow][device], out[flow][device]. The period is minimised, in parts of `scale`. Rows are sums
 * with an upper limit, in the order of the members below: loads (three for each device: compute,
 * in, out; of a block all in the first), memories, used >= at, in >= at(reader) - at(producer) by
 * flow, device, reader; out >= at(producer) - at(reader) likewise, one only for a flow that the
 * host wants; last the sums of each item's at, which are 1.
 *
 * Devices of a class without pins can be exchanged: of these the first item of `order` that is not
 * pinned may be on the first only, the second one on the first two, and so on. */
#ifndef DAVIT_PLACE_LINEAR_H
#define DAVIT_PLACE_LINEAR_H

#include "items.h"

typedef struct davit_place_linear {
    const davit_place_items *items;
    uint32_t *order; /* [item] pinned ones first, then the longest */
    double scale;
    int column_count, period, used, in, out;                   /* first columns */
    int row_count, memories, uses, in_rows, out_rows, choices; /* first rows; loads are first */
    int *start;                                                /* [column_count + 1] */
    int *row;                                                  /* by column */
    double *value;
    double *lower, *upper; /* of columns */
    double *cost;
    double *row_lower, *row_upper;
} davit_place_linear;

/* How many entries the program has at most: what it costs to solve. */
size_t davit_place_linear_size(const davit_place_items *items);
/* From the arena. DAVIT_OUT_OF_MEMORY, not reported. The size was asked before: it is below 2^30.
 */
DAVIT_NODISCARD davit_status davit_place_linear_make(const davit_place_items *items, double scale,
                                                     davit_arena *arena,
                                                     davit_place_linear *linear);
/* Whether a node is pinned to a device of the class: its devices cannot be exchanged then. */
bool davit_place_class_is_pinned(const davit_place_problem *problem, uint32_t of_class);
/* Rows of copies out of a flow, per device. */
uint32_t davit_place_linear_out_rows(const davit_place_flow *flow);
/* The bound in seconds that duals prove (certificate.md, linear); those are >= 0, one for each row
 * before choices. */
double davit_place_linear_bound(const davit_place_linear *linear, const double *duals);

#endif
