/* axlf version 2 as XRT's xclbin.h lays it out: offsets in bytes, little endian. */
#ifndef DAVIT_XCLBIN_FORMAT_H
#define DAVIT_XCLBIN_FORMAT_H

#include <stdint.h>

#include "davit/xclbin.h"

#define AXLF_MAGIC "xclbin2" /* with its NUL: 8 bytes */

enum {
    AXLF_SIGNATURE_LENGTH = 8,
    AXLF_LENGTH = 304,
    AXLF_TIMESTAMP = 312,
    AXLF_VERSION = 330, /* major, minor */
    AXLF_MODE = 332,
    AXLF_INTERFACE_UUID = 336,
    AXLF_PLATFORM = 352,
    AXLF_PLATFORM_BYTES = 64,
    AXLF_UUID = 416,
    AXLF_SECTIONS = 448, /* their number */
    AXLF_HEADER_BYTES = 456
};

enum {
    SECTION_NAME = 4,
    SECTION_NAME_BYTES = 16,
    SECTION_OFFSET = 24,
    SECTION_SIZE = 32,
    SECTION_BYTES = 40
};

enum {
    AXLF_BITSTREAM = 0,
    AXLF_EMBEDDED_METADATA = 2,
    AXLF_MEM_TOPOLOGY = 6,
    AXLF_CONNECTIVITY = 7,
    AXLF_IP_LAYOUT = 8,
    AXLF_CLOCK_FREQ_TOPOLOGY = 11
};

enum {
    AXLF_MODE_FLAT = 0,
    AXLF_MODE_PR = 1,
    AXLF_MODE_HW_EMU = 4,
    AXLF_MODE_SW_EMU = 5,
    AXLF_MODE_HW_EMU_PR = 6
};

/* Tables: a count (32 bits; 16 of the clocks), then elements. */
enum {
    BANK_TABLE = 8,
    BANK_TYPE = 0,
    BANK_USED = 1,
    BANK_SIZE_KIB = 8,
    BANK_BASE = 16,
    BANK_TAG = 24,
    BANK_TAG_BYTES = 16,
    BANK_BYTES = 40,
    BANK_TYPE_DDR4 = 1,
    BANK_TYPE_DRAM = 2,
    BANK_TYPE_STREAM = 3,
    BANK_TYPE_HBM = 6,
    BANK_TYPE_STREAM_CONNECTION = 9,
    BANK_TYPE_HOST = 10
};

enum {
    CONNECTION_TABLE = 4,
    CONNECTION_ARGUMENT = 0,
    CONNECTION_IP = 4,
    CONNECTION_BANK = 8,
    CONNECTION_BYTES = 12
};

enum {
    IP_TABLE = 8,
    IP_TYPE = 0,
    IP_BASE = 8,
    IP_NAME = 16,
    IP_NAME_BYTES = 64,
    IP_BYTES = 80,
    IP_TYPE_KERNEL = 1
};

enum {
    CLOCK_TABLE = 2,
    CLOCK_MHZ = 0,
    CLOCK_TYPE = 2,
    CLOCK_NAME = 8,
    CLOCK_NAME_BYTES = 128,
    CLOCK_BYTES = 136,
    CLOCK_TYPE_KERNEL = 2
};

static inline uint64_t xclbin_get(const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = bytes; i-- > 0;) {
        value = value << 8 | at[i];
    }
    return value;
}

static inline void xclbin_put(uint8_t *at, unsigned bytes, uint64_t value)
{
    for (unsigned i = 0; i < bytes; i++) {
        at[i] = (uint8_t)(value >> 8 * i);
    }
}

#endif
