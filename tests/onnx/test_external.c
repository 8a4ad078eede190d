/* External data: where it may lie, and what is refused. Each test has a folder of its own:
 *   ROOT/model/w.bin      the numbers 0, 1, 2 ... as float
 *   ROOT/model/sub/w.bin  the same
 *   ROOT/outside.bin      not for the model */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loading.h"

#define COUNT 16

typedef struct folders {
    char root[64];
    char model[96];
} folders;

static void write_file(const char *folder, const char *name)
{
    char path[160];
    float numbers[COUNT];
    for (int i = 0; i < COUNT; i++) {
        numbers[i] = (float)i;
    }
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(numbers, sizeof(float), COUNT, file), COUNT);
    fclose(file);
}

static int make_folders(void **state)
{
    folders *at = test_malloc(sizeof(*at));
    char sub[128];
    snprintf(at->root, sizeof(at->root), "/tmp/davit-test-XXXXXX");
    assert_non_null(mkdtemp(at->root));
    snprintf(at->model, sizeof(at->model), "%s/model", at->root);
    snprintf(sub, sizeof(sub), "%s/sub", at->model);
    assert_int_equal(mkdir(at->model, 0700), 0);
    assert_int_equal(mkdir(sub, 0700), 0);
    write_file(at->root, "outside.bin");
    write_file(at->model, "w.bin");
    write_file(sub, "w.bin");
    *state = at;
    return 0;
}

static int remove_folders(void **state)
{
    folders *at = *state;
    char command[128];
    snprintf(command, sizeof(command), "rm -r '%s'", at->root);
    int result = system(command);
    test_free(at);
    return result;
}

/* A model whose output is 4 floats of external data. */
static void build(onnx_builder *builder, const char *location, const char *offset,
                  const char *length)
{
    static const int64_t dims[] = {4};
    onnx_builder_init(builder, 13);
    Onnx__TensorProto *tensor = onnx_add_initializer(builder, "w", DAVIT_F32, 1, dims, NULL);
    onnx_set_external(builder, tensor, location, offset, length);
    onnx_add_output(builder, "w");
}

static void check_good(const folders *at, const char *location, const char *offset,
                       const char *length, bool borrowed)
{
    onnx_builder builder;
    build(&builder, location, offset, length);
    davit_diagnostics_buffer diag;
    davit_diagnostics_buffer_init(&diag);
    davit_graph *graph;
    davit_status status = onnx_load_built(&builder, at->model, &diag.sink, &graph);
    onnx_builder_clear(&builder);
    if (status != DAVIT_OK) {
        fail_msg("%s: %s", location, diag.text);
    }
    const davit_tensor *constant = graph->values[graph->outputs[0]].constant;
    size_t first = offset != NULL ? strtoul(offset, NULL, 10) : 0;
    uint8_t expected[COUNT * sizeof(float)];
    for (size_t i = 0; i < COUNT; i++) {
        memcpy(expected + i * sizeof(float), &(float){(float)i}, sizeof(float));
    }
    assert_memory_equal(constant->data, expected + first, 4 * sizeof(float));
    assert_int_equal(constant->borrowed, borrowed);
    davit_graph_destroy(graph);
}

static void check_bad(const folders *at, const char *location, const char *offset,
                      const char *length, const char *needle)
{
    onnx_builder builder;
    build(&builder, location, offset, length);
    davit_diagnostics_buffer diag;
    davit_diagnostics_buffer_init(&diag);
    davit_graph *graph;
    davit_status status = onnx_load_built(&builder, at->model, &diag.sink, &graph);
    onnx_builder_clear(&builder);
    assert_null(graph);
    assert_int_not_equal(status, DAVIT_OK);
    check_error(&diag, status, status, needle);
    assert_non_null(strstr(diag.text, "'w'"));
}

static void test_good_places(void **state)
{
    const folders *at = *state;
    check_good(at, "w.bin", NULL, NULL, true);
    check_good(at, "w.bin", "16", "16", true);
    check_good(at, "w.bin", "48", NULL, true);
    check_good(at, "./w.bin", NULL, NULL, true);
    check_good(at, "sub/w.bin", "4", NULL, true);
    check_good(at, "sub//w.bin", "4", NULL, true);
    check_good(at, "w.bin", "3", NULL, false); /* not aligned: copied */
}

static void test_paths_that_leave(void **state)
{
    const folders *at = *state;
    char absolute[128];
    snprintf(absolute, sizeof(absolute), "%s/w.bin", at->model);
    check_bad(at, absolute, NULL, NULL, "leaves the model's folder");
    check_bad(at, "/etc/passwd", NULL, NULL, "leaves the model's folder");
    check_bad(at, "../outside.bin", NULL, NULL, "leaves the model's folder");
    check_bad(at, "sub/../../outside.bin", NULL, NULL, "leaves the model's folder");
    check_bad(at, "sub/../w.bin", NULL, NULL, "leaves the model's folder");
    check_bad(at, "..", NULL, NULL, "leaves the model's folder");
    check_bad(at, ".", NULL, NULL, "leaves the model's folder");
}

static void make_link(const folders *at, const char *target, const char *name)
{
    char path[160];
    snprintf(path, sizeof(path), "%s/%s", at->model, name);
    assert_int_equal(symlink(target, path), 0);
}

static void test_links(void **state)
{
    const folders *at = *state;
    make_link(at, "../outside.bin", "out");
    make_link(at, "/etc/passwd", "passwd");
    make_link(at, "..", "up");
    make_link(at, "sub/w.bin", "in");
    make_link(at, "sub", "also");
    make_link(at, "loop", "loop");
    check_bad(at, "out", NULL, NULL, "leaves the model's folder");
    check_bad(at, "passwd", NULL, NULL, "leaves the model's folder");
    check_bad(at, "up/outside.bin", NULL, NULL, "leaves the model's folder");
    check_bad(at, "loop", NULL, NULL, "'loop'");
    check_good(at, "in", NULL, NULL, true);
    check_good(at, "also/w.bin", NULL, NULL, true);
}

static void test_missing_and_short_files(void **state)
{
    const folders *at = *state;
    char pipe[128];
    snprintf(pipe, sizeof(pipe), "%s/pipe", at->model);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    check_bad(at, "nowhere.bin", NULL, NULL, "nowhere.bin");
    check_bad(at, "sub", NULL, NULL, "not a regular file");
    check_bad(at, "pipe", NULL, NULL, "not a regular file");
    check_bad(at, "w.bin/x", NULL, NULL, "w.bin/x");
    check_bad(at, "w.bin", "52", NULL, "short");
    check_bad(at, "w.bin", "64", NULL, "short");
    check_bad(at, "w.bin", "18446744073709551615", NULL, "short");
}

static void test_malformed_places(void **state)
{
    const folders *at = *state;
    check_bad(at, NULL, NULL, NULL, "malformed");
    check_bad(at, "", NULL, NULL, "malformed");
    check_bad(at, "w.bin", "-4", NULL, "malformed");
    check_bad(at, "w.bin", " 4", NULL, "malformed");
    check_bad(at, "w.bin", "4x", NULL, "malformed");
    check_bad(at, "w.bin", "", NULL, "malformed");
    check_bad(at, "w.bin", "99999999999999999999", NULL, "malformed");
    check_bad(at, "w.bin", NULL, "12", "has 12 bytes");
    check_bad(at, "w.bin", NULL, "20", "has 20 bytes");
}

static void test_long_path(void **state)
{
    const folders *at = *state;
    char path[5000];
    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    check_bad(at, path, NULL, NULL, "'w'");
}

static void test_without_a_folder(void **state)
{
    (void)state;
    onnx_builder builder;
    build(&builder, "w.bin", NULL, NULL);
    load_bad(&builder, DAVIT_UNSUPPORTED, "external data cannot be read here");
}

/* The graph keeps the file mapped when the file's name is gone, also in a copy of the graph. */
static void test_mapping_outlives_the_file(void **state)
{
    const folders *at = *state;
    onnx_builder builder;
    build(&builder, "w.bin", "4", NULL);
    davit_graph *graph;
    assert_int_equal(onnx_load_built(&builder, at->model, NULL, &graph), DAVIT_OK);
    onnx_builder_clear(&builder);
    char path[128];
    snprintf(path, sizeof(path), "%s/w.bin", at->model);
    assert_int_equal(unlink(path), 0);
    davit_graph *copy;
    assert_int_equal(davit_graph_clone(graph, &copy), DAVIT_OK);
    const davit_tensor *constant = copy->values[copy->outputs[0]].constant;
    assert_true(((const float *)constant->data)[0] == 1.0f);
    davit_graph_destroy(copy);
    davit_graph_destroy(graph);
}

#define IN_FOLDERS(test) cmocka_unit_test_setup_teardown(test, make_folders, remove_folders)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDERS(test_good_places),
        IN_FOLDERS(test_paths_that_leave),
        IN_FOLDERS(test_links),
        IN_FOLDERS(test_missing_and_short_files),
        IN_FOLDERS(test_malformed_places),
        IN_FOLDERS(test_long_path),
        cmocka_unit_test(test_without_a_folder),
        IN_FOLDERS(test_mapping_outlives_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
