#define _XOPEN_SOURCE 700 /* mkdtemp */
#include <math.h>
#include <stdio.h>

#include "fixture.h"

#include "davit/measure.h"
#include "davit/null_backend.h"
#include "davit/passes.h"
#include "davit/reference.h"

enum { UNITS = 12, RUNS = 200, SPIKE = 500 };

static const davit_op operators[UNITS] = {
    DAVIT_OP_Relu, DAVIT_OP_Tanh, DAVIT_OP_Abs,   DAVIT_OP_Neg,  DAVIT_OP_Exp, DAVIT_OP_Sigmoid,
    DAVIT_OP_Sqrt, DAVIT_OP_Erf,  DAVIT_OP_Floor, DAVIT_OP_Ceil, DAVIT_OP_Sin, DAVIT_OP_Cos};

static void make_chain(fixture *f)
{
    static const int64_t dims[] = {1, 16, 24, 24};
    davit_value_id x = fixture_input(f, "x", 4, dims);
    for (size_t i = 0; i < UNITS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "unit%zu", i);
        x = fixture_node(f, operators[i], name, x, DAVIT_NONE);
    }
    fixture_output(f, x);
    fixture_finish(f);
    assert_int_equal(f->graph->unit_count, UNITS);
}

/* ---- a store in a folder of its own ---- */

typedef struct scratch {
    char folder[64];
    davit_store *store;
} scratch;

static void open_scratch(scratch *s)
{
    strcpy(s->folder, "/tmp/davit-measure-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    assert_int_equal(davit_store_open(davit_allocator_default(), s->folder, NULL, &s->store),
                     DAVIT_OK);
}

static void close_scratch(scratch *s)
{
    char command[128];
    davit_store_close(s->store);
    snprintf(command, sizeof(command), "rm -rf %s", s->folder);
    assert_int_equal(system(command), 0);
}

/* ---- runs that were recorded, played again ---- */

typedef struct recording {
    uint64_t unit_ns[RUNS][UNITS];
    uint64_t total_ns[RUNS];
    uint64_t played[UNITS];
    size_t next;
    bool spikes; /* one sample in a hundred takes 500 times as long */
    uint64_t seed;
    size_t stop_after; /* 0: never */
} recording;

static davit_status play(void *user, davit_run_record *record)
{
    recording *r = user;
    size_t run = r->next++ % RUNS;
    uint64_t more = 0;
    for (size_t u = 0; u < UNITS; u++) {
        bool spike = r->spikes && test_random_below(&r->seed, 100) == 0;
        r->played[u] = r->unit_ns[run][u] * (spike ? SPIKE : 1);
        more += r->played[u] - r->unit_ns[run][u];
    }
    *record = (davit_run_record){
        .total_ns = r->total_ns[run] + more, .unit_count = UNITS, .unit_ns = r->played};
    return DAVIT_OK;
}

static bool stop(void *user)
{
    const recording *r = user;
    return r->stop_after > 0 && r->next >= r->stop_after;
}

static size_t measure(const fixture *f, const davit_plan *plan, recording *r, davit_store *store)
{
    const davit_measured_network network = {
        .graph = f->graph, .plan = plan, .run = play, .user = r};
    const davit_measure_limits limits = {
        .min_runs = RUNS, .max_runs = RUNS, .stopped = stop, .user = r};
    size_t units;
    r->next = 0;
    assert_int_equal(davit_measure_networks(&network, 1, &limits, store, davit_allocator_default(),
                                            NULL, &units),
                     DAVIT_OK);
    return units;
}

/* Times of its own for each unit, and noise that only makes longer, as real times have it. */
static void make_up(recording *r, uint64_t seed)
{
    uint64_t base[UNITS];
    memset(r, 0, sizeof(*r));
    for (size_t u = 0; u < UNITS; u++) {
        base[u] = 2000 + test_random_below(&seed, 100000);
    }
    for (size_t i = 0; i < RUNS; i++) {
        r->total_ns[i] = 5000;
        for (size_t u = 0; u < UNITS; u++) {
            double slower = (double)test_random_below(&seed, 1000) / 1000;
            r->unit_ns[i][u] = (uint64_t)((double)base[u] * (1 + 0.1 * slower * slower * slower));
            r->total_ns[i] += r->unit_ns[i][u];
        }
    }
    r->seed = seed;
}

/* What a store knows of each unit on a device. */
static void read_times(const fixture *f, const davit_store *store, const char *key,
                       davit_measurement times[UNITS])
{
    for (size_t u = 0; u < UNITS; u++) {
        char signature[DAVIT_SIGNATURE_HEX];
        davit_unit_signature(f->graph, &f->graph->units[u], signature);
        assert_true(davit_store_find(store, key, signature, &times[u]));
    }
}

static const char *key_of(const davit_plan_device *device, char key[DAVIT_DEVICE_KEY_BYTES])
{
    return davit_device_key(device->backend, &device->info, 0, key);
}

static void measure_with_spikes(fixture *f, const davit_plan *plan, recording *r,
                                davit_measurement before[UNITS], davit_measurement after[UNITS])
{
    scratch clean, spiked;
    char key[DAVIT_DEVICE_KEY_BYTES];
    open_scratch(&clean);
    open_scratch(&spiked);
    r->spikes = false;
    assert_int_equal(measure(f, plan, r, clean.store), UNITS);
    r->spikes = true;
    assert_int_equal(measure(f, plan, r, spiked.store), UNITS);
    key_of(&f->devices[0], key);
    read_times(f, clean.store, key, before);
    read_times(f, spiked.store, key, after);
    davit_measurement submission;
    assert_true(davit_store_find(clean.store, key, DAVIT_SUBMISSION, &submission));
    close_scratch(&clean);
    close_scratch(&spiked);
}

static void spikes_change_no_made_up_cost(void **state)
{
    fixture *f = *state;
    static recording r;
    make_chain(f);
    fixture_add_device(f, "null");
    davit_plan *plan = fixture_plan(f, NULL, 0);
    make_up(&r, 1);
    davit_measurement before[UNITS], after[UNITS];
    measure_with_spikes(f, plan, &r, before, after);
    for (size_t u = 0; u < UNITS; u++) {
        /* Where the samples scatter, which of them are kept may change a little. */
        double allowed = 5e-3 * before[u].median_s + before[u].spread_s;
        assert_true(fabs(after[u].median_s - before[u].median_s) < allowed);
    }
    davit_plan_destroy(plan);
}

static int by_time(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The same with what this machine's device really took. On a busy machine that may have two or
 * three speeds, so the bound is the proven one: what is kept holds a third of the samples that lie
 * together, so its median is between a sixth and five sixths of what was recorded, less the spikes.
 */
static void spikes_change_no_real_cost(void **state)
{
    fixture *f = *state;
    static recording r;
    static float x[16 * 24 * 24], y[16 * 24 * 24];
    make_chain(f);
    fixture_add_device(f, fixture_has_cpu() ? "cpu" : "reference");
    davit_plan *plan = fixture_plan(f, NULL, 0);
    const davit_executor_options options = {.threads = 1};
    davit_executor *executor;
    assert_int_equal(
        davit_executor_create(f->allocator, f->graph, plan, &options, &f->diag.sink, &executor),
        DAVIT_OK);
    memset(&r, 0, sizeof(r));
    for (size_t i = 0; i < RUNS; i++) {
        const void *inputs[] = {x};
        void *outputs[] = {y};
        davit_run_record record;
        assert_int_equal(
            davit_executor_run(executor, inputs, outputs, DAVIT_DEADLINE_NEVER, &record), DAVIT_OK);
        r.total_ns[i] = record.total_ns;
        memcpy(r.unit_ns[i], record.unit_ns, sizeof(r.unit_ns[i]));
    }
    davit_measurement before[UNITS], after[UNITS];
    measure_with_spikes(f, plan, &r, before, after);
    for (size_t u = 0; u < UNITS; u++) {
        uint64_t sorted[RUNS];
        for (size_t i = 0; i < RUNS; i++) {
            sorted[i] = r.unit_ns[i][u];
        }
        qsort(sorted, RUNS, sizeof(sorted[0]), by_time);
        assert_in_range((uint64_t)round(after[u].median_s * 1e9), sorted[RUNS / 10],
                        sorted[RUNS - RUNS / 10]);
    }
    davit_executor_destroy(executor);
    davit_plan_destroy(plan);
}

/* ---- placements ---- */

static bool supports_all(const davit_device_profile *profile, const davit_graph *graph,
                         const davit_unit *unit, char *reason, size_t reason_bytes)
{
    (void)profile;
    (void)graph;
    (void)unit;
    (void)reason;
    (void)reason_bytes;
    return true;
}

/* Measures a chain on two devices, with or without spikes, and places it. */
static void place(fixture *f, davit_plan_device *devices, uint64_t seed, bool spikes,
                  uint32_t placed[UNITS])
{
    static recording r;
    scratch s;
    davit_cost_model *model;
    open_scratch(&s);
    for (size_t d = 0; d < 2; d++) {
        davit_plan alone = {.device_count = 1, .devices = &devices[d], .unit_count = UNITS};
        davit_plan_unit units[UNITS];
        memset(units, 0, sizeof(units));
        alone.units = units;
        make_up(&r, seed * 2 + d);
        r.spikes = spikes;
        assert_int_equal(measure(f, &alone, &r, s.store), UNITS);
    }
    assert_int_equal(davit_cost_model_create(davit_allocator_default(), s.store, &model), DAVIT_OK);
    davit_plan_request request = fixture_request(f);
    request.devices = devices;
    request.device_count = 2;
    request.cost = model;
    request.latency_limit_s = INFINITY;
    request.inference_count = 1;
    davit_plan *plan;
    assert_int_equal(davit_plan_make(f->allocator, &request, &f->diag.sink, &plan), DAVIT_OK);
    for (size_t u = 0; u < UNITS; u++) {
        placed[u] = plan->units[u].device;
        assert_int_equal(plan->units[u].cost.source, DAVIT_COST_MEASURED);
    }
    davit_plan_destroy(plan);
    davit_cost_model_destroy(model);
    close_scratch(&s);
}

static void spikes_change_no_placement(void **state)
{
    fixture *f = *state;
    davit_backend_table table = davit_null_backend;
    davit_backend backend = {.table = &table};
    davit_plan_device devices[2];
    char keys[2][DAVIT_DEVICE_KEY_BYTES];
    size_t both = 0;
    table.supports = supports_all;
    make_chain(f);
    for (size_t d = 0; d < 2; d++) {
        devices[d] = (davit_plan_device){.backend = &backend, .cost_key = keys[d]};
        devices[d].info.profile.kind = DAVIT_DEVICE_GPU;
        snprintf(devices[d].info.name, sizeof(devices[d].info.name), "gpu:%zu", d);
        key_of(&devices[d], keys[d]);
    }
    for (uint64_t seed = 1; seed <= 10; seed++) {
        uint32_t clean[UNITS], spiked[UNITS];
        bool used[2] = {false, false};
        place(f, devices, seed, false, clean);
        place(f, devices, seed, true, spiked);
        assert_memory_equal(clean, spiked, sizeof(clean));
        for (size_t u = 0; u < UNITS; u++) {
            used[clean[u]] = true;
        }
        both += used[0] && used[1];
    }
    assert_true(both > 5); /* there was something to decide */
}

/* ---- interruption, links, networks ---- */

static void keeps_what_it_has_when_stopped(void **state)
{
    fixture *f = *state;
    static recording r;
    scratch s;
    make_chain(f);
    fixture_add_device(f, "null");
    davit_plan *plan = fixture_plan(f, NULL, 0);
    make_up(&r, 5);
    open_scratch(&s);
    r.stop_after = 3;
    assert_int_equal(measure(f, plan, &r, s.store), 0);
    r.stop_after = 6;
    assert_int_equal(measure(f, plan, &r, s.store), UNITS);
    close_scratch(&s);
    davit_plan_destroy(plan);
}

static void measures_links(void **state)
{
    fixture *f = *state;
    scratch s;
    davit_measurement small, large;
    const davit_measure_limits limits = {.min_runs = 3, .max_runs = 3};
    const davit_device_options options = {.allocator = davit_allocator_default()};
    fixture_add_device(f, "null");
    open_scratch(&s);
    assert_int_equal(davit_measure_links(f->devices[0].backend, &f->devices[0].info, &options, "n",
                                         &limits, s.store),
                     DAVIT_OK);
    assert_true(davit_store_find(s.store, "n", DAVIT_LINK_TO_DEVICE "1024", &small));
    assert_true(davit_store_find(s.store, "n", DAVIT_LINK_TO_HOST "16777216", &large));
    assert_true(large.median_s > small.median_s);
    close_scratch(&s);
}

/* Each kind of built-in network, f32 and 8-bit, is a valid graph, and the same when made again. */
static bool any(const davit_graph *graph, const davit_value_id *values, uint32_t count, bool made)
{
    bool found = false;
    for (uint32_t i = 0; i < count; i++) {
        found = found ||
                (made ? graph->values[values[i]].is_output : graph->values[values[i]].is_input);
    }
    return found;
}

/* There they would change layouts too. */
static void assert_no_layer_at_the_ends(const davit_graph *graph)
{
    for (size_t u = 0; u < graph->unit_count; u++) {
        const davit_unit *unit = &graph->units[u];
        davit_work work;
        davit_unit_work(graph, unit, &work);
        bool first = any(graph, unit->inputs, unit->input_count, false);
        bool last = any(graph, unit->outputs, unit->output_count, true);
        if (strstr(work.kind, "Conv") != NULL && (first || last)) {
            assert_true(first ? work.dims[1] == 3 : work.dims[2] == 1);
        }
    }
}

static void built_in_networks_are_valid(void **state)
{
    (void)state;
    assert_true(davit_measure_network_count() >= 16);
    size_t integer = 0;
    for (size_t i = 0; i < 16; i++) {
        char signatures[2][DAVIT_SIGNATURE_HEX];
        for (size_t again = 0; again < 2; again++) {
            davit_graph *graph;
            davit_diagnostics_buffer diag;
            davit_diagnostics_buffer_init(&diag);
            assert_int_equal(davit_measure_network_make(i, davit_allocator_default(), &graph),
                             DAVIT_OK);
            const davit_evaluator *evaluator = davit_reference_evaluator();
            assert_int_equal(davit_graph_bind(graph, NULL, 0, evaluator, &diag.sink), DAVIT_OK);
            assert_int_equal(davit_graph_optimize(graph, evaluator, &diag.sink), DAVIT_OK);
            assert_true(graph->unit_count >= 3);
            assert_no_layer_at_the_ends(graph);
            integer += graph->integer_count > 0 || i / 8 == 1;
            davit_unit_signature(graph, &graph->units[1], signatures[again]);
            davit_graph_destroy(graph);
        }
        assert_string_equal(signatures[0], signatures[1]);
    }
    assert_int_equal(integer, 16);
}

/* ---- learning from runs ---- */

/* What a call with these runs changes; `slower` multiplies all times, `worst` one in ten of them.
 */
static size_t teach(fixture *f, const davit_plan *plan, recording *r, davit_store *store,
                    double slower, double worst)
{
    uint64_t *unit_ns = calloc(UNITS * RUNS, sizeof(*unit_ns));
    assert_non_null(unit_ns);
    for (size_t u = 0; u < UNITS; u++) {
        for (size_t i = 0; i < RUNS; i++) {
            double times = test_random_below(&r->seed, 10) == 0 ? worst : slower;
            unit_ns[u * RUNS + i] = (uint64_t)((double)r->unit_ns[i][u] * times);
        }
    }
    const davit_finished_runs runs = {
        .graph = f->graph, .plan = plan, .run_count = RUNS, .unit_ns = unit_ns};
    size_t changed;
    assert_int_equal(davit_measure_learn(&runs, store, davit_allocator_default(), &changed),
                     DAVIT_OK);
    free(unit_ns);
    return changed;
}

static void assert_near(const davit_measurement *times, const davit_measurement *wanted,
                        double factor)
{
    for (size_t u = 0; u < UNITS; u++) {
        double ratio = times[u].median_s / (wanted[u].median_s * factor);
        assert_true(ratio > 0.96 && ratio < 1.04);
        assert_true(times[u].count > 0 && times[u].spread_s > 0);
    }
}

static void learns_what_two_calls_agree_on(void **state)
{
    fixture *f = *state;
    make_chain(f);
    fixture_add_device(f, "slow");
    davit_plan *plan = fixture_plan(f, NULL, 0);
    recording *r = calloc(1, sizeof(*r));
    assert_non_null(r);
    make_up(r, 5);
    scratch measured, learned;
    char key[DAVIT_DEVICE_KEY_BYTES];
    davit_measurement truth[UNITS], times[UNITS];
    open_scratch(&measured);
    open_scratch(&learned);
    key_of(&f->devices[0], key);
    measure(f, plan, r, measured.store);
    read_times(f, measured.store, key, truth);

    /* Unknown units: the second call that says the same is believed; bad samples count for nothing.
     */
    char signature[DAVIT_SIGNATURE_HEX];
    davit_unit_signature(f->graph, &f->graph->units[0], signature);
    assert_int_equal(teach(f, plan, r, learned.store, 1, 500), 0);
    assert_false(davit_store_find(learned.store, key, signature, &times[0]));
    assert_int_equal(teach(f, plan, r, learned.store, 1, 1), UNITS);
    read_times(f, learned.store, key, times);
    assert_near(times, truth, 1);

    /* Known ones: one call on a machine three times slower changes nothing, nor do two that differ.
     */
    assert_int_equal(teach(f, plan, r, learned.store, 3, 3), 0);
    assert_int_equal(teach(f, plan, r, learned.store, 1, 1), 0);
    assert_int_equal(teach(f, plan, r, learned.store, 2, 2), 0);
    read_times(f, learned.store, key, times);
    assert_near(times, truth, 1);
    assert_int_equal(teach(f, plan, r, learned.store, 2, 2), UNITS);
    read_times(f, learned.store, key, times);
    assert_near(times, truth, 2);

    /* Times without a centre teach nothing; what is saved is there again. */
    for (size_t i = 0; i < RUNS; i++) {
        for (size_t u = 0; u < UNITS; u++) {
            r->unit_ns[i][u] = 1000 + test_random_below(&r->seed, 1000000);
        }
    }
    assert_int_equal(teach(f, plan, r, learned.store, 1, 1), 0);
    assert_int_equal(teach(f, plan, r, learned.store, 1, 1), 0);
    assert_int_equal(davit_store_save(learned.store), DAVIT_OK);
    davit_store_close(learned.store);
    assert_int_equal(
        davit_store_open(davit_allocator_default(), learned.folder, NULL, &learned.store),
        DAVIT_OK);
    read_times(f, learned.store, key, times);
    assert_near(times, truth, 2);
    close_scratch(&measured);
    close_scratch(&learned);
    davit_plan_destroy(plan);
    free(r);
}

static void learns_nothing_of_emulated_devices(void **state)
{
    fixture *f = *state;
    make_chain(f);
    fixture_add_device(f, "slow");
    f->devices[0].info.emulated = true;
    davit_plan *plan = fixture_plan(f, NULL, 0);
    recording *r = calloc(1, sizeof(*r));
    assert_non_null(r);
    make_up(r, 6);
    scratch s;
    char key[DAVIT_DEVICE_KEY_BYTES];
    davit_store_entry *entries;
    size_t count;
    open_scratch(&s);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(teach(f, plan, r, s.store, 1, 1), 0);
    }
    key_of(&f->devices[0], key);
    assert_int_equal(davit_store_list(s.store, key, &entries, &count), DAVIT_OK);
    assert_int_equal(count, 0);
    davit_store_free_list(s.store, entries);
    close_scratch(&s);
    davit_plan_destroy(plan);
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(spikes_change_no_made_up_cost, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(spikes_change_no_real_cost, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(spikes_change_no_placement, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(keeps_what_it_has_when_stopped, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(learns_what_two_calls_agree_on, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(learns_nothing_of_emulated_devices, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(measures_links, fixture_setup, fixture_teardown),
        cmocka_unit_test(built_in_networks_are_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
