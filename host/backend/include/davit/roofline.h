/* The cost of a unit on a device of which only a profile is known, in time (Williams et al.,
 * "Roofline: an insightful visual performance model", 2009). */
#ifndef DAVIT_ROOFLINE_H
#define DAVIT_ROOFLINE_H

#include "davit/backend.h"

/* seconds = launch + max(flops / peak, bytes / bandwidth). Confidence 1/4; 0 when a rate that
 * matters is unknown, which then counts as 1e9 a second. */
void davit_roofline_cost(const davit_device_profile *profile, const davit_graph *graph,
                         const davit_unit *unit, davit_unit_cost *cost);

/* Seconds by a profile that knows its efficiency, on a CPU or GPU: launch + max(flops / (rate *
 * efficiency), bytes / (bandwidth * efficiency)), with the rate of the type of the unit's first
 * input and the efficiency of its class of work (davit/work_class.h); an efficiency of 0 (unknown)
 * counts as
 * 1. A view costs nothing. */
double davit_roofline_seconds(const davit_device_profile *profile, const davit_graph *graph,
                              const davit_unit *unit);

/* Energy of a unit above idle: operations and bytes times what the profile says of each; 0 when it
 * says nothing. */
double davit_power_joules(const davit_device_profile *profile, const davit_graph *graph,
                          const davit_unit *unit);

#endif
