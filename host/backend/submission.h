/* Copies of submissions: each holds its arrays in one block and keeps what it names alive. A pool
 * per queue recycles them, so that submitting allocates nothing once the pool has grown. */
#ifndef DAVIT_SUBMISSION_H
#define DAVIT_SUBMISSION_H

#include "davit/backend.h"

typedef struct davit_submission_pool davit_submission_pool;

typedef struct davit_submission_record {
    davit_submission submission; /* at offset 0: what queue_submit gets */
    davit_submission_pool *pool;
    struct davit_submission_record *next; /* free list of the pool, or list of a host queue */
    void *storage;                        /* the arrays of submission */
    size_t storage_bytes;
} davit_submission_record;

/* Creates a pool with a few records of usual size. */
DAVIT_NODISCARD davit_status davit_submission_pool_create(const davit_allocator *allocator,
                                                          const davit_diagnostics *diag,
                                                          davit_submission_pool **out);
/* All submissions have completed. NULL is legal. */
void davit_submission_pool_destroy(davit_submission_pool *pool);

/* Copies a checked submission, retaining its semaphores, buffers and programs. Give it to
 * davit_submission_complete. Thread-safe. */
DAVIT_NODISCARD davit_status davit_submission_copy(davit_submission_pool *pool,
                                                   const davit_submission *submission,
                                                   davit_submission_record **out);

/* A semaphore that only the caller uses until it gives it back: the pool's own, or a new one.
 * *value is its value. Thread-safe. */
DAVIT_NODISCARD davit_status davit_submission_pool_take_semaphore(davit_submission_pool *pool,
                                                                  davit_semaphore **out,
                                                                  uint64_t *value);
/* Gives it back, or lets it go when it has failed. */
void davit_submission_pool_return_semaphore(davit_submission_pool *pool,
                                            davit_semaphore *semaphore);

/* Drops one reference; the last one frees the object in the backend. */
void davit_buffer_release(davit_buffer *buffer);
void davit_program_release(davit_program *program);

/* True when both are of one buffer and have bytes in common. */
bool davit_buffer_refs_overlap(const davit_buffer_ref *a, const davit_buffer_ref *b);

#endif
