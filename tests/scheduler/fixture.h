/* Small graphs, devices and plans for the tests of the scheduler. */
#ifndef DAVIT_TEST_SCHEDULER_FIXTURE_H
#define DAVIT_TEST_SCHEDULER_FIXTURE_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "counting_allocator.h"
#include "unit_test.h"

#include "davit/execute.h"
#include "davit/graph.h"
#include "davit/plan.h"

#define SHA_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* A test's world: a graph under construction, devices, and a sink that keeps the last error. The
 * allocator counts. */
typedef struct fixture {
    counting_allocator counting;
    const davit_allocator *allocator;
    davit_diagnostics_buffer diag;
    davit_graph *graph;
    davit_backend reference, null, partial, opaque, rated, timed, cpu;
    davit_cost_model *cost; /* nothing is measured */
    davit_plan_device devices[4];
    size_t device_count;
} fixture;

/* cmocka set-up and tear-down: an empty graph, no devices. Tear-down fails on a leak. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Adds the device of that name: "reference", "null", "null:1", "opaque" (opaque_backend.h),
 * "partial", which stands for a CPU that lacks Tanh and cannot be opened, "slow", "quick" and "board", a
 * CPU, a GPU and an FPGA of round figures, of which only the CPU has Tanh, "timed:0" to "timed:2"
 * (timed_backend.h), or "cpu" where
 * fixture_has_cpu() says that this build has one. */
void fixture_add_device(fixture *f, const char *name);

bool fixture_has_cpu(void);

davit_value_id fixture_input(fixture *f, const char *name, int rank, const int64_t *dims);
void fixture_output(fixture *f, davit_value_id value);
/* Adds a node of one output, whose value is named "NAME.out". second may be DAVIT_NONE: one
 * input. */
davit_value_id fixture_node(fixture *f, davit_op op, const char *name, davit_value_id first,
                            davit_value_id second);
/* Binds the inputs as declared and makes a unit of each node. */
void fixture_finish(fixture *f);

/* x -> relu -> tanh -> abs -> y, of shape 1x2x2x3. */
void fixture_chain(fixture *f);

davit_plan_request fixture_request(fixture *f);
/* Places with these pins ("unit=device"), which must succeed. */
davit_plan *fixture_plan(fixture *f, const char *const *pins, size_t pin_count);

#endif
