#include "davit/strided_copy.h"

#include <string.h>

#define COPY_ELEMENTS(type)                                                                        \
    for (int64_t i = 0; i < run->count; i++) {                                                     \
        type element;                                                                              \
        memcpy(&element, source + i * run->from_bytes, sizeof(element));                           \
        memcpy(target + i * run->to_bytes, &element, sizeof(element));                             \
    }

void davit_copy_strided(const davit_strided_run *run, size_t elem_bytes, void *to,
                        const void *from)
{
    const unsigned char *source = from;
    unsigned char *target = to;
    if (run->to_bytes == (int64_t)elem_bytes && run->from_bytes == (int64_t)elem_bytes) {
        memcpy(to, from, (size_t)run->count * elem_bytes);
        return;
    }
    switch (elem_bytes) {
    case 1:
        COPY_ELEMENTS(uint8_t)
        break;
    case 2:
        COPY_ELEMENTS(uint16_t)
        break;
    case 4:
        COPY_ELEMENTS(uint32_t)
        break;
    default:
        COPY_ELEMENTS(uint64_t)
        break;
    }
}
