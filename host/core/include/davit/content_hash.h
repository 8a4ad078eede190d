/* A hash of bytes under a secret key, as fast as memory is read: who does not know the key cannot
 * make two contents with one hash but by luck (below 2^-60 for each KiB hashed).
 *
 * Blocks of 1 KiB are compressed by NH (Black et al., "UMAC", 1999; over 64-bit words as in VMAC,
 * Krovetz 2006), what that gives by polynomials modulo 2^61 - 1 at two secret points. The values
 * depend on the byte order and are for this machine only. Reentrant. */
#ifndef DAVIT_CONTENT_HASH_H
#define DAVIT_CONTENT_HASH_H

#include <stddef.h>
#include <stdint.h>

#define DAVIT_HASH_BLOCK_WORDS 128

/* Random bits, all of them. */
typedef struct davit_hash_key {
    uint64_t words[DAVIT_HASH_BLOCK_WORDS];
    uint64_t points[2];
} davit_hash_key;

typedef struct davit_content_hash {
    const davit_hash_key *key;
    uint64_t value[2];
} davit_content_hash;

/* Borrows the key. The result is hash.value at any time. */
davit_content_hash davit_content_hash_start(const davit_hash_key *key);
/* Adds a piece. Where pieces end counts: "ab", "c" and "a", "bc" are different. */
void davit_content_hash_add(davit_content_hash *hash, const void *data, size_t bytes);

#endif
