/* Random convolutions and matrix products on gemm_s8. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_case.h"
#include "engine_memory.h"

const davit_gemm_geometry engine_small_geometry = {.rows = 3,
                                                   .columns = 16,
                                                   .depth = 8,
                                                   .map_words = 64,
                                                   .tile_steps = 64,
                                                   .panel_steps = 64,
                                                   .panel_tiles = 8,
                                                   .table_tiles = 16};
static const davit_gemm_geometry full_geometry = DAVIT_GEMM_DEFAULT_GEOMETRY;

/* One call: shape, values and everything in memory. */
typedef struct gemm_case {
    bool small;
    davit_gemm_shape shape;
    davit_gemm_layout layout;
    davit_gemm_values values;
    davit_requantization requantization;
    float *scale, *bias;
    int8_t *weights;
    engine_buffer a, b, p, r, c, e;
    uint8_t *expected;
} gemm_case;

static uint32_t extent_out(engine_random *random, uint32_t in, uint32_t kernel, uint32_t stride,
                           uint32_t dilation, uint32_t pad)
{
    uint32_t reach = (kernel - 1) * dilation + 1;
    uint32_t end = engine_draw(random, reach); /* padding at the end */
    uint32_t padded = in + pad + end;
    return padded < reach ? 0 : (padded - reach) / stride + 1;
}

static davit_gemm_shape draw_convolution(engine_random *random, bool small)
{
    static const uint32_t channels[] = {1, 3, 4, 7, 8, 13, 16, 24, 32, 48, 64, 65, 96, 128};
    davit_gemm_shape s = {.images = engine_chance(random, 25) ? 1 + engine_draw(random, 3) : 1};
    uint32_t largest = small ? 12 : 30;
    s.in_h = 1 + engine_draw(random, largest);
    s.in_w = 1 + engine_draw(random, engine_chance(random, 30) ? 3 * largest : largest);
    s.channels = channels[engine_draw(random, small ? 11 : 14)];
    s.kernel_h = engine_chance(random, 40) ? 1 : 1 + engine_draw(random, 5);
    s.kernel_w = engine_chance(random, 40) ? s.kernel_h : 1 + engine_draw(random, 5);
    s.stride_h = 1 + engine_draw(random, 3);
    s.stride_w = engine_chance(random, 70) ? s.stride_h : 1 + engine_draw(random, 3);
    s.dilation_h = engine_chance(random, 80) ? 1 : 1 + engine_draw(random, 3);
    s.dilation_w = engine_chance(random, 80) ? 1 : 1 + engine_draw(random, 3);
    s.pad_top = engine_draw(random, (s.kernel_h - 1) * s.dilation_h + 1);
    s.pad_left = engine_draw(random, (s.kernel_w - 1) * s.dilation_w + 1);
    s.out_h = extent_out(random, s.in_h, s.kernel_h, s.stride_h, s.dilation_h, s.pad_top);
    s.out_w = extent_out(random, s.in_w, s.kernel_w, s.stride_w, s.dilation_w, s.pad_left);
    return s;
}

/* Too large for the small map, with padding on all sides. */
static davit_gemm_shape draw_streamed(engine_random *random)
{
    uint32_t kernel = 2 + engine_draw(random, 2);
    uint32_t stride = 1 + engine_draw(random, 2);
    davit_gemm_shape s = {.images = 1 + engine_draw(random, 2),
                          .in_h = 10 + engine_draw(random, 14),
                          .in_w = 12 + engine_draw(random, 16),
                          .channels = 8 * (1 + engine_draw(random, 3)),
                          .kernel_h = kernel,
                          .kernel_w = kernel,
                          .stride_h = stride,
                          .stride_w = stride,
                          .dilation_h = 1,
                          .dilation_w = 1,
                          .pad_top = 1,
                          .pad_left = 1};
    s.out_h = extent_out(random, s.in_h, kernel, stride, 1, 1);
    s.out_w = extent_out(random, s.in_w, kernel, stride, 1, 1);
    return s;
}

static davit_gemm_shape draw_shape(engine_random *random, bool small)
{
    davit_gemm_shape s;
    if (engine_chance(random, 30)) {
        s = davit_gemm_matrix(1 + engine_draw(random, small ? 40 : 90),
                              1 + engine_draw(random, small ? 500 : 1200), 0);
    } else if (small && engine_chance(random, 25)) {
        s = draw_streamed(random);
    } else {
        s = draw_convolution(random, small);
    }
    s.columns = engine_chance(random, 50) ? 64 * (1 + engine_draw(random, small ? 4 : 6))
                                          : 1 + engine_draw(random, small ? 120 : 200);
    s.residual = engine_chance(random, 40);
    return s;
}

/* A shape that fits the engine and is done soon. */
static void draw_fitting(engine_random *random, gemm_case *c)
{
    const davit_gemm_geometry *g = c->small ? &engine_small_geometry : &full_geometry;
    double work;
    do {
        c->shape = draw_shape(random, c->small);
        work = (double)c->shape.images * c->shape.out_h * c->shape.out_w * c->shape.columns *
               c->shape.channels * c->shape.kernel_h * c->shape.kernel_w;
    } while (work > 6e6 || davit_gemm_plan(g, &c->shape, &c->layout) != NULL);
}

/* Most values are any; some cases have only the greatest, which sum up furthest. */
static void draw_bytes(engine_random *random, uint8_t *bytes, size_t count)
{
    uint32_t kind = engine_draw(random, 10);
    for (size_t i = 0; i < count; i++) {
        uint8_t any = (uint8_t)engine_draw(random, 256);
        bytes[i] = kind == 0 ? 0x80 : kind == 1 ? (any & 1 ? 0x80 : 0x7f) : any;
    }
}

static float draw_scale(engine_random *random, double near)
{
    return (float)(near * (0.5 + engine_draw(random, 1000) / 1000.0));
}

static int32_t draw_zero(engine_random *random, bool u8)
{
    if (engine_chance(random, 20)) {
        return u8 ? 255 * (int32_t)engine_draw(random, 2)
                  : -128 + 255 * (int32_t)engine_draw(random, 2);
    }
    return u8 ? engine_range(random, 0, 255) : engine_range(random, -128, 127);
}

static bool prepare(engine_random *random, gemm_case *c, const int32_t *bias, const float *w_scale)
{
    bool c_u8 = engine_chance(random, 50);
    bool r_u8 = engine_chance(random, 50);
    davit_requantization_spec spec = {
        .result = {{c_u8 ? DAVIT_U8 : DAVIT_S8, 1.0f, draw_zero(random, c_u8)},
                   -INFINITY,
                   INFINITY},
        .channels = c->shape.columns,
        .x_scale = draw_scale(random, 1.0),
        .w_scale = w_scale,
        .w_scale_count = c->shape.columns,
        .bias = bias,
        .bias_count = bias != NULL ? c->shape.columns : 0,
        .residual = {c->shape.residual ? (r_u8 ? DAVIT_U8 : DAVIT_S8) : DAVIT_DTYPE_NONE,
                     draw_scale(random, 0.7), c->shape.residual ? draw_zero(random, r_u8) : 0}};
    if (engine_chance(random, 40)) {
        spec.result.low = 0.0f;
        spec.result.high = engine_chance(random, 50) ? 60.0f : INFINITY;
    }
    davit_reason reason;
    if (davit_requantization_prepare(&spec, c->scale, c->bias, &c->requantization, &reason) !=
        DAVIT_OK) {
        return false;
    }
    const davit_result *result = &c->requantization.result;
    c->values.c_u8 = c_u8;
    c->values.residual_u8 = r_u8;
    c->values.scale = c->scale;
    c->values.bias = c->requantization.bias;
    c->values.residual_zero = c->requantization.residual_zero;
    c->values.residual_scale = c->requantization.residual_scale;
    c->values.low = result->low;
    c->values.high = result->high;
    c->values.c_zero = result->zero;
    return true;
}

static bool draw_values(engine_random *random, gemm_case *c)
{
    const davit_gemm_shape *s = &c->shape;
    size_t k = (size_t)s->channels * s->kernel_h * s->kernel_w;
    size_t a_bytes = (size_t)s->images * s->in_h * s->in_w * s->channels;
    size_t c_bytes = (size_t)c->layout.m * s->columns;
    c->a = engine_alloc(a_bytes, 0x5a);
    c->r = engine_alloc(c_bytes, 0x5a);
    c->c = engine_alloc(c_bytes, 0xee);
    c->e = engine_alloc(DAVIT_ENGINE_WORD, 0);
    c->b = engine_alloc((size_t)c->layout.weight_words * DAVIT_ENGINE_WORD, 0);
    c->p = engine_alloc((size_t)c->layout.parameter_words * DAVIT_ENGINE_WORD, 0);
    c->weights = malloc(k * s->columns);
    c->expected = malloc(c_bytes);
    c->scale = malloc(s->columns * sizeof(float));
    c->bias = malloc(s->columns * sizeof(float));
    float *w_scale = malloc(s->columns * sizeof(float));
    int32_t *bias = malloc(s->columns * sizeof(int32_t));
    draw_bytes(random, c->a.data, a_bytes);
    draw_bytes(random, c->r.data, c_bytes);
    draw_bytes(random, (uint8_t *)c->weights, k * s->columns);
    c->values.a_u8 = engine_chance(random, 50);
    if (engine_chance(random, 5)) { /* the greatest products that there are */
        memset(c->a.data, c->values.a_u8 ? 0x00 : 0x80, a_bytes);
        memset(c->weights, 0x80, k * s->columns);
    }
    double spread = 60.0 / (5500.0 * (1.0 + 0.02 * (double)k)); /* results use the whole type */
    for (uint32_t o = 0; o < s->columns; o++) {
        w_scale[o] = draw_scale(random, spread);
        bias[o] = engine_range(random, -20000, 20000);
    }
    c->values.a_zero = draw_zero(random, c->values.a_u8);
    c->values.weights = c->weights;
    c->values.tag = engine_draw(random, UINT32_MAX);
    bool fine = prepare(random, c, engine_chance(random, 70) ? bias : NULL, w_scale);
    free(w_scale);
    free(bias);
    return fine;
}

/* The exact sum of one output. */
static int64_t sum_at(const gemm_case *c, uint32_t image, uint32_t y, uint32_t x, uint32_t o)
{
    const davit_gemm_shape *s = &c->shape;
    davit_dtype type = c->values.a_u8 ? DAVIT_U8 : DAVIT_S8;
    int64_t sum = 0;
    for (uint32_t ky = 0; ky < s->kernel_h; ky++) {
        for (uint32_t kx = 0; kx < s->kernel_w; kx++) {
            int64_t iy = (int64_t)y * s->stride_h + ky * s->dilation_h - s->pad_top;
            int64_t ix = (int64_t)x * s->stride_w + kx * s->dilation_w - s->pad_left;
            if (iy < 0 || iy >= s->in_h || ix < 0 || ix >= s->in_w) {
                continue;
            }
            size_t at =
                (((size_t)image * s->in_h + (size_t)iy) * s->in_w + (size_t)ix) * s->channels;
            for (uint32_t i = 0; i < s->channels; i++) {
                size_t w = ((size_t)o * s->channels + i) * s->kernel_h * s->kernel_w +
                           ky * s->kernel_w + kx;
                sum += (int64_t)(davit_load8(c->a.data, type, at + i) - c->values.a_zero) *
                       c->weights[w];
            }
        }
    }
    return sum;
}

static void expect(gemm_case *c)
{
    const davit_gemm_shape *s = &c->shape;
    size_t i = 0;
    for (uint32_t image = 0; image < s->images; image++) {
        for (uint32_t y = 0; y < s->out_h; y++) {
            for (uint32_t x = 0; x < s->out_w; x++) {
                for (uint32_t o = 0; o < s->columns; o++, i++) {
                    int32_t previous =
                        s->residual ? davit_load8(c->r.data, c->requantization.residual_dtype, i) -
                                          c->requantization.residual_zero
                                    : 0;
                    int32_t q = davit_requantize_one(&c->requantization, o,
                                                     sum_at(c, image, y, x, o), previous);
                    davit_store8(c->expected, i, q);
                }
            }
        }
    }
}

static void describe(const gemm_case *c, char *text)
{
    const davit_gemm_shape *s = &c->shape;
    snprintf(text, 256,
             "%s images %u in %ux%ux%u kernel %ux%u stride %u,%u dilation %u,%u pad %u,%u out "
             "%ux%ux%u %s%s%s panels %u%s",
             c->small ? "small" : "full", s->images, s->in_h, s->in_w, s->channels, s->kernel_h,
             s->kernel_w, s->stride_h, s->stride_w, s->dilation_h, s->dilation_w, s->pad_top,
             s->pad_left, s->out_h, s->out_w, s->columns, c->values.a_u8 ? "u8" : "s8",
             c->values.c_u8 ? "->u8" : "->s8", s->residual ? " residual" : "", c->layout.panels,
             c->layout.resident ? "" : " streamed");
}

static const char *run(gemm_case *c)
{
    const davit_gemm_geometry *g = c->small ? &engine_small_geometry : &full_geometry;
    size_t bytes = (size_t)c->layout.m * c->shape.columns;
    davit_gemm_pack_weights(g, &c->shape, &c->layout, c->weights, c->b.data);
    davit_gemm_pack_parameters(g, &c->shape, &c->layout, &c->values, c->p.data);
    expect(c);
    (c->small ? gemm_s8_small : gemm_s8)(c->a.data, c->b.data, c->p.data,
                                         c->shape.residual ? c->r.data : NULL, c->c.data,
                                         c->e.data);
    const char *error = engine_simulation_error();
    if (error != NULL) {
        return error;
    }
    if (memcmp(c->c.data, c->expected, bytes) != 0) {
        return "wrong bytes";
    }
    return engine_end_is_right(&c->e, DAVIT_GEMM_MAGIC, c->values.tag, &c->c) ? NULL
                                                                              : "wrong end word";
}

bool engine_random_is_small(uint64_t seed, uint64_t index)
{
    engine_random random = engine_random_of(seed, index);
    return engine_chance(&random, 50);
}

const char *engine_random_gemm(uint64_t seed, uint64_t index, char *shape)
{
    engine_random random = engine_random_of(seed, index);
    gemm_case c = {.small = engine_chance(&random, 50)}; /* first, as engine_random_is_small */
    draw_fitting(&random, &c);
    const char *wrong = draw_values(&random, &c) ? NULL : "cannot be prepared";
    describe(&c, shape);
    if (wrong == NULL) {
        wrong = run(&c);
    }
    engine_buffer *buffers[] = {&c.a, &c.b, &c.p, &c.r, &c.c, &c.e};
    for (size_t i = 0; i < sizeof(buffers) / sizeof(buffers[0]); i++) {
        if (!engine_free(buffers[i]) && wrong == NULL) {
            wrong = "written behind a buffer";
        }
    }
    free(c.weights);
    free(c.expected);
    free(c.scale);
    free(c.bias);
    return wrong;
}
