/* Repeated measurements: medians and percentiles. */
#ifndef DAVIT_CLI_SAMPLES_H
#define DAVIT_CLI_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

/* Sorts values and returns the percentile (0 to 100; nearest rank), 0 when there are none. */
uint64_t cli_percentile(uint64_t *values, size_t count, double percentile);

#endif
