/* A compute unit of each kernel, driven through XRT's public C interface alone. */
#ifndef TESTS_BOARD_LANE_H
#define TESTS_BOARD_LANE_H

#include <stdbool.h>
#include <stddef.h>

#define LANE_ARGUMENTS 6

typedef struct lane_kernel {
    void *kernel, *run; /* XRT's handles */
    size_t argument_count;
    void *buffers[LANE_ARGUMENTS]; /* XRT's handles; grow when they are too small */
    size_t sizes[LANE_ARGUMENTS];
} lane_kernel;

typedef struct lane {
    void *device; /* XRT's handle, borrowed */
    lane_kernel gemm, vector;
    long deadline_ms;  /* of one run */
    const char *error; /* the first failure: what was called */
} lane;

/* Opens compute unit `index` (from 0) of both kernels. Returns false with l->error set. */
bool lane_open(lane *l, void *device, const unsigned char uuid[16], unsigned index,
               long deadline_ms);
void lane_close(lane *l);

/* The lane that gemm_s8() and vector_s8() of this thread run on. */
void lane_use(lane *l);

#endif
