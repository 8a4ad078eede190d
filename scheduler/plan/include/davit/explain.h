/* Why a plan is as it is: what each unit costs on each device, what the plan would take if the unit
 * were there, and what simpler plans take. */
#ifndef DAVIT_EXPLAIN_H
#define DAVIT_EXPLAIN_H

#include "davit/plan.h"

/* A unit on a device. */
typedef struct davit_plan_move {
    bool supported;           /* the device can run the unit */
    bool allowed;             /* it may be chosen: no pin, no preference keeps it off */
    const char *reason;       /* why it is not supported or not allowed, else "" */
    davit_cost_estimate cost; /* when supported */
    /* The objective's value when the unit is pinned to the device and the rest is placed anew: what
     * davit_plan_make with that pin gives. INFINITY: there is no such plan. NAN for the device that
     * it is on. */
    double moved;
} davit_plan_move;

/* A simpler way to place the same units. */
typedef struct davit_plan_alternative {
    const char *name;       /* "all on cpu", "greedy" */
    const char *infeasible; /* why it cannot be, else "" */
    double latency_s, period_s, joules;
    size_t elsewhere; /* units that the one device cannot run: on the first that can */
} davit_plan_alternative;

typedef struct davit_plan_explanation {
    davit_arena arena;
    size_t unit_count, device_count;
    davit_plan_move *moves; /* [unit][device] */
    size_t alternative_count;
    davit_plan_alternative *alternatives;
} davit_plan_explanation;

typedef struct davit_explain_options {
    /* `moved` is what the plan would take if only this unit moved and all others stayed where they
     * are: simulated, not solved. */
    bool alone;
    /* Called before each of count solutions, from any thread, one at a time; NULL: not. */
    void (*progress)(void *user, size_t done, size_t count);
    void *progress_user;
} davit_explain_options;

/* Explains a plan that davit_plan_make made from the request, or that was read for it: objective,
 * limit and pins are the plan's. Solves once for each unit and device that it may be on. Free with
 * davit_plan_explanation_destroy. options may be NULL. */
DAVIT_NODISCARD davit_status davit_plan_explain(const davit_allocator *allocator,
                                                const davit_plan_request *request,
                                                const davit_plan *plan,
                                                const davit_explain_options *options,
                                                const davit_diagnostics *diag,
                                                davit_plan_explanation **out);
void davit_plan_explanation_destroy(davit_plan_explanation *explanation);

/* The plan's JSON with the explanation in it: "moves" with each unit, "alternatives"; free *text
 * with free(). */
DAVIT_NODISCARD davit_status davit_plan_explanation_write(const davit_plan_explanation *explanation,
                                                          const davit_plan *plan,
                                                          const davit_graph *graph,
                                                          const davit_diagnostics *diag,
                                                          char **text);

#endif
