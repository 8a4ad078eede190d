/* Random numbers and guarded buffers of the engine's tests. */
#include "engine_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_BYTES = 64, GUARD_BYTES = 256, GUARD = 0xa5 };

engine_random engine_random_of(uint64_t seed, uint64_t index)
{
    engine_random random = {(seed + 1) * 0x9e3779b97f4a7c15u ^ (index + 1) * 0xd1342543de82ef95u};
    for (int i = 0; i < 8; i++) {
        (void)engine_draw(&random, 2);
    }
    return random;
}

uint32_t engine_draw(engine_random *random, uint32_t below)
{
    uint64_t x = random->state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    random->state = x;
    return (uint32_t)((x * 0x2545f4914f6cdd1du >> 32) * below >> 32);
}

int32_t engine_range(engine_random *random, int32_t low, int32_t high)
{
    return low + (int32_t)engine_draw(random, (uint32_t)(high - low) + 1u);
}

bool engine_chance(engine_random *random, uint32_t percent)
{
    return engine_draw(random, 100) < percent;
}

engine_buffer engine_alloc(size_t bytes, uint8_t fill)
{
    return engine_alloc_at(bytes, fill, WORD_BYTES);
}

engine_buffer engine_alloc_at(size_t bytes, uint8_t fill, size_t alignment)
{
    engine_buffer buffer = {NULL, (bytes + WORD_BYTES - 1) / WORD_BYTES};
    size_t used = buffer.words * WORD_BYTES;
    size_t size = (used + GUARD_BYTES + alignment - 1) / alignment * alignment;
    buffer.data = aligned_alloc(alignment, size);
    if (buffer.data == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    memset(buffer.data, fill, used);
    memset(buffer.data + used, GUARD, GUARD_BYTES);
    return buffer;
}

bool engine_free(engine_buffer *buffer)
{
    bool intact = true;
    for (size_t i = 0; i < GUARD_BYTES; i++) {
        intact = intact && buffer->data[buffer->words * WORD_BYTES + i] == GUARD;
    }
    free(buffer->data);
    buffer->data = NULL;
    return intact;
}

bool engine_end_is_right(const engine_buffer *end, uint32_t magic, uint32_t tag,
                         const engine_buffer *result)
{
    uint32_t expected[WORD_BYTES / 4] = {magic, 1, tag, (uint32_t)result->words};
    const uint32_t *fields = (const uint32_t *)(const void *)result->data;
    for (size_t i = 0; i < result->words * WORD_BYTES / 4; i++) {
        expected[4] += fields[i];
    }
    return memcmp(end->data, expected, sizeof(expected)) == 0;
}
