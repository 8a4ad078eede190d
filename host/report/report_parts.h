/* What making a report shares between its files. Functions that return json_t return NULL when
 * memory is short. */
#ifndef DAVIT_REPORT_PARTS_H
#define DAVIT_REPORT_PARTS_H

#include "davit/report.h"

/* A string of any bytes: those that are not UTF-8 become U+FFFD. */
json_t *davit_report_text(const char *text);
/* null for 0 and what is not finite: unknown. */
json_t *davit_report_known(double value);
/* Takes item over; false when it is NULL or memory is short. */
bool davit_report_append(json_t *array, json_t *item);

json_t *davit_report_devices(const davit_report_source *source);
/* Sockets, NUMA nodes, devices on PCI and their routes; null when the topology is unknown. */
json_t *davit_report_host(const davit_report_source *source);
json_t *davit_report_units(const davit_report_source *source);
json_t *davit_report_events(const davit_report_source *source);

/* "copies", "resources" and "timeline" of the root. */
DAVIT_NODISCARD davit_status davit_report_add_timeline(const davit_report_source *source,
                                                       json_t *root);

#endif
