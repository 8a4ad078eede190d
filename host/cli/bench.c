/* davit bench: the distribution of latencies, throughput, memory. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "cli.h"
#include "events.h"
#include "json.h"
#include "learn.h"
#include "predict.h"
#include "samples.h"
#include "unit_table.h"

static const cli_option options[] = {
    {"repeat", 'n', "N", "measured runs (default 50)"},
    {"warmup", 0, "N", "runs before, not measured (default 5)"},
    {"predict", 0, NULL, "also what `davit calibrate` lets expect, per unit with -v"},
    CLI_SESSION_OPTIONS,
    CLI_FLOW_OPTIONS,
    CLI_LEARN_OPTION,
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

static uint64_t peak_memory_bytes(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_maxrss * 1024 : 0;
}

/* The median of what is no outlier, as calibration takes it. */
static double typical(const uint64_t *samples_ns, size_t count, double *scratch)
{
    for (size_t i = 0; i < count; i++) {
        scratch[i] = (double)samples_ns[i] * 1e-9;
    }
    return davit_measurement_of(scratch, count).median_s;
}

/* Compares with what the profile store lets expect. */
static davit_status predict(const cli_session *session, const cli_arguments *arguments,
                            const cli_runs *runs, cli_measured *measured,
                            cli_prediction *prediction)
{
    measured->unit_s = calloc(runs->units + 1, sizeof(*measured->unit_s));
    if (measured->unit_s == NULL) {
        return davit_fail(session->diag, DAVIT_OUT_OF_MEMORY, "out of memory");
    }
    double *seconds = calloc(runs->count, sizeof(*seconds));
    if (seconds == NULL) {
        free(measured->unit_s);
        return davit_fail(session->diag, DAVIT_OUT_OF_MEMORY, "out of memory");
    }
    measured->total_s = typical(runs->total_ns, runs->count, seconds);
    measured->copies_s = typical(runs->copies_ns, runs->count, seconds);
    for (size_t u = 0; u < runs->units; u++) {
        measured->unit_s[u] =
            typical(runs->unit_ns + u * runs->unit_count, runs->unit_count, seconds);
    }
    free(seconds);
    davit_status status = cli_predict(session, (uint32_t)arguments->threads, measured, prediction);
    if (status != DAVIT_OK) {
        free(measured->unit_s);
    }
    return status;
}

static int show(const cli_session *session, cli_runs *runs, const cli_arguments *arguments,
                json_t *prediction)
{
    uint64_t *total_ns = runs->total_ns;
    size_t repeat = runs->count;
    davit_session_summary summary;
    davit_session_get_summary(session->session, &summary);
    if (arguments->json) {
        json_t *latency = json_object();
        for (size_t i = 0; i < PERCENTILES; i++) {
            json_object_set_new(
                latency, percentiles[i].name,
                json_integer((json_int_t)cli_percentile(total_ns, repeat, percentiles[i].rank)));
        }
        return cli_print_json(json_pack(
            "{s:i, s:I, s:I, s:I, s:o, s:f, s:I, s:I, s:I, s:o, s:s?, s:o*}", "schema_version",
            CLI_SCHEMA_VERSION, "load_ns", (json_int_t)summary.load_ns, "repeat",
            (json_int_t)repeat, "in_flight", (json_int_t)runs->in_flight, "latency_ns", latency,
            "inferences_per_s", runs->per_second, "memory_bytes", (json_int_t)summary.memory_bytes,
            "peak_memory_bytes", (json_int_t)peak_memory_bytes(), "fallbacks",
            (json_int_t)summary.fallback_count, "events", cli_events_json(session), "emulated",
            cli_emulated_device(session->session), "prediction", prediction));
    }
    printf("latency  ");
    for (size_t i = 0; i < PERCENTILES; i++) {
        printf("  %s %.3f ms", percentiles[i].name,
               (double)cli_percentile(total_ns, repeat, percentiles[i].rank) * 1e-6);
    }
    printf("   (%zu runs)\nthroughput %.2f inferences/s, ", repeat, runs->per_second);
    if (runs->in_flight > 1) {
        printf("%zu at the same time\n", runs->in_flight);
    } else {
        printf("one after the other\n");
    }
    printf("load       %.1f ms%s\nmemory     %.1f MiB weights, activations and buffers; "
           "%.1f MiB peak of the process\n",
           (double)summary.load_ns * 1e-6,
           summary.cached_program_count > 0 ? " (packed weights found on disk)" : "",
           (double)summary.memory_bytes / (1024.0 * 1024.0),
           (double)peak_memory_bytes() / (1024.0 * 1024.0));
    cli_emulated_device_print(session->session);
    return CLI_DONE;
}

static int show_prediction(const cli_session *session, cli_runs *runs,
                           const cli_arguments *arguments)
{
    cli_measured measured;
    cli_prediction prediction;
    if (predict(session, arguments, runs, &measured, &prediction) != DAVIT_OK) {
        return CLI_FAILED;
    }
    int exit_code;
    if (arguments->json) {
        exit_code =
            show(session, runs, arguments, cli_prediction_json(session, &prediction, &measured));
    } else {
        exit_code = show(session, runs, arguments, NULL);
        if (cli_prediction_print(session, &prediction, &measured,
                                 arguments->level > DAVIT_WARNING) != DAVIT_OK) {
            exit_code = CLI_FAILED;
        }
    }
    free(measured.unit_s);
    cli_prediction_clear(&prediction);
    return exit_code;
}

static int run_session(cli_session *session, const cli_arguments *arguments)
{
    size_t warmup = arguments->warmup >= 0 ? (size_t)arguments->warmup : 5;
    size_t repeat = arguments->repeat > 0 ? (size_t)arguments->repeat : 50;
    cli_runs runs;
    int exit_code = CLI_FAILED;
    if (cli_runs_take(session, warmup, repeat, cli_in_flight(arguments), NULL, &runs) == DAVIT_OK) {
        exit_code = arguments->predict ? show_prediction(session, &runs, arguments)
                                       : show(session, &runs, arguments, NULL);
        cli_learn(session, arguments, &runs); /* what was predicted did not know it */
    }
    cli_runs_clear(&runs);
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
