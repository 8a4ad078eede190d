#include <math.h>
#include <stdlib.h>

#include "davit/store.h"

/* Disturbances only ever make a sample longer, and on a busy machine they reach most samples. So
 * the centre is that of the densest third (the shortest interval with a third of the samples: after
 * Rousseeuw's least median of squares, 1984), not that of all; what lies near it is kept, and the
 * median of that is the result. */
#define DENSEST_PART 3
/* A sample is dropped beyond this many standard deviations of the densest third, as the median
 * absolute deviation estimates them for a normal distribution, and beyond this part of the centre,
 * which clocks and caches explain. */
#define DEVIATIONS 5.0
#define MAD_TO_DEVIATION 1.4826
#define TOLERATED 0.1

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_of_sorted(const double *values, size_t count)
{
    return count % 2 == 1 ? values[count / 2] : 0.5 * (values[count / 2 - 1] + values[count / 2]);
}

/* Median of |values - centre|. In sorted values the distances fall towards the centre and rise
 * behind it, so they are merged from the inside out. */
static double absolute_deviation(const double *values, size_t count, double centre)
{
    size_t right = 0;
    while (right < count && values[right] < centre) {
        right++;
    }
    size_t left = right;
    double before = 0;
    double distance = 0;
    for (size_t taken = 0; taken <= count / 2; taken++) {
        before = distance;
        double down = left > 0 ? centre - values[left - 1] : INFINITY;
        double up = right < count ? values[right] - centre : INFINITY;
        if (down <= up) {
            distance = down;
            left--;
        } else {
            distance = up;
            right++;
        }
    }
    return count % 2 == 1 ? distance : 0.5 * (before + distance);
}

/* First of the `width` sorted values that lie closest together; of equal ones the lowest. */
static size_t densest(const double *values, size_t count, size_t width)
{
    size_t best = 0;
    for (size_t i = 1; i + width <= count; i++) {
        if (values[i + width - 1] - values[i] < values[best + width - 1] - values[best]) {
            best = i;
        }
    }
    return best;
}

davit_measurement davit_measurement_of(double *samples_s, size_t count)
{
    davit_measurement result = {0};
    if (count == 0) {
        return result;
    }
    qsort(samples_s, count, sizeof(*samples_s), by_value);
    size_t width = (count + DENSEST_PART - 1) / DENSEST_PART;
    width = width < 3 && count >= 3 ? 3 : width;
    const double *middle = samples_s + densest(samples_s, count, width);
    double median = median_of_sorted(middle, width);
    double spread = absolute_deviation(middle, width, median);
    double most = fmax(DEVIATIONS * MAD_TO_DEVIATION * spread, TOLERATED * fabs(median));
    size_t first = 0;
    size_t end = count;
    while (median - samples_s[first] > most) {
        first++;
    }
    while (samples_s[end - 1] - median > most) {
        end--;
    }
    result.median_s = median_of_sorted(samples_s + first, end - first);
    result.spread_s = absolute_deviation(samples_s + first, end - first, result.median_s);
    result.count = (uint32_t)(end - first);
    result.dropped = (uint32_t)(count - (end - first));
    return result;
}
