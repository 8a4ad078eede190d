/* The container: header, sections, and the tables of banks, compute units, connections, clocks. */
#include <inttypes.h>
#include <string.h>

#include "davit/xclbin.h"
#include "xclbin_format.h"

enum { MAX_SECTIONS = 4096, MAX_ELEMENTS = 65536 };

typedef struct reading {
    davit_arena *arena;
    const char *name;
    const uint8_t *bytes;
    size_t count;
    const davit_diagnostics *diag;
    davit_xclbin *out;
} reading;

/* A table in a section: its elements. */
typedef struct table {
    const uint8_t *elements;
    size_t count;
} table;

typedef struct section {
    const uint8_t *bytes; /* NULL: the file has none */
    size_t count;
} section;

static davit_status bad(const reading *r, const char *what)
{
    return davit_fail(r->diag, DAVIT_BAD_DATA, "%s: not a usable xclbin: %s", r->name, what);
}

static davit_status out_of_memory(const reading *r)
{
    return davit_fail(r->diag, DAVIT_OUT_OF_MEMORY, "%s: out of memory", r->name);
}

static davit_xclbin_mode mode_of(uint64_t mode)
{
    switch (mode) {
    case AXLF_MODE_FLAT:
    case AXLF_MODE_PR:
        return DAVIT_XCLBIN_HARDWARE;
    case AXLF_MODE_HW_EMU:
    case AXLF_MODE_HW_EMU_PR:
        return DAVIT_XCLBIN_HW_EMU;
    case AXLF_MODE_SW_EMU:
        return DAVIT_XCLBIN_SW_EMU;
    default:
        return DAVIT_XCLBIN_OTHER_MODE;
    }
}

/* A string of at most bytes - 1 characters in a field of bytes. */
static davit_status read_string(const reading *r, const uint8_t *at, size_t bytes, const char *what,
                                const char **out)
{
    if (memchr(at, '\0', bytes) == NULL) {
        return davit_fail(r->diag, DAVIT_BAD_DATA, "%s: not a usable xclbin: %s has no end",
                          r->name, what);
    }
    *out = davit_arena_strdup(r->arena, (const char *)at);
    return *out != NULL ? DAVIT_OK : out_of_memory(r);
}

static davit_status read_header(const reading *r)
{
    const uint8_t *at = r->bytes;
    if (r->count < sizeof(AXLF_MAGIC) || memcmp(at, AXLF_MAGIC, sizeof(AXLF_MAGIC)) != 0) {
        return bad(r, "it does not begin with \"xclbin2\"");
    }
    if (r->count < AXLF_HEADER_BYTES) {
        return bad(r, "truncated in its header");
    }
    const uint64_t length = xclbin_get(at + AXLF_LENGTH, 8);
    if (length > r->count) {
        return davit_fail(r->diag, DAVIT_BAD_DATA, "%s: truncated: %zu bytes of %" PRIu64, r->name,
                          r->count, length);
    }
    const uint64_t sections = xclbin_get(at + AXLF_SECTIONS, 4);
    if (sections > MAX_SECTIONS || AXLF_HEADER_BYTES + sections * SECTION_BYTES > length) {
        return bad(r, "its sections do not fit the file");
    }
    r->out->mode = mode_of(xclbin_get(at + AXLF_MODE, 2));
    r->out->timestamp = xclbin_get(at + AXLF_TIMESTAMP, 8);
    memcpy(r->out->uuid, at + AXLF_UUID, sizeof(r->out->uuid));
    memcpy(r->out->interface_uuid, at + AXLF_INTERFACE_UUID, sizeof(r->out->interface_uuid));
    return read_string(r, at + AXLF_PLATFORM, AXLF_PLATFORM_BYTES, "the platform's name",
                       &r->out->platform);
}

/* Every section lies within the file. */
static davit_status check_sections(const reading *r)
{
    const uint64_t length = xclbin_get(r->bytes + AXLF_LENGTH, 8);
    const uint64_t sections = xclbin_get(r->bytes + AXLF_SECTIONS, 4);
    for (uint64_t i = 0; i < sections; i++) {
        const uint8_t *at = r->bytes + AXLF_HEADER_BYTES + i * SECTION_BYTES;
        const uint64_t offset = xclbin_get(at + SECTION_OFFSET, 8);
        const uint64_t size = xclbin_get(at + SECTION_SIZE, 8);
        if (offset > length || size > length - offset) {
            return davit_fail(r->diag, DAVIT_BAD_DATA,
                              "%s: not a usable xclbin: section %" PRIu64 " (kind %" PRIu64
                              ") lies outside the file",
                              r->name, i, xclbin_get(at, 4));
        }
    }
    return DAVIT_OK;
}

/* The first section of a kind, as XRT takes it. */
static section find_section(const reading *r, uint32_t kind)
{
    const uint64_t sections = xclbin_get(r->bytes + AXLF_SECTIONS, 4);
    for (uint64_t i = 0; i < sections; i++) {
        const uint8_t *at = r->bytes + AXLF_HEADER_BYTES + i * SECTION_BYTES;
        if (xclbin_get(at, 4) == kind && xclbin_get(at + SECTION_SIZE, 8) > 0) {
            return (section){r->bytes + xclbin_get(at + SECTION_OFFSET, 8),
                             (size_t)xclbin_get(at + SECTION_SIZE, 8)};
        }
    }
    return (section){NULL, 0};
}

typedef struct table_form {
    uint32_t kind;
    const char *name;
    unsigned count_bytes, header_bytes, element_bytes;
} table_form;

static davit_status find_table(const reading *r, const table_form *form, table *out)
{
    *out = (table){NULL, 0};
    const section found = find_section(r, form->kind);
    if (found.bytes == NULL) {
        return DAVIT_OK;
    }
    const uint64_t count =
        found.count >= form->header_bytes ? xclbin_get(found.bytes, form->count_bytes) : UINT64_MAX;
    if (count > MAX_ELEMENTS || form->header_bytes + count * form->element_bytes > found.count) {
        return davit_fail(
            r->diag, DAVIT_BAD_DATA,
            "%s: not a usable xclbin: section %s is shorter than what it says it holds", r->name,
            form->name);
    }
    *out = (table){found.bytes + form->header_bytes, (size_t)count};
    return DAVIT_OK;
}

/* The tools often say DRAM; the tag tells what it is. */
static davit_xclbin_memory memory_of(unsigned type, const char *tag)
{
    if (type == BANK_TYPE_HBM || strncmp(tag, "HBM", 3) == 0) {
        return DAVIT_XCLBIN_HBM;
    }
    if (type == BANK_TYPE_HOST || strncmp(tag, "HOST", 4) == 0) {
        return DAVIT_XCLBIN_HOST_MEMORY;
    }
    if (type == BANK_TYPE_STREAM || type == BANK_TYPE_STREAM_CONNECTION) {
        return DAVIT_XCLBIN_STREAM;
    }
    if (type <= BANK_TYPE_DRAM && strncmp(tag, "PLRAM", 5) != 0) {
        return DAVIT_XCLBIN_DDR;
    }
    return DAVIT_XCLBIN_OTHER_MEMORY;
}

static davit_status read_banks(const reading *r)
{
    static const table_form form = {AXLF_MEM_TOPOLOGY, "MEM_TOPOLOGY", 4, BANK_TABLE, BANK_BYTES};
    table found;
    davit_status status = find_table(r, &form, &found);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_xclbin_bank *banks = davit_arena_alloc_array(r->arena, found.count + 1, sizeof(*banks));
    if (banks == NULL) {
        return out_of_memory(r);
    }
    for (size_t i = 0; i < found.count; i++) {
        const uint8_t *at = found.elements + i * BANK_BYTES;
        const char *tag;
        status = read_string(r, at + BANK_TAG, BANK_TAG_BYTES, "a bank's name", &tag);
        if (status != DAVIT_OK) {
            return status;
        }
        banks[i] = (davit_xclbin_bank){
            .name = tag,
            .memory = memory_of(at[BANK_TYPE], tag),
            .used = at[BANK_USED] != 0,
            .base_address = xclbin_get(at + BANK_BASE, 8),
        };
        if (banks[i].memory != DAVIT_XCLBIN_STREAM) {
            const uint64_t kib = xclbin_get(at + BANK_SIZE_KIB, 8);
            if (kib > UINT64_MAX >> 10 || banks[i].base_address > UINT64_MAX - (kib << 10)) {
                return bad(r, "a bank ends behind the address space");
            }
            banks[i].bytes = kib << 10;
        }
    }
    r->out->banks = banks;
    r->out->bank_count = found.count;
    return DAVIT_OK;
}

/* "kernel:unit": which kernel. */
static bool kernel_index(const davit_xclbin *xclbin, const char *name, size_t length, size_t *index)
{
    for (size_t i = 0; i < xclbin->kernel_count; i++) {
        if (strlen(xclbin->kernels[i].name) == length &&
            memcmp(xclbin->kernels[i].name, name, length) == 0) {
            *index = i;
            return true;
        }
    }
    return false;
}

/* unit_of[i]: the compute unit that element i of IP_LAYOUT is, SIZE_MAX for what is no kernel. */
static davit_status read_compute_units(const reading *r, const table *layout, size_t *unit_of)
{
    davit_xclbin_compute_unit *units =
        davit_arena_alloc_array(r->arena, layout->count + 1, sizeof(*units));
    if (units == NULL) {
        return out_of_memory(r);
    }
    size_t count = 0;
    for (size_t i = 0; i < layout->count; i++) {
        const uint8_t *at = layout->elements + i * IP_BYTES;
        unit_of[i] = SIZE_MAX;
        if (xclbin_get(at + IP_TYPE, 4) != IP_TYPE_KERNEL) {
            continue;
        }
        const char *name;
        const davit_status status =
            read_string(r, at + IP_NAME, IP_NAME_BYTES, "a compute unit's name", &name);
        if (status != DAVIT_OK) {
            return status;
        }
        const char *colon = strchr(name, ':');
        size_t kernel;
        if (colon == NULL || !kernel_index(r->out, name, (size_t)(colon - name), &kernel)) {
            return davit_fail(r->diag, DAVIT_BAD_DATA,
                              "%s: not a usable xclbin: compute unit '%s' is of no kernel that the "
                              "file describes",
                              r->name, name);
        }
        unit_of[i] = count;
        units[count++] = (davit_xclbin_compute_unit){
            .name = colon + 1, .kernel = kernel, .base_address = xclbin_get(at + IP_BASE, 8)};
    }
    r->out->compute_units = units;
    r->out->compute_unit_count = count;
    return DAVIT_OK;
}

static davit_status read_connections(const reading *r, const table *layout, const size_t *unit_of)
{
    static const table_form form = {AXLF_CONNECTIVITY, "CONNECTIVITY", 4, CONNECTION_TABLE,
                                    CONNECTION_BYTES};
    table found;
    davit_status status = find_table(r, &form, &found);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_xclbin_connection *connections =
        davit_arena_alloc_array(r->arena, found.count + 1, sizeof(*connections));
    if (connections == NULL) {
        return out_of_memory(r);
    }
    size_t count = 0;
    for (size_t i = 0; i < found.count; i++) {
        const uint8_t *at = found.elements + i * CONNECTION_BYTES;
        const uint64_t ip = xclbin_get(at + CONNECTION_IP, 4);
        const uint64_t bank = xclbin_get(at + CONNECTION_BANK, 4);
        if (ip >= layout->count || bank >= r->out->bank_count) {
            return bad(r, "a connection leads to a compute unit or bank that there is not");
        }
        if (unit_of[ip] != SIZE_MAX) {
            connections[count++] = (davit_xclbin_connection){
                .compute_unit = unit_of[ip],
                .argument = (uint32_t)xclbin_get(at + CONNECTION_ARGUMENT, 4),
                .bank = (size_t)bank,
            };
        }
    }
    r->out->connections = connections;
    r->out->connection_count = count;
    return DAVIT_OK;
}

static davit_status read_clocks(const reading *r)
{
    static const table_form form = {AXLF_CLOCK_FREQ_TOPOLOGY, "CLOCK_FREQ_TOPOLOGY", 2, CLOCK_TABLE,
                                    CLOCK_BYTES};
    table found;
    davit_status status = find_table(r, &form, &found);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_xclbin_clock *clocks =
        davit_arena_alloc_array(r->arena, found.count + 1, sizeof(*clocks));
    if (clocks == NULL) {
        return out_of_memory(r);
    }
    for (size_t i = 0; i < found.count; i++) {
        const uint8_t *at = found.elements + i * CLOCK_BYTES;
        clocks[i].mhz = (uint32_t)xclbin_get(at + CLOCK_MHZ, 2);
        status =
            read_string(r, at + CLOCK_NAME, CLOCK_NAME_BYTES, "a clock's name", &clocks[i].name);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    r->out->clocks = clocks;
    r->out->clock_count = found.count;
    return DAVIT_OK;
}

static davit_status read_design(const reading *r)
{
    static const table_form form = {AXLF_IP_LAYOUT, "IP_LAYOUT", 4, IP_TABLE, IP_BYTES};
    table layout;
    davit_status status = find_table(r, &form, &layout);
    if (status == DAVIT_OK) {
        status = read_banks(r);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    size_t *unit_of = davit_arena_alloc_array(r->arena, layout.count + 1, sizeof(*unit_of));
    if (unit_of == NULL) {
        return out_of_memory(r);
    }
    status = read_compute_units(r, &layout, unit_of);
    if (status == DAVIT_OK) {
        status = read_connections(r, &layout, unit_of);
    }
    return status == DAVIT_OK ? read_clocks(r) : status;
}

davit_status davit_xclbin_read(davit_arena *arena, const char *name, const void *bytes,
                               size_t count, const davit_diagnostics *diag, davit_xclbin *out)
{
    davit_xclbin found = {.platform = ""}, described;
    const reading r = {arena, name, bytes, count, diag, &found};
    davit_status status = read_header(&r);
    if (status == DAVIT_OK) {
        status = check_sections(&r);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    const section metadata = find_section(&r, AXLF_EMBEDDED_METADATA);
    if (metadata.bytes != NULL) {
        status = davit_xclbin_read_metadata(arena, name, metadata.bytes, metadata.count, diag,
                                            &described);
        if (status != DAVIT_OK) {
            return status;
        }
        found.kernels = described.kernels;
        found.kernel_count = described.kernel_count;
    }
    status = read_design(&r);
    if (status != DAVIT_OK) {
        return status;
    }
    const section bitstream = find_section(&r, AXLF_BITSTREAM);
    found.bitstream = bitstream.bytes;
    found.bitstream_bytes = bitstream.count;
    *out = found;
    return DAVIT_OK;
}
