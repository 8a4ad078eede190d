#include "arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
    arena_block *next;
    max_align_t data[];
};

void *must_alloc(size_t count, size_t item_bytes)
{
    void *memory = calloc(count ? count : 1, item_bytes ? item_bytes : 1);
    if (!memory) {
        fputs("davit-models: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

void *arena_alloc(arena *a, size_t bytes)
{
    arena_block *block = must_alloc(1, sizeof *block + bytes);
    block->next = a->blocks;
    a->blocks = block;
    return block->data;
}

char *arena_copy_string(arena *a, const char *text)
{
    size_t bytes = strlen(text) + 1;
    return memcpy(arena_alloc(a, bytes), text, bytes);
}

void *arena_append(arena *a, void *items, size_t count, size_t item_bytes)
{
    if (count & (count - 1) || (count == 0 && items))
        return items;
    size_t room = count ? 2 * count : 1;
    void *grown = arena_alloc(a, room * item_bytes);
    if (count)
        memcpy(grown, items, count * item_bytes);
    return grown;
}

void arena_free(arena *a)
{
    while (a->blocks) {
        arena_block *next = a->blocks->next;
        free(a->blocks);
        a->blocks = next;
    }
}
