#include "unit_test.h"

#include <stdlib.h>
#include <string.h>

#include "davit/allocator.h"

static void test_alloc_is_zeroed_and_aligned(void **state)
{
    (void)state;
    const davit_allocator *allocator = davit_allocator_default();
    for (size_t bytes = 0; bytes < 300; bytes += 37) {
        unsigned char *memory = davit_alloc(allocator, bytes);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % DAVIT_ALIGNMENT, 0);
        for (size_t i = 0; i < bytes; i++) {
            assert_int_equal(memory[i], 0);
        }
        davit_free(allocator, memory);
    }
    davit_free(allocator, NULL);
}

static void test_sizes_that_overflow_are_refused(void **state)
{
    (void)state;
    size_t result = 7;
    assert_false(davit_mul_size(SIZE_MAX / 2, 3, &result));
    assert_false(davit_add_size(SIZE_MAX, 1, &result));
    assert_int_equal(result, 7);
    assert_true(davit_mul_size(SIZE_MAX, 1, &result));
    assert_true(result == SIZE_MAX);
    assert_null(davit_alloc_array(davit_allocator_default(), SIZE_MAX / 2, 4));
}

static void test_array_grow_keeps_content(void **state)
{
    (void)state;
    const davit_allocator *allocator = davit_allocator_default();
    int *array = NULL;
    size_t capacity = 0;
    for (size_t count = 0; count < 1000; count++) {
        void *grown = array;
        assert_int_equal(
            davit_array_grow(allocator, &grown, &capacity, count, count + 1, sizeof(int)),
            DAVIT_OK);
        array = grown;
        array[count] = (int)count;
    }
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(array[i], i);
    }
    void *same = array;
    assert_int_equal(
        davit_array_grow(allocator, &same, &capacity, 1000, SIZE_MAX / 2, sizeof(int)),
        DAVIT_OUT_OF_MEMORY);
    assert_ptr_equal(same, array);
    davit_free(allocator, array);
}

static void test_arena_pieces_do_not_overlap(void **state)
{
    (void)state;
    davit_arena arena;
    davit_arena_init(&arena, davit_allocator_default());
    enum { PIECES = 400 };
    unsigned char *pieces[PIECES];
    size_t sizes[PIECES];
    uint64_t seed = 1;
    for (int i = 0; i < PIECES; i++) {
        sizes[i] = (size_t)test_random_below(&seed, i % 50 == 0 ? 60000 : 200);
        pieces[i] = davit_arena_alloc(&arena, sizes[i]);
        assert_non_null(pieces[i]);
        for (size_t k = 0; k < sizes[i]; k++) {
            assert_int_equal(pieces[i][k], 0);
        }
        memset(pieces[i], i & 0xff, sizes[i]);
    }
    for (int i = 0; i < PIECES; i++) {
        for (size_t k = 0; k < sizes[i]; k++) {
            assert_int_equal(pieces[i][k], i & 0xff);
        }
    }
    assert_null(davit_arena_alloc(&arena, SIZE_MAX - 4));
    assert_null(davit_arena_alloc_array(&arena, SIZE_MAX / 2, 3));
    assert_string_equal(davit_arena_printf(&arena, "%d-%s", 42, "x"), "42-x");
    assert_string_equal(davit_arena_strndup(&arena, "abcdef", 3), "abc");
    davit_arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc_is_zeroed_and_aligned),
        cmocka_unit_test(test_sizes_that_overflow_are_refused),
        cmocka_unit_test(test_array_grow_keeps_content),
        cmocka_unit_test(test_arena_pieces_do_not_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
