#include "suite.h"

#include <string.h>

/* Names, descriptions and profiles are filled; a small capacity is respected. */
static void enumerate_is_complete(test_suite *suite)
{
    enum { MOST = 64 };
    static davit_device_info all[MOST], one[2];
    size_t count = 0;
    size_t count_of_one = 0;
    const davit_backend_table *table = suite->backend->table;
    CHECK_STATUS(suite, table->enumerate(suite->backend, NULL, all, MOST, &count), DAVIT_OK);
    CHECK(suite, count >= 1 && count <= MOST);
    for (size_t i = 0; i < count; i++) {
        CHECK(suite, all[i].name[0] != '\0' && all[i].description[0] != '\0');
        CHECK(suite, all[i].profile.name[0] != '\0');
        CHECK(suite, all[i].profile.f32_flops_per_s >= 0);
        for (size_t j = 0; j < i; j++) {
            CHECK(suite, strcmp(all[i].name, all[j].name) != 0);
        }
    }
    strcpy(one[1].name, "untouched");
    CHECK_STATUS(suite, table->enumerate(suite->backend, NULL, one, 1, &count_of_one), DAVIT_OK);
    CHECK(suite, count_of_one == count);
    CHECK(suite, strcmp(one[0].name, all[0].name) == 0);
    CHECK(suite, strcmp(one[1].name, "untouched") == 0);
    CHECK_STATUS(suite, table->enumerate(suite->backend, NULL, NULL, 0, &count), DAVIT_OK);
}

/* Devices open again and again, also side by side. */
static void opens_repeatedly(test_suite *suite)
{
    const davit_device_options options = {.allocator = &suite->allocator.allocator,
                                          .diag = &suite->errors.sink};
    for (int i = 0; i < 3; i++) {
        davit_device *device = NULL;
        CHECK_STATUS(suite, davit_device_open(suite->backend, &suite->info, &options, &device),
                     DAVIT_OK);
        CHECK(suite, device->backend == suite->backend);
        CHECK(suite, strcmp(device->info.name, suite->info.name) == 0);
        davit_device_close(device);
    }
    davit_device_close(NULL);
}

static void opens_without_options(test_suite *suite)
{
    davit_device *device = NULL;
    CHECK_STATUS(suite, davit_device_open(suite->backend, &suite->info, NULL, &device), DAVIT_OK);
    CHECK(suite, device->options.allocator == davit_allocator_default());
    davit_device_close(device);
}

static void unusable_is_refused(test_suite *suite)
{
    davit_device_info info = suite->info;
    strcpy(info.unusable, "no driver");
    const davit_device_options options = {.allocator = &suite->allocator.allocator,
                                          .diag = &suite->errors.sink};
    davit_device *device = suite->device;
    CHECK_STATUS(suite, davit_device_open(suite->backend, &info, &options, &device),
                 DAVIT_UNAVAILABLE);
    CHECK(suite, device == NULL);
    CHECK(suite, strstr(suite->errors.text, "no driver") != NULL);
    CHECK(suite, suite->errors.count == 1);
}

static void missing_arguments_are_refused(test_suite *suite)
{
    davit_device *device = suite->device;
    CHECK_STATUS(suite, davit_device_open(NULL, &suite->info, NULL, &device),
                 DAVIT_INVALID_ARGUMENT);
    CHECK(suite, device == NULL);
    CHECK_STATUS(suite, davit_device_open(suite->backend, NULL, NULL, &device),
                 DAVIT_INVALID_ARGUMENT);
    CHECK_STATUS(suite, davit_device_open(suite->backend, &suite->info, NULL, NULL),
                 DAVIT_INVALID_ARGUMENT);
}

/* What a backend of this build cannot do to its table: the registry takes it. */
static void table_is_valid(test_suite *suite)
{
    davit_registry registry;
    davit_registry_init(&registry, NULL);
    CHECK_STATUS(suite, davit_registry_add(&registry, suite->backend->table, &suite->errors.sink),
                 DAVIT_OK);
    CHECK(suite, suite->device->table->abi_version == DAVIT_BACKEND_ABI_VERSION);
}

static const suite_test tests[] = {
    {"device/enumerate_is_complete", enumerate_is_complete},
    {"device/opens_repeatedly", opens_repeatedly},
    {"device/opens_without_options", opens_without_options},
    {"device/unusable_is_refused", unusable_is_refused},
    {"device/missing_arguments_are_refused", missing_arguments_are_refused},
    {"device/table_is_valid", table_is_valid},
};

const suite_group conformance_device = SUITE_GROUP(tests);
