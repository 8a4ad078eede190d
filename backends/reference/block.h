/* Blocks of elements in a carrier type: kernels of every element type are written for two types
 * only, f64 (floats) and s64 (integers and bool; u64 modulo 2^64), a block at a time.
 *
 * A result computed in f64 from f32 or shorter operands and stored is rounded once as far as + - *
 * / and sqrt go, since f64 has more than twice their precision. All functions are reentrant. */
#ifndef DAVIT_REFERENCE_BLOCK_H
#define DAVIT_REFERENCE_BLOCK_H

#include "davit/tensor.h"
#include "walk.h"

/* Elements in a block: three of them fit the first-level cache. */
#define DAVIT_BLOCK 512

/* Loads count elements of a dense tensor, from index first in steps of stride (0 repeats one). */
void davit_load_f64_run(const davit_tensor *tensor, int64_t first, int64_t stride, int64_t count,
                        double *values);
/* The same for integers and bool; floats are truncated as davit_load_s64 does. */
void davit_load_s64_run(const davit_tensor *tensor, int64_t first, int64_t stride, int64_t count,
                        int64_t *values);

/* Stores count elements from index first, converting as davit_store_f64 and davit_store_s64 do. */
void davit_store_f64_run(davit_tensor *tensor, int64_t first, int64_t count, const double *values);
void davit_store_s64_run(davit_tensor *tensor, int64_t first, int64_t count, const int64_t *values);

/* Reads a dense tensor front to back as if it were broadcast to a larger shape. */
typedef struct davit_cursor {
    const davit_tensor *tensor; /* borrowed */
    davit_walk walk;            /* over all but the innermost dimension */
    int64_t run;                /* the innermost dimension, its stride, and where in it we are */
    int64_t stride;
    int64_t position;
} davit_cursor;

/* A cursor over tensor broadcast (numpy rules, checked before) to dims. */
davit_cursor davit_cursor_make(const davit_tensor *tensor, int rank, const int64_t *dims);

/* Reads the next count elements; the caller never reads more than the shape holds. */
void davit_cursor_f64(davit_cursor *cursor, int64_t count, double *values);
void davit_cursor_s64(davit_cursor *cursor, int64_t count, int64_t *values);

#endif
