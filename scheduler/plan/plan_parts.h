/* What making and reading a plan share. */
#ifndef DAVIT_PLAN_PARTS_H
#define DAVIT_PLAN_PARTS_H

#include "davit/plan.h"

/* Creates a plan with the request's model and bound inputs, unit_count units on device 0 without a
 * reason, and no devices. Reports. Free with davit_plan_destroy. */
DAVIT_NODISCARD davit_status davit_plan_create(const davit_allocator *allocator,
                                               const davit_plan_request *request,
                                               const davit_diagnostics *diag, davit_plan **out);

/* Resolves the request's pins: devices[u] becomes the index of the device that unit u is pinned to,
 * DAVIT_NONE where it is not pinned. devices has one element for each unit of the graph. Names are
 * looked for among units, then nodes, then values. Reports; what it refuses is in davit/plan.h. */
DAVIT_NODISCARD davit_status davit_plan_resolve_pins(const davit_plan_request *request,
                                                     const davit_diagnostics *diag,
                                                     uint32_t *devices);

/* Index of the request's device of that name, DAVIT_NONE when there is none. */
uint32_t davit_plan_find_device(const davit_plan_request *request, const char *name);

/* "cpu, reference": the names of the request's devices, cut to fit. Returns text. */
char *davit_plan_device_names(const davit_plan_request *request, char *text, size_t bytes);

/* Appends printf-style text to the string in text, cut to fit. */
DAVIT_PRINTF(3, 4) void davit_plan_append(char *text, size_t bytes, const char *format, ...);

#endif
