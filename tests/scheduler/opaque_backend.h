/* A device whose memory the host cannot map, like that of a GPU or FPGA: device "opaque". It passes
 * everything on to a reference device of its own, so its results are right. Submissions complete
 * before queue_submit returns. */
#ifndef DAVIT_TEST_OPAQUE_BACKEND_H
#define DAVIT_TEST_OPAQUE_BACKEND_H

#include "davit/backend.h"

extern const davit_backend_table test_opaque_backend;

#endif
