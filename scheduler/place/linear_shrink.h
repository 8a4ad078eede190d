/* A smaller linear program for many devices that can be exchanged: one of them stands for all. */
#ifndef DAVIT_PLACE_LINEAR_SHRINK_H
#define DAVIT_PLACE_LINEAR_SHRINK_H

#include "linear.h"

typedef struct davit_place_small_linear {
    int *row_of;   /* [rows of the large one] its row here, or that of its twin */
    double *share; /* [rows of the large one] of that row's dual */
    int device_count;
    int row_count; /* the last ones are again the sums of items */
    int column_count;
    int *start;
    int *row;
    double *value;
    double *lower, *upper, *cost; /* of columns */
    double *row_lower, *row_upper;
} davit_place_small_linear;

/* Every solution of the large program has one of the same value where exchangeable devices have the
 * same: their mean, as long as symmetry is not broken. So they share columns and rows, and the sum
 * of an item counts the column for all of them; duals are shared out. The first `apart` devices of
 * a class keep their own, and with them how symmetry is broken there. From the arena;
 * DAVIT_OUT_OF_MEMORY, not reported. */
DAVIT_NODISCARD davit_status davit_place_linear_shrink(const davit_place_linear *linear,
                                                       uint32_t apart, davit_arena *arena,
                                                       davit_place_small_linear *small);
/* Duals of the large program's rows before choices from those of the small one. */
void davit_place_linear_grow(const davit_place_linear *linear,
                             const davit_place_small_linear *small, const double *small_duals,
                             double *duals);

#endif
