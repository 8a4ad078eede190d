#include <string.h>

#include "plan_parts.h"

static bool has_node_named(const davit_graph *graph, const davit_unit *unit, const char *name)
{
    for (uint32_t n = 0; n < unit->node_count; n++) {
        if (strcmp(graph->nodes[unit->nodes[n]].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool makes_value_named(const davit_graph *graph, const davit_unit *unit, const char *name)
{
    for (uint32_t n = 0; n < unit->node_count; n++) {
        const davit_node *node = &graph->nodes[unit->nodes[n]];
        for (uint32_t o = 0; o < node->output_count; o++) {
            if (node->outputs[o] != DAVIT_NONE &&
                strcmp(graph->values[node->outputs[o]].name, name) == 0) {
                return true;
            }
        }
    }
    return false;
}

static davit_unit_id find_unit(const davit_graph *graph, const char *name)
{
    for (size_t u = 0; u < graph->unit_count; u++) {
        if (strcmp(graph->units[u].name, name) == 0) {
            return (davit_unit_id)u;
        }
    }
    for (size_t u = 0; u < graph->unit_count; u++) {
        if (has_node_named(graph, &graph->units[u], name)) {
            return (davit_unit_id)u;
        }
    }
    for (size_t u = 0; u < graph->unit_count; u++) {
        if (makes_value_named(graph, &graph->units[u], name)) {
            return (davit_unit_id)u;
        }
    }
    return DAVIT_NONE;
}

davit_status davit_plan_resolve_pins(const davit_plan_request *request,
                                     const davit_diagnostics *diag, uint32_t *devices)
{
    const davit_graph *graph = request->graph;
    char names[256];
    for (size_t u = 0; u < graph->unit_count; u++) {
        devices[u] = request->placed != NULL ? request->placed[u] : DAVIT_NONE;
    }
    for (size_t i = 0; i < request->pin_count; i++) {
        const davit_pin *pin = &request->pins[i];
        uint32_t device = davit_plan_find_device(request, pin->device);
        if (device == DAVIT_NONE) {
            return davit_fail(diag, DAVIT_NOT_FOUND,
                              "pin %s=%s: no such device among those in use (%s)", pin->name,
                              pin->device, davit_plan_device_names(request, names, sizeof(names)));
        }
        davit_unit_id unit = find_unit(graph, pin->name);
        if (unit == DAVIT_NONE) {
            return davit_fail(diag, DAVIT_NOT_FOUND,
                              "pin %s=%s: no unit, node or value of that name is left to place; "
                              "take a name from the table of `davit run`",
                              pin->name, pin->device);
        }
        if (devices[unit] != DAVIT_NONE && devices[unit] != device) {
            return davit_fail(diag, DAVIT_INVALID_ARGUMENT,
                              "pin %s=%s: unit '%s' is already pinned to %s", pin->name,
                              pin->device, graph->units[unit].name,
                              request->devices[devices[unit]].info.name);
        }
        devices[unit] = device;
    }
    return DAVIT_OK;
}
