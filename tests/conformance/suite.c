#include "suite.h"

#include "cases.h"
#include "davit/null_backend.h"
#include "davit/reference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_REASONS 64
#define REASON_BYTES 160

static const suite_group *const groups[] = {
    &conformance_device,  &conformance_buffer,  &conformance_semaphore, &conformance_queue,
    &conformance_program, &conformance_execute, &conformance_faults,
};

/* Why things were skipped, and how often. */
static struct {
    char text[REASON_BYTES];
    unsigned count;
} reasons[MAX_REASONS];

typedef struct suite_arguments {
    const char *device;
    const char *filter; /* runs tests whose names contain it */
    const char *single; /* --case */
    const char *layout; /* of --case */
    case_mode mode;
    uint64_t seed;
    unsigned integer; /* cases of --integer; 0: not given */
    uint32_t threads; /* of the cases */
    const char *kernel; /* case_ask_kernel */
} suite_arguments;

/* ---- errors ---- */

static void log_error(void *user, davit_severity severity, davit_status status, const char *text)
{
    error_log *log = user;
    if (severity != DAVIT_ERROR) {
        return;
    }
    pthread_mutex_lock(&log->mutex);
    log->count++;
    log->status = status;
    (void)snprintf(log->text, sizeof(log->text), "%s", text);
    pthread_mutex_unlock(&log->mutex);
}

void error_log_init(error_log *log)
{
    *log = (error_log){.sink = {.report = log_error, .user = log, .level = DAVIT_WARNING}};
    pthread_mutex_init(&log->mutex, NULL);
}

/* ---- results ---- */

void suite_pass(test_suite *suite)
{
    suite->passed_count++;
}

void suite_fail(test_suite *suite, const char *format, ...)
{
    va_list arguments;
    suite->failed_count++;
    printf("FAILED %s: ", suite->test);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

void suite_skip(test_suite *suite, const char *reason)
{
    suite->skipped_count++;
    for (size_t i = 0; i < MAX_REASONS; i++) {
        if (reasons[i].count == 0) {
            (void)snprintf(reasons[i].text, sizeof(reasons[i].text), "%s", reason);
        }
        if (strncmp(reasons[i].text, reason, REASON_BYTES - 1) == 0 || i == MAX_REASONS - 1) {
            reasons[i].count++;
            return;
        }
    }
}

bool suite_check(test_suite *suite, bool condition, const char *file, int line, const char *text)
{
    if (!condition) {
        suite->failed = true;
        suite_fail(suite, "%s:%d: %s (last error: %s)", file, line, text, suite->errors.text);
    }
    return condition;
}

bool suite_check_status(test_suite *suite, davit_status status, davit_status expected,
                        const char *file, int line, const char *text)
{
    if (status != expected) {
        suite->failed = true;
        suite_fail(suite, "%s:%d: %s is '%s', not '%s' (last error: %s)", file, line, text,
                   davit_status_text(status), davit_status_text(expected), suite->errors.text);
    }
    return status == expected;
}

/* ---- devices ---- */

davit_device *suite_open_null(test_suite *suite, const char *options)
{
    davit_device_info infos[2];
    size_t count = 0;
    davit_backend *null = &suite->registry.backends[1];
    const davit_device_options device_options = {.allocator = &suite->allocator.allocator,
                                                 .diag = &suite->errors.sink,
                                                 .backend_options = options};
    davit_device *device = NULL;
    if (null->table->enumerate(null, NULL, infos, 2, &count) != DAVIT_OK ||
        davit_device_open(null, &infos[1], &device_options, &device) != DAVIT_OK) {
        return NULL;
    }
    return device;
}

/* The device under test: the named one, else the first that is usable. */
static bool find_device(test_suite *suite, const char *name)
{
    davit_device_info *infos = NULL;
    davit_backend **owners = NULL;
    size_t count = 0;
    bool found = false;
    const davit_allocator *allocator = davit_allocator_default();
    if (davit_registry_devices(&suite->registry, allocator, davit_diagnostics_stderr(DAVIT_WARNING),
                               &infos, &owners, &count) != DAVIT_OK) {
        return false;
    }
    for (size_t i = 0; !found && i < count && owners[i] == suite->backend; i++) {
        if (name != NULL ? strcmp(name, infos[i].name) == 0 : infos[i].unusable[0] == '\0') {
            suite->info = infos[i];
            found = true;
        }
    }
    davit_free(allocator, infos);
    davit_free(allocator, owners);
    return found;
}

static davit_status open_device(test_suite *suite)
{
    const davit_device_options options = {
        .allocator = &suite->allocator.allocator, .diag = &suite->errors.sink, .threads = 2};
    return davit_device_open(suite->backend, &suite->info, &options, &suite->device);
}

/* ---- running ---- */

static void run_test(test_suite *suite, const suite_test *test)
{
    suite->test = test->name;
    suite->failed = false;
    suite->skip = NULL;
    suite->errors.count = 0;
    suite->errors.status = DAVIT_OK;
    suite->errors.text[0] = '\0';
    counting_allocator_restart(&suite->allocator, 0);
    atomic_store(&suite->allocator.live, 0);
    if (open_device(suite) != DAVIT_OK) {
        suite_fail(suite, "cannot open %s: %s", suite->info.name, suite->errors.text);
        return;
    }
    test->run(suite);
    if (suite->failed) {
        return; /* what the test left on the device is not known */
    }
    davit_device_close(suite->device);
    size_t live = atomic_load(&suite->allocator.live);
    if (live != 0) {
        suite_fail(suite, "%zu allocations are left", live);
    } else if (suite->skip != NULL) {
        suite_skip(suite, suite->skip);
    } else {
        suite_pass(suite);
    }
}

static void run_all(test_suite *suite, const char *filter)
{
    for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
        for (size_t i = 0; i < groups[g]->count; i++) {
            const suite_test *test = &groups[g]->tests[i];
            if (filter == NULL || strstr(test->name, filter) != NULL) {
                run_test(suite, test);
            }
        }
    }
    suite->test = "cases";
    if (filter == NULL || strstr(suite->test, filter) != NULL) {
        cases_run_all(suite, CASE_CHECK);
    }
}

static int summarize(const test_suite *suite)
{
    for (size_t i = 0; i < MAX_REASONS && reasons[i].count > 0; i++) {
        printf("skipped %u: %s\n", reasons[i].count, reasons[i].text);
    }
    printf("%u passed, %u failed, %u skipped\n", suite->passed_count, suite->failed_count,
           suite->skipped_count);
    return suite->failed_count > 0 || suite->passed_count == 0;
}

static int usage(const char *program)
{
    fprintf(stderr,
            "usage: %s [--device NAME] [--seed N] [--filter TEXT] [--speed | --support]\n"
            "       %s [--device NAME] [--seed N] --case TEXT [--layout dense|nhwc] [--speed]\n"
            "       %s [--device NAME] [--seed N] --integer COUNT [--threads N]\n"
            "--kernel NAME: that one of a unit's kernels, for each unit\n",
            program, program, program);
    return 2;
}

static bool parse_arguments(int argc, char **argv, suite_arguments *parsed)
{
    *parsed = (suite_arguments){.mode = CASE_CHECK, .seed = 1, .layout = "dense", .threads = 2};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--speed") == 0) {
            parsed->mode = CASE_SPEED;
            continue;
        }
        if (strcmp(argv[i], "--support") == 0) {
            parsed->mode = CASE_SUPPORT;
            continue;
        }
        if (value == NULL) {
            return false;
        }
        if (strcmp(argv[i], "--device") == 0) {
            parsed->device = value;
        } else if (strcmp(argv[i], "--filter") == 0) {
            parsed->filter = value;
        } else if (strcmp(argv[i], "--case") == 0) {
            parsed->single = value;
        } else if (strcmp(argv[i], "--layout") == 0) {
            parsed->layout = value;
        } else if (strcmp(argv[i], "--integer") == 0) {
            parsed->integer = (unsigned)strtoul(value, NULL, 0);
        } else if (strcmp(argv[i], "--threads") == 0) {
            parsed->threads = (uint32_t)strtoul(value, NULL, 0);
        } else if (strcmp(argv[i], "--kernel") == 0) {
            parsed->kernel = value;
        } else if (strcmp(argv[i], "--seed") == 0) {
            parsed->seed = strtoull(value, NULL, 0);
        } else {
            return false;
        }
        i++;
    }
    return true;
}

int suite_main(const davit_backend_table *backend, int argc, char **argv)
{
    static test_suite suite;
    suite_arguments parsed;
    if (!parse_arguments(argc, argv, &parsed)) {
        return usage(argv[0]);
    }
    const davit_diagnostics *diag = davit_diagnostics_stderr(DAVIT_WARNING);
    suite.seed = parsed.seed;
    suite.threads = parsed.threads;
    case_ask_kernel(parsed.kernel);
    counting_allocator_init(&suite.allocator);
    error_log_init(&suite.errors);
    davit_registry_init(&suite.registry, NULL);
    suite.backend = &suite.registry.backends[0];
    if (davit_registry_add(&suite.registry, backend, diag) != DAVIT_OK ||
        davit_registry_add(&suite.registry, &davit_null_backend, diag) != DAVIT_OK ||
        davit_registry_add(&suite.registry, &davit_reference_backend, diag) != DAVIT_OK ||
        !find_device(&suite, parsed.device)) {
        fprintf(stderr, "%s: no usable device%s%s\n", backend->name,
                parsed.device != NULL ? " of the name " : "",
                parsed.device != NULL ? parsed.device : "");
        return 1;
    }
    suite.test = "case";
    if (parsed.single != NULL) {
        cases_run_one(&suite, parsed.mode, parsed.single, parsed.layout);
    } else if (parsed.integer != 0) {
        cases_run_integer(&suite, parsed.integer);
    } else if (parsed.mode != CASE_CHECK) {
        cases_run_all(&suite, parsed.mode);
    } else {
        run_all(&suite, parsed.filter);
    }
    return summarize(&suite);
}
