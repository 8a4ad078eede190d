/* 8-bit convolutions in which every channel has a filter of its own, on own loops over vpdpbusd:
 * four rows of an input column are laid beside each other, channel by channel, once for all
 * outputs that read them. */
#ifndef DAVIT_ONEDNN_INT8_FILTERS_H
#define DAVIT_ONEDNN_INT8_FILTERS_H

#include "davit/window.h"
#include "int8_weighted.h"

#define DAVIT_INT8_FILTERS 64 /* channels of a block */
#define DAVIT_INT8_FILTER_ROWS 8

/* A convolution, prepared. A last block of up to a half or a quarter of the channels holds them for
 * two or four parts of the image at once. Numbers of a block stand in the order in which unpacking
 * bytes leaves them: number 16 * v + 4 * l + e is of byte 16 * l + 4 * v + e. */
typedef struct davit_int8_filters {
    int64_t channels;
    int64_t in, out, kernel, stride, pad; /* along a row */
    int rows;              /* of outputs that are computed together: 1, or 2 for a kernel of 3 and a
                            * stride of 1 */
    int quads;             /* of input rows: 1, or 2 for one row of outputs */
    uint8_t flip, zero;    /* as davit_int8_source; what the padding holds, flipped */
    const int8_t *weights; /* [blocks][kernel][rows][quads][block][4] */
    const int32_t *start;  /* [blocks][block]: biases, without what zero adds */
    const float *scale;    /* likewise */
    bool saturates;        /* as davit_int8_dot */
    davit_int8_result result;
} davit_int8_filters;

/* One or two rows of outputs of each of the parts of a block. */
typedef struct davit_int8_filter_rows {
    int64_t block;
    int parts; /* 1, 2 or 4 */
    /* [4 * quads] at the block's first channel in the first column; a row of the padding is a block
     * of zero, unflipped, with a step of 0. */
    const uint8_t *x[4][DAVIT_INT8_FILTER_ROWS];
    int64_t steps[4][DAVIT_INT8_FILTER_ROWS]; /* from a column to the next */
    uint8_t *out[4][2];                       /* likewise; NULL where there is none */
} davit_int8_filter_rows;

/* Parts of the image that a block has room for. */
static inline int davit_int8_filter_parts(int64_t channels, int64_t block)
{
    const int64_t left = channels - block * DAVIT_INT8_FILTERS;
    return left <= DAVIT_INT8_FILTERS / 4 ? 4 : left <= DAVIT_INT8_FILTERS / 2 ? 2 : 1;
}

void davit_int8_filters_avx512_vnni(const davit_int8_filters *filters,
                                    const davit_int8_filter_rows *rows);

/* True where this machine has loops for the convolution. */
bool davit_int8_filters_fit(const davit_onednn_builder *builder,
                            const davit_int8_weighted *weighted, const davit_window *window);

/* Adds the step and sets the output. */
DAVIT_NODISCARD davit_status davit_int8_add_filters(davit_onednn_builder *builder,
                                                    const davit_int8_weighted *weighted,
                                                    const davit_window *window);

#endif
