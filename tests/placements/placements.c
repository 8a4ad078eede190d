/* Random placements of one network give the same bytes.
 *
 * usage: placements MODEL.onnx [HOME] [--repeat COUNT] [--seed N] [options of davit run]
 *
 * Placement number N + i puts each unit on a device that can run it: at random, in chunks of the
 * order, or along branches, in turn. Units that compute with floats stay on one device, HOME
 * (default reference). The outputs are compared with those of a placement on `reference` (and
 * HOME). Exit 1 when a byte differs or something fails. */
#include <stdlib.h>
#include <string.h>

#include "davit/integer.h"
#include "session.h"
#include "unit_test.h"

enum { MAX_DEVICES = 8, STYLES = 3, REASON_BYTES = 256 };

static const cli_option options_table[] = {
    {"repeat", 'n', "COUNT", "how many placements (default 30)"},
    CLI_SESSION_OPTIONS,
    CLI_COMMON_OPTIONS,
};

static const char *const style_names[STYLES] = {"each unit", "chunks", "branches"};

/* What a style's placements were like, summed up. */
typedef struct tally {
    size_t placements, differing, programs;
    size_t units[MAX_DEVICES];
    unsigned long long bytes, wrong_bytes;
} tally;

typedef struct world {
    cli_session opened; /* knows graph, devices and inputs */
    davit_session_options options;
    const davit_graph *graph;
    const davit_plan *plan;
    uint32_t reference, home;
    bool *can_run;     /* [unit][device] */
    uint32_t *devices; /* by unit: the placement */
    char **pins;       /* by unit */
    size_t output_count;
    davit_named_tensor *wanted;
    tally tallies[STYLES];
} world;

static void die(const char *text, const char *name)
{
    fprintf(stderr, "placements: %s%s\n", text, name);
    exit(1);
}

static void *need(void *memory)
{
    if (memory == NULL) {
        die("out of memory", "");
    }
    return memory;
}

/* ---- the network ---- */

static bool is_float(davit_dtype dtype)
{
    return dtype == DAVIT_F32 || dtype == DAVIT_F64 || dtype == DAVIT_F16 || dtype == DAVIT_BF16;
}

/* True when the unit computes with floats: what it does is not defined to the byte. */
static bool computes_floats(const davit_graph *graph, const davit_unit *unit)
{
    davit_op op = graph->nodes[unit->anchor].op->op;
    if (op == DAVIT_OP_QuantizeLinear || op == DAVIT_OP_DequantizeLinear) {
        return false;
    }
    bool found = false;
    for (uint32_t i = 0; i < unit->input_count; i++) {
        found = found || is_float(graph->values[unit->inputs[i]].desc.dtype);
    }
    for (uint32_t i = 0; i < unit->output_count; i++) {
        found = found || is_float(graph->values[unit->outputs[i]].desc.dtype);
    }
    return found;
}

static uint32_t find_device(const davit_plan *plan, const char *name)
{
    for (uint32_t d = 0; d < plan->device_count; d++) {
        if (strcmp(plan->devices[d].info.name, name) == 0) {
            return d;
        }
    }
    die("not among --devices: ", name);
    return 0;
}

/* Returns how many units are kept on home. */
static size_t find_supported(world *w)
{
    size_t kept = 0;
    size_t count = w->plan->device_count;
    w->can_run = need(calloc(w->graph->unit_count * count, sizeof(bool)));
    for (size_t u = 0; u < w->graph->unit_count; u++) {
        const davit_unit *unit = &w->graph->units[u];
        bool floats = computes_floats(w->graph, unit);
        kept += floats;
        for (size_t d = 0; d < count; d++) {
            const davit_plan_device *device = &w->plan->devices[d];
            char reason[REASON_BYTES];
            w->can_run[u * count + d] =
                (!floats || d == w->home) &&
                davit_backend_supports(device->backend, &device->info.profile, w->graph, unit,
                                       reason, sizeof(reason));
        }
    }
    return kept;
}

static void load(world *w, const cli_arguments *arguments)
{
    const cli_list *words = &arguments->positional;
    cli_arguments own = *arguments;
    own.seed = 1; /* of the inputs, whichever placements are tried */
    if (cli_session_open(words->items[0], NULL, false, &own, &w->opened) != DAVIT_OK) {
        exit(1);
    }
    davit_session_options_init(&w->options);
    w->options.devices = arguments->devices;
    w->options.strict = true; /* a device that fails is no placement */
    w->options.threads = (uint32_t)arguments->threads;
    w->options.shapes = w->opened.inputs.shapes;
    w->options.shape_count = w->opened.inputs.shape_count;
    w->graph = davit_session_graph(w->opened.session);
    w->plan = davit_session_get_plan(w->opened.session);
    if (w->plan->device_count > MAX_DEVICES) {
        die("too many devices", "");
    }
    w->reference = find_device(w->plan, "reference");
    w->home = find_device(w->plan, words->count > 1 ? words->items[1] : "reference");
    w->output_count = w->opened.output_count;
    w->wanted = need(calloc(w->output_count + 1, sizeof(*w->wanted)));
    w->devices = need(calloc(w->graph->unit_count, sizeof(*w->devices)));
    w->pins = need(calloc(w->graph->unit_count, sizeof(*w->pins)));
}

/* ---- placements ---- */

/* A device for the unit: the wanted one where it can run it, else any that can. */
static uint32_t device_or_other(const world *w, uint64_t *random, size_t unit, uint32_t wanted)
{
    size_t count = w->plan->device_count;
    const bool *can_run = &w->can_run[unit * count];
    while (!can_run[wanted]) {
        wanted = (uint32_t)test_random_below(random, count);
    }
    return wanted;
}

static void place_each(world *w, uint64_t *random)
{
    for (size_t u = 0; u < w->graph->unit_count; u++) {
        uint64_t any = test_random_below(random, w->plan->device_count);
        w->devices[u] = device_or_other(w, random, u, (uint32_t)any);
    }
}

/* Up to 24 pieces of the order. */
static void place_chunks(world *w, uint64_t *random)
{
    uint64_t mean = 1 + w->graph->unit_count / (2 + test_random_below(random, 23));
    uint32_t device = (uint32_t)test_random_below(random, w->plan->device_count);
    for (size_t u = 0; u < w->graph->unit_count; u++) {
        if (test_random_below(random, mean) == 0) {
            device = (uint32_t)test_random_below(random, w->plan->device_count);
        }
        w->devices[u] = device_or_other(w, random, u, device);
    }
}

/* A unit goes where the one is that makes its first input, unless others read that too. */
static void place_branches(world *w, uint64_t *random)
{
    uint32_t *made_on = need(malloc(w->graph->value_count * sizeof(*made_on)));
    for (size_t v = 0; v < w->graph->value_count; v++) {
        made_on[v] = UINT32_MAX;
    }
    for (size_t u = 0; u < w->graph->unit_count; u++) {
        const davit_unit *unit = &w->graph->units[u];
        uint32_t device = (uint32_t)test_random_below(random, w->plan->device_count);
        if (unit->input_count > 0 && made_on[unit->inputs[0]] != UINT32_MAX &&
            w->graph->values[unit->inputs[0]].use_count == 1) {
            device = made_on[unit->inputs[0]];
        }
        w->devices[u] = device_or_other(w, random, u, device);
        for (uint32_t i = 0; i < unit->output_count; i++) {
            made_on[unit->outputs[i]] = w->devices[u];
        }
    }
    free(made_on);
}

/* ---- running ---- */

static davit_session *open_placement(world *w)
{
    for (size_t u = 0; u < w->graph->unit_count; u++) {
        const char *device = w->plan->devices[w->devices[u]].info.name;
        size_t bytes = strlen(w->graph->units[u].name) + strlen(device) + 2;
        free(w->pins[u]);
        w->pins[u] = need(malloc(bytes));
        snprintf(w->pins[u], bytes, "%s=%s", w->graph->units[u].name, device);
    }
    davit_session_options options = w->options;
    options.pins = (const char *const *)w->pins;
    options.pin_count = w->graph->unit_count;
    davit_session *session = NULL;
    return davit_session_create(w->opened.model, &options, &session) == DAVIT_OK ? session : NULL;
}

/* New tensors in outputs. False after a failure, which was reported. */
static bool run(world *w, davit_named_tensor *outputs, size_t *programs)
{
    davit_session *session = open_placement(w);
    if (session == NULL) {
        return false;
    }
    for (size_t i = 0; i < w->output_count; i++) {
        outputs[i] = (davit_named_tensor){.name = w->opened.outputs[i].name};
    }
    davit_status status = davit_session_run(session, w->opened.inputs.tensors,
                                            w->opened.inputs.count, outputs, w->output_count);
    davit_session_summary summary;
    davit_session_get_summary(session, &summary);
    *programs = summary.program_count;
    davit_session_destroy(session);
    return status == DAVIT_OK;
}

static size_t differing_bytes(const davit_tensor *got, const davit_tensor *wanted)
{
    const unsigned char *a = got->data;
    const unsigned char *b = wanted->data;
    size_t count = 0;
    for (size_t i = 0; i < davit_tensor_desc_bytes(&wanted->desc); i++) {
        count += a[i] != b[i];
    }
    return count;
}

/* Runs the placement that was chosen. */
static void try_placement(world *w, uint64_t index, tally *sum)
{
    davit_named_tensor *outputs = need(calloc(w->output_count + 1, sizeof(*outputs)));
    size_t programs = 0;
    size_t wrong = 0;
    bool ran = run(w, outputs, &programs);
    for (size_t i = 0; ran && i < w->output_count; i++) {
        wrong += differing_bytes(outputs[i].tensor, w->wanted[i].tensor);
        sum->bytes += davit_tensor_desc_bytes(&w->wanted[i].tensor->desc);
    }
    for (size_t i = 0; i < w->output_count; i++) {
        davit_tensor_destroy(outputs[i].tensor);
    }
    free(outputs);
    sum->placements++;
    sum->programs += programs;
    sum->wrong_bytes += wrong;
    for (size_t u = 0; u < w->graph->unit_count; u++) {
        sum->units[w->devices[u]]++;
    }
    if (!ran || wrong > 0) {
        sum->differing++;
        printf("--seed %llu --repeat 1: ", (unsigned long long)index);
        printf(ran ? "%zu bytes differ\n" : "failed\n", wrong);
        fflush(stdout);
    }
}

/* True when an output has bytes that are not all the same: there is something to compare. */
static bool tells_apart(const world *w)
{
    for (size_t i = 0; i < w->output_count; i++) {
        const davit_tensor *tensor = w->wanted[i].tensor;
        size_t elem = davit_dtype_bytes(tensor->desc.dtype);
        size_t bytes = davit_tensor_desc_bytes(&tensor->desc);
        if (bytes > elem && memcmp(tensor->data, (char *)tensor->data + elem, bytes - elem) != 0) {
            return true;
        }
    }
    return false;
}

static void run_baseline(world *w)
{
    for (size_t u = 0; u < w->graph->unit_count; u++) {
        bool there = w->can_run[u * w->plan->device_count + w->reference];
        w->devices[u] = there ? w->reference : w->home;
    }
    size_t programs;
    if (!run(w, w->wanted, &programs)) {
        die("the network does not run on the reference", "");
    }
    if (!tells_apart(w)) {
        die("the outputs are constant, and would be so after most errors: give another input", "");
    }
}

static void run_placements(world *w, uint64_t seed, size_t count)
{
    static void (*const styles[STYLES])(world *, uint64_t *) = {place_each, place_chunks,
                                                                place_branches};
    for (uint64_t i = seed; i < seed + count; i++) {
        uint64_t random = i;
        styles[i % STYLES](w, &random);
        try_placement(w, i, &w->tallies[i % STYLES]);
    }
}

static size_t print_table(const world *w)
{
    size_t differing = 0;
    printf("%-10s %10s %10s", "placed by", "placements", "programs");
    for (size_t d = 0; d < w->plan->device_count; d++) {
        printf(" %9s", w->plan->devices[d].info.name);
    }
    printf(" %14s %9s\n", "bytes compared", "differing");
    for (size_t s = 0; s < STYLES; s++) {
        const tally *sum = &w->tallies[s];
        if (sum->placements == 0) {
            continue;
        }
        printf("%-10s %10zu %10.1f", style_names[s], sum->placements,
               (double)sum->programs / (double)sum->placements);
        for (size_t d = 0; d < w->plan->device_count; d++) {
            printf(" %8.1f%%", 100.0 * (double)sum->units[d] /
                                   (double)(sum->placements * w->graph->unit_count));
        }
        printf(" %14llu %9llu\n", sum->bytes, sum->wrong_bytes);
        differing += sum->differing;
    }
    return differing;
}

static void clear(world *w)
{
    cli_outputs_free(w->wanted, w->output_count);
    for (size_t u = 0; u < w->graph->unit_count; u++) {
        free(w->pins[u]);
    }
    free(w->pins);
    free(w->devices);
    free(w->can_run);
    cli_session_close(&w->opened);
}

int main(int argc, char **argv)
{
    const cli_command command = {.name = "placements",
                                 .arguments = "MODEL.onnx [HOME] [OPTIONS]",
                                 .summary = "compare the bytes of random placements",
                                 .details = "",
                                 .options = options_table};
    cli_arguments arguments;
    int exit_code;
    if (!cli_parse(&command, argc, argv, &arguments, &exit_code)) {
        return exit_code;
    }
    if (arguments.positional.count < 1 || arguments.positional.count > 2) {
        die("a model is expected, and where floats are computed", "");
    }
    world w = {.wanted = NULL};
    load(&w, &arguments);
    size_t kept = find_supported(&w);
    run_baseline(&w);
    run_placements(&w, arguments.seed, arguments.repeat > 0 ? (size_t)arguments.repeat : 30);
    printf("%s: %zu units, %zu of them compute with floats, on %s\n", arguments.positional.items[0],
           w.graph->unit_count, kept, w.plan->devices[w.home].info.name);
    size_t differing = print_table(&w);
    clear(&w);
    cli_arguments_clear(&arguments);
    return differing > 0;
}
