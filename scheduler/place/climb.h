/* Simulated annealing over placements, by latency or energy. */
#ifndef DAVIT_PLACE_CLIMB_H
#define DAVIT_PLACE_CLIMB_H

#include "clock.h"
#include "solvers.h"
#include "tally.h"
#include "units.h"

/* What is looked for, and the best found so far over all calls. */
typedef struct davit_place_quest {
    const davit_place_context *context;
    davit_place_clock clock;
    bool has_tally; /* whether steps read the tally */
    davit_place_tally tally;
    uint64_t work; /* done with the tally: nodes and devices looked at */
    uint64_t random;
    uint32_t *best;    /* [node_count] devices; meaningful when best_score is finite */
    double best_score; /* INFINITY: nothing feasible was met */
} davit_place_quest;

/* Borrows the context. DAVIT_OUT_OF_MEMORY, not reported. */
DAVIT_NODISCARD davit_status davit_place_quest_make(const davit_place_context *context,
                                                    davit_place_quest *quest);
void davit_place_quest_clear(davit_place_quest *quest);

/* The objective of a placement, INFINITY when it breaks a limit; kept if it is the best. */
double davit_place_quest_try(davit_place_quest *quest, const uint32_t *device);

/* Moves units `steps` times; from device [node_count], which gets the best of this call that keeps
 * all limits, if there is one. Temperatures fall from hot to cold, as shares of the objective. */
typedef struct davit_place_climb {
    const davit_place_units *units;
    uint64_t steps;
    double hot, cold;
} davit_place_climb;
DAVIT_NODISCARD davit_status davit_place_climb_run(davit_place_quest *quest,
                                                   const davit_place_climb *climb,
                                                   uint32_t *device);

#endif
