/* xclbin files: what is written is read again, lies where XRT's structs have it, and damaged files
 * are refused. */
#include <stdlib.h>
#include <string.h>

#include "unit_test.h"

#include "davit/xclbin.h"

#if defined(__has_include)
#if __has_include(<xclbin.h>)
#define HAVE_XRT_XCLBIN 1
#include <xclbin.h>
#elif __has_include(<xrt/detail/xclbin.h>)
#define HAVE_XRT_XCLBIN 1
#include <xrt/detail/xclbin.h>
#endif
#endif

static const davit_xclbin_argument arguments[] = {
    {"a", 0, 0x10, 8, true}, {"b", 1, 0x1c, 8, true}, {"count", 2, 0x28, 4, false}};
static const davit_xclbin_kernel kernels[] = {{"mul", arguments, 3}, {"add", arguments, 2}};
static const davit_xclbin_compute_unit units[] = {
    {"mul_1", 0, 0x1000000}, {"add_1", 1, 0x1010000}, {"mul_2", 0, 0x180000000}};
static const davit_xclbin_bank banks[] = {
    {"DDR[0]", DAVIT_XCLBIN_DDR, true, 0, (uint64_t)16 << 30},
    {"DDR[1]", DAVIT_XCLBIN_DDR, false, (uint64_t)16 << 30, (uint64_t)16 << 30},
    {"HBM[0]", DAVIT_XCLBIN_HBM, true, (uint64_t)1 << 40, (uint64_t)256 << 20},
    {"HOST[0]", DAVIT_XCLBIN_HOST_MEMORY, true, (uint64_t)1 << 41, 1024}};
static const davit_xclbin_connection connections[] = {{0, 0, 0}, {0, 1, 2}, {2, 0, 1}, {1, 1, 3}};
static const davit_xclbin_clock clocks[] = {{"DATA_CLK", 300}, {"KERNEL_CLK", 500}};
static const uint8_t bitstream[] = "\x7f"
                                   "ELF and so on";

static davit_xclbin example(void)
{
    return (davit_xclbin){
        .mode = DAVIT_XCLBIN_SW_EMU,
        .platform = "xilinx_u250_gen3x16_xdma_shell_4_1",
        .uuid = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
        .interface_uuid = {0xff, 0xee},
        .timestamp = 1700000000,
        .kernels = kernels,
        .kernel_count = 2,
        .compute_units = units,
        .compute_unit_count = 3,
        .banks = banks,
        .bank_count = 4,
        .connections = connections,
        .connection_count = 4,
        .clocks = clocks,
        .clock_count = 2,
        .bitstream = bitstream,
        .bitstream_bytes = sizeof(bitstream),
    };
}

typedef struct written {
    uint8_t *bytes;
    size_t count;
} written;

static written write_example(void)
{
    const davit_xclbin xclbin = example();
    void *bytes = NULL;
    written w;
    assert_int_equal(davit_xclbin_write(davit_allocator_default(), &xclbin, NULL, &bytes, &w.count),
                     DAVIT_OK);
    w.bytes = bytes;
    return w;
}

static davit_status read_bytes(davit_arena *arena, const uint8_t *bytes, size_t count,
                               davit_diagnostics_buffer *diag, davit_xclbin *out)
{
    davit_diagnostics_buffer_init(diag);
    davit_arena_init(arena, davit_allocator_default());
    return davit_xclbin_read(arena, "file", bytes, count, &diag->sink, out);
}

static void check_arguments(const davit_xclbin_kernel *kernel, size_t count)
{
    assert_int_equal(kernel->argument_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(kernel->arguments[i].name, arguments[i].name);
        assert_int_equal(kernel->arguments[i].index, i);
        assert_int_equal(kernel->arguments[i].offset, arguments[i].offset);
        assert_int_equal(kernel->arguments[i].bytes, arguments[i].bytes);
        assert_int_equal(kernel->arguments[i].is_pointer, arguments[i].is_pointer);
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    const written w = write_example();
    davit_diagnostics_buffer diag;
    davit_arena arena;
    davit_xclbin x;
    assert_int_equal(read_bytes(&arena, w.bytes, w.count, &diag, &x), DAVIT_OK);
    const davit_xclbin e = example();
    assert_int_equal(x.mode, e.mode);
    assert_string_equal(x.platform, e.platform);
    assert_memory_equal(x.uuid, e.uuid, 16);
    assert_memory_equal(x.interface_uuid, e.interface_uuid, 16);
    assert_int_equal(x.timestamp, e.timestamp);
    assert_int_equal(x.kernel_count, 2);
    check_arguments(davit_xclbin_find_kernel(&x, "mul"), 3);
    check_arguments(davit_xclbin_find_kernel(&x, "add"), 2);
    assert_null(davit_xclbin_find_kernel(&x, "sub"));
    assert_int_equal(x.compute_unit_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(x.compute_units[i].name, units[i].name);
        assert_int_equal(x.compute_units[i].kernel, units[i].kernel);
        assert_int_equal(x.compute_units[i].base_address, units[i].base_address);
    }
    assert_int_equal(x.bank_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(x.banks[i].name, banks[i].name);
        assert_int_equal(x.banks[i].memory, banks[i].memory);
        assert_int_equal(x.banks[i].used, banks[i].used);
        assert_int_equal(x.banks[i].base_address, banks[i].base_address);
        assert_int_equal(x.banks[i].bytes, banks[i].bytes);
    }
    assert_int_equal(x.connection_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(x.connections[i].compute_unit, connections[i].compute_unit);
        assert_int_equal(x.connections[i].argument, connections[i].argument);
        assert_int_equal(x.connections[i].bank, connections[i].bank);
    }
    assert_int_equal(x.clock_count, 2);
    assert_string_equal(x.clocks[1].name, "KERNEL_CLK");
    assert_int_equal(x.clocks[1].mhz, 500);
    assert_int_equal(x.bitstream_bytes, sizeof(bitstream));
    assert_memory_equal(x.bitstream, bitstream, sizeof(bitstream));
    davit_arena_clear(&arena);
    davit_free(davit_allocator_default(), w.bytes);
}

static void test_uuid_text(void **state)
{
    (void)state;
    const uint8_t uuid[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                              0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
    char text[DAVIT_XCLBIN_UUID_TEXT];
    davit_xclbin_uuid_text(uuid, text);
    assert_string_equal(text, "01234567-89ab-cdef-0123-456789abcdef");
}

#ifdef HAVE_XRT_XCLBIN
static const void *section_of(const struct axlf *top, enum axlf_section_kind kind)
{
    for (uint32_t i = 0; i < top->m_header.m_numSections; i++) {
        if (top->m_sections[i].m_sectionKind == (uint32_t)kind) {
            assert_int_equal(top->m_sections[i].m_sectionOffset % 8, 0);
            return (const uint8_t *)top + top->m_sections[i].m_sectionOffset;
        }
    }
    return NULL;
}

/* The same file through XRT's structs. */
static void test_xrt_structs(void **state)
{
    (void)state;
    const written w = write_example();
    const struct axlf *top = (const struct axlf *)(const void *)w.bytes;
    assert_memory_equal(top->m_magic, "xclbin2", 8);
    assert_int_equal(top->m_signature_length, -1);
    assert_int_equal(top->m_header.m_length, w.count);
    assert_int_equal(top->m_header.m_mode, XCLBIN_SW_EMU);
    assert_int_equal(top->m_header.m_versionMajor, 2);
    assert_string_equal((const char *)top->m_header.m_platformVBNV,
                        "xilinx_u250_gen3x16_xdma_shell_4_1");
    assert_int_equal(top->m_header.uuid[15], 16);
    const struct ip_layout *layout = section_of(top, IP_LAYOUT);
    assert_int_equal(layout->m_count, 3);
    assert_string_equal((const char *)layout->m_ip_data[2].m_name, "mul:mul_2");
    assert_int_equal(layout->m_ip_data[2].m_base_address, 0x180000000);
    assert_int_equal(layout->m_ip_data[2].m_type, IP_KERNEL);
    const struct mem_topology *memory = section_of(top, MEM_TOPOLOGY);
    assert_int_equal(memory->m_count, 4);
    assert_int_equal(memory->m_mem_data[1].m_size, 16 << 20);
    assert_int_equal(memory->m_mem_data[1].m_used, 0);
    assert_int_equal(memory->m_mem_data[2].m_type, MEM_HBM);
    assert_int_equal(memory->m_mem_data[2].m_base_address, (uint64_t)1 << 40);
    const struct connectivity *connected = section_of(top, CONNECTIVITY);
    assert_int_equal(connected->m_count, 4);
    assert_int_equal(connected->m_connection[2].m_ip_layout_index, 2);
    assert_int_equal(connected->m_connection[3].mem_data_index, 3);
    const struct clock_freq_topology *frequencies = section_of(top, CLOCK_FREQ_TOPOLOGY);
    assert_int_equal(frequencies->m_count, 2);
    assert_int_equal(frequencies->m_clock_freq[1].m_freq_Mhz, 500);
    davit_free(davit_allocator_default(), w.bytes);
}
#endif

/* No prefix of a file is a file, and none makes the reader look behind its end. */
static void test_truncated(void **state)
{
    (void)state;
    const written w = write_example();
    for (size_t count = 0; count < w.count; count++) {
        uint8_t *copy = malloc(count + 1); /* its own block, for tools that watch its end */
        assert_non_null(copy);
        memcpy(copy, w.bytes, count);
        davit_diagnostics_buffer diag;
        davit_arena arena;
        davit_xclbin x;
        assert_int_equal(read_bytes(&arena, copy, count, &diag, &x), DAVIT_BAD_DATA);
        assert_int_equal(diag.error_count, 1);
        davit_arena_clear(&arena);
        free(copy);
    }
    davit_free(davit_allocator_default(), w.bytes);
}

typedef struct damage {
    size_t at;
    unsigned bytes;
    uint64_t value;
    const char *reason;
} damage;

static size_t section_header(const written *w, uint32_t kind)
{
    for (size_t at = 456;; at += 40) {
        assert_true(at + 40 <= w->count);
        if (w->bytes[at] == kind) {
            return at;
        }
    }
}

static size_t section_at(const written *w, uint32_t kind)
{
    uint64_t offset;
    memcpy(&offset, w->bytes + section_header(w, kind) + 24, sizeof(offset));
    return (size_t)offset;
}

static void test_damaged(void **state)
{
    (void)state;
    written w = write_example();
    const damage cases[] = {
        {0, 1, 'y', "does not begin"},
        {304, 8, w.count + 1, "truncated: "},
        {448, 4, 5000, "sections do not fit"},
        {448, 4, 0xffffffff, "sections do not fit"},
        {section_header(&w, 6) + 24, 8, w.count, "outside the file"},
        {section_header(&w, 6) + 32, 8, UINT64_MAX, "outside the file"},
        {section_at(&w, 6), 4, 5, "MEM_TOPOLOGY is shorter"},
        {section_at(&w, 6), 4, 0x80000000, "MEM_TOPOLOGY is shorter"},
        {section_at(&w, 7), 4, 5, "CONNECTIVITY is shorter"},
        {section_at(&w, 8), 4, 4, "IP_LAYOUT is shorter"},
        {section_at(&w, 11), 2, 3, "CLOCK_FREQ_TOPOLOGY is shorter"},
        {section_at(&w, 6) + 8 + 8, 8, UINT64_MAX, "behind the address space"},
        {section_at(&w, 6) + 8 + 24 + 8, 8, 0x4141414141414141, NULL}, /* still ends */
        {section_at(&w, 7) + 4 + 4, 4, 3, "a connection leads"},
        {section_at(&w, 7) + 4 + 8, 4, 4, "a connection leads"},
        {section_at(&w, 8) + 8 + 16, 1, 'x', "of no kernel"},
        {section_at(&w, 2), 1, 'x', "metadata"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t *copy = malloc(w.count);
        assert_non_null(copy);
        memcpy(copy, w.bytes, w.count);
        memcpy(copy + cases[i].at, &cases[i].value, cases[i].bytes);
        davit_diagnostics_buffer diag;
        davit_arena arena;
        davit_xclbin x;
        const davit_status status = read_bytes(&arena, copy, w.count, &diag, &x);
        if (cases[i].reason != NULL) {
            assert_int_equal(status, DAVIT_BAD_DATA);
            assert_non_null(strstr(diag.text, cases[i].reason));
        } else {
            assert_int_equal(diag.error_count, status != DAVIT_OK);
        }
        davit_arena_clear(&arena);
        free(copy);
    }
    davit_free(davit_allocator_default(), w.bytes);
}

static void test_metadata(void **state)
{
    (void)state;
    static const struct {
        const char *xml, *reason; /* NULL: read */
    } cases[] = {
        {"<a/>", NULL},
        {"<kernel name='k'><arg name='x' id='0' offset='16' size='0x8' addressQualifier='1'/>"
         "<arg name='internal' id='' /><instance name='k_1'><addrRemap base='0x10'/></instance>"
         "<instance name='free_running'/></kernel>",
         NULL},
        {"", "no element found"},
        {"<kernel name='k'>", "no element found"},
        {"<kernel/>", "without a (short) name"},
        {"<p><kernel name='k'/><kernel name='k'/></p>", "two kernels of one name"},
        {"<kernel name='k'><arg name='x' id='0' offset='-1' size='8' addressQualifier='1'/>"
         "</kernel>",
         "attribute offset"},
        {"<kernel name='k'><arg name='x' id='0' offset='1x' size='8' addressQualifier='1'/>"
         "</kernel>",
         "attribute offset"},
        {"<kernel name='k'><arg name='x' id='0' offset='0' size='99999999999999999999' "
         "addressQualifier='1'/></kernel>",
         "attribute size"},
        {"<kernel name='k'><arg name='x' id='0' offset='0' size='8' addressQualifier='1'/>"
         "<arg name='y' id='0' offset='8' size='8' addressQualifier='1'/></kernel>",
         "two arguments have one id"},
        {"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "document type"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        davit_diagnostics_buffer diag;
        davit_diagnostics_buffer_init(&diag);
        davit_arena arena;
        davit_arena_init(&arena, davit_allocator_default());
        davit_xclbin x;
        const davit_status status = davit_xclbin_read_metadata(
            &arena, "file", cases[i].xml, strlen(cases[i].xml), &diag.sink, &x);
        assert_int_equal(status, cases[i].reason != NULL ? DAVIT_BAD_DATA : DAVIT_OK);
        if (cases[i].reason != NULL) {
            assert_non_null(strstr(diag.text, cases[i].reason));
        } else if (i == 1) {
            assert_int_equal(x.kernel_count, 1);
            assert_int_equal(x.kernels[0].argument_count, 1);
            assert_int_equal(x.compute_unit_count, 1);
            assert_int_equal(x.compute_units[0].base_address, 0x10);
        }
        davit_arena_clear(&arena);
    }
}

static void test_not_written(void **state)
{
    (void)state;
    davit_xclbin cases[6];
    for (size_t i = 0; i < 6; i++) {
        cases[i] = example();
    }
    const davit_xclbin_compute_unit same_address[] = {{"a", 0, 16}, {"b", 0, 16}};
    const davit_xclbin_bank odd_bank[] = {{"b", DAVIT_XCLBIN_DDR, true, 0, 1000}};
    const davit_xclbin_kernel bad_name[] = {{"a\"b", arguments, 1}, {"c", arguments, 1}};
    const davit_xclbin_connection nowhere[] = {{3, 0, 0}};
    cases[0].compute_units = same_address;
    cases[0].compute_unit_count = 2;
    cases[1].banks = odd_bank;
    cases[1].bank_count = 1;
    cases[1].connection_count = 0;
    cases[2].kernels = bad_name;
    cases[3].connections = nowhere;
    cases[4].mode = DAVIT_XCLBIN_HW_EMU;
    cases[5].platform = "a platform with a name of more than sixty-three characters, as it has";
    for (size_t i = 0; i < 6; i++) {
        davit_diagnostics_buffer diag;
        davit_diagnostics_buffer_init(&diag);
        void *bytes = &diag;
        size_t count;
        assert_int_equal(
            davit_xclbin_write(davit_allocator_default(), &cases[i], &diag.sink, &bytes, &count),
            DAVIT_INVALID_ARGUMENT);
        assert_null(bytes);
        assert_int_equal(diag.error_count, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),  cmocka_unit_test(test_uuid_text),
        cmocka_unit_test(test_truncated),   cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_metadata),    cmocka_unit_test(test_not_written),
#ifdef HAVE_XRT_XCLBIN
        cmocka_unit_test(test_xrt_structs),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
