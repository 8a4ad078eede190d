/* What the files of the executor share: its devices, its programs, its inferences. */
#ifndef DAVIT_EXECUTOR_H
#define DAVIT_EXECUTOR_H

#include <pthread.h>

#include "davit/execute.h"
#include "schedule.h"

#define QUEUES_PER_DEVICE 3 /* one for each davit_task_kind */

/* Stands between the devices and the caller's diagnostics. While inferences run it keeps the text of
 * the first error instead of passing it on, for the one line with which an inference ends. */
typedef struct davit_device_sink {
    davit_diagnostics sink; /* what devices get */
    const davit_diagnostics *user;
    pthread_mutex_t mutex;
    unsigned running; /* inferences */
    char text[512];   /* "" while no device has reported an error */
} davit_device_sink;

void davit_device_sink_init(davit_device_sink *sink, const davit_diagnostics *user);
void davit_device_sink_deinit(davit_device_sink *sink);
/* Passes on nothing from now on: the user's sink may be gone. */
void davit_device_sink_silence(davit_device_sink *sink);
void davit_device_sink_begin(davit_device_sink *sink);
/* Moves the text kept so far to text (at least 512 bytes); behind the last inference errors are passed
 * on again. */
void davit_device_sink_end(davit_device_sink *sink, char *text);

/* One device of the plan; all NULL when no unit runs there. */
typedef struct davit_executor_device {
    davit_device *device;
    davit_queue *queues[QUEUES_PER_DEVICE]; /* NULL: no such task */
} davit_executor_device;

/* A task of an inference. */
typedef struct davit_executor_task {
    davit_inference *inference;
    size_t index; /* among the schedule's tasks */
    size_t waits; /* tasks that it still waits for */
    davit_status status;
    uint64_t ready_ns, submitted_ns, completed_ns; /* 0: it has not been */
    struct davit_executor_task *next; /* in the list of ready, or of completed tasks */
    size_t command_count;             /* without deliveries */
    size_t submitted_count;           /* with those of this inference */
    davit_command *commands;
    uint64_t *command_ns; /* by command */
} davit_executor_task;

/* The memory of an inference on one device. */
typedef struct davit_executor_memory {
    davit_buffer *buffer;
    char *map; /* NULL when the host cannot reach it */
} davit_executor_memory;

struct davit_inference {
    davit_executor *executor;
    davit_executor_memory *memory; /* by device */
    char *host;                    /* the host's arena, of executor->host_bytes */
    davit_executor_task *tasks;
    uint64_t *position_ns; /* of units, by position in the schedule */
    uint64_t *unit_ns;     /* by unit */
    davit_span *spans;     /* by task */
    const void **inputs;
    void **outputs;
    uint64_t begin_ns, deadline_ns, end_ns;
    bool here; /* its only task may be done by its caller */
    pthread_t caller;
    /* Under the executor's mutex: */
    bool taken; /* somebody's, from start to release */
    bool done;
    bool lost; /* given up while tasks are with a driver */
    uint64_t number;
    size_t left; /* tasks that have not ended */
    davit_status status;
    size_t failed; /* the first task that failed, or DAVIT_NO_INDEX */
};

/* What waits for a queue. */
typedef struct davit_executor_line {
    davit_executor_task *ready; /* the most urgent first */
    unsigned in_flight;
} davit_executor_line;

struct davit_executor {
    const davit_allocator *allocator;
    const davit_graph *graph;
    const davit_plan *plan;
    const davit_diagnostics *diag;
    davit_device_sink device_sink;
    davit_arena arena; /* of every array here */
    davit_schedule schedule;
    size_t device_count;
    davit_executor_device *devices; /* by index among the plan's */
    davit_program **programs;       /* by stage */
    const char **implementations;   /* by unit, as grouped */
    bool *grouped;
    size_t memory_bytes, cached_count;
    size_t depth;
    davit_inference *inferences; /* [depth] */
    size_t host_bytes;
    const char *host_near; /* the PCI address near which it is, or NULL: the allocator's */
    void (*free_near)(void *user, void *memory, size_t bytes);
    void *near_user;
    uint32_t preparing;          /* during creation: the device at work, or DAVIT_NONE */

    pthread_mutex_t mutex;
    pthread_cond_t changed; /* an inference is done or released */
    /* Under mutex: */
    davit_executor_line *lines; /* [device][kind] */
    davit_executor_task *completed, **completed_end;
    bool dispatching; /* a thread does what is to be done */
    uint64_t started;        /* inferences */
    unsigned stuck_readings; /* that drivers keep (keep.c) */
};

/* Fills the commands of an inference's tasks, as far as they are always the same. Reports. */
DAVIT_NODISCARD davit_status davit_executor_prepare_commands(davit_inference *inference);
/* Points commands at the caller's memory and counts them: outputs nobody wants are not read. */
void davit_executor_point_commands(davit_inference *inference);
davit_buffer_ref davit_executor_buffer_ref(const davit_inference *inference, size_t copy);
/* Where the host finds a copy: in its own arena or in a device's that it can reach. */
char *davit_executor_host_pointer(const davit_inference *inference, size_t copy);

/* Waits on the executor's condition, its mutex held; false when the time is over. */
bool davit_executor_wait_changed(davit_executor *executor, uint64_t deadline_ns);
/* Makes the tasks of an inference that wait for nothing ready; the mutex is held. */
void davit_executor_make_ready(davit_inference *inference);
/* Submits what can be submitted, unless another thread is about it. The mutex is held, and let go of
 * in between. */
void davit_executor_dispatch(davit_executor *executor);

#endif
