/* davit bench: the distribution of latencies, throughput, memory. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "cli.h"
#include "json.h"
#include "predict.h"
#include "samples.h"
#include "session.h"
#include "unit_table.h"

static const cli_option options[] = {
    {"repeat", 'n', "N", "measured runs (default 50)"},
    {"warmup", 0, "N", "runs before, not measured (default 5)"},
    {"predict", 0, NULL, "also what `davit calibrate` lets expect, per unit with -v"},
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

/* What measured runs took, in nanoseconds. */
typedef struct samples {
    size_t repeat, unit_count;
    uint64_t *total;  /* [repeat] */
    uint64_t *copies; /* [repeat] */
    uint64_t *units;  /* [unit_count][repeat], only with --predict */
} samples;

static davit_status take(const cli_session *session, samples *s, size_t index)
{
    davit_session_summary summary;
    davit_session_get_summary(session->session, &summary);
    s->total[index] = summary.last_ns;
    s->copies[index] = summary.last_transfer_ns;
    for (size_t u = 0; s->units != NULL && u < s->unit_count; u++) {
        davit_unit_summary unit;
        davit_status status = davit_session_unit(session->session, u, &unit);
        if (status != DAVIT_OK) {
            return status;
        }
        s->units[u * s->repeat + index] = unit.last_ns;
    }
    return DAVIT_OK;
}

/* Runs warm-up and measured inferences. */
static davit_status measure(cli_session *session, size_t warmup, samples *s)
{
    davit_status status = DAVIT_OK;
    for (size_t i = 0; i < warmup + s->repeat && status == DAVIT_OK; i++) {
        status = cli_session_run(session);
        if (status == DAVIT_OK && i >= warmup) {
            status = take(session, s, i - warmup);
        }
    }
    return status;
}

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
static davit_status predict(const cli_session *session, const cli_arguments *arguments, samples *s,
                            cli_measured *measured, cli_prediction *prediction)
{
    measured->unit_s = calloc(s->unit_count + 1, sizeof(*measured->unit_s));
    if (measured->unit_s == NULL) {
        return davit_fail(session->diag, DAVIT_OUT_OF_MEMORY, "out of memory");
    }
    double *seconds = calloc(s->repeat, sizeof(*seconds));
    if (seconds == NULL) {
        free(measured->unit_s);
        return davit_fail(session->diag, DAVIT_OUT_OF_MEMORY, "out of memory");
    }
    measured->total_s = typical(s->total, s->repeat, seconds);
    measured->copies_s = typical(s->copies, s->repeat, seconds);
    for (size_t u = 0; u < s->unit_count; u++) {
        measured->unit_s[u] = typical(s->units + u * s->repeat, s->repeat, seconds);
    }
    free(seconds);
    davit_status status = cli_predict(session, (uint32_t)arguments->threads, measured, prediction);
    if (status != DAVIT_OK) {
        free(measured->unit_s);
    }
    return status;
}

static int show(const cli_session *session, samples *s, const cli_arguments *arguments,
                json_t *prediction)
{
    uint64_t *total_ns = s->total;
    size_t repeat = s->repeat;
    davit_session_summary summary;
    davit_session_get_summary(session->session, &summary);
    uint64_t sum = 0;
    for (size_t i = 0; i < repeat; i++) {
        sum += total_ns[i];
    }
    double per_second = sum > 0 ? (double)repeat * 1e9 / (double)sum : 0;
    if (arguments->json) {
        json_t *latency = json_object();
        for (size_t i = 0; i < PERCENTILES; i++) {
            json_object_set_new(
                latency, percentiles[i].name,
                json_integer((json_int_t)cli_percentile(total_ns, repeat, percentiles[i].rank)));
        }
        return cli_print_json(json_pack(
            "{s:i, s:I, s:I, s:o, s:f, s:I, s:I, s:I, s:s?, s:o*}", "schema_version",
            CLI_SCHEMA_VERSION, "load_ns", (json_int_t)summary.load_ns, "repeat",
            (json_int_t)repeat, "latency_ns", latency, "inferences_per_s", per_second,
            "memory_bytes", (json_int_t)summary.memory_bytes, "peak_memory_bytes",
            (json_int_t)peak_memory_bytes(), "fallbacks", (json_int_t)summary.fallback_count,
            "emulated", cli_emulated_device(session->session), "prediction", prediction));
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
    cli_emulated_device_print(session->session);
    return CLI_DONE;
}

static int show_prediction(const cli_session *session, samples *s, const cli_arguments *arguments)
{
    cli_measured measured;
    cli_prediction prediction;
    if (predict(session, arguments, s, &measured, &prediction) != DAVIT_OK) {
        return CLI_FAILED;
    }
    int exit_code;
    if (arguments->json) {
        exit_code =
            show(session, s, arguments, cli_prediction_json(session, &prediction, &measured));
    } else {
        exit_code = show(session, s, arguments, NULL);
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
    samples s = {.repeat = arguments->repeat > 0 ? (size_t)arguments->repeat : 50,
                 .unit_count = davit_session_unit_count(session->session)};
    s.total = calloc(s.repeat, sizeof(*s.total));
    s.copies = calloc(s.repeat, sizeof(*s.copies));
    if (arguments->predict) {
        s.units = calloc(s.unit_count + 1, s.repeat * sizeof(*s.units));
    }
    int exit_code = CLI_FAILED;
    if (s.total == NULL || s.copies == NULL || (arguments->predict && s.units == NULL)) {
        (void)davit_fail(session->diag, DAVIT_OUT_OF_MEMORY, "out of memory");
    } else if (measure(session, warmup, &s) == DAVIT_OK) {
        exit_code = arguments->predict ? show_prediction(session, &s, arguments)
                                       : show(session, &s, arguments, NULL);
    }
    free(s.total);
    free(s.copies);
    free(s.units);
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
