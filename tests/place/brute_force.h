/* What the tests compare with: the simulator written a second time, in another way, and the best
 * of all placements. */
#ifndef DAVIT_TEST_BRUTE_FORCE_H
#define DAVIT_TEST_BRUTE_FORCE_H

#include "davit/place.h"

typedef struct brute_times {
    bool feasible; /* by everything but circles */
    double latency_s, period_s, joules;
} brute_times;

/* Times of a placement, from the explicit graph of what waits for what, by relaxing it until
 * nothing changes. At most 64 nodes, 80 values, 8 devices. */
brute_times brute_simulate(const davit_place_problem *problem, const uint32_t *device);

/* The least objective of all placements, INFINITY when none is feasible; best (may be NULL) gets
 * one. */
double brute_best(const davit_place_problem *problem, const davit_place_options *options,
                  uint32_t *best);

#endif
