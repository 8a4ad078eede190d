#include "shrink.h"

typedef struct moments {
    double mean;
    double error; /* variance of the mean */
} moments;

static moments column_moments(const double *x, size_t rows, size_t columns)
{
    moments m = {0, 0};
    for (size_t r = 0; r < rows; r++) {
        m.mean += x[r * columns];
    }
    m.mean /= (double)rows;
    for (size_t r = 0; r < rows; r++) {
        double difference = x[r * columns] - m.mean;
        m.error += difference * difference;
    }
    m.error /= (double)rows * (double)(rows > 1 ? rows - 1 : 1);
    return m;
}

void davit_shrink_means(const double *x, size_t rows, size_t columns, double *estimates)
{
    double spread = 0;
    for (size_t c = 0; c < columns; c++) {
        moments m = column_moments(x + c, rows, columns);
        spread += m.mean * m.mean - m.error;
    }
    spread = spread > 0 ? spread / (double)columns : 0;
    for (size_t c = 0; c < columns; c++) {
        moments m = column_moments(x + c, rows, columns);
        estimates[c] = spread > 0 ? m.mean * spread / (spread + m.error) : 0;
    }
}
