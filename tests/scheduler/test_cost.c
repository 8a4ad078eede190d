#define _XOPEN_SOURCE 700 /* mkdtemp */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/graph/builder.h"

#include "davit/cost.h"
#include "davit/null_backend.h"

#define KEY "device"

static bool lacks_tanh(const davit_device_profile *profile, const davit_graph *graph,
                       const davit_unit *unit, char *reason, size_t reason_bytes)
{
    (void)profile;
    (void)reason;
    (void)reason_bytes;
    return graph->nodes[unit->anchor].op->op != DAVIT_OP_Tanh;
}

static davit_status two_seconds(const davit_device_profile *profile, const davit_graph *graph,
                                const davit_unit *unit, davit_unit_cost *cost)
{
    (void)profile;
    (void)graph;
    (void)unit;
    *cost = (davit_unit_cost){.seconds = 2, .joules = 5, .confidence = 0.6};
    return DAVIT_OK;
}

static const davit_backend_table table = {
    .name = "test", .supports = lacks_tanh, .cost = two_seconds};

/* x -> Abs -> Tanh -> Neg, 1,000 numbers. */
typedef struct world {
    builder b;
    davit_store *store;
    davit_cost_model *model;
    davit_backend backend;
    davit_device_profile profile;
    davit_cost_device device;
    char folder[64];
} world;

static int setup(void **state)
{
    static const int64_t dims[] = {10, 100};
    static world w;
    memset(&w, 0, sizeof(w));
    builder_init(&w.b, NULL);
    davit_value_id x = builder_input(&w.b, "x", DAVIT_F32, 2, dims);
    x = builder_unary(&w.b, DAVIT_OP_Abs, x);
    x = builder_unary(&w.b, DAVIT_OP_Tanh, x);
    builder_output(&w.b, builder_unary(&w.b, DAVIT_OP_Neg, x));
    builder_bind(&w.b);
    assert_int_equal(davit_pass_make_units(w.b.graph, NULL), DAVIT_OK);
    strcpy(w.folder, "/tmp/davit-cost-XXXXXX");
    assert_non_null(mkdtemp(w.folder));
    assert_int_equal(davit_store_open(davit_allocator_default(), w.folder, NULL, &w.store),
                     DAVIT_OK);
    w.backend.table = &table;
    w.profile = (davit_device_profile){.link = {.to_device_bytes_per_s = 1e6,
                                                .to_host_bytes_per_s = 5e5,
                                                .latency_ns = 1000000,
                                                .joules_per_byte = 1e-3}};
    w.device = (davit_cost_device){&w.backend, &w.profile, KEY};
    assert_int_equal(davit_cost_model_create(davit_allocator_default(), w.store, &w.model),
                     DAVIT_OK);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    world *w = *state;
    char command[128];
    davit_cost_model_destroy(w->model);
    davit_store_close(w->store);
    builder_clear(&w->b);
    snprintf(command, sizeof(command), "rm -rf %s", w->folder);
    return system(command);
}

static davit_cost_estimate cost_of(const world *w, size_t unit)
{
    davit_cost_estimate estimate;
    assert_int_equal(
        davit_cost_unit(w->model, &w->device, w->b.graph, &w->b.graph->units[unit], &estimate),
        DAVIT_OK);
    return estimate;
}

static void what_is_measured_counts(void **state)
{
    world *w = *state;
    char signature[DAVIT_SIGNATURE_HEX];
    davit_cost_estimate estimate = cost_of(w, 0);
    assert_int_equal(estimate.source, DAVIT_COST_MODELLED);
    assert_true(estimate.seconds == 2 && estimate.joules == 5 && estimate.confidence == 0.6);
    assert_string_equal(davit_cost_source_name(estimate.source), "modelled");

    const davit_measurement measured = {.median_s = 0.5, .spread_s = 0.125, .count = 3};
    davit_unit_signature(w->b.graph, &w->b.graph->units[0], signature);
    assert_int_equal(davit_store_put(w->store, KEY, signature, &measured, NULL), DAVIT_OK);
    estimate = cost_of(w, 0);
    assert_int_equal(estimate.source, DAVIT_COST_MEASURED);
    assert_true(estimate.seconds == 0.5 && estimate.confidence == 0.8);

    w->device.key = ""; /* a profile: nothing is measured of it */
    assert_int_equal(cost_of(w, 0).source, DAVIT_COST_MODELLED);
}

static void unsupported_units_have_no_cost(void **state)
{
    world *w = *state;
    davit_cost_estimate estimate = {.seconds = -1};
    assert_int_equal(
        davit_cost_unit(w->model, &w->device, w->b.graph, &w->b.graph->units[1], &estimate),
        DAVIT_UNSUPPORTED);
    assert_true(estimate.seconds == -1);
}

static void a_data_sheet_gives_time_and_energy(void **state)
{
    world *w = *state;
    w->backend.table = &davit_null_backend;
    w->profile.f32_flops_per_s = 1e6;
    w->profile.memory_bytes_per_s = 1e7;
    w->profile.power = (davit_power_profile){.joules_per_flop = 1, .joules_per_byte = 0.25};
    davit_cost_estimate estimate = cost_of(w, 0);
    assert_int_equal(estimate.source, DAVIT_COST_DATA_SHEET);
    assert_true(fabs(estimate.seconds - 1e-3) < 1e-9);
    assert_true(estimate.joules == 1000 + 8000 * 0.25);
}

static void copies_take_latency_and_bytes(void **state)
{
    world *w = *state;
    const davit_tensor_desc *desc = &w->b.graph->values[w->b.graph->inputs[0]].desc;
    davit_cost_estimate estimate;
    davit_cost_copy(w->model, &w->device, desc, DAVIT_COST_TO_DEVICE, &estimate);
    assert_true(fabs(estimate.seconds - (1e-3 + 4e-3)) < 1e-12);
    assert_true(fabs(estimate.joules - 4) < 1e-12);
    davit_cost_copy(w->model, &w->device, desc, DAVIT_COST_TO_HOST, &estimate);
    assert_true(fabs(estimate.seconds - (1e-3 + 8e-3)) < 1e-12);
    davit_backend_table changed = *w->backend.table;
    w->backend.table = &changed;
    for (int lent = 0; lent < 2; lent++) {
        changed.reads_lent = lent != 0;
        davit_cost_copy(w->model, &w->device, desc, DAVIT_COST_INPUT, &estimate);
        assert_true(fabs(estimate.seconds - (lent ? 0 : 1e-3 + 4e-3)) < 1e-12);
        davit_cost_copy(w->model, &w->device, desc, DAVIT_COST_TO_DEVICE, &estimate);
        assert_true(fabs(estimate.seconds - (1e-3 + 4e-3)) < 1e-12);
    }
    w->profile.link = (davit_link_profile){0};
    davit_cost_copy(w->model, &w->device, desc, DAVIT_COST_TO_DEVICE, &estimate);
    assert_true(estimate.seconds == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_measured_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(unsupported_units_have_no_cost, setup, teardown),
        cmocka_unit_test_setup_teardown(a_data_sheet_gives_time_and_energy, setup, teardown),
        cmocka_unit_test_setup_teardown(copies_take_latency_and_bytes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
