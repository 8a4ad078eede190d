#include "davit/problem.h"

static bool is_amount(double value)
{
    return isfinite(value) && value >= 0.0;
}

static bool is_amount_or_infinite(double value)
{
    return value >= 0.0; /* false for NaN */
}

static bool same_but_name(const davit_place_device *a, const davit_place_device *b)
{
    return a->discipline == b->discipline && a->memory_bytes == b->memory_bytes &&
           a->idle_watts == b->idle_watts && a->use_seconds == b->use_seconds;
}

static davit_status check_devices(const davit_place_problem *problem, const davit_diagnostics *diag)
{
    if (problem->device_count == 0) {
        return davit_fail(diag, DAVIT_BAD_DATA, "placement problem: there is no device");
    }
    for (uint32_t d = 0; d < problem->device_count; d++) {
        const davit_place_device *device = &problem->devices[d];
        if (device->device_class >= problem->class_count) {
            return davit_fail(diag, DAVIT_BAD_DATA, "device %s: class %u of %u does not exist",
                              device->name, device->device_class, problem->class_count);
        }
        if ((unsigned)device->discipline > DAVIT_PLACE_UNLIMITED) {
            return davit_fail(diag, DAVIT_BAD_DATA, "device %s: unknown discipline", device->name);
        }
        if (!is_amount_or_infinite(device->memory_bytes) || !is_amount(device->idle_watts) ||
            !is_amount(device->use_seconds)) {
            return davit_fail(diag, DAVIT_BAD_DATA,
                              "device %s: memory, power or time is negative or not a number",
                              device->name);
        }
        for (uint32_t e = 0; e < d; e++) {
            const davit_place_device *other = &problem->devices[e];
            if (other->device_class == device->device_class && !same_but_name(device, other)) {
                return davit_fail(diag, DAVIT_BAD_DATA,
                                  "devices %s and %s are of one class and differ", other->name,
                                  device->name);
            }
        }
    }
    return DAVIT_OK;
}

static davit_status check_node(const davit_place_problem *problem, uint32_t v,
                               const davit_diagnostics *diag)
{
    const davit_place_node *node = &problem->nodes[v];
    if (!is_amount(node->bytes)) {
        return davit_fail(diag, DAVIT_BAD_DATA, "node %s: bytes are negative or not finite",
                          node->name);
    }
    if (node->group != DAVIT_PLACE_NONE && node->group >= problem->group_count) {
        return davit_fail(diag, DAVIT_BAD_DATA, "node %s: group %u of %u does not exist",
                          node->name, node->group, problem->group_count);
    }
    if (node->pin != DAVIT_PLACE_NONE && node->pin >= problem->device_count) {
        return davit_fail(diag, DAVIT_BAD_DATA, "node %s: pinned to device %u of %u", node->name,
                          node->pin, problem->device_count);
    }
    for (uint32_t c = 0; c < problem->class_count; c++) {
        size_t at = (size_t)v * problem->class_count + c;
        if (!is_amount_or_infinite(problem->node_seconds[at])) {
            return davit_fail(diag, DAVIT_BAD_DATA, "node %s: negative time on class %u",
                              node->name, c);
        }
        if (problem->node_joules != NULL && !is_amount(problem->node_joules[at])) {
            return davit_fail(diag, DAVIT_BAD_DATA,
                              "node %s: negative or infinite energy on class %u", node->name, c);
        }
    }
    return DAVIT_OK;
}

static davit_status check_ends(const davit_place_problem *problem, uint32_t i,
                               const davit_diagnostics *diag)
{
    const davit_place_value *value = &problem->values[i];
    if (value->producer != DAVIT_PLACE_NONE && value->producer >= problem->node_count) {
        return davit_fail(diag, DAVIT_BAD_DATA, "value %u: made by node %u of %u", i,
                          value->producer, problem->node_count);
    }
    for (uint32_t k = 0; k < value->consumer_count; k++) {
        uint32_t consumer = value->consumers[k];
        if (consumer >= problem->node_count) {
            return davit_fail(diag, DAVIT_BAD_DATA, "value %u: read by node %u of %u", i, consumer,
                              problem->node_count);
        }
        if (k > 0 && consumer <= value->consumers[k - 1]) {
            return davit_fail(diag, DAVIT_BAD_DATA, "value %u: its readers are not in order", i);
        }
        if (value->producer != DAVIT_PLACE_NONE && consumer <= value->producer) {
            return davit_fail(diag, DAVIT_BAD_DATA,
                              "value %u: node %s reads it and comes before node %s, its producer",
                              i, problem->nodes[consumer].name,
                              problem->nodes[value->producer].name);
        }
    }
    return DAVIT_OK;
}

static davit_status check_value(const davit_place_problem *problem, uint32_t i,
                                const davit_diagnostics *diag)
{
    bool good = is_amount(problem->values[i].bytes);
    for (uint32_t c = 0; c < problem->class_count; c++) {
        size_t at = (size_t)i * problem->class_count + c;
        good = good && is_amount(problem->in_seconds[at]) && is_amount(problem->out_seconds[at]) &&
               (problem->copy_joules == NULL || is_amount(problem->copy_joules[at]));
    }
    if (!good) {
        return davit_fail(diag, DAVIT_BAD_DATA,
                          "value %u: bytes, a time or an energy is negative or not finite", i);
    }
    return check_ends(problem, i, diag);
}

davit_status davit_place_problem_check(const davit_place_problem *problem,
                                       const davit_allocator *allocator,
                                       const davit_diagnostics *diag)
{
    (void)allocator;
    davit_status status = check_devices(problem, diag);
    for (uint32_t v = 0; status == DAVIT_OK && v < problem->node_count; v++) {
        status = check_node(problem, v, diag);
    }
    for (uint32_t i = 0; status == DAVIT_OK && i < problem->value_count; i++) {
        status = check_value(problem, i, diag);
    }
    return status;
}
