/* The form paths of certificate.md. Values push their times to their readers, node by node. */
#include "check_paths.h"

#include "davit/simulate.h"

static size_t cell(const davit_place_paths *paths, uint32_t node, uint32_t device)
{
    return (size_t)node * paths->problem->device_count + device;
}

/* A row of a table by class: 0 for devices whose copies cost nothing. */
static double copy_cost(const davit_place_paths *paths, const double *table, uint32_t value,
                        uint32_t device)
{
    const davit_place_device *info = &paths->problem->devices[device];
    return info->discipline == DAVIT_PLACE_UNLIMITED && table != paths->problem->copy_joules
               ? 0.0
               : table[(size_t)value * paths->problem->class_count + info->device_class];
}

/* The device of the group of a node; none for the host's memory (is_host) and open groups. */
static uint32_t place_of(const davit_place_paths *paths, const uint32_t *at, uint32_t node)
{
    return node == DAVIT_PLACE_NONE ? DAVIT_PLACE_NONE : at[paths->groups->of_node[node]];
}

static void push(davit_place_paths *paths, const uint32_t *at, uint32_t value, uint32_t reader)
{
    const davit_place_problem *p = paths->problem;
    const davit_place_groups *groups = paths->groups;
    uint32_t producer = p->values[value].producer;
    uint32_t made_in = groups->of_node[producer];
    uint32_t read_in = groups->of_node[reader];
    for (uint32_t to = 0; to < p->device_count; to++) {
        double soonest = INFINITY;
        for (uint32_t from = 0; from < p->device_count; from++) {
            double time = paths->end[cell(paths, producer, from)];
            if (from == to) {
                bool fits = made_in == read_in ||
                            davit_place_fits(groups->bytes[made_in] + groups->bytes[read_in],
                                             p->devices[to].memory_bytes);
                soonest = fits ? fmin(soonest, time) : soonest;
                continue;
            }
            if (made_in == read_in || isinf(time)) {
                continue;
            }
            time += copy_cost(paths, p->out_seconds, value, from);
            if (at[made_in] == from && p->devices[from].discipline == DAVIT_PLACE_BLOCK) {
                time = fmax(time, paths->begin[from] + paths->length[from]);
            }
            soonest = fmin(soonest, time + copy_cost(paths, p->in_seconds, value, to));
        }
        double *ready = &paths->ready[cell(paths, reader, to)];
        *ready = fmax(*ready, soonest);
    }
}

/* Ends the node on each device where it may be; returns the least end of an inference with it. */
static double end_node(davit_place_paths *paths, const uint32_t *at, uint32_t node)
{
    const davit_place_problem *p = paths->problem;
    uint32_t group = paths->groups->of_node[node];
    double least = INFINITY;
    for (uint32_t d = 0; d < p->device_count; d++) {
        size_t k = cell(paths, node, d);
        paths->end[k] = INFINITY;
        if (!paths->groups->allowed[(size_t)group * p->device_count + d] ||
            (at[group] != DAVIT_PLACE_NONE && at[group] != d)) {
            continue;
        }
        double start = paths->ready[k];
        bool in_line = at[group] == d && p->devices[d].discipline == DAVIT_PLACE_IN_ORDER;
        start = in_line ? fmax(start, paths->last[d]) : start;
        paths->end[k] =
            start + p->node_seconds[(size_t)node * p->class_count + p->devices[d].device_class];
        paths->last[d] = in_line ? paths->end[k] : paths->last[d];
        least = fmin(least, paths->end[k] + p->devices[d].use_seconds);
    }
    return least;
}

/* A value that the host wants ends the inference no sooner than it is there. */
static double end_value(const davit_place_paths *paths, uint32_t value)
{
    const davit_place_problem *p = paths->problem;
    uint32_t producer = p->values[value].producer;
    double least = INFINITY;
    for (uint32_t d = 0; d < p->device_count; d++) {
        least =
            fmin(least, paths->end[cell(paths, producer, d)] +
                            copy_cost(paths, p->out_seconds, value, d) + p->devices[d].use_seconds);
    }
    return least;
}

/* One pass over the nodes; the ends of blocks are those of the last pass. */
static double pass(davit_place_paths *paths, const uint32_t *at)
{
    const davit_place_problem *p = paths->problem;
    double latency = 0.0;
    for (uint32_t d = 0; d < p->device_count; d++) {
        paths->last[d] = 0.0;
    }
    for (size_t k = 0; k < (size_t)p->node_count * p->device_count; k++) {
        paths->ready[k] = 0.0;
    }
    for (uint32_t i = 0; i < p->value_count; i++) {
        const davit_place_value *value = &p->values[i];
        for (uint32_t c = 0; value->producer == DAVIT_PLACE_NONE && c < value->consumer_count;
             c++) {
            for (uint32_t d = 0; d < p->device_count; d++) {
                double *ready = &paths->ready[cell(paths, value->consumers[c], d)];
                *ready = fmax(*ready, copy_cost(paths, p->in_seconds, i, d));
            }
        }
    }
    for (uint32_t v = 0; v < p->node_count; v++) {
        latency = fmax(latency, end_node(paths, at, v));
        for (uint32_t k = paths->made_first[v]; k < paths->made_first[v + 1]; k++) {
            uint32_t i = paths->made[k];
            for (uint32_t c = 0; c < p->values[i].consumer_count; c++) {
                push(paths, at, i, p->values[i].consumers[c]);
            }
            latency = p->values[i].to_host ? fmax(latency, end_value(paths, i)) : latency;
        }
    }
    return latency;
}

/* Visits the copies of a value between different devices where both ends are known. */
typedef void (*copy_visit)(void *user, uint32_t value, uint32_t device, bool in);
static void visit_copies(const davit_place_paths *paths, const uint32_t *at, copy_visit visit,
                         void *user)
{
    const davit_place_problem *p = paths->problem;
    for (uint32_t i = 0; i < p->value_count; i++) {
        const davit_place_value *value = &p->values[i];
        bool of_host = value->producer == DAVIT_PLACE_NONE;
        uint32_t from = place_of(paths, at, value->producer);
        bool known = of_host || from != DAVIT_PLACE_NONE;
        bool leaves = value->to_host;
        for (uint32_t d = 0; d < p->device_count && known; d++) {
            bool enters = false;
            for (uint32_t c = 0; c < value->consumer_count && d != from; c++) {
                enters = enters || place_of(paths, at, value->consumers[c]) == d;
            }
            leaves = leaves || enters;
            if (enters) {
                visit(user, i, d, true);
            }
        }
        if (leaves && known && !of_host) {
            visit(user, i, from, false);
        }
    }
}

static void lengthen(void *user, uint32_t value, uint32_t device, bool in)
{
    davit_place_paths *paths = user;
    const davit_place_problem *p = paths->problem;
    paths->length[device] += copy_cost(paths, in ? p->in_seconds : p->out_seconds, value, device);
}

typedef struct beginning {
    davit_place_paths *paths;
    const uint32_t *at;
} beginning;

static void delay(void *user, uint32_t value, uint32_t device, bool in)
{
    const beginning *b = user;
    davit_place_paths *paths = b->paths;
    uint32_t producer = paths->problem->values[value].producer;
    if (!in || producer == DAVIT_PLACE_NONE) {
        return;
    }
    uint32_t from = place_of(paths, b->at, producer);
    double there = paths->end[cell(paths, producer, from)] +
                   copy_cost(paths, paths->problem->out_seconds, value, from);
    if (paths->problem->devices[from].discipline == DAVIT_PLACE_BLOCK) {
        there = fmax(there, paths->begin[from] + paths->length[from]);
    }
    paths->begin[device] = fmax(paths->begin[device], there);
}

/* The weighted mean of what devices compute at least. */
static double area(const davit_place_paths *paths, const uint32_t *at)
{
    uint32_t devices = paths->problem->device_count;
    double sum = 0.0;
    double whole = 0.0;
    for (uint32_t d = 0; d < devices; d++) {
        whole += paths->multipliers[d];
    }
    for (uint32_t g = 0; g < paths->groups->count; g++) {
        double least = INFINITY;
        for (uint32_t d = 0; d < devices; d++) {
            size_t k = (size_t)g * devices + d;
            bool may = at[g] == DAVIT_PLACE_NONE ? paths->groups->allowed[k] : at[g] == d;
            least = may ? fmin(least, paths->multipliers[d] * paths->groups->seconds[k]) : least;
        }
        sum += least;
    }
    return whole > 0.0 ? sum / whole : 0.0;
}

double davit_place_paths_latency(davit_place_paths *paths, const uint32_t *at)
{
    const davit_place_problem *p = paths->problem;
    for (uint32_t d = 0; d < p->device_count; d++) {
        paths->begin[d] = 0.0;
        paths->length[d] = 0.0;
        for (uint32_t g = 0; g < paths->groups->count; g++) {
            paths->length[d] +=
                at[g] == d ? paths->groups->seconds[(size_t)g * p->device_count + d] : 0.0;
        }
    }
    visit_copies(paths, at, lengthen, paths);
    double latency = pass(paths, at);
    latency = paths->multipliers != NULL ? fmax(latency, area(paths, at)) : latency;
    for (int again = 0; again < 2; again++) {
        beginning b = {paths, at};
        visit_copies(paths, at, delay, &b);
        for (uint32_t d = 0; d < p->device_count; d++) {
            if (p->devices[d].discipline == DAVIT_PLACE_BLOCK && paths->length[d] > 0.0) {
                latency =
                    fmax(latency, paths->begin[d] + paths->length[d] + p->devices[d].use_seconds);
            }
        }
        latency = fmax(latency, pass(paths, at));
    }
    return latency;
}

typedef struct energy {
    const davit_place_paths *paths;
    double joules;
} energy;

static void add_copy(void *user, uint32_t value, uint32_t device, bool in)
{
    (void)in;
    energy *sum = user;
    sum->joules += copy_cost(sum->paths, sum->paths->problem->copy_joules, value, device);
}

/* Of a group on a device. */
static double group_joules(const davit_place_paths *paths, uint32_t group, uint32_t device)
{
    const davit_place_problem *p = paths->problem;
    double joules = 0.0;
    for (uint32_t v = paths->groups->first[group]; v < p->node_count; v++) {
        if (paths->groups->of_node[v] == group) {
            joules += p->node_joules[(size_t)v * p->class_count + p->devices[device].device_class];
        }
    }
    return joules;
}

double davit_place_paths_joules(const davit_place_paths *paths, const uint32_t *at,
                                double latency_s)
{
    const davit_place_problem *p = paths->problem;
    energy sum = {paths, 0.0};
    for (uint32_t g = 0; g < paths->groups->count && p->node_joules != NULL; g++) {
        double least = INFINITY;
        for (uint32_t d = 0; d < p->device_count; d++) {
            bool may = at[g] == DAVIT_PLACE_NONE
                           ? paths->groups->allowed[(size_t)g * p->device_count + d]
                           : at[g] == d;
            least = may ? fmin(least, group_joules(paths, g, d)) : least;
        }
        sum.joules += least;
    }
    if (p->copy_joules != NULL) {
        visit_copies(paths, at, add_copy, &sum);
    }
    double used = 0.0;
    double least = INFINITY;
    for (uint32_t d = 0; d < p->device_count; d++) {
        bool has = false;
        for (uint32_t g = 0; g < paths->groups->count; g++) {
            has = has || at[g] == d;
        }
        used += has ? p->devices[d].idle_watts : 0.0;
        least = fmin(least, p->devices[d].idle_watts);
    }
    double watts = fmax(used, least);
    return watts > 0.0 ? sum.joules + watts * latency_s : sum.joules;
}

static void list_values(davit_place_paths *paths)
{
    const davit_place_problem *p = paths->problem;
    uint32_t count = 0;
    for (uint32_t i = 0; i < p->value_count; i++) {
        if (p->values[i].producer != DAVIT_PLACE_NONE) {
            paths->made_first[p->values[i].producer + 1]++;
        }
    }
    for (uint32_t v = 0; v < p->node_count; v++) {
        paths->made_first[v + 1] += paths->made_first[v];
    }
    count = paths->made_first[p->node_count];
    for (uint32_t i = p->value_count; i-- > 0;) {
        if (p->values[i].producer != DAVIT_PLACE_NONE) {
            paths->made[--paths->made_first[p->values[i].producer + 1]] = i;
        }
    }
    for (uint32_t v = 0; v < p->node_count; v++) { /* ends of ranges have become beginnings */
        paths->made_first[v] = paths->made_first[v + 1];
    }
    paths->made_first[p->node_count] = count;
}

/* An unlimited device has no load: its multiplier must be 0. */
static davit_status read_multipliers(const davit_place_proof *proof, davit_place_paths *paths)
{
    const davit_place_problem *p = proof->problem;
    if (json_object_get(proof->json, "multipliers") == NULL) {
        return DAVIT_OK;
    }
    davit_status status =
        davit_place_numbers(proof, "multipliers", p->device_count, &paths->multipliers);
    for (uint32_t d = 0; d < p->device_count && status == DAVIT_OK; d++) {
        if (p->devices[d].discipline == DAVIT_PLACE_UNLIMITED && paths->multipliers[d] > 0.0) {
            status = davit_place_wrong(proof, "a device without a load has a multiplier");
        }
    }
    return status;
}

davit_status davit_place_paths_make(const davit_place_proof *proof,
                                    const davit_place_groups *groups, davit_place_paths *paths)
{
    const davit_place_problem *p = proof->problem;
    size_t devices = p->device_count;
    *paths = (davit_place_paths){.problem = p, .groups = groups};
    paths->end = davit_arena_alloc_array(proof->arena, p->node_count * devices, sizeof(double));
    paths->ready = davit_arena_alloc_array(proof->arena, p->node_count * devices, sizeof(double));
    paths->last = davit_arena_alloc_array(proof->arena, devices, sizeof(double));
    paths->begin = davit_arena_alloc_array(proof->arena, devices, sizeof(double));
    paths->length = davit_arena_alloc_array(proof->arena, devices, sizeof(double));
    paths->made_first =
        davit_arena_alloc_array(proof->arena, (size_t)p->node_count + 1, sizeof(uint32_t));
    paths->made = davit_arena_alloc_array(proof->arena, p->value_count, sizeof(uint32_t));
    if (paths->made_first == NULL || paths->made == NULL) {
        return davit_place_no_memory(proof);
    }
    list_values(paths);
    return paths->end == NULL || paths->ready == NULL || paths->last == NULL ||
                   paths->begin == NULL || paths->length == NULL
               ? davit_place_no_memory(proof)
               : read_multipliers(proof, paths);
}

davit_status davit_place_check_paths(const davit_place_proof *proof, double *proved)
{
    davit_place_groups groups;
    davit_place_paths paths;
    davit_status status = davit_place_groups_make(proof, false, &groups);
    if (status == DAVIT_OK) {
        status = davit_place_paths_make(proof, &groups, &paths);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    uint32_t *open = davit_arena_alloc_array(proof->arena, groups.count, sizeof(*open));
    if (open == NULL) {
        return davit_place_no_memory(proof);
    }
    for (uint32_t g = 0; g < groups.count; g++) {
        open[g] = DAVIT_PLACE_NONE;
    }
    *proved = davit_place_paths_latency(&paths, open);
    if (proof->options->objective == DAVIT_PLACE_ENERGY) {
        *proved = davit_place_paths_joules(&paths, open, *proved);
    }
    return DAVIT_OK;
}
