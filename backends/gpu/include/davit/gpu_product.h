/* Products as GPU kernels see them: convolution (implicit GEMM), GEMM and matmul with constant
 * weights, s8 and f32. This header is compiled as C (the compiler of programs), CUDA and OpenCL C:
 * 32-bit words only.
 *
 * y[m][n] = sum over k of x[m][k] * w[n][k]. m is an output pixel (image, y, x), n an output channel
 * of a group, k = (tap, channel of the group), the channel fastest. x is channels-last without
 * padding: [images][in_h][in_w][in_c]. A matrix product is a convolution of kernel 1x1 with
 * images = rows, in_h = in_w = 1. y, and a residual, are [images][out_h][out_w][out_c].
 *
 * Packed weights: [groups][n_padded][k_padded], zeros behind n and k, k_padded of taps * pitch
 * rounded up to 64 bytes; pitch is group_in rounded up to 4 for bytes (a word of four channels never
 * straddles taps), group_in for f32. n_padded is group_out rounded up to 64, or 1 where that is 1.
 *
 * Bytes: u8 inputs are turned to s8 on the way (top bit flipped; x_flip), so that all sums are of
 * s8 * s8 in s32; what lies outside the image is x_zero (flipped likewise), and correction[n] takes
 * x_zero * sum of w away again: acc = sum + correction, exact. Then davit_requantize_one, in f32,
 * every operation rounded by itself:
 *   t = float(acc); t = t + bias[n]; t = t * scale[n];
 *   t = t + float(residual - residual_zero) * residual_scale;
 *   t = min(max(t, low), high); t = t + float(y_zero); q = round_half_even(clamp(t, least, most)).
 *
 * f32: t = sum (fused multiply-adds allowed); t = t + bias[n]; then the unit's residual and
 * activation: residual added before the activation, or after it (residual_last).
 *
 * Operands of every product kernel: x, w, bias f32 [groups * group_out] or absent, scale f32
 * [groups * group_out] (bytes only), correction s32 [groups * group_out] (bytes only), residual or
 * absent, y. */
#ifndef DAVIT_GPU_PRODUCT_H
#define DAVIT_GPU_PRODUCT_H

typedef struct davit_gpu_product_params {
    int images, in_h, in_w, in_c;
    int out_h, out_w, out_c;
    int kernel_h, kernel_w, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w;
    int groups, group_in, group_out;
    int pitch, k_padded, n_padded;
    int m, k; /* images * out_h * out_w; kernel_h * kernel_w * pitch */
    /* bytes */
    int x_flip, x_zero; /* x_zero after flipping */
    int y_unsigned, y_zero;
    int residual_unsigned, residual_zero; /* read only where there is a residual */
    float residual_scale, low, high;
    /* f32 */
    int activation; /* davit_activation, or -1 */
    float alpha, beta;
    int residual_last;
} davit_gpu_product_params;

#endif
