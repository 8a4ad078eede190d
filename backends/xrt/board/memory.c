#define _GNU_SOURCE /* MAP_ANONYMOUS, MAP_NORESERVE, fallocate */
#include "memory.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Gives the pages of a range back and makes them untouchable. */
static bool close_range_of(const board_memory *memory, uint64_t address, uint64_t bytes)
{
    return mmap(memory->base + address, bytes, PROT_NONE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) != MAP_FAILED;
}

static uint64_t pages_of(uint64_t bytes)
{
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    return (bytes + (bytes == 0) + page - 1) / page * page;
}

bool board_memory_open(board_memory *memory)
{
    *memory = (board_memory){.host_file = -1};
    void *base = mmap(NULL, BOARD_MEMORY_BYTES, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        return false;
    }
    memory->base = base;
    return true;
}

void board_memory_close(board_memory *memory)
{
    if (memory->base == NULL) {
        return;
    }
    if (memory->host_file >= 0) {
        (void)close(memory->host_file);
    }
    free(memory->buffers);
    (void)munmap(memory->base, BOARD_MEMORY_BYTES);
    *memory = (board_memory){.host_file = -1};
}

bool board_memory_make_file(board_memory *memory, const char *path)
{
    const off_t largest_map = (off_t)16 << 30;
    if (memory->host_file >= 0) {
        return true;
    }
    const int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) {
        return false;
    }
    if (ftruncate(file, (off_t)BOARD_MEMORY_BYTES + largest_map) != 0) {
        (void)close(file);
        (void)unlink(path);
        return false;
    }
    memory->host_file = file;
    return true;
}

/* The first buffer that ends behind address. */
static size_t find(const board_memory *memory, uint64_t address)
{
    size_t low = 0, high = memory->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const board_buffer *buffer = &memory->buffers[middle];
        if (buffer->address + pages_of(buffer->bytes) <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool make_room(board_memory *memory)
{
    if (memory->count < memory->capacity) {
        return true;
    }
    const size_t capacity = memory->capacity > 0 ? 2 * memory->capacity : 64;
    board_buffer *grown = realloc(memory->buffers, capacity * sizeof(*grown));
    if (grown == NULL) {
        return false;
    }
    memory->buffers = grown;
    memory->capacity = capacity;
    return true;
}

bool board_memory_alloc(board_memory *memory, uint64_t address, uint64_t bytes)
{
    if (bytes > BOARD_MEMORY_BYTES || address > BOARD_MEMORY_BYTES - pages_of(bytes) ||
        address % (uint64_t)sysconf(_SC_PAGESIZE) != 0 || !make_room(memory)) {
        return false;
    }
    const size_t at = find(memory, address);
    if ((at < memory->count && memory->buffers[at].address < address + pages_of(bytes)) ||
        mprotect(memory->base + address, pages_of(bytes), PROT_READ | PROT_WRITE) != 0) {
        return false;
    }
    memmove(memory->buffers + at + 1, memory->buffers + at,
            (memory->count - at) * sizeof(*memory->buffers));
    memory->buffers[at] = (board_buffer){address, bytes};
    memory->count++;
    return true;
}

bool board_memory_free(board_memory *memory, uint64_t address)
{
    const size_t at = find(memory, address);
    if (at == memory->count || memory->buffers[at].address != address) {
        return false;
    }
    board_buffer *buffer = &memory->buffers[at];
    const uint64_t pages = pages_of(buffer->bytes);
    if (memory->host_file >= 0) {
        (void)fallocate(memory->host_file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                        (off_t)address, (off_t)pages);
    }
    memory->count--;
    memmove(buffer, buffer + 1, (memory->count - at) * sizeof(*buffer));
    return close_range_of(memory, address, pages);
}

uint8_t *board_memory_at(const board_memory *memory, uint64_t address, uint64_t bytes)
{
    const size_t at = find(memory, address);
    if (at == memory->count) {
        return NULL;
    }
    const board_buffer *buffer = &memory->buffers[at];
    const uint64_t end = buffer->address + pages_of(buffer->bytes);
    if (address < buffer->address || bytes > end - address) {
        return NULL;
    }
    return memory->base + address;
}
