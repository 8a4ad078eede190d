/* A compute unit of an emulated board: its register map, and a thread that runs the kernel's model.
 *
 * Registers are those of Vitis HLS: control at 0 (bit 0 start, 1 done, 2 idle; done is cleared when
 * it is read), arguments as the xclbin says. Everything but the kernel itself happens on the
 * board's own thread. */
#ifndef DAVIT_BOARD_COMPUTE_UNIT_H
#define DAVIT_BOARD_COMPUTE_UNIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "davit/xclbin.h"
#include "kernels.h"
#include "memory.h"

#define BOARD_UNIT_REGISTERS 1024 /* of 32 bits */

typedef enum board_unit_state {
    BOARD_UNIT_IDLE,
    BOARD_UNIT_RUNNING,
    BOARD_UNIT_DONE,   /* and not yet read */
    BOARD_UNIT_HANGING /* for ever running */
} board_unit_state;

/* How a start goes. */
typedef enum board_start {
    BOARD_START_RUN,
    BOARD_START_HANG,
    BOARD_START_ABORT /* idle at once, nothing written */
} board_start;

typedef struct board_unit {
    const char *name;
    uint64_t base_address;
    const davit_xclbin_kernel *form;
    const board_kernels *kernels;
    board_kernel kernel;
    uint32_t registers[BOARD_UNIT_REGISTERS];

    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    board_unit_state state; /* under lock, as what follows */
    bool ending;
    void *arguments[BOARD_MAX_ARGUMENTS];
} board_unit;

/* Starts the thread. The unit must not move in memory. Returns false when the system refuses. */
bool board_unit_open(board_unit *unit);
/* Waits for a kernel that runs, but not for one that hangs. */
void board_unit_close(board_unit *unit);

bool board_unit_contains(const board_unit *unit, uint64_t address);

/* Writes bytes at an address inside the unit; true when that starts the kernel. */
bool board_unit_write(board_unit *unit, uint64_t address, const uint8_t *bytes, size_t count);

/* Starts the kernel with the addresses in its registers. Returns NULL, or why it cannot start: it
 * runs already, or an address is in no buffer; then the unit hangs, as a card's does. */
const char *board_unit_start(board_unit *unit, const board_memory *memory, board_start how);

/* Reads a register. One of a running unit's control waits a little for the end, so that a host that
 * asks again and again leaves its core to the kernel. */
uint32_t board_unit_read(board_unit *unit, uint64_t address);

#endif
