#include <jansson.h>
#include <math.h>
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
        const davit_place_load *load = &plan->loads[i].load;
        json_t *item = json_pack(
            "{s:s, s:s, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:s}", "name", device->info.name,
            "backend", device->backend->table->name, "units", (json_int_t)load->node_count,
            "compute_s", load->compute_s, "in_s", load->in_s, "out_s", load->out_s, "in_bytes",
            load->in_bytes, "out_bytes", load->out_bytes, "memory_bytes", load->memory_bytes,
            "unused", plan->loads[i].unused != NULL ? plan->loads[i].unused : "");
        if (!append(devices, item)) {
            json_decref(devices);
            return NULL;
        }
    }
    return devices;
}

json_t *davit_plan_cost_json(const davit_cost_estimate *cost)
{
    return json_pack("{s:f, s:f, s:f, s:s}", "seconds", cost->seconds, "joules", cost->joules,
                     "confidence", cost->confidence, "source",
                     davit_cost_source_name(cost->source));
}

static json_t *units_json(const davit_plan *plan, const davit_graph *graph)
{
    json_t *units = json_array();
    for (size_t u = 0; units != NULL && u < plan->unit_count; u++) {
        const davit_unit *unit = &graph->units[u];
        const davit_plan_unit *placed = &plan->units[u];
        json_t *item =
            json_pack("{s:s, s:s, s:s, s:b, s:s, s:o, s:f, s:f}", "name", unit->name, "operator",
                      graph->nodes[unit->anchor].op->name, "device",
                      plan->devices[placed->device].info.name, "fallback", placed->fallback,
                      "reason", placed->reason, "cost", davit_plan_cost_json(&placed->cost),
                      "start_s", placed->start_s, "end_s", placed->end_s);
        if (!append(units, item)) {
            json_decref(units);
            return NULL;
        }
    }
    return units;
}

static json_t *copies_json(const davit_plan *plan, const davit_graph *graph)
{
    json_t *copies = json_array();
    for (size_t c = 0; copies != NULL && c < plan->copy_count; c++) {
        const davit_plan_copy *copy = &plan->copies[c];
        json_t *item =
            json_pack("{s:s, s:s, s:b, s:f, s:f}", "value", graph->values[copy->value].name,
                      "device", plan->devices[copy->device].info.name, "to_device", copy->to_device,
                      "start_s", copy->start_s, "end_s", copy->end_s);
        if (!append(copies, item)) {
            json_decref(copies);
            return NULL;
        }
    }
    return copies;
}

const char *davit_plan_objective_name(davit_place_objective objective)
{
    static const char *const names[] = {[DAVIT_PLACE_LATENCY] = "latency",
                                        [DAVIT_PLACE_THROUGHPUT] = "throughput",
                                        [DAVIT_PLACE_ENERGY] = "energy"};
    return names[objective];
}

static json_t *prediction_json(const davit_plan *plan)
{
    const davit_plan_prediction *prediction = &plan->prediction;
    json_t *json = json_pack(
        "{s:s, s:f, s:f, s:f, s:f, s:f, s:s, s:s, s:s}", "objective",
        davit_plan_objective_name(prediction->objective), "latency_s", prediction->latency_s,
        "period_s", prediction->period_s, "joules", prediction->joules, "bound", prediction->bound,
        "gap", davit_plan_gap(plan), "method", prediction->method, "bound_method",
        prediction->bound_method, "problem_sha256", prediction->problem_sha256);
    json_t *certificate = prediction->certificate[0] != '\0'
                              ? json_loads(prediction->certificate, 0, NULL)
                              : json_null();
    if (json == NULL || json_object_set_new(json, "certificate", certificate) != 0) {
        json_decref(json);
        return NULL;
    }
    if (isfinite(prediction->latency_limit_s) && prediction->objective == DAVIT_PLACE_ENERGY &&
        json_object_set_new(json, "latency_limit_s", json_real(prediction->latency_limit_s)) != 0) {
        json_decref(json);
        return NULL;
    }
    return json;
}

json_t *davit_plan_json(const davit_plan *plan, const davit_graph *graph)
{
    return json_pack("{s:i, s:s, s:o, s:o, s:o, s:o, s:o}", "schema_version",
                     DAVIT_PLAN_SCHEMA_VERSION, "model_sha256", plan->model_sha256, "prediction",
                     prediction_json(plan), "inputs", inputs_json(plan, graph), "devices",
                     devices_json(plan), "units", units_json(plan, graph), "copies",
                     copies_json(plan, graph));
}

davit_status davit_plan_write(const davit_plan *plan, const davit_graph *graph,
                              const davit_diagnostics *diag, char **text)
{
    *text = NULL;
    json_t *root = davit_plan_json(plan, graph);
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
