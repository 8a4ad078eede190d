/* From the shape of a convolution to the tiles of gemm_s8. */
#include <stddef.h>

#include "davit/engine_abi.h"

#include "extent.h"

static const char *check_shape(const davit_gemm_shape *s)
{
    const davit_extent y = {s->in_h, s->kernel_h, s->stride_h, s->dilation_h, s->pad_top, s->out_h};
    const davit_extent x = {s->in_w,       s->kernel_w, s->stride_w,
                            s->dilation_w, s->pad_left, s->out_w};
    if (s->images == 0 || s->channels == 0 || s->columns == 0) {
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
        !davit_extent_bytes_fit(s->images, s->out_h, s->out_w, s->columns) ||
        !davit_extent_bytes_fit(s->kernel_h, s->kernel_w, s->dilation_w, s->channels)) {
        return "a tensor or a window is larger than 128 MiB";
    }
    return NULL;
}

static void cut_segments(const davit_gemm_geometry *g, const davit_gemm_shape *s,
                         davit_gemm_layout *out)
{
    bool whole_rows = s->dilation_w == 1;
    out->segments_y = s->kernel_h;
    out->segments_x = whole_rows ? 1 : s->kernel_w;
    out->segment_bytes = whole_rows ? s->kernel_w * s->channels : s->channels;
    out->k_steps = out->segments_y * out->segments_x * davit_ceil_div(out->segment_bytes, g->depth);
}

static const char *check_steps(const davit_gemm_geometry *g, const davit_gemm_shape *s,
                               davit_gemm_layout *out)
{
    if (out->k_steps > g->tile_steps || out->k_steps > g->panel_steps) {
        return "a sum has more steps than the buffers of the engine";
    }
    out->n_tiles = davit_ceil_div(s->columns, g->columns);
    if (out->n_tiles > g->table_tiles) {
        return "more columns than the engine has parameters for";
    }
    return NULL;
}

/* How many units of 64 columns a panel has. The array begins when the first panel is there, so an
 * input that is read only once gets panels of at most a quarter of the buffer; but not below 128
 * columns, so that the result is written in runs of at least two words. */
static uint32_t units_of_panel(const davit_gemm_geometry *g, const davit_gemm_layout *l,
                               uint32_t units, uint32_t fit)
{
    uint32_t unit = DAVIT_ENGINE_WORD / g->columns;
    uint32_t goal = fit;
    if (l->resident) {
        goal = g->panel_steps / 4 / (l->k_steps * unit);
        goal = goal < 2 ? 2 : goal;
        goal = goal < fit ? goal : fit;
    }
    return davit_ceil_div(units, davit_ceil_div(units, goal));
}

/* All columns in one panel where the result's rows are not whole words, else equal panels. */
static const char *cut_panels(const davit_gemm_geometry *g, const davit_gemm_shape *s,
                              davit_gemm_layout *out)
{
    uint32_t fit = g->panel_steps / out->k_steps;
    fit = fit < g->panel_tiles ? fit : g->panel_tiles;
    uint32_t unit = DAVIT_ENGINE_WORD / g->columns;
    if (s->columns % DAVIT_ENGINE_WORD == 0 && fit >= unit) {
        out->panel_tiles = units_of_panel(g, out, out->n_tiles / unit, fit / unit) * unit;
    } else if (out->n_tiles <= fit) {
        out->panel_tiles = out->n_tiles;
    } else if (s->columns % DAVIT_ENGINE_WORD == 0) {
        return "64 columns do not fit a panel";
    } else {
        return "the columns need several panels and are not a multiple of 64";
    }
    out->panels = davit_ceil_div(out->n_tiles, out->panel_tiles);
    return NULL;
}

/* Rows of input between the first byte that a tile of pixels needs and the last. */
static uint64_t rows_in_flight(const davit_gemm_geometry *g, const davit_gemm_shape *s)
{
    uint64_t wraps = ((uint64_t)g->rows - 1 + s->out_w - 1) / s->out_w;
    uint64_t reach = (uint64_t)(s->kernel_h - 1) * s->dilation_h + 1;
    uint64_t rows = reach + wraps * s->stride_h;
    if (s->images == 1) {
        return rows;
    }
    /* The tile may begin in the last rows of an image and end in the first of the next. */
    uint64_t pixels = (uint64_t)s->out_h * s->out_w;
    uint64_t images = (g->rows - 1 + pixels - 1) / pixels;
    uint64_t last = s->out_h > wraps + 1 ? (s->out_h - 1 - wraps) * s->stride_h : 0;
    uint64_t first = last > s->pad_top ? last - s->pad_top : 0;
    return rows + images * s->in_h - (first < s->in_h ? first : s->in_h);
}

static uint64_t words_in_flight(const davit_gemm_geometry *g, const davit_gemm_shape *s)
{
    if (s->in_h == 1 && s->images == 1) { /* only the columns that the tile needs */
        uint64_t reach = (uint64_t)(s->kernel_w - 1) * s->dilation_w + 1;
        return davit_words(((uint64_t)(g->rows - 1) * s->stride_w + reach) * s->channels);
    }
    return davit_words(rows_in_flight(g, s) * s->in_w * s->channels);
}

const char *davit_gemm_plan(const davit_gemm_geometry *g, const davit_gemm_shape *s,
                            davit_gemm_layout *out)
{
    davit_gemm_layout made = {0};
    const char *why = check_shape(s);
    if (why != NULL) {
        return why;
    }
    uint64_t row_bytes = (uint64_t)s->in_w * s->channels;
    made.m = s->images * s->out_h * s->out_w;
    made.m_tiles = davit_ceil_div(made.m, g->rows);
    made.a_words = (uint32_t)davit_words((uint64_t)s->images * s->in_h * row_bytes);
    made.resident = made.a_words <= g->map_words;
    cut_segments(g, s, &made);
    why = check_steps(g, s, &made);
    if (why == NULL) {
        why = cut_panels(g, s, &made);
    }
    if (why != NULL) {
        return why;
    }
    if (!made.resident && words_in_flight(g, s) + 4 > g->map_words) {
        return "the rows that a tile of pixels needs do not fit the feature map buffer";
    }
    uint64_t step_bytes = (uint64_t)g->columns * g->depth;
    made.weight_words = (uint32_t)davit_words(made.n_tiles * made.k_steps * step_bytes);
    made.parameter_words =
        2 + (uint32_t)davit_words((uint64_t)made.n_tiles * g->columns * 3 * sizeof(float));
    made.result_words = (uint32_t)davit_words((uint64_t)made.m * s->columns);
    *out = made;
    return NULL;
}
