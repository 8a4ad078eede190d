#include "events.h"

#include <stdlib.h>

static const char *const kinds[] = {
    [DAVIT_EVENT_DEVICE_LOST] = "device_lost",
    [DAVIT_EVENT_MOVED] = "moved",
    [DAVIT_EVENT_REPEATED] = "repeated",
    [DAVIT_EVENT_RETURNED] = "returned",
};

davit_report_event *cli_events_list(const cli_session *session, size_t *count)
{
    size_t total = davit_session_event_count(session->session);
    davit_report_event *events = total > 0 ? calloc(total, sizeof(*events)) : NULL;
    davit_session_summary summary;
    davit_session_get_summary(session->session, &summary);
    davit_event event;
    *count = 0;
    while (events != NULL && *count < total &&
           davit_session_event(session->session, *count, &event) == DAVIT_OK) {
        double since_load_s = ((double)event.time_ns - (double)summary.load_ns) * 1e-9;
        events[(*count)++] = (davit_report_event){.kind = kinds[event.kind],
                                                  .device = event.device,
                                                  .time_s = since_load_s,
                                                  .text = event.text};
    }
    return events;
}

json_t *cli_events_json(const cli_session *session)
{
    size_t count;
    davit_report_event *events = cli_events_list(session, &count);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, json_pack("{s:s, s:s, s:f, s:s}", "kind", events[i].kind,
                                              "device", events[i].device, "time_s",
                                              events[i].time_s, "text", events[i].text));
    }
    free(events);
    return list;
}

void cli_events_say(const cli_session *session)
{
    size_t count;
    size_t repeated = 0;
    davit_report_event *events = cli_events_list(session, &count);
    for (size_t i = 0; i < count; i++) {
        if (events[i].kind == kinds[DAVIT_EVENT_REPEATED]) {
            repeated++;
        } else {
            fprintf(stderr, "%s at %.3f s %s", i == 0 ? "davit: while running:" : ";",
                    events[i].time_s, events[i].text);
        }
    }
    if (count > 0) {
        fprintf(stderr, "; %zu inference%s completed in spite of it\n", repeated,
                repeated == 1 ? " was" : "s were");
    }
    free(events);
}
