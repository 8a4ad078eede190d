/* What making and reading a plan share. */
#ifndef DAVIT_PLAN_PARTS_H
#define DAVIT_PLAN_PARTS_H

#include <jansson.h>

#include "davit/plan.h"

#define DAVIT_REASON_PINNED "pinned" /* the reason of units that a pin places */

/* Creates a plan with the request's model, bound inputs and devices, all units on device 0 without
 * a reason, and no prediction. Reports. Free with davit_plan_destroy. */
DAVIT_NODISCARD davit_status davit_plan_create(const davit_allocator *allocator,
                                               const davit_plan_request *request,
                                               const davit_diagnostics *diag, davit_plan **out);

/* Resolves the request's pins: devices[u] becomes the index of the device that unit u is pinned to,
 * DAVIT_NONE where it is not pinned. devices has one element for each unit of the graph. Names are
 * looked for among units, then nodes, then values. Reports; what it refuses is in davit/plan.h. */
DAVIT_NODISCARD davit_status davit_plan_resolve_pins(const davit_plan_request *request,
                                                     const davit_diagnostics *diag,
                                                     uint32_t *devices);

/* Gives the request the pins that a plan for its graph was made with: the plan's units say so. The
 * pins lie in arena and borrow names. DAVIT_OUT_OF_MEMORY, not reported. */
DAVIT_NODISCARD davit_status davit_plan_take_pins(const davit_plan *plan, davit_arena *arena,
                                                  davit_plan_request *request);

/* True when what a unit gives is not defined to the bit. */
bool davit_plan_computes_floats(const davit_graph *graph, const davit_unit *unit);

/* Index of the request's device of that name, DAVIT_NONE when there is none. */
uint32_t davit_plan_find_device(const davit_plan_request *request, const char *name);

/* "cpu, reference": the names of the request's devices, cut to fit. Returns text. */
char *davit_plan_device_names(const davit_plan_request *request, char *text, size_t bytes);

/* The plan as JSON (plan.schema.json); NULL when memory is short or a name is not UTF-8. */
json_t *davit_plan_json(const davit_plan *plan, const davit_graph *graph);

/* {seconds, joules, confidence, source}; NULL when memory is short. */
json_t *davit_plan_cost_json(const davit_cost_estimate *cost);

/* Appends printf-style text to the string in text, cut to fit. */
DAVIT_PRINTF(3, 4) void davit_plan_append(char *text, size_t bytes, const char *format, ...);

#endif
