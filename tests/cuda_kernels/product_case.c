#include "product_case.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "davit/requantize.h"
#include "launch.h"
#include "unit_test.h"

static int below(uint64_t *seed, int bound)
{
    return (int)test_random_below(seed, (uint64_t)bound);
}

static int round_up(int value, int to)
{
    return (value + to - 1) / to * to;
}

static int out_size(int in, int kernel, int stride, int dilation, int pads)
{
    int room = in + pads - ((kernel - 1) * dilation + 1);
    return room < 0 ? 0 : room / stride + 1;
}

/* ---- shapes ---- */

static const int channels_of[] = {1, 2, 3, 4, 5, 8, 12, 16, 20, 32, 48, 64, 68, 80, 96, 128, 160};

static int pick_channels(uint64_t *seed)
{
    return channels_of[below(seed, (int)(sizeof channels_of / sizeof channels_of[0]))];
}

static void pick_matrix(davit_gpu_product_params *p, uint64_t *seed)
{
    p->images = 1 + below(seed, 200);
    p->in_h = p->in_w = p->out_h = p->out_w = 1;
    p->kernel_h = p->kernel_w = p->stride_h = p->stride_w = 1;
    p->dilation_h = p->dilation_w = 1;
    p->groups = 1;
    p->group_in = 1 + below(seed, 300);
    p->group_out = 1 + below(seed, 200);
    if (below(seed, 2) != 0) {
        p->group_in = round_up(p->group_in, 16);
        p->group_out = round_up(p->group_out, 16);
    }
}

static void pick_convolution(davit_gpu_product_params *p, product_kind kind, uint64_t *seed)
{
    do {
        p->images = 1 + below(seed, 3);
        p->in_h = 1 + below(seed, 14);
        p->in_w = 1 + below(seed, 14);
        p->kernel_h = 1 + below(seed, 4);
        p->kernel_w = below(seed, 3) != 0 ? p->kernel_h : 1 + below(seed, 7);
        p->stride_h = 1 + below(seed, 2);
        p->stride_w = below(seed, 4) != 0 ? p->stride_h : 1 + below(seed, 3);
        p->dilation_h = below(seed, 4) == 0 ? 2 : 1;
        p->dilation_w = below(seed, 4) == 0 ? 1 + below(seed, 3) : 1;
        p->pad_top = below(seed, p->kernel_h * p->dilation_h);
        p->pad_left = below(seed, p->kernel_w * p->dilation_w);
        p->out_h = out_size(p->in_h, p->kernel_h, p->stride_h, p->dilation_h,
                            p->pad_top + below(seed, p->kernel_h));
        p->out_w = out_size(p->in_w, p->kernel_w, p->stride_w, p->dilation_w,
                            p->pad_left + below(seed, p->kernel_w));
    } while (p->out_h == 0 || p->out_w == 0);
    if (kind == PRODUCT_DEPTHWISE) {
        p->groups = 4 * (1 + below(seed, 40));
        p->group_in = p->group_out = 1;
    } else {
        p->groups = below(seed, 4) == 0 ? 2 + below(seed, 3) : 1;
        p->group_in = pick_channels(seed);
        p->group_out = below(seed, 2) != 0 ? pick_channels(seed) : 1 + below(seed, 150);
    }
}

static void finish_shape(product_case *c)
{
    davit_gpu_product_params *p = &c->p;
    int word = c->s8 ? 1 : 4;
    p->in_c = p->groups * p->group_in;
    p->out_c = p->groups * p->group_out;
    p->pitch = c->s8 ? round_up(p->group_in, 4) : p->group_in;
    p->m = p->images * p->out_h * p->out_w;
    p->k = p->kernel_h * p->kernel_w * p->pitch;
    p->k_padded = round_up(p->k, 64 / word);
    p->n_padded = p->group_out == 1 ? 1 : round_up(p->group_out, 64);
    c->channels = (size_t)p->out_c;
    c->x_bytes = (size_t)(p->images * p->in_h * p->in_w * p->in_c * word);
    c->w_bytes = (size_t)(p->groups * p->n_padded * p->k_padded * word);
    c->y_bytes = (size_t)(p->m * p->out_c * word);
}

/* ---- values ---- */

static void pick_bytes(product_case *c, uint64_t *seed)
{
    davit_gpu_product_params *p = &c->p;
    p->x_flip = below(seed, 2);
    p->x_zero = below(seed, 3) == 0 ? (p->x_flip ? -128 : 0) : below(seed, 256) - 128;
    p->y_unsigned = below(seed, 2);
    p->y_zero = below(seed, 256) - (p->y_unsigned ? 0 : 128);
    p->residual_unsigned = below(seed, 2);
    p->residual_zero = below(seed, 256) - (p->residual_unsigned ? 0 : 128);
    p->residual_scale = (float)(1 + below(seed, 65535)) * 0x1p-16f;
    p->low = below(seed, 2) != 0 ? 0.0f : -0x1p20f;
    p->high = below(seed, 3) == 0 ? (float)below(seed, 200) : 0x1p20f;
    for (size_t o = 0; o < c->channels; o++) {
        float size = 5000.0f * sqrtf((float)p->k);
        c->scale[o] = (0.2f + 0.5f * (test_random_float(seed) + 1.0f)) * 100.0f / size;
        c->bias[o] = (float)(below(seed, 20001) - 10000);
    }
}

static void fill_random(product_case *c, void *data, size_t bytes, uint64_t *seed)
{
    for (size_t i = 0; c->s8 && i < bytes; i++) {
        ((uint8_t *)data)[i] = (uint8_t)test_random(seed);
    }
    for (size_t i = 0; !c->s8 && i < bytes / 4; i++) {
        ((float *)data)[i] = test_random_float(seed);
    }
}

/* Weights of channel o at tap and channel of the group. */
static size_t weight_at(const davit_gpu_product_params *p, int o, int tap, int channel)
{
    int group = o / p->group_out, n = o % p->group_out;
    return (size_t)((group * p->n_padded + n) * p->k_padded + tap * p->pitch + channel);
}

static void fill_weights(product_case *c, uint64_t *seed)
{
    const davit_gpu_product_params *p = &c->p;
    memset(c->w, 0, c->w_bytes);
    for (int o = 0; o < p->out_c; o++) {
        int32_t sum = 0;
        for (int tap = 0; tap < p->kernel_h * p->kernel_w; tap++) {
            for (int channel = 0; channel < p->group_in; channel++) {
                size_t at = weight_at(p, o, tap, channel);
                if (c->s8) {
                    ((int8_t *)c->w)[at] = (int8_t)test_random(seed);
                    sum += ((const int8_t *)c->w)[at];
                } else {
                    ((float *)c->w)[at] = test_random_float(seed);
                }
            }
        }
        c->correction[o] = -p->x_zero * sum;
    }
}

/* ---- the definition ---- */

typedef struct sums {
    int64_t exact;
    double sum, magnitude;
} sums;

/* The element of x under a tap; false outside of the image. */
static bool input_at(const davit_gpu_product_params *p, int m, int tap, size_t *at)
{
    int image = m / (p->out_h * p->out_w);
    int y = m / p->out_w % p->out_h * p->stride_h - p->pad_top;
    int x = m % p->out_w * p->stride_w - p->pad_left;
    y += tap / p->kernel_w * p->dilation_h;
    x += tap % p->kernel_w * p->dilation_w;
    *at = (size_t)((image * p->in_h + y) * p->in_w + x) * (size_t)p->in_c;
    return y >= 0 && y < p->in_h && x >= 0 && x < p->in_w;
}

static sums sum_of(const product_case *c, int m, int o)
{
    const davit_gpu_product_params *p = &c->p;
    sums s = {0, 0, 0};
    for (int tap = 0; tap < p->kernel_h * p->kernel_w; tap++) {
        size_t at;
        if (!input_at(p, m, tap, &at)) {
            continue;
        }
        at += (size_t)(o / p->group_out * p->group_in);
        for (int channel = 0; channel < p->group_in; channel++) {
            size_t w = weight_at(p, o, tap, channel);
            if (c->s8) {
                uint8_t byte = ((const uint8_t *)c->x)[at + (size_t)channel];
                int value = p->x_flip ? byte - (p->x_zero + 128) : (int8_t)byte - p->x_zero;
                s.exact += value * ((const int8_t *)c->w)[w];
            } else {
                double term = (double)((const float *)c->x)[at + (size_t)channel] *
                              (double)((const float *)c->w)[w];
                s.sum += term;
                s.magnitude += fabs(term);
            }
        }
    }
    return s;
}

static void expect_bytes(product_case *c)
{
    const davit_gpu_product_params *p = &c->p;
    davit_requantization r = {
        .result = {.dtype = p->y_unsigned ? DAVIT_U8 : DAVIT_S8,
                   .zero = p->y_zero,
                   .low = p->low,
                   .high = p->high},
        .channels = c->channels,
        .scale = c->scale,
        .bias = c->bias,
        .residual_dtype = c->residual == NULL     ? DAVIT_DTYPE_NONE
                          : p->residual_unsigned ? DAVIT_U8
                                                 : DAVIT_S8,
        .residual_zero = p->residual_zero,
        .residual_scale = c->residual == NULL ? 0.0f : p->residual_scale};
    for (int m = 0; m < p->m; m++) {
        for (int o = 0; o < p->out_c; o++) {
            size_t at = (size_t)m * c->channels + (size_t)o;
            int32_t previous = 0;
            if (c->residual != NULL) {
                previous = davit_load8(c->residual, r.residual_dtype, at) - p->residual_zero;
            }
            davit_store8(c->expected, at,
                         davit_requantize_one(&r, (size_t)o, sum_of(c, m, o).exact, previous));
        }
    }
}

static void expect_f32(product_case *c)
{
    const davit_gpu_product_params *p = &c->p;
    for (int m = 0; m < p->m; m++) {
        for (int o = 0; o < p->out_c; o++) {
            size_t at = (size_t)m * c->channels + (size_t)o;
            sums s = sum_of(c, m, o);
            double t = s.sum + (c->bias != NULL ? (double)c->bias[o] : 0.0);
            double residual = c->residual != NULL ? (double)((float *)c->residual)[at] : 0.0;
            t += p->residual_last ? 0.0 : residual;
            t = p->activation == 0 && t < 0.0 ? 0.0 : t;
            t += p->residual_last ? residual : 0.0;
            ((float *)c->expected)[at] = (float)t;
            c->weight[at] = s.magnitude + fabs(residual) +
                            (c->bias != NULL ? fabs((double)c->bias[o]) : 0.0);
        }
    }
}

/* ---- cases ---- */

static void pick_shape(product_case *c, product_kind kind, uint64_t *seed, size_t operations)
{
    do {
        c->p = (davit_gpu_product_params){0};
        if (kind != PRODUCT_DEPTHWISE && below(seed, 4) == 0) {
            pick_matrix(&c->p, seed);
        } else {
            pick_convolution(&c->p, kind, seed);
        }
        finish_shape(c);
    } while ((size_t)c->p.m * (size_t)c->p.out_c * (size_t)c->p.k > operations ||
             (kind == PRODUCT_PADDED && c->p.n_padded == 1));
}

void product_case_make(product_case *c, product_kind kind, bool s8, uint64_t seed,
                       size_t operations)
{
    *c = (product_case){.s8 = s8};
    pick_shape(c, kind, &seed, operations);
    size_t elements = (size_t)c->p.m * c->channels;
    c->x = guarded_alloc(c->x_bytes);
    c->w = guarded_alloc(c->w_bytes);
    c->y = guarded_alloc(c->y_bytes);
    c->bias = guarded_alloc(c->channels * sizeof(float));
    c->scale = guarded_alloc(c->channels * sizeof(float));
    c->correction = guarded_alloc(c->channels * sizeof(int32_t));
    c->residual = guarded_alloc(c->y_bytes);
    c->expected = malloc(c->y_bytes);
    c->weight = malloc(elements * sizeof(double));
    pick_bytes(c, &seed);
    c->p.activation = below(&seed, 2) - 1;
    c->p.residual_last = below(&seed, 2);
    fill_random(c, c->x, c->x_bytes, &seed);
    fill_random(c, c->residual, c->y_bytes, &seed);
    fill_weights(c, &seed);
    if (below(&seed, 2) != 0) {
        guarded_free(c->residual, c->y_bytes);
        c->residual = NULL;
    }
    if (below(&seed, 4) == 0) {
        guarded_free(c->bias, c->channels * sizeof(float));
        c->bias = NULL;
    }
    if (s8) {
        expect_bytes(c);
    } else {
        expect_f32(c);
    }
}

void product_case_free(product_case *c)
{
    guarded_free(c->x, c->x_bytes);
    guarded_free(c->w, c->w_bytes);
    guarded_free(c->y, c->y_bytes);
    if (c->bias != NULL) {
        guarded_free(c->bias, c->channels * sizeof(float));
    }
    guarded_free(c->scale, c->channels * sizeof(float));
    guarded_free(c->correction, c->channels * sizeof(int32_t));
    if (c->residual != NULL) {
        guarded_free(c->residual, c->y_bytes);
    }
    free(c->expected);
    free(c->weight);
}

void product_case_text(const product_case *c, char *text, size_t bytes)
{
    const davit_gpu_product_params *p = &c->p;
    snprintf(text, bytes,
             "%s images %d in %dx%dx%d out %dx%dx%d kernel %dx%d stride %dx%d pad %d,%d dilation "
             "%dx%d groups %d%s%s flip %d zero %d",
             c->s8 ? "s8" : "f32", p->images, p->in_h, p->in_w, p->in_c, p->out_h, p->out_w,
             p->out_c, p->kernel_h, p->kernel_w, p->stride_h, p->stride_w, p->pad_top, p->pad_left,
             p->dilation_h, p->dilation_w, p->groups, c->residual != NULL ? " residual" : "",
             c->bias != NULL ? " bias" : "", p->x_flip, p->x_zero);
}

size_t product_case_compare(const product_case *c, double relative, size_t *first)
{
    size_t wrong = 0;
    size_t count = (size_t)c->p.m * c->channels;
    for (size_t i = 0; i < count; i++) {
        bool same = c->s8 ? ((const uint8_t *)c->y)[i] == ((const uint8_t *)c->expected)[i]
                          : fabs((double)((const float *)c->y)[i] -
                                 (double)((const float *)c->expected)[i]) <=
                                relative * c->weight[i];
        if (!same && wrong++ == 0) {
            *first = i;
        }
    }
    return wrong;
}
