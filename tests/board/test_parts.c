/* The emulated board's memory, its faults, the mended shim, and the environment of a program. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit_test.h"

#include "backends/xrt/emulation/shim.h"
#include "davit/board_emulation.h"
#include "davit/board_faults.h"
#include "davit/read_file.h"
#include "memory.h"

static void test_memory(void **state)
{
    (void)state;
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    board_memory memory;
    assert_true(board_memory_open(&memory));
    assert_true(board_memory_alloc(&memory, 4 * page, page + 1)); /* pages 4 and 5 */
    assert_true(board_memory_alloc(&memory, 0, 0));               /* page 0 */
    assert_true(board_memory_alloc(&memory, 6 * page, page));
    assert_true(board_memory_alloc(&memory, 2 * page, 2 * page));
    assert_false(board_memory_alloc(&memory, 5 * page, 1)); /* taken */
    assert_false(board_memory_alloc(&memory, page, 2 * page));
    assert_false(board_memory_alloc(&memory, 8 * page + 1, 1));
    assert_false(board_memory_alloc(&memory, BOARD_MEMORY_BYTES - page, 2 * page));
    assert_false(board_memory_alloc(&memory, 0, UINT64_MAX));
    assert_null(board_memory_at(&memory, page, 1));
    assert_null(board_memory_at(&memory, 7 * page, 1));
    assert_null(board_memory_at(&memory, 4 * page, 2 * page + 1)); /* into the next buffer */
    assert_null(board_memory_at(&memory, 4 * page, UINT64_MAX));
    uint8_t *at = board_memory_at(&memory, 5 * page, page);
    assert_ptr_equal(at, memory.base + 5 * page);
    at[0] = 1;
    assert_false(board_memory_free(&memory, 5 * page));
    assert_true(board_memory_free(&memory, 4 * page));
    assert_false(board_memory_free(&memory, 4 * page));
    assert_null(board_memory_at(&memory, 5 * page, 1));
    assert_true(board_memory_alloc(&memory, 4 * page, 2 * page));
    assert_int_equal(board_memory_at(&memory, 5 * page, 1)[0], 0); /* nothing is left of before */
    board_memory_close(&memory);
}

/* Any order of allocations and frees, against a table of pages. */
static void test_random_memory(void **state)
{
    (void)state;
    enum { PAGES = 32 };
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    int owner[PAGES] = {0}, next = 1;
    uint64_t random = 1;
    board_memory memory;
    assert_true(board_memory_open(&memory));
    for (int step = 0; step < 3000; step++) {
        const uint64_t first = test_random_below(&random, PAGES);
        if (test_random_below(&random, 2) == 0) {
            const uint64_t count = 1 + test_random_below(&random, 4);
            bool vacant = first + count <= PAGES;
            for (uint64_t i = first; i < first + count && i < PAGES; i++) {
                vacant = vacant && owner[i] == 0;
            }
            if (first + count > PAGES) {
                continue;
            }
            assert_int_equal(board_memory_alloc(&memory, first * page, count * page), vacant);
            for (uint64_t i = first; vacant && i < first + count; i++) {
                owner[i] = next;
            }
            next += vacant;
        } else {
            const int who = owner[first];
            const bool begins = who != 0 && (first == 0 || owner[first - 1] != who);
            assert_int_equal(board_memory_free(&memory, first * page), begins);
            for (uint64_t i = 0; begins && i < PAGES; i++) {
                owner[i] = owner[i] == who ? 0 : owner[i];
            }
        }
        for (uint64_t i = 0; i < PAGES; i++) {
            assert_int_equal(board_memory_at(&memory, i * page, page) != NULL, owner[i] != 0);
        }
    }
    board_memory_close(&memory);
}

static void test_faults(void **state)
{
    (void)state;
    board_faults faults;
    assert_null(board_faults_parse("", 0, &faults));
    assert_int_equal(faults.at[BOARD_FAULT_HANG], 0);
    assert_null(board_faults_parse("hang@7,1:lost@3,slow@50,0:mute@2", 1, &faults));
    assert_int_equal(faults.at[BOARD_FAULT_HANG], 7);
    assert_int_equal(faults.at[BOARD_FAULT_LOST], 3);
    assert_int_equal(faults.at[BOARD_FAULT_SLOW], 50);
    assert_int_equal(faults.at[BOARD_FAULT_MUTE], 0);
    assert_null(board_faults_parse("error@3+4", 0, &faults));
    for (uint64_t number = 0; number < 20; number++) {
        assert_int_equal(board_fault_is_due(&faults, BOARD_FAULT_ERROR, number), number % 4 == 3);
        assert_int_equal(board_fault_is_due(&faults, BOARD_FAULT_HANG, number), 0);
    }
    static const char *const wrong[] = {
        "hang",          "hang@",   "hang@0",   "hang@x",    "@3",      "han@3",
        "hang@3x",       "1:@3",    "1hang@3",  ":hang@3",   "hang@-1", "hang@99999999999999999999",
        "hang@1;lost@2", "hang@1+", "hang@1+0", "hang@1+2+3"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_non_null(board_faults_parse(wrong[i], 0, &faults));
    }
    unsigned seen = 0;
    for (int seed = 0; seed < 64; seed++) {
        char text[32];
        board_faults again;
        (void)snprintf(text, sizeof(text), "random@%d", seed);
        assert_null(board_faults_parse(text, 0, &faults));
        assert_null(board_faults_parse(text, 3, &again));
        assert_memory_equal(&faults, &again, sizeof(faults));
        unsigned kinds = 0;
        for (unsigned kind = 0; kind < BOARD_FAULT_KINDS; kind++) {
            kinds += faults.at[kind] != 0;
            seen |= (unsigned)(faults.at[kind] != 0) << kind;
        }
        assert_int_equal(kinds, 1);
    }
    assert_int_equal(seen, 1u << BOARD_FAULT_HANG | 1u << BOARD_FAULT_LOST |
                               1u << BOARD_FAULT_MUTE | 1u << BOARD_FAULT_REFUSE);
}

static char folder[] = "/tmp/davit-test-XXXXXX";

static char *in_folder(const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void write_bytes(const char *name, const void *bytes, size_t count)
{
    FILE *file = fopen(in_folder(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

/* The code as Debian's library has it, at byte 64 of 512, and once more in the second case. */
static const uint8_t defect[] = {
    0x48, 0x89, 0x83, 0x70, 0x06, 0,    0, 0x48, 0x89, 0xe8, 0xeb, 0xe1, 0x0f, 0x1f, 0x40, 0,
    0x48, 0x8b, 0xbf, 0x70, 0x06, 0,    0, 0xe8, 0x14, 0xe6, 0xfd, 0xff, 0x48, 0x85, 0xc0, 0x75,
    0xe6, 0x48, 0x8b, 0xbb, 0x70, 0x06, 0, 0,    0xe8, 0xc3, 0xe1, 0xfd, 0xff, 0xeb, 0xd8};

static void test_shim(void **state)
{
    (void)state;
    for (int copies = 0; copies < 3; copies++) {
        uint8_t bytes[512] = {0x7f, 'E', 'L', 'F'};
        for (int i = 0; i < copies; i++) {
            memcpy(bytes + 64 + 200 * i, defect, sizeof(defect));
        }
        char library[256], target[256], name[16];
        (void)snprintf(name, sizeof(name), "lib%d", copies);
        write_bytes(name, bytes, sizeof(bytes));
        (void)snprintf(library, sizeof(library), "%s", in_folder(name));
        (void)snprintf(name, sizeof(name), "shim%d", copies);
        (void)snprintf(target, sizeof(target), "%s", in_folder(name));
        assert_int_equal(emulation_place_shim(library, target, NULL), DAVIT_OK);
        struct stat made;
        assert_int_equal(lstat(target, &made), 0);
        assert_int_equal(S_ISLNK(made.st_mode), copies != 1);
        char *read;
        size_t count;
        assert_int_equal(
            davit_read_file(davit_allocator_default(), target, 1024, NULL, &read, &count),
            DAVIT_OK);
        assert_int_equal(count, sizeof(bytes));
        if (copies == 1) {
            bytes[64 + 32] = 0xdf; /* the branch leads seven bytes further back */
        }
        assert_memory_equal(read, bytes, sizeof(bytes));
        davit_free(davit_allocator_default(), read);
        assert_int_equal(unlink(target), 0);
        assert_int_equal(unlink(library), 0);
    }
}

static void test_environment(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned boards;
    } cases[] = {{"2\nsome_platform\n/a/b.xclbin\n", 2},
                 {"", 0},
                 {"2\nsome_platform\n", 0},
                 {"0\np\n/x\n", 0},
                 {"17\np\n/x\n", 0},
                 {"2x\np\n/x\n", 0},
                 {"2\np\n/x", 0}};
    davit_board_environment e;
    assert_int_equal(unsetenv("XCL_EMULATION_MODE"), 0);
    davit_board_environment_get(&e);
    assert_false(e.emulated);
    assert_int_equal(setenv("XCL_EMULATION_MODE", "sw_emu", 1), 0);
    assert_int_equal(setenv("EMCONFIG_PATH", folder, 1), 0);
    davit_board_environment_get(&e); /* Vitis's own emulation */
    assert_false(e.emulated);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_bytes("boards", cases[i].text, strlen(cases[i].text));
        davit_board_environment_get(&e);
        assert_int_equal(e.emulated, cases[i].boards > 0);
        assert_int_equal(e.boards, cases[i].boards);
        assert_string_equal(e.platform, cases[i].boards > 0 ? "some_platform" : "");
        assert_string_equal(e.xclbin_path, cases[i].boards > 0 ? "/a/b.xclbin" : "");
    }
    write_bytes("boards", cases[0].text, strlen(cases[0].text));
    assert_int_equal(chmod(in_folder("boards"), 0666), 0); /* somebody else's word */
    davit_board_environment_get(&e);
    assert_false(e.emulated);
    assert_int_equal(unlink(in_folder("boards")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory),      cmocka_unit_test(test_random_memory),
        cmocka_unit_test(test_faults),      cmocka_unit_test(test_shim),
        cmocka_unit_test(test_environment),
    };
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)rmdir(folder);
    return failed;
}
