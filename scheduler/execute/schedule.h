/* The schedule of a plan: programs and copies between memories, what must have ended before each of
 * them begins, and where each value lies in the memory of each device. Computed from graph and plan
 * alone; no device is touched. */
#ifndef DAVIT_SCHEDULE_H
#define DAVIT_SCHEDULE_H

#include "davit/plan.h"

#define DAVIT_NO_INDEX SIZE_MAX

/* A value in the memory of a device, or on the host (device == device_count of the plan). Its place
 * may be used for others by what comes before stage `first` and behind stage `last`: tasks wait for
 * whoever uses the place before them. */
typedef struct davit_value_copy {
    davit_value_id value;
    uint32_t device;
    size_t bytes;
    size_t first;
    size_t last;
    size_t offset_bytes; /* in the arena of the device */
    size_t writer;       /* the task that writes it, or DAVIT_NO_INDEX: the host, before the first */
} davit_value_copy;

/* A value that a program's submission copies into the memory of its device, which the host can
 * write, before the program runs: from the caller's input, or from a copy that the host can read. */
typedef struct davit_arrival {
    size_t input; /* index among graph->inputs and, behind them, given values, or DAVIT_NO_INDEX */
    size_t from;  /* index of a copy, or DAVIT_NO_INDEX */
    size_t to;    /* index of a copy */
    bool lent;    /* the program reads the caller's input in its place */
} davit_arrival;

/* A copy that becomes one of the caller's outputs. */
typedef struct davit_delivery {
    size_t from;   /* index of a copy */
    size_t output; /* among graph->outputs */
} davit_delivery;

/* Units of one device that make one program, in topological order. Each edge between stages goes to
 * one of higher index. */
typedef struct davit_stage {
    uint32_t device; /* index among the plan's devices */
    size_t unit_count;
    davit_unit_id *units;
    size_t first_position; /* of its units in the list of all stages' units, one after the other */
    size_t input_count;
    davit_program_io *inputs;
    size_t output_count;
    davit_program_io *outputs;
    size_t *bindings; /* index of the copy of each input, then of each output */
    size_t arrival_count;
    davit_arrival *arrivals;
    size_t delivery_count;
    davit_delivery *deliveries; /* by its own submission: its device's memory is the host's */
} davit_stage;

typedef enum davit_task_kind {
    DAVIT_TASK_RUN, /* a stage with its arrivals and deliveries */
    DAVIT_TASK_IN,  /* from host memory into that of a device which the host cannot reach */
    DAVIT_TASK_OUT  /* the other way */
} davit_task_kind;

/* What is submitted to a queue as one piece. */
typedef struct davit_task {
    davit_task_kind kind;
    uint32_t device; /* whose queue it is for; each kind of a device has its own */
    size_t stage;    /* RUN */
    size_t from, to; /* IN, OUT: indices of copies */
    size_t before_count; /* tasks that must have ended before this one begins */
    size_t after_count;
    size_t *after; /* those that wait for this one */
} davit_task;

/* A graph output that no program makes: a constant, a graph input or a given value. */
typedef struct davit_direct_output {
    size_t output;
    size_t input;         /* as davit_arrival.input */
    const void *constant; /* the bytes, NULL for an input */
    size_t bytes;
} davit_direct_output;

typedef struct davit_schedule {
    size_t given_count;
    const davit_value_id *given;
    size_t stage_count;
    davit_stage *stages;
    size_t copy_count;
    davit_value_copy *copies;
    size_t task_count;
    davit_task *tasks; /* the more urgent ones first; tasks wait for tasks of lower stages only */
    /* Between the caller's memory and the host's, before the first task and behind the last: devices
     * whose memory is not the host's never touch the caller's. */
    size_t fill_count;
    davit_arrival *fills; /* from inputs */
    size_t delivery_count;
    davit_delivery *deliveries;
    size_t direct_count;
    davit_direct_output *direct;
    size_t *arena_bytes; /* by device; the host's last */
} davit_schedule;

/* Groups the units into stages and finds their inputs and outputs. A stage ends with a unit that
 * another device waits for, and begins with one that waits for another device, so that copies and
 * other devices' work overlap with it. Graph inputs and outputs are dense row-major; values that only
 * pass between programs are channels-last where their rank is 4. Values that are given come with the
 * inputs, in the layout they have between programs; units that are needed for nothing else are left
 * out. Everything lives in arena; given is borrowed. Returns DAVIT_OUT_OF_MEMORY, unreported. */
DAVIT_NODISCARD davit_status davit_schedule_stages(davit_arena *arena, const davit_graph *graph,
                                                   const davit_plan *plan, size_t given_count,
                                                   const davit_value_id *given,
                                                   davit_schedule *schedule);

/* Of the memory of a device. */
typedef struct davit_access {
    bool mappable; /* the host can reach it */
    bool lends;    /* and its programs can read graph inputs where the caller has them */
} davit_access;

/* Adds copies, tasks and the size of each arena. access is by device; a value that goes from one that
 * the host cannot reach to another takes a copy on the host in between. What devices exchange has
 * places of its own in a memory where that takes at most own_bytes; else, and within a device always,
 * places are used again. Returns DAVIT_OUT_OF_MEMORY, unreported. */
DAVIT_NODISCARD davit_status davit_schedule_memory(davit_arena *arena, const davit_graph *graph,
                                                   const davit_plan *plan,
                                                   const davit_access *access, size_t own_bytes,
                                                   davit_schedule *schedule);

/* True when b takes the place of a. */
bool davit_copy_replaces(const davit_value_copy *a, const davit_value_copy *b);

/* Fills before_count and after of each task: those who read a copy wait for who writes it; who writes
 * a place waits for all who use it for what lay there before; programs of a device wait for the one
 * before. uses[c] are the tasks that touch copy
 * c, the writer first (DAVIT_NO_INDEX: the host, before the first task). */
typedef struct davit_copy_use {
    size_t task;
    struct davit_copy_use *next;
} davit_copy_use;
DAVIT_NODISCARD davit_status davit_schedule_order(davit_arena *arena, size_t device_count,
                                                  const davit_copy_use *const *uses,
                                                  davit_schedule *schedule);

#endif
