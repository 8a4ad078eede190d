#include "unit_test.h"

#include "davit/memory_plan.h"

enum { REQUESTS = 60, STEPS = 40, ALIGNMENT = 64 };

/* The bytes that are live at the busiest step: no plan can need less. */
static size_t live_bytes(const davit_memory_request *requests)
{
    size_t most = 0;
    for (size_t step = 0; step < STEPS; step++) {
        size_t live = 0;
        for (int i = 0; i < REQUESTS; i++) {
            if (requests[i].first <= step && step <= requests[i].last) {
                live += requests[i].bytes;
            }
        }
        most = live > most ? live : most;
    }
    return most;
}

static void check_plan(const davit_memory_request *requests, size_t total)
{
    for (int i = 0; i < REQUESTS; i++) {
        const davit_memory_request *a = &requests[i];
        assert_int_equal(a->offset_bytes % ALIGNMENT, 0);
        assert_true(a->offset_bytes + a->bytes <= total);
        for (int k = 0; k < i; k++) {
            const davit_memory_request *b = &requests[k];
            int together = a->first <= b->last && b->first <= a->last;
            int apart = a->offset_bytes + a->bytes <= b->offset_bytes ||
                        b->offset_bytes + b->bytes <= a->offset_bytes;
            assert_true(!together || apart || a->bytes == 0 || b->bytes == 0);
        }
    }
}

static void test_random_lifetimes(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int round = 0; round < 300; round++) {
        davit_memory_request requests[REQUESTS];
        for (int i = 0; i < REQUESTS; i++) {
            size_t first = (size_t)test_random_below(&seed, STEPS);
            size_t span = (size_t)test_random_below(&seed, STEPS - first);
            requests[i] = (davit_memory_request){
                .bytes = (size_t)test_random_below(&seed, 20) * 100, .first = first,
                .last = first + span / 4};
        }
        size_t total = 0;
        assert_int_equal(
            davit_memory_plan(davit_allocator_default(), requests, REQUESTS, ALIGNMENT, &total),
            DAVIT_OK);
        check_plan(requests, total);
        size_t floor = live_bytes(requests);
        assert_true(total >= floor);
        assert_true(total <= floor + floor / 2 + REQUESTS * ALIGNMENT);
    }
}

static void test_chain_needs_two_buffers(void **state)
{
    (void)state;
    davit_memory_request requests[20];
    for (size_t i = 0; i < 20; i++) {
        requests[i] = (davit_memory_request){.bytes = 1024, .first = i, .last = i + 1};
    }
    size_t total;
    assert_int_equal(davit_memory_plan(davit_allocator_default(), requests, 20, 64, &total),
                     DAVIT_OK);
    assert_int_equal(total, 2048);
}

static void test_bad_arguments(void **state)
{
    (void)state;
    davit_memory_request request = {.bytes = 8, .first = 2, .last = 1};
    size_t total = 99;
    const davit_allocator *allocator = davit_allocator_default();
    assert_int_equal(davit_memory_plan(allocator, &request, 1, 64, &total),
                     DAVIT_INVALID_ARGUMENT);
    request.last = 3;
    assert_int_equal(davit_memory_plan(allocator, &request, 1, 48, &total),
                     DAVIT_INVALID_ARGUMENT);
    davit_memory_request huge[2] = {{.bytes = SIZE_MAX}, {.bytes = 1}};
    assert_int_equal(davit_memory_plan(allocator, huge, 2, 64, &total), DAVIT_OUT_OF_MEMORY);
    assert_int_equal(total, 99);
    assert_int_equal(davit_memory_plan(allocator, NULL, 0, 64, &total), DAVIT_OK);
    assert_int_equal(total, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_lifetimes),
        cmocka_unit_test(test_chain_needs_two_buffers),
        cmocka_unit_test(test_bad_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
