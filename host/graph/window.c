#include "davit/window.h"

#include <inttypes.h>
#include <string.h>

/* Greatest stride, dilation, padding or kernel: keeps the arithmetic below free of overflow. */
#define LIMIT ((int64_t)1 << 30)

static davit_status refuse(const davit_window_spec *spec, const davit_diagnostics *diag,
                           const char *what, int64_t value)
{
    return davit_fail(diag, DAVIT_BAD_DATA, "node '%s' (%s): %s (%" PRId64 ")", spec->node->name,
                      spec->node->op->name, what, value);
}

/* Reads an attribute of count values in [min, LIMIT); absent or empty: left as they are. */
static davit_status read_list(const davit_window_spec *spec, const davit_diagnostics *diag,
                              const char *name, int64_t min, size_t count, int64_t *values)
{
    size_t given;
    const int64_t *list = davit_node_ints(spec->node, name, &given);
    if (given != 0 && given != count) {
        return davit_fail(diag, DAVIT_BAD_DATA, "node '%s' (%s): %s has %zu values, not %zu",
                          spec->node->name, spec->node->op->name, name, given, count);
    }
    for (size_t i = 0; i < given; i++) {
        if (list[i] < min || list[i] >= LIMIT) {
            return davit_fail(diag, DAVIT_BAD_DATA,
                              "node '%s' (%s): %s has a value out of range (%" PRId64 ")",
                              spec->node->name, spec->node->op->name, name, list[i]);
        }
        values[i] = list[i];
    }
    return DAVIT_OK;
}

static davit_status read_kernel(const davit_window_spec *spec, const davit_diagnostics *diag,
                                davit_window *w)
{
    size_t axes = (size_t)w->axes;
    for (int i = 0; i < w->axes; i++) {
        w->kernel[i] = spec->weights != NULL ? spec->weights->dims[i + 2] : 0;
    }
    davit_status status = read_list(spec, diag, "kernel_shape", 1, axes, w->kernel);
    for (int i = 0; i < w->axes && status == DAVIT_OK; i++) {
        if (spec->weights != NULL && w->kernel[i] != spec->weights->dims[i + 2]) {
            return refuse(spec, diag, "kernel_shape is not the shape of the weights", w->kernel[i]);
        }
        if (w->kernel[i] < 1 || w->kernel[i] >= LIMIT) {
            return refuse(spec, diag, "the kernel is empty, missing or too large", w->kernel[i]);
        }
    }
    return status;
}

static int64_t extent(const davit_window *w, int i)
{
    return (w->kernel[i] - 1) * w->dilation[i] + 1;
}

static int64_t ceil_div(int64_t a, int64_t b)
{
    return a / b + (a % b > 0);
}

/* Pads so that out is ceil(in / stride); an odd pad goes to the end, or with lower to the begin. */
static void pad_same(davit_window *w, int i, bool lower)
{
    w->out[i] = ceil_div(w->in[i], w->stride[i]);
    int64_t total = (w->out[i] - 1) * w->stride[i] + extent(w, i) - w->in[i];
    if (total < 0 || w->out[i] == 0) {
        total = 0;
    }
    w->pad_begin[i] = lower ? total - total / 2 : total / 2;
    w->pad_end[i] = total - w->pad_begin[i];
}

static davit_status size_forward(const davit_window_spec *spec, const davit_diagnostics *diag,
                                 davit_window *w, int i)
{
    int64_t span = w->in[i] + w->pad_begin[i] + w->pad_end[i] - extent(w, i);
    bool round_up = davit_node_int(spec->node, "ceil_mode", 0) != 0;
    if (w->in[i] == 0) {
        w->out[i] = 0;
        return DAVIT_OK;
    }
    /* Rounded up, a window may reach past the end; so may the first, by less than a stride. */
    if (span < 0 && !(round_up && span > -w->stride[i])) {
        return refuse(spec, diag, "the kernel is larger than the padded input", extent(w, i));
    }
    w->out[i] = span / w->stride[i] + 1;
    if (round_up) {
        w->out[i] = ceil_div(span, w->stride[i]) + 1;
        if ((w->out[i] - 1) * w->stride[i] >= w->in[i] + w->pad_begin[i]) {
            w->out[i]--;
        }
    }
    return DAVIT_OK;
}

static davit_status resolve_forward(const davit_window_spec *spec, const davit_diagnostics *diag,
                                    const char *auto_pad, davit_window *w)
{
    davit_status status = DAVIT_OK;
    for (int i = 0; i < w->axes && status == DAVIT_OK; i++) {
        if (strncmp(auto_pad, "SAME_", 5) == 0) {
            pad_same(w, i, strcmp(auto_pad, "SAME_LOWER") == 0);
        } else {
            status = size_forward(spec, diag, w, i);
        }
    }
    return status;
}

/* Splits what output_shape leaves to crop; an odd crop goes to the end for SAME_UPPER, else to the
 * begin. An output larger than what the kernel reaches is longer at its end. */
static void crop_to(davit_window *w, int i, int64_t full, bool upper)
{
    int64_t total = full > w->out[i] ? full - w->out[i] : 0;
    w->pad_begin[i] = upper ? total / 2 : total - total / 2;
    w->pad_end[i] = total - w->pad_begin[i];
}

static davit_status resolve_transposed(const davit_window_spec *spec, const davit_diagnostics *diag,
                                       const char *auto_pad, davit_window *w)
{
    int64_t more[DAVIT_WINDOW_MAX_AXES] = {0};
    int64_t shape[DAVIT_WINDOW_MAX_AXES];
    size_t given;
    const int64_t *output_shape = davit_node_ints(spec->node, "output_shape", &given);
    davit_status status = read_list(spec, diag, "output_padding", 0, (size_t)w->axes, more);
    /* Some exporters write output_shape with the batch and channel axes in front. */
    bool whole = given == (size_t)w->axes + 2;
    if (status == DAVIT_OK && !whole) {
        status = read_list(spec, diag, "output_shape", 0, (size_t)w->axes, shape);
    }
    bool same = strncmp(auto_pad, "SAME_", 5) == 0;
    for (int i = 0; i < w->axes && status == DAVIT_OK; i++) {
        int64_t full = (w->in[i] - 1) * w->stride[i] + more[i] + extent(w, i);
        if (w->in[i] == 0) {
            full = 0;
        }
        if (given != 0 || same) {
            w->out[i] = given == 0 ? w->in[i] * w->stride[i] : output_shape[whole ? i + 2 : i];
            if (w->out[i] < 0 || w->out[i] >= LIMIT) {
                return refuse(spec, diag, "output_shape has a value out of range", w->out[i]);
            }
            crop_to(w, i, full, strcmp(auto_pad, "SAME_UPPER") == 0);
        } else {
            w->out[i] = full - w->pad_begin[i] - w->pad_end[i];
            if (w->in[i] == 0) {
                w->out[i] = 0;
            }
            if (w->out[i] < 0) {
                return refuse(spec, diag, "the pads crop more than there is", w->out[i]);
            }
        }
    }
    return status;
}

davit_status davit_window_resolve(const davit_window_spec *spec, const davit_diagnostics *diag,
                                  davit_window *out)
{
    davit_window w = {.axes = spec->x->rank - 2};
    int64_t pads[2 * DAVIT_WINDOW_MAX_AXES] = {0};
    for (int i = 0; i < w.axes; i++) {
        w.in[i] = spec->x->dims[i + 2];
        w.stride[i] = 1;
        w.dilation[i] = 1;
        if (w.in[i] >= LIMIT) {
            return refuse(spec, diag, "the input is too large", w.in[i]);
        }
    }
    const char *auto_pad = davit_node_string(spec->node, "auto_pad", "NOTSET");
    bool notset = strcmp(auto_pad, "NOTSET") == 0 || auto_pad[0] == '\0';
    if (!notset && strcmp(auto_pad, "VALID") != 0 && strcmp(auto_pad, "SAME_UPPER") != 0 &&
        strcmp(auto_pad, "SAME_LOWER") != 0) {
        return davit_fail(diag, DAVIT_BAD_DATA, "node '%s' (%s): auto_pad '%s' is unknown",
                          spec->node->name, spec->node->op->name, auto_pad);
    }
    size_t axes = (size_t)w.axes;
    davit_status status = read_kernel(spec, diag, &w);
    if (status == DAVIT_OK) {
        status = read_list(spec, diag, "strides", 1, axes, w.stride);
    }
    if (status == DAVIT_OK) {
        status = read_list(spec, diag, "dilations", 1, axes, w.dilation);
    }
    if (status == DAVIT_OK) {
        status = read_list(spec, diag, "pads", 0, 2 * axes, pads);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    for (int i = 0; i < w.axes && notset; i++) {
        w.pad_begin[i] = pads[i];
        w.pad_end[i] = pads[i + w.axes];
    }
    status = spec->transposed ? resolve_transposed(spec, diag, auto_pad, &w)
                              : resolve_forward(spec, diag, auto_pad, &w);
    if (status == DAVIT_OK) {
        *out = w;
    }
    return status;
}

davit_status davit_window_resolve_col2im(const davit_node *node, int axes, const int64_t *image,
                                         const int64_t *block, const davit_diagnostics *diag,
                                         davit_window *out)
{
    davit_tensor_desc x = {.rank = axes + 2};
    davit_tensor_desc weights = {.rank = axes + 2};
    davit_window_spec spec = {node, &x, &weights, false};
    for (int i = 0; i < axes; i++) {
        if (image[i] < 0) {
            return refuse(&spec, diag, "the image has a negative size", image[i]);
        }
        x.dims[i + 2] = image[i];
        weights.dims[i + 2] = block[i];
    }
    return davit_window_resolve(&spec, diag, out);
}
