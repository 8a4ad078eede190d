#include "unit_test.h"

#include <stdio.h>

#include "counting_allocator.h"
#include "davit/null_backend.h"

static void test_tables_are_checked(void **state)
{
    (void)state;
    davit_diagnostics_buffer diag;
    davit_diagnostics_buffer_init(&diag);
    davit_registry registry;
    davit_registry_init(&registry, NULL);

    davit_backend_table table = davit_null_backend;
    table.abi_version++;
    assert_int_equal(davit_registry_add(&registry, &table, &diag.sink), DAVIT_INVALID_ARGUMENT);
    table = davit_null_backend;
    table.struct_size -= 8;
    assert_int_equal(davit_registry_add(&registry, &table, &diag.sink), DAVIT_INVALID_ARGUMENT);
    table = davit_null_backend;
    table.supports = NULL;
    assert_int_equal(davit_registry_add(&registry, &table, &diag.sink), DAVIT_INVALID_ARGUMENT);
    assert_string_equal(diag.text, "backend 'null' lacks a required entry");
    assert_int_equal(davit_registry_add(&registry, NULL, &diag.sink), DAVIT_INVALID_ARGUMENT);
    assert_int_equal(diag.error_count, 4);
    assert_int_equal(registry.count, 0);

    for (size_t i = 0; i < DAVIT_MAX_BACKENDS; i++) {
        assert_int_equal(davit_registry_add(&registry, &davit_null_backend, &diag.sink), DAVIT_OK);
    }
    assert_int_equal(davit_registry_add(&registry, &davit_null_backend, &diag.sink),
                     DAVIT_INVALID_ARGUMENT);
}

#define MANY 37

static davit_status enumerate_many(davit_backend *backend, const davit_diagnostics *diag,
                                   davit_device_info *infos, size_t capacity, size_t *count)
{
    (void)backend;
    (void)diag;
    for (size_t i = 0; i < MANY && i < capacity; i++) {
        infos[i] = (davit_device_info){.ordinal = (uint32_t)i};
        (void)snprintf(infos[i].name, sizeof(infos[i].name), "many:%zu", i);
    }
    *count = MANY;
    return DAVIT_OK;
}

static davit_status enumerate_badly(davit_backend *backend, const davit_diagnostics *diag,
                                    davit_device_info *infos, size_t capacity, size_t *count)
{
    (void)backend;
    (void)infos;
    (void)capacity;
    (void)count;
    return davit_fail(diag, DAVIT_IO_ERROR, "no devices");
}

static void test_devices_of_all_backends_in_order(void **state)
{
    (void)state;
    counting_allocator counting;
    counting_allocator_init(&counting);
    davit_backend_table many = davit_null_backend;
    many.name = "many";
    many.enumerate = enumerate_many;
    davit_registry registry;
    davit_registry_init(&registry, NULL);
    assert_int_equal(davit_registry_add(&registry, &davit_null_backend, NULL), DAVIT_OK);
    assert_int_equal(davit_registry_add(&registry, &many, NULL), DAVIT_OK);

    davit_device_info *infos = NULL;
    davit_backend **owners = NULL;
    size_t count = 0;
    assert_int_equal(
        davit_registry_devices(&registry, &counting.allocator, NULL, &infos, &owners, &count),
        DAVIT_OK);
    assert_int_equal(count, 2 + MANY);
    assert_string_equal(infos[1].name, "null:1");
    assert_ptr_equal(owners[1], &registry.backends[0]);
    assert_string_equal(infos[2 + MANY - 1].name, "many:36");
    assert_ptr_equal(owners[2 + MANY - 1], &registry.backends[1]);
    davit_free(&counting.allocator, infos);
    davit_free(&counting.allocator, owners);
    assert_int_equal(atomic_load(&counting.live), 0);
}

static void test_failed_enumeration_leaves_nothing(void **state)
{
    (void)state;
    counting_allocator counting;
    counting_allocator_init(&counting);
    davit_diagnostics_buffer diag;
    davit_diagnostics_buffer_init(&diag);
    davit_backend_table bad = davit_null_backend;
    bad.enumerate = enumerate_badly;
    davit_registry registry;
    davit_registry_init(&registry, NULL);
    assert_int_equal(davit_registry_add(&registry, &davit_null_backend, NULL), DAVIT_OK);
    assert_int_equal(davit_registry_add(&registry, &bad, NULL), DAVIT_OK);
    davit_device_info *infos = NULL;
    davit_backend **owners = NULL;
    size_t count = 5;
    assert_int_equal(
        davit_registry_devices(&registry, &counting.allocator, &diag.sink, &infos, &owners, &count),
        DAVIT_IO_ERROR);
    assert_null(infos);
    assert_null(owners);
    assert_int_equal(count, 0);
    assert_int_equal(atomic_load(&counting.live), 0);
    assert_string_equal(diag.text, "no devices");
}

/* A graph of one value that one unit reads, enough for a cost. */
static davit_unit_cost cost_of(const davit_device_profile *profile, davit_dtype dtype)
{
    davit_value value = {.desc = {.dtype = dtype}};
    davit_value_id input = 0;
    const davit_graph graph = {.value_count = 1, .values = &value};
    const davit_unit unit = {.input_count = 1, .inputs = &input, .flops = 4000, .bytes = 1000};
    const davit_backend backend = {.table = &davit_null_backend};
    davit_unit_cost cost;
    assert_int_equal(davit_backend_cost(&backend, profile, &graph, &unit, &cost), DAVIT_OK);
    return cost;
}

static void test_cost_defaults_to_a_roofline(void **state)
{
    (void)state;
    davit_device_profile profile = {.f32_flops_per_s = 1e3,
                                    .s8_ops_per_s = 4e3,
                                    .memory_bytes_per_s = 1e3,
                                    .launch_ns = 500000000};
    davit_unit_cost cost = cost_of(&profile, DAVIT_F32);
    assert_float_equal((float)cost.seconds, 4.5f, 1e-6f);
    assert_true(cost.confidence > 0 && cost.confidence < 1);
    assert_float_equal((float)cost_of(&profile, DAVIT_S8).seconds, 1.5f, 1e-6f);
    profile.memory_bytes_per_s = 100;
    assert_float_equal((float)cost_of(&profile, DAVIT_F32).seconds, 10.5f, 1e-6f);
    profile.memory_bytes_per_s = 0;
    cost = cost_of(&profile, DAVIT_F32);
    assert_float_equal((float)cost.seconds, 4.5f, 1e-6f);
    assert_true(cost.confidence == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables_are_checked),
        cmocka_unit_test(test_devices_of_all_backends_in_order),
        cmocka_unit_test(test_failed_enumeration_leaves_nothing),
        cmocka_unit_test(test_cost_defaults_to_a_roofline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
