/* An allocator that counts and fails when asked: to find leaks, to show that something allocates
 * nothing, and to make each allocation fail in turn. Thread-safe. */
#ifndef DAVIT_TEST_COUNTING_ALLOCATOR_H
#define DAVIT_TEST_COUNTING_ALLOCATOR_H

#include <stdatomic.h>
#include <stddef.h>

#include "davit/allocator.h"

typedef struct counting_allocator {
    davit_allocator allocator; /* pass &counting.allocator */
    atomic_size_t calls;       /* allocations asked for */
    atomic_size_t bytes;       /* asked for in all these calls, freed or not */
    atomic_size_t live;        /* not yet freed */
    atomic_size_t fail_at;     /* which call fails, from 1; 0: none */
} counting_allocator;

static inline void *counting_alloc(void *self, size_t bytes, size_t alignment)
{
    counting_allocator *counting = self;
    size_t call = atomic_fetch_add(&counting->calls, 1) + 1;
    (void)atomic_fetch_add(&counting->bytes, bytes);
    if (call == atomic_load(&counting->fail_at)) {
        return NULL;
    }
    const davit_allocator *allocator = davit_allocator_default();
    void *pointer = allocator->alloc(allocator->self, bytes, alignment);
    if (pointer != NULL) {
        (void)atomic_fetch_add(&counting->live, 1);
    }
    return pointer;
}

static inline void counting_free(void *self, void *pointer)
{
    counting_allocator *counting = self;
    if (pointer != NULL) {
        (void)atomic_fetch_sub(&counting->live, 1);
    }
    const davit_allocator *allocator = davit_allocator_default();
    allocator->free(allocator->self, pointer);
}

/* counting must stay where it is: its allocator points to it. */
static inline void counting_allocator_init(counting_allocator *counting)
{
    counting->allocator = (davit_allocator){counting_alloc, counting_free, counting};
    atomic_init(&counting->calls, 0);
    atomic_init(&counting->bytes, 0);
    atomic_init(&counting->live, 0);
    atomic_init(&counting->fail_at, 0);
}

/* From now on counts calls from 1 and bytes from 0 again, and makes the call fail_at fail (0: none). */
static inline void counting_allocator_restart(counting_allocator *counting, size_t fail_at)
{
    atomic_store(&counting->calls, 0);
    atomic_store(&counting->bytes, 0);
    atomic_store(&counting->fail_at, fail_at);
}

#endif
