#define _XOPEN_SOURCE 700 /* mkdtemp, setenv */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "unit_test.h"

#include "davit/store.h"

#define KEY "cpu | onednn | a processor"

typedef struct world {
    char folder[64];
    davit_diagnostics_buffer diag;
} world;

static int setup(void **state)
{
    static world w;
    strcpy(w.folder, "/tmp/davit-store-XXXXXX");
    assert_non_null(mkdtemp(w.folder));
    davit_diagnostics_buffer_init(&w.diag);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    const world *w = *state;
    char command[256];
    snprintf(command, sizeof(command), "chmod -R u+rwx %s && rm -rf %s", w->folder, w->folder);
    return system(command);
}

static davit_store *open_store(world *w)
{
    davit_store *store;
    assert_int_equal(davit_store_open(davit_allocator_default(), w->folder, &w->diag.sink, &store),
                     DAVIT_OK);
    return store;
}

static davit_measurement seconds(double median_s)
{
    return (davit_measurement){.median_s = median_s, .spread_s = median_s / 8, .count = 9};
}

static void put(davit_store *store, const char *key, const char *signature, double median_s)
{
    davit_measurement m = seconds(median_s);
    assert_int_equal(davit_store_put(store, key, signature, &m, NULL), DAVIT_OK);
}

static double find(const davit_store *store, const char *key, const char *signature)
{
    davit_measurement m = {0};
    return davit_store_find(store, key, signature, &m) ? m.median_s : 0;
}

/* The only file of a device, "" for none. */
static void device_file(const world *w, char *path, size_t bytes)
{
    char command[160];
    snprintf(command, sizeof(command), "ls %s/times-v1-*.json 2>/dev/null", w->folder);
    FILE *list = popen(command, "r");
    assert_non_null(list);
    path[0] = '\0';
    if (fgets(path, (int)bytes, list) != NULL) {
        path[strcspn(path, "\n")] = '\0';
    }
    pclose(list);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void keeps_what_was_put(void **state)
{
    world *w = *state;
    davit_store *store = open_store(w);
    davit_measurement m = {.median_s = 1.5e-3, .spread_s = 1e-5, .count = 20, .dropped = 3};
    davit_work work = {.kind = "conv",
                       .dtype = DAVIT_S8,
                       .flops = 1e9,
                       .bytes = 5,
                       .dim_count = 2,
                       .dims = {7, 0}};
    assert_int_equal(davit_store_put(store, KEY, "b", &m, &work), DAVIT_OK);
    put(store, KEY, "a", 2);
    put(store, "gpu | another", "b", 3);
    assert_int_equal(davit_store_save(store), DAVIT_OK);
    davit_store_close(store);

    store = open_store(w);
    davit_measurement back;
    assert_true(davit_store_find(store, KEY, "b", &back));
    assert_memory_equal(&back.median_s, &m.median_s, sizeof(double));
    assert_int_equal(back.count, 20);
    assert_int_equal(back.dropped, 3);
    assert_false(davit_store_find(store, KEY, "c", &back));
    assert_true(find(store, "gpu | another", "b") == 3);
    davit_store_entry *entries;
    size_t count;
    assert_int_equal(davit_store_list(store, KEY, &entries, &count), DAVIT_OK);
    assert_int_equal(count, 2);
    assert_string_equal(entries[0].signature, "a");
    assert_string_equal(entries[0].work.kind, "");
    assert_string_equal(entries[1].work.kind, "conv");
    assert_int_equal(entries[1].work.dtype, DAVIT_S8);
    assert_true(entries[1].work.flops == 1e9 && entries[1].work.dims[0] == 7);
    assert_int_equal(entries[1].work.dim_count, 2);
    davit_store_free_list(store, entries);
    const char **keys;
    assert_int_equal(davit_store_keys(store, &keys, &count), DAVIT_OK);
    assert_int_equal(count, 2);
    assert_string_equal(keys[0], KEY);
    davit_free(davit_allocator_default(), keys);
    assert_int_equal(davit_store_clear(store), DAVIT_OK);
    assert_true(find(store, KEY, "b") == 0);
    davit_store_close(store);
    char path[128];
    device_file(w, path, sizeof(path));
    assert_string_equal(path, "");
    assert_int_equal(w->diag.warning_count + w->diag.error_count, 0);
}

static size_t count_kernels(const davit_store *store)
{
    size_t count;
    assert_int_equal(davit_store_count_kernels(store, KEY, &count), DAVIT_OK);
    return count;
}

static void keeps_kernels_beside_times(void **state)
{
    world *w = *state;
    const davit_kernel_choice choice = {.name = "dense/1",
                                        .rule = "jit:avx512_core",
                                        .seconds = 1.25e-4,
                                        .rule_seconds = 3e-4,
                                        .chosen = true};
    davit_kernel_choice back;
    davit_store *store = open_store(w);
    put(store, KEY, "unit", 2);
    assert_int_equal(count_kernels(store), 0);
    assert_int_equal(davit_store_put_kernel(store, KEY, "unit", &choice, NULL), DAVIT_OK);
    assert_int_equal(davit_store_save(store), DAVIT_OK);
    davit_store_close(store);

    store = open_store(w);
    assert_true(find(store, KEY, "unit") == 2);
    assert_int_equal(count_kernels(store), 1);
    assert_true(davit_store_find_kernel(store, KEY, "unit", &back));
    assert_string_equal(back.name, choice.name);
    assert_string_equal(back.rule, choice.rule);
    assert_true(back.seconds == choice.seconds && back.rule_seconds == choice.rule_seconds);
    assert_true(back.chosen);
    assert_false(davit_store_find_kernel(store, KEY, "another", &back));
    assert_false(davit_store_find_kernel(store, "gpu", "unit", &back));
    put(store, KEY DAVIT_KERNELS_KEY, "unit", 1); /* a time, not a choice */
    assert_false(davit_store_find_kernel(store, KEY, "unit", &back));
    assert_int_equal(davit_store_clear(store), DAVIT_OK);
    assert_int_equal(count_kernels(store), 0);
    davit_store_close(store);
    assert_int_equal(w->diag.warning_count + w->diag.error_count, 0);
}

static void merges_what_others_wrote(void **state)
{
    world *w = *state;
    davit_store *first = open_store(w);
    davit_store *second = open_store(w);
    put(first, KEY, "a", 1);
    put(second, KEY, "b", 2);
    put(second, KEY, "a", 3);
    assert_int_equal(davit_store_save(second), DAVIT_OK);
    assert_int_equal(davit_store_save(first), DAVIT_OK);
    assert_true(find(first, KEY, "b") == 2);
    davit_store_close(second);
    davit_store_close(first);
    second = open_store(w);
    assert_true(find(second, KEY, "a") == 1 && find(second, KEY, "b") == 2);
    davit_store_close(second);
}

/* Puts and saves without end; ends only by a signal. Keys "NAME-0", "NAME-1", ... in turn. */
static void write_for_ever(world *w, const char *name)
{
    for (int round = 0;; round++) {
        davit_store *store;
        char signature[64];
        davit_measurement m = seconds(1 + round);
        snprintf(signature, sizeof(signature), "%s-%d", name, round % 50);
        if (davit_store_open(davit_allocator_default(), w->folder, NULL, &store) != DAVIT_OK ||
            davit_store_put(store, KEY, signature, &m, NULL) != DAVIT_OK ||
            davit_store_save(store) != DAVIT_OK) {
            _exit(1);
        }
        davit_store_close(store);
    }
}

static pid_t start_writer(world *w, const char *name)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        write_for_ever(w, name);
    }
    return child;
}

static void end_writer(pid_t child)
{
    int how;
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
}

static size_t count_entries(world *w)
{
    davit_store *store = open_store(w);
    davit_store_entry *entries;
    size_t count;
    assert_int_equal(davit_store_list(store, KEY, &entries, &count), DAVIT_OK);
    davit_store_free_list(store, entries);
    assert_true(find(store, KEY, "old") == 42);
    davit_store_close(store);
    return count;
}

/* Two writers are killed at random moments: what was there stays there, the file is whole, and
 * writing goes on. */
static void survives_kills(void **state)
{
    world *w = *state;
    uint64_t seed = 1;
    davit_store *store = open_store(w);
    put(store, KEY, "old", 42);
    assert_int_equal(davit_store_save(store), DAVIT_OK);
    davit_store_close(store);
    size_t count = 1;
    for (int i = 0; i < 60 || (count <= 5 && i < 600); i++) { /* a busy machine saves little */
        const struct timespec pause = {.tv_nsec = (long)test_random_below(&seed, 25000000)};
        pid_t writers[] = {start_writer(w, "x"), start_writer(w, "y")};
        nanosleep(&pause, NULL);
        end_writer(writers[0]);
        end_writer(writers[1]);
        size_t now = count_entries(w);
        assert_true(now >= count);
        count = now;
    }
    assert_true(count > 5);
    assert_int_equal(w->diag.warning_count + w->diag.error_count, 0);
}

static void sets_damaged_files_aside(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "{\"schema_version\": 1}",
        "{\"schema_version\": 2, \"device\": \"" KEY "\", \"entries\": {}}",
        "{\"schema_version\": 1, \"device\": \"another\", \"entries\": {}}",
        "{\"schema_version\": 1, \"device\": \"" KEY "\", \"entries\": []}",
        "{\"schema_version\": 1, \"device\": \"" KEY "\", \"entries\": {\"a\": 1}}",
        "{\"schema_version\": 1, \"device\": \"" KEY "\", \"entries\": {\"a\": {\"median_s\": -1, "
        "\"spread_s\": 0, \"count\": 1, \"dropped\": 0, \"measured_at\": 0}}}",
        "{\"schema_version\": 1, \"device\": \"" KEY "\", \"entries\": {\"a\": {\"median_s\": 1, "
        "\"spread_s\": 0, \"count\": 1, \"dropped\": 0, \"measured_at\": 0, \"work\": 3}}}",
    };
    world *w = *state;
    char path[128];
    davit_store *store = open_store(w);
    put(store, KEY, "a", 1);
    assert_int_equal(davit_store_save(store), DAVIT_OK);
    davit_store_close(store);
    device_file(w, path, sizeof(path));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char aside[160];
        write_file(path, texts[i]);
        davit_diagnostics_buffer_init(&w->diag);
        store = open_store(w);
        assert_true(find(store, KEY, "a") == 0);
        assert_int_equal(w->diag.warning_count, 1);
        assert_non_null(strstr(w->diag.warning_text, path));
        put(store, KEY, "b", 1);
        assert_int_equal(davit_store_save(store), DAVIT_OK);
        davit_store_close(store);
        snprintf(aside, sizeof(aside), "%s.damaged", path);
        assert_int_equal(access(aside, F_OK), 0);
        assert_int_equal(access(path, F_OK), 0);
    }
    assert_int_equal(w->diag.error_count, 0);
}

static void refuses_what_others_may_write(void **state)
{
    world *w = *state;
    char path[128];
    davit_store *store = open_store(w);
    put(store, KEY, "a", 1);
    assert_int_equal(davit_store_save(store), DAVIT_OK);
    davit_store_close(store);
    device_file(w, path, sizeof(path));

    assert_int_equal(chmod(path, 0666), 0);
    store = open_store(w);
    assert_true(find(store, KEY, "a") == 0);
    assert_int_equal(w->diag.warning_count, 1);
    put(store, KEY, "b", 1);
    assert_int_equal(davit_store_save(store), DAVIT_IO_ERROR);
    assert_non_null(strstr(w->diag.text, "others may write"));
    davit_store_close(store);

    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(chmod(w->folder, 0777), 0);
    davit_diagnostics_buffer_init(&w->diag);
    store = open_store(w);
    assert_true(find(store, KEY, "a") == 0);
    assert_int_equal(w->diag.warning_count, 1);
    assert_int_equal(davit_store_save(store), DAVIT_IO_ERROR);
    assert_int_equal(w->diag.error_count, 1);
    davit_store_close(store);

    assert_int_equal(chmod(w->folder, 0700), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/dev/zero", path), 0);
    davit_diagnostics_buffer_init(&w->diag);
    store = open_store(w);
    assert_true(find(store, KEY, "a") == 0);
    assert_int_equal(w->diag.warning_count, 1);
    davit_store_close(store);
}

static void says_where_it_cannot_write(void **state)
{
    world *w = *state;
    char file[96];
    davit_store *store;
    snprintf(file, sizeof(file), "%s/file", w->folder);
    write_file(file, "");
    char below[112];
    snprintf(below, sizeof(below), "%s/davit", file);
    assert_int_equal(davit_store_open(davit_allocator_default(), below, &w->diag.sink, &store),
                     DAVIT_OK);
    put(store, KEY, "a", 1);
    assert_int_equal(davit_store_save(store), DAVIT_IO_ERROR);
    assert_non_null(strstr(w->diag.text, file));
    assert_true(find(store, KEY, "a") == 1);
    davit_store_close(store);
}

static void finds_its_folder(void **state)
{
    world *w = *state;
    davit_store *store;
    assert_int_equal(setenv("XDG_CACHE_HOME", w->folder, 1), 0);
    assert_int_equal(davit_store_open(davit_allocator_default(), NULL, &w->diag.sink, &store),
                     DAVIT_OK);
    put(store, KEY, "a", 1);
    assert_int_equal(davit_store_save(store), DAVIT_OK);
    davit_store_close(store);
    char path[96];
    struct stat info;
    snprintf(path, sizeof(path), "%s/davit", w->folder);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);

    assert_int_equal(setenv("XDG_CACHE_HOME", "relative", 1), 0);
    assert_int_equal(setenv("HOME", w->folder, 1), 0);
    assert_int_equal(davit_store_open(davit_allocator_default(), NULL, &w->diag.sink, &store),
                     DAVIT_OK);
    snprintf(path, sizeof(path), "%s/.cache/davit", w->folder);
    assert_string_equal(davit_store_folder(store), path);
    davit_store_close(store);

    assert_int_equal(unsetenv("XDG_CACHE_HOME") + unsetenv("HOME"), 0);
    assert_int_equal(davit_store_open(davit_allocator_default(), NULL, &w->diag.sink, &store),
                     DAVIT_OK);
    assert_true(find(store, KEY, "a") == 0);
    assert_int_equal(w->diag.warning_count, 0);
    assert_int_equal(davit_store_save(store), DAVIT_IO_ERROR);
    assert_non_null(strstr(w->diag.text, "HOME"));
    davit_store_close(store);
}

static void keeps_the_newest(void **state)
{
    world *w = *state;
    davit_store *store = open_store(w);
    char signature[32];
    for (int i = 0; i < DAVIT_STORE_MAX_ENTRIES + 100; i++) {
        snprintf(signature, sizeof(signature), "%06d", i);
        put(store, KEY, signature, 1);
    }
    assert_int_equal(davit_store_save(store), DAVIT_OK);
    davit_store_entry *entries;
    size_t count;
    assert_int_equal(davit_store_list(store, KEY, &entries, &count), DAVIT_OK);
    assert_int_equal(count, DAVIT_STORE_MAX_ENTRIES);
    davit_store_free_list(store, entries);
    davit_store_close(store);
}

static void refuses_times_that_are_none(void **state)
{
    world *w = *state;
    static const double wrong[] = {0, -1, NAN, INFINITY, 1e7};
    davit_store *store = open_store(w);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        davit_measurement m = {.median_s = wrong[i], .count = 1};
        assert_int_equal(davit_store_put(store, KEY, "a", &m, NULL), DAVIT_INVALID_ARGUMENT);
    }
    assert_int_equal(w->diag.error_count, 5);
    davit_store_close(store);
}

/* ---- summaries ---- */

static double sorted_median(double *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = i + 1; j < count; j++) {
            if (values[j] < values[i]) {
                double swap = values[i];
                values[i] = values[j];
                values[j] = swap;
            }
        }
    }
    return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* The definition, by brute force. */
static void summarises_as_defined(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (size_t count = 1; count <= 40; count++) {
        double samples[40], copy[40], distances[40], kept[40];
        for (size_t i = 0; i < count; i++) {
            double spike = test_random_below(&seed, 5) == 0 ? 20 : 1;
            samples[i] = copy[i] = spike * (2 + test_random_float(&seed));
        }
        sorted_median(copy, count);
        size_t width = (count + 2) / 3 < 3 ? (count < 3 ? 1 : 3) : (count + 2) / 3;
        size_t best = 0;
        for (size_t i = 0; i + width <= count; i++) {
            best = copy[i + width - 1] - copy[i] < copy[best + width - 1] - copy[best] ? i : best;
        }
        double median = sorted_median(copy + best, width);
        for (size_t i = 0; i < width; i++) {
            distances[i] = fabs(copy[best + i] - median);
        }
        double most = fmax(5 * 1.4826 * sorted_median(distances, width), 0.1 * median);
        size_t used = 0;
        for (size_t i = 0; i < count; i++) {
            if (fabs(samples[i] - median) <= most) {
                kept[used++] = samples[i];
            }
        }
        median = sorted_median(kept, used);
        for (size_t i = 0; i < used; i++) {
            distances[i] = fabs(kept[i] - median);
        }
        davit_measurement m = davit_measurement_of(samples, count);
        assert_true(fabs(m.median_s - median) < 1e-12);
        assert_true(fabs(m.spread_s - sorted_median(distances, used)) < 1e-12);
        assert_int_equal(m.count, used);
        assert_int_equal(m.count + m.dropped, count);
    }
    assert_int_equal(davit_measurement_of(NULL, 0).count, 0);
}

/* With one sample in a hundred made 500 times slower, and with half of them disturbed. */
static void disturbances_do_not_count(void **state)
{
    (void)state;
    uint64_t seed = 3;
    double clean[1000], spiked[1000], busy[60];
    for (size_t i = 0; i < 1000; i++) {
        clean[i] = 1 + 0.03 * (double)test_random_float(&seed);
        spiked[i] = clean[i] * (test_random_below(&seed, 100) == 0 ? 500 : 1);
    }
    for (size_t i = 0; i < 60; i++) {
        busy[i] = clean[i] * (i % 2 == 0 ? 1 : 1.2 + (double)test_random_below(&seed, 1000) / 100);
    }
    davit_measurement before = davit_measurement_of(clean, 1000);
    davit_measurement after = davit_measurement_of(spiked, 1000);
    davit_measurement half = davit_measurement_of(busy, 60);
    assert_int_equal(before.dropped, 0);
    assert_true(after.dropped > 3 && after.dropped < 30);
    assert_true(fabs(after.median_s / before.median_s - 1) < 2e-3);
    assert_true(fabs(half.median_s / before.median_s - 1) < 0.02);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_what_was_put, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_kernels_beside_times, setup, teardown),
        cmocka_unit_test_setup_teardown(merges_what_others_wrote, setup, teardown),
        cmocka_unit_test_setup_teardown(survives_kills, setup, teardown),
        cmocka_unit_test_setup_teardown(sets_damaged_files_aside, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_what_others_may_write, setup, teardown),
        cmocka_unit_test_setup_teardown(says_where_it_cannot_write, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_the_newest, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_times_that_are_none, setup, teardown),
        cmocka_unit_test(summarises_as_defined),
        cmocka_unit_test(disturbances_do_not_count),
        cmocka_unit_test_setup_teardown(finds_its_folder, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
