#include "chain.h"

#include <string.h>

/* ---- specs that are wrong ---- */

static void spoil_units_order(chain_bench *bench)
{
    bench->units[0] = 1;
    bench->units[1] = 0;
}

static void spoil_unit_twice(chain_bench *bench)
{
    bench->units[1] = 0;
}

static void spoil_unit_number(chain_bench *bench)
{
    bench->units[2] = 99;
}

static void spoil_no_units(chain_bench *bench)
{
    bench->spec.unit_count = 0;
}

static void spoil_no_graph(chain_bench *bench)
{
    bench->spec.graph = NULL;
}

static void spoil_missing_input(chain_bench *bench)
{
    bench->spec.input_count = 0;
}

static void spoil_input_twice(chain_bench *bench)
{
    bench->inputs[1] = bench->inputs[0];
    bench->spec.input_count = 2;
}

static void spoil_unread_input(chain_bench *bench)
{
    bench->inputs[0] = chain_result(bench, 1);
    bench->inputs[1] = bench->whole.spec.inputs[0];
    bench->units[0] = 2;
    bench->spec.unit_count = 1;
    bench->spec.input_count = 2;
}

static void spoil_input_made_inside(chain_bench *bench)
{
    bench->inputs[1] = chain_result(bench, 0);
    bench->spec.input_count = 2;
}

static void spoil_value_number(chain_bench *bench)
{
    bench->inputs[0].value = 12345;
}

static void spoil_shape(chain_bench *bench)
{
    bench->inputs[0].desc.dims[1] = 4;
}

static void spoil_type(chain_bench *bench)
{
    bench->outputs[0].desc.dtype = DAVIT_S32;
}

static void spoil_layout(chain_bench *bench)
{
    bench->outputs[0].desc.strides[2]++;
}

static void spoil_no_outputs(chain_bench *bench)
{
    bench->spec.output_count = 0;
}

static void spoil_output_twice(chain_bench *bench)
{
    bench->outputs[1] = bench->outputs[0];
    bench->spec.output_count = 2;
}

static void spoil_output_made_outside(chain_bench *bench)
{
    bench->outputs[1] = bench->inputs[0];
    bench->spec.output_count = 2;
}

/* Unit 1 reads what unit 0 makes, but only unit 0 is inside and hands out nothing of it. */
static void spoil_missing_output(chain_bench *bench)
{
    bench->units[0] = 1;
    bench->units[1] = 2;
    bench->spec.unit_count = 2;
    bench->inputs[0] = chain_result(bench, 0);
    bench->outputs[0] = chain_result(bench, 1);
}

static void wrong_specs_are_refused(test_suite *suite)
{
    static void (*const spoil[])(chain_bench *) = {
        spoil_units_order,
        spoil_unit_twice,
        spoil_unit_number,
        spoil_no_units,
        spoil_no_graph,
        spoil_missing_input,
        spoil_input_twice,
        spoil_unread_input,
        spoil_input_made_inside,
        spoil_value_number,
        spoil_shape,
        spoil_type,
        spoil_layout,
        spoil_no_outputs,
        spoil_output_twice,
        spoil_missing_output,
        spoil_output_made_outside,
    };
    for (size_t i = 0; i < sizeof(spoil) / sizeof(spoil[0]); i++) {
        chain_bench bench;
        CHECK(suite, chain_open(suite, &bench));
        spoil[i](&bench);
        suite->errors.count = 0;
        davit_program *program = (davit_program *)suite;
        CHECK_STATUS(suite, davit_program_build(suite->device, &bench.spec, &program),
                     DAVIT_INVALID_ARGUMENT);
        CHECK(suite, program == NULL);
        CHECK(suite, suite->errors.count == 1);
        chain_close(&bench);
    }
    davit_program *program = NULL;
    CHECK_STATUS(suite, davit_program_build(suite->device, NULL, &program), DAVIT_INVALID_ARGUMENT);
    CHECK_STATUS(suite, davit_program_build(NULL, NULL, &program), DAVIT_INVALID_ARGUMENT);
    CHECK_STATUS(suite, davit_program_build(suite->device, NULL, NULL), DAVIT_INVALID_ARGUMENT);
    davit_program_free(NULL);
}

static bool supports_nothing(const davit_device_profile *profile, const davit_graph *graph,
                             const davit_unit *unit, char *reason, size_t reason_bytes)
{
    (void)profile;
    (void)graph;
    (void)unit;
    if (reason_bytes > 9) {
        strcpy(reason, "no luck");
    }
    return false;
}

/* The wrapper asks before the backend builds. */
static void unsupported_units_are_refused(test_suite *suite)
{
    davit_backend_table table = *suite->backend->table;
    davit_backend backend = *suite->backend;
    table.supports = supports_nothing;
    backend.table = &table;
    const davit_device_options options = {.allocator = &suite->allocator.allocator,
                                          .diag = &suite->errors.sink};
    davit_device *device = NULL;
    davit_program *program = NULL;
    chain_bench bench;
    CHECK(suite, chain_open(suite, &bench));
    CHECK_STATUS(suite, davit_device_open(&backend, &suite->info, &options, &device), DAVIT_OK);
    CHECK_STATUS(suite, davit_program_build(device, &bench.spec, &program), DAVIT_UNSUPPORTED);
    CHECK(suite, strstr(suite->errors.text, "no luck") != NULL);
    CHECK(suite, strstr(suite->errors.text, bench.built.graph->units[0].name) != NULL);
    davit_device_close(device);
    chain_close(&bench);
}

static const suite_test tests[] = {
    {"program/wrong_specs_are_refused", wrong_specs_are_refused},
    {"program/unsupported_units_are_refused", unsupported_units_are_refused},
};

const suite_group conformance_program = SUITE_GROUP(tests);
