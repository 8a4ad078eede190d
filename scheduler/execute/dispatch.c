/* Which task is submitted next.
 *
 * A queue gets a task when everything before it has ended, and never more than a few at a time:
 * what it holds is then never blocked, and a late but urgent task waits for little. The thread that
 * notices a change does what follows from it; others that come meanwhile leave their news and go.
 */
#include "executor.h"

#define IN_FLIGHT 2 /* one runs, one follows it at once */

static davit_executor_line *line_of(const davit_executor_task *task)
{
    davit_executor *executor = task->inference->executor;
    const davit_task *planned = &executor->schedule.tasks[task->index];
    return &executor->lines[planned->device * QUEUES_PER_DEVICE + (size_t)planned->kind];
}

static bool more_urgent(const davit_executor_task *a, const davit_executor_task *b)
{
    return a->inference->number != b->inference->number
               ? a->inference->number < b->inference->number
               : a->index < b->index;
}

static void add_ready(davit_executor_task *task)
{
    davit_executor_task **place = &line_of(task)->ready;
    task->ready_ns = davit_clock_ns();
    while (*place != NULL && more_urgent(*place, task)) {
        place = &(*place)->next;
    }
    task->next = *place;
    *place = task;
}

void davit_executor_make_ready(davit_inference *inference)
{
    for (size_t t = 0; t < inference->executor->schedule.task_count; t++) {
        if (inference->tasks[t].waits == 0) {
            add_ready(&inference->tasks[t]);
        }
    }
}

static void end_task(davit_executor_task *task)
{
    davit_inference *inference = task->inference;
    davit_executor *executor = inference->executor;
    const davit_task *planned = &executor->schedule.tasks[task->index];
    if (task->status != DAVIT_OK && inference->status == DAVIT_OK) {
        inference->status = task->status;
        inference->failed = task->index;
    }
    for (size_t i = 0; i < planned->after_count; i++) {
        davit_executor_task *next = &inference->tasks[planned->after[i]];
        if (--next->waits == 0) {
            add_ready(next);
        }
    }
    if (--inference->left == 0) {
        inference->end_ns = davit_clock_ns();
        inference->done = true;
        pthread_cond_broadcast(&executor->changed);
    }
}

static void add_completed(davit_executor *executor, davit_executor_task *task)
{
    task->next = NULL;
    *executor->completed_end = task;
    executor->completed_end = &task->next;
}

static void on_completed(void *user, davit_status status)
{
    davit_executor_task *task = user;
    davit_executor *executor = task->inference->executor;
    uint64_t now_ns = davit_clock_ns();
    pthread_mutex_lock(&executor->mutex);
    task->completed_ns = now_ns;
    task->status = status;
    add_completed(executor, task);
    davit_executor_dispatch(executor);
    pthread_mutex_unlock(&executor->mutex);
}

static void end_completed(davit_executor *executor)
{
    davit_executor_task *task = executor->completed;
    executor->completed = NULL;
    executor->completed_end = &executor->completed;
    while (task != NULL) {
        davit_executor_task *next = task->next;
        line_of(task)->in_flight--;
        end_task(task);
        task = next;
    }
}

/* The next task for the queue of a line, or NULL; tasks of failed inferences are completed at once.
 */
static davit_executor_task *take_ready(davit_executor *executor, davit_executor_line *line)
{
    while (line->ready != NULL) {
        davit_executor_task *task = line->ready;
        if (task->inference->status == DAVIT_OK && line->in_flight == IN_FLIGHT) {
            return NULL;
        }
        line->ready = task->next;
        line->in_flight++;
        if (task->inference->status == DAVIT_OK) {
            return task;
        }
        task->status = task->inference->status;
        add_completed(executor, task);
    }
    return NULL;
}

static davit_executor_task *take_any(davit_executor *executor)
{
    for (size_t i = 0; i < executor->device_count * QUEUES_PER_DEVICE; i++) {
        davit_executor_task *task = take_ready(executor, &executor->lines[i]);
        if (task != NULL) {
            return task;
        }
    }
    return NULL;
}

/* A failure comes back through on_completed. */
static void submit(davit_executor_task *task)
{
    const davit_inference *inference = task->inference;
    const davit_executor *executor = inference->executor;
    const davit_task *planned = &executor->schedule.tasks[task->index];
    const davit_submission submission = {.command_count = task->submitted_count,
                                         .commands = task->commands,
                                         .deadline_ns = inference->deadline_ns,
                                         .here = inference->here &&
                                                 pthread_equal(inference->caller, pthread_self()),
                                         .completed = on_completed,
                                         .completed_user = task};
    davit_status status =
        davit_queue_submit(executor->devices[planned->device].queues[planned->kind], &submission);
    (void)status;
}

void davit_executor_dispatch(davit_executor *executor)
{
    if (executor->dispatching) {
        return;
    }
    executor->dispatching = true;
    davit_executor_task *task;
    do {
        end_completed(executor);
        task = take_any(executor);
        if (task != NULL) {
            task->submitted_ns = davit_clock_ns();
            pthread_mutex_unlock(&executor->mutex);
            submit(task);
            pthread_mutex_lock(&executor->mutex);
        }
    } while (task != NULL || executor->completed != NULL);
    executor->dispatching = false;
}
