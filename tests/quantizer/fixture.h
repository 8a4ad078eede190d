/* Small models in a folder of their own, quantised by davit_quantize_model. */
#ifndef DAVIT_TEST_QUANTIZER_FIXTURE_H
#define DAVIT_TEST_QUANTIZER_FIXTURE_H

#include "davit/onnx_document.h"
#include "davit/quantizer.h"
#include "host/quantizer/job.h"
#include "onnx_builder.h"
#include "unit_test.h"

typedef struct fixture {
    char folder[64];
    char model[96];
    char output[96];
    int rank; /* of the samples */
    int64_t dims[DAVIT_MAX_RANK];
    float poison; /* element 0 of the last sample, 0: as the others */
    davit_diagnostics_buffer diag;
    davit_quantizer_options options;
    davit_quantizer_report report;
    davit_onnx_document *written;
} fixture;

/* Writes the built model, clears the builder, sets options to eight random samples of the shape. */
void fixture_init(fixture *f, onnx_builder *builder, int rank, const int64_t *dims);
/* Quantises, and opens what was written. */
void fixture_quantize(fixture *f);
/* Quantises and expects a failure that says needle; nothing may be written. */
void fixture_fail(fixture *f, davit_status expected, const char *needle);
void fixture_clear(fixture *f);

/* The node of that operator number index (from 0) in the written file; NULL: there is none. */
const Onnx__NodeProto *fixture_node(const fixture *f, const char *op, size_t index);
/* The node that makes the value; NULL: none. */
const Onnx__NodeProto *fixture_producer(const fixture *f, const char *value);
/* Fails the test when there is none of that name. */
const Onnx__TensorProto *fixture_initializer(const fixture *f, const char *name);
/* True when something reads the value by a QuantizeLinear. */
bool fixture_is_quantized(const fixture *f, const char *value);
/* A layer of the report by the name of its result. */
const davit_quantized_layer *fixture_layer(const fixture *f, const char *value);

/* An initialiser of random numbers in [-1, 1). */
void fixture_random(onnx_builder *builder, const char *name, int rank, const int64_t *dims,
                    uint64_t seed);

/* Everything up to the layers, as davit_quantize_model does it. */
void fixture_open_job(fixture *f, davit_quantizer *job);
void fixture_close_job(davit_quantizer *job);

#endif
