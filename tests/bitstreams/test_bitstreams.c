/* Manifests, and what is refused before a bitstream is loaded. Files are in a folder of the test's
 * own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit_test.h"

#include "davit/bitstreams.h"
#include "davit/engine_abi.h"

static const davit_xclbin_argument arguments[] = {{"a", 0, 0x10, 8, true}};
static const davit_xclbin_kernel kernels[] = {{"gemm_s8", arguments, 1},
                                              {"vector_s8", arguments, 1}};
static const davit_xclbin_compute_unit units[] = {
    {"gemm_s8_1", 0, 0x1000000}, {"gemm_s8_2", 0, 0x1010000}, {"vector_s8_1", 1, 0x1020000}};
static const davit_xclbin_bank banks[] = {
    {"DDR[0]", DAVIT_XCLBIN_DDR, true, 0, (uint64_t)16 << 30},
    {"DDR[1]", DAVIT_XCLBIN_DDR, false, (uint64_t)16 << 30, (uint64_t)16 << 30}};
static const davit_xclbin_connection connections[] = {{0, 0, 0}, {1, 0, 0}, {2, 0, 0}};
static const davit_xclbin_clock clocks[] = {{"DATA_CLK", 250}};
static const uint8_t bits[] = "\x7f"
                              "ELF and so on";
static const char platform[] = "xilinx_u250_gen3x16_xdma_shell_4_1";
static const char file_name[] = "card.xclbin";

typedef struct fixture {
    char folder[64];
    char path[128];
    davit_arena arena;
    davit_diagnostics_buffer diag;
    davit_manifest manifest;
    davit_bitstream entry;
    davit_bitstream_target target;
    davit_bitstream_image image;
} fixture;

static void write_bytes(const char *path, const void *bytes, size_t count)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0644), 0);
}

static void write_file(fixture *f, davit_xclbin_mode mode)
{
    const davit_xclbin xclbin = {.mode = mode,
                                 .platform = platform,
                                 .uuid = {1, 2, 3},
                                 .interface_uuid = {9, 8, 7},
                                 .kernels = kernels,
                                 .kernel_count = 2,
                                 .compute_units = units,
                                 .compute_unit_count = 3,
                                 .banks = banks,
                                 .bank_count = 2,
                                 .connections = connections,
                                 .connection_count = 3,
                                 .clocks = clocks,
                                 .clock_count = 1,
                                 .bitstream = bits,
                                 .bitstream_bytes = sizeof(bits)};
    void *bytes;
    size_t count;
    assert_int_equal(
        davit_xclbin_write(davit_allocator_default(), &xclbin, &f->diag.sink, &bytes, &count),
        DAVIT_OK);
    write_bytes(f->path, bytes, count);
    davit_free(davit_allocator_default(), bytes);
    assert_int_equal(davit_bitstream_describe(&f->arena, "card", f->folder, file_name, "abc123",
                                              &f->diag.sink, &f->entry),
                     DAVIT_OK);
    f->manifest.bitstreams = &f->entry;
    f->manifest.count = 1;
    f->target = (davit_bitstream_target){.platform = platform,
                                         .has_interface = true,
                                         .interface_uuid = {9, 8, 7},
                                         .emulation = mode == DAVIT_XCLBIN_SW_EMU};
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    strcpy(f->folder, "/tmp/davit-bitstreams-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof(f->path), "%s/%s", f->folder, file_name);
    davit_arena_init(&f->arena, davit_allocator_default());
    davit_diagnostics_buffer_init(&f->diag);
    strcpy(f->manifest.folder, f->folder);
    write_file(f, DAVIT_XCLBIN_HARDWARE);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf -- %s", f->folder);
    assert_int_equal(system(command), 0);
    davit_arena_clear(&f->arena);
    free(f);
    return 0;
}

static davit_status load(fixture *f)
{
    davit_diagnostics_buffer_init(&f->diag);
    return davit_bitstream_load(davit_allocator_default(), &f->manifest, &f->entry, &f->target,
                                &f->diag.sink, &f->image);
}

static void refused(fixture *f, davit_status status, const char *reason)
{
    assert_int_equal(load(f), status);
    assert_int_equal(f->diag.error_count, 1);
    if (strstr(f->diag.text, reason) == NULL) {
        fail_msg("no '%s' in: %s", reason, f->diag.text);
    }
}

/* ---- what is taken ---- */

static void describes_what_the_file_holds(void **state)
{
    fixture *f = *state;
    assert_string_equal(f->entry.platform, platform);
    assert_int_equal(f->entry.abi_version, DAVIT_ENGINE_VERSION);
    assert_int_equal(f->entry.clock_mhz, 250);
    assert_int_equal(f->entry.kernels[0].compute_units, 2);
    assert_int_equal(f->entry.kernels[1].compute_units, 1);
    assert_int_equal(f->entry.bank_count, 1);
    assert_string_equal(f->entry.banks[0], "DDR[0]");
    assert_false(f->entry.emulation);
}

static void loads_what_fits(void **state)
{
    fixture *f = *state;
    assert_int_equal(load(f), DAVIT_OK);
    assert_string_equal(f->image.xclbin.platform, platform);
    assert_memory_equal(f->image.bytes, "xclbin2", 8);
    davit_bitstream_unload(&f->image);
    f->target.platform = ""; /* a board that does not say */
    f->target.has_interface = false;
    assert_int_equal(load(f), DAVIT_OK);
    davit_bitstream_unload(&f->image);
}

static void manifests_come_back(void **state)
{
    fixture *f = *state;
    davit_manifest again;
    assert_int_equal(davit_manifest_write(&f->manifest, &f->diag.sink), DAVIT_OK);
    assert_int_equal(davit_manifest_read(&f->arena, f->folder, &f->diag.sink, &again), DAVIT_OK);
    assert_int_equal(again.count, 1);
    const davit_bitstream *b = &again.bitstreams[0];
    assert_string_equal(b->name, "card");
    assert_string_equal(b->file, file_name);
    assert_string_equal(b->sha256, f->entry.sha256);
    assert_string_equal(b->source_commit, "abc123");
    assert_memory_equal(b->interface_uuid, f->entry.interface_uuid, 16);
    assert_int_equal(b->kernel_count, 2);
    assert_int_equal(
        davit_bitstream_choose(davit_allocator_default(), f->path, &f->target, NULL, &f->image),
        DAVIT_OK);
    davit_bitstream_unload(&f->image);
}

/* ---- what is refused ---- */

static void another_shell_is_refused(void **state)
{
    fixture *f = *state;
    f->target.platform = "xilinx_u280_gen3x16_xdma_base_1";
    refused(f, DAVIT_UNSUPPORTED, "another shell: xilinx_u250");
    f->target.platform = platform;
    f->target.interface_uuid[15] = 1;
    refused(f, DAVIT_UNSUPPORTED, "another shell: interface 09080700-");
}

static void another_abi_is_refused(void **state)
{
    fixture *f = *state;
    f->entry.abi_version = DAVIT_ENGINE_VERSION + 1;
    refused(f, DAVIT_UNSUPPORTED, "its kernels have ABI 3, this Davit ABI 2");
    f->entry.abi_version = DAVIT_ENGINE_VERSION;
    f->entry.columns = 16;
    refused(f, DAVIT_UNSUPPORTED, "its array is 7x16x8");
}

static void truncated_files_are_refused(void **state)
{
    fixture *f = *state;
    struct stat info;
    assert_int_equal(stat(f->path, &info), 0);
    assert_int_equal(truncate(f->path, info.st_size - 1), 0);
    refused(f, DAVIT_BAD_DATA, "was altered or cut off");
    assert_int_equal(truncate(f->path, 0), 0);
    refused(f, DAVIT_BAD_DATA, "is empty");
    /* Also where the manifest was made of the rest. */
    assert_int_equal(load(f), DAVIT_BAD_DATA);
    write_file(f, DAVIT_XCLBIN_HARDWARE);
    assert_int_equal(truncate(f->path, 500), 0);
    davit_bitstream ignored;
    assert_int_equal(davit_bitstream_describe(&f->arena, "card", f->folder, file_name, "",
                                              &f->diag.sink, &ignored),
                     DAVIT_BAD_DATA);
}

static void altered_files_are_refused(void **state)
{
    fixture *f = *state;
    FILE *file = fopen(f->path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, 460, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, 460, SEEK_SET), 0);
    assert_int_not_equal(fputc(byte ^ 1, file), EOF);
    assert_int_equal(fclose(file), 0);
    refused(f, DAVIT_BAD_DATA, "was altered or cut off: its sha256 is ");
}

static void other_contents_are_refused(void **state)
{
    fixture *f = *state;
    davit_bitstream_kernel two[] = {f->entry.kernels[0], f->entry.kernels[1]};
    two[1].compute_units = 2;
    f->entry.kernels = two;
    refused(f, DAVIT_BAD_DATA, "says otherwise of its compute units");
    write_file(f, DAVIT_XCLBIN_HARDWARE);
    f->entry.interface_uuid[3] ^= 1;
    f->target.has_interface = false;
    refused(f, DAVIT_BAD_DATA, "says otherwise of its interface UUID");
}

static void emulation_and_cards_do_not_mix(void **state)
{
    fixture *f = *state;
    f->target.emulation = true;
    refused(f, DAVIT_UNSUPPORTED, "it is made for a card");
    write_file(f, DAVIT_XCLBIN_SW_EMU);
    f->target.emulation = false;
    refused(f, DAVIT_UNSUPPORTED, "it is made for an emulated board");
    f->target.emulation = true;
    assert_int_equal(load(f), DAVIT_OK);
    davit_bitstream_unload(&f->image);
    /* A file with native code that the manifest calls one for cards. */
    f->entry.emulation = f->target.emulation = false;
    refused(f, DAVIT_BAD_DATA, "says otherwise of whether it is for emulation");
}

static void native_code_of_others_is_refused(void **state)
{
    fixture *f = *state;
    write_file(f, DAVIT_XCLBIN_SW_EMU);
    assert_int_equal(chmod(f->path, 0664), 0);
    refused(f, DAVIT_BAD_DATA, "card.xclbin: holds native code, but");
    assert_int_equal(chmod(f->path, 0644), 0);
    assert_int_equal(chmod(f->folder, 0777), 0);
    refused(f, DAVIT_BAD_DATA, "can be written by others: not loaded");
    assert_int_equal(chmod(f->folder, 0700), 0);
    if (geteuid() == 0) { /* only root can give a file away */
        assert_int_equal(chown(f->path, 12345, 12345), 0);
        refused(f, DAVIT_BAD_DATA, "belongs to another user");
        assert_int_equal(chown(f->path, 0, 0), 0);
    }
    assert_int_equal(load(f), DAVIT_OK);
    davit_bitstream_unload(&f->image);
    /* Bytes for a card are nobody's native code: who wrote them is told by their hash. */
    write_file(f, DAVIT_XCLBIN_HARDWARE);
    assert_int_equal(chmod(f->folder, 0777), 0);
    assert_int_equal(load(f), DAVIT_OK);
    davit_bitstream_unload(&f->image);
}

static void links_and_missing_files_are_refused(void **state)
{
    fixture *f = *state;
    char other[128];
    snprintf(other, sizeof(other), "%s/other", f->folder);
    assert_int_equal(rename(f->path, other), 0);
    refused(f, DAVIT_NOT_FOUND, "No such file");
    assert_int_equal(symlink(other, f->path), 0);
    refused(f, DAVIT_IO_ERROR, "is a link");
    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(mkfifo(f->path, 0600), 0);
    refused(f, DAVIT_BAD_DATA, "is not a file");
}

static void choosing_says_what_there_is(void **state)
{
    fixture *f = *state;
    assert_int_equal(davit_manifest_write(&f->manifest, &f->diag.sink), DAVIT_OK);
    f->target.platform = "another";
    davit_diagnostics_buffer_init(&f->diag);
    assert_int_equal(davit_bitstream_choose(davit_allocator_default(), f->path, &f->target,
                                            &f->diag.sink, &f->image),
                     DAVIT_UNAVAILABLE);
    assert_non_null(strstr(f->diag.text, "card: it is made for another shell"));
    assert_int_equal(setenv("XDG_DATA_HOME", f->folder, 1), 0);
    assert_int_equal(davit_bitstream_choose(davit_allocator_default(), NULL, &f->target,
                                            &f->diag.sink, &f->image),
                     DAVIT_UNAVAILABLE);
    assert_non_null(strstr(f->diag.text, "no manifest.json"));
}

static void bad_manifests_are_refused(void **state)
{
    static const char good[] =
        "{\"schema_version\":1,\"bitstreams\":[{\"name\":\"a\",\"file\":\"b\",\"platform\":\"p\","
        "\"sha256\":\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\","
        "\"emulation\":false,\"abi_version\":1,\"array\":{\"rows\":7,\"columns\":32,\"depth\":8},"
        "\"clock_mhz\":300,\"kernels\":[{\"name\":\"k\",\"compute_units\":1}],\"banks\":[]}]}";
    static const struct {
        const char *from, *to, *reason;
    } changes[] = {
        {"\"schema_version\":1", "\"schema_version\":2", "schema_version 1"},
        {"\"name\":\"a\"", "\"name\":\"../a\"", "field 'name'"},
        {"\"file\":\"b\"", "\"file\":\"../b\"", "field 'file'"},
        {"\"file\":\"b\"", "\"file\":\"/b\"", "field 'file'"},
        {"\"platform\":\"p\"", "\"platform\":\"\"", "field 'platform'"},
        {"0123456789abcdef0123456789abcdef0", "0", "field 'sha256'"},
        {"\"abi_version\":1", "\"abi_version\":0", "field 'abi_version'"},
        {"\"rows\":7", "\"rows\":700", "field 'array'"},
        {"\"clock_mhz\":300", "\"clock_mhz\":\"300\"", "bitstream 1"},
        {"[{\"name\":\"k\",\"compute_units\":1}]", "[]", "field 'kernels'"},
        {"\"compute_units\":1", "\"compute_units\":0", "field 'kernels'"},
        {"\"banks\":[]", "\"banks\":[1]", "field 'banks'"},
        {"\"banks\":[]", "\"banks\":[],\"more\":1", "bitstream 1"},
        {"\"banks\":[]", "\"banks\":[],\"interface_uuid\":\"zz\"", "field 'interface_uuid'"},
        {"]}]}", "]}", "manifest.json"},
    };
    fixture *f = *state;
    char path[128];
    davit_manifest manifest;
    snprintf(path, sizeof(path), "%s/manifest.json", f->folder);
    write_bytes(path, good, strlen(good));
    assert_int_equal(davit_manifest_read(&f->arena, f->folder, &f->diag.sink, &manifest), DAVIT_OK);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        char text[1024];
        const char *at = strstr(good, changes[i].from);
        assert_non_null(at);
        snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, changes[i].to,
                 at + strlen(changes[i].from));
        write_bytes(path, text, strlen(text));
        davit_diagnostics_buffer_init(&f->diag);
        assert_int_equal(davit_manifest_read(&f->arena, f->folder, &f->diag.sink, &manifest),
                         DAVIT_BAD_DATA);
        if (f->diag.error_count != 1 || strstr(f->diag.text, changes[i].reason) == NULL) {
            fail_msg("%s: %s", changes[i].to, f->diag.text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(describes_what_the_file_holds, setup, teardown),
        cmocka_unit_test_setup_teardown(loads_what_fits, setup, teardown),
        cmocka_unit_test_setup_teardown(manifests_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(another_shell_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(another_abi_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(truncated_files_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(altered_files_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(other_contents_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(emulation_and_cards_do_not_mix, setup, teardown),
        cmocka_unit_test_setup_teardown(native_code_of_others_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(links_and_missing_files_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(choosing_says_what_there_is, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_manifests_are_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
