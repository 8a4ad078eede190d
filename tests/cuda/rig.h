/* What tests of the CUDA backend share: an emulated device with options, and a small program on it.
 */
#ifndef DAVIT_TEST_CUDA_RIG_H
#define DAVIT_TEST_CUDA_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "counting_allocator.h"
#include "davit/backend.h"
#include "tests/conformance/case.h"

#define RIG_SECOND 1000000000ull
#define RIG_MS 1000000ull

typedef struct rig {
    davit_backend backend;
    davit_device_info info;
    davit_device *device;
    counting_allocator allocator;
    davit_diagnostics sink; /* counts errors, keeps the last */
    atomic_uint errors;
    char error[512];
    bool measures; /* runs are not compared: what they are off is kept */
    double relative_l2;
} rig;

/* Finds device cuda:emu[:number]; nothing is opened. */
void rig_init(rig *out, uint32_t number);
/* Opens the device with options of the emulated driver; asserts that this works. */
void rig_open(rig *using, const char *options);
/* Closes it; asserts that neither the backend nor the driver has anything left of it. */
void rig_close(rig *using);
/* What the driver has left: objects that nobody freed. */
unsigned rig_leaked(const rig *using);

/* A program, its queue and memory. */
typedef struct rig_program {
    unit_case built;
    case_spec spec;
    davit_program *program;
    davit_queue *queue;
    davit_buffer *buffers[4]; /* of the inputs, then the output */
} rig_program;

/* Builds a case of one output; what could not be made is NULL. */
davit_status rig_build(rig *using, const char *text, rig_program *out);
/* Writes the inputs, runs, reads the output, compares it unless the run fails. */
davit_status rig_run(rig *using, rig_program *program, uint64_t timeout_ns);
void rig_destroy(rig_program *program);

#endif
