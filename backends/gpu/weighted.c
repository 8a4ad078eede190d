/* Products with constant weights: Conv, ConvTranspose, Gemm, MatMul and the integer ones. */
#include <string.h>

#include "davit/integer.h"
#include "davit/window.h"
#include "epilogue.h"
#include "operators.h"

#define DIRECT_CHANNELS 8 /* of a group; fewer are not worth a tile */
#define PORTABLE_TILE 64
#define PADDING_BYTES 64

/* A product as it is compiled. */
typedef struct product {
    const davit_unit *unit;
    const davit_node *node;
    bool is_integer, transposed, convolves;
    davit_gpu_product_params params;
    int64_t taps;
    const davit_tensor *weights;
    /* Strides of weights: of an output channel of a group, of a channel of a group, of a tap; and from
     * group to group. */
    int64_t out_stride, in_stride, tap_stride, group_stride;
    float weight_factor; /* Gemm's alpha */
    davit_gpu_layout layout;
    davit_gpu_end end;
    davit_value_id residual;
    davit_gpu_place x, w, bias, scale, correction, previous, y;
} product;

static bool is_convolution(davit_op op)
{
    return op == DAVIT_OP_Conv || op == DAVIT_OP_ConvTranspose || op == DAVIT_OP_IntegerConv ||
           op == DAVIT_OP_IntegerConvTranspose;
}

static bool is_transposed(davit_op op)
{
    return op == DAVIT_OP_ConvTranspose || op == DAVIT_OP_IntegerConvTranspose;
}

static davit_status resolve(const davit_graph *graph, const davit_node *node, davit_window *window)
{
    const davit_window_spec spec = {.node = node,
                                    .x = davit_node_input(graph, node, 0),
                                    .weights = davit_node_input(graph, node, 1),
                                    .transposed = is_transposed(node->op->op)};
    return davit_window_resolve(&spec, NULL, window);
}

/* ---- refusing ---- */

static const char *refuse_constants(const davit_graph *graph, const davit_node *node)
{
    const davit_tensor *w = davit_node_constant(graph, node, 1);
    if (w == NULL) {
        return "weights that are not constant";
    }
    if (davit_node_has_input(node, 2) && davit_node_constant(graph, node, 2) == NULL) {
        return "bias that is not constant";
    }
    if (davit_tensor_desc_elems(&w->desc) == 0) {
        return "empty tensor";
    }
    return davit_tensor_desc_elems(&w->desc) > INT32_MAX / 256 ? "weights of more than 2 GiB" : NULL;
}

static const char *refuse_convolution(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    int rank = davit_node_input(graph, node, 0)->rank;
    davit_window window;
    if (rank < 3 || rank > 4) {
        return "spatial rank above 2";
    }
    if (unit->output_count != 1) {
        return "second output";
    }
    const char *reason = refuse_constants(graph, node);
    if (reason == NULL && resolve(graph, node, &window) != DAVIT_OK) {
        reason = "window";
    }
    if (reason == NULL && davit_op_is_integer(node->op->op) &&
        !davit_integer_fits_s32(graph, node)) {
        reason = "sums that may not fit s32";
    }
    return reason;
}

/* C of Gemm as a bias: one row. */
static bool is_row(const davit_tensor *c, int64_t columns)
{
    int64_t elems = davit_tensor_desc_elems(&c->desc);
    int rank = c->desc.rank;
    return elems == 1 || (elems == columns && rank > 0 && c->desc.dims[rank - 1] == columns);
}

static const char *refuse_gemm(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    const char *reason = refuse_constants(graph, node);
    if (reason != NULL) {
        return reason;
    }
    const davit_tensor *c = davit_node_constant(graph, node, 2);
    if (davit_node_int(node, "transA", 0) != 0) {
        return "transposed input";
    }
    if (unit->output_count != 1) {
        return "second output";
    }
    return c == NULL || is_row(c, davit_node_output(graph, node)->dims[1]) ? NULL : "matrix added";
}

static const char *refuse_matmul(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    const char *reason = refuse_constants(graph, node);
    if (reason != NULL) {
        return reason;
    }
    if (davit_node_input(graph, node, 0)->rank < 1 || davit_node_input(graph, node, 1)->rank != 2) {
        return "rank of the weights";
    }
    if (unit->output_count != 1) {
        return "second output";
    }
    return davit_op_is_integer(node->op->op) && !davit_integer_fits_s32(graph, node)
               ? "sums that may not fit s32"
               : NULL;
}

/* ---- shapes ---- */

static davit_status shape_convolution(davit_gpu_builder *builder, product *p)
{
    const davit_tensor_desc *x = davit_node_input(builder->graph, p->node, 0);
    const davit_tensor_desc *y = davit_node_output(builder->graph, p->node);
    davit_gpu_product_params *params = &p->params;
    davit_window window;
    if (resolve(builder->graph, p->node, &window) != DAVIT_OK) {
        return DAVIT_UNSUPPORTED;
    }
    int h = 0, w = window.axes - 1; /* of one axis, w is it and h has a size of 1 */
    bool flat = window.axes == 1;
    params->images = (int)x->dims[0];
    params->in_c = (int)x->dims[1];
    params->out_c = (int)y->dims[1];
    params->in_h = flat ? 1 : (int)window.in[h];
    params->in_w = (int)window.in[w];
    params->out_h = flat ? 1 : (int)window.out[h];
    params->out_w = (int)window.out[w];
    params->kernel_h = flat ? 1 : (int)window.kernel[h];
    params->kernel_w = (int)window.kernel[w];
    params->stride_h = flat ? 1 : (int)window.stride[h];
    params->stride_w = (int)window.stride[w];
    params->pad_top = flat ? 0 : (int)window.pad_begin[h];
    params->pad_left = (int)window.pad_begin[w];
    params->dilation_h = flat ? 1 : (int)window.dilation[h];
    params->dilation_w = (int)window.dilation[w];
    params->groups = (int)davit_node_int(p->node, "group", 1);
    params->group_in = params->in_c / params->groups;
    params->group_out = params->out_c / params->groups;
    p->taps = (int64_t)params->kernel_h * params->kernel_w;
    p->tap_stride = 1;
    p->in_stride = p->transposed ? params->group_out * p->taps : p->taps;
    p->out_stride = p->transposed ? p->taps : params->group_in * p->taps;
    p->group_stride = (int64_t)params->group_in * params->group_out * p->taps;
    p->layout = DAVIT_GPU_CHANNELS_LAST;
    return DAVIT_OK;
}

static void shape_matrix(davit_gpu_builder *builder, product *p)
{
    const davit_tensor_desc *x = davit_node_input(builder->graph, p->node, 0);
    const davit_tensor_desc *w = &p->weights->desc;
    bool transposed = davit_node_int(p->node, "transB", 0) != 0;
    davit_gpu_product_params *params = &p->params;
    params->in_h = params->in_w = params->out_h = params->out_w = 1;
    params->kernel_h = params->kernel_w = params->stride_h = params->stride_w = 1;
    params->dilation_h = params->dilation_w = params->groups = 1;
    params->in_c = params->group_in = (int)w->dims[transposed ? 1 : 0];
    params->out_c = params->group_out = (int)w->dims[transposed ? 0 : 1];
    params->images = (int)(davit_tensor_desc_elems(x) / params->in_c);
    p->taps = 1;
    p->in_stride = w->strides[transposed ? 1 : 0];
    p->out_stride = w->strides[transposed ? 0 : 1];
    p->layout = DAVIT_GPU_DENSE;
}

static void shape_tiles(product *p)
{
    davit_gpu_product_params *params = &p->params;
    int unit = p->is_integer ? 4 : 1;
    int padding = p->is_integer ? PADDING_BYTES : PADDING_BYTES / (int)sizeof(float);
    params->pitch = (params->group_in + unit - 1) / unit * unit;
    params->k = (int)p->taps * params->pitch;
    params->k_padded = (params->k + padding - 1) / padding * padding;
    params->n_padded = params->group_out == 1
                           ? 1
                           : (params->group_out + PORTABLE_TILE - 1) / PORTABLE_TILE * PORTABLE_TILE;
    params->m = params->images * params->out_h * params->out_w;
}

/* ---- weights ---- */

static int32_t weight_of(const product *p, int64_t index)
{
    return p->weights->desc.dtype == DAVIT_S8 ? ((const int8_t *)p->weights->data)[index]
                                              : ((const int16_t *)p->weights->data)[index];
}

static float weight_f32(const product *p, int64_t index)
{
    return ((const float *)p->weights->data)[index] * p->weight_factor;
}

/* Where a weight is in the graph's tensor. */
static int64_t weight_index(const product *p, int64_t group, int64_t n, int64_t c, int64_t tap)
{
    return group * p->group_stride + n * p->out_stride + c * p->in_stride + tap * p->tap_stride;
}

/* Lays weights out for a product kernel, or for a direct one. */
static davit_status pack(davit_gpu_builder *builder, product *p, bool direct)
{
    const davit_gpu_product_params *d = &p->params;
    size_t elem_bytes = !p->is_integer ? sizeof(float) : direct ? sizeof(int16_t) : 1;
    size_t elems = direct ? (size_t)p->taps * (size_t)d->group_in * (size_t)d->out_c
                          : (size_t)d->groups * (size_t)d->n_padded * (size_t)d->k_padded;
    void *data;
    davit_status status = davit_gpu_constant(builder, elems * elem_bytes, &data, &p->w);
    if (status != DAVIT_OK) {
        return status;
    }
    for (int64_t group = 0; group < d->groups; group++) {
        for (int64_t n = 0; n < d->group_out; n++) {
            for (int64_t tap = 0; tap < p->taps; tap++) {
                for (int64_t c = 0; c < d->group_in; c++) {
                    int64_t from = weight_index(p, group, n, c, tap);
                    int64_t to = direct ? (tap * d->group_in + c) * d->out_c +
                                              group * d->group_out + n
                                        : (group * d->n_padded + n) * d->k_padded +
                                              tap * d->pitch + c;
                    if (!p->is_integer) {
                        ((float *)data)[to] = weight_f32(p, from);
                    } else if (direct) {
                        ((int16_t *)data)[to] = (int16_t)weight_of(p, from);
                    } else {
                        ((int8_t *)data)[to] = (int8_t)weight_of(p, from);
                    }
                }
            }
        }
    }
    return DAVIT_OK;
}

/* What takes x_zero * sum of w away again. */
static davit_status correct(davit_gpu_builder *builder, product *p)
{
    const davit_gpu_product_params *d = &p->params;
    void *data;
    davit_status status =
        davit_gpu_constant(builder, (size_t)d->out_c * sizeof(int32_t), &data, &p->correction);
    if (status != DAVIT_OK) {
        return status;
    }
    for (int64_t o = 0; o < d->out_c; o++) {
        int64_t sum = 0;
        for (int64_t tap = 0; tap < p->taps; tap++) {
            for (int64_t c = 0; c < d->group_in; c++) {
                sum += weight_of(p, weight_index(p, o / d->group_out, o % d->group_out, c, tap));
            }
        }
        ((int32_t *)data)[o] = (int32_t)(-d->x_zero * sum);
    }
    return DAVIT_OK;
}

/* ---- ends ---- */

/* Scales and biases of davit_requantization, and the numbers of its end. */
static davit_status end_integer(davit_gpu_builder *builder, product *p)
{
    davit_requantization_spec spec = davit_integer_requantization(builder->graph, p->node);
    davit_quant8 x = davit_integer_x(builder->graph, p->node);
    davit_requantization made;
    davit_reason reason;
    void *scale, *bias;
    float *values = davit_alloc_array(builder->allocator, 2 * spec.channels, sizeof(*values));
    if (values == NULL) {
        return davit_fail(builder->diag, DAVIT_OUT_OF_MEMORY, "unit '%s': no memory",
                          p->unit->name);
    }
    davit_status status =
        davit_requantization_prepare(&spec, values, values + spec.channels, &made, &reason);
    if (status != DAVIT_OK) {
        (void)davit_fail(builder->diag, status, "unit '%s': %s", p->unit->name, reason.text);
    }
    size_t bytes = spec.channels * sizeof(*values);
    if (status == DAVIT_OK) {
        status = davit_gpu_constant(builder, bytes, &scale, &p->scale);
    }
    if (status == DAVIT_OK) {
        memcpy(scale, values, bytes);
    }
    if (status == DAVIT_OK && spec.bias_count != 0) {
        status = davit_gpu_constant(builder, bytes, &bias, &p->bias);
        if (status == DAVIT_OK) {
            memcpy(bias, values + spec.channels, bytes);
        }
    }
    davit_free(builder->allocator, values);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_gpu_product_params *params = &p->params;
    params->x_flip = x.dtype == DAVIT_U8;
    params->x_zero = x.zero - (params->x_flip ? 128 : 0);
    params->y_unsigned = davit_gpu_unsigned(made.result.dtype);
    params->y_zero = made.result.zero;
    params->residual_unsigned = davit_gpu_unsigned(made.residual_dtype);
    params->residual_zero = made.residual_zero;
    params->residual_scale = made.residual_scale;
    params->low = made.result.low;
    params->high = made.result.high;
    if (davit_node_has_input(p->node, 3)) {
        p->residual = p->node->inputs[3];
    }
    return DAVIT_OK;
}

/* Adds factor times a constant of one element, or one for each output channel. */
static void add_bias(const davit_tensor *tensor, float factor, float *bias, int64_t channels)
{
    bool one = davit_tensor_desc_elems(&tensor->desc) == 1;
    for (int64_t i = 0; i < channels; i++) {
        bias[i] += factor * ((const float *)tensor->data)[one ? 0 : i];
    }
}

static davit_status end_f32(davit_gpu_builder *builder, product *p)
{
    const davit_tensor *own = davit_node_constant(builder->graph, p->node, 2);
    float factor =
        p->node->op->op == DAVIT_OP_Gemm ? davit_node_float(p->node, "beta", 1.0f) : 1.0f;
    p->end = davit_gpu_end_of(p->unit);
    p->residual = p->end.residual;
    p->params.activation = p->end.activation;
    p->params.alpha = p->end.alpha;
    p->params.beta = p->end.beta;
    p->params.residual_last = p->end.residual_last;
    if (own == NULL && p->end.bias_count == 0) {
        return DAVIT_OK;
    }
    void *bias;
    davit_status status =
        davit_gpu_constant(builder, (size_t)p->params.out_c * sizeof(float), &bias, &p->bias);
    if (status != DAVIT_OK) {
        return status;
    }
    if (own != NULL) {
        add_bias(own, factor, bias, p->params.out_c);
    }
    for (uint32_t i = 0; i < p->end.bias_count; i++) {
        add_bias(builder->graph->values[p->unit->epilogues[i].operand].constant, 1.0f, bias,
                 p->params.out_c);
    }
    return DAVIT_OK;
}

/* ---- launching ---- */

static void choose(const davit_gpu_builder *builder, const product *p,
                   davit_gpu_product_choice *choice)
{
    bool tunable = !p->transposed && (!p->is_integer || p->weights->desc.dtype == DAVIT_S8);
    *choice = (davit_gpu_product_choice){.tile_groups = 1};
    if (tunable && builder->tuning != NULL) {
        builder->tuning->choose(builder->tuning->user, builder->limits, p->is_integer, &p->params,
                                choice);
    }
    bool tiled = tunable && (p->params.groups == 1 || p->params.group_in >= DIRECT_CHANNELS) &&
                 p->params.group_out > 1;
    if (choice->kernel == NULL && tiled) {
        *choice = (davit_gpu_product_choice){.kernel = p->is_integer ? "product_s8" : "product_f32",
                                             .tile_m = PORTABLE_TILE,
                                             .tile_n = PORTABLE_TILE,
                                             .tile_groups = 1,
                                             .threads = DAVIT_GPU_THREADS};
    }
}

static uint32_t ceil_div(int a, uint32_t b)
{
    return ((uint32_t)a + b - 1) / b;
}

static davit_status launch_direct(davit_gpu_builder *builder, product *p)
{
    davit_gpu_direct_params params = {
        .product = p->params,
        .count = p->params.m * p->params.out_c,
        .transposed = p->transposed,
    };
    if (p->is_integer) {
        params.product.x_zero += p->params.x_flip ? 128 : 0;
    }
    davit_gpu_call call = {.kernel = p->is_integer ? "direct_s8" : "direct_f32",
                           .params = &params,
                           .param_bytes = sizeof(params),
                           .operand_count = 6,
                           .operands = {p->x, p->w, p->bias, p->scale, p->previous, p->y}};
    return davit_gpu_launch_flat(builder, &call, params.count);
}

static davit_status launch_tiled(davit_gpu_builder *builder, product *p,
                                 const davit_gpu_product_choice *choice)
{
    davit_gpu_call call = {
        .kernel = choice->kernel,
        .groups = {ceil_div(p->params.m, choice->tile_m),
                   ceil_div(p->params.group_out, choice->tile_n),
                   ceil_div(p->params.groups, choice->tile_groups)},
        .threads = choice->threads,
        .params = &p->params,
        .param_bytes = sizeof(p->params),
        .operand_count = 7,
        .operands = {p->x, p->w, p->bias, p->scale, p->correction, p->previous, p->y}};
    return davit_gpu_launch_add(builder, &call);
}

static davit_status finish_sums(davit_gpu_builder *builder, const product *p, davit_gpu_place sums)
{
    davit_gpu_call call = {
        .kernel = p->is_integer ? "finish_sums_s8" : "finish_sums_f32",
        .params = &p->params,
        .param_bytes = sizeof(p->params),
        .operand_count = 6,
        .operands = {sums, p->bias, p->scale, p->correction, p->previous, p->y}};
    return davit_gpu_launch_flat(builder, &call, (int64_t)p->params.m * p->params.group_out);
}

static bool is_absent(davit_gpu_place place)
{
    return place.slot == DAVIT_GPU_NO_SLOT;
}

/* The sums of a library, and what it leaves to do. */
static davit_status launch_library(davit_gpu_builder *builder, const product *p,
                                   const davit_gpu_product_choice *choice)
{
    const davit_gpu_library_params params = {.s8 = p->is_integer,
                                             .m = p->params.m,
                                             .n = p->params.group_out,
                                             .k = p->params.in_c,
                                             .x_pitch = p->params.in_c,
                                             .w_pitch = p->params.k_padded};
    bool finished = !p->is_integer && is_absent(p->bias) && is_absent(p->previous) &&
                    p->params.activation < 0;
    davit_gpu_place sums = p->y;
    davit_status status = DAVIT_OK;
    if (!finished) {
        status = davit_gpu_scratch(builder, (size_t)params.m * (size_t)params.n * 4, &sums);
    }
    davit_gpu_call call = {.kernel = choice->kernel,
                           .library = true,
                           .threads = 1,
                           .params = &params,
                           .param_bytes = sizeof(params),
                           .operand_count = 3,
                           .operands = {p->x, p->w, sums}};
    if (status == DAVIT_OK) {
        status = davit_gpu_launch_add(builder, &call);
    }
    return status == DAVIT_OK && !finished ? finish_sums(builder, p, sums) : status;
}

/* Operands, weights and the launch, the numbers being there. */
static davit_status launch(davit_gpu_builder *builder, product *p)
{
    davit_gpu_product_choice choice;
    choose(builder, p, &choice);
    bool direct = choice.kernel == NULL;
    davit_status status = pack(builder, p, direct);
    if (status == DAVIT_OK && p->is_integer && !direct) {
        status = correct(builder, p);
    }
    if (status == DAVIT_OK) {
        status = davit_gpu_get(builder, p->node->inputs[0], p->layout, &p->x);
    }
    if (status == DAVIT_OK && p->residual != DAVIT_NONE) {
        status = davit_gpu_get(builder, p->residual, p->layout, &p->previous);
    }
    uint32_t rest = p->is_integer ? p->unit->epilogue_count : p->end.count;
    if (status == DAVIT_OK) {
        status = davit_gpu_before(builder, p->unit, rest, p->layout, &p->y);
    }
    if (status == DAVIT_OK) {
        status = direct           ? launch_direct(builder, p)
                 : choice.library ? launch_library(builder, p, &choice)
                                  : launch_tiled(builder, p, &choice);
    }
    int rank = davit_gpu_desc(builder, p->unit->outputs[0])->rank;
    return status == DAVIT_OK ? davit_gpu_epilogues(builder, p->unit, rest, p->layout,
                                                    p->convolves ? 1 : rank - 1, p->y)
                              : status;
}

static davit_status build(davit_gpu_builder *builder, const davit_unit *unit,
                          const davit_node *node)
{
    product p = {.unit = unit,
                 .node = node,
                 .is_integer = davit_op_is_integer(node->op->op),
                 .transposed = is_transposed(node->op->op),
                 .convolves = is_convolution(node->op->op),
                 .params = {.activation = -1},
                 .weights = davit_node_constant(builder->graph, node, 1),
                 .weight_factor =
                     node->op->op == DAVIT_OP_Gemm ? davit_node_float(node, "alpha", 1.0f) : 1.0f,
                 .residual = DAVIT_NONE,
                 .bias = davit_gpu_absent(),
                 .scale = davit_gpu_absent(),
                 .correction = davit_gpu_absent(),
                 .previous = davit_gpu_absent()};
    davit_status status = DAVIT_OK;
    if (p.convolves) {
        status = shape_convolution(builder, &p);
    } else {
        shape_matrix(builder, &p);
    }
    shape_tiles(&p);
    if (status == DAVIT_OK) {
        status = p.is_integer ? end_integer(builder, &p) : end_f32(builder, &p);
    }
    return status == DAVIT_OK ? launch(builder, &p) : status;
}

static const davit_gpu_operator operators[] = {
    {DAVIT_OP_Conv, DAVIT_GPU_FLOATS, refuse_convolution, build},
    {DAVIT_OP_ConvTranspose, DAVIT_GPU_FLOATS, refuse_convolution, build},
    {DAVIT_OP_Gemm, DAVIT_GPU_FLOATS, refuse_gemm, build},
    {DAVIT_OP_IntegerConv, DAVIT_GPU_BYTES, refuse_convolution, build},
    {DAVIT_OP_IntegerConvTranspose, DAVIT_GPU_BYTES, refuse_convolution, build},
    {DAVIT_OP_IntegerMatMul, DAVIT_GPU_BYTES, refuse_matmul, build},
    {DAVIT_OP_MatMul, DAVIT_GPU_FLOATS, refuse_matmul, build}};

const davit_gpu_family davit_gpu_weighted = DAVIT_GPU_FAMILY(operators);
