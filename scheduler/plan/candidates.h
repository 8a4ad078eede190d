/* Which devices the units of a request may be placed on. */
#ifndef DAVIT_CANDIDATES_H
#define DAVIT_CANDIDATES_H

#include "davit/plan.h"

#define DAVIT_REASON_BYTES 160

typedef struct davit_candidates {
    size_t device_count;
    bool *supported;      /* [unit][device]: can run the unit */
    bool *allowed;        /* [unit][device]: of them, those that may be chosen */
    const uint32_t *pins; /* [unit]: the device it is pinned to, or DAVIT_NONE */
} davit_candidates;

/* Devices whose speed means nothing (reference, null) are not weighed against others: such a device
 * gets the units that no device before it in the list can run, and one after the first that can run
 * a unit does not get it. Emulated devices are weighed against each other only, by what the hardware
 * would take: who names one wants to see it work, however fast the others are. A pin leaves one
 * device. Memory comes from arena. Reports: pins to nothing or to a device that cannot run the unit,
 * a unit that no device (strict: not the first) can run. */
DAVIT_NODISCARD davit_status davit_candidates_find(const davit_plan_request *request,
                                                   davit_arena *arena,
                                                   const davit_diagnostics *diag,
                                                   davit_candidates *out);

/* Whether a device of the request can run a unit; reason, of DAVIT_REASON_BYTES, is "" or why not.
 */
bool davit_candidate_supported(const davit_plan_request *request, size_t device,
                               const davit_unit *unit, char *reason);

/* True for a device that is weighed by cost. */
bool davit_candidate_weighed(const davit_plan_device *device);

#endif
