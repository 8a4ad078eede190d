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

/* In the child: exits with 0 when all is well. hwloc looks at its own result closely when asked to
 * by the environment, which is the child's alone. */
static _Noreturn void load_in_child(const char *path, const char *text, size_t bytes, int stderr_fd)
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
    davit_status status =
        davit_topology_make(davit_allocator_default(), path, text, bytes, NULL, &topology);
    _exit(status == DAVIT_OK ? 0 : 1);
}

/* True when the child exits with 0 and has had nothing to say on stderr. */
static bool child_succeeds(pid_t child, int stderr_fd)
{
    char text[256];
    bool silent = true;
    ssize_t got;
    while ((got = read(stderr_fd, text, sizeof(text))) > 0 || (got < 0 && errno == EINTR)) {
        silent = silent && got < 0;
    }
    int result;
    pid_t waited;
    while ((waited = waitpid(child, &result, 0)) < 0 && errno == EINTR) {
    }
    return silent && waited == child && WIFEXITED(result) && WEXITSTATUS(result) == 0;
}

static davit_status try_in_child(const char *path, const char *text, size_t bytes,
                                 const davit_diagnostics *diag)
{
    int ends[2];
    pid_t child = -1;
    if (pipe(ends) == 0) {
        child = fork();
        if (child == 0) {
            close(ends[0]);
            load_in_child(path, text, bytes, ends[1]);
        }
        int error = errno;
        close(ends[1]);
        bool succeeds = child > 0 && child_succeeds(child, ends[0]);
        close(ends[0]);
        errno = error;
        if (child > 0) {
            return succeeds ? DAVIT_OK : davit_topology_refuse(path, text, diag);
        }
    }
    return davit_fail(diag, DAVIT_UNAVAILABLE, "%s: no child process to try this topology in: %s",
                      path, strerror(errno));
}

davit_status davit_topology_load_untrusted(const davit_allocator *allocator, const char *path,
                                           const davit_diagnostics *diag, davit_topology **out)
{
    char *text;
    size_t bytes;
    *out = NULL;
    davit_status status = davit_topology_read(allocator, path, diag, &text, &bytes);
    if (status != DAVIT_OK) {
        return status;
    }
    status = try_in_child(path, text, bytes, diag);
    if (status == DAVIT_OK) {
        status = davit_topology_make(allocator, path, text, bytes, diag, out);
    }
    davit_free(allocator, text);
    return status;
}
