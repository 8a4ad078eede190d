/* Pointwise convolutions and matrix products on our own loops over vpdpbusd, which are faster there
 * than oneDNN's: rows of u8 times s8 weights that lie packed in panels, requantised in registers.
 */
#ifndef DAVIT_ONEDNN_INT8_DOT_H
#define DAVIT_ONEDNN_INT8_DOT_H

#include "int8_weighted.h"

/* Rows that are windows of images: a row has lines of depth / lines bytes each, one below the
 * other, and width rows are side by side. lines 0: rows lie whole, side by side. */
typedef struct davit_int8_windows {
    int64_t lines;
    int64_t width, height;           /* rows of an image */
    int64_t step, down;              /* bytes to the next row, lines to the one below */
    int64_t line_bytes, image_lines; /* of x */
} davit_int8_windows;

/* One product. */
typedef struct davit_int8_dense {
    davit_onednn_operand x; /* u8 */
    int64_t rows, depth, columns;
    const int8_t *weights; /* element (k, c) is weights[k * depth_stride + c * column_stride] */
    int64_t depth_stride, column_stride; /* one of them is 1 */
    const davit_tensor *tensor;          /* that has the weights, maybe in another order */
    const davit_int8_finish *finish;     /* scale and bias of all columns, padded; copied */
    davit_int8_windows windows;          /* of x */
    davit_int8_tiles tiles;              /* height 0: rows of the result lie whole */
} davit_int8_dense;

/* True where this machine has the loops, they are chosen or by rule the fastest there is, and the
 * operands of weighted (u8, s8) and the depth of a sum (a multiple of 4) are what they take. */
bool davit_int8_dot_fits(const davit_onednn_builder *builder, const davit_int8_weighted *weighted,
                         int64_t depth);

/* True when the bounds of davit_result_finish are those of the type, rounded, and no result before
 * them is out of s32: davit_int8_dot's saturates. finish: of the channels, maybe repeated. */
bool davit_int8_saturates(const davit_int8_weighted *weighted, const davit_int8_finish *finish);

/* Adds the step and sets the output. */
DAVIT_NODISCARD davit_status davit_int8_add_dot(davit_onednn_builder *builder,
                                                const davit_int8_weighted *weighted,
                                                const davit_int8_dense *dense);

#endif
