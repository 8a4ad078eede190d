/* What happened to devices while a session ran: failover. */
#ifndef DAVIT_CLI_EVENTS_H
#define DAVIT_CLI_EVENTS_H

#include <jansson.h>

#include "davit/report.h"
#include "session.h"

/* One line on stderr that sums them up; nothing where nothing happened. */
void cli_events_say(const cli_session *session);

/* For reports and --json; free() the first, NULL with *count 0 for none or when memory is short. */
davit_report_event *cli_events_list(const cli_session *session, size_t *count);
json_t *cli_events_json(const cli_session *session);

#endif
