/* place_dump COUNT: solves COUNT small random problems for each objective and prints a line of JSON
 * for each: the problem, what was found, and the certificate, for verify_certificate.py. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "random_problem.h"
#include "unit_test.h"

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *table(const double *values, uint32_t rows, uint32_t columns)
{
    json_t *result = json_array();
    for (uint32_t r = 0; r < rows; r++) {
        json_t *row = json_array();
        for (uint32_t c = 0; c < columns; c++) {
            json_array_append_new(row, number(values[(size_t)r * columns + c]));
        }
        json_array_append_new(result, row);
    }
    return result;
}

static json_t *index_or_null(uint32_t index)
{
    return index == DAVIT_PLACE_NONE ? json_null() : json_integer(index);
}

static json_t *table_or_zeros(const double *values, uint32_t rows, uint32_t columns)
{
    static const double zeros[4096];
    return table(values != NULL ? values : zeros, rows, columns);
}

static json_t *device_json(const davit_place_device *device)
{
    static const char *const disciplines[] = {"in order", "block", "unlimited"};
    return json_pack("{s:i, s:s, s:o, s:f, s:f}", "class", (int)device->device_class, "discipline",
                     disciplines[device->discipline], "memory", number(device->memory_bytes), "use",
                     device->use_seconds, "watts", device->idle_watts);
}

static json_t *problem_json(const davit_place_problem *p, double latency_limit_s)
{
    json_t *nodes = json_array();
    json_t *devices = json_array();
    json_t *values = json_array();
    for (uint32_t v = 0; v < p->node_count; v++) {
        json_array_append_new(nodes, json_pack("{s:f, s:o, s:o}", "bytes", p->nodes[v].bytes,
                                               "group", index_or_null(p->nodes[v].group), "pin",
                                               index_or_null(p->nodes[v].pin)));
    }
    for (uint32_t d = 0; d < p->device_count; d++) {
        json_array_append_new(devices, device_json(&p->devices[d]));
    }
    for (uint32_t i = 0; i < p->value_count; i++) {
        json_t *consumers = json_array();
        for (uint32_t k = 0; k < p->values[i].consumer_count; k++) {
            json_array_append_new(consumers, json_integer(p->values[i].consumers[k]));
        }
        json_array_append_new(values, json_pack("{s:o, s:b, s:o}", "producer",
                                                index_or_null(p->values[i].producer), "to_host",
                                                (int)p->values[i].to_host, "consumers", consumers));
    }
    uint32_t classes = p->class_count;
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "nodes", nodes, "devices",
                     devices, "values", values, "seconds",
                     table(p->node_seconds, p->node_count, classes), "in",
                     table(p->in_seconds, p->value_count, classes), "out",
                     table(p->out_seconds, p->value_count, classes), "joules",
                     table_or_zeros(p->node_joules, p->node_count, classes), "copy_joules",
                     table_or_zeros(p->copy_joules, p->value_count, classes), "latency_limit",
                     number(latency_limit_s));
}

/* Prints the line; returns what was found, 0 when there is no placement. */
static double solve_and_print(const davit_place_problem *problem,
                              const davit_place_options *options)
{
    davit_placement placement;
    if (davit_place_solve(problem, options, davit_allocator_default(), NULL, &placement) !=
        DAVIT_OK) {
        return 0.0;
    }
    double objective = placement.objective;
    json_t *line = json_pack("{s:o, s:f, s:o}", "problem",
                             problem_json(problem, options->latency_limit_s), "objective",
                             objective, "certificate", json_loads(placement.certificate, 0, NULL));
    char *text = json_dumps(line, JSON_REAL_PRECISION(17));
    (void)puts(text);
    free(text);
    json_decref(line);
    davit_placement_clear(&placement);
    return objective;
}

static void dump_throughput(uint64_t seed)
{
    random_shape shape = random_small_shape(seed);
    shape.nodes = shape.nodes > 6 ? 6 : shape.nodes;
    if (seed % 8 == 0) { /* too large to be enumerated, and the second for a linear program */
        shape = (random_shape){.nodes = seed % 16 == 0 ? 70 : 300,
                               .devices = 3,
                               .classes = 2,
                               .density = seed % 16 == 0 ? 0.2 : 0.02,
                               .transport = 0.3,
                               .discipline = -2};
    } else if (seed % 8 == 2) { /* a linear program */
        shape = (random_shape){.nodes = 66,
                               .devices = 4,
                               .classes = 2,
                               .density = 0.3,
                               .grouped = 0.1,
                               .memory = seed % 16 == 2 ? 0.4 : 0.0,
                               .transport = 1.0,
                               .discipline = seed % 16 == 2 ? -2 : -1};
    } else if (seed % 8 == 4) { /* indivisible */
        shape = (random_shape){.nodes = 15, .devices = 7, .classes = 1};
    }
    random_problem made;
    random_problem_make(&made, &shape, seed);
    const davit_place_options options = {.objective = DAVIT_PLACE_THROUGHPUT,
                                         .latency_limit_s = INFINITY,
                                         .effort = seed % 8 == 2 ? 100 : 5};
    (void)solve_and_print(&made.problem, &options);
    random_problem_clear(&made);
}

/* Latency, then energy with a little more latency than that. Every fourth has unlimited cores. */
static void dump_latency(uint64_t seed)
{
    random_shape shape = random_small_shape(seed);
    shape.nodes = shape.nodes > 5 ? 5 : shape.nodes;
    shape.joules = true;
    if (seed % 8 == 0) { /* too large to be enumerated */
        shape.nodes = 40;
        shape.memory = 0.0;
    }
    random_problem made;
    random_problem_make(&made, &shape, seed);
    davit_place_device devices[8];
    davit_place_problem problem = made.problem;
    for (uint32_t d = 0; d < problem.device_count; d++) {
        devices[d] = problem.devices[d];
        if (seed % 4 == 1 && devices[d].device_class == 0) {
            devices[d].discipline = DAVIT_PLACE_UNLIMITED;
        }
    }
    problem.devices = devices;
    davit_place_options options = {
        .objective = DAVIT_PLACE_LATENCY, .latency_limit_s = INFINITY, .effort = 5};
    double latency_s = solve_and_print(&problem, &options);
    if (latency_s > 0.0) {
        options.objective = DAVIT_PLACE_ENERGY;
        options.latency_limit_s = latency_s * 1.25;
        (void)solve_and_print(&problem, &options);
    }
    random_problem_clear(&made);
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 10;
    for (uint64_t seed = 0; seed < count; seed++) {
        dump_throughput(seed);
        dump_latency(seed);
    }
    return 0;
}
