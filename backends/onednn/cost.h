/* What is known of the host's speed before it is measured, and the cost of units by it. */
#ifndef DAVIT_ONEDNN_COST_H
#define DAVIT_ONEDNN_COST_H

#include "davit/backend.h"

/* Fills kind and rates for that many cores of this machine: the peak of the instruction set that
 * oneDNN uses here at an assumed clock. */
void davit_onednn_fill_profile(davit_device_profile *profile, uint32_t cores,
                               uint64_t memory_bytes);

/* Roofline with the part of the peak that each kind of unit was measured to reach (see
 * davit_backend_table.cost). Pure. */
davit_status davit_onednn_cost(const davit_device_profile *profile, const davit_graph *graph,
                               const davit_unit *unit, davit_unit_cost *cost);

#endif
