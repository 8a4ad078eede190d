/* Places buffers with known lifetimes in one arena (greedy by size, best fit: Pisarchyk and Lee,
 * "Efficient Memory Management for Deep Neural Net Inference", 2020). */
#ifndef DAVIT_MEMORY_PLAN_H
#define DAVIT_MEMORY_PLAN_H

#include <stddef.h>

#include "davit/allocator.h"

/* One buffer: live from step first to step last, both included. offset_bytes is the answer. */
typedef struct davit_memory_request {
    size_t bytes; /* 0 is legal and gets offset 0 */
    size_t first;
    size_t last; /* >= first */
    size_t offset_bytes;
} davit_memory_request;

/* Sets offset_bytes of each request, a multiple of alignment (a power of two), so that requests
 * with overlapping lifetimes do not overlap in memory; *total_bytes is the arena's size. Same
 * requests, same answer. Reentrant. Returns DAVIT_OUT_OF_MEMORY, or DAVIT_INVALID_ARGUMENT for a
 * bad alignment or last < first, with *total_bytes untouched. */
DAVIT_NODISCARD davit_status davit_memory_plan(const davit_allocator *allocator,
                                               davit_memory_request *requests, size_t count,
                                               size_t alignment, size_t *total_bytes);

#endif
