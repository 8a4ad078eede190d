/* The table of units: where each ran, and how long it took. */
#ifndef DAVIT_CLI_UNIT_TABLE_H
#define DAVIT_CLI_UNIT_TABLE_H

#include <jansson.h>

#include <davit/davit.h>

/* unit_ns: [davit_session_unit_count] measured times, NULL: not run (no time columns). */
DAVIT_NODISCARD davit_status cli_unit_table_print(const davit_session *session,
                                                  const uint64_t *unit_ns);
/* The same as a JSON array; NULL when memory is short. */
json_t *cli_unit_table_json(const davit_session *session, const uint64_t *unit_ns);

/* How many units and multiply-accumulates each device has, in the order of the first units: a line
 * each where there are several devices, and as a JSON array. */
DAVIT_NODISCARD davit_status cli_device_shares_print(const davit_session *session);
json_t *cli_device_shares_json(const davit_session *session);

/* The first emulated device ("cuda:emu") that runs units, whose times say nothing of hardware;
 * NULL: none. Lives as long as the session. */
const char *cli_emulated_device(const davit_session *session);
/* Says so on stdout, where there is one. */
void cli_emulated_device_print(const davit_session *session);

#endif
