#include "unit_test.h"

#include <string.h>

#include "davit/tensor.h"

static void test_dense_strides(void **state)
{
    (void)state;
    davit_tensor_desc desc;
    const int64_t dims[] = {2, 3, 4, 5};
    assert_int_equal(davit_tensor_desc_dense(&desc, DAVIT_F32, 4, dims), DAVIT_OK);
    const int64_t dense[] = {60, 20, 5, 1};
    assert_memory_equal(desc.strides, dense, sizeof(dense));
    assert_int_equal(davit_tensor_desc_bytes(&desc), 480);
    assert_true(davit_tensor_desc_is_dense(&desc));
    davit_tensor_desc_channels_last(&desc);
    const int64_t nhwc[] = {60, 1, 15, 3};
    assert_memory_equal(desc.strides, nhwc, sizeof(nhwc));
    assert_false(davit_tensor_desc_is_dense(&desc));
}

static void test_sizes_are_checked_before_allocation(void **state)
{
    (void)state;
    davit_tensor_desc desc;
    memset(&desc, 0x5a, sizeof(desc));
    davit_tensor_desc before = desc;
    const int64_t huge[] = {INT64_MAX, INT64_MAX, 4};
    const int64_t hidden[] = {0, INT64_MAX, INT64_MAX};
    const int64_t negative[] = {-1};
    assert_int_equal(davit_tensor_desc_dense(&desc, DAVIT_F32, 3, huge), DAVIT_OUT_OF_MEMORY);
    assert_int_equal(davit_tensor_desc_dense(&desc, DAVIT_F32, 3, hidden), DAVIT_OUT_OF_MEMORY);
    assert_int_equal(davit_tensor_desc_dense(&desc, DAVIT_F32, 1, negative),
                     DAVIT_INVALID_ARGUMENT);
    assert_int_equal(davit_tensor_desc_dense(&desc, DAVIT_F32, 9, huge), DAVIT_INVALID_ARGUMENT);
    assert_int_equal(davit_tensor_desc_dense(&desc, DAVIT_STRING, 0, NULL), DAVIT_UNSUPPORTED);
    assert_memory_equal(&desc, &before, sizeof(desc));
    davit_tensor *tensor = (davit_tensor *)&desc;
    assert_int_equal(davit_tensor_create(davit_allocator_default(), DAVIT_F32, 3, huge, &tensor),
                     DAVIT_OUT_OF_MEMORY);
    assert_null(tensor);
}

static int64_t offset_of(const davit_tensor_desc *desc, const int64_t *index)
{
    int64_t offset = 0;
    for (int i = 0; i < desc->rank; i++) {
        offset += index[i] * desc->strides[i];
    }
    return offset;
}

/* Against a walk over every index, for random shapes and layouts of every element size. */
static void test_copy_layout(void **state)
{
    (void)state;
    static const davit_dtype dtypes[] = {DAVIT_U8, DAVIT_F16, DAVIT_F32, DAVIT_S64};
    uint64_t seed = 3;
    for (int round = 0; round < 400; round++) {
        davit_dtype dtype = dtypes[round % 4];
        size_t size = davit_dtype_bytes(dtype);
        int rank = (int)test_random_below(&seed, 6);
        int64_t dims[DAVIT_MAX_RANK];
        for (int i = 0; i < rank; i++) {
            dims[i] = (int64_t)test_random_below(&seed, 6) + (round % 10 != 0);
        }
        davit_tensor *from;
        davit_tensor *to;
        const davit_allocator *allocator = davit_allocator_default();
        assert_int_equal(davit_tensor_create(allocator, dtype, rank, dims, &from), DAVIT_OK);
        assert_int_equal(davit_tensor_create(allocator, dtype, rank, dims, &to), DAVIT_OK);
        davit_tensor_desc_channels_last(round % 2 == 0 ? &from->desc : &to->desc);
        size_t bytes = davit_tensor_desc_bytes(&from->desc);
        for (size_t i = 0; i < bytes; i++) {
            ((unsigned char *)from->data)[i] = (unsigned char)test_random(&seed);
        }
        assert_int_equal(davit_tensor_copy_layout(&from->desc, from->data, &to->desc, to->data),
                         DAVIT_OK);
        int64_t elems = davit_tensor_desc_elems(&from->desc);
        for (int64_t k = 0; k < elems; k++) {
            int64_t index[DAVIT_MAX_RANK];
            int64_t rest = k;
            for (int i = rank - 1; i >= 0; i--) {
                index[i] = rest % dims[i];
                rest /= dims[i];
            }
            assert_memory_equal(
                (char *)from->data + (size_t)offset_of(&from->desc, index) * size,
                (char *)to->data + (size_t)offset_of(&to->desc, index) * size, size);
        }
        davit_tensor_destroy(from);
        davit_tensor_destroy(to);
    }
}

static void test_clone_is_dense_and_equal(void **state)
{
    (void)state;
    const int64_t dims[] = {1, 2, 1, 3};
    davit_tensor *tensor;
    assert_int_equal(
        davit_tensor_create(davit_allocator_default(), DAVIT_S32, 4, dims, &tensor), DAVIT_OK);
    davit_tensor_desc_channels_last(&tensor->desc);
    for (int i = 0; i < 6; i++) {
        ((int32_t *)tensor->data)[i] = i;
    }
    davit_tensor *copy;
    assert_int_equal(davit_tensor_clone(davit_allocator_default(), tensor, &copy), DAVIT_OK);
    const int32_t expected[] = {0, 2, 4, 1, 3, 5};
    assert_memory_equal(copy->data, expected, sizeof(expected));
    assert_true(davit_tensor_desc_is_dense(&copy->desc));
    davit_tensor_destroy(copy);
    davit_tensor_destroy(tensor);
    davit_tensor_destroy(NULL);
}

static void test_shape_text(void **state)
{
    (void)state;
    char text[32];
    const int64_t dims[] = {1, 3, 640, 640};
    assert_string_equal(davit_shape_text(dims, 4, text, sizeof(text)), "1x3x640x640");
    assert_string_equal(davit_shape_text(dims, 0, text, sizeof(text)), "scalar");
    assert_string_equal(davit_shape_text(dims, 4, text, 6), "1x3x6");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dense_strides),
        cmocka_unit_test(test_sizes_are_checked_before_allocation),
        cmocka_unit_test(test_copy_layout),
        cmocka_unit_test(test_clone_is_dense_and_equal),
        cmocka_unit_test(test_shape_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
