/* Estimates of many means from few samples. */
#ifndef DAVIT_QUANTIZER_SHRINK_H
#define DAVIT_QUANTIZER_SHRINK_H

#include <stddef.h>

/* Estimates the mean of each column of x [rows][columns] by the least expected square error, taking
 * the columns' true means for normal around 0 with a variance t of their own (empirical Bayes,
 * Efron and Morris 1973):
 *
 *   estimate = mean * t / (t + v),  v = the column's variance / rows,
 *   t = max(0, average over columns of mean^2 - v)
 *
 * so that means which the samples do not tell from 0 become 0, and means that they agree on stay.
 * One row: the row itself. rows and columns > 0. */
void davit_shrink_means(const double *x, size_t rows, size_t columns, double *estimates);

#endif
