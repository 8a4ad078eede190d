#include "session.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"

static davit_named_tensor *make_outputs(const davit_model *model, size_t count)
{
    davit_named_tensor *outputs = calloc(count + 1, sizeof(*outputs));
    for (size_t i = 0; outputs != NULL && i < count; i++) {
        davit_port port;
        if (davit_model_output(model, i, &port) != DAVIT_OK) {
            free(outputs);
            return NULL;
        }
        outputs[i].name = port.name;
    }
    return outputs;
}

/* The inputs that were given, without the gaps. */
static size_t given_inputs(const cli_inputs *inputs, davit_named_tensor *given)
{
    size_t count = 0;
    for (size_t i = 0; i < inputs->count; i++) {
        if (inputs->tensors[i].tensor != NULL) {
            given[count++] = inputs->tensors[i];
        }
    }
    return count;
}

static davit_status create_session(cli_session *session, const davit_session_options *base,
                                   davit_session **out)
{
    davit_session_options options = *base;
    davit_named_tensor *given = calloc(session->inputs.count + 1, sizeof(*given));
    if (given == NULL) {
        return davit_fail(session->diag, DAVIT_OUT_OF_MEMORY, "out of memory");
    }
    options.inputs = given;
    options.input_count = given_inputs(&session->inputs, given);
    options.shapes = session->inputs.shapes;
    options.shape_count = session->inputs.shape_count;
    davit_status status = davit_session_create(session->model, &options, out);
    free(given);
    return status;
}

size_t cli_in_flight(const cli_arguments *arguments)
{
    return arguments->in_flight > 0 ? (size_t)arguments->in_flight : 1;
}

/* What is said of the objective. Reports. */
static davit_status read_objective(const cli_arguments *arguments, const davit_diagnostics *diag,
                                   davit_session_options *options)
{
    static const char *const names[] = {[DAVIT_OBJECTIVE_LATENCY] = "latency",
                                        [DAVIT_OBJECTIVE_THROUGHPUT] = "throughput",
                                        [DAVIT_OBJECTIVE_ENERGY] = "energy"};
    if (arguments->plan != NULL &&
        (arguments->objective != NULL || arguments->latency_limit != NULL)) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT,
                          "--plan %s has its objective and limit: leave --objective and "
                          "--latency-limit out",
                          arguments->plan);
    }
    const char *name = arguments->objective != NULL ? arguments->objective : names[0];
    size_t index = 0;
    while (index < sizeof(names) / sizeof(names[0]) && strcmp(names[index], name) != 0) {
        index++;
    }
    if (index == sizeof(names) / sizeof(names[0])) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT,
                          "--objective %s: latency, throughput or energy is expected", name);
    }
    options->objective = (davit_objective)index;
    if (arguments->latency_limit != NULL) {
        char *end;
        double limit_ms = strtod(arguments->latency_limit, &end);
        if (*end != '\0' || end == arguments->latency_limit || !(limit_ms > 0) || limit_ms > 1e12) {
            return davit_fail(diag, DAVIT_INVALID_ARGUMENT,
                              "--latency-limit %s: a number of milliseconds above 0 is expected",
                              arguments->latency_limit);
        }
        options->latency_limit_s = limit_ms * 1e-3;
    }
    return DAVIT_OK;
}

static davit_status read_options(const cli_arguments *arguments, const davit_diagnostics *diag,
                                 davit_session_options *options)
{
    davit_session_options_init(options);
    options->devices = arguments->devices;
    options->pins = arguments->pins.items;
    options->pin_count = arguments->pins.count;
    options->plan_path = arguments->plan;
    options->strict = arguments->strict;
    options->reproducible = arguments->reproducible;
    options->no_weight_cache = arguments->no_cache;
    options->threads = (uint32_t)arguments->threads;
    options->timeout_ns = (uint64_t)arguments->timeout_s * 1000000000u;
    options->optimize = !arguments->no_optimize;
    options->profiles = arguments->profiles;
    options->effort = (uint32_t)arguments->effort;
    options->inference_count = (uint64_t)arguments->inferences;
    options->in_flight = (uint32_t)cli_in_flight(arguments);
    options->no_fallback = arguments->no_fallback;
    if (arguments->precision != NULL &&
        !davit_precision_find(arguments->precision, &options->precision)) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT,
                          "--precision %s: f32, tf32 or bf16 is expected", arguments->precision);
    }
    return read_objective(arguments, diag, options);
}

/* The arguments with those --shape only whose input the model has. Free shapes.items. */
static cli_arguments own_shapes(const davit_model *model, const cli_arguments *arguments)
{
    cli_arguments own = *arguments;
    own.shapes.count = 0;
    own.shapes.items = calloc(arguments->shapes.count + 1, sizeof(char *));
    for (size_t i = 0; own.shapes.items != NULL && i < arguments->shapes.count; i++) {
        const char *option = arguments->shapes.items[i];
        size_t length = (size_t)(strrchr(option, '=') - option);
        davit_port port;
        for (size_t k = 0; davit_model_input(model, k, &port) == DAVIT_OK; k++) {
            if (strlen(port.name) == length && strncmp(port.name, option, length) == 0) {
                own.shapes.items[own.shapes.count++] = option;
                break;
            }
        }
    }
    return own;
}

static davit_status read_inputs(const cli_arguments *arguments, cli_session *session)
{
    if (!arguments->shapes_of_some) {
        return cli_inputs_read(session->model, arguments, session->diag, &session->inputs);
    }
    cli_arguments own = own_shapes(session->model, arguments);
    davit_status status = DAVIT_OUT_OF_MEMORY;
    if (own.shapes.items != NULL) {
        status = cli_inputs_read(session->model, &own, session->diag, &session->inputs);
    }
    free(own.shapes.items);
    return status;
}

/* From a file, or from a graph, which is taken over. */
static davit_status open_model(const char *model, davit_graph *graph, cli_session *session)
{
    const davit_context_options context_options = {.diag = session->diag};
    davit_status status = davit_context_create(&context_options, &session->context);
    if (status != DAVIT_OK) {
        davit_graph_destroy(graph);
        return status;
    }
    return graph != NULL ? davit_model_adopt(session->context, graph, model, &session->model)
                         : davit_model_load(session->context, model, &session->model);
}

static davit_status open_all(const char *model, davit_graph *graph, const cli_arguments *arguments,
                             cli_session *session)
{
    davit_session_options options;
    davit_status status = open_model(model, graph, session);
    if (status == DAVIT_OK) {
        status = read_options(arguments, session->diag, &options);
        options.place_only = session->place_only;
        session->precision = options.precision;
    }
    if (status == DAVIT_OK) {
        status = read_inputs(arguments, session);
    }
    if (status == DAVIT_OK) {
        status = create_session(session, &options, &session->session);
    }
    if (status == DAVIT_OK && !session->place_only) {
        status =
            cli_inputs_random(session->session, arguments->seed, session->diag, &session->inputs);
    }
    return status;
}

void cli_outputs_free(davit_named_tensor *outputs, size_t count)
{
    for (size_t i = 0; outputs != NULL && i < count; i++) {
        davit_tensor_destroy(outputs[i].tensor);
    }
    free(outputs);
}

static atomic_bool driver_stays;

void cli_context_close(davit_context *context)
{
    if (!davit_context_destroy(context)) {
        driver_stays = true;
    }
}

bool cli_driver_stays(void)
{
    return driver_stays;
}

void cli_session_close(cli_session *session)
{
    cli_outputs_free(session->outputs, session->output_count);
    cli_inputs_clear(&session->inputs);
    davit_session_destroy(session->session);
    davit_model_destroy(session->model);
    cli_context_close(session->context);
    memset(session, 0, sizeof(*session));
}

davit_status cli_session_open(const char *model, davit_graph *graph, bool place_only,
                              const cli_arguments *arguments, cli_session *out)
{
    cli_session session = {.diag = davit_diagnostics_stderr(arguments->level),
                           .place_only = place_only};
    memset(out, 0, sizeof(*out));
    davit_status status = open_all(model, graph, arguments, &session);
    if (status == DAVIT_OK) {
        session.output_count = davit_model_output_count(session.model);
        session.outputs = make_outputs(session.model, session.output_count);
        if (session.outputs == NULL) {
            status = davit_fail(session.diag, DAVIT_OUT_OF_MEMORY, "out of memory");
        }
    }
    if (status != DAVIT_OK) {
        cli_session_close(&session);
        return status;
    }
    *out = session;
    return DAVIT_OK;
}

davit_status cli_session_run(cli_session *session)
{
    return davit_session_run(session->session, session->inputs.tensors, session->inputs.count,
                             session->outputs, session->output_count);
}

davit_status cli_session_reference(cli_session *session, davit_named_tensor **outputs)
{
    *outputs = NULL;
    davit_session_options options;
    davit_session_options_init(&options);
    options.devices = "reference";
    options.optimize = false;
    davit_session *reference;
    davit_status status = create_session(session, &options, &reference);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_named_tensor *results = make_outputs(session->model, session->output_count);
    if (results == NULL) {
        status = davit_fail(session->diag, DAVIT_OUT_OF_MEMORY, "out of memory");
    } else {
        status = davit_session_run(reference, session->inputs.tensors, session->inputs.count,
                                   results, session->output_count);
    }
    davit_session_destroy(reference);
    if (status != DAVIT_OK) {
        cli_outputs_free(results, session->output_count);
        return status;
    }
    *outputs = results;
    return DAVIT_OK;
}

int cli_session_command(const cli_command *command, int argc, char **argv,
                        int (*work)(cli_session *session, const cli_arguments *arguments))
{
    cli_arguments arguments;
    cli_session session;
    int exit_code;
    if (!cli_parse(command, argc, argv, &arguments, &exit_code)) {
        return exit_code;
    }
    exit_code = CLI_FAILED;
    if (arguments.positional.count != 1) {
        exit_code = cli_usage_error(command, "one MODEL is expected, %zu are given",
                                    arguments.positional.count);
    } else if (cli_session_open(arguments.positional.items[0], NULL, command->places_only,
                                &arguments, &session) == DAVIT_OK) {
        exit_code = work(&session, &arguments);
        cli_events_say(&session);
        cli_session_close(&session);
    }
    cli_arguments_clear(&arguments);
    return exit_code;
}
