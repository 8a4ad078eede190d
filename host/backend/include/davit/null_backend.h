/* The null backend: supports every unit, computes nothing (outputs are zeros). To be cloned by
 * whoever writes a backend, and used by tests of the scheduler. Its devices are "null" and "null:1".
 *
 * Options: "delay_us=N" (each unit takes that long), "fail_at=N" (the Nth execution of the device,
 * from 1, and all later ones fail as DAVIT_DEVICE_LOST), "hang_at=N" (the Nth execution runs until
 * its deadline; without a deadline it ends at once, as if that had passed). */
#ifndef DAVIT_NULL_BACKEND_H
#define DAVIT_NULL_BACKEND_H

#include "davit/backend.h"

extern const davit_backend_table davit_null_backend;

#endif
