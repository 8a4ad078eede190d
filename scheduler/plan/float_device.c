#include <string.h>

#include "candidates.h"
#include "plan_parts.h"

static bool is_float(davit_dtype dtype)
{
    return dtype == DAVIT_F16 || dtype == DAVIT_BF16 || dtype == DAVIT_F32 || dtype == DAVIT_F64;
}

static bool any_float(const davit_graph *graph, const davit_value_id *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_float(graph->values[values[i]].desc.dtype)) {
            return true;
        }
    }
    return false;
}

/* QuantizeLinear and DequantizeLinear between bytes and floats are defined to the bit. */
bool davit_plan_computes_floats(const davit_graph *graph, const davit_unit *unit)
{
    davit_op op = graph->nodes[unit->anchor].op->op;
    bool defined =
        unit->node_count == 1 && (op == DAVIT_OP_QuantizeLinear || op == DAVIT_OP_DequantizeLinear);
    return !defined && (any_float(graph, unit->inputs, unit->input_count) ||
                        any_float(graph, unit->outputs, unit->output_count));
}

/* True when the device can run all units that compute floats, and has those of them that are
 * pinned. */
static bool takes_all(const davit_plan_request *request, const uint32_t *pins, uint32_t device)
{
    const davit_graph *graph = request->graph;
    char reason[DAVIT_REASON_BYTES];
    for (size_t u = 0; u < graph->unit_count; u++) {
        const davit_unit *unit = &graph->units[u];
        if (davit_plan_computes_floats(graph, unit) &&
            ((pins[u] != DAVIT_NONE && pins[u] != device) ||
             !davit_candidate_supported(request, device, unit, reason))) {
            return false;
        }
    }
    return true;
}

davit_status davit_plan_find_float_device(const davit_plan_request *request, davit_arena *arena,
                                          const davit_diagnostics *diag, const char **device)
{
    *device = NULL;
    uint32_t *pins = davit_arena_alloc_array(arena, request->graph->unit_count + 1, sizeof(*pins));
    if (pins == NULL) {
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "out of memory for a plan");
    }
    davit_status status = davit_plan_resolve_pins(request, diag, pins);
    for (uint32_t d = 0; status == DAVIT_OK && d < request->device_count; d++) {
        if (takes_all(request, pins, d)) {
            *device = request->devices[d].info.name;
            return DAVIT_OK;
        }
    }
    return status != DAVIT_OK ? status
                              : davit_fail(diag, DAVIT_UNSUPPORTED,
                                           "no device can run all units that compute floats, which "
                                           "a reproducible plan has on one");
}
