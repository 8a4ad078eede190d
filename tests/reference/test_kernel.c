/* What all kernels share: the table of kernels, element access, walks and blocks. */
#include "unit_test.h"

#include <math.h>
#include <string.h>

#include "backends/reference/block.h"
#include "backends/reference/kernel.h"

static davit_tensor *create(davit_dtype dtype, int rank, const int64_t *dims)
{
    davit_tensor *tensor;
    assert_int_equal(davit_tensor_create(davit_allocator_default(), dtype, rank, dims, &tensor),
                     DAVIT_OK);
    return tensor;
}

static void test_every_operator_has_a_kernel(void **state)
{
    (void)state;
    for (int op = 0; op < DAVIT_OP_COUNT; op++) {
        const davit_op_info *info = davit_op_get((davit_op)op);
        assert_non_null(info);
        if (davit_kernel_find((davit_op)op) == NULL) {
            fail_msg("%s has no kernel", info->name);
        }
    }
}

typedef struct access_case {
    davit_dtype dtype;
    double stored;
    double loaded;
} access_case;

static void test_stores_saturate_and_round_once(void **state)
{
    (void)state;
    static const access_case cases[] = {
        {DAVIT_S8, 127.9, 127},
        {DAVIT_S8, 1e9, 127},
        {DAVIT_S8, -1e9, -128},
        {DAVIT_U8, -0.9, 0},
        {DAVIT_U16, 65536, 65535},
        {DAVIT_S16, -32769, -32768},
        {DAVIT_S32, 2147483647.5, 2147483647},
        {DAVIT_U32, 4294967296.0, 4294967295.0},
        {DAVIT_S64, 9223372036854775808.0, 9223372036854775808.0}, /* 2^63 - 1, loaded as f64 */
        {DAVIT_U64, 18446744073709551616.0, 18446744073709551616.0},
        {DAVIT_U64, -INFINITY, 0},
        {DAVIT_S32, NAN, 0},
        {DAVIT_BOOL, 0.25, 1},
        {DAVIT_BOOL, -0.0, 0},
        {DAVIT_F16, 65519.99, 65504},
        {DAVIT_F16, 65520, INFINITY},
        /* Just above and below halfway between 1 and the next bf16, 1 + 2^-7. */
        {DAVIT_BF16, 1.00390625 + 1e-12, 1.0078125},
        {DAVIT_BF16, 1.00390625 - 1e-12, 1},
        {DAVIT_BF16, -1.00390625 - 1e-12, -1.0078125},
        {DAVIT_BF16, 1e300, INFINITY},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        davit_tensor *tensor = create(cases[i].dtype, 1, (const int64_t[]){2});
        davit_store_f64(tensor, 1, cases[i].stored);
        if (davit_load_f64(tensor, 1) != cases[i].loaded || davit_load_f64(tensor, 0) != 0.0) {
            fail_msg("%s: %.17g gives %.17g", davit_dtype_name(cases[i].dtype), cases[i].stored,
                     davit_load_f64(tensor, 1));
        }
        davit_tensor_destroy(tensor);
    }
}

/* Runs convert exactly as single accesses do, for every pair of types. */
static void test_runs_agree_with_single_elements(void **state)
{
    (void)state;
    static const double values[] = {0, 1, -1, 2.5, 200, -200, 70000, -1e12, 1e30, NAN};
    enum { COUNT = sizeof(values) / sizeof(values[0]) };
    for (int d = 1; d < DAVIT_DTYPE_COUNT; d++) {
        if (davit_dtype_bytes((davit_dtype)d) == 0) {
            continue;
        }
        davit_tensor *single = create((davit_dtype)d, 1, (const int64_t[]){COUNT});
        davit_tensor *run = create((davit_dtype)d, 1, (const int64_t[]){COUNT});
        size_t bytes = davit_tensor_desc_bytes(&run->desc);
        double f[COUNT];
        int64_t s[COUNT];
        for (int i = 0; i < COUNT; i++) {
            davit_store_f64(single, i, values[i]);
        }
        davit_store_f64_run(run, 0, COUNT, values);
        assert_memory_equal(run->data, single->data, bytes);
        davit_load_f64_run(run, COUNT - 1, -1, COUNT, f);
        davit_load_s64_run(run, 0, 1, COUNT, s);
        for (int i = 0; i < COUNT; i++) {
            double expected = davit_load_f64(single, COUNT - 1 - i);
            assert_true(f[i] == expected || (isnan(f[i]) && isnan(expected)));
            assert_true(s[i] == davit_load_s64(single, i));
        }
        for (int i = 0; i < COUNT; i++) {
            davit_store_s64(single, i, s[i]);
        }
        davit_store_s64_run(run, 0, COUNT, s);
        assert_memory_equal(run->data, single->data, bytes);
        davit_tensor_destroy(single);
        davit_tensor_destroy(run);
    }
}

/* A cursor read in pieces of any length gives what indexing gives. */
static void test_cursor_broadcasts(void **state)
{
    (void)state;
    const int64_t dims[4] = {2, 3, 4, 5};
    uint64_t seed = 1;
    for (unsigned mask = 0; mask < 16; mask++) {
        int64_t shape[4];
        int64_t strides[4];
        for (int d = 0; d < 4; d++) {
            shape[d] = (mask >> d & 1u) != 0 ? 1 : dims[d];
        }
        davit_tensor *tensor = create(DAVIT_S32, 4, shape);
        for (int64_t i = 0; i < davit_tensor_desc_elems(&tensor->desc); i++) {
            davit_store_s64(tensor, i, i);
        }
        davit_broadcast_strides(&tensor->desc, 4, dims, strides);
        int64_t got[120];
        davit_cursor cursor = davit_cursor_make(tensor, 4, dims);
        for (int64_t done = 0; done < 120;) {
            int64_t piece = 1 + (int64_t)(test_random(&seed) % 17);
            piece = piece < 120 - done ? piece : 120 - done;
            davit_cursor_s64(&cursor, piece, got + done);
            done += piece;
        }
        for (int64_t i = 0; i < 120; i++) {
            int64_t index = i / 60 * strides[0] + i / 20 % 3 * strides[1] + i / 5 % 4 * strides[2] +
                            i % 5 * strides[3];
            assert_int_equal(got[i], index);
        }
        davit_tensor_destroy(tensor);
    }
}

static void test_walk(void **state)
{
    (void)state;
    const int64_t dims[3] = {2, 1, 3};
    davit_walk walk = davit_walk_make(3, dims);
    davit_walk_add(&walk, (const int64_t[]){3, 3, 1});
    davit_walk_add(&walk, (const int64_t[]){-10, 7, 0});
    int64_t i = 0;
    for (bool more = davit_walk_start(&walk); more; more = davit_walk_next(&walk), i++) {
        assert_int_equal(walk.offset[0], i);
        assert_int_equal(walk.offset[1], i / 3 * -10);
        assert_int_equal(walk.index[0] * 3 + walk.index[2], i);
    }
    assert_int_equal(i, 6);
    davit_walk_collapse(&walk);
    assert_int_equal(walk.rank, 2);

    davit_walk empty = davit_walk_make(2, (const int64_t[]){3, 0});
    assert_false(davit_walk_start(&empty));
    davit_walk scalar = davit_walk_make(0, NULL);
    assert_true(davit_walk_start(&scalar));
    assert_false(davit_walk_next(&scalar));
}

static void test_walk_copy(void **state)
{
    (void)state;
    const uint16_t from[6] = {1, 2, 3, 4, 5, 6};
    const uint16_t expected[6] = {3, 6, 2, 5, 1, 4}; /* columns backwards, transposed */
    uint16_t to[6] = {0};
    davit_walk walk = davit_walk_make(2, (const int64_t[]){3, 2});
    davit_walk_add(&walk, (const int64_t[]){2, 1});
    davit_walk_add(&walk, (const int64_t[]){-1, 3});
    davit_walk_copy(&walk, sizeof(from[0]), to, from + 2);
    assert_memory_equal(to, expected, sizeof(expected));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_operator_has_a_kernel),
        cmocka_unit_test(test_stores_saturate_and_round_once),
        cmocka_unit_test(test_runs_agree_with_single_elements),
        cmocka_unit_test(test_cursor_broadcasts),
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_walk_copy),
    };
    return cmocka_run_group_tests_name("kernel", tests, NULL, NULL);
}
