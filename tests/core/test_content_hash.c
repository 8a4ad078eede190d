/* davit_content_hash against its definition in plain arithmetic, and what must tell contents apart.
 */
#include "davit/content_hash.h"

#include <stdlib.h>
#include <string.h>

#include "unit_test.h"

#define PRIME (((uint64_t)1 << 61) - 1)

static davit_hash_key key;

static int setup(void **state)
{
    uint64_t seed = 3;
    (void)state;
    for (size_t i = 0; i < DAVIT_HASH_BLOCK_WORDS; i++) {
        key.words[i] = test_random(&seed);
    }
    key.points[0] = test_random(&seed);
    key.points[1] = test_random(&seed);
    return 0;
}

/* a * b modulo PRIME by doubling. */
static uint64_t times(uint64_t a, uint64_t b)
{
    uint64_t sum = 0;
    for (a %= PRIME; b != 0; b >>= 1, a = 2 * a % PRIME) {
        sum = (b & 1) != 0 ? (sum + a) % PRIME : sum;
    }
    return sum;
}

/* *high:*low += a * b, by halves. */
static void add_product(uint64_t a, uint64_t b, uint64_t *low, uint64_t *high)
{
    for (int i = 0; i < 64; i++) {
        if ((b >> i & 1) != 0) {
            uint64_t before = *low;
            *low += a << i;
            *high += (i > 0 ? a >> (64 - i) : 0) + (*low < before);
        }
    }
}

static void define(const unsigned char *data, size_t bytes, uint64_t value[2])
{
    for (size_t first = 0; first <= bytes; first += 8 * DAVIT_HASH_BLOCK_WORDS) {
        uint64_t words[DAVIT_HASH_BLOCK_WORDS] = {0}, low = 0, high = 0;
        size_t left = bytes - first;
        if (left == 0) {
            break;
        }
        memcpy(words, data + first, left < sizeof(words) ? left : sizeof(words));
        for (int i = 0; i < DAVIT_HASH_BLOCK_WORDS; i += 2) {
            add_product(words[i] + key.words[i], words[i + 1] + key.words[i + 1], &low, &high);
        }
        for (int i = 0; i < 2; i++) {
            const uint64_t parts[] = {low & UINT32_MAX, low >> 32, high & UINT32_MAX, high >> 32};
            for (int k = 0; k < 4; k++) {
                value[i] = (times(value[i], key.points[i] >> 3) + parts[k]) % PRIME;
            }
        }
    }
    for (int i = 0; i < 2; i++) {
        const uint64_t parts[] = {bytes & UINT32_MAX, bytes >> 32, 0, 0};
        for (int k = 0; k < 4; k++) {
            value[i] = (times(value[i], key.points[i] >> 3) + parts[k]) % PRIME;
        }
    }
}

static void test_definition(void **state)
{
    static const size_t sizes[] = {0, 1, 7, 8, 1023, 1024, 1025, 5000, 65536};
    unsigned char *data = malloc(65536);
    uint64_t seed = 9;
    (void)state;
    assert_non_null(data);
    for (size_t i = 0; i < 65536; i++) {
        data[i] = (unsigned char)test_random(&seed);
    }
    memset(data, 0xff, 4096);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        davit_content_hash hash = davit_content_hash_start(&key);
        uint64_t value[2] = {1, 1};
        davit_content_hash_add(&hash, data, sizes[i]);
        davit_content_hash_add(&hash, data + 1, 100); /* at any address */
        define(data, sizes[i], value);
        define(data + 1, 100, value);
        assert_memory_equal(hash.value, value, sizeof(value));
    }
    free(data);
}

static void hash_pieces(const char *data, size_t first, size_t second, uint64_t value[2])
{
    davit_content_hash hash = davit_content_hash_start(&key);
    davit_content_hash_add(&hash, data, first);
    davit_content_hash_add(&hash, data + first, second);
    memcpy(value, hash.value, sizeof(hash.value));
}

static void test_different(void **state)
{
    char data[3000] = {0};
    uint64_t whole[2], other[2];
    (void)state;
    hash_pieces(data, 1000, 2000, whole);
    for (size_t i = 0; i < 8 * sizeof(data); i += 37) { /* each of these bits counts */
        data[i / 8] = (char)(data[i / 8] ^ 1 << i % 8);
        hash_pieces(data, 1000, 2000, other);
        assert_int_not_equal(whole[0], other[0]);
        assert_int_not_equal(whole[1], other[1]);
        data[i / 8] = (char)(data[i / 8] ^ 1 << i % 8);
    }
    hash_pieces(data, 999, 2001, other); /* and where pieces end, and how many zeros there are */
    assert_int_not_equal(whole[0], other[0]);
    hash_pieces(data, 1000, 1999, other);
    assert_int_not_equal(whole[0], other[0]);
    key.words[5] ^= 1;
    data[40] = 1;
    hash_pieces(data, 1000, 2000, other);
    key.words[5] ^= 1;
    hash_pieces(data, 1000, 2000, whole);
    assert_int_not_equal(whole[0], other[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_definition),
                                       cmocka_unit_test(test_different)};
    return cmocka_run_group_tests(tests, setup, NULL);
}
