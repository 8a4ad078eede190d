#include "davit/memory_plan.h"

#include <stdlib.h>

static bool overlaps(const davit_memory_request *a, const davit_memory_request *b)
{
    return a->first <= b->last && b->first <= a->last;
}

static int by_size(const void *a, const void *b)
{
    const davit_memory_request *x = *(davit_memory_request *const *)a;
    const davit_memory_request *y = *(davit_memory_request *const *)b;
    if (x->bytes != y->bytes) {
        return x->bytes > y->bytes ? -1 : 1;
    }
    return x < y ? -1 : 1; /* pointers into one array: its order */
}

/* The lowest offset in the smallest gap, among the buffers placed so far (sorted by offset) that
 * live at the same time; the end of all of them when no gap is large enough. */
static size_t find_gap(davit_memory_request *const *placed, size_t placed_count,
                       const davit_memory_request *request, size_t alignment)
{
    size_t best_offset = SIZE_MAX;
    size_t best_gap = SIZE_MAX;
    size_t end = 0;
    for (size_t i = 0; i < placed_count; i++) {
        const davit_memory_request *other = placed[i];
        if (!overlaps(other, request)) {
            continue;
        }
        if (other->offset_bytes >= end) {
            size_t gap = other->offset_bytes - end;
            if (gap >= request->bytes && gap < best_gap) {
                best_gap = gap;
                best_offset = end;
            }
        }
        size_t other_end = (other->offset_bytes + other->bytes + alignment - 1) & ~(alignment - 1);
        if (other_end > end) {
            end = other_end;
        }
    }
    return best_offset != SIZE_MAX ? best_offset : end;
}

static davit_status check(const davit_memory_request *requests, size_t count, size_t alignment)
{
    if (alignment == 0 || (alignment & (alignment - 1)) != 0) {
        return DAVIT_INVALID_ARGUMENT;
    }
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        if (requests[i].last < requests[i].first) {
            return DAVIT_INVALID_ARGUMENT;
        }
        if (!davit_add_size(sum, requests[i].bytes, &sum) ||
            !davit_add_size(sum, alignment, &sum)) {
            return DAVIT_OUT_OF_MEMORY;
        }
    }
    return DAVIT_OK;
}

/* Places all requests in order of size, keeping placed sorted by offset. */
static size_t place_all(davit_memory_request **order, davit_memory_request **placed, size_t count,
                        size_t alignment)
{
    size_t total = 0;
    size_t placed_count = 0;
    for (size_t i = 0; i < count && order[i]->bytes > 0; i++) {
        davit_memory_request *request = order[i];
        request->offset_bytes = find_gap(placed, placed_count, request, alignment);
        size_t at = placed_count++;
        while (at > 0 && placed[at - 1]->offset_bytes > request->offset_bytes) {
            placed[at] = placed[at - 1];
            at--;
        }
        placed[at] = request;
        size_t end = request->offset_bytes + request->bytes;
        total = end > total ? end : total;
    }
    return total;
}

davit_status davit_memory_plan(const davit_allocator *allocator, davit_memory_request *requests,
                               size_t count, size_t alignment, size_t *total_bytes)
{
    davit_status status = check(requests, count, alignment);
    if (status != DAVIT_OK) {
        return status;
    }
    if (count == 0) {
        *total_bytes = 0;
        return DAVIT_OK;
    }
    davit_memory_request **order = davit_alloc_array(allocator, count, 2 * sizeof(*order));
    if (order == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        requests[i].offset_bytes = 0;
        order[i] = &requests[i];
    }
    qsort(order, count, sizeof(*order), by_size);
    *total_bytes = place_all(order, order + count, count, alignment);
    davit_free(allocator, order);
    return DAVIT_OK;
}
