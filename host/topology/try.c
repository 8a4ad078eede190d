/* Loads a recorded topology in a child first: what hwloc does to the child does no harm. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "state.h"

enum { DEADLINE_S = 20 };

/* In the child: status 0 when all is well. hwloc looks at its own result closely when asked to by
 * the environment, which is the child's alone. */
static _Noreturn void load_in_child(const char *path, int stderr_fd)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGALRM};
    static const struct rlimit no_core = {0, 0};
    davit_topology *topology;
    dup2(stderr_fd, STDERR_FILENO);
    setrlimit(RLIMIT_CORE, &no_core);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        signal(signals[i], SIG_DFL);
    }
    setenv("HWLOC_DEBUG_CHECK", "1", 1);
    alarm(DEADLINE_S);
    const davit_diagnostics *silent = NULL;
    davit_status status = davit_topology_load(davit_allocator_default(), path, silent, &topology);
    _exit(status == DAVIT_OK ? 0 : 1);
}

/* True when the child loads the topology and has nothing to say on stderr. False with *status set
 * when no child can be made. */
static bool child_succeeds(const char *path, davit_status *status, const davit_diagnostics *diag)
{
    int ends[2];
    if (pipe(ends) != 0) {
        *status = davit_fail(diag, DAVIT_UNAVAILABLE, "%s: cannot try the topology: %s", path,
                             strerror(errno));
        return false;
    }
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        load_in_child(path, ends[1]);
    }
    int error = errno;
    close(ends[1]);
    char text[256];
    bool complained = false;
    ssize_t got = 0;
    while (child > 0 &&
           ((got = read(ends[0], text, sizeof(text))) > 0 || (got < 0 && errno == EINTR))) {
        complained = complained || got > 0;
    }
    close(ends[0]);
    int result = -1;
    while (child > 0 && waitpid(child, &result, 0) < 0 && errno == EINTR) {
    }
    if (child < 0) {
        *status = davit_fail(diag, DAVIT_UNAVAILABLE, "%s: cannot try the topology: %s", path,
                             strerror(error));
    }
    return child > 0 && WIFEXITED(result) && WEXITSTATUS(result) == 0 && !complained;
}

davit_status davit_topology_try(const char *path, const davit_diagnostics *diag)
{
    char *text;
    size_t bytes;
    const davit_allocator *allocator = davit_allocator_default();
    davit_status status = davit_topology_read_file(allocator, path, diag, &text, &bytes);
    if (status != DAVIT_OK) {
        return status;
    }
    if (!child_succeeds(path, &status, diag) && status == DAVIT_OK) {
        status = davit_topology_refused_file(path, text, diag);
    }
    davit_free(allocator, text);
    return status;
}
