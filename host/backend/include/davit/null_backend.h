/* The null backend: supports every unit, computes nothing (outputs are zeros), to be cloned by whoever writes a
 * backend and used by tests of the scheduler. Options: "delay_us=N" (each unit takes that long),
 * "fail_at=N" (the Nth execution fails as device lost), "hang_at=N" (it runs until its deadline). */
#ifndef DAVIT_NULL_BACKEND_H
#define DAVIT_NULL_BACKEND_H

#include "davit/backend.h"

extern const davit_backend_table davit_null_backend;

#endif
