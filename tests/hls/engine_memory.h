/* Buffers as the kernels see them: words of 64 bytes, with guards. */
#ifndef ENGINE_MEMORY_H
#define ENGINE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* xorshift64*: the same numbers everywhere. */
typedef struct engine_random {
    uint64_t state;
} engine_random;

engine_random engine_random_of(uint64_t seed, uint64_t index);
uint32_t engine_draw(engine_random *random, uint32_t below);
int32_t engine_range(engine_random *random, int32_t low, int32_t high);
bool engine_chance(engine_random *random, uint32_t percent);

/* A buffer of at least `bytes`, from a word's start, all bytes `fill`, with a guard behind its last
 * word. Freed by engine_free, which returns false when the guard was written. */
typedef struct engine_buffer {
    uint8_t *data;
    size_t words;
} engine_buffer;

engine_buffer engine_alloc(size_t bytes, uint8_t fill);
engine_buffer engine_alloc_at(size_t bytes, uint8_t fill, size_t alignment);
bool engine_free(engine_buffer *buffer);

/* Whether an end word is that of a call that wrote these words. */
bool engine_end_is_right(const engine_buffer *end, uint32_t magic, uint32_t tag,
                         const engine_buffer *result);

#endif
