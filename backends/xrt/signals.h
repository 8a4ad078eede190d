/* XRT installs signal handlers when it is loaded and when it loads a bitstream. They are the host
 * program's: what was there is put back. */
#ifndef DAVIT_XRT_SIGNALS_H
#define DAVIT_XRT_SIGNALS_H

#include <signal.h>

#define DAVIT_SAVED_SIGNALS 8

typedef struct davit_saved_signals {
    struct sigaction actions[DAVIT_SAVED_SIGNALS];
} davit_saved_signals;

void davit_signals_save(davit_saved_signals *saved);
void davit_signals_restore(const davit_saved_signals *saved);

#endif
