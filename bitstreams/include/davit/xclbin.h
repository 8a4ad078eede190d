/* xclbin files: the container (axlf, version 2) in which a bitstream, or a kernel model for XRT's
 * emulation, comes with what the host must know of it. Read and written without XRT.
 *
 * Layouts are those of XRT's xclbin.h and of the XML of the EMBEDDED_METADATA section. Files are
 * untrusted: every offset and count is checked before it is used. */
#ifndef DAVIT_XCLBIN_H
#define DAVIT_XCLBIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "davit/allocator.h"
#include "davit/diagnostics.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DAVIT_XCLBIN_MAX_BYTES ((size_t)1 << 30) /* of a file */

/* axlf's mode: what can load the file. */
typedef enum davit_xclbin_mode {
    DAVIT_XCLBIN_HARDWARE, /* flat or partial reconfiguration: a card */
    DAVIT_XCLBIN_HW_EMU,   /* Vivado's simulation */
    DAVIT_XCLBIN_SW_EMU,   /* the BITSTREAM section is an ELF library: native code */
    DAVIT_XCLBIN_OTHER_MODE
} davit_xclbin_mode;

typedef enum davit_xclbin_memory {
    DAVIT_XCLBIN_DDR,
    DAVIT_XCLBIN_HBM,
    DAVIT_XCLBIN_HOST_MEMORY,
    DAVIT_XCLBIN_STREAM,
    DAVIT_XCLBIN_OTHER_MEMORY /* PLRAM and so on */
} davit_xclbin_memory;

/* A memory bank; its index in the file's array is XRT's bank index (memory group). */
typedef struct davit_xclbin_bank {
    const char *name; /* "DDR[0]", "bank0" */
    davit_xclbin_memory memory;
    bool used; /* by this design; a bank that is not cannot be allocated from */
    uint64_t base_address;
    uint64_t bytes;
} davit_xclbin_bank;

/* An argument of a kernel, as in the register map. */
typedef struct davit_xclbin_argument {
    const char *name;
    uint32_t index;  /* in the kernel's signature; what XRT calls arg_index */
    uint32_t offset; /* bytes from the compute unit's base address */
    uint32_t bytes;  /* of the register(s): 8 for a pointer */
    bool is_pointer; /* to global memory */
} davit_xclbin_argument;

typedef struct davit_xclbin_kernel {
    const char *name;
    const davit_xclbin_argument *arguments; /* by index */
    size_t argument_count;
} davit_xclbin_kernel;

typedef struct davit_xclbin_compute_unit {
    const char *name; /* "gemm_s8_1"; XRT opens "gemm_s8:{gemm_s8_1}" */
    size_t kernel;    /* index into kernels */
    uint64_t base_address;
} davit_xclbin_compute_unit;

/* A pointer argument of a compute unit reaches a bank. */
typedef struct davit_xclbin_connection {
    size_t compute_unit; /* index into compute_units */
    uint32_t argument;   /* davit_xclbin_argument.index */
    size_t bank;         /* index into banks */
} davit_xclbin_connection;

typedef struct davit_xclbin_clock {
    const char *name;
    uint32_t mhz;
} davit_xclbin_clock;

/* The contents of a file: what the reader gives, and what the writer takes. */
typedef struct davit_xclbin {
    davit_xclbin_mode mode;
    const char *platform; /* VBNV: "xilinx_u250_gen3x16_xdma_shell_4_1" */
    uint8_t uuid[16];
    uint8_t interface_uuid[16]; /* of the shell; zeros: not said */
    uint64_t timestamp;         /* seconds since 1970 */

    const davit_xclbin_kernel *kernels;
    size_t kernel_count;
    const davit_xclbin_compute_unit *compute_units; /* in the order of XRT's indices */
    size_t compute_unit_count;
    const davit_xclbin_bank *banks;
    size_t bank_count;
    const davit_xclbin_connection *connections;
    size_t connection_count;
    const davit_xclbin_clock *clocks;
    size_t clock_count;

    const uint8_t *bitstream; /* the BITSTREAM section; NULL: there is none */
    size_t bitstream_bytes;
} davit_xclbin;

/* Reads a file's bytes. name is what errors call it (its path). *out and all it points to lie in
 * arena, but for the bitstream, which is borrowed from bytes.
 *
 * Reports DAVIT_BAD_DATA with the reason: another magic, a truncated file, a section outside it, a
 * count that does not fit its section, compute units without a kernel, connections to nothing,
 * strings without an end. Reentrant. */
DAVIT_NODISCARD davit_status davit_xclbin_read(davit_arena *arena, const char *name,
                                               const void *bytes, size_t count,
                                               const davit_diagnostics *diag, davit_xclbin *out);

/* Reads the XML of an EMBEDDED_METADATA section alone: kernels with arguments, and compute units
 * with base addresses, in the order of the XML; nothing else of *out is set. */
DAVIT_NODISCARD davit_status davit_xclbin_read_metadata(davit_arena *arena, const char *name,
                                                        const void *xml, size_t count,
                                                        const davit_diagnostics *diag,
                                                        davit_xclbin *out);

/* Writes a file into memory; free *bytes with davit_free. Reports what does not fit the format
 * (DAVIT_INVALID_ARGUMENT): names that are too long or no identifiers, indices without an element,
 * compute units that do not come in the order of their base addresses, banks of other kinds than
 * DDR, HBM and host memory, modes other than hardware and sw_emu. */
DAVIT_NODISCARD davit_status davit_xclbin_write(const davit_allocator *allocator,
                                                const davit_xclbin *xclbin,
                                                const davit_diagnostics *diag, void **bytes,
                                                size_t *count);

/* The kernel of that name, or NULL. */
const davit_xclbin_kernel *davit_xclbin_find_kernel(const davit_xclbin *xclbin, const char *name);

/* A UUID as text, 36 characters and the NUL. */
#define DAVIT_XCLBIN_UUID_TEXT 37
void davit_xclbin_uuid_text(const uint8_t uuid[16], char text[DAVIT_XCLBIN_UUID_TEXT]);

#ifdef __cplusplus
}
#endif
#endif
