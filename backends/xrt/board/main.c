/* davit-fpga-board: the device process behind XRT's sw_emu shim, one for each emulated board.
 *
 * The shim starts it as $XILINX_VITIS/data/emulation/unified/cpu_em/generic_pcie/model/
 * genericpciemodel and waits at the socket /tmp/$USER/$EMULATION_SOCKETID. It serves calls one
 * after the other and ends with the connection. $XILINX_VITIS/faults, where there is one, says what
 * it does wrong (davit/board_faults.h); what faults count is kept in a file beside it, as a board
 * that is opened again gets a new process. */
#define _GNU_SOURCE /* close_range */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "board.h"
#include "davit/read_file.h"

enum { CONNECT_TRIES = 6000, CONNECT_PAUSE_NS = 5000000, MAX_FAULTS = 4096 };

static int fail(const char *what, const char *detail)
{
    fprintf(stderr, "davit-fpga-board: %s: %s\n", what, detail);
    return 1;
}

/* The shim listens only after it has started this process. */
static int connect_to_shim(void)
{
    const char *user = getenv("USER"), *id = getenv("EMULATION_SOCKETID");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (user == NULL || id == NULL ||
        snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/%s/%s", user, id) >=
            (int)sizeof(address.sun_path)) {
        (void)fail("socket", "USER and EMULATION_SOCKETID must name it (XRT starts this program)");
        return -1;
    }
    const pid_t parent = getppid();
    const struct timespec pause = {0, CONNECT_PAUSE_NS};
    for (int i = 0; i < CONNECT_TRIES && getppid() == parent; i++) {
        const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
            return fd;
        }
        (void)close(fd);
        (void)nanosleep(&pause, NULL);
    }
    (void)fail(address.sun_path, "XRT does not answer there");
    return -1;
}

/* Which board this is: "device3_1_4711" is board 3. */
static unsigned board_index(void)
{
    const char *id = getenv("EMULATION_SOCKETID");
    unsigned index = 0;
    return id != NULL && sscanf(id, "device%u_", &index) == 1 ? index : 0;
}

static bool read_faults(board_faults *faults)
{
    *faults = (board_faults){0};
    char path[4096];
    const char *folder = getenv("XILINX_VITIS");
    if (folder == NULL || snprintf(path, sizeof(path), "%s/faults", folder) >= (int)sizeof(path) ||
        access(path, F_OK) != 0) {
        return true;
    }
    char *text;
    if (davit_read_file(davit_allocator_default(), path, MAX_FAULTS,
                        davit_diagnostics_stderr(DAVIT_ERROR), &text, NULL) != DAVIT_OK) {
        return false;
    }
    text[strcspn(text, "\n")] = '\0';
    const char *error = board_faults_parse(text, board_index(), faults);
    davit_free(davit_allocator_default(), text);
    return error == NULL || fail(path, error) == 0;
}

/* The counts of this board's processes; without a file for them those of this one. */
static board_counts *open_counts(void)
{
    static board_counts own;
    char path[4096];
    const char *folder = getenv("XILINX_VITIS");
    if (folder == NULL ||
        snprintf(path, sizeof(path), "%s/counts-%u", folder, board_index()) >= (int)sizeof(path)) {
        return &own;
    }
    const int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    void *counts = MAP_FAILED;
    if (file >= 0 && ftruncate(file, sizeof(board_counts)) == 0) {
        counts = mmap(NULL, sizeof(board_counts), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    }
    if (file >= 0) {
        (void)close(file);
    }
    return counts != MAP_FAILED ? counts : &own;
}

/* False: the connection has ended. */
static bool receive(int fd, void *bytes, size_t count)
{
    uint8_t *at = bytes;
    while (count > 0) {
        const ssize_t got = recv(fd, at, count, 0);
        if (got <= 0) {
            if (got < 0 && errno == EINTR) {
                continue;
            }
            return false;
        }
        at += got;
        count -= (size_t)got;
    }
    return true;
}

static bool answer_request(int fd, const rpc_answer *answer)
{
    struct iovec rest[2] = {{(void *)(uintptr_t)answer->bytes, answer->count},
                            {(void *)(uintptr_t)answer->tail, answer->tail_count}};
    struct msghdr message = {.msg_iov = rest, .msg_iovlen = 2};
    while (rest[0].iov_len + rest[1].iov_len > 0) {
        ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EINTR) {
                continue;
            }
            return false;
        }
        for (int i = 0; i < 2; i++) {
            const size_t part = (size_t)sent < rest[i].iov_len ? (size_t)sent : rest[i].iov_len;
            rest[i].iov_base = (uint8_t *)rest[i].iov_base + part;
            rest[i].iov_len -= part;
            sent -= (ssize_t)part;
        }
    }
    return true;
}

/* A buffer that grows to the longest body. */
typedef struct body_buffer {
    uint8_t *bytes;
    size_t capacity;
} body_buffer;

static bool receive_request(int fd, body_buffer *body, rpc_request *request)
{
    uint8_t header[RPC_REQUEST_HEADER];
    if (!receive(fd, header, sizeof(header))) {
        return false;
    }
    uint32_t call;
    uint64_t count;
    const char *error = rpc_decode_header(header, &call, &count);
    if (error != NULL) {
        return fail("XRT's request", error) == 0;
    }
    if (count > body->capacity) {
        uint8_t *grown = realloc(body->bytes, count);
        if (grown == NULL) {
            return fail("XRT's request", "out of memory") == 0;
        }
        body->bytes = grown;
        body->capacity = count;
    }
    if (!receive(fd, body->bytes, count)) {
        return false;
    }
    error = rpc_decode(call, body->bytes, count, request);
    return error == NULL || fail("XRT's request", error) == 0;
}

/* Until the host ends. */
static void drain(int fd)
{
    uint8_t byte;
    while (receive(fd, &byte, 1)) {
    }
}

static void serve(int fd, board *b)
{
    body_buffer body = {NULL, 0};
    rpc_request request;
    rpc_answer answer;
    while (receive_request(fd, &body, &request)) {
        const board_next next = board_handle(b, &request, &answer);
        if (next == BOARD_MUTE || next == BOARD_GONE) {
            fprintf(stderr, "davit-fpga-board: fault: the board %s\n",
                    next == BOARD_MUTE ? "answers no more" : "is lost");
        }
        if (next == BOARD_MUTE) {
            drain(fd);
        }
        if (next == BOARD_MUTE || next == BOARD_GONE || !answer_request(fd, &answer) ||
            next == BOARD_END) {
            break;
        }
    }
    free(body.bytes);
}

/* A kernel has touched what is no buffer: on a card, the end of it too. */
static void on_fault(int number)
{
    static const char text[] =
        "davit-fpga-board: a kernel accessed memory outside of the board's buffers\n";
    (void)number;
    (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
    _exit(1);
}

int main(void)
{
    (void)close_range(3, ~0u, 0); /* the shim's, which other boards wait on */
    (void)signal(SIGSEGV, on_fault);
    (void)signal(SIGBUS, on_fault);
    board_faults faults;
    static board b;
    if (!read_faults(&faults)) {
        return 1;
    }
    const int fd = connect_to_shim();
    if (fd < 0) {
        return 1;
    }
    if (!board_open(&b, &faults, open_counts())) {
        return fail("memory", "address space cannot be reserved (ulimit -v?)");
    }
    serve(fd, &b);
    /* Threads may still run a kernel that nobody waits for: no clean-up waits for them. */
    board_remove_file(&b);
    _exit(0);
}
