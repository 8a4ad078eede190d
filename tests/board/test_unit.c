/* A compute unit of the emulated board: its registers and its thread, with a kernel of the test. */
#define _DEFAULT_SOURCE /* usleep */
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "unit_test.h"

#include "compute_unit.h"

enum { BASE = 0x10000, START = 1, DONE = 2, IDLE = 4 };

static atomic_bool may_end = true;
static const char *complaint;

/* out = in + 1, when it may. */
static void increment(void *in, void *out)
{
    while (!atomic_load(&may_end)) {
        (void)usleep(100);
    }
    uint32_t value;
    memcpy(&value, in, sizeof(value));
    value++;
    memcpy(out, &value, sizeof(value));
}

static const char *simulation_error(void)
{
    return complaint;
}

static const davit_xclbin_argument arguments[] = {{"in", 0, 0x10, 8, true},
                                                  {"out", 1, 0x1c, 8, true}};
static const davit_xclbin_kernel form = {"increment", arguments, 2};

typedef struct fixture {
    board_memory memory;
    board_kernels kernels;
    board_unit unit;
    uint64_t in, out;
} fixture;

static void open_fixture(fixture *f)
{
    void (*function)(void *, void *) = increment;
    *f = (fixture){.kernels = {NULL, simulation_error}};
    f->unit = (board_unit){.name = "unit",
                           .base_address = BASE,
                           .form = &form,
                           .kernels = &f->kernels,
                           .kernel = {.argument_count = 2}};
    memcpy(&f->unit.kernel.function, &function, sizeof(function));
    f->in = (uint64_t)sysconf(_SC_PAGESIZE);
    f->out = 2 * f->in;
    assert_true(board_memory_open(&f->memory));
    assert_true(board_memory_alloc(&f->memory, f->in, 4));
    assert_true(board_memory_alloc(&f->memory, f->out, 4));
    assert_true(board_unit_open(&f->unit));
}

static void close_fixture(fixture *f)
{
    board_unit_close(&f->unit);
    board_memory_close(&f->memory);
}

/* As XRT starts a kernel: the whole register map, without the start bit, then with it. */
static const char *start(fixture *f, uint64_t in, board_start how)
{
    uint32_t map[10] = {0};
    memcpy((uint8_t *)map + 0x10, &in, sizeof(in));
    memcpy((uint8_t *)map + 0x1c, &f->out, sizeof(f->out));
    assert_false(board_unit_write(&f->unit, BASE, (const uint8_t *)map, sizeof(map)));
    map[0] = START;
    assert_true(board_unit_write(&f->unit, BASE, (const uint8_t *)map, sizeof(map)));
    return board_unit_start(&f->unit, &f->memory, how);
}

static uint32_t wait_for_end(fixture *f)
{
    uint32_t control = START;
    for (int i = 0; i < 20000 && control == START; i++) {
        control = board_unit_read(&f->unit, BASE);
    }
    return control;
}

static void test_runs(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f);
    assert_true(board_unit_contains(&f.unit, BASE));
    assert_true(board_unit_contains(&f.unit, BASE + 4092));
    assert_false(board_unit_contains(&f.unit, BASE + 4096));
    assert_false(board_unit_contains(&f.unit, BASE - 4));
    assert_int_equal(board_unit_read(&f.unit, BASE), IDLE);
    for (uint32_t i = 0; i < 100; i++) {
        memcpy(board_memory_at(&f.memory, f.in, 4), &i, sizeof(i));
        assert_null(start(&f, f.in, BOARD_START_RUN));
        assert_int_equal(wait_for_end(&f), DONE | IDLE);
        assert_int_equal(board_unit_read(&f.unit, BASE), IDLE); /* done was read */
        uint32_t result;
        memcpy(&result, board_memory_at(&f.memory, f.out, 4), sizeof(result));
        assert_int_equal(result, i + 1);
    }
    assert_int_equal(board_unit_read(&f.unit, BASE + 0x10), f.in);
    close_fixture(&f);
}

static void test_busy(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f);
    atomic_store(&may_end, false);
    assert_null(start(&f, f.in, BOARD_START_RUN));
    assert_int_equal(board_unit_read(&f.unit, BASE), START);
    assert_non_null(board_unit_start(&f.unit, &f.memory, BOARD_START_RUN));
    assert_int_equal(board_unit_read(&f.unit, BASE), START);
    atomic_store(&may_end, true);
    assert_int_equal(wait_for_end(&f), DONE | IDLE);
    close_fixture(&f);
}

/* Every way to hang; the unit still closes. */
static void test_hangs(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        fixture f;
        open_fixture(&f);
        complaint = how == 2 ? "a deadlock" : NULL;
        const char *error = start(&f, how == 1 ? f.out + 65536 : f.in,
                                  how == 0 ? BOARD_START_HANG : BOARD_START_RUN);
        assert_int_equal(error != NULL, how == 1);
        for (int i = 0; i < 20; i++) {
            assert_int_equal(board_unit_read(&f.unit, BASE), START);
        }
        close_fixture(&f);
        complaint = NULL;
    }
}

static void test_aborted(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f);
    assert_null(start(&f, f.in, BOARD_START_ABORT));
    assert_int_equal(board_unit_read(&f.unit, BASE), IDLE);
    assert_int_equal(board_memory_at(&f.memory, f.out, 4)[0], 0);
    close_fixture(&f);
}

/* Writes that are no register writes change nothing, and none goes past the registers. */
static void test_odd_writes(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f);
    const uint8_t bytes[64] = {START};
    assert_false(board_unit_write(&f.unit, BASE + 2, bytes, 4));
    assert_false(board_unit_write(&f.unit, BASE, bytes, 3));
    assert_false(board_unit_write(&f.unit, BASE, bytes, 0));
    assert_false(board_unit_write(&f.unit, BASE + 4092, bytes, 64));
    assert_int_equal(board_unit_read(&f.unit, BASE + 4092), START);
    assert_int_equal(board_unit_read(&f.unit, BASE), IDLE);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs),       cmocka_unit_test(test_busy),
        cmocka_unit_test(test_hangs),      cmocka_unit_test(test_aborted),
        cmocka_unit_test(test_odd_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
