#include "sums.h"

#include <stdlib.h>
#include <string.h>

#include "davit/engine_abi.h"

/* The first part that ends behind `begin`. */
static size_t find(const davit_xrt_sums *sums, size_t begin)
{
    size_t low = 0, high = sums->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sums->parts[middle].end <= begin) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void davit_xrt_sums_forget(davit_xrt_sums *sums, size_t begin, size_t end)
{
    size_t first = find(sums, begin);
    size_t last = first;
    while (last < sums->count && sums->parts[last].begin < end) {
        last++;
    }
    if (last > first) {
        memmove(sums->parts + first, sums->parts + last,
                (sums->count - last) * sizeof(*sums->parts));
        sums->count -= last - first;
    }
}

void davit_xrt_sums_note(davit_xrt_sums *sums, const davit_xrt_sum *part)
{
    davit_xrt_sums_forget(sums, part->begin, part->end);
    if (sums->count == sums->capacity) {
        size_t capacity = sums->capacity * 2 + 16;
        davit_xrt_sum *more = realloc(sums->parts, capacity * sizeof(*more));
        if (more == NULL) {
            return;
        }
        sums->parts = more;
        sums->capacity = capacity;
    }
    size_t at = find(sums, part->begin);
    memmove(sums->parts + at + 1, sums->parts + at, (sums->count - at) * sizeof(*sums->parts));
    sums->parts[at] = *part;
    sums->count++;
}

bool davit_xrt_sums_agree(const davit_xrt_sums *sums, size_t begin, size_t end,
                          const uint8_t *bytes)
{
    for (size_t i = find(sums, begin); i < sums->count && sums->parts[i].end <= end; i++) {
        const davit_xrt_sum *part = &sums->parts[i];
        if (part->begin >= begin &&
            davit_end_sum(bytes + part->begin, (part->end - part->begin) / DAVIT_ENGINE_WORD) !=
                part->sum) {
            return false;
        }
    }
    return true;
}

void davit_xrt_sums_free(davit_xrt_sums *sums)
{
    free(sums->parts);
    *sums = (davit_xrt_sums){0};
}
