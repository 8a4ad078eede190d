#include <math.h>
#include <stdio.h>
#include <string.h>

#include "davit/cost.h"

typedef struct working {
    const davit_graph *graph;
    const davit_unit *unit;
    const davit_node *anchor;
    davit_work *work;
} working;

static const davit_tensor_desc *input_of(const working *w, uint32_t input)
{
    bool there = input < w->anchor->input_count && w->anchor->inputs[input] != DAVIT_NONE;
    return there ? &w->graph->values[w->anchor->inputs[input]].desc : NULL;
}

static const davit_tensor_desc *output_of(const working *w)
{
    for (uint32_t i = 0; i < w->anchor->output_count; i++) {
        if (w->anchor->outputs[i] != DAVIT_NONE) {
            return &w->graph->values[w->anchor->outputs[i]].desc;
        }
    }
    return NULL;
}

static double elems(const davit_tensor_desc *desc)
{
    return desc != NULL ? (double)davit_tensor_desc_elems(desc) : 0;
}

static double dim(const davit_tensor_desc *desc, int index)
{
    return desc != NULL && index >= 0 && index < desc->rank ? (double)desc->dims[index] : 1;
}

static double product(const davit_tensor_desc *desc, int first, int end)
{
    double result = 1;
    for (int i = first; desc != NULL && i < end && i < desc->rank; i++) {
        result *= (double)desc->dims[i];
    }
    return result;
}

static void add(working *w, double number)
{
    w->work->dims[w->work->dim_count++] = number;
}

static void set_kind(working *w, const char *suffix)
{
    snprintf(w->work->kind, sizeof(w->work->kind), "%s%s", w->anchor->op->name, suffix);
}

/* ---- epilogues ---- */

/* How many values an element needs beside the result: residuals. */
static double residuals(const working *w, uint32_t residual_input)
{
    double count = input_of(w, residual_input) != NULL ? 1 : 0;
    for (uint32_t i = 0; i < w->unit->epilogue_count; i++) {
        count += w->unit->epilogues[i].kind == DAVIT_EPILOGUE_RESIDUAL;
    }
    return count;
}

/* Activations that need an exponential. */
static double exponentials(const davit_unit *unit)
{
    double count = 0;
    for (uint32_t i = 0; i < unit->epilogue_count; i++) {
        if (unit->epilogues[i].kind != DAVIT_EPILOGUE_ACTIVATION) {
            continue;
        }
        switch (unit->epilogues[i].activation) {
        case DAVIT_ACTIVATION_SIGMOID:
        case DAVIT_ACTIVATION_SILU:
        case DAVIT_ACTIVATION_GELU_ERF:
        case DAVIT_ACTIVATION_GELU_TANH:
        case DAVIT_ACTIVATION_TANH:
            count++;
            break;
        default:
            break;
        }
    }
    return count;
}

/* ---- operators ---- */

/* Layouts of blocks of 16 channels fit, or are padded or given up. */
static double fits_blocks(double channels)
{
    return fmod(channels, 16) == 0 ? 1 : 0;
}

/* Whether Winograd's algorithm may do it (Lavin, Gray, 2016), in about half the time: 3x3 in steps
 * of one, for enough tiles of 4x4 outputs that their products are worth it. */
static bool may_save_products(const working *w, double taps, double stride)
{
    enum { TILES = 16, CHANNELS = 16 };
    const davit_tensor_desc *y = output_of(w);
    size_t count;
    const int64_t *dilations = davit_node_ints(w->anchor, "dilations", &count);
    for (size_t i = 0; i < count; i++) {
        stride *= (double)dilations[i];
    }
    return taps == 9 && stride == 1 && y != NULL && y->rank == 4 && dim(y, 1) >= CHANNELS &&
           dim(input_of(w, 0), 1) >= CHANNELS &&
           dim(y, 0) * ceil(dim(y, 2) / 4) * ceil(dim(y, 3) / 4) >= TILES;
}

/* [batch, channels in, channels out, groups, pixels out, taps, stride, residuals, exponentials,
 * which of the channels fit blocks] */
static void describe_convolution(working *w, uint32_t weights_input, uint32_t residual_input)
{
    const davit_tensor_desc *x = input_of(w, 0);
    const davit_tensor_desc *y = output_of(w);
    const davit_tensor_desc *weights = input_of(w, weights_input);
    double groups = (double)davit_node_int(w->anchor, "group", 1);
    double taps = product(weights, 2, DAVIT_MAX_RANK);
    size_t count;
    const int64_t *strides = davit_node_ints(w->anchor, "strides", &count);
    double stride = 1;
    for (size_t i = 0; i < count; i++) {
        stride *= (double)strides[i];
    }
    if (groups > 1 && groups == dim(x, 1)) {
        set_kind(w, "/depthwise");
    } else if (groups > 1) {
        set_kind(w, "/grouped");
    } else if (dim(x, 1) <= 4) {
        set_kind(w, "/first");
    } else if (may_save_products(w, taps, stride)) {
        set_kind(w, "/3x3");
    } else {
        set_kind(w, taps == 1 ? "/1x1" : "/kxk");
    }
    const double numbers[] = {dim(x, 0),
                              dim(x, 1),
                              dim(y, 1),
                              groups,
                              product(y, 2, DAVIT_MAX_RANK),
                              taps,
                              stride,
                              residuals(w, residual_input),
                              exponentials(w->unit),
                              fits_blocks(dim(x, 1)) + fits_blocks(dim(y, 1))};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        add(w, numbers[i]);
    }
}

/* [batch, rows, columns, depth, residuals, exponentials] */
static void describe_product(working *w, uint32_t right_input, uint32_t residual_input)
{
    const davit_tensor_desc *left = input_of(w, 0);
    const davit_tensor_desc *right = input_of(w, right_input);
    const davit_tensor_desc *y = output_of(w);
    bool weights = w->graph->values[w->anchor->inputs[right_input]].constant != NULL;
    bool transposed = davit_node_int(w->anchor, "transA", 0) != 0;
    double columns = right != NULL && right->rank > 1 ? dim(y, y->rank - 1) : 1;
    double depth =
        left->rank > 1 && transposed ? dim(left, left->rank - 2) : dim(left, left->rank - 1);
    double rows = columns > 0 ? elems(y) / columns : 0;
    double batch = 1;
    if (right != NULL && right->rank > 2) {
        batch = product(y, 0, y->rank - 2);
        rows = batch > 0 ? rows / batch : 0;
    }
    set_kind(w, weights ? "/weights" : "");
    const double numbers[] = {
        batch, rows, columns, depth, residuals(w, residual_input), exponentials(w->unit)};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        add(w, numbers[i]);
    }
}

static int axis_of(const working *w, int64_t fallback, int rank)
{
    int64_t axis = davit_node_int(w->anchor, "axis", fallback);
    axis += axis < 0 ? rank : 0;
    return axis < 0 || axis > rank ? 0 : (int)axis;
}

/* [before the axis, along it, behind it] */
static void describe_axis(working *w, int64_t fallback)
{
    const davit_tensor_desc *x = input_of(w, 0);
    int axis = axis_of(w, fallback, x->rank);
    set_kind(w, "");
    add(w, product(x, 0, axis));
    add(w, dim(x, axis));
    add(w, product(x, axis + 1, DAVIT_MAX_RANK));
}

static double taps_of(const working *w)
{
    size_t count;
    double taps = 1;
    const int64_t *kernel = davit_node_ints(w->anchor, "kernel_shape", &count);
    for (size_t i = 0; i < count; i++) {
        taps *= (double)kernel[i];
    }
    return taps;
}

/* How two operands meet: "/same" shapes, one number with many ("/scalar"), "/broadcast". */
static const char *meeting(const working *w)
{
    double first = elems(input_of(w, 0));
    double second = elems(input_of(w, 1));
    if (w->anchor->op->max_inputs != 2 || w->anchor->input_count != 2) {
        return "";
    }
    return first == second ? "/same" : fmin(first, second) <= 1 ? "/scalar" : "/broadcast";
}

/* [elements of the largest input, of all inputs, of the output, batch, channels, which fit blocks,
 * last dimension, taps] */
static void describe_other(working *w)
{
    const davit_tensor_desc *x = input_of(w, 0);
    const davit_tensor_desc *y = output_of(w);
    double all = 0;
    for (uint32_t i = 0; i < w->anchor->input_count; i++) {
        const davit_tensor_desc *desc = input_of(w, i);
        all += elems(desc);
        x = elems(desc) > elems(x) ? desc : x;
    }
    set_kind(w, meeting(w));
    double channels = x != NULL && x->rank > 2 ? dim(x, 1) : 1;
    const double numbers[] = {elems(x),
                              all,
                              elems(y),
                              dim(x, 0),
                              channels,
                              fits_blocks(channels),
                              dim(y, y != NULL ? y->rank - 1 : 0),
                              taps_of(w)};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        add(w, numbers[i]);
    }
}

void davit_unit_work(const davit_graph *graph, const davit_unit *unit, davit_work *work)
{
    working w = {graph, unit, &graph->nodes[unit->anchor], work};
    const davit_tensor_desc *x = input_of(&w, 0);
    *work = (davit_work){.dtype = x != NULL ? x->dtype : DAVIT_DTYPE_NONE,
                         .flops = (double)unit->flops,
                         .bytes = (double)unit->bytes};
    switch (w.anchor->op->op) {
    case DAVIT_OP_Conv:
    case DAVIT_OP_ConvInteger:
    case DAVIT_OP_ConvTranspose:
        describe_convolution(&w, 1, UINT32_MAX);
        break;
    case DAVIT_OP_IntegerConv:
    case DAVIT_OP_IntegerConvTranspose:
        describe_convolution(&w, 1, 3);
        break;
    case DAVIT_OP_QLinearConv:
        describe_convolution(&w, 3, UINT32_MAX);
        break;
    case DAVIT_OP_Gemm:
    case DAVIT_OP_MatMul:
    case DAVIT_OP_MatMulInteger:
    case DAVIT_OP_IntegerProduct:
        describe_product(&w, 1, UINT32_MAX);
        break;
    case DAVIT_OP_IntegerMatMul:
        describe_product(&w, 1, 3);
        break;
    case DAVIT_OP_QLinearMatMul:
        describe_product(&w, 3, UINT32_MAX);
        break;
    case DAVIT_OP_IntegerSoftmax:
    case DAVIT_OP_LogSoftmax:
    case DAVIT_OP_Softmax:
    case DAVIT_OP_LayerNormalization:
        describe_axis(&w, -1);
        break;
    default:
        describe_other(&w);
        break;
    }
}
