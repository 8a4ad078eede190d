#include <math.h>
#include <stdlib.h>

#include "davit/store.h"

/* A sample is dropped beyond this many standard deviations, as the median absolute deviation
 * estimates them for a normal distribution (Rousseeuw, Croux, "Alternatives to the median absolute
 * deviation", 1993), and beyond this part of the median, which clocks and caches explain. */
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

davit_measurement davit_measurement_of(double *samples_s, size_t count)
{
    davit_measurement result = {0};
    if (count == 0) {
        return result;
    }
    qsort(samples_s, count, sizeof(*samples_s), by_value);
    double median = median_of_sorted(samples_s, count);
    double spread = absolute_deviation(samples_s, count, median);
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
