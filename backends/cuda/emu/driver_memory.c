#define _GNU_SOURCE /* MAP_ANONYMOUS, MAP_NORESERVE */
#include "driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define RANGE_BYTES ((size_t)64 << 30) /* of addresses for each device */
#define PAGE_BYTES ((size_t)4096)
#define ADDRESS_ALIGNMENT ((size_t)256)
#define FRESH_PATTERN 0xff /* not a number, as f32 */

/* The ranges, for checks that take no lock. */
static _Atomic(char *) ranges[EMU_MAX_DEVICES];

static size_t round_up(size_t bytes, size_t multiple)
{
    return (bytes + multiple - 1) / multiple * multiple;
}

bool emu_reserve_range(emu_device *device)
{
    void *range =
        mmap(NULL, RANGE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range == MAP_FAILED) {
        return false;
    }
    device->range = range;
    atomic_store(&ranges[device->number], range);
    return true;
}

bool emu_is_device_memory(const void *memory, size_t bytes)
{
    for (int i = 0; i < EMU_MAX_DEVICES; i++) {
        const char *range = atomic_load(&ranges[i]);
        if (range != NULL && (const char *)memory < range + RANGE_BYTES &&
            (const char *)memory + bytes > range) {
            return true;
        }
    }
    return false;
}

static bool contains(const emu_allocation *allocation, cuda_address address, size_t bytes)
{
    return address >= allocation->address && bytes <= allocation->bytes &&
           address - allocation->address <= allocation->bytes - bytes;
}

bool emu_owns(const emu_device *device, cuda_address address, size_t bytes)
{
    for (const emu_allocation *a = device->allocations; a != NULL; a = a->next) {
        if (contains(a, address, bytes)) {
            return true;
        }
    }
    return false;
}

void emu_explain_address(const emu_device *device, cuda_address address, char *text,
                         size_t text_bytes)
{
    const emu_allocation *near = NULL;
    for (const emu_allocation *a = device->allocations; a != NULL; a = a->next) {
        if (address >= a->pages - PAGE_BYTES && address < a->pages + a->page_bytes + PAGE_BYTES) {
            near = a;
        }
    }
    if (near == NULL) {
        (void)snprintf(text, text_bytes, "nothing is allocated there");
    } else if (address < near->address) {
        (void)snprintf(text, text_bytes, "%zu bytes before an allocation of %zu",
                       (size_t)(near->address - address), near->bytes);
    } else {
        (void)snprintf(text, text_bytes, "%zu bytes behind an allocation of %zu",
                       (size_t)(address - near->address) - near->bytes, near->bytes);
    }
}

/* ---- device memory ---- */

/* Where in the range so many bytes are free, from the next place on, once around: memory that was
 * freed is not used again soon, so that late uses of it are found. */
static bool find_place(emu_device *device, size_t bytes, size_t *offset)
{
    size_t at = device->next;
    bool wrapped = false;
    for (;;) {
        if (bytes > RANGE_BYTES - at) {
            if (wrapped) {
                return false;
            }
            wrapped = true;
            at = 0;
        }
        const emu_allocation *in_the_way = NULL;
        cuda_address start = (cuda_address)(uintptr_t)device->range + at;
        for (const emu_allocation *a = device->allocations; a != NULL; a = a->next) {
            if (a->pages < start + bytes && a->pages + a->page_bytes > start) {
                in_the_way = a;
            }
        }
        if (in_the_way == NULL) {
            *offset = at;
            return true;
        }
        at = (size_t)(in_the_way->pages + in_the_way->page_bytes -
                      (cuda_address)(uintptr_t)device->range);
    }
}

static cuda_result allocate(emu_device *device, size_t bytes, emu_allocation *made)
{
    size_t used = round_up(bytes, ADDRESS_ALIGNMENT);
    size_t page_bytes = round_up(used, PAGE_BYTES);
    size_t offset;
    if (!find_place(device, page_bytes + 2 * PAGE_BYTES, &offset)) {
        return CUDA_RESULT_OUT_OF_MEMORY;
    }
    char *pages = device->range + offset + PAGE_BYTES;
    if (mprotect(pages, page_bytes, PROT_READ | PROT_WRITE) != 0) {
        return CUDA_RESULT_OUT_OF_MEMORY;
    }
    memset(pages, FRESH_PATTERN, page_bytes);
    made->pages = (cuda_address)(uintptr_t)pages;
    made->page_bytes = page_bytes;
    made->address = made->pages + page_bytes - used;
    made->bytes = bytes;
    device->next = offset + PAGE_BYTES + page_bytes;
    return CUDA_RESULT_SUCCESS;
}

/* Makes the pages inaccessible, and gives them back. */
static void release(emu_allocation *allocation)
{
    void *pages = (void *)(uintptr_t)allocation->pages;
    (void)mmap(pages, allocation->page_bytes, PROT_NONE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    free(allocation);
}

cuda_result emu_memory_alloc(cuda_address *address, size_t bytes)
{
    cuda_result result;
    emu_device *device = emu_current(&result);
    if (device == NULL || bytes == 0) {
        if (device != NULL) {
            emu_unlock(device);
        }
        return device != NULL ? CUDA_RESULT_INVALID_VALUE : result;
    }
    const emu_options *options = &device->options;
    size_t limit = (size_t)options->memory_mib << 20;
    emu_allocation *made = calloc(1, sizeof(*made));
    device->allocation_count++;
    if (made == NULL || bytes > limit - device->used_bytes ||
        (options->alloc_fail != 0 && device->allocation_count >= options->alloc_fail)) {
        result = CUDA_RESULT_OUT_OF_MEMORY;
    } else {
        result = allocate(device, bytes, made);
    }
    if (result == CUDA_RESULT_SUCCESS) {
        made->next = device->allocations;
        device->allocations = made;
        device->used_bytes += bytes;
        device->object_count++;
        *address = made->address;
    } else {
        free(made);
    }
    emu_unlock(device);
    return result;
}

cuda_result emu_memory_free(cuda_address address)
{
    cuda_result result;
    emu_device *device = emu_current_to_free(&result);
    if (device == NULL) {
        return result;
    }
    emu_synchronize(device);
    emu_allocation **place = &device->allocations;
    while (*place != NULL && (*place)->address != address) {
        place = &(*place)->next;
    }
    emu_allocation *found = *place;
    if (found != NULL) {
        *place = found->next;
        device->used_bytes -= found->bytes;
        device->object_count--;
        release(found);
    } else if (result == CUDA_RESULT_SUCCESS) {
        result = CUDA_RESULT_INVALID_VALUE;
    }
    emu_unlock(device);
    return result;
}

/* ---- pinned memory ---- */

cuda_result emu_host_alloc(void **memory, size_t bytes, unsigned flags)
{
    cuda_result result;
    (void)flags;
    emu_device *device = emu_current(&result);
    if (device == NULL) {
        return result;
    }
    emu_pinned *pinned = calloc(1, sizeof(*pinned));
    void *taken = bytes > 0 ? aligned_alloc(PAGE_BYTES, round_up(bytes, PAGE_BYTES)) : NULL;
    if (pinned == NULL || taken == NULL) {
        free(pinned);
        free(taken);
        result = CUDA_RESULT_OUT_OF_MEMORY;
    } else {
        *pinned = (emu_pinned){.memory = taken, .next = device->pinned};
        device->pinned = pinned;
        device->object_count++;
        *memory = taken;
    }
    emu_unlock(device);
    return result;
}

cuda_result emu_host_free(void *memory)
{
    cuda_result result;
    emu_device *device = emu_current_to_free(&result);
    if (device == NULL) {
        return result;
    }
    emu_synchronize(device);
    emu_pinned **place = &device->pinned;
    while (*place != NULL && (*place)->memory != memory) {
        place = &(*place)->next;
    }
    emu_pinned *found = *place;
    if (found != NULL) {
        *place = found->next;
        device->object_count--;
        free(found->memory);
        free(found);
    } else if (result == CUDA_RESULT_SUCCESS) {
        result = CUDA_RESULT_INVALID_VALUE;
    }
    emu_unlock(device);
    return result;
}

void emu_free_memory(emu_device *device)
{
    while (device->allocations != NULL) {
        emu_allocation *first = device->allocations;
        device->allocations = first->next;
        release(first);
    }
    device->used_bytes = 0;
    while (device->pinned != NULL) {
        emu_pinned *first = device->pinned;
        device->pinned = first->next;
        free(first->memory);
        free(first);
    }
}
