/* What place.c and the solvers of the objectives share. */
#ifndef DAVIT_PLACE_SOLVERS_H
#define DAVIT_PLACE_SOLVERS_H

#include <jansson.h>

#include "davit/place.h"
#include "items.h"

/* What a solver gets. The problem was checked; each item is allowed on some device. */
typedef struct davit_place_context {
    const davit_place_problem *problem;
    davit_place_options options; /* effort is not 0 */
    const davit_place_items *items;
    const davit_allocator *allocator;
    const davit_diagnostics *diag;
} davit_place_context;

/* What a solver finds. `devices` is the caller's, for the nodes. `certificate` holds the members of
 * the certificate's form (certificate.md): "form" and what that form has; place.c adds the others
 * and owns it from then on, also when the solver fails. method and bound_method are static. */
typedef struct davit_place_answer {
    uint32_t *devices;
    double bound;
    json_t *certificate;
    const char *method;
    const char *bound_method;
    bool none; /* proved or given up: no placement keeps the limits; devices are not set */
} davit_place_answer;

/* Each reports what it fails with (memory, nothing else). */
DAVIT_NODISCARD davit_status davit_place_throughput(const davit_place_context *context,
                                                    davit_place_answer *answer);
DAVIT_NODISCARD davit_status davit_place_latency(const davit_place_context *context,
                                                 davit_place_answer *answer);
DAVIT_NODISCARD davit_status davit_place_energy(const davit_place_context *context,
                                                davit_place_answer *answer);

/* No placement was found: says what does not fit where. DAVIT_UNSUPPORTED, reported. */
DAVIT_NODISCARD davit_status davit_place_refuse(const davit_place_context *context);

/* Effort: count steps of the usual, by the options. */
static inline uint64_t davit_place_effort(const davit_place_context *context, uint64_t count)
{
    return count * context->options.effort / 100;
}

#endif
