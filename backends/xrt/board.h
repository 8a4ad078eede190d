/* A board with our engine in it, open in this process: once for all devices that are opened on it.
 * What calls the driver runs on the board's thread (thread.h). */
#ifndef DAVIT_XRT_BOARD_H
#define DAVIT_XRT_BOARD_H

#include "boards.h"
#include "driver.h"
#include "memory.h"
#include "thread.h"

#define DAVIT_XRT_MAX_LANES 16

/* The compute units on one memory bank: one of each kernel. */
typedef struct davit_xrt_lane {
    xrtKernelHandle gemm, vector;
    xrtRunHandle gemm_run, vector_run; /* used again for each call */
    davit_xrt_bank bank;
} davit_xrt_lane;

typedef struct davit_xrt_board {
    const davit_xrt_driver *driver;
    davit_xrt_target target;
    davit_xrt_thread *thread; /* NULL: set aside for good */
    xrtDeviceHandle device;
    size_t lane_count;
    davit_xrt_lane lanes[DAVIT_XRT_MAX_LANES];
    /* Under the mutex of the list of boards: */
    unsigned references;
    struct davit_xrt_board *next;
} davit_xrt_board;

/* Opens the board of a device, or takes the open one; loads the bitstream that fits it. Reports. */
DAVIT_NODISCARD davit_status davit_xrt_board_acquire(const davit_device_info *info,
                                                     const davit_diagnostics *diag,
                                                     davit_xrt_board **out);
void davit_xrt_board_release(davit_xrt_board *board);

/* davit_xrt_thread_do, and reports what nobody has. `doing` is for that message ("a copy"). */
DAVIT_NODISCARD davit_status davit_xrt_board_do(davit_xrt_board *board, const davit_device *device,
                                                const char *doing, davit_xrt_work work,
                                                void *arguments, uint64_t deadline_ns);

/* Reports a board that is lost, and why; its jobs fail from now on. Returns DAVIT_DEVICE_LOST. */
DAVIT_PRINTF(3, 4)
davit_status davit_xrt_board_lose(davit_xrt_board *board, const davit_diagnostics *diag,
                                  const char *format, ...);

/* Waits until the run of a lane has completed; every other end, and none by the deadline, loses the
 * board. On the board's thread. Reports. */
DAVIT_NODISCARD davit_status davit_xrt_await(davit_xrt_job *job, davit_xrt_board *board,
                                             const davit_xrt_lane *lane, bool vector,
                                             const davit_diagnostics *diag);

/* The board of an open device. */
davit_xrt_board *davit_xrt_device_board(const davit_device *device);

#endif
