/* The host emulation of CUDA threads: kernels without a fault run, planted faults are caught. */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch.h"
#include "unit_test.h"

enum { COUNT = 250, BLOCKS = 4, THREADS = 64, ELEMENTS = BLOCKS * THREADS };

typedef struct fault_params {
    int count;
} fault_params;

typedef struct memory {
    int32_t *x, *y;
    size_t y_bytes;
} memory;

/* y ends where a page ends, so that what is written behind it hits nothing. */
static memory memory_make(size_t y_elements)
{
    memory m = {guarded_alloc(ELEMENTS * sizeof(int32_t)), NULL, y_elements * sizeof(int32_t)};
    uint64_t seed = 7;
    for (size_t i = 0; i < ELEMENTS; i++) {
        m.x[i] = (int32_t)test_random_below(&seed, 1 << 26); /* sums of a warp stay in s32 */
    }
    m.y = guarded_alloc(m.y_bytes);
    return m;
}

static void memory_free(memory *m)
{
    guarded_free(m->x, ELEMENTS * sizeof(int32_t));
    guarded_free(m->y, m->y_bytes);
}

static bool run(const char *name, memory *m, run_mode mode, char text[256])
{
    const davit_cudaemu_kernel *kernel = find_kernel(name);
    assert_non_null(kernel);
    fault_params p = {COUNT};
    void *arguments[] = {&p, &m->x, &m->y};
    uint32_t grid[3] = {kernel->max_threads == THREADS ? BLOCKS : 1, 1, 1};
    return launch_kernel(name, grid, kernel->max_threads, arguments, mode, text);
}

static const run_mode modes[] = {
    {0, false},
    {1, false},
    {2, false},
#if RACES
    {0, true},
    {3, true},
#endif
};

static void expect_clean(const char *name)
{
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        char text[256];
        memory m = memory_make(ELEMENTS);
        bool ran = run(name, &m, modes[i], text);
        if (!ran) {
            fail_msg("%s: %s", name, text);
        }
        memory_free(&m);
    }
}

/* The kernel must fail, and say a text with that in it and where. */
static void expect_fault(const char *name, size_t y_elements, run_mode mode, const char *words)
{
    char text[256];
    memory m = memory_make(y_elements);
    bool ran = run(name, &m, mode, text);
    memory_free(&m);
    if (ran || strstr(text, words) == NULL || strstr(text, "block ") == NULL) {
        fail_msg("%s: %s, '%s'", name, ran ? "ran" : "failed", text);
    }
    print_message("%s: %s\n", name, text);
}

static void test_good_kernels_run(void **state)
{
    (void)state;
    size_t found = 0;
    for (size_t i = 0; i < kernel_count(); i++) {
        const char *name = kernel_at(i)->name;
        size_t length = strlen(name);
        if (length > 5 && strcmp(name + length - 5, "_good") == 0) {
            expect_clean(name);
            found++;
        }
    }
    assert_int_equal(found, 9);
}

static void test_missing_barrier(void **state)
{
    (void)state;
#if RACES
    run_mode races = {0, true};
    expect_fault("neighbours_missing_barrier", ELEMENTS, races, "race: ");
    expect_fault("rounds_missing_barrier", ELEMENTS, races, "race: ");
    expect_fault("lanes_missing_barrier", ELEMENTS, races, "race: ");
#endif
    /* And without looking for races, by its result. */
    char text[256];
    memory m = memory_make(ELEMENTS);
    assert_true(run("neighbours_missing_barrier", &m, (run_mode){0, false}, text));
    size_t wrong = 0;
    for (int i = 0; i < ELEMENTS; i++) {
        int32_t other = m.x[i / 64 * 64 + (i % 64 + 33) % 64];
        wrong += m.y[i] != (int32_t)((uint32_t)m.x[i] + (uint32_t)other);
    }
    assert_true(wrong > 0);
    memory_free(&m);
}

static void test_write_behind_global_memory(void **state)
{
    (void)state;
    char text[256];
    memory m = memory_make(COUNT);
    assert_true(run("global_good", &m, (run_mode){0, false}, text));
    memory_free(&m);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        expect_fault("global_overflow", 3 * THREADS, modes[i], "is not there");
    }
}

static void test_write_behind_shared_array(void **state)
{
    (void)state;
#if ASAN
    /* AddressSanitizer ends the process. */
    pid_t child = fork();
    if (child == 0) {
        char text[256];
        memory m = memory_make(ELEMENTS);
        close(STDERR_FILENO);
        run("shared_overflow", &m, (run_mode){0, false}, text);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
#else
    expect_fault("shared_overflow", ELEMENTS, (run_mode){0, false},
                 "wrote behind a shared array of 256 bytes");
#endif
#if RACES
    expect_fault("shared_overflow", ELEMENTS, (run_mode){0, true},
                 "outside of every shared array");
#endif
}

static void test_divergent_barrier(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        expect_fault("barrier_not_reached", ELEMENTS, modes[i], "reached by 40 of 64 threads");
        expect_fault("barrier_divergent", ELEMENTS, modes[i], "divergent barrier");
    }
}

static void test_wrong_masks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        expect_fault("shuffle_mask_without_self", ELEMENTS, modes[i], "mask 0000ffff");
        expect_fault("shuffle_mask_with_absent", ELEMENTS, modes[i], "mask ffffffff");
        expect_fault("shuffle_from_outside", ELEMENTS, modes[i], "which mask 0000ffff leaves out");
    }
}

static size_t wrong_products(const char *name)
{
    char text[256];
    memory m = memory_make(128);
    const int8_t *a = (const int8_t *)m.x;
    assert_true(run(name, &m, (run_mode){0, false}, text));
    size_t wrong = 0;
    for (int i = 0; i < 16; i++) {
        for (int j = 0; j < 8; j++) {
            int32_t sum = 0;
            for (int k = 0; k < 32; k++) {
                sum += a[i * 32 + k] * a[512 + j * 32 + k];
            }
            wrong += m.y[i * 8 + j] != sum;
        }
    }
    memory_free(&m);
    return wrong;
}

static void test_wrong_fragment(void **state)
{
    (void)state;
    assert_int_equal(wrong_products("fragment_good"), 0);
    assert_true(wrong_products("fragment_wrong") > 100);
}

static void test_copy_that_nobody_waits_for(void **state)
{
    (void)state;
    const char *names[] = {"copy_good", "copy_without_wait"};
    for (int bad = 0; bad < 2; bad++) {
        char text[256];
        memory m = memory_make(ELEMENTS);
        assert_true(run(names[bad], &m, (run_mode){0, false}, text));
        size_t wrong = 0;
        for (int i = 0; i < ELEMENTS; i++) {
            wrong += m.y[i] != m.x[i / 64 * 64 + 63 - i % 64];
        }
        assert_true(bad == 1 ? wrong > 0 : wrong == 0);
        memory_free(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_kernels_run),
        cmocka_unit_test(test_missing_barrier),
        cmocka_unit_test(test_write_behind_global_memory),
        cmocka_unit_test(test_write_behind_shared_array),
        cmocka_unit_test(test_divergent_barrier),
        cmocka_unit_test(test_wrong_masks),
        cmocka_unit_test(test_wrong_fragment),
        cmocka_unit_test(test_copy_that_nobody_waits_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
