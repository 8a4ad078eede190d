/* The threshold of least divergence. p is the distribution of the clipped values, q the same after
 * quantisation: each group of bins that one step covers is spread evenly over those of its bins
 * that are not empty. */
#include <math.h>
#include <string.h>

#include "observer.h"

#define SMOOTHING 1e-4

/* Moves a little of every bin that is not empty into the empty ones, so that logarithms exist.
 * Returns false where a bin has too little to give. */
static bool smooth(double *distribution, size_t count)
{
    size_t zeros = 0;
    for (size_t i = 0; i < count; i++) {
        zeros += distribution[i] == 0;
    }
    if (zeros == count) {
        return false;
    }
    double taken = SMOOTHING * (double)zeros / (double)(count - zeros);
    if (taken >= 1.0) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        distribution[i] += distribution[i] == 0 ? SMOOTHING : -taken;
    }
    return true;
}

/* Kullback-Leibler divergence of two distributions that are not normalised. */
static double divergence(const double *p, const double *q, size_t count)
{
    double sum_p = 0;
    double sum_q = 0;
    for (size_t i = 0; i < count; i++) {
        sum_p += p[i];
        sum_q += q[i];
    }
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        if (q[i] <= 0) {
            return INFINITY;
        }
        sum += p[i] > 0 ? p[i] / sum_p * log(p[i] / sum_p * (sum_q / q[i])) : 0;
    }
    return sum;
}

/* Spreads the count of each step over its bins that p has something in. */
static void expand(const uint64_t *bins, const double *p, size_t count, size_t levels, double *q)
{
    size_t width = count / levels;
    for (size_t level = 0; level < levels; level++) {
        size_t start = level * width;
        size_t end = start + width;
        size_t last = level + 1 < levels ? end : count;
        double sum = 0;
        size_t filled = 0;
        for (size_t i = start; i < last; i++) {
            sum += (double)bins[i];
            filled += i < end && p[i] != 0;
        }
        for (size_t i = start; i < last; i++) {
            q[i] = filled > 0 && i < end ? trunc(sum / (double)filled) : 0;
        }
    }
}

/* The divergence when only the 2 * half + 1 bins around the middle are kept. */
static double divergence_at(const davit_histogram *histogram, size_t half, size_t levels,
                            double *scratch)
{
    size_t middle = histogram->bin_count / 2;
    size_t start = middle - half;
    size_t count = 2 * half + 1;
    double *p = scratch;
    double *q = scratch + histogram->bin_count;
    for (size_t i = 0; i < count; i++) {
        p[i] = (double)histogram->bins[start + i];
    }
    for (size_t i = 0; i < start; i++) {
        p[0] += (double)histogram->bins[i];
        p[count - 1] += (double)histogram->bins[histogram->bin_count - 1 - i];
    }
    expand(histogram->bins + start, p, count, levels, q);
    return smooth(p, count) && smooth(q, count) ? divergence(p, q, count) : INFINITY;
}

davit_range davit_histogram_entropy(const davit_histogram *histogram, size_t levels,
                                    double *scratch)
{
    size_t middle = histogram->bin_count / 2;
    size_t best = middle;
    double least = INFINITY;
    for (size_t half = levels / 2; half <= middle; half++) {
        double found = divergence_at(histogram, half, levels, scratch);
        if (found < least) {
            least = found;
            best = half;
        }
    }
    double width = ((double)histogram->range.high - (double)histogram->range.low) /
                   (double)histogram->bin_count;
    float threshold = (float)(width * ((double)best + 0.5));
    return (davit_range){-threshold, threshold};
}
