/* Products of 8-bit rows with packed s16 weights, requantised at once: the core of our own
 * convolutions and matrix products, exact on every instruction set.
 *
 * Rows are gathered as s16 (x - zero, padding as 0) by the operator, a block at a time; weights lie
 * in panels of DAVIT_INT8_COLUMNS output channels. Sums must fit s32. */
#ifndef DAVIT_ONEDNN_INT8_PRODUCT_H
#define DAVIT_ONEDNN_INT8_PRODUCT_H

#include "builder.h"
#include "int8_loops.h"

/* Rows of a result that are tiles of an image: a row has height lines of line elements, and width
 * tiles lie side by side. */
typedef struct davit_int8_tiles {
    int64_t height, line, width; /* height 0: rows lie whole */
} davit_int8_tiles;

/* Where element at of a row lies in the image; up to the end of its line the next ones follow. */
static inline int64_t davit_int8_tile_place(const davit_int8_tiles *tiles, int64_t row, int64_t at)
{
    int64_t line = row / tiles->width * tiles->height + at / tiles->line;
    return (line * tiles->width + row % tiles->width) * tiles->line + at % tiles->line;
}

typedef struct davit_int8_product {
    const davit_int8_loops *loops;
    int64_t groups;                   /* of channels, or matrices */
    int64_t rows;                     /* of a group */
    int64_t depth;                    /* products in a sum */
    int64_t channels;                 /* of a group's result */
    int64_t row_stride, group_stride; /* of the result, in elements */
    davit_int8_tiles tiles;           /* of one group */
    const int16_t *weights;           /* packed; NULL: an operand, made by an earlier step */
    const int64_t *weights_of;        /* [groups] which packed matrix; NULL: its own */
    davit_int8_finish finish;         /* of the first group */
    int64_t finish_stride;            /* of scale and bias from group to group */
    /* Writes the depth elements of a row. */
    void (*gather)(const struct davit_int8_product *product, const uint8_t *x, int64_t group,
                   int64_t row, int16_t *values);
    const void *geometry; /* for gather */
} davit_int8_product;

/* Weights before they are packed: element (o, c, tap) of a group is
 * data[o * o_stride + c * c_stride + tap * tap_stride]; the depth runs over taps, then c. */
typedef struct davit_int8_weights {
    davit_dtype dtype; /* u8, s8 or s16; the first two may have a zero point */
    int32_t zero;
    int64_t channels, inputs, taps;
    int64_t o_stride, c_stride, tap_stride;
} davit_int8_weights;

/* Elements of s16 that a packed group takes. */
int64_t davit_int8_packed_elems(int64_t depth, int64_t channels);
/* Packs panels first to end of a group. */
void davit_int8_pack(const davit_int8_weights *weights, const void *data, int64_t first,
                     int64_t end, int16_t *packed);
/* Output channels rounded up to whole panels. */
int64_t davit_int8_padded(int64_t channels);

/* The end of an IntegerProduct: bias 0 and one factor, padded to whole panels. */
DAVIT_NODISCARD davit_status davit_int8_product_end(davit_onednn_builder *builder,
                                                    const davit_node *node, int64_t channels,
                                                    davit_int8_finish *out);

/* What every thread needs while it runs, all together. */
size_t davit_int8_product_scratch_bytes(const davit_int8_product *product);

typedef struct davit_int8_product_data {
    const uint8_t *x, *residual; /* residual NULL: none */
    uint8_t *out;                /* may be residual */
    const int16_t *weights;      /* where the product has none */
    void *scratch;
} davit_int8_product_data;

/* Runs on the device's threads. */
void davit_int8_product_run(const davit_int8_product *product, const davit_int8_product_data *data);

#endif
