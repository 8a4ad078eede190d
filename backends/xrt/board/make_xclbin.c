/* davit-emulation-xclbin: wraps a library of kernel models into an xclbin for XRT's sw_emu, laid
 * out like the bitstream of a U250 (hls/build/u250.cfg): in each of up to four SLRs one compute
 * unit of each kernel, on that SLR's memory bank. */
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "davit/read_file.h"
#include "davit/xclbin.h"

#define PLATFORM "xilinx_u250_gen3x16_xdma_shell_4_1"
#define BANK_SIZE ((uint64_t)512 << 20)
#define FIRST_ADDRESS 0x1c00000u
#define ADDRESS_STEP 0x10000u
enum { KERNELS = 2, BANKS = 4, MAX_UNITS = 4, CLOCK_MHZ = 300, MAX_LIBRARY = 256 << 20 };

#define ARGUMENT(argument_name, number)                                                            \
    {                                                                                              \
        .name = argument_name, .index = number, .offset = 0x10 + 12 * number, .bytes = 8,          \
        .is_pointer = true                                                                         \
    }
static const davit_xclbin_argument gemm_arguments[] = {ARGUMENT("a", 0), ARGUMENT("b", 1),
                                                       ARGUMENT("p", 2), ARGUMENT("r", 3),
                                                       ARGUMENT("c", 4), ARGUMENT("e", 5)};
static const davit_xclbin_argument vector_arguments[] = {
    ARGUMENT("a", 0), ARGUMENT("b", 1), ARGUMENT("p", 2), ARGUMENT("c", 3), ARGUMENT("e", 4)};
static const davit_xclbin_kernel kernels[KERNELS] = {{"gemm_s8", gemm_arguments, 6},
                                                     {"vector_s8", vector_arguments, 5}};
static const davit_xclbin_bank banks[BANKS] = {
    {"DDR[0]", DAVIT_XCLBIN_DDR, true, 0 * BANK_SIZE, BANK_SIZE},
    {"DDR[1]", DAVIT_XCLBIN_DDR, true, 1 * BANK_SIZE, BANK_SIZE},
    {"DDR[2]", DAVIT_XCLBIN_DDR, true, 2 * BANK_SIZE, BANK_SIZE},
    {"DDR[3]", DAVIT_XCLBIN_DDR, true, 3 * BANK_SIZE, BANK_SIZE}};
static const davit_xclbin_clock clocks[] = {{"DATA_CLK", CLOCK_MHZ}};

typedef struct design {
    davit_xclbin xclbin;
    davit_xclbin_compute_unit units[KERNELS * MAX_UNITS];
    char names[KERNELS * MAX_UNITS][32];
    davit_xclbin_connection connections[MAX_UNITS * 11];
} design;

static void describe(design *d, size_t units)
{
    size_t unit = 0, connection = 0;
    for (size_t k = 0; k < KERNELS; k++) {
        for (size_t i = 0; i < units; i++, unit++) {
            (void)snprintf(d->names[unit], sizeof(d->names[unit]), "%s_%zu", kernels[k].name,
                           i + 1);
            d->units[unit] =
                (davit_xclbin_compute_unit){.name = d->names[unit],
                                            .kernel = k,
                                            .base_address = FIRST_ADDRESS + ADDRESS_STEP * unit};
            for (uint32_t a = 0; a < kernels[k].argument_count; a++) {
                d->connections[connection++] = (davit_xclbin_connection){unit, a, i};
            }
        }
    }
    d->xclbin = (davit_xclbin){
        .mode = DAVIT_XCLBIN_SW_EMU,
        .platform = PLATFORM,
        .kernels = kernels,
        .kernel_count = KERNELS,
        .compute_units = d->units,
        .compute_unit_count = unit,
        .banks = banks,
        .bank_count = BANKS,
        .connections = d->connections,
        .connection_count = connection,
        .clocks = clocks,
        .clock_count = 1,
    };
}

/* Identities that follow from the contents: the same build, the same file. */
static void identify(davit_xclbin *xclbin)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA2_CTX context;
    SHA256Init(&context);
    SHA256Update(&context, xclbin->bitstream, xclbin->bitstream_bytes);
    const uint8_t units = (uint8_t)xclbin->compute_unit_count;
    SHA256Update(&context, &units, 1);
    SHA256Final(digest, &context);
    memcpy(xclbin->uuid, digest, sizeof(xclbin->uuid));
    SHA256Init(&context);
    SHA256Update(&context, (const uint8_t *)PLATFORM, strlen(PLATFORM));
    SHA256Final(digest, &context);
    memcpy(xclbin->interface_uuid, digest, sizeof(xclbin->interface_uuid));
}

static int write_file(const char *path, const void *bytes, size_t count)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    const bool written = fwrite(bytes, 1, count, file) == count;
    if (fclose(file) != 0 || !written) {
        perror(path);
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    const long units = argc == 4 ? strtol(argv[3], NULL, 10) : 0;
    if (units < 1 || units > MAX_UNITS) {
        fprintf(stderr, "usage: davit-emulation-xclbin OUT.xclbin LIBRARY.so UNITS (1 to %d)\n",
                MAX_UNITS);
        return 2;
    }
    const davit_allocator *allocator = davit_allocator_default();
    const davit_diagnostics *diag = davit_diagnostics_stderr(DAVIT_WARNING);
    char *library;
    static design d;
    describe(&d, (size_t)units);
    if (davit_read_file(allocator, argv[2], MAX_LIBRARY, diag, &library,
                        &d.xclbin.bitstream_bytes) != DAVIT_OK) {
        return 1;
    }
    d.xclbin.bitstream = (const uint8_t *)library;
    identify(&d.xclbin);
    void *bytes;
    size_t count;
    int exit_code = 1;
    if (davit_xclbin_write(allocator, &d.xclbin, diag, &bytes, &count) == DAVIT_OK) {
        exit_code = write_file(argv[1], bytes, count);
        davit_free(allocator, bytes);
    }
    davit_free(allocator, library);
    return exit_code;
}
