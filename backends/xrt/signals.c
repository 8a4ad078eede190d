#include "signals.h"

#include <stddef.h>

/* SEGV, FPE, ABRT, USR1 and CHLD are what XRT 2.13 takes; the others cost nothing. */
static const int numbers[DAVIT_SAVED_SIGNALS] = {SIGSEGV, SIGFPE, SIGABRT, SIGUSR1,
                                                 SIGCHLD, SIGINT, SIGTERM, SIGBUS};

void davit_signals_save(davit_saved_signals *saved)
{
    for (size_t i = 0; i < DAVIT_SAVED_SIGNALS; i++) {
        (void)sigaction(numbers[i], NULL, &saved->actions[i]);
    }
}

void davit_signals_restore(const davit_saved_signals *saved)
{
    for (size_t i = 0; i < DAVIT_SAVED_SIGNALS; i++) {
        (void)sigaction(numbers[i], &saved->actions[i], NULL);
    }
}
