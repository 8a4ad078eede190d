/* Random depthwise convolutions, poolings and additions on vector_s8. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_case.h"
#include "engine_memory.h"

/* One call: shape, values, everything in memory, and the prepared forms of host/core. */
typedef struct vector_case {
    davit_vector_shape shape;
    davit_vector_layout layout;
    davit_vector_values values;
    davit_quant8 x, second;
    davit_result_spec result;
    bool counted;
    davit_rescale averages[DAVIT_VECTOR_FACTORS];
    float factors[DAVIT_VECTOR_FACTORS];
    davit_requantization requantization;
    davit_addition addition;
    float *scale, *bias;
    int8_t *weights;
    engine_buffer a, b, p, c, e;
} vector_case;

static uint32_t extent_out(engine_random *random, uint32_t in, uint32_t kernel, uint32_t stride,
                           uint32_t dilation, uint32_t pad)
{
    uint32_t reach = (kernel - 1) * dilation + 1;
    uint32_t padded = in + pad + engine_draw(random, reach);
    return padded < reach ? 0 : (padded - reach) / stride + 1;
}

static void draw_shape(engine_random *random, davit_vector_shape *s)
{
    *s = (davit_vector_shape){.kind = (davit_vector_kind)engine_draw(random, 4), .images = 1};
    if (s->kind == DAVIT_VECTOR_ADDITION) {
        s->in_h = s->in_w = s->out_h = s->out_w = 1;
        s->kernel_h = s->kernel_w = s->stride_h = s->stride_w = s->dilation_h = s->dilation_w = 1;
        s->channels = 1 + engine_draw(random, engine_chance(random, 3) ? 700000 : 5000);
        return;
    }
    s->images = engine_chance(random, 25) ? 1 + engine_draw(random, 3) : 1;
    s->in_h = 1 + engine_draw(random, 20);
    s->in_w = 1 + engine_draw(random, engine_chance(random, 4) ? 1500 : 20);
    s->channels = 1 + engine_draw(random, engine_chance(random, 20) ? 700 : 140);
    s->kernel_h = 1 + engine_draw(random, 5);
    s->kernel_w = engine_chance(random, 60) ? s->kernel_h : 1 + engine_draw(random, 5);
    s->stride_h = 1 + engine_draw(random, 3);
    s->stride_w = engine_chance(random, 70) ? s->stride_h : 1 + engine_draw(random, 3);
    s->dilation_h = engine_chance(random, 80) ? 1 : 1 + engine_draw(random, 3);
    s->dilation_w = engine_chance(random, 80) ? 1 : 1 + engine_draw(random, 3);
    s->pad_top = engine_draw(random, (s->kernel_h - 1) * s->dilation_h + 1);
    s->pad_left = engine_draw(random, (s->kernel_w - 1) * s->dilation_w + 1);
    s->out_h = extent_out(random, s->in_h, s->kernel_h, s->stride_h, s->dilation_h, s->pad_top);
    s->out_w = extent_out(random, s->in_w, s->kernel_w, s->stride_w, s->dilation_w, s->pad_left);
}

/* Calls `each` for the elements of a window that are in the input; returns how many. */
typedef void window_element(void *state, size_t at, uint32_t tap);

static uint32_t walk(const davit_vector_shape *s, const uint32_t pixel[3], uint32_t channel,
                     window_element *each, void *state)
{
    uint32_t inside = 0;
    for (uint32_t ky = 0; ky < s->kernel_h; ky++) {
        for (uint32_t kx = 0; kx < s->kernel_w; kx++) {
            int64_t iy = (int64_t)pixel[1] * s->stride_h + ky * s->dilation_h - s->pad_top;
            int64_t ix = (int64_t)pixel[2] * s->stride_w + kx * s->dilation_w - s->pad_left;
            if (iy < 0 || iy >= s->in_h || ix < 0 || ix >= s->in_w) {
                continue;
            }
            size_t row = (size_t)pixel[0] * s->in_h + (size_t)iy;
            inside++;
            if (each != NULL) {
                each(state, (row * s->in_w + (size_t)ix) * s->channels + channel,
                     ky * s->kernel_w + kx);
            }
        }
    }
    return inside;
}

static void draw_fitting(engine_random *random, vector_case *c)
{
    double work;
    do {
        draw_shape(random, &c->shape);
        work = (double)c->shape.images * c->shape.out_h * c->shape.out_w * c->shape.channels *
               c->shape.kernel_h * c->shape.kernel_w;
    } while (work > 2e6 || davit_vector_plan(&c->shape, &c->layout) != NULL);
}

static davit_quant8 draw_type(engine_random *random, float near)
{
    bool u8 = engine_chance(random, 50);
    float scale = near * (0.5f + (float)engine_draw(random, 1000) / 1000.0f);
    int32_t zero = u8 ? engine_range(random, 0, 255) : engine_range(random, -128, 127);
    return (davit_quant8){u8 ? DAVIT_U8 : DAVIT_S8, scale, zero};
}

static bool prepare_depthwise(engine_random *random, vector_case *c, davit_reason *reason)
{
    size_t n = c->shape.channels;
    c->weights = malloc(n * c->layout.taps);
    c->scale = malloc(n * sizeof(float));
    c->bias = malloc(n * sizeof(float));
    float *w_scale = malloc(n * sizeof(float));
    int32_t *bias = malloc(n * sizeof(int32_t));
    bool extreme = engine_chance(random, 15);
    for (size_t i = 0; i < n * c->layout.taps; i++) {
        c->weights[i] = (int8_t)(extreme ? -128 : engine_range(random, -128, 127));
    }
    for (size_t i = 0; i < n; i++) {
        w_scale[i] = (0.5f + (float)engine_draw(random, 1000) / 1000.0f) / 200.0f;
        bias[i] = engine_range(random, -9000, 9000);
    }
    davit_requantization_spec spec = {.result = c->result,
                                      .channels = n,
                                      .x_scale = c->x.scale,
                                      .w_scale = w_scale,
                                      .w_scale_count = n,
                                      .bias = bias,
                                      .bias_count = n};
    bool fine = davit_requantization_prepare(&spec, c->scale, c->bias, &c->requantization,
                                             reason) == DAVIT_OK;
    free(w_scale);
    free(bias);
    c->values.weights = c->weights;
    c->values.scale = c->scale;
    c->values.bias = c->bias;
    c->values.low = c->requantization.result.low;
    c->values.high = c->requantization.result.high;
    return fine;
}

/* Factors by number of taps, or one where the padding counts. Every window needs an element. */
static bool prepare_average(engine_random *random, vector_case *c, davit_reason *reason)
{
    c->counted = c->layout.taps < DAVIT_VECTOR_FACTORS && engine_chance(random, 70);
    c->values.factor_count = c->counted ? c->layout.taps + 1 : 1;
    for (uint32_t i = 0; i < c->values.factor_count; i++) {
        int64_t divisor = c->counted ? i : c->layout.taps;
        if (davit_average_prepare(&c->x, &c->result, divisor, &c->averages[i], reason) !=
            DAVIT_OK) {
            return false;
        }
        c->factors[i] = c->averages[i].scale;
    }
    c->values.factors = c->factors;
    c->values.low = c->averages[0].result.low;
    c->values.high = c->averages[0].result.high;
    return true;
}

static bool prepare(engine_random *random, vector_case *c)
{
    davit_reason reason;
    c->values.a_u8 = c->x.dtype == DAVIT_U8;
    c->values.b_u8 = c->second.dtype == DAVIT_U8;
    c->values.c_u8 = c->result.type.dtype == DAVIT_U8;
    c->values.a_zero = c->x.zero;
    c->values.b_zero = c->second.zero;
    c->values.c_zero = c->result.type.zero;
    switch (c->shape.kind) {
    case DAVIT_VECTOR_DEPTHWISE:
        return prepare_depthwise(random, c, &reason);
    case DAVIT_VECTOR_AVERAGE:
        return prepare_average(random, c, &reason);
    case DAVIT_VECTOR_MAXIMUM:
        c->values.c_u8 = c->values.a_u8;
        return true;
    case DAVIT_VECTOR_ADDITION:
        break;
    }
    if (davit_addition_prepare(&c->x, &c->second, &c->result, &c->addition, &reason) != DAVIT_OK) {
        return false;
    }
    c->values.a_scale = c->addition.a_scale;
    c->values.b_scale = c->addition.b_scale;
    c->values.low = c->addition.result.low;
    c->values.high = c->addition.result.high;
    return true;
}

static void fill(engine_random *random, engine_buffer *buffer, size_t bytes)
{
    bool extreme = engine_chance(random, 10);
    for (size_t i = 0; i < bytes; i++) {
        buffer->data[i] = (uint8_t)(extreme ? 0x80 : engine_draw(random, 256));
    }
}

/* ---- what it must give ---- */

typedef struct window_sum {
    const vector_case *c;
    uint32_t channel;
    int64_t sum;
    int32_t greatest;
} window_sum;

static void add_element(void *state, size_t at, uint32_t tap)
{
    window_sum *w = state;
    int32_t q = davit_load8(w->c->a.data, w->c->x.dtype, at);
    int32_t weight =
        w->c->weights != NULL ? w->c->weights[(size_t)w->channel * w->c->layout.taps + tap] : 1;
    w->sum += (int64_t)(q - w->c->x.zero) * weight;
    w->greatest = q > w->greatest ? q : w->greatest;
}

static int32_t expected_at(const vector_case *c, const uint32_t pixel[3], uint32_t channel,
                           bool *defined)
{
    window_sum w = {c, channel, 0, -128};
    uint32_t inside = walk(&c->shape, pixel, channel, add_element, &w);
    if (c->shape.kind == DAVIT_VECTOR_DEPTHWISE) {
        return davit_requantize_one(&c->requantization, channel, w.sum, 0);
    }
    if (c->shape.kind == DAVIT_VECTOR_AVERAGE) {
        return davit_rescale_one(&c->averages[c->counted ? inside : 0], w.sum);
    }
    *defined = inside > 0;
    return w.greatest;
}

/* True when a byte is as it must be; a maximum of no elements may be anything. */
static bool pixel_is_right(const vector_case *c, const uint32_t pixel[3], size_t *i)
{
    bool right = true;
    for (uint32_t channel = 0; channel < c->shape.channels; channel++, (*i)++) {
        bool defined = true;
        int32_t q = expected_at(c, pixel, channel, &defined);
        right = right && (!defined || c->c.data[*i] == (uint8_t)q);
    }
    return right;
}

static bool result_is_right(const vector_case *c)
{
    const davit_vector_shape *s = &c->shape;
    size_t i = 0;
    bool right = true;
    if (s->kind == DAVIT_VECTOR_ADDITION) {
        for (; i < s->channels; i++) {
            int32_t qa = davit_load8(c->a.data, c->x.dtype, i);
            int32_t qb = davit_load8(c->b.data, c->second.dtype, i);
            right = right && c->c.data[i] == (uint8_t)davit_add_one(&c->addition, qa, qb);
        }
        return right;
    }
    for (uint32_t image = 0; image < s->images; image++) {
        for (uint32_t y = 0; y < s->out_h; y++) {
            for (uint32_t x = 0; x < s->out_w; x++) {
                const uint32_t pixel[3] = {image, y, x};
                right = pixel_is_right(c, pixel, &i) && right;
            }
        }
    }
    return right;
}

static const char *run(engine_random *random, vector_case *c)
{
    size_t a_bytes = (size_t)c->shape.images * c->shape.in_h * c->shape.in_w * c->shape.channels;
    c->a = engine_alloc(a_bytes, 0x5a);
    c->b = engine_alloc((size_t)c->layout.b_words * DAVIT_ENGINE_WORD, 0x5a);
    c->p = engine_alloc((size_t)c->layout.parameter_words * DAVIT_ENGINE_WORD, 0);
    c->c = engine_alloc((size_t)c->layout.result_words * DAVIT_ENGINE_WORD, 0xee);
    c->e = engine_alloc(DAVIT_ENGINE_WORD, 0);
    c->values.tag = engine_draw(random, UINT32_MAX);
    fill(random, &c->a, a_bytes);
    if (c->shape.kind == DAVIT_VECTOR_ADDITION) {
        fill(random, &c->b, a_bytes);
    } else if (c->shape.kind == DAVIT_VECTOR_DEPTHWISE) {
        davit_vector_pack_weights(&c->shape, &c->layout, c->weights, c->b.data);
    }
    davit_vector_pack_parameters(&c->shape, &c->layout, &c->values, c->p.data);
    vector_s8(c->a.data, c->b.data, c->p.data, c->c.data, c->e.data);
    const char *wrong = engine_simulation_error();
    if (wrong == NULL && !result_is_right(c)) {
        wrong = "wrong bytes";
    }
    if (wrong == NULL && !engine_end_is_right(&c->e, DAVIT_VECTOR_MAGIC, c->values.tag, &c->c)) {
        wrong = "wrong end word";
    }
    engine_buffer *buffers[] = {&c->a, &c->b, &c->p, &c->c, &c->e};
    for (size_t i = 0; i < sizeof(buffers) / sizeof(buffers[0]); i++) {
        if (!engine_free(buffers[i]) && wrong == NULL) {
            wrong = "written behind a buffer";
        }
    }
    return wrong;
}

const char *engine_random_vector(uint64_t seed, uint64_t index, char *shape)
{
    static const char *const names[] = {"depthwise", "maximum", "average", "addition"};
    engine_random random = engine_random_of(seed, index);
    vector_case c = {0};
    draw_fitting(&random, &c);
    const davit_vector_shape *s = &c.shape;
    c.x = draw_type(&random, 1.0f);
    c.second = draw_type(&random, 1.0f);
    c.result = (davit_result_spec){draw_type(&random, 1.5f), -INFINITY, INFINITY};
    if (engine_chance(&random, 40)) {
        c.result.low = 0.0f;
        c.result.high = engine_chance(&random, 50) ? 90.0f : INFINITY;
    }
    const char *wrong = prepare(&random, &c) ? NULL : "cannot be prepared";
    snprintf(
        shape, 256,
        "%s images %u in %ux%ux%u kernel %ux%u stride %u,%u dilation %u,%u pad %u,%u out %ux%u",
        names[s->kind], s->images, s->in_h, s->in_w, s->channels, s->kernel_h, s->kernel_w,
        s->stride_h, s->stride_w, s->dilation_h, s->dilation_w, s->pad_top, s->pad_left, s->out_h,
        s->out_w);
    if (wrong == NULL) {
        wrong = run(&random, &c);
    }
    free(c.weights);
    free(c.scale);
    free(c.bias);
    return wrong;
}
