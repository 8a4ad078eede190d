/* What is left to do behind a product that a library computes: the end of each sum. A thread for each
 * element; sums are [m][group_out], of one group. */
#include "prelude.h"

#include "davit/gpu_product.h"

#include "../../gpu/kernels/params.h"

#include "../../gpu/kernels/arithmetic.inc"

KERNEL(finish_sums_s8, 256)
(PARAMS(davit_gpu_product_params, p), ARG(const s32, sums), ARG(const float, bias),
 ARG(const float, scale), ARG(const s32, correction), ARG(const u8, residual), ARG(u8, y))
{
    int i = GROUP(0) * 256 + THREAD();
    if (i < p.m * p.group_out) {
        int n = i % p.group_out;
        int before =
            residual ? load_byte(residual, i, p.residual_unsigned) - p.residual_zero : 0;
        y[i] = (u8)requantize(p, sums[i] + correction[n], bias ? bias[n] : 0.0f, scale[n], before);
    }
}

KERNEL(finish_sums_f32, 256)
(PARAMS(davit_gpu_product_params, p), ARG(const float, sums), ARG(const float, bias),
 ARG(const float, scale), ARG(const s32, correction), ARG(const float, residual), ARG(float, y))
{
    int i = GROUP(0) * 256 + THREAD();
    if (i < p.m * p.group_out) {
        y[i] = finish_f32(p, sums[i], bias ? bias[i % p.group_out] : 0.0f,
                          residual ? residual[i] : 0.0f);
    }
}
