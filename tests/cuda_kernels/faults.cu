/* Small kernels, each as it should be and with a fault: what the emulation must say of them. A name
 * ends in _good or in the fault. */
#include "backends/cuda/kernels/matrix.h"

typedef struct fault_params {
    int count;
} fault_params;

#define ARGUMENTS PARAMS(fault_params, p), ARG(const s32, x), ARG(s32, y)
#define HERE (GROUP(0) * 64 + THREAD())

/* y[i] = x[i] + x[its neighbour in the block], through shared memory. */
template <bool with_barrier> FUNCTION void neighbours(const s32 *x, s32 *y)
{
    DAVIT_SHARED(s32, line, 64);
    line[THREAD()] = x[HERE];
    if constexpr (with_barrier) {
        __syncthreads();
    }
    y[HERE] = x[HERE] + line[(THREAD() + 33) % 64];
}

KERNEL(neighbours_good, 64)(ARGUMENTS)
{
    neighbours<true>(x, y);
}

KERNEL(neighbours_missing_barrier, 64)(ARGUMENTS)
{
    neighbours<false>(x, y);
}

/* The same within a warp, where __syncwarp is enough. */
template <bool with_barrier> FUNCTION void lanes(const s32 *x, s32 *y)
{
    DAVIT_SHARED(s32, line, 64);
    line[THREAD()] = x[HERE];
    if constexpr (with_barrier) {
        __syncwarp();
    }
    y[HERE] = x[HERE] + line[THREAD() ^ 1];
}

KERNEL(lanes_good, 64)(ARGUMENTS)
{
    lanes<true>(x, y);
}

KERNEL(lanes_missing_barrier, 64)(ARGUMENTS)
{
    lanes<false>(x, y);
}

/* A line that is written again while others may still read it. */
template <bool with_barrier> FUNCTION void rounds(const s32 *x, s32 *y)
{
    DAVIT_SHARED(s32, line, 64);
    s32 sum = 0;
    for (int i = 0; i < 3; i++) {
        line[THREAD()] = x[HERE] + i;
        __syncthreads();
        sum += line[63 - THREAD()];
        if constexpr (with_barrier) {
            __syncthreads();
        }
    }
    y[HERE] = sum;
}

KERNEL(rounds_good, 64)(ARGUMENTS)
{
    rounds<true>(x, y);
}

KERNEL(rounds_missing_barrier, 64)(ARGUMENTS)
{
    rounds<false>(x, y);
}

KERNEL(global_good, 64)(ARGUMENTS)
{
    if (HERE < p.count) {
        y[HERE] = x[HERE];
    }
}

/* The last block writes behind y, whose end is a page's end. */
KERNEL(global_overflow, 64)(ARGUMENTS)
{
    y[HERE] = HERE < p.count ? x[HERE] : 0;
}

template <int extra> FUNCTION void reverse(const s32 *x, s32 *y)
{
    DAVIT_SHARED(s32, line, 64);
    line[THREAD() + extra] = x[HERE];
    __syncthreads();
    y[HERE] = line[63 - THREAD()];
}

KERNEL(shared_good, 64)(ARGUMENTS)
{
    reverse<0>(x, y);
}

KERNEL(shared_overflow, 64)(ARGUMENTS)
{
    reverse<1>(x, y);
}

KERNEL(barrier_good, 64)(ARGUMENTS)
{
    __syncthreads();
    y[HERE] = x[HERE];
}

KERNEL(barrier_not_reached, 64)(ARGUMENTS)
{
    if (THREAD() < 40) {
        __syncthreads();
    }
    y[HERE] = x[HERE];
}

KERNEL(barrier_divergent, 64)(ARGUMENTS)
{
    if (THREAD() < 32) {
        __syncthreads();
    } else {
        __syncthreads();
    }
    y[HERE] = x[HERE];
}

/* y[i] = the sum over its warp. */
template <u32 mask> FUNCTION void sum_warp(const s32 *x, s32 *y, int active)
{
    s32 sum = x[HERE];
    if (THREAD() % 32 < active) {
        for (int by = 16; by > 0; by /= 2) {
            sum += __shfl_xor_sync(mask, sum, by);
        }
    }
    y[HERE] = sum;
}

KERNEL(shuffle_good, 64)(ARGUMENTS)
{
    sum_warp<0xffffffffu>(x, y, 32);
}

KERNEL(shuffle_mask_without_self, 64)(ARGUMENTS)
{
    sum_warp<0x0000ffffu>(x, y, 32);
}

KERNEL(shuffle_mask_with_absent, 64)(ARGUMENTS)
{
    sum_warp<0xffffffffu>(x, y, 24);
}

KERNEL(shuffle_from_outside, 64)(ARGUMENTS)
{
    sum_warp<0x0000ffffu>(x, y, 16);
}

/* A warp multiplies x (16 x 32 bytes) by the 8 x 32 bytes behind it, the second and third register of
 * the fragment of x in their place, or not. */
template <int second> FUNCTION void small_product(const s32 *x, s32 *y)
{
    int row = THREAD() / 4;
    int word = THREAD() % 4;
    u32 a[4];
    u32 b[2];
    s32 c[4] = {0, 0, 0, 0};
    a[0] = (u32)x[row * 8 + word];
    a[second] = (u32)x[(row + 8) * 8 + word];
    a[3 - second] = (u32)x[row * 8 + word + 4];
    a[3] = (u32)x[(row + 8) * 8 + word + 4];
    b[0] = (u32)x[128 + row * 8 + word];
    b[1] = (u32)x[128 + row * 8 + word + 4];
    matrix_s8(c, a, b);
    UNROLL
    for (int i = 0; i < 4; i++) {
        y[(row + i / 2 * 8) * 8 + word * 2 + i % 2] = c[i];
    }
}

KERNEL(fragment_good, 32)(ARGUMENTS)
{
    small_product<1>(x, y);
}

KERNEL(fragment_wrong, 32)(ARGUMENTS)
{
    small_product<2>(x, y);
}

/* y = x through asynchronous copies. */
template <bool waits> FUNCTION void copy(const s32 *x, s32 *y)
{
    DAVIT_SHARED(s32, line, 64);
    copy_4_async(line + THREAD(), x + HERE);
    copy_commit();
    if constexpr (waits) {
        copy_wait<0>();
    }
    __syncthreads();
    y[HERE] = line[63 - THREAD()];
}

KERNEL(copy_good, 64)(ARGUMENTS)
{
    copy<true>(x, y);
}

KERNEL(copy_without_wait, 64)(ARGUMENTS)
{
    copy<false>(x, y);
}
