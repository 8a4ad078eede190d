/* What runs showed of units, before it goes into the store. */
#ifndef DAVIT_FINDINGS_H
#define DAVIT_FINDINGS_H

#include "davit/measure.h"

typedef struct davit_finding {
    const char *key; /* of the device */
    char signature[DAVIT_SIGNATURE_HEX];
    davit_measurement measurement;
    davit_work work;
} davit_finding;

/* Signature and work of a unit. */
void davit_finding_of_unit(const davit_graph *graph, davit_unit_id unit, davit_finding *out);
/* davit_measurement_of, never 0. */
davit_measurement davit_finding_measure(double *samples_s, size_t count);
/* The keys of a plan's devices, in arena; NULL when memory is short. */
const char **davit_finding_keys(davit_arena *arena, const davit_plan *plan, uint32_t threads);
/* Sorts; one is left of those of one unit on one device: their mean. Returns how many there are
 * then. */
size_t davit_findings_merge(davit_finding *findings, size_t count);

#endif
