#include "brute_force.h"

#include <string.h>

#include "unit_test.h"

#define MAX_NODES 64
#define MAX_VALUES 80
#define MAX_DEVICES 8
#define MAX_STEPS (MAX_NODES + MAX_VALUES * (MAX_DEVICES + 1) + MAX_DEVICES)

/* A step occupies a resource for some time, not before others have ended. */
typedef struct step {
    double seconds, start;
    int waits[MAX_NODES + MAX_VALUES];
    int wait_count;
} step;

typedef struct brute {
    const davit_place_problem *p;
    const uint32_t *device;
    step *steps;
    int step_count;
    int node_step[MAX_NODES];
    int out_step[MAX_VALUES];
    int in_step[MAX_VALUES][MAX_DEVICES];
} brute;

static bool is_block(const brute *b, uint32_t d)
{
    return b->p->devices[d].discipline == DAVIT_PLACE_BLOCK;
}

static double cost(const double *table, const brute *b, uint32_t row, uint32_t d)
{
    if (table != b->p->node_seconds && b->p->devices[d].discipline == DAVIT_PLACE_UNLIMITED) {
        return 0.0;
    }
    return table[row * b->p->class_count + b->p->devices[d].device_class];
}

static bool reads(const davit_place_value *value, uint32_t node)
{
    for (uint32_t k = 0; k < value->consumer_count; k++) {
        if (value->consumers[k] == node) {
            return true;
        }
    }
    return false;
}

static uint32_t source(const brute *b, uint32_t i)
{
    uint32_t producer = b->p->values[i].producer;
    return producer == DAVIT_PLACE_NONE ? DAVIT_PLACE_NONE : b->device[producer];
}

/* The first reader of value i on device d, node_count when there is none. */
static uint32_t first_reader(const brute *b, uint32_t i, uint32_t d)
{
    uint32_t v = 0;
    while (v < b->p->node_count && !(b->device[v] == d && reads(&b->p->values[i], v))) {
        v++;
    }
    return v;
}

static bool enters(const brute *b, uint32_t i, uint32_t d)
{
    return source(b, i) != d && first_reader(b, i, d) < b->p->node_count;
}

static bool leaves(const brute *b, uint32_t i)
{
    bool result = b->p->values[i].producer != DAVIT_PLACE_NONE && b->p->values[i].to_host;
    for (uint32_t d = 0; d < b->p->device_count; d++) {
        result = result || (b->p->values[i].producer != DAVIT_PLACE_NONE && enters(b, i, d));
    }
    return result;
}

static int add_step(brute *b, double seconds)
{
    assert_true(b->step_count < MAX_STEPS);
    b->steps[b->step_count] = (step){.seconds = seconds};
    return b->step_count++;
}

static void wait_for(brute *b, int at, int before)
{
    if (before < 0 || at == before) {
        return;
    }
    for (int k = 0; k < b->steps[at].wait_count; k++) {
        if (b->steps[at].waits[k] == before) {
            return;
        }
    }
    b->steps[at].waits[b->steps[at].wait_count++] = before;
}

/* The step at whose end the value is in the host's memory; -1: from the start. */
static int host_step(const brute *b, uint32_t i)
{
    uint32_t producer = b->p->values[i].producer;
    return producer == DAVIT_PLACE_NONE       ? -1
           : is_block(b, b->device[producer]) ? b->node_step[producer]
                                              : b->out_step[i];
}

/* A block is one step, whose seconds are its load. */
static void make_steps(brute *b)
{
    for (uint32_t d = 0; d < b->p->device_count; d++) {
        int block = is_block(b, d) ? add_step(b, 0.0) : -1;
        for (uint32_t v = 0; v < b->p->node_count; v++) {
            if (b->device[v] == d) {
                double seconds = cost(b->p->node_seconds, b, v, d);
                b->node_step[v] = block >= 0 ? block : add_step(b, seconds);
                b->steps[b->node_step[v]].seconds += block >= 0 ? seconds : 0.0;
            }
        }
        for (uint32_t i = 0; i < b->p->value_count; i++) {
            if (enters(b, i, d)) {
                double seconds = cost(b->p->in_seconds, b, i, d);
                b->in_step[i][d] = block >= 0 ? block : add_step(b, seconds);
                b->steps[b->in_step[i][d]].seconds += block >= 0 ? seconds : 0.0;
            }
            if (source(b, i) == d && leaves(b, i)) {
                double seconds = cost(b->p->out_seconds, b, i, d);
                b->out_step[i] = block >= 0 ? block : add_step(b, seconds);
                b->steps[b->out_step[i]].seconds += block >= 0 ? seconds : 0.0;
            }
        }
    }
}

static void order_device(brute *b, uint32_t d)
{
    int last_node = -1;
    int last_out = -1;
    int last_in = -1;
    for (uint32_t v = 0; v < b->p->node_count; v++) {
        if (b->device[v] == d) {
            wait_for(b, b->node_step[v], last_node);
            last_node = b->node_step[v];
        }
        for (uint32_t i = 0; i < b->p->value_count; i++) {
            if (b->p->values[i].producer == v && b->device[v] == d && leaves(b, i)) {
                wait_for(b, b->out_step[i], last_out);
                last_out = b->out_step[i];
            }
        }
    }
    for (uint32_t v = 0; v < b->p->node_count; v++) {
        for (uint32_t i = 0; i < b->p->value_count; i++) {
            if (enters(b, i, d) && first_reader(b, i, d) == v) {
                wait_for(b, b->in_step[i][d], last_in);
                last_in = b->in_step[i][d];
            }
        }
    }
}

static void order_steps(brute *b)
{
    for (uint32_t d = 0; d < b->p->device_count; d++) {
        if (b->p->devices[d].discipline == DAVIT_PLACE_IN_ORDER) {
            order_device(b, d);
        }
        for (uint32_t i = 0; i < b->p->value_count; i++) {
            if (enters(b, i, d)) {
                wait_for(b, b->in_step[i][d], host_step(b, i));
            }
            if (source(b, i) == d && leaves(b, i)) {
                wait_for(b, b->out_step[i], b->node_step[b->p->values[i].producer]);
            }
            for (uint32_t v = 0; v < b->p->node_count; v++) {
                if (b->device[v] == d && reads(&b->p->values[i], v)) {
                    wait_for(b, b->node_step[v],
                             source(b, i) == d ? b->node_step[b->p->values[i].producer]
                                               : b->in_step[i][d]);
                }
            }
        }
    }
}

/* Settles steps whose waits are all settled, until none is left; INFINITY when that stops. */
static double settle_all(brute *b)
{
    bool done[MAX_STEPS] = {false};
    int left = b->step_count;
    double last = 0.0;
    for (bool progress = true; progress && left > 0;) {
        progress = false;
        for (int s = 0; s < b->step_count; s++) {
            step *one = &b->steps[s];
            bool ready = !done[s];
            for (int k = 0; k < one->wait_count && ready; k++) {
                const step *before = &b->steps[one->waits[k]];
                ready = done[one->waits[k]];
                one->start = fmax(one->start, before->start + before->seconds);
            }
            if (ready) {
                last = fmax(last, one->start + one->seconds);
                done[s] = progress = true;
                left--;
            }
        }
    }
    return left > 0 ? INFINITY : last;
}

static void sum_device(const brute *b, uint32_t d, double *memory, brute_times *times)
{
    const davit_place_problem *p = b->p;
    const davit_place_device *device = &p->devices[d];
    uint32_t of_class = device->device_class;
    double compute = 0.0;
    double in = 0.0;
    double out = 0.0;
    bool used = false;
    for (uint32_t v = 0; v < p->node_count; v++) {
        if (b->device[v] == d) {
            used = true;
            *memory += p->nodes[v].bytes;
            compute += cost(p->node_seconds, b, v, d);
            times->joules += p->node_joules ? p->node_joules[v * p->class_count + of_class] : 0.0;
        }
    }
    for (uint32_t i = 0; i < p->value_count; i++) {
        int copies = enters(b, i, d) + (source(b, i) == d && leaves(b, i));
        in += enters(b, i, d) ? cost(p->in_seconds, b, i, d) : 0.0;
        out += source(b, i) == d && leaves(b, i) ? cost(p->out_seconds, b, i, d) : 0.0;
        times->joules +=
            p->copy_joules ? copies * p->copy_joules[i * p->class_count + of_class] : 0.0;
    }
    if (used) {
        compute += device->use_seconds;
        times->latency_s += device->use_seconds;
        bool unlimited = device->discipline == DAVIT_PLACE_UNLIMITED;
        double period = is_block(b, d) ? compute + in + out : fmax(compute, fmax(in, out));
        times->period_s = fmax(times->period_s, unlimited ? INFINITY : period);
    }
}

static bool limits_kept(const davit_place_problem *p, const uint32_t *device)
{
    for (uint32_t v = 0; v < p->node_count; v++) {
        const davit_place_node *node = &p->nodes[v];
        uint32_t of_class = p->devices[device[v]].device_class;
        if (!isfinite(p->node_seconds[v * p->class_count + of_class]) ||
            (node->pin != DAVIT_PLACE_NONE && node->pin != device[v])) {
            return false;
        }
        for (uint32_t w = 0; w < v; w++) {
            if (node->group != DAVIT_PLACE_NONE && p->nodes[w].group == node->group &&
                device[v] != device[w]) {
                return false;
            }
        }
    }
    return true;
}

brute_times brute_simulate(const davit_place_problem *problem, const uint32_t *device)
{
    static step steps[MAX_STEPS];
    assert_true(problem->node_count <= MAX_NODES && problem->value_count <= MAX_VALUES &&
                problem->device_count <= MAX_DEVICES);
    brute b = {.p = problem, .device = device, .steps = steps};
    make_steps(&b);
    order_steps(&b);
    brute_times times = {.feasible = limits_kept(problem, device), .latency_s = settle_all(&b)};
    double watts = 0.0;
    for (uint32_t d = 0; d < problem->device_count; d++) {
        double memory = 0.0;
        double latency = times.latency_s;
        sum_device(&b, d, &memory, &times);
        times.feasible = times.feasible && memory <= problem->devices[d].memory_bytes * (1 + 1e-9);
        bool used = false;
        for (uint32_t v = 0; v < problem->node_count; v++) {
            used = used || device[v] == d;
        }
        watts += used ? problem->devices[d].idle_watts : 0.0;
        assert_true(times.latency_s >= latency);
    }
    times.joules += watts > 0.0 ? watts * times.latency_s : 0.0;
    return times;
}

static double objective_of(const davit_place_problem *problem, const davit_place_options *options,
                           const uint32_t *device)
{
    /* Most placements of a problem with many limits end here. */
    if (!limits_kept(problem, device)) {
        return INFINITY;
    }
    brute_times times = brute_simulate(problem, device);
    bool circle = !isfinite(times.latency_s);
    if (!times.feasible || (circle && options->objective != DAVIT_PLACE_THROUGHPUT)) {
        return INFINITY;
    }
    switch (options->objective) {
    case DAVIT_PLACE_THROUGHPUT:
        return times.period_s;
    case DAVIT_PLACE_ENERGY:
        return times.latency_s <= options->latency_limit_s ? times.joules : INFINITY;
    case DAVIT_PLACE_LATENCY:
        break;
    }
    return times.latency_s;
}

double brute_best(const davit_place_problem *problem, const davit_place_options *options,
                  uint32_t *best)
{
    uint32_t device[MAX_NODES] = {0};
    double least = INFINITY;
    for (;;) {
        double value = objective_of(problem, options, device);
        if (value < least) {
            least = value;
            if (best != NULL) {
                memcpy(best, device, problem->node_count * sizeof(*best));
            }
        }
        uint32_t v = 0;
        while (v < problem->node_count && ++device[v] == problem->device_count) {
            device[v++] = 0;
        }
        if (v == problem->node_count) {
            return least;
        }
    }
}
