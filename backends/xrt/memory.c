#include "memory.h"

#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "davit/engine_abi.h"
#include "sums.h"

/* Of a buffer object at least. */
#define CHUNK_BYTES ((size_t)16 << 20)
/* Between two looks at the deadline. */
#define SLICE_BYTES ((size_t)4 << 20)
#define WORD_BYTES DAVIT_ENGINE_WORD

/* A free part of a chunk; in order of offsets, none next to another. */
typedef struct span {
    size_t offset, bytes;
    struct span *next;
} span;

struct davit_xrt_chunk {
    xrtBufferHandle bo;
    uint8_t *map;
    size_t bytes;
    span *free;
    davit_xrt_sums sums;
    davit_xrt_chunk *next;
};

static size_t round_up(size_t bytes, size_t step)
{
    return (bytes + step - 1) / step * step;
}

void davit_xrt_bank_init(davit_xrt_bank *bank, int group)
{
    *bank = (davit_xrt_bank){.group = group};
    pthread_mutex_init(&bank->mutex, NULL);
}

davit_status davit_xrt_bank_close(davit_xrt_job *job, const davit_xrt_driver *driver,
                                  davit_xrt_bank *bank)
{
    while (bank->chunks != NULL) {
        davit_xrt_chunk *chunk = bank->chunks;
        davit_xrt_enter(job);
        (void)driver->bo_free(chunk->bo);
        if (!davit_xrt_leave(job)) {
            return DAVIT_DEVICE_LOST;
        }
        bank->chunks = chunk->next;
        while (chunk->free != NULL) {
            span *next = chunk->free->next;
            free(chunk->free);
            chunk->free = next;
        }
        davit_xrt_sums_free(&chunk->sums);
        free(chunk);
    }
    pthread_mutex_destroy(&bank->mutex);
    return DAVIT_OK;
}

/* Under the bank's mutex: the first free part that is large enough. */
static bool cut_from(davit_xrt_bank *bank, davit_xrt_chunk *chunk, size_t bytes,
                     davit_xrt_region *out)
{
    for (span **link = &chunk->free; *link != NULL; link = &(*link)->next) {
        span *part = *link;
        if (part->bytes < bytes) {
            continue;
        }
        *out = (davit_xrt_region){bank, chunk, part->offset, bytes};
        part->offset += bytes;
        part->bytes -= bytes;
        if (part->bytes == 0) {
            *link = part->next;
            free(part);
        }
        return true;
    }
    return false;
}

static bool cut(davit_xrt_bank *bank, size_t bytes, davit_xrt_region *out)
{
    bool found = false;
    pthread_mutex_lock(&bank->mutex);
    for (davit_xrt_chunk *c = bank->chunks; !found && c != NULL; c = c->next) {
        found = cut_from(bank, c, bytes, out);
    }
    pthread_mutex_unlock(&bank->mutex);
    return found;
}

/* Adds a chunk to the bank. */
static davit_status grow(davit_xrt_job *job, davit_xrt_board *board, davit_xrt_bank *bank,
                         size_t bytes, const davit_diagnostics *diag)
{
    size_t wanted = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
    davit_xrt_chunk *chunk = calloc(1, sizeof(*chunk));
    span *all = calloc(1, sizeof(*all));
    if (chunk == NULL || all == NULL) {
        free(chunk);
        free(all);
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "device '%s': no memory", board->target.name);
    }
    davit_xrt_enter(job);
    xrtBufferHandle bo =
        board->driver->bo_alloc(board->device, wanted, 0, (xrtMemoryGroup)bank->group);
    void *map = bo != NULL ? board->driver->bo_map(bo) : NULL;
    if (!davit_xrt_leave(job)) {
        return DAVIT_DEVICE_LOST;
    }
    if (map == NULL) {
        free(chunk);
        free(all);
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY,
                          "device '%s': bank %d of the board has no room for %zu bytes",
                          board->target.name, bank->group, wanted);
    }
    *all = (span){0, wanted, NULL};
    *chunk = (davit_xrt_chunk){.bo = bo, .map = map, .bytes = wanted, .free = all};
    pthread_mutex_lock(&bank->mutex);
    chunk->next = bank->chunks;
    bank->chunks = chunk;
    pthread_mutex_unlock(&bank->mutex);
    return DAVIT_OK;
}

davit_status davit_xrt_region_alloc(davit_xrt_job *job, davit_xrt_board *board,
                                    davit_xrt_bank *bank, size_t bytes,
                                    const davit_diagnostics *diag, davit_xrt_region *out)
{
    if (bytes > DAVIT_MAX_TENSOR_BYTES) {
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "device '%s': no room for %zu bytes",
                          board->target.name, bytes);
    }
    size_t rounded = round_up(bytes, DAVIT_XRT_PIECE_BYTES);
    if (cut(bank, rounded, out)) {
        return DAVIT_OK;
    }
    davit_status status = grow(job, board, bank, rounded, diag);
    if (status == DAVIT_OK && !cut(bank, rounded, out)) {
        status = DAVIT_INTERNAL;
    }
    return status;
}

/* Joins a free part with the one behind it where they touch. */
static void join(span *part)
{
    span *behind = part->next;
    if (behind != NULL && part->offset + part->bytes == behind->offset) {
        part->bytes += behind->bytes;
        part->next = behind->next;
        free(behind);
    }
}

void davit_xrt_region_free(davit_xrt_region *region)
{
    davit_xrt_chunk *chunk = region->chunk;
    if (chunk == NULL) {
        return;
    }
    span *part = calloc(1, sizeof(*part));
    pthread_mutex_lock(&region->bank->mutex);
    span *before = NULL;
    span **link = &chunk->free;
    while (*link != NULL && (*link)->offset < region->offset) {
        before = *link;
        link = &(*link)->next;
    }
    if (part != NULL) { /* else the piece is not used again */
        *part = (span){region->offset, region->bytes, *link};
        *link = part;
        join(part);
        if (before != NULL) {
            join(before);
        }
    }
    pthread_mutex_unlock(&region->bank->mutex);
    *region = (davit_xrt_region){0};
}

uint8_t *davit_xrt_region_map(const davit_xrt_region *region)
{
    return region->chunk->map + region->offset;
}

xrtBufferHandle davit_xrt_region_handle(const davit_xrt_driver *driver,
                                        const davit_xrt_region *region, size_t offset, size_t bytes)
{
    return driver->bo_sub_alloc(region->chunk->bo, bytes, region->offset + offset);
}

void davit_xrt_region_forget(const davit_xrt_region *region, size_t offset, size_t bytes)
{
    size_t begin = region->offset + offset;
    davit_xrt_sums_forget(&region->chunk->sums, begin, begin + bytes);
}

void davit_xrt_region_expect(const davit_xrt_region *region, size_t offset, size_t bytes,
                             uint32_t sum)
{
    size_t begin = region->offset + offset;
    const davit_xrt_sum part = {begin, begin + bytes, sum};
    davit_xrt_sums_note(&region->chunk->sums, &part);
}

/* After a copy of whole words: remembers what was sent, or looks whether what came is that. */
static davit_status compare(davit_xrt_board *board, const davit_xrt_region *region, size_t begin,
                            size_t end, enum xclBOSyncDirection direction,
                            const davit_diagnostics *diag)
{
    davit_xrt_chunk *chunk = region->chunk;
    if (direction == XCL_BO_SYNC_BO_TO_DEVICE) {
        davit_xrt_region_expect(
            region, begin, end - begin,
            davit_end_sum(davit_xrt_region_map(region) + begin, (end - begin) / WORD_BYTES));
    } else if (!davit_xrt_sums_agree(&chunk->sums, region->offset + begin, region->offset + end,
                                     chunk->map)) {
        return davit_xrt_board_lose(board, diag,
                                    "a copy of %zu bytes from the board is not what was written "
                                    "there",
                                    end - begin);
    }
    return DAVIT_OK;
}

/* Copies whole words between the board and the host's copy. */
static davit_status sync(davit_xrt_job *job, davit_xrt_board *board, const davit_xrt_region *region,
                         size_t begin, size_t end, enum xclBOSyncDirection direction,
                         const davit_diagnostics *diag)
{
    const char *way = direction == XCL_BO_SYNC_BO_TO_DEVICE ? "to" : "from";
    for (size_t at = begin; at < end; at += SLICE_BYTES) {
        size_t bytes = end - at < SLICE_BYTES ? end - at : SLICE_BYTES;
        size_t offset = region->offset + at;
        davit_xrt_enter(job);
        int error = board->driver->bo_sync(region->chunk->bo, direction, bytes, offset);
        if (!davit_xrt_leave(job)) {
            return DAVIT_DEVICE_LOST;
        }
        if (error != 0) {
            return davit_xrt_board_lose(board, diag, "copying %zu bytes %s the board failed (%d)",
                                        bytes, way, error);
        }
        if (davit_clock_ns() >= davit_xrt_job_deadline(job)) {
            return davit_xrt_board_lose(board, diag,
                                        "copying %s the board did not end by the deadline", way);
        }
    }
    return compare(board, region, begin, end, direction, diag);
}

davit_status davit_xrt_fetch(davit_xrt_job *job, davit_xrt_board *board,
                             const davit_xrt_region *from, size_t offset, size_t bytes,
                             const davit_diagnostics *diag)
{
    return sync(job, board, from, offset / WORD_BYTES * WORD_BYTES,
                round_up(offset + bytes, WORD_BYTES), XCL_BO_SYNC_BO_FROM_DEVICE, diag);
}

/* The words at both ends of a part that begins or ends inside of them. */
static davit_status fetch_ends(davit_xrt_job *job, davit_xrt_board *board,
                               const davit_xrt_region *region, size_t offset, size_t bytes,
                               const davit_diagnostics *diag)
{
    davit_status status = DAVIT_OK;
    if (offset % WORD_BYTES != 0) {
        status = davit_xrt_fetch(job, board, region, offset, 1, diag);
    }
    if (status == DAVIT_OK && (offset + bytes) % WORD_BYTES != 0) {
        status = davit_xrt_fetch(job, board, region, offset + bytes - 1, 1, diag);
    }
    return status;
}

davit_status davit_xrt_push(davit_xrt_job *job, davit_xrt_board *board,
                            const davit_xrt_region *region, size_t offset, size_t bytes,
                            const davit_diagnostics *diag)
{
    return sync(job, board, region, offset / WORD_BYTES * WORD_BYTES,
                round_up(offset + bytes, WORD_BYTES), XCL_BO_SYNC_BO_TO_DEVICE, diag);
}

davit_status davit_xrt_put(davit_xrt_job *job, davit_xrt_board *board, const davit_xrt_region *to,
                           size_t offset, size_t bytes, const void *source,
                           const davit_diagnostics *diag)
{
    if (bytes == 0) {
        return DAVIT_OK;
    }
    davit_status status = fetch_ends(job, board, to, offset, bytes, diag);
    if (status == DAVIT_OK) {
        memcpy(davit_xrt_region_map(to) + offset, source, bytes);
        status = davit_xrt_push(job, board, to, offset, bytes, diag);
    }
    return status;
}

davit_status davit_xrt_fill(davit_xrt_job *job, davit_xrt_board *board, const davit_xrt_region *to,
                            size_t offset, size_t bytes, uint8_t pattern,
                            const davit_diagnostics *diag)
{
    if (bytes == 0) {
        return DAVIT_OK;
    }
    davit_status status = fetch_ends(job, board, to, offset, bytes, diag);
    if (status == DAVIT_OK) {
        memset(davit_xrt_region_map(to) + offset, pattern, bytes);
        status = davit_xrt_push(job, board, to, offset, bytes, diag);
    }
    return status;
}
