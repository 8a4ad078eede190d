#include "observer.h"

#include <float.h>
#include <math.h>

bool davit_range_observe(davit_range *range, const float *x, size_t count)
{
    davit_range seen = *range;
    bool finite = true;
    for (size_t i = 0; i < count; i++) {
        seen.low = x[i] < seen.low ? x[i] : seen.low;
        seen.high = x[i] > seen.high ? x[i] : seen.high;
        finite &= fabsf(x[i]) <= FLT_MAX;
    }
    if (finite) {
        *range = seen;
    }
    return finite;
}

void davit_histogram_add(davit_histogram *histogram, const float *x, size_t count)
{
    double low = (double)histogram->range.low;
    double scale = (double)histogram->bin_count / ((double)histogram->range.high - low);
    double last = (double)(histogram->bin_count - 1);
    for (size_t i = 0; i < count; i++) {
        double position = ((double)x[i] - low) * scale;
        position = position > 0 ? position : 0;
        histogram->bins[(size_t)(position < last ? position : last)]++;
    }
}

static float edge(const davit_histogram *histogram, size_t bin)
{
    double low = (double)histogram->range.low;
    double high = (double)histogram->range.high;
    return (float)(low + (high - low) * (double)bin / (double)histogram->bin_count);
}

davit_range davit_histogram_percentile(const davit_histogram *histogram, double percentile)
{
    uint64_t total = 0;
    for (size_t i = 0; i < histogram->bin_count; i++) {
        total += histogram->bins[i];
    }
    double cut = (100.0 - percentile) / 200.0 * (double)total;
    size_t first = 0;
    size_t end = histogram->bin_count;
    uint64_t below = histogram->bins[first];
    while (first + 1 < end && (double)below <= cut) {
        below += histogram->bins[++first];
    }
    uint64_t above = histogram->bins[end - 1];
    while (end - 1 > first && (double)above <= cut) {
        above += histogram->bins[--end - 1];
    }
    return (davit_range){edge(histogram, first), edge(histogram, end)};
}
