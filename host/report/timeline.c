/* Copies, and the spans of time for which devices and links are taken: as predicted, as measured.
 */
#include <math.h>
#include <stdlib.h>

#include "report_parts.h"

typedef struct timeline {
    const davit_report_source *source;
    uint32_t *copy_of; /* [value][device][to the device]: index + 1 of the copy, 0 for none */
    json_t *copies, *predicted, *measured;
} timeline;

/* Each device has three resources: computing, its way in, its way out. */
enum { COMPUTE, IN, OUT, RESOURCES };

static json_t *resources_json(const davit_report_source *source)
{
    static const char *const kinds[] = {"compute", "in", "out"};
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < source->plan->device_count * RESOURCES; i++) {
        json_t *item = json_pack("{s:o, s:s}", "device",
                                 davit_report_text(source->plan->devices[i / RESOURCES].info.name),
                                 "kind", kinds[i % RESOURCES]);
        if (!davit_report_append(list, item)) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* The copy of that value, made when there is none. NULL when memory is short. */
static json_t *find_copy(timeline *t, davit_value_id value, uint32_t device, bool to_device,
                         size_t *index)
{
    const davit_value *copied = &t->source->graph->values[value];
    uint32_t *known =
        &t->copy_of[((size_t)value * t->source->plan->device_count + device) * 2 + to_device];
    if (*known == 0) {
        json_t *copy = json_pack(
            "{s:o, s:o, s:b, s:f, s:n, s:n}", "value", davit_report_text(copied->name), "device",
            davit_report_text(t->source->plan->devices[device].info.name), "to_device", to_device,
            "bytes", (double)davit_tensor_desc_bytes(&copied->desc), "predicted_s", "measured_s");
        if (!davit_report_append(t->copies, copy)) {
            return NULL;
        }
        *known = (uint32_t)json_array_size(t->copies);
    }
    *index = *known - 1;
    return json_array_get(t->copies, *index);
}

static bool add_span(json_t *spans, size_t resource, const char *what, size_t index, double start_s,
                     double end_s, uint32_t inference)
{
    return davit_report_append(spans, json_pack("{s:I, s:I, s:I, s:I, s:I}", "resource",
                                                (json_int_t)resource, what, (json_int_t)index,
                                                "start_ns", (json_int_t)llround(start_s * 1e9),
                                                "end_ns", (json_int_t)llround(end_s * 1e9),
                                                "inference", (json_int_t)inference));
}

static bool add_copy_span(timeline *t, json_t *spans, const davit_plan_copy *copy, const char *key,
                          uint32_t inference)
{
    size_t index;
    json_t *item = find_copy(t, copy->value, copy->device, copy->to_device, &index);
    size_t resource = copy->device * RESOURCES + (copy->to_device ? IN : OUT);
    return item != NULL &&
           json_object_set_new(item, key, json_real(copy->end_s - copy->start_s)) == 0 &&
           add_span(spans, resource, "copy", index, copy->start_s, copy->end_s, inference);
}

static bool add_predicted(timeline *t)
{
    const davit_plan *plan = t->source->plan;
    bool added = true;
    for (size_t u = 0; added && u < plan->unit_count; u++) {
        const davit_plan_unit *unit = &plan->units[u];
        if (isfinite(unit->end_s)) {
            added = add_span(t->predicted, unit->device * RESOURCES + COMPUTE, "unit", u,
                             unit->start_s, unit->end_s, 0);
        }
    }
    for (size_t c = 0; added && c < plan->copy_count; c++) {
        const davit_plan_copy *copy = &plan->copies[c];
        /* Where the memory is the host's no time passes. */
        if (isfinite(copy->end_s) && copy->end_s > copy->start_s) {
            added = add_copy_span(t, t->predicted, copy, "predicted_s", 0);
        }
    }
    return added;
}

/* Units follow one another from where their program began. */
static bool add_program(timeline *t, const davit_report_inference *inference,
                        const davit_span *span, uint32_t number)
{
    size_t resource = span->device * RESOURCES + COMPUTE;
    uint64_t now_ns = inference->begin_ns + span->begin_ns;
    bool added = true;
    for (size_t u = 0; added && u < span->unit_count; u++) {
        uint64_t end_ns = now_ns + inference->unit_ns[span->units[u]];
        added = add_span(t->measured, resource, "unit", span->units[u], (double)now_ns * 1e-9,
                         (double)end_ns * 1e-9, number);
        now_ns = end_ns;
    }
    return added;
}

static bool add_measured_span(timeline *t, const davit_report_inference *inference,
                              const davit_span *span, uint32_t number)
{
    if (span->kind == DAVIT_SPAN_PROGRAM) {
        return add_program(t, inference, span, number);
    }
    const davit_plan_copy copy = {.value = span->value,
                                  .device = span->device,
                                  .to_device = span->kind == DAVIT_SPAN_TO_DEVICE,
                                  .start_s = (double)(inference->begin_ns + span->begin_ns) * 1e-9,
                                  .end_s = (double)(inference->begin_ns + span->end_ns) * 1e-9};
    return add_copy_span(t, t->measured, &copy, "measured_s", number);
}

/* Returns false when memory is short; *total_ns is when the last inference ended. */
static bool add_measured(timeline *t, uint64_t *total_ns)
{
    const davit_report_runs *runs = t->source->runs;
    bool added = true;
    *total_ns = 0;
    for (size_t i = 0; runs != NULL && i < runs->inference_count; i++) {
        const davit_report_inference *inference = &runs->inferences[i];
        uint64_t end_ns = inference->begin_ns + inference->total_ns;
        *total_ns = end_ns > *total_ns ? end_ns : *total_ns;
        for (size_t s = 0; added && s < inference->span_count; s++) {
            added = add_measured_span(t, inference, &inference->spans[s], (uint32_t)i);
        }
    }
    return added;
}

davit_status davit_report_add_timeline(const davit_report_source *source, json_t *root)
{
    uint64_t total_ns;
    size_t cells = source->graph->value_count * source->plan->device_count * 2;
    timeline t = {source, calloc(cells + 1, sizeof(*t.copy_of)), json_array(), json_array(),
                  json_array()};
    bool made = t.copy_of != NULL && add_predicted(&t) && add_measured(&t, &total_ns);
    json_t *measured = source->runs != NULL && made ? json_pack("{s:O, s:I}", "spans", t.measured,
                                                                "total_ns", (json_int_t)total_ns)
                                                    : json_null();
    json_t *both =
        json_pack("{s:{s:O}, s:o}", "predicted", "spans", t.predicted, "measured", measured);
    made = json_object_set_new(root, "timeline", both) == 0 && made;
    made = json_object_set(root, "copies", t.copies) == 0 && made;
    made = json_object_set_new(root, "resources", resources_json(source)) == 0 && made;
    json_decref(t.copies);
    json_decref(t.predicted);
    json_decref(t.measured);
    free(t.copy_of);
    return made ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
}
