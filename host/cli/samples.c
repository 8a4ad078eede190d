#include "samples.h"

#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

uint64_t cli_percentile(uint64_t *values, size_t count, double percentile)
{
    if (count == 0) {
        return 0;
    }
    qsort(values, count, sizeof(*values), by_value);
    double rank = percentile / 100 * (double)count;
    size_t index = rank <= 1 ? 0 : (size_t)rank - ((double)(size_t)rank == rank ? 1 : 0);
    return values[index < count ? index : count - 1];
}
