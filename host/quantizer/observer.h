/* What calibration keeps of a value, and how a range comes out of it. */
#ifndef DAVIT_QUANTIZER_OBSERVER_H
#define DAVIT_QUANTIZER_OBSERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "davit/quantize_table.h"

/* An interval; low <= 0 <= high once it is used as a range of quantisation. */
typedef struct davit_range {
    float low, high;
} davit_range;

/* Widens *range by count elements. Returns false, with *range untouched, where one of them is not
 * finite. Start with {FLT_MAX, -FLT_MAX}. Reentrant. */
bool davit_range_observe(davit_range *range, const float *x, size_t count);

/* Narrows a range to what matters to y = f(x), as far as f is flat at its ends: the least number
 * from which on f differs from f at the new end by at most a quarter of the step that 255 steps
 * over f's values on the range (and 0) make. Found on a grid of 1024 points. */
void davit_range_trim(davit_range *range, davit_function function, float alpha, float beta);

/* Counts of values in equal bins over [range.low, range.high]. */
typedef struct davit_histogram {
    davit_range range; /* low < high */
    size_t bin_count;
    uint64_t *bins; /* borrowed */
} davit_histogram;

/* Adds count elements; those outside the range go to the bins at its ends. Reentrant for different
 * histograms. */
void davit_histogram_add(davit_histogram *histogram, const float *x, size_t count);

/* The range that cuts (100 - percentile) / 2 % of the values off at each end, to the width of one
 * bin and outwards: bins that hold some of the values to keep are kept whole. The histogram is not
 * empty. */
davit_range davit_histogram_percentile(const davit_histogram *histogram, double percentile);

/* The range [-t, t] of least Kullback-Leibler divergence between the values clipped to it and the
 * same quantised to levels steps: S. Migacz, "8-bit inference with TensorRT" (GTC 2017), in the
 * form of onnxruntime.quantization, which folds what is clipped into the outermost bins and smooths
 * both distributions by 1e-4.
 *
 * The histogram is symmetric about 0 with an odd number of bins, more than levels; scratch has room
 * for 2 * bin_count numbers. The least t of equals. */
davit_range davit_histogram_entropy(const davit_histogram *histogram, size_t levels,
                                    double *scratch);

/* What 255 even steps over a range (and 0) make of the values: the sum of their square errors.
 * Those beyond it are moved to its ends, those within half a step of 0 to 0, the others are off by
 * the mean square of rounding, step^2 / 12. scratch has room for 3 * (bin_count + 1) numbers. */
double davit_histogram_square_error(const davit_histogram *histogram, davit_range range,
                                    double *scratch);

/* The range of least davit_histogram_square_error among those whose ends are those of the
 * histogram, drawn in towards 0 by k / 128 each, k from 0 to 127. scratch as there. */
davit_range davit_histogram_mse(const davit_histogram *histogram, double *scratch);

#endif
