/* davit bench: the distribution of latencies, throughput, memory. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "cli.h"
#include "json.h"
#include "samples.h"
#include "session.h"

static const cli_option options[] = {
    {"repeat", 'n', "N", "measured runs (default 50)"},
    {"warmup", 0, "N", "runs before, not measured (default 5)"},
    CLI_SESSION_OPTIONS,
    CLI_COMMON_OPTIONS,
};

typedef struct percentile {
    const char *name;
    double rank;
} percentile;

static const percentile percentiles[] = {
    {"min", 0}, {"p50", 50}, {"p90", 90}, {"p99", 99}, {"max", 100},
};
enum { PERCENTILES = sizeof(percentiles) / sizeof(percentiles[0]) };

/* Runs warm-up and measured inferences; total_ns gets one latency each. */
static davit_status measure(cli_session *session, size_t warmup, size_t repeat,
                            uint64_t *total_ns)
{
    for (size_t i = 0; i < warmup + repeat; i++) {
        davit_status status = cli_session_run(session);
        if (status != DAVIT_OK) {
            return status;
        }
        if (i >= warmup) {
            davit_session_summary summary;
            davit_session_get_summary(session->session, &summary);
            total_ns[i - warmup] = summary.last_ns;
        }
    }
    return DAVIT_OK;
}

static uint64_t peak_memory_bytes(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_maxrss * 1024 : 0;
}

static int show(const cli_session *session, uint64_t *total_ns, size_t repeat, bool json)
{
    davit_session_summary summary;
    davit_session_get_summary(session->session, &summary);
    uint64_t sum = 0;
    for (size_t i = 0; i < repeat; i++) {
        sum += total_ns[i];
    }
    double per_second = sum > 0 ? (double)repeat * 1e9 / (double)sum : 0;
    if (json) {
        json_t *latency = json_object();
        for (size_t i = 0; i < PERCENTILES; i++) {
            json_object_set_new(latency, percentiles[i].name,
                                json_integer((json_int_t)cli_percentile(total_ns, repeat,
                                                                        percentiles[i].rank)));
        }
        return cli_print_json(
            json_pack("{s:i, s:I, s:I, s:o, s:f, s:I, s:I, s:I}", "schema_version",
                      CLI_SCHEMA_VERSION, "load_ns", (json_int_t)summary.load_ns, "repeat",
                      (json_int_t)repeat, "latency_ns", latency, "inferences_per_s", per_second,
                      "memory_bytes", (json_int_t)summary.memory_bytes, "peak_memory_bytes",
                      (json_int_t)peak_memory_bytes(), "fallbacks",
                      (json_int_t)summary.fallback_count));
    }
    printf("latency  ");
    for (size_t i = 0; i < PERCENTILES; i++) {
        printf("  %s %.3f ms", percentiles[i].name,
               (double)cli_percentile(total_ns, repeat, percentiles[i].rank) * 1e-6);
    }
    printf("   (%zu runs)\nthroughput %.2f inferences/s, one after the other\n", repeat,
           per_second);
    printf("load       %.1f ms\nmemory     %.1f MiB weights, activations and buffers; "
           "%.1f MiB peak of the process\n",
           (double)summary.load_ns * 1e-6, (double)summary.memory_bytes / (1024.0 * 1024.0),
           (double)peak_memory_bytes() / (1024.0 * 1024.0));
    return CLI_DONE;
}

static int run_session(cli_session *session, const cli_arguments *arguments)
{
    size_t repeat = arguments->repeat > 0 ? (size_t)arguments->repeat : 50;
    size_t warmup = arguments->warmup >= 0 ? (size_t)arguments->warmup : 5;
    uint64_t *total_ns = calloc(repeat, sizeof(*total_ns));
    if (total_ns == NULL) {
        (void)davit_fail(session->diag, DAVIT_OUT_OF_MEMORY, "out of memory");
        return CLI_FAILED;
    }
    int exit_code = CLI_FAILED;
    if (measure(session, warmup, repeat, total_ns) == DAVIT_OK) {
        exit_code = show(session, total_ns, repeat, arguments->json);
    }
    free(total_ns);
    return exit_code;
}

static int run(int argc, char **argv)
{
    return cli_session_command(&cli_bench, argc, argv, run_session);
}

const cli_command cli_bench = {
    .name = "bench",
    .arguments = "MODEL.onnx [OPTIONS]",
    .summary = "measure latency, throughput and memory of a model",
    .details = "",
    .options = options,
    .run = run,
};
