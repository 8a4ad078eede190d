/* What the files of the executor share: its devices, its programs, and what a run changes. */
#ifndef DAVIT_EXECUTOR_H
#define DAVIT_EXECUTOR_H

#include <pthread.h>

#include "davit/execute.h"
#include "schedule.h"

/* Stands between the devices and the caller's diagnostics. During a run it keeps the text of the
 * first error instead of passing it on, for the one line with which the run ends. */
typedef struct davit_device_sink {
    davit_diagnostics sink; /* what devices get */
    const davit_diagnostics *user;
    pthread_mutex_t mutex;
    bool running;
    char text[512]; /* "" while no device has reported an error */
} davit_device_sink;

void davit_device_sink_init(davit_device_sink *sink, const davit_diagnostics *user);
void davit_device_sink_deinit(davit_device_sink *sink);
void davit_device_sink_begin(davit_device_sink *sink);
/* Copies the text kept since begin to text (at least 512 bytes) and passes errors on again. */
void davit_device_sink_end(davit_device_sink *sink, char *text);

/* One device of the plan; all NULL when no unit runs there. */
typedef struct davit_executor_device {
    davit_device *device;
    davit_queue *queue;
    davit_buffer *buffer; /* the arena for what its programs exchange */
    char *map;            /* of buffer, NULL when the host cannot read it */
} davit_executor_device;

/* One stage of the schedule, ready to be submitted. */
typedef struct davit_executor_stage {
    davit_program *program;
    davit_semaphore *done;  /* reaches the run's number; NULL after a failure */
    size_t command_count;   /* without deliveries */
    size_t submitted_count; /* with those of the last run */
    davit_command *commands;
    uint64_t *command_ns; /* by command: of copies, 0 of the program */
} davit_executor_stage;

struct davit_executor {
    const davit_allocator *allocator;
    const davit_graph *graph;
    const davit_plan *plan;
    const davit_diagnostics *diag;
    davit_device_sink device_sink;
    uint64_t timeout_ns;
    davit_arena arena; /* of every array here */
    davit_schedule schedule;
    davit_executor_device *devices; /* by index among the plan's */
    davit_executor_stage *stages;   /* by index among the schedule's */
    char *host_arena;
    uint64_t *unit_ns;
    const char **implementations; /* by unit */
    size_t memory_bytes;
    uint64_t run; /* number of the last run */
};

/* Fills every stage's commands, as far as they are the same in each run. Reports. */
DAVIT_NODISCARD davit_status davit_executor_prepare_commands(davit_executor *executor);

#endif
