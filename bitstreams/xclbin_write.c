/* Writing an xclbin: the sections that XRT needs, in the order of their kinds' numbers. */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "davit/xclbin.h"
#include "xclbin_format.h"

typedef struct writing {
    const davit_allocator *allocator;
    const davit_diagnostics *diag;
    const davit_xclbin *xclbin;
    uint8_t *bytes;
    size_t count, capacity;
    unsigned sections; /* whose headers are written */
} writing;

static davit_status refuse(const writing *w, const char *what, const char *name)
{
    return davit_fail(w->diag, DAVIT_INVALID_ARGUMENT, "xclbin cannot be written: %s '%s'", what,
                      name);
}

/* ---- what the format can hold ---- */

static bool is_identifier(const char *name, size_t max)
{
    if (name == NULL || *name == '\0' || strlen(name) > max) {
        return false;
    }
    for (; *name != '\0'; name++) {
        if (!isalnum((unsigned char)*name) && strchr("_-.[]:", *name) == NULL) {
            return false;
        }
    }
    return true;
}

static davit_status check_kernels(const writing *w)
{
    const davit_xclbin *x = w->xclbin;
    for (size_t i = 0; i < x->kernel_count; i++) {
        const davit_xclbin_kernel *kernel = &x->kernels[i];
        if (!is_identifier(kernel->name, 31) || strchr(kernel->name, ':') != NULL) {
            return refuse(w, "bad kernel name", kernel->name);
        }
        for (size_t j = 0; j < kernel->argument_count; j++) {
            if (!is_identifier(kernel->arguments[j].name, 63)) {
                return refuse(w, "bad argument name in kernel", kernel->name);
            }
        }
    }
    for (size_t i = 0; i < x->compute_unit_count; i++) {
        const davit_xclbin_compute_unit *unit = &x->compute_units[i];
        if (!is_identifier(unit->name, 31) || strchr(unit->name, ':') != NULL ||
            unit->kernel >= x->kernel_count ||
            (i > 0 && unit->base_address <= x->compute_units[i - 1].base_address)) {
            return refuse(w, "bad name, kernel or address of compute unit", unit->name);
        }
    }
    return DAVIT_OK;
}

static davit_status check(const writing *w)
{
    const davit_xclbin *x = w->xclbin;
    if (x->mode != DAVIT_XCLBIN_HARDWARE && x->mode != DAVIT_XCLBIN_SW_EMU) {
        return refuse(w, "a mode that is neither hardware nor sw_emu, for", x->platform);
    }
    if (!is_identifier(x->platform, AXLF_PLATFORM_BYTES - 1)) {
        return refuse(w, "bad platform", x->platform);
    }
    for (size_t i = 0; i < x->bank_count; i++) {
        const davit_xclbin_bank *bank = &x->banks[i];
        if (!is_identifier(bank->name, BANK_TAG_BYTES - 1) || bank->bytes % 1024 != 0 ||
            bank->memory > DAVIT_XCLBIN_HOST_MEMORY) {
            return refuse(w, "bad name, size or kind of bank", bank->name);
        }
    }
    for (size_t i = 0; i < x->connection_count; i++) {
        if (x->connections[i].compute_unit >= x->compute_unit_count ||
            x->connections[i].bank >= x->bank_count) {
            return refuse(w, "a connection to nothing, for", x->platform);
        }
    }
    for (size_t i = 0; i < x->clock_count; i++) {
        if (!is_identifier(x->clocks[i].name, CLOCK_NAME_BYTES - 1) ||
            x->clocks[i].mhz > UINT16_MAX) {
            return refuse(w, "bad clock", x->clocks[i].name);
        }
    }
    return check_kernels(w);
}

/* ---- bytes ---- */

/* Appends bytes (NULL: zeros); *at is where they lie until the next call. */
static davit_status append(writing *w, const void *bytes, size_t count, uint8_t **at)
{
    size_t needed;
    if (!davit_add_size(w->count, count, &needed) ||
        davit_array_grow(w->allocator, (void **)&w->bytes, &w->capacity, w->count, needed, 1) !=
            DAVIT_OK) {
        return davit_fail(w->diag, DAVIT_OUT_OF_MEMORY, "xclbin: out of memory");
    }
    uint8_t *place = w->bytes + w->count;
    if (bytes != NULL && count > 0) {
        memcpy(place, bytes, count);
    } else {
        memset(place, 0, count);
    }
    w->count = needed;
    if (at != NULL) {
        *at = place;
    }
    return DAVIT_OK;
}

static DAVIT_PRINTF(2, 3) davit_status append_text(writing *w, const char *format, ...)
{
    char text[1024];
    va_list list;
    va_start(list, format);
    const int length = vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    if (length < 0 || (size_t)length >= sizeof(text)) {
        return davit_fail(w->diag, DAVIT_INTERNAL, "xclbin: a line of metadata is too long");
    }
    return append(w, text, (size_t)length, NULL);
}

/* Ends the section that began at `begin`: its header, and padding to 8 bytes. */
static davit_status end_section(writing *w, uint32_t kind, const char *name, size_t begin)
{
    const size_t size = w->count - begin;
    uint8_t *header = w->bytes + AXLF_HEADER_BYTES + (size_t)w->sections++ * SECTION_BYTES;
    xclbin_put(header, 4, kind);
    memcpy(header + SECTION_NAME, name, strlen(name));
    xclbin_put(header + SECTION_OFFSET, 8, begin);
    xclbin_put(header + SECTION_SIZE, 8, size);
    return append(w, NULL, (8 - size % 8) % 8, NULL);
}

/* ---- sections ---- */

static davit_status write_bitstream(writing *w)
{
    const size_t begin = w->count;
    davit_status status = append(w, w->xclbin->bitstream, w->xclbin->bitstream_bytes, NULL);
    return status == DAVIT_OK ? end_section(w, AXLF_BITSTREAM, "primary", begin) : status;
}

static davit_status write_argument(writing *w, const davit_xclbin_argument *argument)
{
    return append_text(w,
                       "<arg name=\"%s\" addressQualifier=\"%d\" id=\"%" PRIu32
                       "\" port=\"%s%s\" size=\"0x%" PRIx32 "\" offset=\"0x%" PRIx32
                       "\" hostOffset=\"0x0\" hostSize=\"0x%" PRIx32
                       "\" type=\"%s\" memSize=\"0x0\"/>\n",
                       argument->name, argument->is_pointer, argument->index,
                       argument->is_pointer ? "M_AXI_GMEM_" : "S_AXI_CONTROL",
                       argument->is_pointer ? argument->name : "", argument->bytes,
                       argument->offset, argument->bytes, argument->is_pointer ? "void*" : "uint");
}

static davit_status write_kernel(writing *w, size_t index)
{
    const davit_xclbin *x = w->xclbin;
    const davit_xclbin_kernel *kernel = &x->kernels[index];
    davit_status status = append_text(
        w,
        "<kernel name=\"%s\" language=\"c\" vlnv=\"\" attributes=\"\" "
        "preferredWorkGroupSizeMultiple"
        "=\"0\" workGroupSize=\"1\" interrupt=\"true\" hwControlProtocol=\"ap_ctrl_chain\">\n"
        "<port name=\"S_AXI_CONTROL\" mode=\"slave\" range=\"0x10000\" dataWidth=\"32\" "
        "portType=\"addressable\" base=\"0x0\"/>\n",
        kernel->name);
    for (size_t i = 0; status == DAVIT_OK && i < kernel->argument_count; i++) {
        const davit_xclbin_argument *argument = &kernel->arguments[i];
        if (argument->is_pointer) {
            status = append_text(w,
                                 "<port name=\"M_AXI_GMEM_%s\" mode=\"master\" "
                                 "range=\"0xFFFFFFFFFFFFFFFF\" dataWidth=\"512\" "
                                 "portType=\"addressable\" base=\"0x0\"/>\n",
                                 argument->name);
        }
    }
    for (size_t i = 0; status == DAVIT_OK && i < kernel->argument_count; i++) {
        status = write_argument(w, &kernel->arguments[i]);
    }
    for (size_t i = 0; status == DAVIT_OK && i < x->compute_unit_count; i++) {
        if (x->compute_units[i].kernel == index) {
            status = append_text(w,
                                 "<instance name=\"%s\"><addrRemap base=\"0x%" PRIx64
                                 "\" port=\"S_AXI_CONTROL\"/></instance>\n",
                                 x->compute_units[i].name, x->compute_units[i].base_address);
        }
    }
    return status == DAVIT_OK ? append_text(w, "</kernel>\n") : status;
}

static davit_status write_metadata(writing *w)
{
    const davit_xclbin *x = w->xclbin;
    const size_t begin = w->count;
    davit_status status = append_text(
        w,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<project name=\"davit\">\n"
        "<platform vendor=\"xilinx\" boardid=\"davit\" name=\"%s\" featureRomTime=\"0\">\n"
        "<version major=\"1\" minor=\"0\"/>\n<description/>\n"
        "<device name=\"fpga0\" fpgaDevice=\"\" addrWidth=\"0\">\n"
        "<core name=\"OCL_REGION_0\" target=\"%s\" type=\"clc_region\" clockFreq=\"%" PRIu32
        "MHz\" numComputeUnits=\"%zu\">\n",
        x->platform, x->mode == DAVIT_XCLBIN_SW_EMU ? "csim" : "bitstream",
        x->clock_count > 0 ? x->clocks[0].mhz : 0, x->compute_unit_count);
    for (size_t i = 0; status == DAVIT_OK && i < x->kernel_count; i++) {
        status = write_kernel(w, i);
    }
    if (status == DAVIT_OK) {
        status = append_text(w, "</core>\n</device>\n</platform>\n</project>\n");
    }
    return status == DAVIT_OK ? end_section(w, AXLF_EMBEDDED_METADATA, "embedded", begin) : status;
}

static davit_status write_banks(writing *w)
{
    static const uint8_t types[] = {[DAVIT_XCLBIN_DDR] = BANK_TYPE_DDR4,
                                    [DAVIT_XCLBIN_HBM] = BANK_TYPE_HBM,
                                    [DAVIT_XCLBIN_HOST_MEMORY] = BANK_TYPE_HOST};
    const davit_xclbin *x = w->xclbin;
    const size_t begin = w->count;
    uint8_t *at;
    davit_status status = append(w, NULL, BANK_TABLE + x->bank_count * BANK_BYTES, &at);
    if (status != DAVIT_OK) {
        return status;
    }
    xclbin_put(at, 4, x->bank_count);
    at += BANK_TABLE;
    for (size_t i = 0; i < x->bank_count; i++, at += BANK_BYTES) {
        const davit_xclbin_bank *bank = &x->banks[i];
        at[BANK_TYPE] = types[bank->memory];
        at[BANK_USED] = bank->used;
        xclbin_put(at + BANK_SIZE_KIB, 8, bank->bytes >> 10);
        xclbin_put(at + BANK_BASE, 8, bank->base_address);
        memcpy(at + BANK_TAG, bank->name, strlen(bank->name));
    }
    return end_section(w, AXLF_MEM_TOPOLOGY, "mem", begin);
}

static davit_status write_connections(writing *w)
{
    const davit_xclbin *x = w->xclbin;
    const size_t begin = w->count;
    uint8_t *at;
    davit_status status =
        append(w, NULL, CONNECTION_TABLE + x->connection_count * CONNECTION_BYTES, &at);
    if (status != DAVIT_OK) {
        return status;
    }
    xclbin_put(at, 4, x->connection_count);
    at += CONNECTION_TABLE;
    for (size_t i = 0; i < x->connection_count; i++, at += CONNECTION_BYTES) {
        xclbin_put(at + CONNECTION_ARGUMENT, 4, x->connections[i].argument);
        xclbin_put(at + CONNECTION_IP, 4, x->connections[i].compute_unit);
        xclbin_put(at + CONNECTION_BANK, 4, x->connections[i].bank);
    }
    return end_section(w, AXLF_CONNECTIVITY, "conn", begin);
}

static davit_status write_compute_units(writing *w)
{
    const davit_xclbin *x = w->xclbin;
    const size_t begin = w->count;
    uint8_t *at;
    davit_status status = append(w, NULL, IP_TABLE + x->compute_unit_count * IP_BYTES, &at);
    if (status != DAVIT_OK) {
        return status;
    }
    xclbin_put(at, 4, x->compute_unit_count);
    at += IP_TABLE;
    for (size_t i = 0; i < x->compute_unit_count; i++, at += IP_BYTES) {
        const davit_xclbin_compute_unit *unit = &x->compute_units[i];
        xclbin_put(at + IP_TYPE, 4, IP_TYPE_KERNEL);
        xclbin_put(at + IP_BASE, 8, unit->base_address);
        /* Both names have been checked: 31 characters at most. */
        (void)snprintf((char *)at + IP_NAME, IP_NAME_BYTES, "%s:%s", x->kernels[unit->kernel].name,
                       unit->name);
    }
    return end_section(w, AXLF_IP_LAYOUT, "ip", begin);
}

static davit_status write_clocks(writing *w)
{
    const davit_xclbin *x = w->xclbin;
    const size_t begin = w->count;
    uint8_t *at;
    davit_status status = append(w, NULL, CLOCK_TABLE + x->clock_count * CLOCK_BYTES, &at);
    if (status != DAVIT_OK) {
        return status;
    }
    xclbin_put(at, 2, x->clock_count);
    at += CLOCK_TABLE;
    for (size_t i = 0; i < x->clock_count; i++, at += CLOCK_BYTES) {
        xclbin_put(at + CLOCK_MHZ, 2, x->clocks[i].mhz);
        at[CLOCK_TYPE] = CLOCK_TYPE_KERNEL;
        memcpy(at + CLOCK_NAME, x->clocks[i].name, strlen(x->clocks[i].name));
    }
    return end_section(w, AXLF_CLOCK_FREQ_TOPOLOGY, "clocks", begin);
}

static davit_status (*const write_section[])(writing *) = {write_bitstream,     write_metadata,
                                                           write_banks,         write_connections,
                                                           write_compute_units, write_clocks};
enum { SECTIONS = sizeof(write_section) / sizeof(write_section[0]) };

/* Everything but the length, which is known at the end. */
static davit_status write_header(writing *w)
{
    const davit_xclbin *x = w->xclbin;
    uint8_t *at;
    davit_status status = append(w, NULL, AXLF_HEADER_BYTES + SECTIONS * SECTION_BYTES, &at);
    if (status != DAVIT_OK) {
        return status;
    }
    memcpy(at, AXLF_MAGIC, sizeof(AXLF_MAGIC));
    memset(at + AXLF_SIGNATURE_LENGTH, 0xff, 32); /* no signature; reserved bytes */
    xclbin_put(at + AXLF_TIMESTAMP, 8, x->timestamp);
    at[AXLF_VERSION] = 2;
    xclbin_put(at + AXLF_MODE, 2,
               x->mode == DAVIT_XCLBIN_SW_EMU ? AXLF_MODE_SW_EMU : AXLF_MODE_FLAT);
    memcpy(at + AXLF_INTERFACE_UUID, x->interface_uuid, sizeof(x->interface_uuid));
    memcpy(at + AXLF_PLATFORM, x->platform, strlen(x->platform));
    memcpy(at + AXLF_UUID, x->uuid, sizeof(x->uuid));
    xclbin_put(at + AXLF_SECTIONS, 4, SECTIONS);
    return DAVIT_OK;
}

davit_status davit_xclbin_write(const davit_allocator *allocator, const davit_xclbin *xclbin,
                                const davit_diagnostics *diag, void **bytes, size_t *count)
{
    *bytes = NULL;
    writing w = {.allocator = allocator, .diag = diag, .xclbin = xclbin};
    davit_status status = check(&w);
    if (status == DAVIT_OK) {
        status = write_header(&w);
    }
    for (size_t i = 0; status == DAVIT_OK && i < SECTIONS; i++) {
        status = write_section[i](&w);
    }
    if (status != DAVIT_OK) {
        davit_free(allocator, w.bytes);
        return status;
    }
    xclbin_put(w.bytes + AXLF_LENGTH, 8, w.count);
    *bytes = w.bytes;
    *count = w.count;
    return DAVIT_OK;
}
