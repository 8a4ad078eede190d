/* Weights and parameter blocks of gemm_s8. */
#include <string.h>

#include "davit/engine_abi.h"

#include "extent.h"

static uint32_t float_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

/* The k-th byte of a channel's sum: weights of segments, each padded to whole steps. */
static int8_t weight_at(const davit_gemm_geometry *g, const davit_gemm_shape *s,
                        const davit_gemm_layout *l, const int8_t *channel, uint32_t k)
{
    uint32_t padded = davit_ceil_div(l->segment_bytes, g->depth) * g->depth;
    uint32_t segment = k / padded;
    uint32_t byte = k % padded;
    if (byte >= l->segment_bytes) {
        return 0;
    }
    uint32_t ky = segment / l->segments_x;
    uint32_t kx = segment % l->segments_x + byte / s->channels;
    uint32_t c = byte % s->channels;
    return channel[(c * (size_t)s->kernel_h + ky) * s->kernel_w + kx];
}

void davit_gemm_pack_weights(const davit_gemm_geometry *g, const davit_gemm_shape *s,
                             const davit_gemm_layout *l, const int8_t *weights, void *out)
{
    int8_t *to = (int8_t *)out;
    size_t per_channel = (size_t)s->channels * s->kernel_h * s->kernel_w;
    memset(out, 0, (size_t)l->weight_words * DAVIT_ENGINE_WORD);
    for (uint32_t o = 0; o < s->columns; o++) {
        uint32_t tile = o / g->columns;
        uint32_t column = o % g->columns;
        for (uint32_t k = 0; k < l->k_steps * g->depth; k++) {
            size_t step = (size_t)tile * l->k_steps + k / g->depth;
            to[(step * g->columns + column) * g->depth + k % g->depth] =
                weight_at(g, s, l, weights + o * per_channel, k);
        }
    }
}

static uint32_t flags_of(const davit_gemm_shape *s, const davit_gemm_layout *l,
                         const davit_gemm_values *v)
{
    return (v->a_u8 ? DAVIT_ENGINE_A_U8 : 0u) | (v->c_u8 ? DAVIT_ENGINE_C_U8 : 0u) |
           (s->residual ? DAVIT_ENGINE_RESIDUAL : 0u) |
           (s->residual && v->residual_u8 ? DAVIT_ENGINE_RESIDUAL_U8 : 0u) |
           (l->resident ? DAVIT_ENGINE_RESIDENT : 0u);
}

static void fill_shape(const davit_gemm_geometry *g, const davit_gemm_shape *s,
                       const davit_gemm_layout *l, uint32_t *d)
{
    d[DAVIT_GEMM_F_MAGIC] = DAVIT_GEMM_MAGIC;
    d[DAVIT_GEMM_F_IMAGES] = s->images;
    d[DAVIT_GEMM_F_IN_H] = s->in_h;
    d[DAVIT_GEMM_F_ROW_BYTES] = s->in_w * s->channels;
    d[DAVIT_GEMM_F_OUT_H] = s->out_h;
    d[DAVIT_GEMM_F_OUT_W] = s->out_w;
    d[DAVIT_GEMM_F_SEGMENTS_Y] = l->segments_y;
    d[DAVIT_GEMM_F_SEGMENTS_X] = l->segments_x;
    d[DAVIT_GEMM_F_SEGMENT_BYTES] = l->segment_bytes;
    d[DAVIT_GEMM_F_SEGMENT_STEP_Y] = s->dilation_h;
    d[DAVIT_GEMM_F_SEGMENT_STEP_X] = s->dilation_w * s->channels;
    d[DAVIT_GEMM_F_STRIDE_Y] = s->stride_h;
    d[DAVIT_GEMM_F_STRIDE_X] = s->stride_w * s->channels;
    d[DAVIT_GEMM_F_PAD_TOP] = s->pad_top;
    d[DAVIT_GEMM_F_PAD_LEFT] = s->pad_left * s->channels;
    d[DAVIT_GEMM_F_K_STEPS] = l->k_steps;
    d[DAVIT_GEMM_F_N] = s->columns;
    d[DAVIT_GEMM_F_N_TILES] = l->n_tiles;
    d[DAVIT_GEMM_F_PANEL_TILES] = l->panel_tiles;
    d[DAVIT_GEMM_F_PANELS] = l->panels;
    d[DAVIT_GEMM_F_M] = l->m;
    d[DAVIT_GEMM_F_M_TILES] = l->m_tiles;
    d[DAVIT_GEMM_F_A_WORDS] = l->a_words;
    d[DAVIT_GEMM_F_GEOMETRY] = g->rows | g->columns << 8 | g->depth << 16;
}

static int32_t sum_of(const int8_t *weights, size_t count)
{
    int32_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += weights[i];
    }
    return sum;
}

void davit_gemm_pack_parameters(const davit_gemm_geometry *g, const davit_gemm_shape *s,
                                const davit_gemm_layout *l, const davit_gemm_values *v, void *out)
{
    uint32_t *d = (uint32_t *)out;
    int32_t zero = davit_shifted_zero(v->a_u8, v->a_zero);
    memset(out, 0, (size_t)l->parameter_words * DAVIT_ENGINE_WORD);
    fill_shape(g, s, l, d);
    d[DAVIT_GEMM_F_FLAGS] = flags_of(s, l, v);
    d[DAVIT_GEMM_F_PAD_BYTE] = (uint32_t)zero & 0xffu;
    d[DAVIT_GEMM_F_RESIDUAL_ZERO] = s->residual ? (uint32_t)v->residual_zero : 0u;
    d[DAVIT_GEMM_F_RESIDUAL_SCALE] = s->residual ? float_bits(v->residual_scale) : 0u;
    d[DAVIT_GEMM_F_LOW] = float_bits(v->low);
    d[DAVIT_GEMM_F_HIGH] = float_bits(v->high);
    d[DAVIT_GEMM_F_ZERO] = float_bits((float)v->c_zero);
    d[DAVIT_GEMM_F_TAG] = v->tag;
    size_t per_channel = (size_t)s->channels * s->kernel_h * s->kernel_w;
    for (uint32_t o = 0; o < s->columns; o++) {
        uint32_t *tile = d + DAVIT_ENGINE_DESCRIPTOR + (size_t)(o / g->columns) * g->columns * 3;
        uint32_t column = o % g->columns;
        tile[column] = (uint32_t)(-zero * sum_of(v->weights + o * per_channel, per_channel));
        tile[g->columns + column] = float_bits(v->bias != NULL ? v->bias[o] : 0.0f);
        tile[2 * g->columns + column] = float_bits(v->scale[o]);
    }
}
