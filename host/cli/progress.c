#include "progress.h"

#include <stdio.h>
#include <unistd.h>

enum { BAR = 40, LINES = 10 };

cli_progress cli_progress_start(const char *what)
{
    return (cli_progress){.terminal = isatty(STDERR_FILENO) == 1, .what = what};
}

static void draw(const char *step, size_t done, size_t total)
{
    char bar[BAR + 1];
    size_t filled = done * BAR / total;
    for (size_t i = 0; i < BAR; i++) {
        bar[i] = i < filled ? '#' : '.';
    }
    bar[BAR] = '\0';
    fprintf(stderr, "\r%-12s [%s] %zu/%zu%s", step, bar, done, total, done == total ? "\n" : "");
}

void cli_progress_tell(void *user, const char *step, size_t done, size_t total)
{
    cli_progress *progress = user;
    if (progress->terminal) {
        draw(step, done, total);
        return;
    }
    size_t tenths = done * LINES / total;
    if (done == 1) {
        progress->told = 0;
    }
    if (tenths > progress->told || done == total) {
        progress->told = tenths;
        fprintf(stderr, "davit: %s: %zu of %zu %s\n", step, done, total, progress->what);
    }
}

void cli_progress_stop(const cli_progress *progress, const char *step, size_t done, size_t total,
                       const char *why)
{
    fprintf(stderr, "%sdavit: %s: %s after %zu of %zu %s\n",
            progress->terminal && done > 0 ? "\n" : "", step, why, done, total, progress->what);
}
