/* The end of a call, as the host reads it. */
#include <string.h>

#include "davit/engine_abi.h"

const char *davit_end_check(const void *end, const davit_end_expected *expected)
{
    uint32_t f[DAVIT_END_FIELDS];
    memcpy(f, end, sizeof(f));
    if (f[DAVIT_END_F_MAGIC] == 0) {
        return "it stopped before its end";
    }
    if (f[DAVIT_END_F_MAGIC] != expected->magic) {
        return "it is another kernel, or of another version";
    }
    if (f[DAVIT_END_F_CODE] == DAVIT_END_REFUSED) {
        return "it refused its parameters: the bitstream has another array";
    }
    if (f[DAVIT_END_F_CODE] != DAVIT_END_DONE) {
        return "its end word is damaged";
    }
    if (f[DAVIT_END_F_TAG] != expected->tag) {
        return "it ran with the parameters of another call";
    }
    return f[DAVIT_END_F_WORDS] == expected->words ? NULL : "it wrote another number of words";
}

uint32_t davit_end_sum(const void *result, size_t words)
{
    const unsigned char *at = result;
    uint32_t sum = 0;
    for (size_t i = 0; i < words * DAVIT_ENGINE_WORD; i += sizeof(uint32_t)) {
        uint32_t field;
        memcpy(&field, at + i, sizeof(field));
        sum += field;
    }
    return sum;
}
