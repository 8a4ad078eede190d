/* davit calibrate: measure this machine's devices and links into the profile store. */
#include "calibrate.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "davit/execute.h"
#include "davit/inventory.h"
#include "davit/plan.h"
#include "davit/weight_cache.h"
#include "progress.h"
#include "session.h"

enum { DEFAULT_SECONDS = 60, MIN_RUNS = 8, MAX_RUNS = 60 };
#define LEAST_RUNS 10 /* those, and what goes before to fill the caches */
#define NS_PER_S 1000000000u
#define SHORT_NS (NS_PER_S / 2) /* a network may take that long, whatever the budget */
#define LINK_SHARE 0.05         /* of a device's time */
#define REFERENCE_SHARE 0.2     /* of the time of another device */
#define MODEL_SHARE 0.5         /* of a device's time, where models are given */
#define KERNEL_SHARE 1.0        /* beside that, for the kernels of the models' units, at most */

static const cli_option options[] = {
    {"device", 'd', "LIST", "measure these devices only, as cpu,reference"},
    {"seconds", 0, "N", "how long it may take, models apart (default 60)"},
    {"only-models", 0, NULL, "measure the models given, not the built-in networks"},
    {"shape", 's', "NAME=1x3x640x640", "shape of an input that a model leaves open"},
    {"threads", 't', "N", "threads of CPU devices (default: all cores)"},
    {"show", 0, NULL, "print what is known, chosen kernels too, and measure nothing"},
    {"clear", 0, NULL, "forget what is known, remove packed weights, measure nothing"},
    CLI_COMMON_OPTIONS,
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

static bool stopped(void *user)
{
    (void)user;
    return interrupted != 0;
}

/* A second interrupt ends the program at once. */
static void catch_interrupts(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_interrupt;
    action.sa_flags = (int)(SA_RESETHAND | SA_RESTART);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

typedef struct calibration {
    const cli_arguments *arguments;
    const davit_diagnostics *diag;
    davit_context *context;
    davit_store *store;
    davit_arena arena;
    davit_plan_device *devices;
    cli_calibrated done;
    cli_progress progress;
    size_t steps, steps_done; /* of one device, for the progress bar */
} calibration;

/* ---- networks ---- */

static davit_status run_network(void *user, davit_run_record *record)
{
    cli_session *session = user;
    davit_status status = cli_session_run(session);
    if (status == DAVIT_OK) {
        *record = *davit_session_last_run(session->session);
    }
    return status;
}

/* A network that is open for measuring. One at a time: OpenMP's threads stop spinning between steps
 * when a process has more of them than cores, and each session on a CPU brings its own. */
typedef struct subject {
    cli_session session;
    davit_measured_network network;
} subject;

/* Opens a model or a built-in network on a device; what it lacks runs on the reference. */
static davit_status open_subject(const calibration *c, const char *device, const char *model,
                                 davit_graph *graph, bool place_only, subject *out)
{
    char list[96];
    bool reference = strcmp(device, "reference") == 0;
    snprintf(list, sizeof(list), "%s%s", device, reference ? "" : ",reference");
    cli_arguments arguments = *c->arguments;
    arguments.devices = list;
    arguments.no_cache = true; /* nothing is written beside what is measured */
    arguments.shapes_of_some = c->arguments->positional.count > 1;
    if (graph != NULL) { /* what a built-in network lacks on a device is nobody's concern */
        arguments.shapes.count = 0;
        arguments.level = arguments.level == DAVIT_WARNING ? DAVIT_ERROR : arguments.level;
    }
    davit_status status = cli_session_open(model, graph, place_only, &arguments, &out->session);
    if (status == DAVIT_OK) {
        out->network =
            (davit_measured_network){.graph = davit_session_graph(out->session.session),
                                     .plan = davit_session_get_plan(out->session.session),
                                     .threads = (uint32_t)arguments.threads,
                                     .run = run_network,
                                     .user = &out->session};
    }
    return status;
}

/* Runs what is open once, measures it, and closes it. model: NULL for a built-in network, which is
 * left out where it takes too long; how long a model takes is told. */
static davit_status measure_subject(calibration *c, subject *s, uint64_t budget_ns,
                                    const char *model, struct cli_calibrated_device *device)
{
    const davit_measure_limits limits = {
        .min_runs = MIN_RUNS, .max_runs = MAX_RUNS, .budget_ns = budget_ns, .stopped = stopped};
    davit_run_record record = {0};
    size_t units = 0;
    davit_status status = run_network(&s->session, &record);
    bool slow = record.total_ns * MIN_RUNS > 2 * budget_ns + SHORT_NS;
    double run_s = (double)record.total_ns * 1e-9;
    if (slow && model == NULL) {
        davit_log(c->diag, DAVIT_INFO, "a network is left out: it takes too long");
    } else if (slow) {
        fprintf(stderr, "davit: %s: %.1f s a run of %s: measuring it takes about %.0f s\n",
                device->name, run_s, model, run_s * LEAST_RUNS);
    }
    if (status == DAVIT_OK && (!slow || model != NULL)) {
        status = davit_measure_networks(&s->network, 1, &limits, c->store,
                                        davit_allocator_default(), c->diag, &units);
        device->networks++;
    }
    cli_session_close(&s->session);
    device->units += units;
    davit_status saved = davit_store_save(c->store);
    return status != DAVIT_OK ? status : saved;
}

static void step(calibration *c, size_t count, const char *device)
{
    c->steps_done += count;
    if (c->steps_done <= c->steps) {
        cli_progress_tell(&c->progress, device, c->steps_done, c->steps);
    }
}

/* The built-in networks, as many as the time allows, the first ones first. */
static davit_status measure_built_in(calibration *c, struct cli_calibrated_device *device,
                                     uint64_t budget_ns)
{
    size_t total = davit_measure_network_count();
    uint64_t deadline_ns = davit_deadline_after(budget_ns);
    davit_status status = DAVIT_OK;
    for (size_t i = 0; status == DAVIT_OK && i < total && interrupted == 0; i++) {
        uint64_t now_ns = davit_clock_ns();
        if (now_ns >= deadline_ns) {
            cli_progress_stop(&c->progress, device->name, c->steps_done, c->steps,
                              "the time is over");
            break;
        }
        davit_graph *graph;
        subject s;
        char name[48];
        snprintf(name, sizeof(name), "built-in network %zu", i);
        status = davit_measure_network_make(i, davit_allocator_default(), &graph);
        status =
            status == DAVIT_OK ? open_subject(c, device->name, name, graph, false, &s) : status;
        if (status == DAVIT_OK) { /* about half of the time goes into opening them */
            uint64_t share_ns = (deadline_ns - now_ns) / (total - i);
            status = measure_subject(c, &s, share_ns / 2, NULL, device);
        }
        step(c, 1, device->name);
    }
    return status;
}

static davit_status measure_models(calibration *c, struct cli_calibrated_device *device,
                                   uint64_t budget_ns)
{
    const cli_list *models = &c->arguments->positional;
    davit_status status = DAVIT_OK;
    for (size_t i = 0; status == DAVIT_OK && i < models->count && interrupted == 0; i++) {
        subject s;
        status = open_subject(c, device->name, models->items[i], NULL, false, &s);
        if (status == DAVIT_OK) {
            status = measure_subject(c, &s, budget_ns / models->count, models->items[i], device);
        }
        step(c, 1, device->name);
    }
    return status;
}

/* ---- devices ---- */

static davit_device_options device_options_of(const calibration *c)
{
    const davit_topology *topology = davit_context_topology(c->context);
    return (davit_device_options){.allocator = davit_allocator_default(),
                                  .diag = c->diag,
                                  .threads = (uint32_t)c->arguments->threads,
                                  .bind_thread =
                                      topology != NULL ? davit_topology_bind_device_thread : NULL,
                                  .bind_user = (void *)topology};
}

/* Which of its kernels are fastest, where the device has several for the same work. */
static davit_status measure_choices(calibration *c, const davit_plan_device *device,
                                    struct cli_calibrated_device *done)
{
    const davit_device_options device_options = device_options_of(c);
    return device->backend->table->tunes
               ? davit_measure_choices(device->backend, &device->info, &device_options, done->key,
                                       c->store, &done->choices)
               : DAVIT_OK;
}

/* Which of its kernels are fastest for the units of a model. Nothing else of the process computes
 * then. */
static davit_status measure_kernels(calibration *c, const char *model, uint64_t budget_ns,
                                    struct cli_calibrated_device *done)
{
    const davit_device_options device_options = device_options_of(c);
    davit_kernel_counts counts = {0};
    subject s;
    davit_status status = open_subject(c, done->name, model, NULL, true, &s);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_kernel_request request = {.graph = s.network.graph,
                                    .plan = s.network.plan,
                                    .options = &device_options,
                                    .key = done->key,
                                    .budget_ns = budget_ns,
                                    .stopped = stopped};
    while (request.device + 1 < request.plan->device_count &&
           strcmp(request.plan->devices[request.device].info.name, done->name) != 0) {
        request.device++;
    }
    status = davit_measure_kernels(&request, c->store, &counts);
    cli_session_close(&s.session);
    done->compared += counts.measured;
    done->replaced += counts.chosen;
    davit_status saved = davit_store_save(c->store);
    return status != DAVIT_OK ? status : saved;
}

static davit_status measure_kernels_of_models(calibration *c, const davit_plan_device *device,
                                              struct cli_calibrated_device *done,
                                              uint64_t budget_ns)
{
    const cli_list *models = &c->arguments->positional;
    davit_status status = DAVIT_OK;
    bool any = device->backend->table->kernels != NULL && !device->info.emulated;
    for (size_t i = 0; any && status == DAVIT_OK && i < models->count && interrupted == 0; i++) {
        status = measure_kernels(c, models->items[i], budget_ns / models->count, done);
    }
    return status;
}

static davit_status measure_links(calibration *c, const davit_plan_device *device, const char *key,
                                  uint64_t budget_ns)
{
    const davit_device_options device_options = device_options_of(c);
    const davit_measure_limits limits = {
        .min_runs = 3, .max_runs = MAX_RUNS, .budget_ns = budget_ns, .stopped = stopped};
    return davit_measure_links(device->backend, &device->info, &device_options, key, &limits,
                               c->store);
}

static davit_status measure_device(calibration *c, const davit_plan_device *device, double seconds)
{
    struct cli_calibrated_device *done = &c->done.devices[c->done.device_count++];
    size_t models = c->arguments->positional.count;
    bool built_in = !c->arguments->only_models;
    done->name = device->info.name;
    davit_device_key(device->backend, &device->info, (uint32_t)c->arguments->threads, done->key);
    c->steps = models + (built_in ? davit_measure_network_count() : 0);
    c->steps_done = 0;
    double share = models == 0 ? 0 : built_in ? MODEL_SHARE : 1;
    davit_status status = measure_choices(c, device, done);
    if (status != DAVIT_OK || device->info.emulated) { /* its times are no device's */
        return status == DAVIT_OK ? davit_store_save(c->store) : status;
    }
    status = measure_links(c, device, done->key, (uint64_t)(seconds * LINK_SHARE * NS_PER_S));
    if (status == DAVIT_OK) {
        status = measure_kernels_of_models(c, device, done,
                                           (uint64_t)(seconds * KERNEL_SHARE * NS_PER_S));
    }
    if (status == DAVIT_OK && models > 0) {
        status = measure_models(c, done, (uint64_t)(seconds * share * NS_PER_S));
    }
    if (status == DAVIT_OK && built_in) {
        status = measure_built_in(c, done, (uint64_t)(seconds * (1 - share) * NS_PER_S));
    }
    return status == DAVIT_OK ? davit_store_save(c->store) : status;
}

/* Emulated devices and those that compute nothing have no speed of their own; but a device's
 * kernels can be chosen between. */
static davit_status refuse_pretenders(const calibration *c)
{
    for (size_t i = 0; i < c->done.device_count; i++) {
        const davit_device_info *info = &c->devices[i].info;
        if ((info->emulated && !c->devices[i].backend->table->tunes) ||
            info->profile.kind == DAVIT_DEVICE_NULL) {
            return davit_fail(c->diag, DAVIT_INVALID_ARGUMENT,
                              "device %s is emulated: its time says nothing of a device; its "
                              "profile is what plans use",
                              info->name);
        }
    }
    return DAVIT_OK;
}

static double weight_of(const davit_plan_device *device)
{
    return device->info.profile.kind == DAVIT_DEVICE_REFERENCE ? REFERENCE_SHARE : 1;
}

/* What is measured, and about how long, of what has a limit. */
static void announce(const calibration *c, const davit_plan_device *device, double seconds)
{
    const davit_backend_table *table = device->backend->table;
    bool models = c->arguments->positional.count > 0;
    double total = seconds * (1 + LINK_SHARE);
    const char *built_in = c->arguments->only_models ? "" : ", built-in networks";
    const char *given = models ? ", the models given" : "";
    const char *first = table->tunes ? ": its kernels, then" : "";
    if (device->info.emulated) {
        fprintf(stderr, "davit: measuring %s: its kernels\n", device->info.name);
        return;
    }
    if (models && table->kernels != NULL) {
        total += seconds * KERNEL_SHARE;
        given = ", the models given and their kernels";
    }
    fprintf(stderr, "davit: measuring %s%s for about %.0f s: copies%s%s\n", device->info.name,
            first, total, built_in, given);
}

static davit_status measure_all(calibration *c)
{
    size_t count = c->done.device_count;
    double seconds = c->arguments->seconds > 0 ? (double)c->arguments->seconds : DEFAULT_SECONDS;
    double weights = 0;
    for (size_t i = 0; i < count; i++) {
        weights += weight_of(&c->devices[i]);
    }
    c->done.devices = davit_arena_alloc_array(&c->arena, count, sizeof(*c->done.devices));
    if (c->done.devices == NULL) {
        return davit_fail(c->diag, DAVIT_OUT_OF_MEMORY, "out of memory");
    }
    c->done.device_count = 0;
    davit_status status = DAVIT_OK;
    for (size_t i = 0; i < count && status == DAVIT_OK && interrupted == 0; i++) {
        announce(c, &c->devices[i], seconds * weight_of(&c->devices[i]) / weights);
        status = measure_device(c, &c->devices[i], seconds * weight_of(&c->devices[i]) / weights);
    }
    c->done.interrupted = interrupted != 0;
    return status;
}

/* ---- the command ---- */

static int calibrate(calibration *c)
{
    const davit_context_options context_options = {.diag = c->diag};
    davit_status status = davit_store_save(c->store); /* before a minute is spent in vain */
    if (status == DAVIT_OK) {
        status = davit_context_create(&context_options, &c->context);
    }
    if (status == DAVIT_OK) {
        davit_session_options session_options;
        davit_session_options_init(&session_options);
        session_options.devices = c->arguments->devices;
        status = davit_context_choose(c->context, &session_options, &c->arena, c->diag, &c->devices,
                                      &c->done.device_count);
    }
    if (status == DAVIT_OK) {
        status = refuse_pretenders(c);
    }
    if (status == DAVIT_OK) {
        catch_interrupts();
        status = measure_all(c);
    }
    c->done.store = c->store;
    int code = status == DAVIT_OK ? cli_calibrated_print(&c->done, c->arguments->json) : CLI_FAILED;
    cli_context_close(c->context);
    return code;
}

static int check_usage(const cli_arguments *arguments)
{
    size_t models = arguments->positional.count;
    if (arguments->show && arguments->clear) {
        return cli_usage_error(&cli_calibrate, "--show and --clear exclude each other");
    }
    if ((arguments->show || arguments->clear) && models > 0) {
        return cli_usage_error(&cli_calibrate, "--%s takes no model",
                               arguments->show ? "show" : "clear");
    }
    if (arguments->only_models && models == 0) {
        return cli_usage_error(&cli_calibrate, "--only-models needs a MODEL");
    }
    return CLI_DONE;
}

static int work(const cli_arguments *arguments)
{
    calibration c = {.arguments = arguments,
                     .diag = davit_diagnostics_stderr(arguments->level),
                     .progress = cli_progress_start("networks")};
    davit_arena_init(&c.arena, davit_allocator_default());
    if (davit_store_open(davit_allocator_default(), NULL, c.diag, &c.store) != DAVIT_OK) {
        return CLI_FAILED;
    }
    int code;
    if (arguments->show) {
        code = cli_store_print(c.store, arguments->json);
    } else if (arguments->clear) {
        bool cleared = davit_store_clear(c.store) == DAVIT_OK;
        if (!davit_weight_cache_clear()) {
            (void)davit_fail(c.diag, DAVIT_IO_ERROR, "packed weights cannot be removed from %s",
                             davit_weight_cache_look().folder);
            cleared = false;
        }
        code = cleared ? CLI_DONE : CLI_FAILED;
    } else {
        code = calibrate(&c);
    }
    davit_store_close(c.store);
    davit_arena_clear(&c.arena);
    return code;
}

static int run(int argc, char **argv)
{
    cli_arguments arguments;
    int exit_code;
    if (!cli_parse(&cli_calibrate, argc, argv, &arguments, &exit_code)) {
        return exit_code;
    }
    exit_code = check_usage(&arguments);
    if (exit_code == CLI_DONE) {
        exit_code = work(&arguments);
    }
    cli_arguments_clear(&arguments);
    return exit_code;
}

const cli_command cli_calibrate = {
    .name = "calibrate",
    .arguments = "[MODEL.onnx]... [OPTIONS]",
    .summary = "measure this machine's devices and links",
    .details =
        "Runs built-in networks and the models given on each device, and copies to and from it.\n"
        "Medians per unit are kept under $XDG_CACHE_HOME/davit (else ~/.cache/davit), also when "
        "it\n"
        "is interrupted. Plans use them: a unit that was measured has its measured time, others "
        "are\n"
        "estimated from those that are like it. A device that has several kernels for the same "
        "work\n"
        "(opencl:0) times them first, and uses the fastest from then on; of an emulated one "
        "nothing\n"
        "else is measured.\n"
        "Of the models given it also times, unit by unit in the whole network, the kernels that "
        "the\n"
        "CPU has for the same work, on one thread and on all, and keeps what is clearly faster "
        "than\n"
        "by rule. Sessions use that, but not with --reproducible; -v and --show tell.\n",
    .options = options,
    .run = run,
};
