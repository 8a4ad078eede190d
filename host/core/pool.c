/* The pool of davit/allocator.h: chunks that double, large ones in huge pages. */
#define _DEFAULT_SOURCE /* madvise */
#include <stdint.h>
#include <sys/mman.h>

#include "davit/allocator.h"

#define LEAST_CHUNK_BYTES ((size_t)1 << 18)
#define MOST_CHUNK_BYTES ((size_t)1 << 25)
#define HUGE_PAGE_BYTES ((size_t)1 << 21)

struct davit_pool_chunk {
    davit_pool_chunk *next;
    void *bytes;
};

void davit_pool_init(davit_pool *pool, const davit_allocator *allocator)
{
    *pool = (davit_pool){.allocator = allocator};
}

static void *allocate_chunk(const davit_allocator *allocator, size_t bytes)
{
    if (bytes < HUGE_PAGE_BYTES) {
        return davit_alloc_uninitialized(allocator, bytes);
    }
    void *chunk = allocator->alloc(allocator->self, bytes, HUGE_PAGE_BYTES);
    if (chunk != NULL) {
        /* A hint. Only whole huge pages: what follows in them may be somebody else's. */
        (void)madvise(chunk, bytes / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES, MADV_HUGEPAGE);
    }
    return chunk;
}

/* Makes room for that many bytes at pool->next. */
static bool add_chunk(davit_pool *pool, size_t bytes)
{
    size_t size = pool->total_bytes;
    size = size < LEAST_CHUNK_BYTES ? LEAST_CHUNK_BYTES : size;
    size = size > MOST_CHUNK_BYTES ? MOST_CHUNK_BYTES : size;
    size = size < bytes ? bytes : size;
    davit_pool_chunk *chunk = davit_alloc(pool->allocator, sizeof(*chunk));
    if (chunk == NULL) {
        return false;
    }
    chunk->bytes = allocate_chunk(pool->allocator, size);
    if (chunk->bytes == NULL) {
        davit_free(pool->allocator, chunk);
        return false;
    }
    chunk->next = pool->chunks;
    pool->chunks = chunk;
    pool->next = chunk->bytes;
    pool->left_bytes = size;
    pool->total_bytes += size;
    return true;
}

void *davit_pool_alloc(davit_pool *pool, size_t bytes)
{
    size_t rounded;
    if (!davit_add_size(bytes > 0 ? bytes : 1, DAVIT_ALIGNMENT - 1, &rounded)) {
        return NULL;
    }
    rounded -= rounded % DAVIT_ALIGNMENT;
    if (rounded > pool->left_bytes && !add_chunk(pool, rounded)) {
        return NULL;
    }
    void *piece = pool->next;
    pool->next += rounded;
    pool->left_bytes -= rounded;
    return piece;
}

void davit_pool_clear(davit_pool *pool)
{
    while (pool->chunks != NULL) {
        davit_pool_chunk *chunk = pool->chunks;
        pool->chunks = chunk->next;
        davit_free(pool->allocator, chunk->bytes);
        davit_free(pool->allocator, chunk);
    }
    davit_pool_init(pool, pool->allocator);
}
