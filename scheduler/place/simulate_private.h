/* What the two halves of the simulator share: loads and times. */
#ifndef DAVIT_PLACE_SIMULATE_PRIVATE_H
#define DAVIT_PLACE_SIMULATE_PRIVATE_H

#include "davit/simulate.h"

static inline uint32_t davit_place_class(const davit_place_problem *problem, uint32_t device)
{
    return problem->devices[device].device_class;
}

static inline double davit_place_node_seconds(const davit_place_problem *problem, uint32_t node,
                                              uint32_t device)
{
    return problem
        ->node_seconds[(size_t)node * problem->class_count + davit_place_class(problem, device)];
}

/* Copies to and from unlimited devices cost nothing. */
static inline double davit_place_in_seconds(const davit_place_problem *problem, uint32_t value,
                                            uint32_t device)
{
    return problem->devices[device].discipline == DAVIT_PLACE_UNLIMITED
               ? 0.0
               : problem->in_seconds[(size_t)value * problem->class_count +
                                     davit_place_class(problem, device)];
}

static inline double davit_place_out_seconds(const davit_place_problem *problem, uint32_t value,
                                             uint32_t device)
{
    return problem->devices[device].discipline == DAVIT_PLACE_UNLIMITED
               ? 0.0
               : problem->out_seconds[(size_t)value * problem->class_count +
                                      davit_place_class(problem, device)];
}

/* The device of the value's producer, DAVIT_PLACE_NONE when it lies in the host's memory. */
static inline uint32_t davit_place_source(const davit_place_problem *problem,
                                          const uint32_t *device, uint32_t value)
{
    uint32_t producer = problem->values[value].producer;
    return producer == DAVIT_PLACE_NONE ? DAVIT_PLACE_NONE : device[producer];
}

/* Whether the value leaves the device that makes it. */
bool davit_place_leaves(const davit_place_problem *problem, const uint32_t *device, uint32_t value);

/* Loads, period and the joules of nodes and copies (without idling); *fault without the circle.
 * scratch has device_count + group_count elements. */
void davit_place_sum_loads(const davit_place_problem *problem, const uint32_t *device,
                           uint32_t *scratch, davit_place_timeline *timeline,
                           davit_place_fault *fault);

#endif
