/* Square errors of ranges, from sums over the bins: each candidate costs a few look-ups. */
#include <math.h>

#include "observer.h"

#define CANDIDATES 128 /* at each end */

/* Sums over the bins before one: how many values, of them, of their squares; a value is where the
 * middle of its bin is. */
typedef struct sums {
    double count, first, second;
} sums;

static double middle(const davit_histogram *histogram, size_t bin)
{
    double low = (double)histogram->range.low;
    double width = ((double)histogram->range.high - low) / (double)histogram->bin_count;
    return low + width * ((double)bin + 0.5);
}

static void add_up(const davit_histogram *histogram, sums *before)
{
    before[0] = (sums){0, 0, 0};
    for (size_t i = 0; i < histogram->bin_count; i++) {
        double x = middle(histogram, i);
        double count = (double)histogram->bins[i];
        before[i + 1].count = before[i].count + count;
        before[i + 1].first = before[i].first + count * x;
        before[i + 1].second = before[i].second + count * x * x;
    }
}

/* How many bins have their middle below x. */
static size_t bins_below(const davit_histogram *histogram, double x)
{
    double low = (double)histogram->range.low;
    double width = ((double)histogram->range.high - low) / (double)histogram->bin_count;
    double bins = ceil((x - low) / width - 0.5);
    return (size_t)fmin(fmax(bins, 0), (double)histogram->bin_count);
}

/* The sum of (x - at)^2. */
static double distance(sums s, double at)
{
    return s.second - 2 * at * s.first + at * at * s.count;
}

static sums between(sums from, sums to)
{
    return (sums){to.count - from.count, to.first - from.first, to.second - from.second};
}

/* What is beyond the range lies at its ends, what is closer to 0 than half a step at 0, all else is
 * off by a step's uniform error. */
static double square_error(const davit_histogram *histogram, const sums *before, davit_range range)
{
    double low = fmin((double)range.low, 0);
    double high = fmax((double)range.high, 0);
    double step = (high - low) / 255;
    size_t first = bins_below(histogram, low);
    size_t last = bins_below(histogram, high);
    size_t near = bins_below(histogram, fmax(-step / 2, low));
    size_t far = bins_below(histogram, fmin(step / 2, high));
    double rounded =
        before[last].count - before[first].count - before[far].count + before[near].count;
    return distance(before[first], low) +
           distance(between(before[last], before[histogram->bin_count]), high) +
           distance(between(before[near], before[far]), 0) + rounded * step * step / 12;
}

double davit_histogram_square_error(const davit_histogram *histogram, davit_range range,
                                    double *scratch)
{
    add_up(histogram, (sums *)(void *)scratch);
    return square_error(histogram, (const sums *)(void *)scratch, range);
}

davit_range davit_histogram_mse(const davit_histogram *histogram, double *scratch)
{
    const sums *before = (const sums *)(void *)scratch;
    davit_range whole = histogram->range;
    davit_range best = whole;
    add_up(histogram, (sums *)(void *)scratch);
    double least = square_error(histogram, before, whole);
    for (int i = 0; i < CANDIDATES && (i == 0 || whole.low < 0); i++) {
        for (int k = 0; k < CANDIDATES && (k == 0 || whole.high > 0); k++) {
            davit_range range = {whole.low * (1 - (float)i / CANDIDATES),
                                 whole.high * (1 - (float)k / CANDIDATES)};
            double error = square_error(histogram, before, range);
            if (error < least) {
                least = error;
                best = range;
            }
        }
    }
    return best;
}
