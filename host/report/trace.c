/* Chrome's trace event format:
 * https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU A process for the
 * predicted timeline and one for the measured, a thread for each resource, an arrow from device to
 * device where a unit reads another's result. */
#include <stdlib.h>
#include <string.h>

#include "report_parts.h"

enum { PREDICTED = 1, MEASURED = 2 };

typedef struct trace {
    const json_t *report;
    json_t *events;
    const json_t **spans; /* of a timeline, by unit; NULL where it has none */
    json_int_t flows;     /* so far */
} trace;

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static bool add_name(trace *t, const char *what, int process, size_t thread, json_t *name)
{
    return davit_report_append(t->events, json_pack("{s:s, s:s, s:i, s:I, s:{s:o}}", "ph", "M",
                                                    "name", what, "pid", process, "tid",
                                                    (json_int_t)thread, "args", "name", name));
}

static bool add_threads(trace *t, int process, const char *name)
{
    const json_t *resources = json_object_get(t->report, "resources");
    bool added = add_name(t, "process_name", process, 0, json_string(name));
    for (size_t i = 0; added && i < json_array_size(resources); i++) {
        const json_t *resource = json_array_get(resources, i);
        const char *kind = text_of(resource, "kind");
        added = add_name(t, "thread_name", process, i + 1,
                         json_sprintf("%s%s", text_of(resource, "device"),
                                      strcmp(kind, "in") == 0    ? ": copies in"
                                      : strcmp(kind, "out") == 0 ? ": copies out"
                                                                 : ""));
    }
    return added;
}

static json_t *unit_arguments(const json_t *unit)
{
    return json_pack("{s:s, s:s, s:O, s:O}", "operators", text_of(unit, "operators"), "reason",
                     text_of(unit, "reason"), "flops", json_object_get(unit, "flops"), "bytes",
                     json_object_get(unit, "bytes"));
}

static json_t *copy_arguments(const json_t *copy)
{
    return json_pack("{s:O}", "bytes", json_object_get(copy, "bytes"));
}

static bool add_span(trace *t, int process, const json_t *span)
{
    const json_t *of_unit = json_object_get(span, "unit");
    const json_t *item =
        of_unit != NULL ? json_array_get(json_object_get(t->report, "units"),
                                         (size_t)json_integer_value(of_unit))
                        : json_array_get(json_object_get(t->report, "copies"),
                                         (size_t)json_integer_value(json_object_get(span, "copy")));
    json_t *arguments = of_unit != NULL ? unit_arguments(item) : copy_arguments(item);
    json_int_t start = json_integer_value(json_object_get(span, "start_ns"));
    json_int_t end = json_integer_value(json_object_get(span, "end_ns"));
    if (arguments == NULL ||
        json_object_set(arguments, "inference", json_object_get(span, "inference")) != 0) {
        json_decref(arguments);
        return false;
    }
    return davit_report_append(
        t->events,
        json_pack("{s:s, s:s, s:s, s:i, s:I, s:f, s:f, s:o}", "ph", "X", "name",
                  text_of(item, of_unit != NULL ? "name" : "value"), "cat",
                  of_unit != NULL ? "unit" : "copy", "pid", process, "tid",
                  json_integer_value(json_object_get(span, "resource")) + 1, "ts",
                  (double)start * 1e-3, "dur", (double)(end - start) * 1e-3, "args", arguments));
}

/* One end of an arrow, which begins ("s") or ends ("f") at the slice that is there at that time. */
static bool add_flow_end(trace *t, const char *phase, int process, const json_t *span,
                         const char *name)
{
    double start_us = (double)json_integer_value(json_object_get(span, "start_ns")) * 1e-3;
    return davit_report_append(
        t->events,
        json_pack("{s:s, s:s, s:s, s:s, s:I, s:i, s:I, s:f}", "ph", phase, "bp", "e", "name", name,
                  "cat", "flow", "id", t->flows, "pid", process, "tid",
                  json_integer_value(json_object_get(span, "resource")) + 1, "ts", start_us));
}

/* Arrows to a unit from those that it reads on other devices. */
static bool add_flows(trace *t, int process, size_t unit)
{
    const json_t *units = json_object_get(t->report, "units");
    const json_t *to = t->spans[unit];
    const json_t *reads = json_object_get(json_array_get(units, unit), "reads");
    bool added = true;
    for (size_t i = 0; added && i < json_array_size(reads); i++) {
        size_t read = (size_t)json_integer_value(json_array_get(reads, i));
        const json_t *from = t->spans[read];
        if (from == NULL ||
            json_equal(json_object_get(from, "resource"), json_object_get(to, "resource"))) {
            continue;
        }
        const char *name = text_of(json_array_get(units, read), "name");
        t->flows++;
        added =
            add_flow_end(t, "s", process, from, name) && add_flow_end(t, "f", process, to, name);
    }
    return added;
}

/* Of the timeline's first inference. */
static void find_spans(trace *t, const json_t *spans)
{
    const json_t *first = json_object_get(json_array_get(spans, 0), "inference");
    memset(t->spans, 0, json_array_size(json_object_get(t->report, "units")) * sizeof(*t->spans));
    for (size_t i = 0; i < json_array_size(spans); i++) {
        const json_t *span = json_array_get(spans, i);
        const json_t *unit = json_object_get(span, "unit");
        if (unit != NULL && json_equal(json_object_get(span, "inference"), first)) {
            t->spans[json_integer_value(unit)] = span;
        }
    }
}

static bool add_timeline(trace *t, int process, const char *key)
{
    const json_t *timeline = json_object_get(json_object_get(t->report, "timeline"), key);
    const json_t *spans = json_object_get(timeline, "spans");
    if (!json_is_object(timeline)) {
        return true;
    }
    bool added = add_threads(t, process, key);
    for (size_t i = 0; added && i < json_array_size(spans); i++) {
        added = add_span(t, process, json_array_get(spans, i));
    }
    find_spans(t, spans);
    size_t units = json_array_size(json_object_get(t->report, "units"));
    for (size_t u = 0; added && u < units; u++) {
        added = t->spans[u] == NULL || add_flows(t, process, u);
    }
    return added;
}

davit_status davit_report_write_trace(const json_t *report, const davit_diagnostics *diag,
                                      char **text)
{
    size_t units = json_array_size(json_object_get(report, "units"));
    trace t = {
        .report = report, .events = json_array(), .spans = calloc(units + 1, sizeof(*t.spans))};
    bool made = t.spans != NULL && add_timeline(&t, PREDICTED, "predicted") &&
                add_timeline(&t, MEASURED, "measured");
    json_t *root = json_pack("{s:s, s:O}", "displayTimeUnit", "ns", "traceEvents", t.events);
    *text =
        made && root != NULL ? json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(12)) : NULL;
    json_decref(root);
    json_decref(t.events);
    free(t.spans);
    return *text != NULL ? DAVIT_OK
                         : davit_fail(diag, DAVIT_OUT_OF_MEMORY, "out of memory for a trace");
}
