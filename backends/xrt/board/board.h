/* An emulated FPGA board: memory, compute units, and what XRT's shim asks of them. */
#ifndef DAVIT_BOARD_BOARD_H
#define DAVIT_BOARD_BOARD_H

#include "compute_unit.h"
#include "davit/board_faults.h"
#include "rpc.h"

#define BOARD_PATH_BYTES 256

typedef enum board_next {
    BOARD_ANSWER, /* send the answer */
    BOARD_END,    /* send it, then end */
    BOARD_MUTE,   /* never answer again */
    BOARD_GONE    /* end at once, without an answer */
} board_next;

/* What faults count, so far: kernel starts, copies from the board, loads of a bitstream. */
typedef struct board_counts {
    uint64_t starts, reads, loads;
} board_counts;

typedef struct board {
    board_faults faults;
    board_counts *counts;
    board_memory memory;
    board_kernels kernels;
    davit_arena arena; /* of what the xclbin says */
    board_unit *units; /* NULL: nothing is loaded */
    size_t unit_count;
    char host_file[BOARD_PATH_BYTES]; /* of the host's view of memory; "": not known yet */
    uint8_t *scratch;                 /* of a corrupt read */
} board;

/* Returns false when memory cannot be reserved. Borrows the counts. */
bool board_open(board *b, const board_faults *faults, board_counts *counts);
/* Ends threads, removes the file. */
void board_close(board *b);
/* The file alone, for a process that ends while kernels run. */
void board_remove_file(const board *b);

/* Does what a request asks, and makes the answer, which borrows from the board until the next
 * request. */
board_next board_handle(board *b, const rpc_request *request, rpc_answer *answer);

#endif
