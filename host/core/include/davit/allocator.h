/* Allocation: an interface passed at creation, checked sizes, and an arena for many small pieces
 * that live and die together (a graph, a plan). */
#ifndef DAVIT_ALLOCATOR_H
#define DAVIT_ALLOCATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "davit/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Default alignment of davit_alloc: a cache line, enough for every vector instruction set. */
#define DAVIT_ALIGNMENT 64

/* An allocator is borrowed by whatever it is passed to and must outlive it. It must be
 * thread-safe. */
typedef struct davit_allocator {
    /* Returns bytes (> 0) aligned to alignment (a power of two), or NULL. */
    void *(*alloc)(void *self, size_t bytes, size_t alignment);
    /* Frees what alloc returned; NULL is legal. */
    void (*free)(void *self, void *pointer);
    void *self;
} davit_allocator;

/* The C library's allocator; never NULL. Thread-safe. */
DAVIT_API const davit_allocator *davit_allocator_default(void);

/* Allocates bytes (0 counts as 1), zeroed, aligned to DAVIT_ALIGNMENT. Returns NULL when memory is
 * short. Free with davit_free and the same allocator. Thread-safe as the allocator is. */
DAVIT_API void *davit_alloc(const davit_allocator *allocator, size_t bytes);

/* The same without zeroing, for large buffers that are written in full before they are read. */
DAVIT_API void *davit_alloc_uninitialized(const davit_allocator *allocator, size_t bytes);

/* Allocates count elements of elem_bytes each, zeroed; NULL on overflow or when memory is short. */
DAVIT_API void *davit_alloc_array(const davit_allocator *allocator, size_t count,
                                  size_t elem_bytes);

/* Frees pointer (NULL is legal). */
DAVIT_API void davit_free(const davit_allocator *allocator, void *pointer);

/* A copy of a string; NULL when memory is short. */
DAVIT_API char *davit_strdup(const davit_allocator *allocator, const char *text);

/* Grows *array (of *capacity elements of elem_bytes, count of them used) so that it holds at least
 * needed. Doubles the capacity; new elements are zeroed. On failure returns
 * DAVIT_OUT_OF_MEMORY with everything untouched. */
DAVIT_API DAVIT_NODISCARD davit_status davit_array_grow(const davit_allocator *allocator,
                                                        void **array, size_t *capacity,
                                                        size_t count, size_t needed,
                                                        size_t elem_bytes);

/* Checked arithmetic: true and *result set, or false (overflow) and *result untouched. */
static inline bool davit_add_size(size_t a, size_t b, size_t *result)
{
    if (a > SIZE_MAX - b) {
        return false;
    }
    *result = a + b;
    return true;
}

static inline bool davit_mul_size(size_t a, size_t b, size_t *result)
{
    if (b != 0 && a > SIZE_MAX / b) {
        return false;
    }
    *result = a * b;
    return true;
}

/* A pool: large pieces that hold anything, aligned to DAVIT_ALIGNMENT, freed all at once. What comes
 * to megabytes lies in huge pages where the system gives some: touching the memory first then costs
 * a hundredth. Not thread-safe. */
typedef struct davit_pool_chunk davit_pool_chunk;
typedef struct davit_pool {
    const davit_allocator *allocator;
    davit_pool_chunk *chunks;
    char *next; /* of the newest chunk */
    size_t left_bytes, total_bytes;
} davit_pool;

DAVIT_API void davit_pool_init(davit_pool *pool, const davit_allocator *allocator);
/* NULL when memory is short. */
DAVIT_API void *davit_pool_alloc(davit_pool *pool, size_t bytes);
/* Frees everything; the pool can be used again. */
DAVIT_API void davit_pool_clear(davit_pool *pool);

/* An arena: pieces are allocated one by one and freed all at once. Not thread-safe. */
typedef struct davit_arena {
    const davit_allocator *allocator;
    struct davit_arena_block *blocks;
} davit_arena;

DAVIT_API void davit_arena_init(davit_arena *arena, const davit_allocator *allocator);
/* Zeroed memory aligned to max_align_t, NULL when memory is short. */
DAVIT_API void *davit_arena_alloc(davit_arena *arena, size_t bytes);
DAVIT_API void *davit_arena_alloc_array(davit_arena *arena, size_t count, size_t elem_bytes);
DAVIT_API char *davit_arena_strdup(davit_arena *arena, const char *text);
DAVIT_API char *davit_arena_strndup(davit_arena *arena, const char *text, size_t length);
/* printf into the arena; NULL when memory is short. */
DAVIT_API DAVIT_PRINTF(2, 3) char *davit_arena_printf(davit_arena *arena, const char *format, ...);
/* Frees everything; the arena can be used again. */
DAVIT_API void davit_arena_clear(davit_arena *arena);

#ifdef __cplusplus
}
#endif
#endif
