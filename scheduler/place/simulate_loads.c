/* What does not depend on when things happen: loads, period, energy of work, limits. */
#include "simulate_private.h"

bool davit_place_leaves(const davit_place_problem *problem, const uint32_t *device, uint32_t value)
{
    const davit_place_value *v = &problem->values[value];
    if (v->producer == DAVIT_PLACE_NONE) {
        return false;
    }
    bool leaves = v->to_host;
    for (uint32_t k = 0; k < v->consumer_count && !leaves; k++) {
        leaves = device[v->consumers[k]] != device[v->producer];
    }
    return leaves;
}

static double copy_joules(const davit_place_problem *problem, uint32_t value, uint32_t device)
{
    return problem->copy_joules == NULL
               ? 0.0
               : problem->copy_joules[(size_t)value * problem->class_count +
                                      davit_place_class(problem, device)];
}

static void add_value(const davit_place_problem *problem, const uint32_t *device, uint32_t value,
                      uint32_t *stamp, davit_place_timeline *timeline)
{
    const davit_place_value *v = &problem->values[value];
    uint32_t source = davit_place_source(problem, device, value);
    if (davit_place_leaves(problem, device, value)) {
        timeline->loads[source].out_s += davit_place_out_seconds(problem, value, source);
        timeline->loads[source].out_bytes += v->bytes;
        timeline->joules += copy_joules(problem, value, source);
    }
    for (uint32_t k = 0; k < v->consumer_count; k++) {
        uint32_t to = device[v->consumers[k]];
        if (to == source || stamp[to] == value) {
            continue;
        }
        stamp[to] = value;
        timeline->loads[to].in_s += davit_place_in_seconds(problem, value, to);
        timeline->loads[to].in_bytes += v->bytes;
        timeline->joules += copy_joules(problem, value, to);
    }
}

static double load_period(const davit_place_device *device, const davit_place_load *load)
{
    switch (device->discipline) {
    case DAVIT_PLACE_BLOCK:
        return load->compute_s + load->in_s + load->out_s;
    case DAVIT_PLACE_UNLIMITED:
        return load->node_count > 0 ? INFINITY : 0.0;
    case DAVIT_PLACE_IN_ORDER:
        break;
    }
    return fmax(load->compute_s, fmax(load->in_s, load->out_s));
}

/* owner: per group the device of its first node, DAVIT_PLACE_NONE before that. */
static bool group_is_split(const davit_place_problem *problem, const uint32_t *device,
                           uint32_t node, uint32_t *owner)
{
    uint32_t group = problem->nodes[node].group;
    if (group == DAVIT_PLACE_NONE) {
        return false;
    }
    if (owner[group] == DAVIT_PLACE_NONE) {
        owner[group] = device[node];
    }
    return owner[group] != device[node];
}

static davit_place_fault find_fault(const davit_place_problem *problem, const uint32_t *device,
                                    const davit_place_load *loads, uint32_t *owner)
{
    davit_place_fault fault = DAVIT_PLACE_FEASIBLE;
    for (uint32_t g = 0; g < problem->group_count; g++) {
        owner[g] = DAVIT_PLACE_NONE;
    }
    for (uint32_t v = 0; v < problem->node_count && fault == DAVIT_PLACE_FEASIBLE; v++) {
        const davit_place_node *node = &problem->nodes[v];
        if (!isfinite(davit_place_node_seconds(problem, v, device[v]))) {
            fault = DAVIT_PLACE_UNSUPPORTED;
        } else if (node->pin != DAVIT_PLACE_NONE && node->pin != device[v]) {
            fault = DAVIT_PLACE_PIN_BROKEN;
        } else if (group_is_split(problem, device, v, owner)) {
            fault = DAVIT_PLACE_GROUP_SPLIT;
        }
    }
    for (uint32_t d = 0; d < problem->device_count && fault == DAVIT_PLACE_FEASIBLE; d++) {
        if (!davit_place_fits(loads[d].memory_bytes, problem->devices[d].memory_bytes)) {
            fault = DAVIT_PLACE_MEMORY_EXCEEDED;
        }
    }
    return fault;
}

void davit_place_sum_loads(const davit_place_problem *problem, const uint32_t *device,
                           uint32_t *scratch, davit_place_timeline *timeline,
                           davit_place_fault *fault)
{
    uint32_t *stamp = scratch;
    for (uint32_t v = 0; v < problem->node_count; v++) {
        davit_place_load *load = &timeline->loads[device[v]];
        load->node_count++;
        load->compute_s += davit_place_node_seconds(problem, v, device[v]);
        load->memory_bytes += problem->nodes[v].bytes;
        if (problem->node_joules != NULL) {
            timeline->joules += problem->node_joules[(size_t)v * problem->class_count +
                                                     davit_place_class(problem, device[v])];
        }
    }
    for (uint32_t d = 0; d < problem->device_count; d++) {
        stamp[d] = DAVIT_PLACE_NONE;
        if (timeline->loads[d].node_count > 0) {
            timeline->loads[d].compute_s += problem->devices[d].use_seconds;
        }
    }
    for (uint32_t i = 0; i < problem->value_count; i++) {
        add_value(problem, device, i, stamp, timeline);
    }
    for (uint32_t d = 0; d < problem->device_count; d++) {
        double period = load_period(&problem->devices[d], &timeline->loads[d]);
        timeline->period_s = fmax(timeline->period_s, period);
    }
    *fault = find_fault(problem, device, timeline->loads, scratch + problem->device_count);
}
