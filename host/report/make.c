/* The report's root: model, summary, and the parts that the other files make. */
#include <math.h>
#include <string.h>
#include <time.h>

#include "report_parts.h"

static json_t *created_json(void)
{
    char text[32] = "";
    time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc) != NULL) {
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
    }
    return json_string(text);
}

static json_t *ports_json(const davit_graph *graph, const davit_value_id *values, size_t count)
{
    json_t *ports = json_array();
    for (size_t i = 0; ports != NULL && i < count; i++) {
        const davit_value *value = &graph->values[values[i]];
        char shape[96];
        if (!davit_report_append(
                ports, json_pack("{s:o, s:s, s:s}", "name", davit_report_text(value->name), "dtype",
                                 davit_dtype_name(value->desc.dtype), "shape",
                                 davit_shape_text(value->desc.dims, value->desc.rank, shape,
                                                  sizeof(shape))))) {
            json_decref(ports);
            return NULL;
        }
    }
    return ports;
}

static json_t *model_json(const davit_report_source *source)
{
    const davit_graph *graph = source->graph;
    const char *slash = strrchr(source->model, '/');
    return json_pack("{s:o, s:o, s:s, s:o, s:o, s:o}", "path", davit_report_text(source->model),
                     "name", davit_report_text(slash != NULL ? slash + 1 : source->model), "sha256",
                     source->plan->model_sha256, "producer",
                     davit_report_text(graph->producer != NULL ? graph->producer : ""), "inputs",
                     ports_json(graph, graph->inputs, graph->input_count), "outputs",
                     ports_json(graph, graph->outputs, graph->output_count));
}

/* "modelled" when an emulated device had a part in it. */
static const char *runs_clock(const davit_plan *plan)
{
    for (size_t u = 0; u < plan->unit_count; u++) {
        if (plan->devices[plan->units[u].device].info.emulated) {
            return "modelled";
        }
    }
    return "measured";
}

static json_t *measured_json(const davit_report_source *source)
{
    const davit_report_runs *runs = source->runs;
    if (runs == NULL) {
        return json_null();
    }
    return json_pack(
        "{s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:I, s:I, s:s}", "runs", (json_int_t)runs->count,
        "median_s", (double)runs->total.median_ns * 1e-9, "low_s",
        (double)runs->total.low_ns * 1e-9, "high_s", (double)runs->total.high_ns * 1e-9, "copies_s",
        (double)runs->copies_ns * 1e-9, "copied_bytes", (double)runs->copied_bytes, "load_s",
        (double)runs->load_ns * 1e-9, "memory_bytes", (double)runs->memory_bytes, "programs",
        (json_int_t)runs->program_count, "cached_programs",
        (json_int_t)runs->cached_program_count, "clock", runs_clock(source->plan));
}

static json_t *summary_json(const davit_report_source *source)
{
    const davit_plan *plan = source->plan;
    const davit_plan_prediction *prediction = &plan->prediction;
    bool proved = prediction->certificate[0] != '\0';
    bool limited =
        prediction->objective == DAVIT_PLACE_ENERGY && isfinite(prediction->latency_limit_s);
    size_t fallbacks = 0;
    for (size_t u = 0; u < plan->unit_count; u++) {
        fallbacks += plan->units[u].fallback;
    }
    return json_pack(
        "{s:s, s:o, s:{s:o, s:o, s:o}, s:o, s:o, s:s, s:s, s:o, s:I, s:I, s:I, s:I}", "objective",
        davit_plan_objective_name(prediction->objective), "latency_limit_s",
        limited ? json_real(prediction->latency_limit_s) : json_null(), "predicted", "latency_s",
        davit_report_known(prediction->latency_s), "period_s",
        davit_report_known(prediction->period_s), "joules", davit_report_known(prediction->joules),
        "bound", proved ? json_real(prediction->bound) : json_null(), "gap",
        proved ? json_real(davit_plan_gap(plan)) : json_null(), "method", prediction->method,
        "bound_method", prediction->bound_method, "measured", measured_json(source), "units",
        (json_int_t)plan->unit_count, "fallbacks", (json_int_t)fallbacks, "integer_units",
        (json_int_t)source->graph->integer_count, "kept_f32",
        (json_int_t)source->graph->kept_count);
}

static json_t *alternatives_json(const davit_plan_explanation *explanation)
{
    json_t *list = json_array();
    size_t count = explanation != NULL ? explanation->alternative_count : 0;
    for (size_t a = 0; list != NULL && a < count; a++) {
        const davit_plan_alternative *alternative = &explanation->alternatives[a];
        json_t *item = json_pack("{s:o, s:o, s:o, s:o, s:o, s:I}", "name",
                                 davit_report_text(alternative->name), "infeasible",
                                 davit_report_text(alternative->infeasible), "latency_s",
                                 davit_report_known(alternative->latency_s), "period_s",
                                 davit_report_known(alternative->period_s), "joules",
                                 davit_report_known(alternative->joules), "elsewhere",
                                 (json_int_t)alternative->elsewhere);
        if (!davit_report_append(list, item)) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

davit_status davit_report_make(const davit_report_source *source, const davit_diagnostics *diag,
                               json_t **out)
{
    const char *moves = source->explanation == NULL ? "none"
                        : source->moves_alone       ? "alone"
                                                    : "placed anew";
    *out = NULL;
    json_t *root =
        json_pack("{s:i, s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o}", "schema_version",
                  DAVIT_REPORT_SCHEMA_VERSION, "kind", source->runs != NULL ? "run" : "plan",
                  "created", created_json(), "davit", source->version, "model", model_json(source),
                  "summary", summary_json(source), "host", davit_report_host(source), "devices",
                  davit_report_devices(source), "moves", moves, "units", davit_report_units(source),
                  "alternatives", alternatives_json(source->explanation), "events",
                  davit_report_events(source));
    if (root == NULL || davit_report_add_timeline(source, root) != DAVIT_OK) {
        json_decref(root);
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "out of memory for a report");
    }
    *out = root;
    return DAVIT_OK;
}
