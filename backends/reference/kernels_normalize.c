#include "block.h"
#include "kernel.h"
#include "lines.h"
#include "walk.h"

#include <math.h>

/* Mean and population variance of what is loaded. */
typedef struct moments {
    double mean, variance;
} moments;

static moments moments_of(const davit_tensor *x, davit_walk *walk, int64_t base, int64_t count)
{
    moments m = {0.0, 0.0};
    for (bool more = davit_walk_start(walk); more; more = davit_walk_next(walk)) {
        m.mean += davit_load_f64(x, base + walk->offset[0]);
    }
    m.mean /= (double)count;
    for (bool more = davit_walk_start(walk); more; more = davit_walk_next(walk)) {
        double d = davit_load_f64(x, base + walk->offset[0]) - m.mean;
        m.variance += d * d;
    }
    m.variance /= (double)count;
    return m;
}

/* Moments of count elements next to each other. */
static moments moments_of_run(const davit_tensor *x, int64_t base, int64_t count)
{
    davit_walk walk = davit_walk_make(1, &count);
    davit_walk_add(&walk, (const int64_t[]){1});
    return moments_of(x, &walk, base, count);
}

static double epsilon_of(const davit_kernel_call *call)
{
    return davit_node_float(call->node, "epsilon", 1e-5f);
}

/* Elements of one batch and channel. */
static int64_t places_of(const davit_tensor_desc *desc)
{
    int64_t places = 1;
    for (int d = 2; d < desc->rank; d++) {
        places *= desc->dims[d];
    }
    return places;
}

/* ---- BatchNormalization ---- */

/* With training_mode the moments of the batch are used, and mixed into the running ones. */
static moments batch_moments(const davit_kernel_call *call, int64_t c, int64_t channels,
                             int64_t places)
{
    const davit_tensor *x = call->inputs[0];
    moments given = {davit_load_f64(call->inputs[3], c), davit_load_f64(call->inputs[4], c)};
    if (davit_node_int(call->node, "training_mode", 0) == 0) {
        return given;
    }
    int64_t dims[] = {x->desc.dims[0], places};
    int64_t strides[] = {channels * places, 1};
    davit_walk walk = davit_walk_make(2, dims);
    davit_walk_add(&walk, strides);
    moments batch = moments_of(x, &walk, c * places, dims[0] * dims[1]);
    double momentum = davit_node_float(call->node, "momentum", 0.9f);
    if (davit_kernel_output(call, 1) != NULL) {
        davit_store_f64(call->outputs[1], c, given.mean * momentum + batch.mean * (1.0 - momentum));
    }
    if (davit_kernel_output(call, 2) != NULL) {
        davit_store_f64(call->outputs[2], c,
                        given.variance * momentum + batch.variance * (1.0 - momentum));
    }
    return batch;
}

static davit_status run_batch(const davit_kernel_call *call)
{
    const davit_tensor *x = call->inputs[0];
    int64_t channels = x->desc.rank > 1 ? x->desc.dims[1] : 1;
    int64_t places = places_of(&x->desc);
    for (int64_t c = 0; c < channels; c++) {
        moments m = batch_moments(call, c, channels, places);
        double scale = davit_load_f64(call->inputs[1], c) / sqrt(m.variance + epsilon_of(call));
        double bias = davit_load_f64(call->inputs[2], c);
        for (int64_t n = 0; call->outputs[0] != NULL && n < x->desc.dims[0]; n++) {
            int64_t base = (n * channels + c) * places;
            for (int64_t i = base; i < base + places; i++) {
                double value = (davit_load_f64(x, i) - m.mean) * scale + bias;
                davit_store_f64(call->outputs[0], i, value);
            }
        }
    }
    return DAVIT_OK;
}

/* ---- InstanceNormalization, GroupNormalization ---- */

static davit_status normalize_groups(const davit_kernel_call *call, int64_t groups)
{
    const davit_tensor *x = call->inputs[0];
    int64_t channels = x->desc.dims[1];
    int64_t places = places_of(&x->desc);
    int64_t count = groups == 0 ? 0 : channels / groups * places;
    for (int64_t g = 0; g < x->desc.dims[0] * groups; g++) {
        moments m = moments_of_run(x, g * count, count);
        double scale = 1.0 / sqrt(m.variance + epsilon_of(call));
        for (int64_t i = g * count; i < (g + 1) * count; i++) {
            int64_t c = i / places % channels;
            double value = (davit_load_f64(x, i) - m.mean) * scale;
            davit_store_f64(call->outputs[0], i,
                            value * davit_load_f64(call->inputs[1], c) +
                                davit_load_f64(call->inputs[2], c));
        }
    }
    return DAVIT_OK;
}

static davit_status run_instance(const davit_kernel_call *call)
{
    return normalize_groups(call, call->inputs[0]->desc.dims[1]);
}

static davit_status run_group(const davit_kernel_call *call)
{
    return normalize_groups(call, davit_node_int(call->node, "num_groups", 1));
}

/* ---- LayerNormalization ---- */

/* Stores output i of a line, if somebody asked for it. */
static void store_optional(const davit_kernel_call *call, uint32_t i, int64_t line, double value)
{
    if (davit_kernel_output(call, i) != NULL) {
        davit_store_f64(call->outputs[i], line, value);
    }
}

static davit_status run_layer(const davit_kernel_call *call)
{
    const davit_tensor *x = call->inputs[0];
    const davit_tensor *bias = davit_kernel_input(call, 2);
    davit_lines lines = davit_lines_flat(&x->desc, davit_kernel_axis(call, -1, x->desc.rank));
    int64_t strides[2][DAVIT_MAX_RANK] = {{0}, {0}};
    davit_broadcast_strides(&call->inputs[1]->desc, x->desc.rank, x->desc.dims, strides[0]);
    if (bias != NULL) {
        davit_broadcast_strides(&bias->desc, x->desc.rank, x->desc.dims, strides[1]);
    }
    davit_walk walk = davit_walk_make(x->desc.rank, x->desc.dims);
    davit_walk_add(&walk, strides[0]);
    davit_walk_add(&walk, strides[1]);
    bool more = davit_walk_start(&walk);
    for (int64_t line = 0; line < lines.count; line++) {
        moments m = moments_of_run(x, line * lines.length, lines.length);
        double scale = 1.0 / sqrt(m.variance + epsilon_of(call));
        store_optional(call, 1, line, m.mean);
        store_optional(call, 2, line, scale);
        for (int64_t i = line * lines.length; more && i < (line + 1) * lines.length; i++) {
            double value = (davit_load_f64(x, i) - m.mean) * scale *
                           davit_load_f64(call->inputs[1], walk.offset[0]);
            value += bias != NULL ? davit_load_f64(bias, walk.offset[1]) : 0.0;
            store_optional(call, 0, i, value);
            more = davit_walk_next(&walk);
        }
    }
    return DAVIT_OK;
}

/* ---- LRN, LpNormalization, MeanVarianceNormalization ---- */

static davit_status run_lrn(const davit_kernel_call *call)
{
    const davit_tensor *x = call->inputs[0];
    int64_t size = davit_node_int(call->node, "size", 1);
    double alpha = davit_node_float(call->node, "alpha", 1e-4f) / (double)size;
    double beta = davit_node_float(call->node, "beta", 0.75f);
    double bias = davit_node_float(call->node, "bias", 1.0f);
    davit_lines lines = davit_lines_make(&x->desc, 1);
    for (int64_t line = 0; line < lines.count; line++) {
        int64_t base = davit_line_base(&lines, line);
        for (int64_t c = 0; c < lines.length; c++) {
            int64_t first = c - (size - 1) / 2;
            int64_t last = size - 1 - (size - 1) / 2 < lines.length - 1 - c
                               ? c + (size - 1 - (size - 1) / 2)
                               : lines.length - 1;
            double sum = 0.0;
            for (int64_t i = first < 0 ? 0 : first; i <= last; i++) {
                double value = davit_load_f64(x, base + i * lines.stride);
                sum += value * value;
            }
            double value = davit_load_f64(x, base + c * lines.stride);
            davit_store_f64(call->outputs[0], base + c * lines.stride,
                            value / pow(bias + alpha * sum, beta));
        }
    }
    return DAVIT_OK;
}

/* A line whose norm is 0 stays 0. */
static davit_status run_lp(const davit_kernel_call *call)
{
    const davit_tensor *x = call->inputs[0];
    bool squared = davit_node_int(call->node, "p", 2) == 2;
    davit_lines lines = davit_lines_make(&x->desc, davit_kernel_axis(call, -1, x->desc.rank));
    for (int64_t line = 0; line < lines.count; line++) {
        int64_t base = davit_line_base(&lines, line);
        double norm = 0.0;
        for (int64_t i = 0; i < lines.length; i++) {
            double value = davit_load_f64(x, base + i * lines.stride);
            norm += squared ? value * value : fabs(value);
        }
        norm = squared ? sqrt(norm) : norm;
        for (int64_t i = 0; i < lines.length; i++) {
            int64_t at = base + i * lines.stride;
            davit_store_f64(call->outputs[0], at, norm == 0.0 ? 0.0 : davit_load_f64(x, at) / norm);
        }
    }
    return DAVIT_OK;
}

/* (x - mean) / (deviation + 1e-9) over the attribute's axes. */
static davit_status run_mean_variance(const davit_kernel_call *call)
{
    static const int64_t usual[] = {0, 2, 3};
    const davit_tensor *x = call->inputs[0];
    int rank = x->desc.rank;
    size_t count;
    const int64_t *axes = davit_node_ints(call->node, "axes", &count);
    axes = axes != NULL ? axes : usual;
    count = axes != usual ? count : 3;
    int64_t kept[DAVIT_MAX_RANK];
    int64_t reduced[DAVIT_MAX_RANK];
    int64_t strides[DAVIT_MAX_RANK];
    int64_t elems = 1;
    for (int d = 0; d < rank; d++) {
        kept[d] = x->desc.dims[d];
        reduced[d] = 1;
    }
    for (size_t i = 0; i < count; i++) {
        int64_t axis = axes[i] < 0 ? axes[i] + rank : axes[i];
        kept[axis] = 1;
        reduced[axis] = x->desc.dims[axis];
    }
    for (int d = 0; d < rank; d++) {
        elems *= reduced[d];
    }
    davit_dense_strides(rank, x->desc.dims, strides);
    davit_walk outer = davit_walk_make(rank, kept);
    davit_walk inner = davit_walk_make(rank, reduced);
    davit_walk_add(&outer, strides);
    davit_walk_add(&inner, strides);
    for (bool more = davit_walk_start(&outer); more; more = davit_walk_next(&outer)) {
        moments m = moments_of(x, &inner, outer.offset[0], elems);
        double scale = 1.0 / (sqrt(m.variance) + 1e-9);
        for (bool next = davit_walk_start(&inner); next; next = davit_walk_next(&inner)) {
            int64_t at = outer.offset[0] + inner.offset[0];
            davit_store_f64(call->outputs[0], at, (davit_load_f64(x, at) - m.mean) * scale);
        }
    }
    return DAVIT_OK;
}

static const davit_kernel_entry entries[] = {
    {DAVIT_OP_BatchNormalization, run_batch},
    {DAVIT_OP_GroupNormalization, run_group},
    {DAVIT_OP_InstanceNormalization, run_instance},
    {DAVIT_OP_LRN, run_lrn},
    {DAVIT_OP_LayerNormalization, run_layer},
    {DAVIT_OP_LpNormalization, run_lp},
    {DAVIT_OP_MeanVarianceNormalization, run_mean_variance},
};

const davit_kernel_family davit_kernels_normalize = DAVIT_KERNEL_FAMILY(entries);
