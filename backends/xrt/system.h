/* What XRT says of the boards of this machine: the one thing that has no form in C. system.cpp is a
 * library of its own, which links XRT and is opened where there is a board; nothing else links it.
 */
#ifndef DAVIT_XRT_SYSTEM_H
#define DAVIT_XRT_SYSTEM_H

#ifdef __cplusplus
extern "C" {
#endif

typedef struct davit_xrt_system_board {
    char pci_address[20]; /* "0000:3b:00.1", "" unknown */
    char platform[128];   /* VBNV, "" unknown */
    int has_interface;
    unsigned char interface_uuid[16];
    int offline;
} davit_xrt_system_board;

/* Writes at most `capacity` boards, in the order of XRT's indices, and returns how many there are;
 * -1 with `why` filled when XRT fails. Throws nothing. */
int davit_xrt_system_boards(davit_xrt_system_board *boards, int capacity, char *why, int why_bytes);

#ifdef __cplusplus
}
#endif
#endif
