#include "suite.h"

#include <stdlib.h>
#include <string.h>

#define SECOND 1000000000u

/* Runs commands on a queue of their own. */
static davit_status run(test_suite *suite, const davit_command *commands, size_t count)
{
    davit_queue *queue = NULL;
    davit_status status = davit_queue_create(suite->device, &queue);
    if (status == DAVIT_OK) {
        status = davit_queue_run(queue, commands, count, davit_deadline_after(10ull * SECOND));
    }
    davit_queue_free(queue);
    return status;
}

static davit_command write_to(davit_buffer *buffer, size_t offset, size_t bytes, const void *source)
{
    return (davit_command){
        .kind = DAVIT_COMMAND_WRITE, .to = {buffer, offset, bytes}, .host_source = source};
}

static davit_command read_from(davit_buffer *buffer, size_t offset, size_t bytes, void *target)
{
    return (davit_command){
        .kind = DAVIT_COMMAND_READ, .from = {buffer, offset, bytes}, .host_target = target};
}

static void sizes_and_alignment(test_suite *suite)
{
    static const size_t sizes[] = {1, 63, 64, 65, 4096, 1000003};
    davit_buffer *buffers[sizeof(sizes) / sizeof(sizes[0])];
    size_t count = sizeof(sizes) / sizeof(sizes[0]);
    for (size_t i = 0; i < count; i++) {
        CHECK_STATUS(suite, davit_buffer_alloc(suite->device, sizes[i], &buffers[i]), DAVIT_OK);
        CHECK(suite, buffers[i]->bytes == sizes[i]);
        CHECK(suite, buffers[i]->device == suite->device);
        void *mapped = NULL;
        if (suite->device->table->buffer_map != NULL) {
            CHECK_STATUS(suite, davit_buffer_map(buffers[i], &mapped), DAVIT_OK);
            CHECK(suite, (uintptr_t)mapped % DAVIT_ALIGNMENT == 0);
            memset(mapped, (int)i, sizes[i]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        davit_buffer_free(buffers[i]);
    }
    davit_buffer_free(NULL);
}

static void bytes_come_back(test_suite *suite)
{
    enum { BYTES = 3000 };
    static uint8_t source[BYTES], target[BYTES];
    for (int i = 0; i < BYTES; i++) {
        source[i] = (uint8_t)(i * 7);
    }
    davit_buffer *first = NULL;
    davit_buffer *second = NULL;
    CHECK_STATUS(suite, davit_buffer_alloc(suite->device, BYTES, &first), DAVIT_OK);
    CHECK_STATUS(suite, davit_buffer_alloc(suite->device, BYTES + 5, &second), DAVIT_OK);
    const davit_command commands[] = {
        write_to(first, 0, BYTES, source),
        {.kind = DAVIT_COMMAND_FILL, .to = {second, 0, BYTES + 5}, .pattern = 0xee},
        {.kind = DAVIT_COMMAND_COPY, .from = {first, 10, 100}, .to = {second, 3, 100}},
        {.kind = DAVIT_COMMAND_COPY, .from = {second, 3, 100}, .to = {second, 200, 100}},
        read_from(second, 0, 400, target),
    };
    CHECK_STATUS(suite, run(suite, commands, 5), DAVIT_OK);
    CHECK(suite, target[2] == 0xee && target[103] == 0xee && target[199] == 0xee);
    CHECK(suite, memcmp(target + 3, source + 10, 100) == 0);
    CHECK(suite, memcmp(target + 200, source + 10, 100) == 0);
    CHECK(suite, target[300] == 0xee);
    davit_buffer_free(first);
    davit_buffer_free(second);
}

/* Commands of less than a whole buffer leave the rest as it was. */
static void neighbours_are_left_alone(test_suite *suite)
{
    uint8_t bytes[64];
    uint8_t source[16];
    memset(source, 1, sizeof(source));
    davit_buffer *buffer = NULL;
    CHECK_STATUS(suite, davit_buffer_alloc(suite->device, 64, &buffer), DAVIT_OK);
    const davit_command commands[] = {
        {.kind = DAVIT_COMMAND_FILL, .to = {buffer, 0, 64}, .pattern = 9},
        write_to(buffer, 8, 16, source),
        {.kind = DAVIT_COMMAND_FILL, .to = {buffer, 40, 3}, .pattern = 2},
        read_from(buffer, 0, 64, bytes),
    };
    CHECK_STATUS(suite, run(suite, commands, 4), DAVIT_OK);
    for (int i = 0; i < 64; i++) {
        int expected = i >= 8 && i < 24 ? 1 : i >= 40 && i < 43 ? 2 : 9;
        CHECK(suite, bytes[i] == expected);
    }
    davit_buffer_free(buffer);
}

static void zero_bytes_are_legal(test_suite *suite)
{
    davit_buffer *empty = NULL;
    davit_buffer *buffer = NULL;
    CHECK_STATUS(suite, davit_buffer_alloc(suite->device, 0, &empty), DAVIT_OK);
    CHECK(suite, empty->bytes == 0);
    CHECK_STATUS(suite, davit_buffer_alloc(suite->device, 8, &buffer), DAVIT_OK);
    const davit_command commands[] = {
        write_to(empty, 0, 0, NULL),
        read_from(empty, 0, 0, NULL),
        {.kind = DAVIT_COMMAND_FILL, .to = {empty, 0, 0}, .pattern = 1},
        {.kind = DAVIT_COMMAND_COPY, .from = {buffer, 8, 0}, .to = {empty, 0, 0}},
        {.kind = DAVIT_COMMAND_COPY, .from = {buffer, 4, 0}, .to = {buffer, 4, 0}},
    };
    CHECK_STATUS(suite, run(suite, commands, 5), DAVIT_OK);
    uint8_t byte = 0;
    const davit_command too_much = write_to(empty, 0, 1, &byte);
    CHECK_STATUS(suite, run(suite, &too_much, 1), DAVIT_INVALID_ARGUMENT);
    davit_buffer_free(buffer);
    davit_buffer_free(empty);
}

static void references_beyond_a_buffer_are_refused(test_suite *suite)
{
    uint8_t bytes[32];
    davit_buffer *buffer = NULL;
    CHECK_STATUS(suite, davit_buffer_alloc(suite->device, 16, &buffer), DAVIT_OK);
    const davit_command commands[] = {
        write_to(buffer, 0, 17, bytes),
        write_to(buffer, 16, 1, bytes),
        write_to(buffer, SIZE_MAX, 1, bytes),
        write_to(buffer, 1, SIZE_MAX, bytes),
        read_from(buffer, 17, 0, bytes),
        write_to(NULL, 0, 4, bytes),
        write_to(buffer, 0, 4, NULL),
        read_from(buffer, 0, 4, NULL),
        {.kind = DAVIT_COMMAND_FILL, .to = {buffer, 8, 9}},
        {.kind = DAVIT_COMMAND_COPY, .from = {buffer, 0, 4}, .to = {buffer, 4, 5}},
        {.kind = DAVIT_COMMAND_COPY, .from = {buffer, 0, 8}, .to = {buffer, 7, 8}},
        {.kind = DAVIT_COMMAND_COPY, .from = {buffer, 3, 4}, .to = {buffer, 3, 4}},
        {.kind = (davit_command_kind)77},
    };
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        suite->errors.count = 0;
        CHECK_STATUS(suite, run(suite, &commands[i], 1), DAVIT_INVALID_ARGUMENT);
        CHECK(suite, suite->errors.count == 1);
    }
    davit_buffer_free(buffer);
}

static void buffers_of_other_devices_are_refused(test_suite *suite)
{
    uint8_t byte = 0;
    davit_device *other = suite_open_null(suite, NULL);
    CHECK(suite, other != NULL);
    davit_buffer *buffer = NULL;
    CHECK_STATUS(suite, davit_buffer_alloc(other, 16, &buffer), DAVIT_OK);
    const davit_command command = write_to(buffer, 0, 1, &byte);
    CHECK_STATUS(suite, run(suite, &command, 1), DAVIT_INVALID_ARGUMENT);
    davit_buffer_free(buffer);
    davit_device_close(other);
}

static void impossible_sizes_are_refused(test_suite *suite)
{
    davit_buffer *buffer = (davit_buffer *)suite;
    CHECK_STATUS(suite, davit_buffer_alloc(suite->device, SIZE_MAX, &buffer), DAVIT_OUT_OF_MEMORY);
    CHECK(suite, buffer == NULL);
    CHECK_STATUS(suite, davit_buffer_alloc(suite->device, SIZE_MAX / 2, &buffer),
                 DAVIT_OUT_OF_MEMORY);
    CHECK_STATUS(suite, davit_buffer_alloc(NULL, 8, &buffer), DAVIT_INVALID_ARGUMENT);
    CHECK_STATUS(suite, davit_buffer_alloc(suite->device, 8, NULL), DAVIT_INVALID_ARGUMENT);
    void *mapped = suite;
    CHECK_STATUS(suite, davit_buffer_map(NULL, &mapped), DAVIT_INVALID_ARGUMENT);
    CHECK(suite, mapped == NULL);
}

/* What is written through the map is what commands see, and the other way round. */
static void map_is_the_memory(test_suite *suite)
{
    if (suite->device->table->buffer_map == NULL) {
        SKIP(suite, "the device's memory is not visible to the host");
    }
    davit_buffer *buffer = NULL;
    CHECK_STATUS(suite, davit_buffer_alloc(suite->device, 64, &buffer), DAVIT_OK);
    void *mapped = NULL;
    void *again = NULL;
    CHECK_STATUS(suite, davit_buffer_map(buffer, &mapped), DAVIT_OK);
    CHECK_STATUS(suite, davit_buffer_map(buffer, &again), DAVIT_OK);
    CHECK(suite, mapped == again);
    uint8_t *bytes = mapped;
    bytes[5] = 42;
    uint8_t got = 0;
    const davit_command commands[] = {
        read_from(buffer, 5, 1, &got),
        {.kind = DAVIT_COMMAND_FILL, .to = {buffer, 6, 1}, .pattern = 43},
    };
    CHECK_STATUS(suite, run(suite, commands, 2), DAVIT_OK);
    CHECK(suite, got == 42 && bytes[6] == 43);
    davit_buffer_free(buffer);
}

static const suite_test tests[] = {
    {"buffer/sizes_and_alignment", sizes_and_alignment},
    {"buffer/bytes_come_back", bytes_come_back},
    {"buffer/neighbours_are_left_alone", neighbours_are_left_alone},
    {"buffer/zero_bytes_are_legal", zero_bytes_are_legal},
    {"buffer/references_beyond_a_buffer_are_refused", references_beyond_a_buffer_are_refused},
    {"buffer/buffers_of_other_devices_are_refused", buffers_of_other_devices_are_refused},
    {"buffer/impossible_sizes_are_refused", impossible_sizes_are_refused},
    {"buffer/map_is_the_memory", map_is_the_memory},
};

const suite_group conformance_buffer = SUITE_GROUP(tests);
