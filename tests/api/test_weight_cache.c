/* Packed weights on disk: found by a second session, with the same bytes; never in the way. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <utime.h>

#include "davit/weight_cache.h"
#include "fixture.h"

enum { CHANNELS = 1024, SIDE = 4, PLACES = CHANNELS * SIDE * SIDE, COLUMNS = 20 };

typedef struct cache_test {
    fixture *f;
    char folder[80], weights[128];
    float x[PLACES], y[COLUMNS], first[COLUMNS];
    uint64_t file_bytes; /* of the first model's */
} cache_test;

static bool remote; /* files are another machine's */

int __real_fstatfs(int file, struct statfs *system);
int __wrap_fstatfs(int file, struct statfs *system);

int __wrap_fstatfs(int file, struct statfs *system)
{
    int status = __real_fstatfs(file, system);
    system->f_type = remote ? 0x6969 : system->f_type; /* NFS */
    return status;
}

static float *random_floats(uint64_t seed, size_t count)
{
    float *values = malloc(count * sizeof(*values));
    assert_non_null(values);
    for (size_t i = 0; i < count; i++) {
        values[i] = test_random_float(&seed) * 0.05f;
    }
    return values;
}

static void add_weights(onnx_builder *builder, const char *name, int rank, const int64_t *dims,
                        uint64_t seed)
{
    size_t count = 1;
    for (int i = 0; i < rank; i++) {
        count *= (size_t)dims[i];
    }
    float *values = random_floats(seed, count);
    onnx_add_initializer(builder, name, DAVIT_F32, rank, dims, values);
    free(values);
}

/* A convolution with 36 MiB of weights, which all kernels of oneDNN want in orders of their own,
 * and a product, where that depends on the processor. */
static void load_model(cache_test *t, uint64_t seed)
{
    const int64_t x_dims[] = {1, CHANNELS, SIDE, SIDE};
    const int64_t conv_dims[] = {CHANNELS, CHANNELS, 3, 3};
    const int64_t product_dims[] = {PLACES, COLUMNS};
    const int64_t pads[] = {1, 1, 1, 1};
    onnx_builder builder;
    onnx_builder_init(&builder, 13);
    onnx_add_input(&builder, "x", DAVIT_F32, 4, x_dims);
    add_weights(&builder, "w", 4, conv_dims, seed);
    add_weights(&builder, "m", 2, product_dims, seed + 1);
    Onnx__NodeProto *conv = onnx_add_node(&builder, "Conv", "x w", "conv");
    onnx_set_ints(&builder, conv, "pads", 4, pads);
    fixture_add_node(&builder, "Flatten", "flatten", "conv", "flat");
    fixture_add_node(&builder, "MatMul", "product", "flat m", "y");
    onnx_add_output(&builder, "y");
    fixture_load(t->f, &builder);
}

static int setup(void **state)
{
    cache_test *t = calloc(1, sizeof(*t));
    void *fixture_state;
    assert_non_null(t);
    assert_int_equal(fixture_setup(&fixture_state), 0);
    t->f = fixture_state;
    snprintf(t->folder, sizeof(t->folder), "%s/cache", t->f->folder);
    snprintf(t->weights, sizeof(t->weights), "%s/davit/weights", t->folder);
    assert_int_equal(setenv("XDG_CACHE_HOME", t->folder, 1), 0);
    assert_int_equal(unsetenv("DAVIT_WEIGHT_CACHE_MIB"), 0);
    float *x = random_floats(5, PLACES);
    memcpy(t->x, x, sizeof(t->x));
    free(x);
    load_model(t, 1);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    cache_test *t = *state;
    void *fixture_state = t->f;
    char command[256];
    snprintf(command, sizeof(command), "rm -rf '%s'", t->folder);
    assert_int_equal(system(command), 0);
    free(t);
    return fixture_teardown(&fixture_state);
}

static davit_session *open_session(cache_test *t, bool no_weight_cache)
{
    davit_session_options options;
    davit_session *session;
    davit_session_options_init(&options);
    options.devices = "cpu";
    options.threads = 2;
    options.no_weight_cache = no_weight_cache;
    assert_int_equal(davit_session_create(t->f->model, &options, &session), DAVIT_OK);
    return session;
}

static void run_session(cache_test *t, davit_session *session)
{
    const int64_t x_dims[] = {1, CHANNELS, SIDE, SIDE};
    const int64_t y_dims[] = {1, COLUMNS};
    davit_tensor *x = fixture_tensor(DAVIT_F32, 4, x_dims, t->x);
    davit_tensor *y = fixture_tensor(DAVIT_F32, 2, y_dims, t->y);
    const davit_named_tensor input = {"x", x};
    davit_named_tensor output = {"y", y};
    memset(t->y, 0, sizeof(t->y));
    assert_int_equal(davit_session_run(session, &input, 1, &output, 1), DAVIT_OK);
    davit_tensor_destroy(x);
    davit_tensor_destroy(y);
}

/* A whole life; true when the weights were found on disk. */
static bool found(cache_test *t)
{
    davit_session_summary summary;
    davit_session *session = open_session(t, false);
    run_session(t, session);
    davit_session_get_summary(session, &summary);
    davit_session_destroy(session);
    return summary.cached_program_count > 0;
}

/* The same after a first life, whose result this one must have. */
static bool found_again(cache_test *t)
{
    bool there = found(t);
    assert_memory_equal(t->y, t->first, sizeof(t->y));
    return there;
}

static void first_life(cache_test *t)
{
    assert_false(found(t));
    memcpy(t->first, t->y, sizeof(t->y));
    const davit_weight_cache_state state = davit_weight_cache_look();
    assert_int_equal(state.file_count, 1);
    assert_true(state.bytes >= sizeof(float) * CHANNELS * CHANNELS * 9);
    t->file_bytes = state.bytes;
}

/* The path of the only file of weights. */
static void find_file(const cache_test *t, char path[400])
{
    DIR *stream = opendir(t->weights);
    size_t count = 0;
    assert_non_null(stream);
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        if (strstr(entry->d_name, ".weights") != NULL) {
            snprintf(path, 400, "%s/%s", t->weights, entry->d_name);
            count++;
        }
    }
    closedir(stream);
    assert_int_equal(count, 1);
}

static void test_found(void **state)
{
    cache_test *t = *state;
    first_life(t);
    assert_true(found_again(t));
    assert_int_equal(t->f->diag.error_count + t->f->diag.warning_count, 0);
    davit_session *session = open_session(t, true);
    davit_session_summary summary;
    davit_session_get_summary(session, &summary);
    assert_int_equal(summary.cached_program_count, 0);
    run_session(t, session);
    assert_memory_equal(t->y, t->first, sizeof(t->y));
    davit_session_destroy(session);
    load_model(t, 100); /* other weights in the same file */
    assert_false(found(t));
    assert_memory_not_equal(t->y, t->first, sizeof(t->y));
    assert_int_equal(davit_weight_cache_look().file_count, 2);
    assert_true(davit_weight_cache_clear());
    assert_int_equal(davit_weight_cache_look().file_count, 0);
}

/* Each damage is told once, and mended. */
static void test_damaged(void **state)
{
    cache_test *t = *state;
    char path[400];
    struct stat whole;
    first_life(t);
    find_file(t, path);
    assert_int_equal(stat(path, &whole), 0);
    const off_t places[] = {0, 17, 40, 60, 84, 4096, whole.st_size / 2, whole.st_size - 1};
    size_t count = sizeof(places) / sizeof(places[0]);
    for (size_t i = 0; i < count; i++) {
        char byte;
        int file = open(path, O_RDWR);
        assert_int_equal(pread(file, &byte, 1, places[i]), 1);
        byte = (char)(byte ^ 0x10);
        assert_int_equal(pwrite(file, &byte, 1, places[i]), 1);
        close(file);
        assert_false(found_again(t));
        assert_int_equal(t->f->diag.warning_count, i + 1);
        assert_true(found_again(t));
    }
    const off_t sizes[] = {0, 50, 90, 4096, whole.st_size - 1};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_int_equal(truncate(path, sizes[i]), 0);
        assert_false(found_again(t));
        assert_int_equal(t->f->diag.warning_count, ++count);
        assert_true(found_again(t));
    }
    assert_int_equal(truncate(path, whole.st_size + 64), 0);
    assert_false(found_again(t));
    assert_true(found_again(t));
}

/* Whether a file of that name is mapped here. */
static bool is_mapped(const char *path)
{
    char line[600];
    bool found_it = false;
    FILE *maps = fopen("/proc/self/maps", "r");
    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps) != NULL) {
        found_it = found_it || strstr(line, path) != NULL;
    }
    fclose(maps);
    return found_it;
}

/* What another machine may change is not mapped: cutting it does no harm. */
static void test_remote(void **state)
{
    cache_test *t = *state;
    char path[400];
    first_life(t);
    find_file(t, path);
    for (int i = 0; i < 2; i++) {
        remote = i == 1;
        davit_session_summary summary;
        davit_session *session = open_session(t, false);
        davit_session_get_summary(session, &summary);
        assert_int_equal(summary.cached_program_count, 1);
        assert_int_equal(is_mapped(path), !remote);
        assert_int_equal(remote ? truncate(path, 0) : 0, 0);
        run_session(t, session);
        assert_memory_equal(t->y, t->first, sizeof(t->y));
        davit_session_destroy(session);
    }
    assert_false(found_again(t));
    assert_true(found_again(t));
    remote = false;
}

static void test_foreign(void **state)
{
    cache_test *t = *state;
    char path[400];
    first_life(t);
    find_file(t, path);
    assert_int_equal(chmod(path, 0666), 0); /* others may write to it */
    assert_false(found_again(t));
    assert_true(found_again(t)); /* it was replaced */
    assert_int_equal(chmod(t->weights, 0777), 0);
    assert_false(found_again(t));
    assert_int_equal(chmod(t->weights, 0700), 0);
    assert_true(found_again(t));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_false(found_again(t));
    assert_true(found_again(t));
    snprintf(path, sizeof(path), "%s/secret", t->weights);
    assert_int_equal(truncate(path, 7), 0); /* nothing of before is found under another one */
    assert_false(found_again(t));
    assert_true(found_again(t));
    assert_int_equal(t->f->diag.error_count + t->f->diag.warning_count, 0);
}

static void test_no_folder(void **state)
{
    cache_test *t = *state;
    char *home = getenv("HOME") != NULL ? strdup(getenv("HOME")) : NULL;
    assert_int_equal(setenv("XDG_CACHE_HOME", "/proc/nowhere", 1), 0);
    assert_false(found(t));
    memcpy(t->first, t->y, sizeof(t->y));
    assert_false(found_again(t));
    assert_int_equal(setenv("XDG_CACHE_HOME", t->f->model_path, 1), 0); /* a file */
    assert_false(found_again(t));
    assert_int_equal(setenv("XDG_CACHE_HOME", "relative", 1), 0);
    assert_int_equal(unsetenv("HOME"), 0);
    assert_false(found_again(t));
    assert_int_equal(davit_weight_cache_look().folder[0], '\0');
    assert_true(davit_weight_cache_clear());
    assert_int_equal(setenv("HOME", t->f->folder, 1), 0);
    assert_int_equal(setenv("XDG_CACHE_HOME", t->folder, 1), 0);
    assert_int_equal(setenv("DAVIT_WEIGHT_CACHE_MIB", "0", 1), 0);
    assert_false(found_again(t));
    assert_int_equal(access(t->weights, F_OK), -1);
    assert_int_equal(t->f->diag.error_count, 0);
    assert_null(strstr(t->f->diag.warning_text, "packed")); /* measured times are missed there */
    if (home != NULL) {
        assert_int_equal(setenv("HOME", home, 1), 0);
    }
    free(home);
}

static void test_several_writers(void **state)
{
    cache_test *t = *state;
    char path[400];
    davit_session *sessions[3];
    for (size_t i = 0; i < 3; i++) {
        sessions[i] = open_session(t, false);
    }
    run_session(t, sessions[0]);
    memcpy(t->first, t->y, sizeof(t->y));
    for (size_t i = 0; i < 3; i++) {
        davit_session_destroy(sessions[i]);
    }
    find_file(t, path);
    assert_true(found_again(t));
}

/* Processes that are killed while they write leave nothing that counts, and it goes with time. */
static void test_killed(void **state)
{
    cache_test *t = *state;
    char path[400], left[440];
    first_life(t);
    find_file(t, path);
    assert_int_equal(unlink(path), 0);
    snprintf(left, sizeof(left), "%s.abcdef", path);
    int file = open(left, O_WRONLY | O_CREAT, 0600); /* as a writer that was killed leaves it */
    assert_int_equal(pwrite(file, "davit-weights-1", 16, 0), 16);
    close(file);
    assert_false(found_again(t));
    assert_true(found_again(t));
    assert_int_equal(access(left, F_OK), 0);
    const struct utimbuf old = {.actime = 1, .modtime = 1};
    assert_int_equal(utime(left, &old), 0);
    assert_int_equal(unlink(path), 0);
    assert_false(found_again(t));
    assert_int_equal(access(left, F_OK), -1);
    assert_true(found_again(t));
}

/* The cache may hold so many halves of a file. */
static void set_limit(const cache_test *t, uint64_t halves)
{
    char text[24];
    snprintf(text, sizeof(text), "%llu", (unsigned long long)((t->file_bytes * halves / 2) >> 20));
    assert_int_equal(setenv("DAVIT_WEIGHT_CACHE_MIB", text, 1), 0);
}

/* What was used last stays. */
static void test_limit(void **state)
{
    cache_test *t = *state;
    first_life(t);
    set_limit(t, 5);
    load_model(t, 100);
    assert_false(found(t));
    load_model(t, 1);
    assert_true(found_again(t));
    load_model(t, 200);
    assert_false(found(t));
    assert_int_equal(davit_weight_cache_look().file_count, 2);
    load_model(t, 1);
    assert_true(found_again(t));
    load_model(t, 100);
    assert_false(found(t));
    set_limit(t, 1); /* too little for any */
    load_model(t, 300);
    assert_false(found(t));
    assert_false(found(t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_found, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_remote, setup, teardown),
        cmocka_unit_test_setup_teardown(test_foreign, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(test_several_writers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
