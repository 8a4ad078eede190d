#include "predict.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "davit/plan.h"

typedef struct predicting {
    const cli_session *session;
    const davit_graph *graph;
    const davit_plan *plan;
    const davit_cost_model *model;
    davit_cost_device *devices; /* by index among the plan's */
    char (*keys)[DAVIT_DEVICE_KEY_BYTES];
    uint32_t *made_on; /* by value: device, or the device count for what the host has */
    bool *there;       /* [values][devices]: the device has it */
    cli_prediction *prediction;
} predicting;

static davit_status prepare(predicting *p, uint32_t threads)
{
    size_t devices = p->plan->device_count;
    size_t values = p->graph->value_count;
    p->devices = calloc(devices, sizeof(*p->devices));
    p->keys = calloc(devices, sizeof(*p->keys));
    p->made_on = calloc(values + 1, sizeof(*p->made_on));
    p->there = calloc(values + 1, devices * sizeof(*p->there));
    p->prediction->unit_count = p->graph->unit_count;
    p->prediction->units = calloc(p->graph->unit_count + 1, sizeof(*p->prediction->units));
    p->prediction->unit_errors = calloc(p->graph->unit_count + 1, sizeof(double));
    if (p->devices == NULL || p->keys == NULL || p->made_on == NULL || p->there == NULL ||
        p->prediction->units == NULL || p->prediction->unit_errors == NULL) {
        return davit_fail(p->session->diag, DAVIT_OUT_OF_MEMORY, "out of memory");
    }
    for (size_t d = 0; d < devices; d++) {
        const davit_plan_device *device = &p->plan->devices[d];
        p->devices[d] = (davit_cost_device){
            device->backend, &device->info.profile,
            davit_device_key(device->backend, &device->info, threads, p->keys[d])};
    }
    for (size_t v = 0; v < values; v++) {
        p->made_on[v] = (uint32_t)devices;
    }
    return DAVIT_OK;
}

static void add_copy(predicting *p, davit_value_id value, uint32_t device, davit_cost_way way)
{
    davit_cost_estimate copy;
    davit_cost_copy(p->model, &p->devices[device], &p->graph->values[value].desc, way, &copy);
    p->prediction->copies_s += copy.seconds;
}

/* Brings an input of a unit to its device: once out of where it was made, once in. */
static void add_arrival(predicting *p, davit_value_id value, uint32_t device)
{
    size_t devices = p->plan->device_count;
    bool *there = &p->there[value * devices];
    uint32_t from = p->made_on[value];
    if (there[device]) {
        return;
    }
    bool left = false;
    for (size_t d = 0; d < devices; d++) {
        left = left || (there[d] && d != from);
    }
    if (from < devices && !left) {
        add_copy(p, value, from, DAVIT_COST_TO_HOST);
    }
    add_copy(p, value, device, from < devices ? DAVIT_COST_TO_DEVICE : DAVIT_COST_INPUT);
    there[device] = true;
}

static davit_status predict_unit(predicting *p, size_t index)
{
    const davit_unit *unit = &p->graph->units[index];
    uint32_t device = p->plan->units[index].device;
    davit_cost_estimate *estimate = &p->prediction->units[index];
    davit_status status = davit_cost_unit(p->model, &p->devices[device], p->graph, unit, estimate);
    if (status != DAVIT_OK) {
        return davit_fail(p->session->diag, status, "unit '%s' has no cost on %s", unit->name,
                          p->plan->devices[device].info.name);
    }
    p->prediction->units_s += estimate->seconds;
    p->prediction->sources[estimate->source]++;
    for (uint32_t i = 0; i < unit->input_count; i++) {
        add_arrival(p, unit->inputs[i], device);
    }
    for (uint32_t i = 0; i < unit->output_count; i++) {
        p->made_on[unit->outputs[i]] = device;
        p->there[unit->outputs[i] * p->plan->device_count + device] = true;
    }
    if (index == 0 || p->plan->units[index - 1].device != device) {
        davit_cost_estimate submission;
        davit_cost_submit(p->model, &p->devices[device], &submission);
        p->prediction->submissions_s += submission.seconds;
    }
    return DAVIT_OK;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static davit_status compare(cli_prediction *prediction, const cli_measured *measured)
{
    size_t count = prediction->unit_count;
    double *sorted = calloc(count + 1, sizeof(*sorted));
    if (sorted == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t u = 0; u < count; u++) {
        double actual = fmax(measured->unit_s[u], 1e-9);
        prediction->unit_errors[u] = fabs(prediction->units[u].seconds / actual - 1);
    }
    memcpy(sorted, prediction->unit_errors, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), by_value);
    prediction->median_unit_error = count > 0 ? sorted[count / 2] : 0;
    free(sorted);
    return DAVIT_OK;
}

static davit_status predict(predicting *p, uint32_t threads, const cli_measured *measured)
{
    davit_status status = prepare(p, threads);
    for (size_t u = 0; u < p->graph->unit_count && status == DAVIT_OK; u++) {
        status = predict_unit(p, u);
    }
    for (size_t i = 0; i < p->graph->output_count && status == DAVIT_OK; i++) {
        davit_value_id value = p->graph->outputs[i];
        if (p->made_on[value] < p->plan->device_count) {
            add_copy(p, value, p->made_on[value], false);
        }
    }
    return status == DAVIT_OK ? compare(p->prediction, measured) : status;
}

davit_status cli_predict(const cli_session *session, uint32_t threads, const cli_measured *measured,
                         cli_prediction *out)
{
    const davit_allocator *allocator = davit_allocator_default();
    davit_store *store;
    davit_cost_model *model;
    *out = (cli_prediction){.unit_count = 0};
    davit_status status = davit_store_open(allocator, NULL, session->diag, &store);
    if (status != DAVIT_OK) {
        return status;
    }
    status = davit_cost_model_create(allocator, store, &model);
    if (status != DAVIT_OK) {
        davit_store_close(store);
        return davit_fail(session->diag, status, "out of memory");
    }
    predicting p = {.session = session,
                    .graph = davit_session_graph(session->session),
                    .plan = davit_session_get_plan(session->session),
                    .model = model,
                    .prediction = out};
    status = predict(&p, threads, measured);
    free(p.devices);
    free(p.keys);
    free(p.made_on);
    free(p.there);
    davit_cost_model_destroy(model);
    davit_store_close(store);
    if (status != DAVIT_OK) {
        cli_prediction_clear(out);
    }
    return status;
}

void cli_prediction_clear(cli_prediction *prediction)
{
    free(prediction->units);
    free(prediction->unit_errors);
    *prediction = (cli_prediction){.unit_count = 0};
}

/* ---- what is shown ---- */

static double total_of(const cli_prediction *prediction)
{
    return prediction->units_s + prediction->copies_s + prediction->submissions_s;
}

static davit_status print_units(const cli_session *session, const cli_prediction *prediction,
                                const cli_measured *measured)
{
    printf("%-40s %-24s %10s %10s %7s  %s\n", "unit", "operators", "ms", "predicted", "error",
           "source");
    for (size_t u = 0; u < prediction->unit_count; u++) {
        davit_unit_summary unit;
        davit_status status = davit_session_unit(session->session, u, &unit);
        if (status != DAVIT_OK) {
            return status;
        }
        size_t length = strlen(unit.name);
        printf("%-40s %-24.24s %10.4f %10.4f %6.0f%%  %s\n",
               unit.name + (length > 40 ? length - 40 : 0), unit.operators,
               measured->unit_s[u] * 1e3, prediction->units[u].seconds * 1e3,
               100 * (prediction->units[u].seconds / fmax(measured->unit_s[u], 1e-9) - 1),
               davit_cost_source_name(prediction->units[u].source));
    }
    return DAVIT_OK;
}

davit_status cli_prediction_print(const cli_session *session, const cli_prediction *prediction,
                                  const cli_measured *measured, bool all)
{
    if (all) {
        davit_status status = print_units(session, prediction, measured);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    double predicted = total_of(prediction);
    printf("predicted  %.3f ms (units %.3f, copies %.3f, submission %.3f), measured %.3f ms: "
           "%+.1f %%; median unit off by %.1f %%\n           ",
           predicted * 1e3, prediction->units_s * 1e3, prediction->copies_s * 1e3,
           prediction->submissions_s * 1e3, measured->total_s * 1e3,
           100 * (predicted / measured->total_s - 1), 100 * prediction->median_unit_error);
    for (size_t s = 0; s <= DAVIT_COST_DATA_SHEET; s++) {
        if (prediction->sources[s] > 0) {
            printf("%zu units %s  ", prediction->sources[s],
                   davit_cost_source_name((davit_cost_source)s));
        }
    }
    printf("\n");
    return DAVIT_OK;
}

static json_t *units_json(const cli_session *session, const cli_prediction *prediction,
                          const cli_measured *measured)
{
    json_t *units = json_array();
    for (size_t u = 0; u < prediction->unit_count; u++) {
        const davit_cost_estimate *estimate = &prediction->units[u];
        davit_unit_summary unit;
        if (davit_session_unit(session->session, u, &unit) != DAVIT_OK) {
            json_decref(units);
            return NULL;
        }
        json_array_append_new(
            units, json_pack("{s:s, s:s, s:f, s:f, s:f, s:s}", "name", unit.name, "operators",
                             unit.operators, "measured_s", measured->unit_s[u], "predicted_s",
                             estimate->seconds, "confidence", estimate->confidence, "source",
                             davit_cost_source_name(estimate->source)));
    }
    return units;
}

json_t *cli_prediction_json(const cli_session *session, const cli_prediction *prediction,
                            const cli_measured *measured)
{
    json_t *sources = json_object();
    for (size_t s = 0; s <= DAVIT_COST_DATA_SHEET; s++) {
        json_object_set_new(sources, davit_cost_source_name((davit_cost_source)s),
                            json_integer((json_int_t)prediction->sources[s]));
    }
    return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:o, s:o}", "predicted_s",
                     total_of(prediction), "units_s", prediction->units_s, "copies_s",
                     prediction->copies_s, "submissions_s", prediction->submissions_s, "measured_s",
                     measured->total_s, "measured_copies_s", measured->copies_s,
                     "median_unit_error", prediction->median_unit_error, "sources", sources,
                     "units", units_json(session, prediction, measured));
}
