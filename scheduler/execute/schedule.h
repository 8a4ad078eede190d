/* The schedule of a plan: which programs run in which order, which values they exchange, where each
 * value lies in the memory of each device, and which copies are made. Computed from graph and plan
 * alone; no device is touched. */
#ifndef DAVIT_SCHEDULE_H
#define DAVIT_SCHEDULE_H

#include "davit/plan.h"

#define DAVIT_NO_INDEX SIZE_MAX

/* A copy of a value in the memory of a device, or on the host (device == device_count of the
 * plan). Lives there from program `first` to program `last`. */
typedef struct davit_value_copy {
    davit_value_id value;
    uint32_t device;
    size_t bytes;
    size_t first;
    size_t last;
    size_t offset_bytes; /* in the arena of the device */
} davit_value_copy;

/* A value that is copied into the memory of a program's device before the program runs: from the
 * caller's input, or from another copy that the host can read. */
typedef struct davit_arrival {
    size_t input; /* index among graph->inputs, or DAVIT_NO_INDEX */
    size_t from;  /* index of a copy, or DAVIT_NO_INDEX */
    size_t to;    /* index of a copy */
} davit_arrival;

/* A value that is copied out of the memory of a program's device after the program has run. */
typedef struct davit_departure {
    size_t from; /* index of a copy */
    size_t to;   /* index of a copy on the host, or of a graph output */
} davit_departure;

/* Consecutive units on one device. */
typedef struct davit_stage {
    uint32_t device; /* index among the plan's devices */
    size_t unit_count;
    davit_unit_id *units;
    size_t input_count;
    davit_program_io *inputs;
    size_t output_count;
    davit_program_io *outputs;
    size_t *bindings; /* index of the copy of each input, then of each output */
    size_t arrival_count;
    davit_arrival *arrivals;
    size_t staged_count;
    davit_departure *staged; /* to a copy on the host */
    size_t delivery_count;
    davit_departure *deliveries; /* to the caller's outputs */
} davit_stage;

/* A graph output that no program makes: a constant or a graph input. */
typedef struct davit_direct_output {
    size_t output;
    size_t input;         /* index among graph->inputs, or DAVIT_NO_INDEX */
    const void *constant; /* the bytes, NULL for an input */
    size_t bytes;
} davit_direct_output;

typedef struct davit_schedule {
    size_t stage_count;
    davit_stage *stages;
    size_t copy_count;
    davit_value_copy *copies;
    size_t direct_count;
    davit_direct_output *direct;
    size_t *arena_bytes; /* by device; the host's last */
} davit_schedule;

/* Groups the units into stages and finds their inputs and outputs. Graph inputs and outputs are
 * dense row-major; values that only pass between programs are channels-last where their rank is 4.
 * Everything lives in arena. Returns DAVIT_OUT_OF_MEMORY, unreported. */
DAVIT_NODISCARD davit_status davit_schedule_stages(davit_arena *arena, const davit_graph *graph,
                                                   const davit_plan *plan,
                                                   davit_schedule *schedule);

/* Adds copies, arrivals, departures, direct outputs, and the size of each arena. mappable says of
 * each device whether the host can read its memory; a value that leaves one where it cannot takes
 * a copy on the host in between. Returns DAVIT_OUT_OF_MEMORY, unreported. */
DAVIT_NODISCARD davit_status davit_schedule_memory(davit_arena *arena, const davit_graph *graph,
                                                   const davit_plan *plan, const bool *mappable,
                                                   davit_schedule *schedule);

#endif
