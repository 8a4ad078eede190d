/* Preloaded into davit with one thread, on a machine that others use: its monotonic clock becomes the
 * processor time of the process, which stands still while somebody else has the core. Shared caches
 * and memory stay disturbed. */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now)
{
    return (int)syscall(SYS_clock_gettime,
                        clock == CLOCK_MONOTONIC ? CLOCK_PROCESS_CPUTIME_ID : clock, now);
}
