#include "davit/host_queue.h"

#include "submission.h"

#include <signal.h>
#include <string.h>

typedef struct host_queue {
    davit_queue base;
    const davit_host_queue_ops *ops;
    pthread_t worker;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    /* Under mutex: */
    davit_submission_record *first, *last; /* not yet taken by the worker */
    davit_semaphore *awaited;              /* what the worker waits for, or NULL */
    bool busy;                             /* a submission is being run */
    bool started;
    davit_status start_status;
    /* Of whoever runs a submission: */
    void *stream;
    void **pointers;
    size_t pointer_capacity;

    atomic_bool closing;
} host_queue;

_Static_assert(offsetof(host_queue, base) == 0, "the head of a queue comes first");

static davit_status map_ref(const davit_buffer_ref *ref, char **out)
{
    void *start = NULL;
    davit_status status = davit_buffer_map(ref->buffer, &start);
    if (status == DAVIT_OK) {
        *out = (char *)start + ref->offset_bytes;
    }
    return status;
}

/* Memory of the host's that need not be copied for a program to read it. */
static bool is_lent(const davit_command *command)
{
    return command->kind == DAVIT_COMMAND_WRITE && command->lent &&
           (uintptr_t)command->host_source % DAVIT_ALIGNMENT == 0;
}

/* What the last of the commands before that wrote to a binding's buffer has lent in its place, or
 * NULL. */
static void *find_lent(const davit_command *first, const davit_command *command,
                       const davit_buffer_ref *binding)
{
    for (const davit_command *c = command; c-- > first;) {
        if (davit_buffer_refs_overlap(&c->to, binding)) {
            const bool same =
                c->to.offset_bytes == binding->offset_bytes && c->to.bytes == binding->bytes;
            return same && is_lent(c) ? (void *)c->host_source : NULL;
        }
    }
    return NULL;
}

/* Hands the bindings over as pointers, one program at a time. */
static davit_status execute(host_queue *queue, const davit_command *first,
                            const davit_command *command, uint64_t deadline_ns)
{
    davit_device *device = queue->base.device;
    davit_status status =
        davit_array_grow(device->options.allocator, (void **)&queue->pointers,
                         &queue->pointer_capacity, 0, command->binding_count, sizeof(void *));
    if (status != DAVIT_OK) {
        return davit_fail(device->options.diag, status, "device '%s': no memory for %zu bindings",
                          device->info.name, command->binding_count);
    }
    for (size_t i = 0; i < command->binding_count; i++) {
        char *at = find_lent(first, command, &command->bindings[i]);
        status = at == NULL ? map_ref(&command->bindings[i], &at) : DAVIT_OK;
        if (status != DAVIT_OK) {
            return status;
        }
        queue->pointers[i] = at;
    }
    pthread_mutex_lock(&command->program->turn);
    status = queue->ops->execute(device, command->program, queue->pointers, command->unit_ns,
                                 deadline_ns);
    pthread_mutex_unlock(&command->program->turn);
    return status;
}

static davit_status copy(const davit_command *command)
{
    char *from, *to;
    davit_status status = map_ref(&command->from, &from);
    if (status == DAVIT_OK) {
        status = map_ref(&command->to, &to);
    }
    if (status == DAVIT_OK) {
        memcpy(to, from, command->from.bytes);
    }
    return status;
}

static davit_status fill(const davit_command *command)
{
    char *to;
    davit_status status = map_ref(&command->to, &to);
    if (status == DAVIT_OK) {
        memset(to, command->pattern, command->to.bytes);
    }
    return status;
}

/* Host memory may be NULL where there are no bytes. */
static davit_status write_host_memory(const davit_command *command)
{
    char *to;
    davit_status status = map_ref(&command->to, &to);
    if (status == DAVIT_OK && command->to.bytes > 0) {
        memcpy(to, command->host_source, command->to.bytes);
    }
    return status;
}

static davit_status read_host_memory(const davit_command *command)
{
    char *from;
    davit_status status = map_ref(&command->from, &from);
    if (status == DAVIT_OK && command->from.bytes > 0) {
        memcpy(command->host_target, from, command->from.bytes);
    }
    return status;
}

/* first: of the command's submission. */
static davit_status run_command(host_queue *queue, const davit_command *first,
                                const davit_command *command, uint64_t deadline_ns)
{
    switch (command->kind) {
    case DAVIT_COMMAND_WRITE:
        return is_lent(command) ? DAVIT_OK : write_host_memory(command);
    case DAVIT_COMMAND_READ:
        return read_host_memory(command);
    case DAVIT_COMMAND_COPY:
        return copy(command);
    case DAVIT_COMMAND_FILL:
        return fill(command);
    case DAVIT_COMMAND_EXECUTE:
        return execute(queue, first, command, deadline_ns);
    }
    return DAVIT_INTERNAL;
}

/* Waits so that queue_free can end the wait. */
static davit_status wait_for(host_queue *queue, const davit_semaphore_point *point,
                             uint64_t deadline_ns)
{
    pthread_mutex_lock(&queue->mutex);
    queue->awaited = point->semaphore;
    pthread_mutex_unlock(&queue->mutex);
    davit_status status =
        davit_semaphore_wait_unless(point->semaphore, point->value, deadline_ns, &queue->closing);
    pthread_mutex_lock(&queue->mutex);
    queue->awaited = NULL;
    pthread_mutex_unlock(&queue->mutex);
    return status;
}

static davit_status report_late(const davit_device *device, const char *when)
{
    return davit_fail(device->options.diag, DAVIT_DEADLINE_EXCEEDED,
                      "device '%s': the deadline passed %s", device->info.name, when);
}

static davit_status await_turn(host_queue *queue, const davit_submission *submission)
{
    const davit_device *device = queue->base.device;
    for (size_t i = 0; i < submission->wait_count; i++) {
        const davit_semaphore_point *point = &submission->waits[i];
        davit_status status = wait_for(queue, point, submission->deadline_ns);
        if (status == DAVIT_DEADLINE_EXCEEDED && davit_clock_ns() >= submission->deadline_ns) {
            return report_late(device, "while work waited for its turn");
        }
        if (status != DAVIT_OK) {
            return status;
        }
    }
    return DAVIT_OK;
}

static davit_status run_commands(host_queue *queue, const davit_submission *submission)
{
    const davit_device *device = queue->base.device;
    for (size_t i = 0; i < submission->command_count; i++) {
        const davit_command *command = &submission->commands[i];
        uint64_t begin_ns = davit_clock_ns();
        if (begin_ns >= submission->deadline_ns) {
            return report_late(device, "between commands");
        }
        davit_status status =
            run_command(queue, submission->commands, command, submission->deadline_ns);
        if (status != DAVIT_OK) {
            return status;
        }
        if (command->command_ns != NULL) {
            uint64_t took_ns = davit_clock_ns() - begin_ns;
            *command->command_ns = is_lent(command) ? 0 : took_ns > 0 ? took_ns : 1;
        }
    }
    return DAVIT_OK;
}

static davit_status run_submission(host_queue *queue, const davit_submission *submission)
{
    davit_status status = await_turn(queue, submission);
    if (status != DAVIT_OK) {
        return status;
    }
    return queue->ops->run != NULL ? queue->ops->run(queue->base.device, queue->stream, submission)
                                   : run_commands(queue, submission);
}

static void set_idle(host_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->busy = false;
    if (queue->first != NULL || atomic_load(&queue->closing)) {
        pthread_cond_broadcast(&queue->changed);
    }
    pthread_mutex_unlock(&queue->mutex);
}

/* On the caller's thread, when nothing else is to be done: waking the worker, and being woken by
 * it, takes longer than many a unit. False: the worker has to. */
static bool run_here(host_queue *queue, davit_submission_record *record)
{
    davit_thread_state before;
    if (!record->submission.here || record->submission.deadline_ns != DAVIT_DEADLINE_NEVER ||
        queue->ops->enter == NULL || !queue->ops->enter(queue->base.device, &before)) {
        return false;
    }
    pthread_mutex_lock(&queue->mutex);
    bool idle = !queue->busy && queue->first == NULL && !atomic_load(&queue->closing);
    queue->busy = queue->busy || idle;
    pthread_mutex_unlock(&queue->mutex);
    davit_status status = idle ? run_submission(queue, &record->submission) : DAVIT_OK;
    queue->ops->leave(&before);
    if (idle) {
        davit_submission_complete(&record->submission, status);
        set_idle(queue);
    }
    return idle;
}

/* The next submission; NULL when the queue closes and there is none. */
static davit_submission_record *take_next(host_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    while (queue->busy || (queue->first == NULL && !atomic_load(&queue->closing))) {
        pthread_cond_wait(&queue->changed, &queue->mutex);
    }
    davit_submission_record *record = queue->first;
    if (record != NULL) {
        queue->first = record->next;
        queue->busy = true;
    }
    pthread_mutex_unlock(&queue->mutex);
    return record;
}

static davit_status start(host_queue *queue)
{
    davit_device *device = queue->base.device;
    davit_status status = DAVIT_OK;
    if (device->options.bind_thread != NULL) {
        status = device->options.bind_thread(device->options.bind_user, &device->info);
        if (status != DAVIT_OK) {
            return davit_fail(device->options.diag, status,
                              "device '%s': cannot bind its thread to its processors",
                              device->info.name);
        }
    }
    if (queue->ops->start != NULL) {
        status = queue->ops->start(device);
    }
    if (status == DAVIT_OK && queue->ops->open_stream != NULL) {
        status = queue->ops->open_stream(device, &queue->stream);
    }
    return status;
}

static void *work(void *argument)
{
    host_queue *queue = argument;
    davit_status status = start(queue);
    pthread_mutex_lock(&queue->mutex);
    queue->started = true;
    queue->start_status = status;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->mutex);
    if (status != DAVIT_OK) {
        return NULL;
    }
    davit_submission_record *record;
    while ((record = take_next(queue)) != NULL) {
        status = run_submission(queue, &record->submission);
        davit_submission_complete(&record->submission, status);
        set_idle(queue);
    }
    if (queue->ops->close_stream != NULL) {
        queue->ops->close_stream(queue->base.device, queue->stream);
    }
    return NULL;
}

/* Starts the worker with all signals blocked: they are the host program's. */
static int start_worker(host_queue *queue)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&queue->worker, NULL, work, queue);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

static void destroy(host_queue *queue)
{
    const davit_allocator *allocator = queue->base.device->options.allocator;
    pthread_cond_destroy(&queue->changed);
    pthread_mutex_destroy(&queue->mutex);
    davit_free(allocator, queue->pointers);
    davit_free(allocator, queue);
}

davit_status davit_host_queue_create(davit_device *device, const davit_host_queue_ops *ops,
                                     davit_queue **out)
{
    const davit_diagnostics *diag = device->options.diag;
    host_queue *queue = davit_alloc(device->options.allocator, sizeof(*queue));
    if (queue == NULL) {
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "device '%s': no memory for a queue",
                          device->info.name);
    }
    queue->base.device = device;
    queue->ops = ops;
    atomic_init(&queue->closing, false);
    pthread_mutex_init(&queue->mutex, NULL);
    pthread_cond_init(&queue->changed, NULL);
    int error = start_worker(queue);
    if (error != 0) {
        destroy(queue);
        return davit_fail(diag, DAVIT_UNAVAILABLE, "device '%s': cannot start a thread: error %d",
                          device->info.name, error);
    }
    pthread_mutex_lock(&queue->mutex);
    while (!queue->started) {
        pthread_cond_wait(&queue->changed, &queue->mutex);
    }
    davit_status status = queue->start_status;
    pthread_mutex_unlock(&queue->mutex);
    if (status != DAVIT_OK) {
        pthread_join(queue->worker, NULL);
        destroy(queue);
        return status;
    }
    *out = &queue->base;
    return DAVIT_OK;
}

void davit_host_queue_free(davit_queue *base)
{
    host_queue *queue = (host_queue *)base;
    pthread_mutex_lock(&queue->mutex);
    atomic_store(&queue->closing, true);
    davit_semaphore *awaited = queue->awaited;
    if (awaited != NULL) {
        davit_semaphore_retain(awaited);
    }
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->mutex);
    if (awaited != NULL) {
        davit_semaphore_wake(awaited);
        davit_semaphore_release(awaited);
    }
    pthread_join(queue->worker, NULL);
    pthread_mutex_lock(&queue->mutex);
    while (queue->busy) { /* with what another thread runs here */
        pthread_cond_wait(&queue->changed, &queue->mutex);
    }
    pthread_mutex_unlock(&queue->mutex);
    destroy(queue);
}

davit_status davit_host_queue_submit(davit_queue *base, const davit_submission *submission)
{
    host_queue *queue = (host_queue *)base;
    davit_submission_record *record = (davit_submission_record *)submission;
    if (run_here(queue, record)) {
        return DAVIT_OK;
    }
    pthread_mutex_lock(&queue->mutex);
    record->next = NULL;
    if (queue->first == NULL) {
        queue->first = record;
    } else {
        queue->last->next = record;
    }
    queue->last = record;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->mutex);
    return DAVIT_OK;
}
