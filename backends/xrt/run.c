/* Waiting for a kernel: by looking at its state, as the driver's own wait may never end. */
#include <time.h>

#include "board.h"

#define NS_PER_US 1000u
/* Where nobody set a deadline. Calls take milliseconds on a card, seconds in RTL. */
#define KERNEL_LIMIT_NS 600000000000u
/* Kernels take from microseconds to seconds (emulated ones): the longer it takes, the less often
 * its state is looked at. */
#define FIRST_PAUSE_NS (5 * NS_PER_US)
#define LAST_PAUSE_NS (500 * NS_PER_US)

static const char *state_name(int state)
{
    switch (state) {
    case ERT_CMD_STATE_ERROR:
        return "error";
    case ERT_CMD_STATE_ABORT:
        return "abort";
    case ERT_CMD_STATE_TIMEOUT:
        return "timeout";
    case ERT_CMD_STATE_NORESPONSE:
        return "no response";
    default:
        return "unexpected";
    }
}

static bool may_still_end(int state)
{
    return state == ERT_CMD_STATE_NEW || state == ERT_CMD_STATE_QUEUED ||
           state == ERT_CMD_STATE_SUBMITTED || state == ERT_CMD_STATE_RUNNING;
}

davit_status davit_xrt_await(davit_xrt_job *job, davit_xrt_board *board, const davit_xrt_lane *lane,
                             bool vector, const davit_diagnostics *diag)
{
    xrtRunHandle run = vector ? lane->vector_run : lane->gemm_run;
    const char *name = vector ? "vector_s8" : "gemm_s8";
    uint64_t pause_ns = FIRST_PAUSE_NS;
    uint64_t limit_ns = davit_deadline_after(KERNEL_LIMIT_NS);
    for (;;) {
        davit_xrt_enter(job);
        int state = (int)board->driver->run_state(run);
        if (!davit_xrt_leave(job)) {
            return DAVIT_DEVICE_LOST;
        }
        if (state == ERT_CMD_STATE_COMPLETED) {
            return DAVIT_OK;
        }
        if (!may_still_end(state)) {
            davit_xrt_thread_hold(board->thread); /* other lanes may run */
            return davit_xrt_board_lose(board, diag, "%s ended in state %d (%s)", name, state,
                                        state_name(state));
        }
        uint64_t now_ns = davit_clock_ns();
        if (now_ns >= davit_xrt_job_deadline(job) || now_ns >= limit_ns) {
            davit_xrt_thread_hold(board->thread);
            return davit_xrt_board_lose(board, diag, "%s did not end by the deadline", name);
        }
        const struct timespec pause = {.tv_nsec = (long)pause_ns};
        (void)nanosleep(&pause, NULL);
        pause_ns = pause_ns * 2 < LAST_PAUSE_NS ? pause_ns * 2 : LAST_PAUSE_NS;
    }
}
