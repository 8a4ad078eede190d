#include "plan_problem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "davit/problem_file.h"
#include "davit/read_file.h"
#include "json.h"

enum { MOST_BYTES = 1 << 30 };

/* Percent: more than plans of networks get, as a problem is solved once. */
enum { EFFORT_MOST = 700, LEAST_LATENCY = 110, LEAST_THROUGHPUT = 75 };
/* What counts as large; where problems for more than a few devices get the least too. */
enum { LARGE = 1000, FEW_DEVICES = 4, LARGEST_HARD = 2000 };

typedef struct problem_plan {
    const cli_arguments *arguments;
    const davit_diagnostics *diag;
    davit_place_options options;
    davit_problem_file *file;
    davit_placement placement;
    davit_place_timeline timeline;
    double greedy; /* INFINITY: greedy placement keeps not all limits */
} problem_plan;

static const char *const objectives[] = {"latency", "throughput", "energy"};

static davit_status read_objective(problem_plan *p)
{
    const char *name = p->arguments->objective != NULL ? p->arguments->objective : objectives[0];
    size_t index = 0;
    while (index < 3 && strcmp(objectives[index], name) != 0) {
        index++;
    }
    if (index == 3) {
        return davit_fail(p->diag, DAVIT_INVALID_ARGUMENT,
                          "--objective %s: latency or throughput is expected", name);
    }
    p->options = (davit_place_options){.objective = (davit_place_objective)index,
                                       .latency_limit_s = INFINITY,
                                       .seed = p->arguments->seed,
                                       .effort = (uint32_t)p->arguments->effort};
    return DAVIT_OK;
}

/* Small problems, and those with many devices, get some ten seconds; with few devices large ones
 * get less than 2 s for 1,000 nodes: throughput's steps are counted by node, latency's are not. */
static uint32_t usual_effort(const davit_place_problem *problem, davit_place_objective objective)
{
    double size = problem->node_count / (double)LARGE;
    double effort = objective == DAVIT_PLACE_THROUGHPUT ? LEAST_THROUGHPUT
                                                        : LEAST_LATENCY * fmax(1.0, 0.6 * size);
    if (problem->device_count > FEW_DEVICES && problem->node_count <= LARGEST_HARD) {
        effort = EFFORT_MOST / fmax(1.0, size);
    } else if (size < 1.0) {
        effort = fmin(EFFORT_MOST, effort / (size * size));
    }
    return (uint32_t)fmin(effort, UINT32_MAX);
}

static davit_status read_problem(problem_plan *p)
{
    const davit_allocator *allocator = davit_allocator_default();
    char *text;
    davit_status status =
        davit_read_file(allocator, p->arguments->problem, MOST_BYTES, p->diag, &text, NULL);
    if (status == DAVIT_OK) {
        status = davit_problem_file_read(allocator, p->arguments->problem, text,
                                         p->options.objective, p->diag, &p->file);
        davit_free(allocator, text);
    }
    return status;
}

static double objective_of(const problem_plan *p, const davit_place_timeline *timeline)
{
    return p->options.objective == DAVIT_PLACE_THROUGHPUT ? timeline->period_s
                                                          : timeline->latency_s;
}

static davit_status compare_with_greedy(problem_plan *p)
{
    const davit_allocator *allocator = davit_allocator_default();
    const davit_place_problem *problem = davit_problem_file_problem(p->file);
    p->greedy = INFINITY;
    uint32_t *devices = davit_alloc_array(allocator, problem->node_count, sizeof(*devices));
    if (devices == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_place_timeline timeline;
    davit_place_fault fault;
    davit_status status = davit_place_greedy(problem, &p->options, allocator, devices);
    if (status == DAVIT_OK) {
        status = davit_place_simulate(problem, devices, false, allocator, &timeline, &fault);
    }
    if (status == DAVIT_OK) {
        p->greedy = fault == DAVIT_PLACE_FEASIBLE ? objective_of(p, &timeline) : INFINITY;
        davit_place_timeline_clear(&timeline);
    }
    davit_free(allocator, devices);
    return status;
}

static davit_status solve(problem_plan *p)
{
    const davit_allocator *allocator = davit_allocator_default();
    const davit_place_problem *problem = davit_problem_file_problem(p->file);
    davit_place_fault fault;
    if (p->options.effort == 0) {
        p->options.effort = usual_effort(problem, p->options.objective);
    }
    davit_status status =
        davit_place_solve(problem, &p->options, allocator, p->diag, &p->placement);
    if (status != DAVIT_OK) {
        return status;
    }
    status =
        davit_place_simulate(problem, p->placement.devices, false, allocator, &p->timeline, &fault);
    if (status == DAVIT_OK) {
        status = compare_with_greedy(p);
    }
    return status == DAVIT_OK ? DAVIT_OK : davit_fail(p->diag, status, "no memory to simulate");
}

static double gap(const problem_plan *p)
{
    return p->placement.objective > 0.0 ? 1.0 - p->placement.bound / p->placement.objective : 0.0;
}

static void print_text(const problem_plan *p)
{
    const davit_place_problem *problem = davit_problem_file_problem(p->file);
    printf("%s: %u nodes, %u values, %u devices; times as in the file\n", p->arguments->problem,
           problem->node_count, problem->value_count, problem->device_count);
    printf("%s %.6f, found by %s\n", objectives[p->options.objective], p->placement.objective,
           p->placement.method);
    printf("proved: at least %.6f (gap %.2f %%), by %s\n", p->placement.bound, 100.0 * gap(p),
           p->placement.bound_method);
    if (isfinite(p->greedy)) {
        printf("greedy, node by node: %.6f\n", p->greedy);
    } else {
        printf("greedy, node by node: breaks a limit\n");
    }
    printf("\n%-16s  %6s  %12s  %12s  %12s  %14s\n", "device", "nodes", "compute", "copies in",
           "copies out", "memory");
    for (uint32_t d = 0; d < problem->device_count; d++) {
        const davit_place_load *load = &p->timeline.loads[d];
        printf("%-16s  %6u  %12.6f  %12.6f  %12.6f  %14.0f\n", problem->devices[d].name,
               load->node_count, load->compute_s, load->in_s, load->out_s, load->memory_bytes);
    }
}

static json_t *devices_json(const problem_plan *p)
{
    const davit_place_problem *problem = davit_problem_file_problem(p->file);
    json_t *list = json_array();
    for (uint32_t d = 0; d < problem->device_count && list != NULL; d++) {
        const davit_place_load *load = &p->timeline.loads[d];
        json_t *device =
            json_pack("{s:s, s:i, s:f, s:f, s:f, s:f}", "name", problem->devices[d].name, "nodes",
                      (int)load->node_count, "compute", load->compute_s, "copies_in", load->in_s,
                      "copies_out", load->out_s, "memory_bytes", load->memory_bytes);
        if (json_array_append_new(list, device) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

/* The placement as it is written, with the loads of devices; greedy null: it breaks a limit. */
static int print_json(const problem_plan *p, const char *placement)
{
    json_t *root =
        json_pack("{s:i, s:s, s:s, s:f, s:f, s:f, s:s, s:s, s:o, s:o, s:o}", "schema_version",
                  CLI_SCHEMA_VERSION, "problem", p->arguments->problem, "objective",
                  objectives[p->options.objective], "value", p->placement.objective, "bound",
                  p->placement.bound, "gap", gap(p), "method", p->placement.method, "bound_method",
                  p->placement.bound_method, "greedy",
                  isfinite(p->greedy) ? json_real(p->greedy) : json_null(), "devices",
                  devices_json(p), "placement", json_loads(placement, 0, NULL));
    return cli_print_json(root);
}

static int show(const problem_plan *p)
{
    char *text;
    if (davit_problem_file_write(p->file, &p->placement, p->diag, &text) != DAVIT_OK) {
        return CLI_FAILED;
    }
    int exit_code = CLI_DONE;
    if (p->arguments->output != NULL) {
        exit_code = cli_write_file(p->diag, p->arguments->output, text);
    }
    if (exit_code == CLI_DONE && p->arguments->json) {
        exit_code = print_json(p, text);
    } else if (exit_code == CLI_DONE) {
        print_text(p);
    }
    free(text);
    return exit_code;
}

int cli_plan_problem(const cli_command *command, const cli_arguments *arguments)
{
    if (arguments->positional.count != 0) {
        return cli_usage_error(command, "--problem stands for the MODEL, and %s is given too",
                               arguments->positional.items[0]);
    }
    problem_plan p = {.arguments = arguments, .diag = davit_diagnostics_stderr(arguments->level)};
    int exit_code = CLI_FAILED;
    davit_status status = read_objective(&p);
    if (status == DAVIT_OK) {
        status = read_problem(&p);
    }
    if (status == DAVIT_OK) {
        status = solve(&p);
    }
    if (status == DAVIT_OK) {
        exit_code = show(&p);
    }
    davit_place_timeline_clear(&p.timeline);
    davit_placement_clear(&p.placement);
    davit_problem_file_destroy(p.file);
    return exit_code;
}
