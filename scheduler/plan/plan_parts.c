#include "plan_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static davit_status fill(davit_plan *plan, const davit_plan_request *request)
{
    const davit_graph *graph = request->graph;
    plan->unit_count = graph->unit_count;
    plan->units = davit_arena_alloc_array(&plan->arena, graph->unit_count, sizeof(*plan->units));
    plan->device_count = request->device_count;
    plan->devices =
        davit_arena_alloc_array(&plan->arena, request->device_count, sizeof(*plan->devices));
    plan->loads =
        davit_arena_alloc_array(&plan->arena, request->device_count, sizeof(*plan->loads));
    plan->binding_count = graph->input_count;
    plan->bindings =
        davit_arena_alloc_array(&plan->arena, graph->input_count, sizeof(*plan->bindings));
    if (plan->units == NULL || plan->bindings == NULL || plan->devices == NULL ||
        plan->loads == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    memcpy(plan->devices, request->devices, request->device_count * sizeof(*plan->devices));
    plan->prediction = (davit_plan_prediction){.method = "", .bound_method = "", .certificate = ""};
    for (size_t i = 0; i < graph->input_count; i++) {
        plan->bindings[i].value = graph->inputs[i];
        plan->bindings[i].desc = graph->values[graph->inputs[i]].desc;
    }
    snprintf(plan->model_sha256, sizeof(plan->model_sha256), "%s", request->model_sha256);
    return DAVIT_OK;
}

davit_status davit_plan_create(const davit_allocator *allocator, const davit_plan_request *request,
                               const davit_diagnostics *diag, davit_plan **out)
{
    *out = NULL;
    davit_plan *plan = davit_alloc(allocator, sizeof(*plan));
    if (plan == NULL) {
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "out of memory for a plan");
    }
    davit_arena_init(&plan->arena, allocator);
    davit_status status = fill(plan, request);
    if (status != DAVIT_OK) {
        davit_plan_destroy(plan);
        return davit_fail(diag, status, "out of memory for a plan of %zu units",
                          request->graph->unit_count);
    }
    *out = plan;
    return DAVIT_OK;
}

void davit_plan_destroy(davit_plan *plan)
{
    if (plan != NULL) {
        const davit_allocator *allocator = plan->arena.allocator;
        davit_arena_clear(&plan->arena);
        davit_free(allocator, plan);
    }
}

uint32_t davit_plan_find_device(const davit_plan_request *request, const char *name)
{
    for (size_t i = 0; i < request->device_count; i++) {
        if (strcmp(request->devices[i].info.name, name) == 0) {
            return (uint32_t)i;
        }
    }
    return DAVIT_NONE;
}

davit_status davit_plan_take_pins(const davit_plan *plan, davit_arena *arena,
                                  davit_plan_request *request)
{
    davit_pin *pins = davit_arena_alloc_array(arena, plan->unit_count, sizeof(*pins));
    if (pins == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    request->pins = pins;
    request->pin_count = 0;
    for (size_t u = 0; u < plan->unit_count; u++) {
        if (strcmp(plan->units[u].reason, DAVIT_REASON_PINNED) == 0) {
            pins[request->pin_count++] = (davit_pin){
                request->graph->units[u].name, plan->devices[plan->units[u].device].info.name};
        }
    }
    return DAVIT_OK;
}

void davit_plan_append(char *text, size_t bytes, const char *format, ...)
{
    size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + used, bytes - used, format, arguments);
    va_end(arguments);
}

char *davit_plan_device_names(const davit_plan_request *request, char *text, size_t bytes)
{
    text[0] = '\0';
    for (size_t i = 0; i < request->device_count; i++) {
        davit_plan_append(text, bytes, "%s%s", i > 0 ? ", " : "", request->devices[i].info.name);
    }
    return text;
}
