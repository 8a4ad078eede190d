/* Devices that take the time they are said to take: "timed:0" to "timed:2", whose memory the host
 * cannot reach. A unit takes milliseconds by its name and device (timed_ms), a copy what its link
 * says; both a little more or less, as no plan knows. Nothing is computed. */
#ifndef DAVIT_TEST_TIMED_BACKEND_H
#define DAVIT_TEST_TIMED_BACKEND_H

#include "davit/backend.h"

#define TIMED_DEVICES 3
#define TIMED_JITTER 0.05 /* the most that a time is off, as a part of it */

extern const davit_backend_table test_timed_backend;

/* What a unit takes on a device of that index: its name ends in three numbers, "_4_9_6". */
double timed_ms(const char *unit, uint32_t device);

#endif
