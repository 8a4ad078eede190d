/* What the user should know of: fallbacks, devices without work, operators kept in f32, and what
 * happened while running. */
#include <math.h>
#include <string.h>

#include "report_parts.h"

static bool add(json_t *events, const davit_report_event *event, size_t count)
{
    return davit_report_append(
        events,
        json_pack("{s:s, s:o, s:o, s:o, s:I}", "kind", event->kind, "device",
                  event->device[0] != '\0' ? davit_report_text(event->device) : json_null(),
                  "time_s", isfinite(event->time_s) ? json_real(event->time_s) : json_null(),
                  "text", davit_report_text(event->text), "count", (json_int_t)count));
}

/* Adds an event, or counts it where one with that kind, device and text is there. */
static bool count_event(json_t *events, const char *kind, const char *device, const char *text)
{
    size_t index;
    json_t *event;
    json_t *wanted = davit_report_text(text);
    json_array_foreach(events, index, event)
    {
        const char *on = json_string_value(json_object_get(event, "device"));
        if (strcmp(json_string_value(json_object_get(event, "kind")), kind) == 0 &&
            strcmp(on != NULL ? on : "", device) == 0 &&
            json_equal(json_object_get(event, "text"), wanted)) {
            json_int_t count = json_integer_value(json_object_get(event, "count"));
            json_decref(wanted);
            return json_object_set_new(event, "count", json_integer(count + 1)) == 0;
        }
    }
    json_decref(wanted);
    const davit_report_event made = {
        .kind = kind, .device = device, .time_s = (double)NAN, .text = text};
    return add(events, &made, 1);
}

json_t *davit_report_events(const davit_report_source *source)
{
    const davit_plan *plan = source->plan;
    json_t *events = json_array();
    bool made = events != NULL;
    for (size_t i = 0; made && i < source->event_count; i++) {
        made = add(events, &source->events[i], 1);
    }
    for (size_t u = 0; made && u < plan->unit_count; u++) {
        if (plan->units[u].fallback) {
            made = count_event(events, "fallback", plan->devices[plan->units[u].device].info.name,
                               plan->units[u].reason);
        }
    }
    for (size_t d = 0; made && d < plan->device_count; d++) {
        if (plan->loads[d].unused != NULL && plan->loads[d].unused[0] != '\0') {
            made = count_event(events, "unused", plan->devices[d].info.name, plan->loads[d].unused);
        }
    }
    for (size_t i = 0; made && i < source->graph->kept_count; i++) {
        made = count_event(events, "kept_f32", "", source->graph->kept[i].reason);
    }
    if (!made) {
        json_decref(events);
        return NULL;
    }
    return events;
}
