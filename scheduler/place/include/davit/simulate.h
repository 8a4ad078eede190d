/* The simulator: the one place where the time of a placement is computed.
 *
 * Latency of one inference (`latency_s`). Nodes are taken in the problem's order.
 *   in order: a node starts at the latest of: its device is free; each of its inputs is there. An
 *     input made on the same device is there when its producer ends; another one when its copy into
 *     the device ends.
 *   copies: a value read elsewhere, or wanted by the host, leaves its device once: from the end of
 * its producer or when the way out is free, in the order of producers. It enters a device once,
 * from when it is in the host's memory or when the way in is free, in the order of its first reader
 *     there (then of values). Copies of an unlimited device take no time.
 *   blocks: a block starts when every value that it receives is in the host's memory, takes the sum
 *     of its copies in, nodes, copies out, and all it makes is there at its end. Placements whose
 *     blocks wait for each other in a circle are infeasible.
 *   latency_s is when the last node and the last copy to the host have ended, plus use_seconds of
 * the devices used. Period of a pipeline of inferences (`period_s`): the largest load of any
 * resource. An in-order device has three: computing, copies in, copies out; a block device one,
 * their sum; use_seconds counts as computing. Energy of one inference (`joules`): of nodes and
 * copies, and idle_watts of the devices used times latency_s. Memory: bytes of a device's nodes. */
#ifndef DAVIT_SIMULATE_H
#define DAVIT_SIMULATE_H

#include "davit/problem.h"

typedef struct davit_place_load {
    uint32_t node_count;
    double compute_s; /* nodes and use_seconds */
    double in_s, out_s;
    double in_bytes, out_bytes;
    double memory_bytes;
} davit_place_load;

typedef enum davit_place_event_kind {
    DAVIT_PLACE_COMPUTE, /* index: node */
    DAVIT_PLACE_IN,      /* index: value */
    DAVIT_PLACE_OUT      /* index: value */
} davit_place_event_kind;

typedef struct davit_place_event {
    davit_place_event_kind kind;
    uint32_t device;
    uint32_t index;
    double start_s, end_s;
} davit_place_event;

typedef struct davit_place_timeline {
    const davit_allocator *allocator;
    double latency_s; /* INFINITY when blocks wait in a circle */
    double period_s;  /* INFINITY when an unlimited device has nodes */
    double joules; /* 0 when the problem has none; INFINITY when latency_s is and watts are not 0 */
    davit_place_load *loads; /* [device_count] */
    size_t event_count;      /* by start, then device, kind, index */
    davit_place_event *events;
} davit_place_timeline;

/* Why a placement is not allowed; the first of these that holds is told. */
typedef enum davit_place_fault {
    DAVIT_PLACE_FEASIBLE,
    DAVIT_PLACE_UNSUPPORTED,
    DAVIT_PLACE_PIN_BROKEN,
    DAVIT_PLACE_GROUP_SPLIT,
    DAVIT_PLACE_MEMORY_EXCEEDED,
    DAVIT_PLACE_CIRCLE
} davit_place_fault;

/* Whether bytes fit into a memory. The slack is for sums taken in another order. */
static inline bool davit_place_fits(double bytes, double memory_bytes)
{
    return bytes <= memory_bytes * (1.0 + 1e-9);
}

/* Simulates device[node] (each below device_count). With events false event_count is 0. The fault
 * is not an error of this call: times are computed where they can be. Free with
 * davit_place_timeline_clear. DAVIT_OUT_OF_MEMORY. Reentrant. */
DAVIT_NODISCARD davit_status davit_place_simulate(const davit_place_problem *problem,
                                                  const uint32_t *device, bool events,
                                                  const davit_allocator *allocator,
                                                  davit_place_timeline *timeline,
                                                  davit_place_fault *fault);
void davit_place_timeline_clear(davit_place_timeline *timeline);

#endif
