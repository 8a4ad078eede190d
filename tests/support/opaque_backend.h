/* Devices that compute what the reference computes. A device whose memory the host cannot map, like that of a GPU or FPGA: device "opaque". It passes
 * everything on to a reference device of its own, so its results are right. Submissions complete
 * before queue_submit returns. */
#ifndef DAVIT_TEST_OPAQUE_BACKEND_H
#define DAVIT_TEST_OPAQUE_BACKEND_H

#include "davit/backend.h"

extern const davit_backend_table test_opaque_backend;

/* Devices "brittle:0" to "brittle:2", like it, but with a thread for each queue, and with faults. */
#define BRITTLE_DEVICES 3
extern const davit_backend_table test_brittle_backend;

typedef enum brittle_fault {
    BRITTLE_NONE,
    BRITTLE_LOST,  /* fails, as does all that follows; cannot be opened again */
    BRITTLE_LATE,  /* takes until its deadline; without one, nothing happens */
    BRITTLE_STUCK, /* does not come back, and is as LOST */
    BRITTLE_ERROR  /* fails once */
} brittle_fault;

/* The countdown-th command (from 1) of the device from now on meets the fault. */
void brittle_break(uint32_t device, brittle_fault fault, unsigned countdown);
/* Takes all faults away; what is stuck comes back, as lost. */
void brittle_repair(void);
/* Each unit takes that long; 0: as long as it takes. */
void brittle_slow_down(unsigned unit_ms);
/* How many commands are left until the fault; 0: none waits. */
unsigned brittle_pending(uint32_t device);

#endif
