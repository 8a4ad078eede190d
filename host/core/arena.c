/* The arena of davit/allocator.h: a list of blocks, each piece bumped off the newest. */
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "davit/allocator.h"

#define BLOCK_BYTES ((size_t)16384)

typedef struct davit_arena_block {
    struct davit_arena_block *next;
    size_t used;
    size_t capacity;
    alignas(max_align_t) unsigned char bytes[];
} davit_arena_block;

void davit_arena_init(davit_arena *arena, const davit_allocator *allocator)
{
    arena->allocator = allocator;
    arena->blocks = NULL;
}

static davit_arena_block *add_block(davit_arena *arena, size_t capacity)
{
    size_t bytes;
    if (!davit_add_size(capacity, sizeof(davit_arena_block), &bytes)) {
        return NULL;
    }
    davit_arena_block *block = davit_alloc(arena->allocator, bytes);
    if (block == NULL) {
        return NULL;
    }
    block->capacity = capacity;
    /* A large piece gets a block of its own behind the newest, which still has room. */
    if (capacity > BLOCK_BYTES && arena->blocks != NULL) {
        block->next = arena->blocks->next;
        arena->blocks->next = block;
    } else {
        block->next = arena->blocks;
        arena->blocks = block;
    }
    return block;
}

void *davit_arena_alloc(davit_arena *arena, size_t bytes)
{
    size_t rounded;
    if (!davit_add_size(bytes, alignof(max_align_t) - 1, &rounded)) {
        return NULL;
    }
    rounded -= rounded % alignof(max_align_t);
    davit_arena_block *block = arena->blocks;
    if (block == NULL || block->capacity - block->used < rounded) {
        block = add_block(arena, rounded > BLOCK_BYTES ? rounded : BLOCK_BYTES);
        if (block == NULL) {
            return NULL;
        }
    }
    void *piece = block->bytes + block->used;
    block->used += rounded;
    return piece;
}

void *davit_arena_alloc_array(davit_arena *arena, size_t count, size_t elem_bytes)
{
    size_t bytes;
    return davit_mul_size(count, elem_bytes, &bytes) ? davit_arena_alloc(arena, bytes) : NULL;
}

char *davit_arena_strndup(davit_arena *arena, const char *text, size_t length)
{
    size_t bytes;
    if (!davit_add_size(length, 1, &bytes)) {
        return NULL;
    }
    char *copy = davit_arena_alloc(arena, bytes);
    if (copy != NULL) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}

char *davit_arena_strdup(davit_arena *arena, const char *text)
{
    return davit_arena_strndup(arena, text, strlen(text));
}

char *davit_arena_printf(davit_arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) {
        return NULL;
    }
    char *text = davit_arena_alloc(arena, (size_t)length + 1);
    if (text != NULL) {
        va_start(arguments, format);
        vsnprintf(text, (size_t)length + 1, format, arguments);
        va_end(arguments);
    }
    return text;
}

void davit_arena_clear(davit_arena *arena)
{
    while (arena->blocks != NULL) {
        davit_arena_block *next = arena->blocks->next;
        davit_free(arena->allocator, arena->blocks);
        arena->blocks = next;
    }
}
