#include "davit/allocator.h"

#include <stdlib.h>
#include <string.h>

static void *libc_alloc(void *self, size_t bytes, size_t alignment)
{
    (void)self;
    void *pointer = NULL;
    if (alignment < sizeof(void *)) {
        alignment = sizeof(void *);
    }
    return posix_memalign(&pointer, alignment, bytes) == 0 ? pointer : NULL;
}

static void libc_free(void *self, void *pointer)
{
    (void)self;
    free(pointer);
}

const davit_allocator *davit_allocator_default(void)
{
    static const davit_allocator allocator = {libc_alloc, libc_free, NULL};
    return &allocator;
}

void *davit_alloc_uninitialized(const davit_allocator *allocator, size_t bytes)
{
    return allocator->alloc(allocator->self, bytes > 0 ? bytes : 1, DAVIT_ALIGNMENT);
}

void *davit_alloc(const davit_allocator *allocator, size_t bytes)
{
    void *pointer = davit_alloc_uninitialized(allocator, bytes);
    if (pointer != NULL) {
        memset(pointer, 0, bytes > 0 ? bytes : 1);
    }
    return pointer;
}

void *davit_alloc_array(const davit_allocator *allocator, size_t count, size_t elem_bytes)
{
    size_t bytes;
    return davit_mul_size(count, elem_bytes, &bytes) ? davit_alloc(allocator, bytes) : NULL;
}

void davit_free(const davit_allocator *allocator, void *pointer)
{
    if (pointer != NULL) {
        allocator->free(allocator->self, pointer);
    }
}

char *davit_strdup(const davit_allocator *allocator, const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = davit_alloc_uninitialized(allocator, bytes);
    if (copy != NULL) {
        memcpy(copy, text, bytes);
    }
    return copy;
}

davit_status davit_array_grow(const davit_allocator *allocator, void **array, size_t *capacity,
                              size_t count, size_t needed, size_t elem_bytes)
{
    if (needed <= *capacity) {
        return DAVIT_OK;
    }
    size_t grown = *capacity < 8 ? 8 : *capacity;
    while (grown < needed) {
        if (!davit_mul_size(grown, 2, &grown)) {
            return DAVIT_OUT_OF_MEMORY;
        }
    }
    void *moved = davit_alloc_array(allocator, grown, elem_bytes);
    if (moved == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    if (count > 0) {
        memcpy(moved, *array, count * elem_bytes);
    }
    davit_free(allocator, *array);
    *array = moved;
    *capacity = grown;
    return DAVIT_OK;
}
