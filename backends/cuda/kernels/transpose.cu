/* Copies in which what lies together in x is apart in y and the other way round: a tile goes through
 * shared memory, so that rows of both are read and written as they lie. With the numbers of
 * davit_gpu_move_params, of which the axis 4 is the one that lies together in x, 5 the one in y; a
 * group for each tile. */
#include "prelude.h"

#include "davit/gpu_product.h"

#include "../../gpu/kernels/params.h"

template <class Element, int side>
FUNCTION void transpose_tile(const davit_gpu_move_params &p, const Element *x, Element *y,
                             Element *tile, int pitch)
{
    int tiles_4 = (p.dims[4] + side - 1) / side;
    int tiles_5 = (p.dims[5] + side - 1) / side;
    int left = GROUP(0) / tiles_5;
    int begin_5 = (GROUP(0) - left * tiles_5) * side;
    int outer = left / tiles_4;
    int begin_4 = (left - outer * tiles_4) * side;
    int from = p.from_offset + begin_4 + begin_5 * p.from[5];
    int to = p.to_offset + begin_4 * p.to[4] + begin_5;
    UNROLL
    for (int axis = 3; axis >= 0; axis--) {
        int rest = outer / p.dims[axis];
        int at = outer - rest * p.dims[axis];
        from += at * p.from[axis];
        to += at * p.to[axis];
        outer = rest;
    }
    int in = THREAD() % side;
    for (int across = THREAD() / side; across < side; across += 256 / side) {
        if (begin_4 + in < p.dims[4] && begin_5 + across < p.dims[5]) {
            tile[across * pitch + in] = x[from + in + across * p.from[5]];
        }
    }
    __syncthreads();
    for (int across = THREAD() / side; across < side; across += 256 / side) {
        if (begin_5 + in < p.dims[5] && begin_4 + across < p.dims[4]) {
            y[to + in + across * p.to[4]] = tile[in * pitch + across];
        }
    }
}

/* The pitch keeps a column of a tile in different banks. */
#define TRANSPOSES(name, type, side, pitch)                                                        \
    KERNEL(name, 256)(PARAMS(davit_gpu_move_params, p), ARG(const type, x), ARG(type, y))          \
    {                                                                                              \
        DAVIT_SHARED(type, tile, side *pitch);                                                     \
        transpose_tile<type, side>(p, x, y, tile, pitch);                                          \
    }

TRANSPOSES(transpose_1, u8, 64, 68)
TRANSPOSES(transpose_2, u16, 64, 66)
TRANSPOSES(transpose_4, u32, 32, 33)
TRANSPOSES(transpose_8, u64, 32, 33)
