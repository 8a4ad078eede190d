#include "random_problem.h"

#include <string.h>

#include "unit_test.h"

static double unit(uint64_t *state)
{
    return (double)(test_random(state) >> 11) * 0x1p-53;
}

static bool chance(uint64_t *state, double part)
{
    return unit(state) < part;
}

/* Eighths: sums are exact, so that equal means equal. */
static double amount(uint64_t *state, double scale)
{
    return floor(unit(state) * scale * 8.0) / 8.0;
}

static void make_devices(random_problem *made, const random_shape *shape, uint64_t *state)
{
    davit_place_problem *p = &made->problem;
    davit_place_device *devices =
        davit_arena_alloc_array(&made->arena, p->device_count, sizeof(*devices));
    assert_non_null(devices);
    for (uint32_t d = 0; d < p->device_count; d++) {
        davit_place_device *device = &devices[d];
        device->device_class =
            d < p->class_count ? d : (uint32_t)test_random_below(state, p->class_count);
        const davit_place_device *twin = &devices[device->device_class];
        if (twin != device) {
            *device = *twin;
        } else {
            device->discipline = shape->discipline >= 0
                                     ? (davit_place_discipline)shape->discipline
                                     : (davit_place_discipline)test_random_below(state, 2);
            if (shape->discipline == -2) {
                device->discipline = d == 0 ? DAVIT_PLACE_IN_ORDER : DAVIT_PLACE_BLOCK;
            }
            device->memory_bytes = INFINITY;
            device->use_seconds = chance(state, 0.2) ? amount(state, 2.0) : 0.0;
            device->idle_watts = shape->joules ? amount(state, 2.0) : 0.0;
        }
        device->name = davit_arena_printf(&made->arena, "device%u", d);
    }
    p->devices = devices;
}

static void make_nodes(random_problem *made, const random_shape *shape, uint64_t *state)
{
    davit_place_problem *p = &made->problem;
    size_t costs = (size_t)p->node_count * p->class_count;
    davit_place_node *nodes = davit_arena_alloc_array(&made->arena, p->node_count, sizeof(*nodes));
    double *seconds = davit_arena_alloc_array(&made->arena, costs, sizeof(double));
    double *joules = davit_arena_alloc_array(&made->arena, costs, sizeof(double));
    assert_true(nodes != NULL && seconds != NULL && joules != NULL);
    p->group_count = p->node_count / 4 + 1;
    for (uint32_t v = 0; v < p->node_count; v++) {
        nodes[v].name = davit_arena_printf(&made->arena, "node%u", v);
        nodes[v].bytes = amount(state, 4.0);
        nodes[v].group = chance(state, shape->grouped)
                             ? (uint32_t)test_random_below(state, p->group_count)
                             : DAVIT_PLACE_NONE;
        double base = amount(state, 8.0);
        for (uint32_t c = 0; c < p->class_count; c++) {
            size_t at = (size_t)v * p->class_count + c;
            seconds[at] = base * (0.5 + 0.5 * (double)test_random_below(state, 4));
            joules[at] = amount(state, 8.0);
            if (c > 0 && chance(state, shape->unsupported)) {
                seconds[at] = INFINITY;
            }
        }
        nodes[v].pin = DAVIT_PLACE_NONE;
        uint32_t device = (uint32_t)test_random_below(state, p->device_count);
        uint32_t of_class = p->devices[device].device_class;
        if (chance(state, shape->pinned) &&
            isfinite(seconds[(size_t)v * p->class_count + of_class])) {
            nodes[v].pin = device;
        }
    }
    p->nodes = nodes;
    p->node_seconds = seconds;
    p->node_joules = shape->joules ? joules : NULL;
}

/* The value of node v, or one that lies in the host's memory. */
static void make_value(random_problem *made, const random_shape *shape, uint32_t producer,
                       davit_place_value *value, uint64_t *state)
{
    davit_place_problem *p = &made->problem;
    uint32_t first = producer == DAVIT_PLACE_NONE ? 0 : producer + 1;
    uint32_t *consumers = davit_arena_alloc_array(&made->arena, 9, sizeof(uint32_t));
    assert_non_null(consumers);
    value->producer = producer;
    value->bytes = amount(state, 8.0);
    for (uint32_t v = first; v < p->node_count && v < first + 8; v++) {
        if (chance(state, shape->density)) {
            consumers[value->consumer_count++] = v;
        }
    }
    value->to_host = value->consumer_count == 0 || chance(state, 0.1);
    value->consumers = consumers;
}

static void make_values(random_problem *made, const random_shape *shape, uint64_t *state)
{
    davit_place_problem *p = &made->problem;
    p->value_count = p->node_count + 2;
    size_t costs = (size_t)p->value_count * p->class_count;
    davit_place_value *values =
        davit_arena_alloc_array(&made->arena, p->value_count, sizeof(*values));
    double *in = davit_arena_alloc_array(&made->arena, costs, sizeof(double));
    double *out = davit_arena_alloc_array(&made->arena, costs, sizeof(double));
    double *joules = davit_arena_alloc_array(&made->arena, costs, sizeof(double));
    assert_true(values != NULL && in != NULL && out != NULL && joules != NULL);
    for (uint32_t i = 0; i < p->value_count; i++) {
        make_value(made, shape, i < p->node_count ? i : DAVIT_PLACE_NONE, &values[i], state);
        for (uint32_t c = 0; c < p->class_count; c++) {
            bool costs_nothing = shape->discipline == -2 && c == 0;
            double scale = costs_nothing ? 0.0 : 4.0 * shape->transport;
            in[(size_t)i * p->class_count + c] = amount(state, scale);
            out[(size_t)i * p->class_count + c] = amount(state, scale);
            joules[(size_t)i * p->class_count + c] = amount(state, scale);
        }
    }
    p->values = values;
    p->in_seconds = in;
    p->out_seconds = out;
    p->copy_joules = shape->joules ? joules : NULL;
}

static void limit_memory(random_problem *made, const random_shape *shape)
{
    double bytes = 0.0;
    for (uint32_t v = 0; v < made->problem.node_count; v++) {
        bytes += made->problem.nodes[v].bytes;
    }
    davit_place_device *devices =
        davit_arena_alloc_array(&made->arena, made->problem.device_count, sizeof(*devices));
    assert_non_null(devices);
    memcpy(devices, made->problem.devices, made->problem.device_count * sizeof(*devices));
    for (uint32_t d = 0; d < made->problem.device_count; d++) {
        devices[d].memory_bytes = shape->memory * bytes;
    }
    made->problem.devices = devices;
}

void random_problem_make(random_problem *made, const random_shape *shape, uint64_t seed)
{
    uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
    memset(made, 0, sizeof(*made));
    davit_arena_init(&made->arena, davit_allocator_default());
    made->problem.node_count = shape->nodes;
    made->problem.device_count = shape->devices;
    made->problem.class_count = shape->classes;
    make_devices(made, shape, &state);
    make_nodes(made, shape, &state);
    make_values(made, shape, &state);
    if (shape->memory > 0.0) {
        limit_memory(made, shape);
    }
}

void random_problem_clear(random_problem *made)
{
    davit_arena_clear(&made->arena);
}

random_shape random_small_shape(uint64_t seed)
{
    uint64_t state = seed ^ 0x5eed;
    random_shape shape = {.nodes = 2 + (uint32_t)test_random_below(&state, 7),
                          .devices = 1 + (uint32_t)test_random_below(&state, 3),
                          .density = 0.15 + 0.4 * unit(&state),
                          .unsupported = chance(&state, 0.4) ? 0.3 : 0.0,
                          .grouped = chance(&state, 0.4) ? 0.5 : 0.0,
                          .pinned = chance(&state, 0.3) ? 0.2 : 0.0,
                          .memory = chance(&state, 0.4) ? 0.4 + 0.6 * unit(&state) : 0.0,
                          .transport = 2.0 * unit(&state),
                          .joules = chance(&state, 0.5)};
    static const int disciplines[] = {DAVIT_PLACE_IN_ORDER, DAVIT_PLACE_IN_ORDER, DAVIT_PLACE_BLOCK,
                                      -1, -2};
    shape.discipline = disciplines[test_random_below(&state, 5)];
    shape.classes = 1 + (uint32_t)test_random_below(&state, shape.devices);
    return shape;
}
