/* A program on XRT's C interface: random calls of the engine on all boards and compute units at
 * once, against plain loops over the definition (tests/hls). `davit emulate -- board_host ...`.
 *
 * Exit code: 0 all exact, 1 wrong bytes or no XRT, 3 a device is lost. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xrt/xrt_bo.h>
#include <xrt/xrt_device.h>

#include "davit/board_emulation.h"
#include "engine_case.h"
#include "lane.h"

enum { MAX_BOARDS = 4, MAX_UNITS = 4, EXACT = 0, WRONG = 1, LOST = 3 };

typedef struct options {
    unsigned boards, units, calls;
    long deadline_ms;
    bool vector; /* also vector_s8 */
    bool stay;   /* after the calls, for ever */
    bool banks;  /* before them, try what a bank holds */
} options;

typedef struct job {
    lane lane;
    const options *options;
    unsigned number;
    unsigned exact;
    char wrong[512];
    atomic_uint calls; /* so far */
    atomic_bool ended;
} job;

static unsigned read_number(int argc, char **argv, const char *name, unsigned fallback)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            return (unsigned)strtoul(argv[i + 1], NULL, 10);
        }
    }
    return fallback;
}

static void *run_job(void *argument)
{
    job *j = argument;
    lane_use(&j->lane);
    const uint64_t seed = 1000 + j->number;
    for (uint64_t i = 0, done = 0; done < j->options->calls && j->lane.error == NULL; i++) {
        char shape[256];
        if (engine_random_is_small(seed, i)) {
            continue;
        }
        const bool vector = j->options->vector && i % 3 == 0;
        const char *wrong =
            vector ? engine_random_vector(seed, i, shape) : engine_random_gemm(seed, i, shape);
        if (wrong != NULL && j->lane.error == NULL) {
            (void)snprintf(j->wrong, sizeof(j->wrong), "%s: %s", wrong, shape);
            break;
        }
        j->exact += wrong == NULL;
        done++;
        atomic_fetch_add(&j->calls, 1);
    }
    atomic_store(&j->ended, true);
    return NULL;
}

static void *open_board(unsigned index, const char *xclbin, unsigned char uuid[16])
{
    void *device = xrtDeviceOpen(index);
    if (device == NULL) {
        fprintf(stderr, "board %u: xrtDeviceOpen\n", index);
        return NULL;
    }
    if (xrtDeviceLoadXclbinFile(device, xclbin) != 0 || xrtDeviceGetXclbinUUID(device, uuid) != 0) {
        fprintf(stderr, "board %u: the xclbin cannot be loaded\n", index);
        (void)xrtDeviceClose(device);
        return NULL;
    }
    return device;
}

/* Waits for all jobs to end, or for a time without any call. XRT may never come back from a device
 * that does not answer. Returns whether all have ended. */
static bool wait_for_jobs(const job *jobs, unsigned count, long limit_ms)
{
    enum { STEP_MS = 20 };
    const struct timespec step = {0, STEP_MS * 1000000};
    unsigned before = 0;
    for (long quiet_ms = 0; quiet_ms < limit_ms; quiet_ms += STEP_MS) {
        unsigned calls = 0, ended = 0;
        for (unsigned i = 0; i < count; i++) {
            calls += atomic_load(&jobs[i].calls);
            ended += atomic_load(&jobs[i].ended);
        }
        if (ended == count) {
            return true;
        }
        quiet_ms = calls != before ? 0 : quiet_ms;
        before = calls;
        (void)nanosleep(&step, NULL);
    }
    return false;
}

/* A bank gives what it has and no more, and takes back what it gave. */
static bool bank_has_limit(void *device)
{
    const size_t part = (size_t)200 << 20;
    bool right = true;
    for (int round = 0; right && round < 3; round++) {
        void *first = xrtBOAlloc(device, part, XRT_BO_FLAGS_NONE, 1);
        void *second = xrtBOAlloc(device, part, XRT_BO_FLAGS_NONE, 1);
        void *third = xrtBOAlloc(device, part, XRT_BO_FLAGS_NONE, 1); /* 600 of 512 MiB */
        right = first != NULL && second != NULL && third == NULL;
        if (first != NULL) {
            (void)xrtBOFree(first);
        }
        if (second != NULL) {
            (void)xrtBOFree(second);
        }
        if (third != NULL) {
            (void)xrtBOFree(third);
        }
    }
    return right;
}

static int report(const job *jobs, unsigned count)
{
    int result = EXACT;
    unsigned exact = 0;
    for (unsigned i = 0; i < count; i++) {
        exact += jobs[i].exact;
        if (jobs[i].wrong[0] != '\0') {
            printf("lane %u: %s\n", i, jobs[i].wrong);
            result = WRONG;
        } else if (jobs[i].lane.error != NULL) {
            printf("lane %u: lost after %u calls: %s\n", i, jobs[i].exact, jobs[i].lane.error);
            result = result == EXACT ? LOST : result;
        }
    }
    printf("%u calls exact in %u lanes\n", exact, count);
    return result;
}

static int run(const options *o, const char *xclbin)
{
    static job jobs[MAX_BOARDS * MAX_UNITS];
    pthread_t threads[MAX_BOARDS * MAX_UNITS];
    void *devices[MAX_BOARDS] = {NULL};
    unsigned count = 0;
    for (unsigned board = 0; board < o->boards; board++) {
        unsigned char uuid[16];
        devices[board] = open_board(board, xclbin, uuid);
        if (devices[board] == NULL) {
            return LOST;
        }
        if (o->banks && !bank_has_limit(devices[board])) {
            printf("board %u: a bank does not keep to its size\n", board);
            return WRONG;
        }
        for (unsigned unit = 0; unit < o->units; unit++, count++) {
            jobs[count].options = o;
            jobs[count].number = count;
            if (!lane_open(&jobs[count].lane, devices[board], uuid, unit, o->deadline_ms)) {
                fprintf(stderr, "board %u, unit %u: %s\n", board, unit, jobs[count].lane.error);
                return LOST;
            }
        }
    }
    for (unsigned i = 0; i < count; i++) {
        if (pthread_create(&threads[i], NULL, run_job, &jobs[i]) != 0) {
            return WRONG;
        }
    }
    if (!wait_for_jobs(jobs, count, 2 * o->deadline_ms)) {
        printf("lost: a call of XRT does not return\n");
        (void)fflush(stdout);
        _exit(LOST);
    }
    for (unsigned i = 0; i < count; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    const int result = report(jobs, count);
    if (o->stay) {
        (void)fflush(stdout);
        (void)pause();
    }
    if (result == LOST) {
        (void)fflush(stdout);
        _exit(result); /* XRT may wait for ever for a lost device */
    }
    for (unsigned i = 0; i < count; i++) {
        lane_close(&jobs[i].lane);
    }
    for (unsigned board = 0; board < o->boards; board++) {
        (void)xrtDeviceClose(devices[board]);
    }
    return result;
}

int main(int argc, char **argv)
{
    davit_board_environment environment;
    davit_board_environment_get(&environment);
    if (!environment.emulated) {
        fprintf(stderr, "not in the environment of an emulated board; davit emulate -- %s\n",
                argv[0]);
        return WRONG;
    }
    const options o = {.boards = environment.boards < MAX_BOARDS ? environment.boards : MAX_BOARDS,
                       .units = read_number(argc, argv, "--units", 4),
                       .calls = read_number(argc, argv, "--calls", 10),
                       .deadline_ms = (long)read_number(argc, argv, "--deadline", 20000),
                       .vector = read_number(argc, argv, "--vector", 1) != 0,
                       .stay = read_number(argc, argv, "--stay", 0) != 0,
                       .banks = read_number(argc, argv, "--banks", 0) != 0};
    return run(&o, environment.xclbin_path);
}
