/* The conformance suite: what every backend must do, run over one of them. Each backend links it
 * into a program of its own (main_NAME.c), test_conformance_NAME [--device NAME] [--seed N]:
 *   --filter TEXT                      only tests whose names contain it; "cases" are the unit
 * cases
 *   --case TEXT [--layout dense|nhwc]  one case (case.h), as a failure prints it
 *   --integer COUNT [--threads N]      random cases of integer operators
 *   --speed, --support                 the table of cases with times, or with what is supported
 * Ends with how often each reason for a skip occurred, and "N passed, N failed, N skipped". */
#ifndef DAVIT_CONFORMANCE_SUITE_H
#define DAVIT_CONFORMANCE_SUITE_H

#include <pthread.h>
#include <stdbool.h>

#include "counting_allocator.h"
#include "davit/backend.h"

/* A sink that counts errors of all threads and keeps the last one. */
typedef struct error_log {
    davit_diagnostics sink;
    pthread_mutex_t mutex;
    unsigned count;
    davit_status status;
    char text[256];
} error_log;

/* What tests work with. A test that is over has freed all it made on the device: the suite checks
 * that nothing is left allocated. */
typedef struct test_suite {
    davit_registry registry; /* the backend under test, then null, then reference */
    davit_backend *backend;  /* the first of them */
    davit_device_info info;  /* of the device under test */
    davit_device *device;    /* open during each test */
    counting_allocator allocator;
    error_log errors; /* of device; cleared before each test */
    uint64_t seed;
    uint32_t threads; /* of the device in the unit cases */
    const char *test; /* the running one */
    bool failed;      /* the running test */
    const char *skip; /* why the running test was skipped, or NULL */
    unsigned passed_count, failed_count, skipped_count;
} test_suite;

typedef struct suite_test {
    const char *name; /* "queue/failed_wait_fails_signals" */
    void (*run)(test_suite *suite);
} suite_test;

typedef struct suite_group {
    const suite_test *tests;
    size_t count;
} suite_group;

#define SUITE_GROUP(array)                                                                         \
    {                                                                                              \
        array, sizeof(array) / sizeof((array)[0])                                                  \
    }

extern const suite_group conformance_device;
extern const suite_group conformance_buffer;
extern const suite_group conformance_semaphore;
extern const suite_group conformance_queue;
extern const suite_group conformance_program;
extern const suite_group conformance_execute;
extern const suite_group conformance_faults;

/* Ends the running test as failed unless the condition holds. For test functions only. */
#define CHECK(suite, condition)                                                                    \
    do {                                                                                           \
        if (!suite_check(suite, condition, __FILE__, __LINE__, #condition)) {                      \
            return;                                                                                \
        }                                                                                          \
    } while (0)

/* The same for the status of a call. */
#define CHECK_STATUS(suite, call, expected)                                                        \
    do {                                                                                           \
        if (!suite_check_status(suite, call, expected, __FILE__, __LINE__, #call)) {               \
            return;                                                                                \
        }                                                                                          \
    } while (0)

/* Ends the running test as skipped. reason must outlive the suite. */
#define SKIP(suite, reason)                                                                        \
    do {                                                                                           \
        (suite)->skip = (reason);                                                                  \
        return;                                                                                    \
    } while (0)

bool suite_check(test_suite *suite, bool condition, const char *file, int line, const char *text);
bool suite_check_status(test_suite *suite, davit_status status, davit_status expected,
                        const char *file, int line, const char *text);

/* Counts one result that is not a test of its own; prints it when it failed. */
void suite_pass(test_suite *suite);
DAVIT_PRINTF(2, 3) void suite_fail(test_suite *suite, const char *format, ...);
/* Counts a skip; reasons are counted by text and printed at the end. */
void suite_skip(test_suite *suite, const char *reason);

void error_log_init(error_log *log);

/* Opens another device of the null backend, for tests across devices. NULL: failed. */
davit_device *suite_open_null(test_suite *suite, const char *options);

/* Runs the suite over the first usable device of a backend (or --device); the exit status. */
int suite_main(const davit_backend_table *backend, int argc, char **argv);

#endif
