#include "walk.h"

#include <string.h>

#include "davit/strided_copy.h"

davit_walk davit_walk_make(int rank, const int64_t *dims)
{
    davit_walk walk = {.rank = rank};
    for (int d = 0; d < rank; d++) {
        walk.dims[d] = dims[d];
    }
    return walk;
}

void davit_walk_add(davit_walk *walk, const int64_t *strides)
{
    for (int d = 0; d < walk->rank; d++) {
        walk->strides[walk->operands][d] = strides[d];
    }
    walk->operands++;
}

/* True when dimension d of every operand continues where d + 1 ends. */
static bool mergeable(const davit_walk *walk, int outer, int inner)
{
    for (int o = 0; o < walk->operands; o++) {
        if (walk->strides[o][outer] != walk->strides[o][inner] * walk->dims[inner]) {
            return false;
        }
    }
    return true;
}

void davit_walk_collapse(davit_walk *walk)
{
    int kept = 0;
    for (int d = 0; d < walk->rank; d++) {
        if (walk->dims[d] == 1) {
            continue;
        }
        int64_t dim = walk->dims[d];
        if (kept > 0 && mergeable(walk, kept - 1, d)) {
            kept--;
            dim *= walk->dims[kept];
        }
        for (int o = 0; o < walk->operands; o++) {
            walk->strides[o][kept] = walk->strides[o][d];
        }
        walk->dims[kept++] = dim;
    }
    walk->rank = kept;
}

bool davit_walk_start(davit_walk *walk)
{
    memset(walk->index, 0, sizeof(walk->index));
    memset(walk->offset, 0, sizeof(walk->offset));
    for (int d = 0; d < walk->rank; d++) {
        if (walk->dims[d] == 0) {
            return false;
        }
    }
    return true;
}

bool davit_walk_next(davit_walk *walk)
{
    for (int d = walk->rank - 1; d >= 0; d--) {
        if (++walk->index[d] < walk->dims[d]) {
            for (int o = 0; o < walk->operands; o++) {
                walk->offset[o] += walk->strides[o][d];
            }
            return true;
        }
        walk->index[d] = 0;
        for (int o = 0; o < walk->operands; o++) {
            walk->offset[o] -= walk->strides[o][d] * (walk->dims[d] - 1);
        }
    }
    return false;
}

void davit_dense_strides(int rank, const int64_t *dims, int64_t *strides)
{
    int64_t stride = 1;
    for (int d = rank - 1; d >= 0; d--) {
        strides[d] = stride;
        stride *= dims[d];
    }
}

void davit_broadcast_strides(const davit_tensor_desc *desc, int rank, const int64_t *dims,
                             int64_t *strides)
{
    int64_t dense[DAVIT_MAX_RANK] = {0};
    davit_dense_strides(desc->rank, desc->dims, dense);
    int lead = rank - desc->rank;
    for (int d = 0; d < rank; d++) {
        bool repeated = d < lead || (desc->dims[d - lead] == 1 && dims[d] != 1);
        strides[d] = repeated ? 0 : dense[d - lead];
    }
}

void davit_walk_copy(davit_walk *walk, size_t elem_bytes, void *to, const void *from)
{
    davit_walk_collapse(walk);
    int64_t bytes = (int64_t)elem_bytes;
    davit_strided_run run = {1, bytes, bytes};
    if (walk->rank > 0) {
        int inner = --walk->rank;
        run = (davit_strided_run){walk->dims[inner], walk->strides[0][inner] * bytes,
                                  walk->strides[1][inner] * bytes};
    }
    if (run.count == 0) {
        return;
    }
    for (bool more = davit_walk_start(walk); more; more = davit_walk_next(walk)) {
        davit_copy_strided(&run, elem_bytes, (char *)to + walk->offset[0] * bytes,
                           (const char *)from + walk->offset[1] * bytes);
    }
}
