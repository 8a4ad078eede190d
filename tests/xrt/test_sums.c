/* What was written to a bank (backends/xrt/sums.h) against a plain map of its words; end words. */
#include "unit_test.h"

#include <stdlib.h>
#include <string.h>

#include "backends/xrt/sums.h"
#include "davit/engine_abi.h"

enum { WORD = DAVIT_ENGINE_WORD, WORDS = 96, STEPS = 20000 };

/* Random writes and reads: a read with a damaged word is noticed exactly where a known part has it.
 */
static void test_parts(void **state)
{
    (void)state;
    static uint8_t bytes[WORDS * WORD];
    int owner[WORDS] = {0}; /* the write that a word is part of; 0: not known */
    uint64_t random = 6;
    unsigned noticed = 0;
    davit_xrt_sums sums = {0};
    for (int step = 1; step <= STEPS; step++) {
        size_t first = (size_t)test_random_below(&random, WORDS);
        size_t count = 1 + (size_t)test_random_below(&random, WORDS - first);
        uint64_t kind = test_random_below(&random, 4);
        if (kind < 2) { /* parts under it are gone as a whole */
            for (size_t i = 0; i < WORDS; i++) {
                for (size_t j = first; owner[i] != 0 && j < first + count; j++) {
                    if (owner[j] == owner[i] && (i < first || i >= first + count)) {
                        owner[i] = 0;
                    }
                }
            }
        }
        for (size_t i = first; kind < 2 && i < first + count; i++) {
            owner[i] = kind == 0 ? step : 0;
        }
        if (kind == 0) {
            for (size_t i = first * WORD; i < (first + count) * WORD; i++) {
                bytes[i] = (uint8_t)test_random(&random);
            }
            const davit_xrt_sum part = {first * WORD, (first + count) * WORD,
                                        davit_end_sum(bytes + first * WORD, count)};
            davit_xrt_sums_note(&sums, &part);
        } else if (kind == 1) {
            davit_xrt_sums_forget(&sums, first * WORD, (first + count) * WORD);
        } else {
            size_t bad = (size_t)test_random_below(&random, WORDS);
            bool whole = owner[bad] != 0;
            for (size_t i = 0; i < WORDS; i++) {
                whole = whole && (owner[i] != owner[bad] || (i >= first && i < first + count));
            }
            assert_true(davit_xrt_sums_agree(&sums, first * WORD, (first + count) * WORD, bytes));
            bytes[bad * WORD + 17] ^= 4;
            assert_int_equal(
                davit_xrt_sums_agree(&sums, first * WORD, (first + count) * WORD, bytes), !whole);
            bytes[bad * WORD + 17] ^= 4;
            noticed += whole;
        }
    }
    assert_true(noticed > STEPS / 200);
    davit_xrt_sums_free(&sums);
}

static void test_end_words(void **state)
{
    (void)state;
    const davit_end_expected expected = {DAVIT_GEMM_MAGIC, 12, 3};
    uint32_t end[16] = {DAVIT_GEMM_MAGIC, DAVIT_END_DONE, 12, 3};
    assert_null(davit_end_check(end, &expected));
    const struct {
        int field;
        uint32_t value;
        const char *why;
    } wrong[] = {{DAVIT_END_F_MAGIC, 0, "stopped before its end"},
                 {DAVIT_END_F_MAGIC, DAVIT_VECTOR_MAGIC, "another kernel"},
                 {DAVIT_END_F_CODE, DAVIT_END_REFUSED, "refused"},
                 {DAVIT_END_F_CODE, 9, "damaged"},
                 {DAVIT_END_F_TAG, 11, "another call"},
                 {DAVIT_END_F_WORDS, 2, "another number"}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        uint32_t damaged[16];
        memcpy(damaged, end, sizeof(end));
        damaged[wrong[i].field] = wrong[i].value;
        const char *why = davit_end_check(damaged, &expected);
        assert_non_null(why);
        assert_non_null(strstr(why, wrong[i].why));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_end_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
