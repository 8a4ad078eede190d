/* Running a program beside emulated boards.
 *
 * Three processes: the caller waits and passes signals on; the program, in a session of its own,
 * with the boards as its children; the keeper, which outlives a killed caller, kills what is left
 * of the program's session and removes the folder. Each ends when another is killed: the program
 * dies with its parent, the keeper sees the end of a pipe. */
#define _GNU_SOURCE /* pipe2, close_range */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "davit/board_faults.h"
#include "folder.h"

enum { GONE_TRIES = 100, GONE_PAUSE_NS = 10000000 };

typedef struct launch {
    const davit_board_emulation_options *options;
    char **argv;
    const davit_diagnostics *diag;
    emulation_parts parts;
    char folder[EMULATION_FOLDER];
    pid_t keeper, program;
    int to_keeper;
    sigset_t passed, before; /* signals that are passed on, and SIGCHLD; the mask of the caller */
} launch;

/* ---- the keeper ---- */

/* Kills what is left of the program's process group, the boards, and waits until it is gone. In
 * the caller they have become its children; the keeper must leave them to init. */
static void end_group(pid_t program)
{
    const struct timespec pause = {0, GONE_PAUSE_NS};
    for (int i = 0; i < GONE_TRIES && kill(-program, SIGKILL) == 0; i++) {
        if (waitpid(-program, NULL, 0) < 0) {
            (void)nanosleep(&pause, NULL);
        }
    }
}

static void clean_up(const char *folder, pid_t program)
{
    if (program > 0) {
        end_group(program);
    }
    emulation_remove_folder(folder);
}

static void ignore_signals(void)
{
    static const int numbers[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        (void)signal(numbers[i], SIG_IGN);
    }
}

/* Reads the number of the program, then the end of the caller. Keeps no other file open: somebody
 * may wait for the end of one. */
static void keep(const launch *l, int from_caller)
{
    (void)setsid();
    ignore_signals();
    (void)dup2(from_caller, STDIN_FILENO);
    (void)close_range(STDOUT_FILENO, ~0u, 0);
    pid_t program = 0, number;
    for (;;) {
        const ssize_t got = read(STDIN_FILENO, &number, sizeof(number));
        if (got == (ssize_t)sizeof(number)) {
            program = number;
        } else if (got >= 0 || errno != EINTR) {
            break;
        }
    }
    clean_up(l->folder, program);
    _exit(0);
}

static davit_status system_error(const launch *l, const char *what)
{
    return davit_fail(l->diag, DAVIT_UNAVAILABLE, "emulated board: %s: %s", what, strerror(errno));
}

static davit_status start_keeper(launch *l)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return system_error(l, "no pipe");
    }
    l->keeper = fork();
    if (l->keeper < 0) {
        (void)close(ends[0]);
        (void)close(ends[1]);
        return system_error(l, "no process");
    }
    if (l->keeper == 0) {
        (void)close(ends[1]);
        keep(l, ends[0]);
    }
    (void)close(ends[0]);
    l->to_keeper = ends[1];
    return DAVIT_OK;
}

/* Lets the keeper do its work; does it here when it was killed. */
static void end_keeper(launch *l)
{
    (void)close(l->to_keeper);
    int status;
    pid_t ended;
    while ((ended = waitpid(l->keeper, &status, 0)) < 0 && errno == EINTR) {
    }
    if (ended < 0 || !WIFEXITED(status)) {
        clean_up(l->folder, l->program);
    }
}

/* ---- the program ---- */

/* In the child: never returns. An error goes through the pipe to the caller. */
static void become_program(const launch *l, pid_t caller, int to_caller)
{
    (void)setsid();
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != caller) {
        _exit(127); /* it was killed meanwhile */
    }
    (void)sigprocmask(SIG_SETMASK, &l->before, NULL);
    if (emulation_set_environment(l->folder)) {
        (void)execvp(l->argv[0], l->argv);
    }
    const int error = errno;
    (void)!write(to_caller, &error, sizeof(error));
    _exit(127);
}

static davit_status start_program(launch *l)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return system_error(l, "no pipe");
    }
    const pid_t caller = getpid();
    const pid_t program = fork();
    if (program == 0) {
        become_program(l, caller, ends[1]);
    }
    (void)close(ends[1]);
    int error = errno;
    if (program > 0) {
        l->program = program;
        (void)!write(l->to_keeper, &program, sizeof(program));
        error = 0;
        while (read(ends[0], &error, sizeof(error)) < 0 && errno == EINTR) {
        }
    }
    (void)close(ends[0]);
    if (program > 0 && error != 0) {
        (void)waitpid(program, NULL, 0);
        l->program = 0;
    }
    if (error != 0) {
        return davit_fail(l->diag, error == ENOENT ? DAVIT_NOT_FOUND : DAVIT_UNAVAILABLE,
                          "%s: cannot be run: %s", l->argv[0], strerror(error));
    }
    return DAVIT_OK;
}

/* ---- waiting ---- */

static bool has_ended(pid_t program)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)program, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           info.si_pid == program;
}

static void pass_on(const launch *l, int number)
{
    if (number == SIGTSTP) {
        (void)kill(-l->program, SIGSTOP);
        (void)raise(SIGSTOP); /* until somebody continues this process */
        (void)kill(-l->program, SIGCONT);
    } else if (number != SIGCHLD && number != SIGCONT) {
        (void)kill(l->program, number);
    }
}

static void wait_for_program(const launch *l)
{
    while (!has_ended(l->program)) {
        siginfo_t info;
        const int number = sigwaitinfo(&l->passed, &info);
        if (number > 0) {
            pass_on(l, number);
        }
    }
}

static void choose_signals(launch *l)
{
    static const int numbers[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGUSR1,  SIGUSR2,
                                  SIGALRM, SIGTSTP, SIGCONT, SIGCHLD, SIGWINCH, SIGPIPE};
    (void)sigemptyset(&l->passed);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        (void)sigaddset(&l->passed, numbers[i]);
    }
}

/* Everything while the keeper lives. */
static davit_status run_kept(launch *l, int *status)
{
    davit_status done = emulation_make_folder(l->folder, &l->parts, l->options, l->diag);
    const int held = emulation_hold_folder(l->folder);
    if (done == DAVIT_OK) {
        done = start_program(l);
    }
    if (done == DAVIT_OK) {
        wait_for_program(l);
        if (waitpid(l->program, status, 0) != l->program) {
            done = system_error(l, "the program's end is not known");
        }
        end_group(l->program);
    }
    end_keeper(l);
    if (held >= 0) {
        (void)close(held);
    }
    return done;
}

static davit_status prepare(launch *l)
{
    board_faults faults;
    const char *error = emulation_find_parts(l->options->rtl, &l->parts);
    if (error != NULL) {
        return davit_fail(l->diag, DAVIT_UNAVAILABLE, "emulated board: %s", error);
    }
    error = l->options->faults != NULL ? board_faults_parse(l->options->faults, 0, &faults) : NULL;
    if (error != NULL) {
        return davit_fail(l->diag, DAVIT_INVALID_ARGUMENT, "faults %s", error);
    }
    if (l->options->boards == 0 || l->options->boards > DAVIT_BOARD_EMULATION_MAX_BOARDS) {
        return davit_fail(l->diag, DAVIT_INVALID_ARGUMENT,
                          "emulated boards: from 1 to %d are possible, not %u",
                          DAVIT_BOARD_EMULATION_MAX_BOARDS, l->options->boards);
    }
    return emulation_name_folder(l->folder) ? DAVIT_OK : system_error(l, "no random bytes");
}

davit_status davit_board_emulation_run(const davit_board_emulation_options *options, char **argv,
                                       const davit_diagnostics *diag, int *exit_code,
                                       int *signal_number)
{
    launch l = {.options = options, .argv = argv, .diag = diag};
    davit_status done = prepare(&l);
    if (done != DAVIT_OK) {
        return done;
    }
    emulation_sweep_folders();
    choose_signals(&l);
    struct sigaction child_before;
    const struct sigaction plain = {.sa_handler = SIG_DFL};
    int reaper_before = 0;
    (void)sigaction(SIGCHLD, &plain, &child_before); /* ignored, ends could not be waited for */
    (void)prctl(PR_GET_CHILD_SUBREAPER, &reaper_before);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    (void)sigprocmask(SIG_BLOCK, &l.passed, &l.before);
    int status = 0;
    done = start_keeper(&l);
    if (done == DAVIT_OK) {
        done = run_kept(&l, &status);
    }
    (void)prctl(PR_SET_CHILD_SUBREAPER, reaper_before);
    (void)sigaction(SIGCHLD, &child_before, NULL);
    (void)sigprocmask(SIG_SETMASK, &l.before, NULL);
    if (done == DAVIT_OK) {
        *signal_number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        *exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    return done;
}
