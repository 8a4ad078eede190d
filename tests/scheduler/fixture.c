#include "fixture.h"

#include <stdio.h>

#include "davit/infer.h"
#include "davit/null_backend.h"
#include "davit/passes.h"
#include "davit/reference.h"
#include "opaque_backend.h"
#include "timed_backend.h"
#ifdef DAVIT_WITH_ONEDNN
#include "davit/onednn.h"
#endif

#define MAX_PORTS 8

/* ---- a device that lacks an operator ---- */

static davit_status partial_enumerate(davit_backend *backend, const davit_diagnostics *diag,
                                      davit_device_info *infos, size_t capacity, size_t *count)
{
    (void)backend;
    (void)diag;
    if (capacity > 0) {
        infos[0] = (davit_device_info){.name = "partial",
                                       .profile = {.kind = DAVIT_DEVICE_CPU, .name = "partial"}};
    }
    *count = 1;
    return DAVIT_OK;
}

static bool partial_supports(const davit_device_profile *profile, const davit_graph *graph,
                             const davit_unit *unit, char *reason, size_t reason_bytes)
{
    (void)profile;
    const davit_op_info *op = graph->nodes[unit->anchor].op;
    if (op->op != DAVIT_OP_Tanh) {
        return true;
    }
    if (reason != NULL) {
        snprintf(reason, reason_bytes, "operator %s", op->name);
    }
    return false;
}

static davit_status partial_open(davit_backend *backend, const davit_device_info *info,
                                 const davit_device_options *options, davit_device **out)
{
    (void)backend;
    (void)out;
    return davit_fail(options->diag, DAVIT_UNAVAILABLE, "device %s is a stand-in", info->name);
}

static const davit_backend_table partial_backend = {
    .abi_version = DAVIT_BACKEND_ABI_VERSION,
    .struct_size = sizeof(davit_backend_table),
    .name = "partial",
    .enumerate = partial_enumerate,
    .supports = partial_supports,
    .open = partial_open,
};

/* ---- devices of known speed ---- */

static const davit_device_info rated_devices[] = {
    {.name = "slow",
     .profile = {.kind = DAVIT_DEVICE_CPU,
                 .f32_flops_per_s = 1e9,
                 .memory_bytes_per_s = 1e9,
                 .launch_ns = 1000,
                 .power = {.idle_watts = 10, .joules_per_flop = 1e-9, .joules_per_byte = 1e-9}}},
    {.name = "quick",
     .profile = {.kind = DAVIT_DEVICE_GPU,
                 .f32_flops_per_s = 1e12,
                 .memory_bytes_per_s = 1e12,
                 .memory_bytes = 1 << 20,
                 .launch_ns = 100,
                 .link = {1e9, 2e9, 500, 1e-9},
                 .power = {.idle_watts = 100, .joules_per_flop = 1e-8, .joules_per_byte = 1e-8}}},
    {.name = "board",
     .profile = {.kind = DAVIT_DEVICE_FPGA,
                 .f32_flops_per_s = 1e12,
                 .memory_bytes_per_s = 1e12,
                 .fpga = {.reconfigure_ns = 1000000000}}},
};

static davit_status rated_enumerate(davit_backend *backend, const davit_diagnostics *diag,
                                    davit_device_info *infos, size_t capacity, size_t *count)
{
    (void)backend;
    (void)diag;
    *count = sizeof(rated_devices) / sizeof(rated_devices[0]);
    for (size_t i = 0; i < *count && i < capacity; i++) {
        infos[i] = rated_devices[i];
    }
    return DAVIT_OK;
}

static bool rated_supports(const davit_device_profile *profile, const davit_graph *graph,
                           const davit_unit *unit, char *reason, size_t reason_bytes)
{
    return profile->kind == DAVIT_DEVICE_CPU ||
           partial_supports(profile, graph, unit, reason, reason_bytes);
}

static const davit_backend_table rated_backend = {
    .abi_version = DAVIT_BACKEND_ABI_VERSION,
    .struct_size = sizeof(davit_backend_table),
    .name = "rated",
    .enumerate = rated_enumerate,
    .supports = rated_supports,
    .open = partial_open,
};

/* ---- set-up ---- */

int fixture_setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    counting_allocator_init(&f->counting);
    f->allocator = &f->counting.allocator;
    davit_diagnostics_buffer_init(&f->diag);
    assert_int_equal(davit_graph_create(f->allocator, &f->graph), DAVIT_OK);
    f->graph->inputs = davit_arena_alloc_array(&f->graph->arena, MAX_PORTS, sizeof(davit_value_id));
    f->graph->outputs =
        davit_arena_alloc_array(&f->graph->arena, MAX_PORTS, sizeof(davit_value_id));
    assert_true(f->graph->inputs != NULL && f->graph->outputs != NULL);
    f->reference.table = &davit_reference_backend;
    f->null.table = &davit_null_backend;
    f->partial.table = &partial_backend;
    f->opaque.table = &test_opaque_backend;
    f->rated.table = &rated_backend;
    f->timed.table = &test_timed_backend;
#ifdef DAVIT_WITH_ONEDNN
    f->cpu.table = &davit_onednn_backend;
#endif
    assert_int_equal(davit_cost_model_create(f->allocator, NULL, &f->cost), DAVIT_OK);
    *state = f;
    return 0;
}

int fixture_teardown(void **state)
{
    fixture *f = *state;
    davit_graph_destroy(f->graph);
    davit_cost_model_destroy(f->cost);
    size_t live = atomic_load(&f->counting.live);
    free(f);
    return live == 0 ? 0 : -1;
}

bool fixture_has_cpu(void)
{
#ifdef DAVIT_WITH_ONEDNN
    return true;
#else
    return false;
#endif
}

void fixture_add_device(fixture *f, const char *name)
{
    davit_backend *backends[] = {&f->reference, &f->null,  &f->partial,
                                 &f->opaque,    &f->rated, &f->timed, &f->cpu};
    for (size_t b = 0; b < sizeof(backends) / sizeof(backends[0]); b++) {
        if (backends[b]->table == NULL) {
            continue;
        }
        davit_device_info infos[4];
        size_t count = 0;
        assert_int_equal(
            backends[b]->table->enumerate(backends[b], &f->diag.sink, infos, 4, &count), DAVIT_OK);
        for (size_t i = 0; i < count; i++) {
            if (strcmp(infos[i].name, name) == 0) {
                f->devices[f->device_count++] =
                    (davit_plan_device){.info = infos[i], .backend = backends[b], .cost_key = ""};
                return;
            }
        }
    }
    fail_msg("no device %s", name);
}

/* ---- graphs ---- */

davit_value_id fixture_input(fixture *f, const char *name, int rank, const int64_t *dims)
{
    davit_value_id id;
    assert_int_equal(davit_graph_add_value(f->graph, name, &id), DAVIT_OK);
    davit_value *value = &f->graph->values[id];
    value->is_input = true;
    value->declared_dtype = DAVIT_F32;
    value->declared_rank = rank;
    value->declared =
        davit_arena_alloc_array(&f->graph->arena, (size_t)rank, sizeof(*value->declared));
    assert_non_null(value->declared);
    for (int i = 0; i < rank; i++) {
        value->declared[i].value = dims[i];
    }
    f->graph->inputs[f->graph->input_count++] = id;
    return id;
}

void fixture_output(fixture *f, davit_value_id value)
{
    f->graph->values[value].is_output = true;
    f->graph->outputs[f->graph->output_count++] = value;
}

davit_value_id fixture_node(fixture *f, davit_op op, const char *name, davit_value_id first,
                            davit_value_id second)
{
    char value_name[64];
    snprintf(value_name, sizeof(value_name), "%s.out", name);
    davit_value_id output;
    assert_int_equal(davit_graph_add_value(f->graph, value_name, &output), DAVIT_OK);
    const davit_value_id inputs[] = {first, second};
    const davit_node_spec spec = {.name = name,
                                  .op = op,
                                  .input_count = second == DAVIT_NONE ? 1 : 2,
                                  .output_count = 1,
                                  .inputs = inputs,
                                  .outputs = &output};
    davit_node_id node;
    assert_int_equal(davit_graph_add_node(f->graph, &spec, &node), DAVIT_OK);
    return output;
}

void fixture_finish(fixture *f)
{
    assert_int_equal(
        davit_graph_bind(f->graph, NULL, 0, davit_reference_evaluator(), &f->diag.sink), DAVIT_OK);
    assert_int_equal(davit_pass_remove_dead(f->graph, &f->diag.sink), DAVIT_OK);
    assert_int_equal(davit_pass_make_single_units(f->graph, &f->diag.sink), DAVIT_OK);
}

void fixture_chain(fixture *f)
{
    const int64_t dims[] = {1, 2, 2, 3};
    davit_value_id x = fixture_input(f, "x", 4, dims);
    davit_value_id a = fixture_node(f, DAVIT_OP_Relu, "relu", x, DAVIT_NONE);
    davit_value_id b = fixture_node(f, DAVIT_OP_Tanh, "tanh", a, DAVIT_NONE);
    fixture_output(f, fixture_node(f, DAVIT_OP_Abs, "abs", b, DAVIT_NONE));
    fixture_finish(f);
}

/* ---- plans ---- */

davit_plan_request fixture_request(fixture *f)
{
    return (davit_plan_request){.graph = f->graph,
                                .model_sha256 = SHA_A,
                                .device_count = f->device_count,
                                .devices = f->devices,
                                .cost = f->cost,
                                .latency_limit_s = (double)INFINITY,
                                .inference_count = 1000,
                                .check_proof = true};
}

davit_plan *fixture_plan(fixture *f, const char *const *pins, size_t pin_count)
{
    char names[64][64];
    davit_pin parsed[64];
    assert_true(pin_count <= 64);
    for (size_t i = 0; i < pin_count; i++) {
        snprintf(names[i], sizeof(names[i]), "%s", pins[i]);
        char *equals = strchr(names[i], '=');
        assert_non_null(equals);
        *equals = '\0';
        parsed[i] = (davit_pin){.name = names[i], .device = equals + 1};
    }
    davit_plan_request request = fixture_request(f);
    request.pins = parsed;
    request.pin_count = pin_count;
    davit_plan *plan;
    assert_int_equal(davit_plan_make(f->allocator, &request, &f->diag.sink, &plan), DAVIT_OK);
    return plan;
}
