/* Which boards there are: those of this machine, or those of an emulation in which this process was
 * started. The only place that knows the difference. */
#ifndef DAVIT_XRT_BOARDS_H
#define DAVIT_XRT_BOARDS_H

#include "davit/backend.h"
#include "davit/bitstreams.h"

typedef struct davit_xrt_target {
    char name[32];  /* "fpga:0", "fpga:emu" */
    uint32_t index; /* of XRT */
    bool emulated;
    char pci_address[DAVIT_PCI_ADDRESS_BYTES];
    char platform[DAVIT_PLATFORM_BYTES]; /* VBNV, "" when XRT does not tell */
    bool has_interface;
    uint8_t interface_uuid[16];
    char unusable[160];                         /* "" when it can be used */
    char bitstream[DAVIT_BITSTREAM_PATH_BYTES]; /* the only one for an emulated board, else "" */
} davit_xrt_target;

#define DAVIT_XRT_MAX_BOARDS 16

/* Writes at most DAVIT_XRT_MAX_BOARDS and returns how many. Where there is none, one that is
 * unusable says why. */
size_t davit_xrt_boards_list(davit_xrt_target *targets);

/* What is known of a board with that platform before it is opened. */
void davit_xrt_board_profile(const char *platform, davit_device_profile *out);

#endif
