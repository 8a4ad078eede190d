/* The rules that inference and kernels share: slices at the limits, and memory that runs out. */
#include "unit_test.h"

#include <math.h>

#include "counting_allocator.h"
#include "davit/shape_rules.h"

typedef struct slice_case {
    int64_t dim, start, end, step;
    int64_t first, count; /* first is not looked at for an empty slice */
} slice_case;

static void test_slices(void **state)
{
    (void)state;
    static const slice_case cases[] = {
        {10, 2, 7, 2, 2, 3},
        {10, -3, INT64_MAX, 1, 7, 3},
        {10, INT64_MIN, INT64_MAX, INT64_MAX, 0, 1},
        {10, INT64_MAX, INT64_MIN, -1, 9, 10},
        {10, INT64_MAX, INT64_MIN, INT64_MIN, 9, 1},
        {10, 9, 0, -3, 9, 3},
        {10, 3, 3, 1, 0, 0},
        {10, 3, 4, -1, 0, 0},
        {0, 0, INT64_MAX, 1, 0, 0},
        {0, INT64_MAX, INT64_MIN, -1, 0, 0},
        {1, -1, INT64_MIN, -1, 0, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const slice_case *c = &cases[i];
        int64_t start = c->start;
        int64_t count = davit_slice_resolve(c->dim, &start, c->end, c->step);
        if (count != c->count || (count > 0 && start != c->first)) {
            fail_msg("case %zu: %lld from %lld", i, (long long)count, (long long)start);
        }
    }
}

static void test_unique_out_of_memory(void **state)
{
    (void)state;
    counting_allocator counting;
    counting_allocator_init(&counting);
    float values[5] = {3, 1, 3, 2, 1};
    davit_tensor tensor = {.data = values};
    assert_int_equal(davit_tensor_desc_dense(&tensor.desc, DAVIT_F32, 1, (const int64_t[]){5}),
                     DAVIT_OK);
    davit_unique unique;
    davit_status status = DAVIT_OUT_OF_MEMORY;
    size_t failures = 0;
    while (status == DAVIT_OUT_OF_MEMORY) {
        counting_allocator_restart(&counting, ++failures);
        status = davit_unique_find(&counting.allocator, &tensor, -1, false, &unique);
        assert_true(status == DAVIT_OK || (atomic_load(&counting.live) == 0 && !unique.first));
    }
    assert_int_equal(status, DAVIT_OK);
    assert_int_equal(failures, 7);
    assert_int_equal(unique.count, 3);
    davit_unique_free(&unique);
    assert_int_equal(atomic_load(&counting.live), 0);
}

static void test_selection_out_of_memory(void **state)
{
    (void)state;
    counting_allocator counting;
    counting_allocator_init(&counting);
    const float boxes[8] = {0, 0, 1, 1, 5, 5, 6, 6};
    const float scores[2] = {1, 2};
    const davit_box_query query = {.boxes = boxes,
                                   .scores = scores,
                                   .batch_count = 1,
                                   .class_count = 1,
                                   .box_count = 2,
                                   .limit = 2,
                                   .score_threshold = -INFINITY};
    davit_status status = DAVIT_OUT_OF_MEMORY;
    int64_t *selected = NULL;
    size_t count = 0;
    size_t failures = 0;
    while (status == DAVIT_OUT_OF_MEMORY) {
        counting_allocator_restart(&counting, ++failures);
        status = davit_select_boxes(&counting.allocator, &query, &selected, &count);
        assert_true(status == DAVIT_OK || (atomic_load(&counting.live) == 0 && !selected));
    }
    assert_int_equal(status, DAVIT_OK);
    assert_int_equal(failures, 3);
    assert_int_equal(count, 2);
    assert_int_equal(selected[2], 1);
    assert_int_equal(selected[5], 0);
    davit_free(&counting.allocator, selected);
    assert_int_equal(atomic_load(&counting.live), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_unique_out_of_memory),
        cmocka_unit_test(test_selection_out_of_memory),
    };
    return cmocka_run_group_tests_name("shape_rules", tests, NULL, NULL);
}
