#include "davit/content_hash.h"

#include <string.h>

#define PRIME (((uint64_t)1 << 61) - 1)
enum { BLOCK_BYTES = DAVIT_HASH_BLOCK_WORDS * 8 };

__extension__ typedef unsigned __int128 wide;

davit_content_hash davit_content_hash_start(const davit_hash_key *key)
{
    return (davit_content_hash){.key = key, .value = {1, 1}};
}

/* value * point + coefficient modulo PRIME, for a coefficient below 2^32. */
static uint64_t step(uint64_t value, uint64_t point, uint64_t coefficient)
{
    wide product = (wide)value * (point >> 3) + coefficient;
    uint64_t folded = (uint64_t)(product & PRIME) + (uint64_t)(product >> 61);
    return folded >= PRIME ? folded - PRIME : folded;
}

static void add_words(davit_content_hash *hash, uint64_t low, uint64_t high)
{
    const uint64_t parts[4] = {low & UINT32_MAX, low >> 32, high & UINT32_MAX, high >> 32};
    for (int i = 0; i < 2; i++) {
        for (int k = 0; k < 4; k++) {
            hash->value[i] = step(hash->value[i], hash->key->points[i], parts[k]);
        }
    }
}

static void add_block(davit_content_hash *hash, const char *block)
{
    const uint64_t *key = hash->key->words;
    wide sum = 0;
    for (int i = 0; i < DAVIT_HASH_BLOCK_WORDS; i += 2) {
        uint64_t words[2];
        memcpy(words, block + 8 * i, sizeof(words));
        sum += (wide)(words[0] + key[i]) * (words[1] + key[i + 1]);
    }
    add_words(hash, (uint64_t)sum, (uint64_t)(sum >> 64));
}

void davit_content_hash_add(davit_content_hash *hash, const void *data, size_t bytes)
{
    const char *at = data;
    size_t left = bytes;
    for (; left >= BLOCK_BYTES; left -= BLOCK_BYTES, at += BLOCK_BYTES) {
        add_block(hash, at);
    }
    if (left > 0) {
        char last[BLOCK_BYTES] = {0};
        memcpy(last, at, left);
        add_block(hash, last);
    }
    add_words(hash, bytes, 0);
}
