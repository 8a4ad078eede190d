/* Layouts and parameter blocks of vector_s8. */
#include <stddef.h>
#include <string.h>

#include "davit/engine_abi.h"

#include "extent.h"

static const char *check_shape(const davit_vector_shape *s)
{
    const davit_extent y = {s->in_h, s->kernel_h, s->stride_h, s->dilation_h, s->pad_top, s->out_h};
    const davit_extent x = {s->in_w,       s->kernel_w, s->stride_w,
                            s->dilation_w, s->pad_left, s->out_w};
    if (s->images == 0 || s->channels == 0) {
        return "an extent is 0";
    }
    const char *why = davit_extent_check(&y);
    if (why == NULL) {
        why = davit_extent_check(&x);
    }
    if (why != NULL) {
        return why;
    }
    if (!davit_extent_bytes_fit(s->images, s->in_h, s->in_w, s->channels) ||
        !davit_extent_bytes_fit(s->images, s->out_h, s->out_w, s->channels)) {
        return "a tensor or a window is larger than 128 MiB";
    }
    return NULL;
}

/* The words that one pixel's window spans, and the step to the next image or row. */
static const char *check_map(const davit_vector_shape *s, const davit_vector_layout *l)
{
    uint64_t row_bytes = (uint64_t)s->in_w * s->channels;
    uint64_t rows = (uint64_t)(s->kernel_h - 1) * s->dilation_h + 1;
    if (s->kind == DAVIT_VECTOR_ADDITION || l->a_words <= DAVIT_VECTOR_MAP_WORDS) {
        return NULL;
    }
    if (davit_words(rows * row_bytes) + 4 > DAVIT_VECTOR_MAP_WORDS) {
        return "the rows that a window needs do not fit the feature map buffer";
    }
    return NULL;
}

static uint32_t table_words(const davit_vector_shape *s, const davit_vector_layout *l)
{
    switch (s->kind) {
    case DAVIT_VECTOR_DEPTHWISE:
        return l->blocks * 12;
    case DAVIT_VECTOR_AVERAGE:
        return DAVIT_VECTOR_FACTORS * (uint32_t)sizeof(float) / DAVIT_ENGINE_WORD;
    case DAVIT_VECTOR_MAXIMUM:
    case DAVIT_VECTOR_ADDITION:
        break;
    }
    return 0;
}

const char *davit_vector_plan(const davit_vector_shape *s, davit_vector_layout *out)
{
    const char *why = check_shape(s);
    if (why != NULL) {
        return why;
    }
    uint64_t in_bytes = (uint64_t)s->images * s->in_h * s->in_w * s->channels;
    davit_vector_layout made = {.blocks = davit_ceil_div(s->channels, DAVIT_VECTOR_LANES),
                                .pixels = s->images * s->out_h * s->out_w,
                                .a_words = (uint32_t)davit_words(in_bytes)};
    uint64_t taps = (uint64_t)s->kernel_h * s->kernel_w;
    if (taps > 65535) {
        return "a window of more than 65,535 elements";
    }
    made.taps = (uint32_t)taps;
    why = check_map(s, &made);
    if (why != NULL) {
        return why;
    }
    if (s->kind == DAVIT_VECTOR_DEPTHWISE) {
        if (made.blocks > DAVIT_VECTOR_BLOCKS ||
            (uint64_t)made.blocks * taps > DAVIT_VECTOR_WEIGHT_WORDS) {
            return "the weights of a depthwise convolution do not fit the engine";
        }
        made.b_words = made.blocks * made.taps;
    } else if (s->kind == DAVIT_VECTOR_ADDITION) {
        made.b_words = made.a_words;
    }
    made.parameter_words = 2 + table_words(s, &made);
    made.result_words = (uint32_t)davit_words((uint64_t)made.pixels * s->channels);
    *out = made;
    return NULL;
}

void davit_vector_pack_weights(const davit_vector_shape *s, const davit_vector_layout *l,
                               const int8_t *weights, void *out)
{
    int8_t *to = (int8_t *)out;
    memset(out, 0, (size_t)l->b_words * DAVIT_ENGINE_WORD);
    for (uint32_t c = 0; c < s->channels; c++) {
        for (uint32_t tap = 0; tap < l->taps; tap++) {
            size_t word = (size_t)(c / DAVIT_VECTOR_LANES) * l->taps + tap;
            to[word * DAVIT_VECTOR_LANES + c % DAVIT_VECTOR_LANES] =
                weights[(size_t)c * l->taps + tap];
        }
    }
}

static uint32_t float_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static void fill_shape(const davit_vector_shape *s, const davit_vector_layout *l, uint32_t *d)
{
    d[DAVIT_VECTOR_F_MAGIC] = DAVIT_VECTOR_MAGIC;
    d[DAVIT_VECTOR_F_KIND] = (uint32_t)s->kind;
    d[DAVIT_VECTOR_F_IMAGES] = s->images;
    d[DAVIT_VECTOR_F_IN_H] = s->in_h;
    d[DAVIT_VECTOR_F_ROW_BYTES] = s->in_w * s->channels;
    d[DAVIT_VECTOR_F_CHANNELS] = s->channels;
    d[DAVIT_VECTOR_F_OUT_H] = s->out_h;
    d[DAVIT_VECTOR_F_OUT_W] = s->out_w;
    d[DAVIT_VECTOR_F_KERNEL_H] = s->kernel_h;
    d[DAVIT_VECTOR_F_KERNEL_W] = s->kernel_w;
    d[DAVIT_VECTOR_F_STEP_Y] = s->dilation_h;
    d[DAVIT_VECTOR_F_STEP_X] = s->dilation_w * s->channels;
    d[DAVIT_VECTOR_F_STRIDE_Y] = s->stride_h;
    d[DAVIT_VECTOR_F_STRIDE_X] = s->stride_w * s->channels;
    d[DAVIT_VECTOR_F_PAD_TOP] = s->pad_top;
    d[DAVIT_VECTOR_F_PAD_LEFT] = s->pad_left * s->channels;
    d[DAVIT_VECTOR_F_BLOCKS] = l->blocks;
    d[DAVIT_VECTOR_F_PIXELS] = l->pixels;
    d[DAVIT_VECTOR_F_A_WORDS] = l->a_words;
    d[DAVIT_VECTOR_F_B_WORDS] = l->b_words;
    d[DAVIT_VECTOR_F_TABLE_WORDS] = l->parameter_words - 2;
}

static void fill_depthwise(const davit_vector_shape *s, const davit_vector_layout *l,
                           const davit_vector_values *v, int32_t zero, uint32_t *table)
{
    for (uint32_t c = 0; c < s->channels; c++) {
        uint32_t *block = table + (size_t)(c / DAVIT_VECTOR_LANES) * DAVIT_VECTOR_LANES * 3;
        uint32_t lane = c % DAVIT_VECTOR_LANES;
        int32_t sum = 0;
        for (uint32_t tap = 0; tap < l->taps; tap++) {
            sum += v->weights[(size_t)c * l->taps + tap];
        }
        block[lane] = (uint32_t)(-zero * sum);
        block[DAVIT_VECTOR_LANES + lane] = float_bits(v->bias != NULL ? v->bias[c] : 0.0f);
        block[2 * DAVIT_VECTOR_LANES + lane] = float_bits(v->scale[c]);
    }
}

void davit_vector_pack_parameters(const davit_vector_shape *s, const davit_vector_layout *l,
                                  const davit_vector_values *v, void *out)
{
    uint32_t *d = (uint32_t *)out;
    int32_t zero = davit_shifted_zero(v->a_u8, v->a_zero);
    int32_t pad = s->kind == DAVIT_VECTOR_MAXIMUM ? -128 : zero;
    bool counted = s->kind == DAVIT_VECTOR_AVERAGE && v->factor_count > 1;
    memset(out, 0, (size_t)l->parameter_words * DAVIT_ENGINE_WORD);
    fill_shape(s, l, d);
    d[DAVIT_VECTOR_F_FLAGS] =
        (v->a_u8 ? DAVIT_ENGINE_A_U8 : 0u) | (v->b_u8 ? DAVIT_ENGINE_RESIDUAL_U8 : 0u) |
        (v->c_u8 ? DAVIT_ENGINE_C_U8 : 0u) | (counted ? DAVIT_ENGINE_COUNTED : 0u);
    d[DAVIT_VECTOR_F_PAD_BYTE] = (uint32_t)pad & 0xffu;
    d[DAVIT_VECTOR_F_CORRECTION] = (uint32_t)(-zero * (int32_t)l->taps);
    d[DAVIT_VECTOR_F_A_ZERO] = (uint32_t)zero;
    d[DAVIT_VECTOR_F_B_ZERO] = (uint32_t)davit_shifted_zero(v->b_u8, v->b_zero);
    d[DAVIT_VECTOR_F_A_SCALE] = float_bits(v->a_scale);
    d[DAVIT_VECTOR_F_B_SCALE] = float_bits(v->b_scale);
    d[DAVIT_VECTOR_F_LOW] = float_bits(v->low);
    d[DAVIT_VECTOR_F_HIGH] = float_bits(v->high);
    d[DAVIT_VECTOR_F_ZERO] = float_bits((float)v->c_zero);
    d[DAVIT_VECTOR_F_TAG] = v->tag;
    if (s->kind == DAVIT_VECTOR_DEPTHWISE) {
        fill_depthwise(s, l, v, zero, d + DAVIT_ENGINE_DESCRIPTOR);
    } else if (s->kind == DAVIT_VECTOR_AVERAGE) {
        memcpy(d + DAVIT_ENGINE_DESCRIPTOR, v->factors, v->factor_count * sizeof(float));
    }
}
