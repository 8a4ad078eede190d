/* The bytes expected are what numpy 2.4 (numpy.save) writes for the same arrays. */
#include "unit_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "npy.h"

typedef struct npy_case {
    const char *header; /* without the padding */
    davit_dtype dtype;
    int rank;
    int64_t dims[2];
    const void *body; /* row-major */
    size_t bytes;
} npy_case;

static const float f4[] = {0, 1, 2, 3, 4, 5};
static const int64_t i8[] = {7};
static const uint8_t b1[] = {1, 0};

static const npy_case cases[] = {
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", DAVIT_F32, 2, {2, 3}, f4, 24},
    {"{'descr': '<i8', 'fortran_order': False, 'shape': (), }", DAVIT_S64, 0, {0}, i8, 8},
    {"{'descr': '|b1', 'fortran_order': False, 'shape': (2,), }", DAVIT_BOOL, 1, {2}, b1, 2},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (0, 4), }", DAVIT_U8, 2, {0, 4}, b1, 0},
};

static size_t file_bytes(const char *header, const void *body, size_t bytes, char *out)
{
    memset(out, ' ', 128);
    memcpy(out, "\x93NUMPY\x01\x00v\x00", 10);
    memcpy(out + 10, header, strlen(header));
    out[127] = '\n';
    memcpy(out + 128, body, bytes);
    return 128 + bytes;
}

static void write_file(const char *path, const char *bytes, size_t count)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

static int make_path(void **state)
{
    static char path[] = "/tmp/davit-npy-XXXXXX";
    int fd = mkstemp(path);
    *state = path;
    return fd < 0 || close(fd) != 0;
}

static int remove_path(void **state)
{
    return unlink(*state);
}

static void test_writes_what_numpy_writes(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const npy_case *item = &cases[i];
        char expected[256];
        char got[256];
        size_t count = file_bytes(item->header, item->body, item->bytes, expected);
        davit_tensor *tensor;
        assert_int_equal(davit_tensor_create(davit_allocator_default(), item->dtype, item->rank,
                                             item->dims, &tensor),
                         DAVIT_OK);
        memcpy(tensor->data, item->body, item->bytes);
        assert_int_equal(cli_npy_write(*state, tensor, NULL), DAVIT_OK);
        davit_tensor_destroy(tensor);
        FILE *file = fopen(*state, "rb");
        assert_int_equal(fread(got, 1, sizeof(got), file), count);
        fclose(file);
        assert_memory_equal(got, expected, count);
    }
}

static void test_reads_what_numpy_writes(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const npy_case *item = &cases[i];
        char bytes[256];
        write_file(*state, bytes, file_bytes(item->header, item->body, item->bytes, bytes));
        davit_tensor *tensor;
        assert_int_equal(cli_npy_read(*state, NULL, &tensor), DAVIT_OK);
        assert_int_equal(tensor->desc.dtype, item->dtype);
        assert_int_equal(tensor->desc.rank, item->rank);
        assert_memory_equal(tensor->desc.dims, item->dims, (size_t)item->rank * 8);
        assert_memory_equal(tensor->data, item->body, item->bytes);
        davit_tensor_destroy(tensor);
    }
}

static void test_reads_fortran_order(void **state)
{
    static const int16_t columns[] = {0, 3, 1, 4, 2, 5};
    static const int16_t rows[] = {0, 1, 2, 3, 4, 5};
    char bytes[256];
    size_t count = file_bytes("{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3), }",
                              columns, sizeof(columns), bytes);
    write_file(*state, bytes, count);
    davit_tensor *tensor;
    assert_int_equal(cli_npy_read(*state, NULL, &tensor), DAVIT_OK);
    assert_memory_equal(tensor->data, rows, sizeof(rows));
    assert_true(davit_tensor_desc_is_dense(&tensor->desc));
    davit_tensor_destroy(tensor);
}

static void expect_refused(const char *path, davit_status status)
{
    davit_diagnostics_buffer buffer;
    davit_diagnostics_buffer_init(&buffer);
    davit_tensor *tensor = (davit_tensor *)&buffer;
    assert_int_equal(cli_npy_read(path, &buffer.sink, &tensor), status);
    assert_null(tensor);
    assert_int_equal(buffer.error_count, 1);
    assert_non_null(strstr(buffer.text, path));
}

static void test_bad_files_are_refused(void **state)
{
    static const struct {
        const char *header;
        davit_status status;
    } bad[] = {
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4), }", DAVIT_BAD_DATA},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 4), }",
         DAVIT_OUT_OF_MEMORY},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (9999999, 4), }", DAVIT_BAD_DATA},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 9), }",
         DAVIT_OUT_OF_MEMORY},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 9), }",
         DAVIT_BAD_DATA},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 4), }", DAVIT_BAD_DATA},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3", DAVIT_BAD_DATA},
        {"{'descr': '<f4', 'fortran_order': False, }", DAVIT_BAD_DATA},
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }", DAVIT_UNSUPPORTED},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (2, 3), }", DAVIT_UNSUPPORTED},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (2, 3), }", DAVIT_UNSUPPORTED},
    };
    char bytes[256];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        write_file(*state, bytes, file_bytes(bad[i].header, f4, sizeof(f4), bytes));
        expect_refused(*state, bad[i].status);
    }
    size_t whole = file_bytes(cases[0].header, f4, sizeof(f4), bytes);
    for (size_t count = 0; count < whole; count++) {
        write_file(*state, bytes, count);
        expect_refused(*state, DAVIT_BAD_DATA);
    }
    expect_refused("/nonexistent/x.npy", DAVIT_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writes_what_numpy_writes),
        cmocka_unit_test(test_reads_what_numpy_writes),
        cmocka_unit_test(test_reads_fortran_order),
        cmocka_unit_test(test_bad_files_are_refused),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
