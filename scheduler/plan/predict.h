/* What a placement of a request's units is predicted to take. */
#ifndef DAVIT_PREDICT_H
#define DAVIT_PREDICT_H

#include "unit_problem.h"

/* Simulates the plan's units on their devices and fills in times, loads, copies and the
 * prediction's figures; bound, methods and certificate are left. Reports; memory that a device
 * lacks is DAVIT_UNSUPPORTED. */
DAVIT_NODISCARD davit_status davit_plan_predict(davit_plan *plan, const davit_plan_request *request,
                                                const davit_unit_problem *made,
                                                const davit_diagnostics *diag);

/* What the solver is asked for a request; the same for a plan and for what explains it. */
davit_place_options davit_plan_place_options(const davit_plan_request *request);

/* The objective of a simulated placement. */
double davit_timeline_objective(const davit_place_timeline *timeline,
                                davit_place_objective objective);

/* "12.3 ms" or "4.5 mJ": the value of an objective. Returns text. */
char *davit_objective_text(davit_place_objective objective, double value, char *text, size_t bytes);

/* Says for each device without units why. */
DAVIT_NODISCARD davit_status davit_plan_say_unused(davit_plan *plan,
                                                   const davit_plan_request *request,
                                                   const davit_unit_problem *made,
                                                   const davit_diagnostics *diag);

#endif
