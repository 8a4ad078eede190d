/* The choice between kernels, on a device whose times are made up: every hundredth is 500 times
 * longer. */
#define _XOPEN_SOURCE 700 /* mkdtemp */
#include <stdio.h>

#include "fixture.h"

#include "davit/host_queue.h"
#include "davit/measure.h"
#include "davit/null_backend.h"

#define KEY "made-up device"
enum { UNITS = 8, SPIKE = 500, SPIKE_EVERY = 100 };

/* ---- the device ---- */

/* Nanoseconds of a unit by kernel: the rule's, "quick", the two on one thread; 0: it has no such
 * kernel. */
typedef struct made_up {
    const char *unit;
    davit_op op;
    unsigned rule, quick, rule_alone, quick_alone;
    unsigned after_quick; /* what it takes more behind a unit that is "quick" */
    bool grouped;         /* computed with others, whatever kernel is chosen */
} made_up;

static const made_up units[UNITS] = {
    {"faster", DAVIT_OP_Relu, 100000, 80000, 110000, 90000, 0, false},
    {"slower", DAVIT_OP_Tanh, 100000, 130000, 100500, 140000, 0, false},
    {"hardly", DAVIT_OP_Abs, 100000, 98500, 120000, 99500, 0, false},
    {"alone", DAVIT_OP_Neg, 50000, 60000, 30000, 45000, 0, false},
    {"spoiling", DAVIT_OP_Exp, 100000, 70000, 130000, 75000, 0, false},
    {"spoilt", DAVIT_OP_Sqrt, 100000, 0, 0, 0, 90000, false},
    {"grouped", DAVIT_OP_Floor, 100000, 50000, 60000, 40000, 0, true},
    {"like it", DAVIT_OP_Floor, 100000, 50000, 60000, 40000, 0, false}, /* but by itself */
};

typedef struct program {
    davit_program base;
    size_t unit_count;
    uint64_t ns[UNITS];
    const char *implementations[UNITS];
    bool grouped[UNITS];
} program;

static unsigned calls;
static bool same; /* all kernels are one */

static const made_up *find_unit(const davit_unit *unit)
{
    for (size_t i = 0; i < UNITS; i++) {
        if (strcmp(unit->name, units[i].unit) == 0) {
            return &units[i];
        }
    }
    fail();
    return NULL;
}

static size_t kernels(const davit_graph *graph, const davit_unit *unit, const char **names,
                      size_t capacity)
{
    static const char *const all[] = {"/1", "quick", "quick/1", "rule's own"};
    (void)graph;
    size_t count = find_unit(unit)->quick != 0 ? 4 : 0;
    for (size_t i = 0; i < count && i < capacity; i++) {
        names[i] = all[i];
    }
    return count;
}

static davit_status program_build(davit_device *device, const davit_program_spec *spec,
                                  davit_program **out)
{
    program *p = davit_alloc(device->options.allocator, sizeof(*p));
    bool behind_quick = false;
    if (p == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    p->unit_count = spec->unit_count;
    for (size_t u = 0; u < spec->unit_count; u++) {
        const made_up *m = find_unit(&spec->graph->units[spec->units[u]]);
        const char *name = spec->kernels != NULL && !m->grouped ? spec->kernels[u] : NULL;
        bool quick = name != NULL && strncmp(name, "quick", 5) == 0 && !same;
        bool alone = name != NULL && strchr(name, '/') != NULL && !same;
        p->ns[u] = quick ? (alone ? m->quick_alone : m->quick) : alone ? m->rule_alone : m->rule;
        p->ns[u] += behind_quick ? m->after_quick : 0;
        p->implementations[u] =
            quick ? (alone ? "quick, 1 thread" : "quick") : (alone ? "plain, 1 thread" : "plain");
        p->grouped[u] = m->grouped;
        behind_quick = quick;
    }
    *out = &p->base;
    return DAVIT_OK;
}

static void program_free(davit_program *base)
{
    davit_free(base->device->options.allocator, base);
}

static void program_info(const davit_program *base, davit_program_info *info)
{
    info->unit_implementations = ((const program *)base)->implementations;
    info->units_grouped = ((const program *)base)->grouped;
}

static davit_status execute(davit_device *device, davit_program *base, void *const *pointers,
                            uint64_t *unit_ns, uint64_t deadline_ns)
{
    const program *p = (const program *)base;
    (void)device;
    (void)pointers;
    (void)deadline_ns;
    for (size_t u = 0; u < p->unit_count; u++) {
        unit_ns[u] = p->ns[u] + ++calls % 7 * 100; /* clocks are not that exact */
        unit_ns[u] *= calls % SPIKE_EVERY == 0 ? SPIKE : 1;
    }
    return DAVIT_OK;
}

static davit_status queue_create(davit_device *device, davit_queue **out)
{
    static const davit_host_queue_ops ops = {.execute = execute};
    return davit_host_queue_create(device, &ops, out);
}

/* The null backend's, but for programs and what runs them. */
static davit_status open_device(davit_backend *backend, const davit_device_info *info,
                                const davit_device_options *options, davit_device **out)
{
    static davit_device_table table;
    davit_status status = davit_null_backend.open(backend, info, options, out);
    if (status == DAVIT_OK) {
        table = *(*out)->table;
        table.program_build = program_build;
        table.program_free = program_free;
        table.program_info = program_info;
        table.queue_create = queue_create;
        (*out)->table = &table;
    }
    return status;
}

/* ---- a search ---- */

typedef struct found {
    davit_kernel_counts counts;
    bool known[UNITS];
    davit_kernel_choice choices[UNITS];
} found;

static void make_network(fixture *f)
{
    static davit_backend_table table;
    static davit_backend backend = {.table = &table};
    static const int64_t dims[] = {1, 16, 24, 24};
    davit_value_id x = fixture_input(f, "x", 4, dims);
    table = davit_null_backend;
    table.open = open_device;
    table.kernels = kernels;
    for (size_t i = 0; i < UNITS; i++) {
        x = fixture_node(f, units[i].op, units[i].unit, x, DAVIT_NONE);
    }
    fixture_output(f, x);
    fixture_finish(f);
    f->devices[f->device_count++] = (davit_plan_device){
        .backend = &backend, .info = {.name = "made-up", .profile = {.kind = DAVIT_DEVICE_CPU}}};
}

static void measure(fixture *f, bool emulated, found *out)
{
    char folder[] = "/tmp/davit-kernels-XXXXXX", command[64];
    davit_store *store;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(davit_store_open(f->allocator, folder, &f->diag.sink, &store), DAVIT_OK);
    davit_plan *plan = fixture_plan(f, NULL, 0);
    ((davit_plan_device *)plan->devices)->info.emulated = emulated;
    const davit_device_options options = {.allocator = f->allocator, .diag = &f->diag.sink};
    const davit_kernel_request request = {.graph = f->graph,
                                          .plan = plan,
                                          .options = &options,
                                          .key = KEY,
                                          .budget_ns = UINT64_C(100000000000)};
    calls = 0;
    *out = (found){0};
    assert_int_equal(davit_measure_kernels(&request, store, &out->counts), DAVIT_OK);
    for (size_t i = 0; i < UNITS; i++) {
        char signature[DAVIT_SIGNATURE_HEX];
        davit_unit_signature(f->graph, &f->graph->units[i], signature);
        out->known[i] = davit_store_find_kernel(store, KEY, signature, &out->choices[i]);
    }
    davit_plan_destroy(plan);
    davit_store_close(store);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

static void chooses_what_is_clearly_faster(void **state)
{
    static const struct {
        const char *name;
        bool chosen;
        double us;
    } expected[UNITS] = {{"quick", true, 80}, {"/1", false, 100.5}, {"quick", false, 98.5},
                         {"/1", true, 30},    {"quick", false, 70}, {"", false, 0},
                         {"", false, 0},      {"", false, 0}};
    fixture *f = *state;
    found got;
    make_network(f);
    measure(f, false, &got);
    assert_int_equal(got.counts.measured, UNITS - 3);
    assert_int_equal(got.counts.chosen, 2);
    for (size_t i = 0; i < UNITS; i++) {
        const davit_kernel_choice *c = &got.choices[i];
        assert_int_equal(got.known[i], expected[i].us > 0);
        assert_string_equal(c->name, expected[i].name);
        assert_int_equal(c->chosen, expected[i].chosen);
        if (got.known[i]) {
            assert_string_equal(c->rule, "plain");
            assert_true(c->rule_seconds > 0.98e-9 * units[i].rule &&
                        c->rule_seconds < 1.02e-9 * units[i].rule);
            assert_true(c->seconds > 0.98e-6 * expected[i].us &&
                        c->seconds < 1.02e-6 * expected[i].us);
        }
    }
}

static void compares_nothing_with_itself(void **state)
{
    fixture *f = *state;
    found got;
    make_network(f);
    same = true;
    measure(f, false, &got);
    same = false;
    assert_int_equal(got.counts.measured, 0);
}

static void leaves_emulated_devices_alone(void **state)
{
    fixture *f = *state;
    found got;
    make_network(f);
    measure(f, true, &got);
    assert_int_equal(got.counts.measured, 0);
    assert_int_equal(calls, 0);
}

static void wants_most_turns_to_agree(void **state)
{
    static const double before[7] = {10, 10, 10, 10, 10, 10, 10};
    (void)state;
    assert_true(davit_measure_is_faster(before, (const double[]){9, 9, 9, 9, 9, 9, 9}, 7));
    assert_true(davit_measure_is_faster(before, (const double[]){9, 9, 5000, 9, 9, 9, 9}, 7));
    assert_false(davit_measure_is_faster(before, (const double[]){9, 11, 5000, 9, 9, 9, 9}, 7));
    assert_false(
        davit_measure_is_faster(before, (const double[]){9.8, 9.8, 9.8, 9.8, 9.8, 9, 9}, 7));
    assert_false(davit_measure_is_faster((const double[]){10, 10, 5000, 10, 10, 10, 10},
                                         (const double[]){10, 10, 10, 10, 10, 10, 10}, 7));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(chooses_what_is_clearly_faster, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(compares_nothing_with_itself, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(leaves_emulated_devices_alone, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test(wants_most_turns_to_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
