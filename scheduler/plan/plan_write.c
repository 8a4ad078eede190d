#include <jansson.h>
#include <stdio.h>

#include "plan_parts.h"

/* Takes item over. False when memory is short. */
static bool append(json_t *array, json_t *item)
{
    return json_array_append_new(array, item) == 0;
}

static json_t *shape_json(const davit_tensor_desc *desc)
{
    json_t *shape = json_array();
    for (int i = 0; shape != NULL && i < desc->rank; i++) {
        if (!append(shape, json_integer(desc->dims[i]))) {
            json_decref(shape);
            return NULL;
        }
    }
    return shape;
}

static json_t *inputs_json(const davit_plan *plan, const davit_graph *graph)
{
    json_t *inputs = json_array();
    for (size_t i = 0; inputs != NULL && i < plan->binding_count; i++) {
        const davit_program_io *binding = &plan->bindings[i];
        if (!append(inputs, json_pack("{s:s, s:s, s:o}", "name", graph->values[binding->value].name,
                                      "type", davit_dtype_name(binding->desc.dtype), "shape",
                                      shape_json(&binding->desc)))) {
            json_decref(inputs);
            return NULL;
        }
    }
    return inputs;
}

static json_t *devices_json(const davit_plan *plan)
{
    json_t *devices = json_array();
    for (size_t i = 0; devices != NULL && i < plan->device_count; i++) {
        const davit_plan_device *device = &plan->devices[i];
        if (!append(devices, json_pack("{s:s, s:s}", "name", device->info.name, "backend",
                                       device->backend->table->name))) {
            json_decref(devices);
            return NULL;
        }
    }
    return devices;
}

static json_t *units_json(const davit_plan *plan, const davit_graph *graph)
{
    json_t *units = json_array();
    for (size_t u = 0; units != NULL && u < plan->unit_count; u++) {
        const davit_unit *unit = &graph->units[u];
        const davit_plan_unit *placed = &plan->units[u];
        if (!append(units, json_pack("{s:s, s:s, s:s, s:b, s:s}", "name", unit->name, "operator",
                                     graph->nodes[unit->anchor].op->name, "device",
                                     plan->devices[placed->device].info.name, "fallback",
                                     placed->fallback, "reason", placed->reason))) {
            json_decref(units);
            return NULL;
        }
    }
    return units;
}

davit_status davit_plan_write(const davit_plan *plan, const davit_graph *graph,
                              const davit_diagnostics *diag, char **text)
{
    *text = NULL;
    json_t *root =
        json_pack("{s:i, s:s, s:o, s:o, s:o}", "schema_version", DAVIT_PLAN_SCHEMA_VERSION,
                  "model_sha256", plan->model_sha256, "inputs", inputs_json(plan, graph), "devices",
                  devices_json(plan), "units", units_json(plan, graph));
    if (root != NULL) {
        *text = json_dumps(root, JSON_INDENT(2));
        json_decref(root);
    }
    if (*text == NULL) {
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY,
                          "cannot write the plan: out of memory, or a name is not UTF-8");
    }
    return DAVIT_OK;
}
