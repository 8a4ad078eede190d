#include "submission.h"

#include <stdalign.h>
#include <string.h>

#define INITIAL_RECORDS 4
#define INITIAL_STORAGE_BYTES 2048

struct davit_submission_pool {
    const davit_allocator *allocator;
    const davit_diagnostics *diag;
    pthread_mutex_t mutex;
    davit_submission_record *idle; /* by increasing storage_bytes */
    davit_semaphore *semaphore;    /* idle one for davit_queue_run, or NULL */
};

static davit_submission_record *create_record(davit_submission_pool *pool)
{
    davit_submission_record *record = davit_alloc(pool->allocator, sizeof(*record));
    if (record != NULL) {
        record->pool = pool;
    }
    return record;
}

static void destroy_record(davit_submission_record *record)
{
    davit_free(record->pool->allocator, record->storage);
    davit_free(record->pool->allocator, record);
}

static bool reserve_storage(davit_submission_record *record, size_t bytes)
{
    if (bytes <= record->storage_bytes) {
        return true;
    }
    void *storage = davit_alloc_uninitialized(record->pool->allocator, bytes);
    if (storage == NULL) {
        return false;
    }
    davit_free(record->pool->allocator, record->storage);
    record->storage = storage;
    record->storage_bytes = bytes;
    return true;
}

/* Puts a record back; the mutex is held. */
static void insert_idle(davit_submission_pool *pool, davit_submission_record *record)
{
    davit_submission_record **place = &pool->idle;
    while (*place != NULL && (*place)->storage_bytes < record->storage_bytes) {
        place = &(*place)->next;
    }
    record->next = *place;
    *place = record;
}

davit_status davit_submission_pool_create(const davit_allocator *allocator,
                                          const davit_diagnostics *diag,
                                          davit_submission_pool **out)
{
    *out = NULL;
    davit_submission_pool *pool = davit_alloc(allocator, sizeof(*pool));
    if (pool == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    pool->allocator = allocator;
    pool->diag = diag;
    pthread_mutex_init(&pool->mutex, NULL);
    bool complete = davit_semaphore_create(allocator, 0, &pool->semaphore) == DAVIT_OK;
    for (int i = 0; complete && i < INITIAL_RECORDS; i++) {
        davit_submission_record *record = create_record(pool);
        complete = record != NULL && reserve_storage(record, INITIAL_STORAGE_BYTES);
        if (record != NULL) {
            insert_idle(pool, record);
        }
    }
    if (!complete) {
        davit_submission_pool_destroy(pool);
        return DAVIT_OUT_OF_MEMORY;
    }
    *out = pool;
    return DAVIT_OK;
}

void davit_submission_pool_destroy(davit_submission_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    while (pool->idle != NULL) {
        davit_submission_record *record = pool->idle;
        pool->idle = record->next;
        destroy_record(record);
    }
    davit_semaphore_release(pool->semaphore);
    pthread_mutex_destroy(&pool->mutex);
    davit_free(pool->allocator, pool);
}

/* The smallest idle record with enough storage, else the largest one or a new one, grown. */
static davit_submission_record *take_record(davit_submission_pool *pool, size_t bytes)
{
    pthread_mutex_lock(&pool->mutex);
    davit_submission_record **place = &pool->idle;
    while (*place != NULL && (*place)->storage_bytes < bytes && (*place)->next != NULL) {
        place = &(*place)->next;
    }
    davit_submission_record *record = *place;
    if (record != NULL) {
        *place = record->next;
    }
    pthread_mutex_unlock(&pool->mutex);
    if (record == NULL) {
        record = create_record(pool);
    }
    if (record == NULL || reserve_storage(record, bytes)) {
        return record;
    }
    pthread_mutex_lock(&pool->mutex);
    insert_idle(pool, record);
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

/* Adds an array's bytes, rounded up to the alignment of any type, to *total. */
static bool add_array_bytes(size_t *total, size_t count, size_t elem_bytes)
{
    size_t bytes;
    return davit_mul_size(count, elem_bytes, &bytes) &&
           davit_add_size(bytes, alignof(max_align_t) - 1, &bytes) &&
           davit_add_size(*total, bytes & ~(alignof(max_align_t) - 1), total);
}

static bool storage_bytes(const davit_submission *submission, size_t *total)
{
    *total = 0;
    bool fits = add_array_bytes(total, submission->wait_count, sizeof(davit_semaphore_point)) &&
                add_array_bytes(total, submission->signal_count, sizeof(davit_semaphore_point)) &&
                add_array_bytes(total, submission->command_count, sizeof(davit_command));
    for (size_t i = 0; fits && i < submission->command_count; i++) {
        const davit_command *command = &submission->commands[i];
        if (command->kind == DAVIT_COMMAND_EXECUTE) {
            fits = add_array_bytes(total, command->binding_count, sizeof(davit_buffer_ref));
        }
    }
    return fits;
}

/* Copies an array to *offset of the storage and moves *offset behind it. */
static void *copy_array(davit_submission_record *record, size_t *offset, const void *array,
                        size_t count, size_t elem_bytes)
{
    void *copy = (char *)record->storage + *offset;
    if (count > 0) {
        memcpy(copy, array, count * elem_bytes);
        (void)add_array_bytes(offset, count, elem_bytes);
    }
    return copy;
}

/* Clears what this kind of command does not use, so that the copy keeps nothing else alive. */
static void clear_unused(davit_command *command)
{
    davit_command_kind kind = command->kind;
    if (kind != DAVIT_COMMAND_READ && kind != DAVIT_COMMAND_COPY) {
        command->from = (davit_buffer_ref){NULL, 0, 0};
    }
    if (kind == DAVIT_COMMAND_READ || kind == DAVIT_COMMAND_EXECUTE) {
        command->to = (davit_buffer_ref){NULL, 0, 0};
    }
    if (kind != DAVIT_COMMAND_EXECUTE) {
        command->program = NULL;
        command->binding_count = 0;
    }
}

static void retain_buffer(const davit_buffer_ref *ref)
{
    if (ref->buffer != NULL) {
        atomic_fetch_add_explicit(&ref->buffer->references, 1, memory_order_relaxed);
    }
}

static void retain_command(const davit_command *command)
{
    retain_buffer(&command->from);
    retain_buffer(&command->to);
    if (command->program != NULL) {
        atomic_fetch_add_explicit(&command->program->references, 1, memory_order_relaxed);
    }
    for (size_t i = 0; i < command->binding_count; i++) {
        retain_buffer(&command->bindings[i]);
    }
}

static void release_command(const davit_command *command)
{
    davit_buffer_release(command->from.buffer);
    davit_buffer_release(command->to.buffer);
    davit_program_release(command->program);
    for (size_t i = 0; i < command->binding_count; i++) {
        davit_buffer_release(command->bindings[i].buffer);
    }
}

davit_status davit_submission_copy(davit_submission_pool *pool, const davit_submission *submission,
                                   davit_submission_record **out)
{
    *out = NULL;
    size_t bytes;
    davit_submission_record *record =
        storage_bytes(submission, &bytes) ? take_record(pool, bytes) : NULL;
    if (record == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    size_t offset = 0;
    record->submission = *submission;
    davit_submission *copy = &record->submission;
    copy->waits = copy_array(record, &offset, submission->waits, submission->wait_count,
                             sizeof(davit_semaphore_point));
    copy->signals = copy_array(record, &offset, submission->signals, submission->signal_count,
                               sizeof(davit_semaphore_point));
    davit_command *commands = copy_array(record, &offset, submission->commands,
                                         submission->command_count, sizeof(davit_command));
    copy->commands = commands;
    for (size_t i = 0; i < copy->command_count; i++) {
        clear_unused(&commands[i]);
        commands[i].bindings = copy_array(record, &offset, commands[i].bindings,
                                          commands[i].binding_count, sizeof(davit_buffer_ref));
        retain_command(&commands[i]);
    }
    for (size_t i = 0; i < copy->wait_count; i++) {
        davit_semaphore_retain(copy->waits[i].semaphore);
    }
    for (size_t i = 0; i < copy->signal_count; i++) {
        davit_semaphore_retain(copy->signals[i].semaphore);
    }
    *out = record;
    return DAVIT_OK;
}

static void raise_signal(const davit_submission_pool *pool, const davit_semaphore_point *signal,
                         davit_status status)
{
    if (status == DAVIT_OK) {
        status = davit_semaphore_signal(signal->semaphore, signal->value);
        if (status == DAVIT_INVALID_ARGUMENT) {
            (void)davit_fail(pool->diag, status,
                             "a submission signals %llu, which its semaphore has passed",
                             (unsigned long long)signal->value);
        }
    }
    if (status != DAVIT_OK) {
        davit_semaphore_fail(signal->semaphore, status);
    }
}

void davit_submission_complete(const davit_submission *submission, davit_status status)
{
    davit_submission_record *record = (davit_submission_record *)submission;
    davit_submission_pool *pool = record->pool;
    void (*completed)(void *user, davit_status status) = submission->completed;
    void *user = submission->completed_user;
    /* Buffers first: who waits for the signal finds them let go. Signals under the mutex: who
     * submits next finds the record idle. */
    for (size_t i = 0; i < submission->command_count; i++) {
        release_command(&submission->commands[i]);
    }
    pthread_mutex_lock(&pool->mutex);
    for (size_t i = 0; i < submission->signal_count; i++) {
        raise_signal(pool, &submission->signals[i], status);
        davit_semaphore_release(submission->signals[i].semaphore);
    }
    for (size_t i = 0; i < submission->wait_count; i++) {
        davit_semaphore_release(submission->waits[i].semaphore);
    }
    insert_idle(pool, record);
    pthread_mutex_unlock(&pool->mutex);
    if (completed != NULL) {
        completed(user, status);
    }
}

davit_status davit_submission_pool_take_semaphore(davit_submission_pool *pool,
                                                  davit_semaphore **out, uint64_t *value)
{
    pthread_mutex_lock(&pool->mutex);
    davit_semaphore *semaphore = pool->semaphore;
    pool->semaphore = NULL;
    pthread_mutex_unlock(&pool->mutex);
    if (semaphore == NULL) {
        davit_status status = davit_semaphore_create(pool->allocator, 0, &semaphore);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    *out = semaphore;
    return davit_semaphore_query(semaphore, value);
}

void davit_submission_pool_return_semaphore(davit_submission_pool *pool, davit_semaphore *semaphore)
{
    uint64_t value;
    pthread_mutex_lock(&pool->mutex);
    if (pool->semaphore == NULL && davit_semaphore_query(semaphore, &value) == DAVIT_OK) {
        pool->semaphore = semaphore;
        semaphore = NULL;
    }
    pthread_mutex_unlock(&pool->mutex);
    davit_semaphore_release(semaphore);
}
