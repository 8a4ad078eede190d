/* Memory that lives until the arena is freed, zero-filled. Exits with status 1 when there is no
 * more, as a command-line tool may. Not thread-safe. */
#ifndef DAVIT_MODELS_ARENA_H
#define DAVIT_MODELS_ARENA_H

#include <stddef.h>

typedef struct arena_block arena_block;
typedef struct arena {
    arena_block *blocks;
} arena;

void *arena_alloc(arena *a, size_t bytes);
char *arena_copy_string(arena *a, const char *text);
void arena_free(arena *a);

/* Makes room for entry `count` of an array that only this function grew, doubling it; returns the
 * array, moved or not. */
void *arena_append(arena *a, void *items, size_t count, size_t item_bytes);

/* malloc that says "out of memory" and exits; the caller frees. */
void *must_alloc(size_t count, size_t item_bytes);

#endif
