/* A context whose allocator counts and whose sink keeps the last error, and models in files. */
#ifndef DAVIT_TEST_API_FIXTURE_H
#define DAVIT_TEST_API_FIXTURE_H

#include <stdlib.h>
#include <string.h>

#include "counting_allocator.h"
#include "unit_test.h"

#include "davit/davit.h"
#include "onnx_builder.h"

typedef struct fixture {
    counting_allocator counting;
    davit_diagnostics_buffer diag;
    davit_context *context;
    davit_model *model;
    davit_session *session;
    char folder[64]; /* a new one, removed with what is in it */
    char model_path[96];
    char plan_path[96];
} fixture;

/* cmocka set-up and tear-down; tear-down destroys what is left and fails on a leak. The folder
 * holds the model y = tanh(relu(x * w)), x of Nx2x2x3, w = {2, -1} per channel; it is loaded. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Elements of x for N = 2. */
#define X_ELEMS 24
/* x[i] = i / 16 - 0.5, and what y is. */
void fixture_fill(float *x, float *y);

/* Appends a node with that name. */
void fixture_add_node(onnx_builder *builder, const char *op, const char *name, const char *inputs,
                      const char *output);
/* Loads what the builder holds instead, and clears the builder. */
void fixture_load(fixture *f, onnx_builder *builder);

/* Options with N = 2. */
davit_session_options fixture_options(void);
/* Creates f->session, replacing the one before; checks that a failure is told exactly once. */
davit_status fixture_session(fixture *f, const davit_session_options *options);
/* Runs x (X_ELEMS) to y. */
davit_status fixture_run(fixture *f, const float *x, float *y);

/* A tensor over data; free it with davit_tensor_destroy. */
davit_tensor *fixture_tensor(davit_dtype dtype, int rank, const int64_t *dims, void *data);

#endif
