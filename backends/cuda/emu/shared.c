/* Shared memory of a block: arrays in an arena with gaps between them, and asynchronous copies. */
#include <stdio.h>
#include <string.h>

#include "block.h"

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(data, bytes) __asan_poison_memory_region(data, bytes)
#define UNPOISON(data, bytes) __asan_unpoison_memory_region(data, bytes)
#else
#define POISON(data, bytes) ((void)(data), (void)(bytes))
#define UNPOISON(data, bytes) ((void)(data), (void)(bytes))
#endif

enum { GAP_BYTE = 0xfb, OLD_BYTE = 0xcb };

static size_t round_up(size_t bytes, size_t to)
{
    return (bytes + to - 1) / to * to;
}

/* Aligned to 128 bytes as nvcc does it for what needs it; the gap behind begins at the last byte. */
static void *add_array(emu_worker *w, const void *site, size_t bytes)
{
    size_t begin = round_up(w->arena_used + GAP_BYTES, 128);
    size_t end = begin + bytes + GAP_BYTES;
    if (end > ARENA_BYTES || w->array_count == MAX_ARRAYS) {
        emu_fault("shared arrays of %zu bytes in all", end);
    }
    memset(w->arena + w->arena_used, GAP_BYTE, end - w->arena_used);
    memset(w->arena + begin, OLD_BYTE, bytes);
    POISON(w->arena + w->arena_used, end - w->arena_used);
    UNPOISON(w->arena + begin, bytes);
    w->arena_used = end;
    emu_array *array = &w->arrays[w->array_count++];
    array->site = site;
    array->data = w->arena + begin;
    array->bytes = bytes;
    return array->data;
}

void *davit_emu_shared(const void *site, size_t bytes)
{
    emu_worker *w = emu_worker_of(emu_self());
    size_t total = bytes;
    for (uint32_t i = 0; i < w->array_count; i++) {
        if (w->arrays[i].site == site) {
            return w->arrays[i].data;
        }
        total += w->arrays[i].site != NULL ? w->arrays[i].bytes : 0;
    }
    if (total > STATIC_LIMIT) {
        emu_fault("%zu bytes of static shared memory: CUDA allows %d", total, STATIC_LIMIT);
    }
    return add_array(w, site, bytes);
}

void *davit_emu_dynamic_shared(void)
{
    emu_worker *w = emu_worker_of(emu_self());
    for (uint32_t i = 0; i < w->array_count; i++) {
        if (w->arrays[i].site == NULL) {
            return w->arrays[i].data;
        }
    }
    if (w->launch->shared_bytes > DYNAMIC_LIMIT) {
        emu_fault("%zu bytes of dynamic shared memory: CUDA allows %d", w->launch->shared_bytes,
                  DYNAMIC_LIMIT);
    }
    return add_array(w, NULL, w->launch->shared_bytes);
}

void emu_shared_begin_launch(emu_worker *w)
{
    UNPOISON(w->arena, ARENA_BYTES);
    w->array_count = 0;
    w->arena_used = 0;
}

/* What a block leaves there is nothing that the next one may use. */
void emu_shared_begin_block(emu_worker *w)
{
    for (uint32_t i = 0; w->checked && i < w->array_count; i++) {
        memset(w->arrays[i].data, OLD_BYTE, w->arrays[i].bytes);
    }
}

#ifdef WITH_ASAN
bool emu_shared_overflowed(emu_worker *w)
{
    (void)w;
    return false;
}
#else
static bool gap_changed(const char *gap)
{
    for (int i = 0; i < GAP_BYTES; i++) {
        if ((unsigned char)gap[i] != GAP_BYTE) {
            return true;
        }
    }
    return false;
}

bool emu_shared_overflowed(emu_worker *w)
{
    for (uint32_t i = 0; i < w->array_count; i++) {
        const emu_array *array = &w->arrays[i];
        const char *side = gap_changed(array->data - GAP_BYTES)      ? "before"
                           : gap_changed(array->data + array->bytes) ? "behind"
                                                                     : NULL;
        if (side != NULL) {
            const davit_emu_index *b = &w->public_block.index;
            snprintf(w->fault, sizeof w->fault,
                     "block %u,%u,%u: wrote %s a shared array of %zu bytes", b->x, b->y, b->z,
                     side, array->bytes);
            return true;
        }
    }
    return false;
}
#endif

/* ---- asynchronous copies: data may be there from the copy on, and must be after the wait. Here
 * it comes at the wait; in shuffled order also at once, as drawn ---- */

static void arrive(emu_worker *w, emu_thread *self)
{
    const emu_copy *copy = &self->copies.items[self->copies.first++ % MAX_COPIES];
    if (w->checked) {
        emu_shadow_write(w, self->number, copy->to, copy->bytes);
    }
    memcpy(copy->to, copy->from, copy->used_bytes);
    memset((char *)copy->to + copy->used_bytes, 0, copy->bytes - copy->used_bytes);
}

void davit_emu_copy_async(void *to, const void *from, uint32_t bytes, uint32_t used_bytes)
{
    emu_thread *self = emu_self();
    emu_worker *w = emu_worker_of(self);
    emu_copies *copies = &self->copies;
    if (((uintptr_t)to & (bytes - 1)) != 0 ||
        (used_bytes != 0 && ((uintptr_t)from & (bytes - 1)) != 0)) {
        emu_fault("asynchronous copy of %u bytes that is not aligned", bytes);
    }
    if (copies->end - copies->first == MAX_COPIES) {
        arrive(w, self);
    }
    if (w->checked) {
        emu_shadow_write(w, self->number, to, bytes);
        memset(to, OLD_BYTE, bytes);
    }
    copies->items[copies->end++ % MAX_COPIES] =
        (emu_copy){to, from, bytes, used_bytes, copies->groups};
    if (w->random != 0 && (w->random >> 20 & 1) != 0) {
        while (copies->first != copies->end) {
            arrive(w, self);
        }
    }
}

void davit_emu_copy_commit(void)
{
    emu_self()->copies.groups++;
}

void davit_emu_copy_wait(uint32_t groups_left)
{
    emu_thread *self = emu_self();
    emu_worker *w = emu_worker_of(self);
    emu_copies *copies = &self->copies;
    while (copies->first != copies->end &&
           copies->items[copies->first % MAX_COPIES].group + groups_left < copies->groups) {
        arrive(w, self);
    }
}
