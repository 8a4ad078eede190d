/* Reading whole files: content, NULs, limits, and what cannot be read. */
#include "unit_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "davit/read_file.h"

static char path[] = "/tmp/davit-read-file-XXXXXX";

static void write_file(const void *data, size_t bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
}

static void expect(const char *data, size_t bytes, size_t max_bytes)
{
    char *text;
    size_t read;
    write_file(data, bytes);
    assert_int_equal(
        davit_read_file(davit_allocator_default(), path, max_bytes, NULL, &text, &read), DAVIT_OK);
    assert_int_equal(read, bytes);
    assert_memory_equal(text, data, bytes);
    assert_int_equal(text[bytes], 0);
    davit_free(davit_allocator_default(), text);
}

static void test_content(void **state)
{
    (void)state;
    static char large[200000];
    memset(large, 'x', sizeof(large));
    expect("", 0, 10);
    expect("abc\0def", 7, 7);
    expect(large, 65536, 65536);
    expect(large, sizeof(large), sizeof(large));
}

static davit_status fails(const char *name, size_t max_bytes, const char *expected)
{
    davit_diagnostics_buffer diag;
    char *text = path;
    davit_diagnostics_buffer_init(&diag);
    davit_status status =
        davit_read_file(davit_allocator_default(), name, max_bytes, &diag.sink, &text, NULL);
    assert_null(text);
    assert_int_equal(diag.error_count, 1);
    assert_non_null(strstr(diag.text, expected));
    assert_non_null(strstr(diag.text, name));
    return status;
}

static void test_failures(void **state)
{
    (void)state;
    write_file("12345", 5);
    assert_int_equal(fails(path, 4, "larger than"), DAVIT_BAD_DATA);
    assert_int_equal(fails("/nonexistent/file", 4, "No such file"), DAVIT_NOT_FOUND);
    assert_int_equal(fails("/tmp", 4, "directory"), DAVIT_IO_ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content),
        cmocka_unit_test(test_failures),
    };
    int descriptor = mkstemp(path);
    if (descriptor < 0 || close(descriptor) != 0) {
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return unlink(path) != 0 || failed != 0;
}
