/* What running through the scheduler costs beside the backend alone: the same units in one program.
 *
 * usage: overhead MODEL.onnx [LIMIT] [--repeat N] [--devices cpu] [options of davit bench]
 *
 * Alternates davit_session_run, recording included, with a program that was built by the backend
 * itself and is submitted to a queue of its own: the same inputs, written to its memory, and the
 * outputs, read from it; then with that without these copies. Opens both five times, as where memory
 * lies makes one faster than the other by a few percent. Prints medians, and of the ratios of pairs
 * the median, 10th and 90th percentile; with LIMIT (percent) exit 1 when the first median is above. */
#include <stdlib.h>
#include <string.h>

#include "davit/execute.h"
#include "samples.h"
#include "session.h"

enum { OPENINGS = 5 };

static const cli_option options_table[] = {
    {"repeat", 'n', "N", "measured pairs of each opening (default 60)"},
    {"warmup", 0, "N", "pairs before, not measured (default 20)"},
    CLI_SESSION_OPTIONS,
    CLI_COMMON_OPTIONS,
};

/* The network as one program of its first device. */
typedef struct direct {
    davit_device *device;
    davit_queue *queue;
    davit_program *program;
    size_t input_count, io_count;
    davit_program_io *ios; /* inputs, then outputs */
    davit_buffer_ref *bindings;
    davit_command *commands; /* a write for each input, the program, a read for each output */
    char *results;
} direct;

static void die(const char *text)
{
    fprintf(stderr, "overhead: %s\n", text);
    exit(1);
}

static void *need(void *memory)
{
    if (memory == NULL) {
        die("out of memory");
    }
    return memory;
}

static void check(davit_status status)
{
    if (status != DAVIT_OK) {
        die(davit_status_text(status));
    }
}

static void list_values(const davit_graph *graph, direct *d)
{
    d->ios = need(calloc(graph->input_count + graph->output_count, sizeof(*d->ios)));
    for (size_t i = 0; i < graph->input_count; i++) {
        const davit_value *value = &graph->values[graph->inputs[i]];
        if (value->constant == NULL) {
            d->ios[d->io_count++] = (davit_program_io){graph->inputs[i], value->desc};
        }
    }
    d->input_count = d->io_count;
    for (size_t i = 0; i < graph->output_count; i++) {
        const davit_value *value = &graph->values[graph->outputs[i]];
        d->ios[d->io_count++] = (davit_program_io){graph->outputs[i], value->desc};
    }
}

static void build_program(const davit_graph *graph, direct *d)
{
    davit_unit_id *units = need(calloc(graph->unit_count, sizeof(*units)));
    for (size_t u = 0; u < graph->unit_count; u++) {
        units[u] = (davit_unit_id)u;
    }
    const davit_program_spec spec = {.graph = graph,
                                     .unit_count = graph->unit_count,
                                     .units = units,
                                     .input_count = d->input_count,
                                     .inputs = d->ios,
                                     .output_count = d->io_count - d->input_count,
                                     .outputs = d->ios + d->input_count};
    check(davit_program_build(d->device, &spec, &d->program));
    free(units);
}

/* The session's inputs are in the graph's order. */
static void make_commands(const cli_session *session, direct *d)
{
    size_t result_bytes = 0;
    d->bindings = need(calloc(d->io_count, sizeof(*d->bindings)));
    d->commands = need(calloc(d->io_count + 1, sizeof(*d->commands)));
    for (size_t i = 0; i < d->io_count; i++) {
        davit_buffer_ref *binding = &d->bindings[i];
        binding->bytes = davit_tensor_desc_bytes(&d->ios[i].desc);
        check(davit_buffer_alloc(d->device, binding->bytes, &binding->buffer));
        result_bytes += i < d->input_count ? 0 : binding->bytes;
    }
    char *result = d->results = need(malloc(result_bytes));
    for (size_t i = 0; i < d->input_count; i++) {
        d->commands[i] = (davit_command){.kind = DAVIT_COMMAND_WRITE,
                                         .to = d->bindings[i],
                                         .host_source = session->inputs.tensors[i].tensor->data};
    }
    d->commands[d->input_count] = (davit_command){.kind = DAVIT_COMMAND_EXECUTE,
                                                  .program = d->program,
                                                  .bindings = d->bindings,
                                                  .binding_count = d->io_count};
    for (size_t i = d->input_count; i < d->io_count; i++) {
        d->commands[i + 1] = (davit_command){
            .kind = DAVIT_COMMAND_READ, .from = d->bindings[i], .host_target = result};
        result += d->bindings[i].bytes;
    }
}

static void open_direct(const cli_session *session, const cli_arguments *arguments, direct *d)
{
    const davit_plan *plan = davit_session_get_plan(session->session);
    const davit_plan_device *first = &plan->devices[plan->units[0].device];
    const davit_device_options options = {.allocator = davit_allocator_default(),
                                          .diag = session->diag,
                                          .threads = (uint32_t)arguments->threads};
    const davit_graph *graph = davit_session_graph(session->session);
    list_values(graph, d);
    check(davit_device_open(first->backend, &first->info, &options, &d->device));
    check(davit_queue_create(d->device, &d->queue));
    build_program(graph, d);
    make_commands(session, d);
}

static void close_direct(direct *d)
{
    davit_queue_free(d->queue);
    for (size_t i = 0; i < d->io_count; i++) {
        davit_buffer_free(d->bindings[i].buffer);
    }
    davit_program_free(d->program);
    davit_device_close(d->device);
    free(d->results);
    free(d->commands);
    free(d->bindings);
    free(d->ios);
}

static uint64_t time_session(cli_session *session)
{
    uint64_t begin = davit_clock_ns();
    check(cli_session_run(session));
    return davit_clock_ns() - begin;
}

static uint64_t time_direct(direct *d, bool copies)
{
    const davit_command *commands = copies ? d->commands : d->commands + d->input_count;
    uint64_t begin = davit_clock_ns();
    check(davit_queue_run(d->queue, commands, copies ? d->io_count + 1 : 1, UINT64_MAX));
    return davit_clock_ns() - begin;
}

static void compare_results(const cli_session *session, const direct *d)
{
    const char *result = d->results;
    for (size_t i = 0; i < session->output_count; i++) {
        const davit_tensor *tensor = session->outputs[i].tensor;
        size_t bytes = davit_tensor_desc_bytes(&tensor->desc);
        if (memcmp(tensor->data, result, bytes) != 0) {
            die("the backend's program gives other bytes");
        }
        result += bytes;
    }
}

/* A pair of times. */
typedef struct pair {
    uint64_t session_ns, direct_ns;
} pair;

/* In the order A B B A: each follows itself as often as the other, whose weights the caches then
 * hold. */
static pair take_pair(cli_session *session, direct *d, bool copies, bool session_first)
{
    pair times = {0, 0};
    if (session_first) {
        times.session_ns = time_session(session);
    }
    times.direct_ns = time_direct(d, copies);
    if (!session_first) {
        times.session_ns = time_session(session);
    }
    return times;
}

/* Prints the medians and the pairs' ratios minus 1, in percent; returns the median of these. */
static double print_pairs(const char *name, const pair *pairs, size_t count)
{
    uint64_t *values = need(calloc(3 * count, sizeof(*values)));
    for (size_t i = 0; i < count; i++) {
        values[i] = pairs[i].session_ns;
        values[count + i] = pairs[i].direct_ns;
        values[2 * count + i] =
            (uint64_t)((double)pairs[i].session_ns / (double)pairs[i].direct_ns * 1e9);
    }
    double percent[3];
    static const double ranks[] = {10, 50, 90};
    for (int i = 0; i < 3; i++) {
        percent[i] = (double)cli_percentile(values + 2 * count, count, ranks[i]) * 1e-7 - 100.0;
    }
    printf("  %-15s session %8.3f ms, backend %8.3f ms, difference %+.2f %% (%+.2f to %+.2f)\n",
           name, (double)cli_percentile(values, count, 50) * 1e-6,
           (double)cli_percentile(values + count, count, 50) * 1e-6, percent[1], percent[0],
           percent[2]);
    free(values);
    return percent[1];
}

/* Opens everything once more and adds pairs. */
static void add_pairs(const cli_arguments *arguments, size_t count, pair *copying, pair *bare)
{
    size_t warmup = arguments->warmup >= 0 ? (size_t)arguments->warmup : 20;
    cli_session session;
    direct d = {.io_count = 0};
    check(cli_session_open(arguments->positional.items[0], NULL, false, arguments, &session));
    open_direct(&session, arguments, &d);
    for (size_t i = 0; i < warmup + count; i++) {
        copying[i < warmup ? 0 : i - warmup] = take_pair(&session, &d, true, i % 2 == 0);
    }
    compare_results(&session, &d);
    for (size_t i = 0; i < count; i++) {
        bare[i] = take_pair(&session, &d, false, i % 2 == 0);
    }
    close_direct(&d);
    cli_session_close(&session);
}

static int measure(const cli_arguments *arguments)
{
    size_t count = arguments->repeat > 0 ? (size_t)arguments->repeat : 60;
    pair *copying = need(calloc(OPENINGS * count, sizeof(*copying)));
    pair *bare = need(calloc(OPENINGS * count, sizeof(*bare)));
    for (size_t i = 0; i < OPENINGS; i++) {
        add_pairs(arguments, count, &copying[i * count], &bare[i * count]);
    }
    printf("%s\n", arguments->positional.items[0]);
    double percent = print_pairs("with copies", copying, OPENINGS * count);
    (void)print_pairs("without copies", bare, OPENINGS * count);
    free(copying);
    free(bare);
    bool limited = arguments->positional.count > 1;
    return limited && percent > atof(arguments->positional.items[1]) ? CLI_FAILED : CLI_DONE;
}

int main(int argc, char **argv)
{
    const cli_command command = {.name = "overhead",
                                 .arguments = "MODEL.onnx [LIMIT] [OPTIONS]",
                                 .summary = "compare a session with its backend alone",
                                 .details = "",
                                 .options = options_table};
    cli_arguments arguments;
    int exit_code;
    if (!cli_parse(&command, argc, argv, &arguments, &exit_code)) {
        return exit_code;
    }
    if (arguments.positional.count < 1 || arguments.positional.count > 2) {
        die("a model is expected, and percents that are allowed");
    }
    exit_code = measure(&arguments);
    cli_arguments_clear(&arguments);
    return exit_code;
}
