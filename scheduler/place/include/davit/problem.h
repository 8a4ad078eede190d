/* A placement problem: nodes with costs on classes of devices, values between them, limits. It
 * knows nothing of graphs and networks: scheduler/plan makes one from units and profiles,
 * problem_file.h reads one from a file, and davit/place.h solves it.
 *
 * Copies go through the host's memory: a value that is needed on another device than the one that
 * makes it leaves its device once (out) and enters every device that reads it once (in). Devices
 * whose memory is the host's have copies of no cost. Seconds are those of one inference. */
#ifndef DAVIT_PROBLEM_H
#define DAVIT_PROBLEM_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "davit/allocator.h"
#include "davit/diagnostics.h"

#define DAVIT_PLACE_NONE UINT32_MAX

/* How a device works through its nodes. */
typedef enum davit_place_discipline {
    /* One node at a time, in the problem's order; each starts as soon as its inputs are there.
     * Copies in and out are two resources of their own and overlap with computing. */
    DAVIT_PLACE_IN_ORDER,
    /* All its nodes are one block: receive everything, compute, send everything, one after the
     * other. The block starts when all it receives has been made (Tarnawski et al., "Efficient
     * Algorithms for Device Placement of DNN Graph Operators", NeurIPS 2020). */
    DAVIT_PLACE_BLOCK,
    /* Any number of nodes at a time: each starts when its inputs are there. Copies cost nothing. No
     * load, hence latency only. */
    DAVIT_PLACE_UNLIMITED
} davit_place_discipline;

typedef struct davit_place_device {
    const char *name;
    /* Index of its column in the tables of costs. Devices of one class also agree in everything
     * else here but the name: they can be exchanged. */
    uint32_t device_class;
    davit_place_discipline discipline;
    double memory_bytes; /* INFINITY: no limit */
    double idle_watts;   /* while an inference runs and the device has a node */
    double use_seconds;  /* added once to the time of an inference when the device has a node */
} davit_place_device;

typedef struct davit_place_node {
    const char *name;
    double bytes;   /* memory that it takes on its device */
    uint32_t group; /* nodes of one group run on one device; DAVIT_PLACE_NONE: none */
    uint32_t pin;   /* index of the only device it may run on; DAVIT_PLACE_NONE: any */
} davit_place_node;

typedef struct davit_place_value {
    uint32_t producer; /* node, or DAVIT_PLACE_NONE: lies in the host's memory from the start */
    bool to_host;      /* wanted in the host's memory at the end */
    uint32_t consumer_count;
    const uint32_t *consumers; /* nodes, ascending, each once, all above the producer */
    double bytes;
} davit_place_value;

/* All arrays are borrowed and constant. Nodes are in topological order, which is also the order in
 * which a device takes its nodes. Times and joules are finite and >= 0; node_seconds may be
 * INFINITY: the class cannot run the node. */
typedef struct davit_place_problem {
    uint32_t node_count;
    const davit_place_node *nodes;
    uint32_t device_count;
    const davit_place_device *devices;
    uint32_t class_count;
    const double *node_seconds; /* [node_count][class_count] */
    const double *node_joules;  /* [node_count][class_count], or NULL: unknown */
    uint32_t value_count;
    const davit_place_value *values;
    const double *in_seconds;  /* [value_count][class_count]: host to device, once per device */
    const double *out_seconds; /* [value_count][class_count]: device to host, once */
    const double *copy_joules; /* [value_count][class_count]: each way, or NULL: unknown */
    uint32_t group_count;      /* groups are below it */
} davit_place_problem;

/* Checks everything above; the first thing that is wrong is reported (DAVIT_BAD_DATA). */
DAVIT_NODISCARD davit_status davit_place_problem_check(const davit_place_problem *problem,
                                                       const davit_allocator *allocator,
                                                       const davit_diagnostics *diag);

#endif
