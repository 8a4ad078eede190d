/* place_dump COUNT: solves COUNT small random problems and prints a line of JSON for each: the
 * problem, what was found, and the certificate, for verify_certificate.py. */
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

static json_t *problem_json(const davit_place_problem *p)
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
        const davit_place_device *device = &p->devices[d];
        json_array_append_new(devices,
                              json_pack("{s:i, s:b, s:o, s:f}", "class", (int)device->device_class,
                                        "block", device->discipline == DAVIT_PLACE_BLOCK, "memory",
                                        number(device->memory_bytes), "use", device->use_seconds));
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
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "nodes", nodes, "devices", devices, "values",
                     values, "seconds", table(p->node_seconds, p->node_count, p->class_count), "in",
                     table(p->in_seconds, p->value_count, p->class_count), "out",
                     table(p->out_seconds, p->value_count, p->class_count));
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 10;
    for (uint64_t seed = 0; seed < count; seed++) {
        random_shape shape = random_small_shape(seed);
        shape.nodes = shape.nodes > 6 ? 6 : shape.nodes;
        if (seed % 8 == 0) { /* too large to be enumerated */
            shape = (random_shape){.nodes = 70,
                                   .devices = 3,
                                   .classes = 2,
                                   .density = 0.2,
                                   .transport = 0.3,
                                   .discipline = -2};
        } else if (seed % 8 == 2) { /* with effort enough for a linear program */
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
        davit_place_options options = {.objective = DAVIT_PLACE_THROUGHPUT,
                                       .effort = seed % 8 == 2 ? 100 : 5};
        davit_placement placement;
        davit_status status =
            davit_place_solve(&made.problem, &options, davit_allocator_default(), NULL, &placement);
        if (status == DAVIT_OK) {
            json_t *line = json_pack("{s:o, s:f, s:o}", "problem", problem_json(&made.problem),
                                     "objective", placement.objective, "certificate",
                                     json_loads(placement.certificate, 0, NULL));
            char *text = json_dumps(line, JSON_REAL_PRECISION(17));
            (void)puts(text);
            free(text);
            json_decref(line);
            davit_placement_clear(&placement);
        }
        random_problem_clear(&made);
    }
    return 0;
}
