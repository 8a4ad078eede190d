/* Placing by cost: the plan is the best of all assignments by closed forms, its explanation agrees
 * with planning again, and what it says of devices is true. */
#include <math.h>
#include <stdio.h>

#include "fixture.h"

#include "davit/explain.h"

#define SIDE 64

/* x -> relu -> abs -> neg -> tanh -> y; values of 16 KiB. */
static void set_up(fixture *f)
{
    const int64_t dims[] = {SIDE, SIDE};
    davit_value_id v = fixture_input(f, "x", 2, dims);
    v = fixture_node(f, DAVIT_OP_Relu, "relu", v, DAVIT_NONE);
    v = fixture_node(f, DAVIT_OP_Abs, "abs", v, DAVIT_NONE);
    v = fixture_node(f, DAVIT_OP_Neg, "neg", v, DAVIT_NONE);
    v = fixture_node(f, DAVIT_OP_Tanh, "tanh", v, DAVIT_NONE);
    fixture_output(f, v);
    fixture_finish(f);
    fixture_add_device(f, "slow");
    fixture_add_device(f, "quick");
}

static davit_plan *place(fixture *f, const davit_plan_request *request)
{
    davit_plan *plan;
    davit_diagnostics_buffer_init(&f->diag);
    davit_status status = davit_plan_make(f->allocator, request, &f->diag.sink, &plan);
    if (status != DAVIT_OK) {
        fail_msg("%s", f->diag.text);
    }
    return plan;
}

/* ---- the best of all assignments, by hand ---- */

#define VALUE_S 16384.0 /* bytes of every value */

typedef struct figures {
    double latency_s, period_s, joules;
} figures;

/* Units in a chain, each on slow (0) or quick (1), of the fixture's round figures. */
static figures closed_form(const davit_graph *graph, const uint32_t *device)
{
    figures all = {0, 0, 0};
    double compute[2] = {0, 0}, in = 0, out = 0, moved = 0, work_joules = 0;
    const double in_s = 500e-9 + VALUE_S / 1e9, out_s = 500e-9 + VALUE_S / 2e9;
    for (size_t u = 0; u < graph->unit_count; u++) {
        const davit_unit *unit = &graph->units[u];
        double flops = (double)unit->flops, bytes = (double)unit->bytes;
        compute[device[u]] +=
            device[u] == 0 ? 1e-6 + fmax(flops, bytes) / 1e9 : 1e-7 + fmax(flops, bytes) / 1e12;
        work_joules += (device[u] == 0 ? 1e-9 : 1e-8) * (flops + bytes);
        uint32_t before = u > 0 ? device[u - 1] : 0; /* the input is the host's */
        in += before == 0 && device[u] == 1 ? in_s : 0;
        out += before == 1 && device[u] == 0 ? out_s : 0;
        moved += before != device[u] ? VALUE_S : 0;
    }
    all.latency_s = compute[0] + compute[1] + in + out;
    all.period_s = fmax(fmax(compute[0], compute[1]), fmax(in, out));
    all.joules = work_joules + moved * 1e-9 +
                 all.latency_s * ((compute[0] > 0 ? 10 : 0) + (compute[1] > 0 ? 100 : 0));
    return all;
}

static double pick(const figures *all, davit_place_objective objective)
{
    const double values[] = {all->latency_s, all->period_s, all->joules};
    return values[objective];
}

static void finds_the_best_of_all_assignments(void **state)
{
    fixture *f = *state;
    set_up(f);
    davit_plan_request request = fixture_request(f);
    for (int o = DAVIT_PLACE_LATENCY; o <= DAVIT_PLACE_ENERGY; o++) {
        request.objective = (davit_place_objective)o;
        double best = (double)INFINITY;
        for (uint32_t bits = 0; bits < 8; bits++) { /* tanh is on slow */
            const uint32_t device[] = {bits & 1, bits >> 1 & 1, bits >> 2 & 1, 0};
            figures all = closed_form(f->graph, device);
            best = fmin(best, pick(&all, request.objective));
        }
        davit_plan *plan = place(f, &request);
        const uint32_t chosen[] = {plan->units[0].device, plan->units[1].device,
                                   plan->units[2].device, plan->units[3].device};
        figures all = closed_form(f->graph, chosen);
        assert_true(fabs(pick(&all, request.objective) / best - 1) < 1e-9);
        assert_true(fabs(plan->prediction.latency_s / all.latency_s - 1) < 1e-9);
        assert_true(fabs(plan->prediction.period_s / all.period_s - 1) < 1e-9);
        assert_true(fabs(plan->prediction.joules / all.joules - 1) < 1e-9);
        assert_true(fabs(plan->prediction.bound / best - 1) < 1e-9);
        davit_plan_destroy(plan);
    }
}

static void keeps_a_latency_limit(void **state)
{
    fixture *f = *state;
    set_up(f);
    davit_plan_request request = fixture_request(f);
    davit_plan *fastest = place(f, &request);
    request.objective = DAVIT_PLACE_ENERGY;
    request.latency_limit_s = fastest->prediction.latency_s * 1.0001;
    davit_plan *plan = place(f, &request);
    assert_true(plan->prediction.latency_s <= request.latency_limit_s);
    davit_plan_destroy(plan);
    request.latency_limit_s = fastest->prediction.latency_s * 0.5;
    assert_int_equal(davit_plan_make(f->allocator, &request, &f->diag.sink, &plan),
                     DAVIT_UNSUPPORTED);
    davit_plan_destroy(fastest);
}

/* ---- explanations ---- */

static void check_move(fixture *f, const davit_plan *plan, const davit_plan_move *move, size_t unit,
                       size_t device)
{
    char reason[32];
    const davit_plan_device *target = &plan->devices[device];
    assert_int_equal(move->supported,
                     davit_backend_supports(target->backend, &target->info.profile, f->graph,
                                            &f->graph->units[unit], reason, sizeof(reason)));
    if (device == plan->units[unit].device || !move->supported) {
        assert_true(isnan(move->moved));
        return;
    }
    const davit_pin pin = {f->graph->units[unit].name, target->info.name};
    davit_plan_request request = fixture_request(f);
    request.objective = plan->prediction.objective;
    request.pins = &pin;
    request.pin_count = 1;
    davit_plan *pinned = place(f, &request);
    double value = davit_plan_objective_value(pinned);
    assert_memory_equal(&move->moved, &value, sizeof(value));
    davit_plan_destroy(pinned);
}

static void a_moved_unit_is_the_plan_with_that_pin(void **state)
{
    fixture *f = *state;
    set_up(f);
    fixture_add_device(f, "reference");
    davit_plan_request request = fixture_request(f);
    for (int o = DAVIT_PLACE_LATENCY; o <= DAVIT_PLACE_ENERGY; o++) {
        request.objective = (davit_place_objective)o;
        davit_plan *plan = place(f, &request);
        davit_plan_explanation *explanation;
        assert_int_equal(
            davit_plan_explain(f->allocator, &request, plan, NULL, &f->diag.sink, &explanation),
            DAVIT_OK);
        for (size_t u = 0; u < plan->unit_count; u++) {
            for (size_t d = 0; d < plan->device_count; d++) {
                check_move(f, plan, &explanation->moves[u * plan->device_count + d], u, d);
            }
        }
        davit_plan_explanation_destroy(explanation);
        davit_plan_destroy(plan);
    }
}

static void simpler_plans_are_what_they_say(void **state)
{
    fixture *f = *state;
    set_up(f);
    davit_plan_request request = fixture_request(f);
    davit_plan *plan = place(f, &request);
    davit_plan_explanation *explanation;
    assert_int_equal(
        davit_plan_explain(f->allocator, &request, plan, NULL, &f->diag.sink, &explanation),
        DAVIT_OK);
    assert_int_equal(explanation->alternative_count, 3);
    const char *const names[] = {"all on slow", "all on quick", "greedy"};
    const uint32_t devices[2][4] = {{0, 0, 0, 0}, {1, 1, 1, 0}};
    for (size_t a = 0; a < 3; a++) {
        const davit_plan_alternative *alternative = &explanation->alternatives[a];
        assert_string_equal(alternative->name, names[a]);
        assert_string_equal(alternative->infeasible, "");
        assert_true(alternative->latency_s >= plan->prediction.latency_s * (1 - 1e-12));
        if (a < 2) {
            figures all = closed_form(f->graph, devices[a]);
            assert_true(fabs(alternative->latency_s / all.latency_s - 1) < 1e-9);
        }
    }
    assert_int_equal(explanation->alternatives[1].elsewhere, 1);
    davit_plan_explanation_destroy(explanation);
    davit_plan_destroy(plan);
}

/* ---- devices ---- */

static void loading_a_bitstream_counts_by_the_number_of_inferences(void **state)
{
    fixture *f = *state;
    set_up(f);
    f->device_count = 1;
    fixture_add_device(f, "board");
    davit_plan_request request = fixture_request(f);
    request.inference_count = 1;
    davit_plan *plan = place(f, &request);
    assert_int_equal(plan->loads[1].load.node_count, 0);
    assert_non_null(strstr(plan->loads[1].unused, "no single unit gains by moving there"));
    davit_plan_destroy(plan);
    request.inference_count = 1000000000;
    plan = place(f, &request);
    assert_int_equal(plan->loads[1].load.node_count, 3);
    assert_string_equal(plan->loads[1].unused, "");
    davit_plan_destroy(plan);
}

static void energy_needs_powers(void **state)
{
    fixture *f = *state;
    set_up(f);
    fixture_add_device(f, "board");
    davit_plan_request request = fixture_request(f);
    request.objective = DAVIT_PLACE_ENERGY;
    davit_plan *plan;
    assert_int_equal(davit_plan_make(f->allocator, &request, &f->diag.sink, &plan),
                     DAVIT_UNSUPPORTED);
    assert_non_null(strstr(f->diag.text, "the power of device board is not known"));
}

static void says_what_does_not_fit(void **state)
{
    fixture *f = *state;
    set_up(f);
    f->devices[0].info.profile.memory_bytes = 10000;
    davit_plan_request request = fixture_request(f);
    davit_plan *plan;
    assert_int_equal(davit_plan_make(f->allocator, &request, &f->diag.sink, &plan),
                     DAVIT_UNSUPPORTED);
    assert_non_null(strstr(f->diag.text, "tanh"));
    assert_non_null(strstr(f->diag.text, "10000"));
}

/* ---- plans that are read ---- */

static void a_read_plan_keeps_its_proof(void **state)
{
    fixture *f = *state;
    set_up(f);
    davit_plan_request request = fixture_request(f);
    request.objective = DAVIT_PLACE_THROUGHPUT;
    davit_plan *plan = place(f, &request);
    char *text;
    assert_int_equal(davit_plan_write(plan, f->graph, &f->diag.sink, &text), DAVIT_OK);
    request.objective = DAVIT_PLACE_LATENCY; /* the plan's own counts */
    davit_plan *again;
    assert_int_equal(davit_plan_read(f->allocator, "p.json", text, &request, &f->diag.sink, &again),
                     DAVIT_OK);
    assert_int_equal(again->prediction.objective, DAVIT_PLACE_THROUGHPUT);
    assert_memory_equal(&again->prediction.period_s, &plan->prediction.period_s, sizeof(double));
    assert_true(fabs(again->prediction.bound / plan->prediction.bound - 1) < 1e-9);
    davit_plan_destroy(again);
    request.check_proof = false;
    assert_int_equal(davit_plan_read(f->allocator, "p.json", text, &request, &f->diag.sink, &again),
                     DAVIT_OK);
    assert_string_equal(again->prediction.certificate, "");
    davit_plan_destroy(again);
    request.check_proof = true;
    f->devices[0].info.profile.launch_ns = 5000; /* other costs: nothing is proved */
    assert_int_equal(davit_plan_read(f->allocator, "p.json", text, &request, &f->diag.sink, &again),
                     DAVIT_OK);
    assert_true(again->prediction.bound <= 0);
    assert_string_equal(again->prediction.certificate, "");
    assert_true(again->prediction.period_s > plan->prediction.period_s);
    davit_plan_destroy(again);
    free(text);
    davit_plan_destroy(plan);
}

static void survives_failing_allocations(void **state)
{
    fixture *f = *state;
    set_up(f);
    davit_plan_request request = fixture_request(f);
    davit_status status = DAVIT_OUT_OF_MEMORY;
    for (size_t at = 1; status != DAVIT_OK; at += 1 + at / 4) { /* each would take minutes */
        davit_plan *plan;
        davit_plan_explanation *explanation = NULL;
        counting_allocator_restart(&f->counting, at);
        status = davit_plan_make(f->allocator, &request, &f->diag.sink, &plan);
        if (status == DAVIT_OK) {
            status =
                davit_plan_explain(f->allocator, &request, plan, NULL, &f->diag.sink, &explanation);
        }
        assert_true(status == DAVIT_OK || status == DAVIT_OUT_OF_MEMORY);
        davit_plan_explanation_destroy(explanation);
        davit_plan_destroy(plan);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(finds_the_best_of_all_assignments),
        TEST(keeps_a_latency_limit),
        TEST(a_moved_unit_is_the_plan_with_that_pin),
        TEST(simpler_plans_are_what_they_say),
        TEST(loading_a_bitstream_counts_by_the_number_of_inferences),
        TEST(energy_needs_powers),
        TEST(says_what_does_not_fit),
        TEST(a_read_plan_keeps_its_proof),
        TEST(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
