#include "davit/passes.h"

#include "constants.h"
#include "epilogue.h"
#include "rewrite.h"
#include "uses.h"

#include <math.h>
#include <string.h>

/* y[c] = x[c] * scale[c] + shift[c]: what the nodes after an anchor do to its channels. */
typedef struct affine {
    int64_t channels;
    double *scale;
    double *shift;
    bool has_scale, has_shift;
    davit_node_id last; /* the last node of the chain, DAVIT_NONE: none yet */
} affine;

typedef struct folder {
    davit_graph *graph;
    davit_uses uses;
} folder;

/* ---- reading the chain ---- */

static double along(const davit_tensor *constant, int64_t c)
{
    return davit_constant_get(constant, davit_tensor_desc_elems(&constant->desc) == 1 ? 0 : c);
}

/* BatchNormalization in its inference form. */
static bool apply_batch_norm(const davit_graph *graph, const davit_node *node, int axis, affine *a)
{
    const davit_tensor *p[4];
    double epsilon = (double)davit_node_float(node, "epsilon", 1e-5f);
    for (uint32_t i = 0; i < 4; i++) {
        p[i] = davit_node_constant(graph, node, i + 1);
        if (!p[i] || !davit_constant_is_float(p[i]) ||
            davit_tensor_desc_elems(&p[i]->desc) != a->channels) {
            return false;
        }
    }
    if (axis != 1 || node->output_count != 1 || davit_node_int(node, "training_mode", 0) != 0) {
        return false;
    }
    for (int64_t c = 0; c < a->channels; c++) {
        double factor = davit_constant_get(p[0], c) / sqrt(davit_constant_get(p[3], c) + epsilon);
        a->scale[c] *= factor;
        a->shift[c] =
            (a->shift[c] - davit_constant_get(p[2], c)) * factor + davit_constant_get(p[1], c);
    }
    a->has_scale = true;
    a->has_shift = true;
    return true;
}

/* Add, Sub, Mul, Div of the anchor's result and a constant that changes along its channels only. */
static bool apply_arithmetic(const davit_graph *graph, const davit_node *node, davit_value_id value,
                             int axis, affine *a)
{
    uint32_t other = node->inputs[0] == value ? 1 : 0;
    const davit_tensor *constant = davit_node_constant(graph, node, other);
    davit_op op = node->op->op;
    if (!constant || !davit_constant_along(constant, &graph->values[value].desc, axis) ||
        (op == DAVIT_OP_Div && other == 0)) {
        return false;
    }
    for (int64_t c = 0; c < a->channels; c++) {
        double operand = along(constant, c);
        if (op == DAVIT_OP_Mul || op == DAVIT_OP_Div) {
            double factor = op == DAVIT_OP_Mul ? operand : 1.0 / operand;
            a->scale[c] *= factor;
            a->shift[c] *= factor;
        } else if (op == DAVIT_OP_Sub && other == 0) {
            a->scale[c] = -a->scale[c];
            a->shift[c] = operand - a->shift[c];
        } else {
            a->shift[c] += op == DAVIT_OP_Sub ? -operand : operand;
        }
    }
    bool is_sum = op == DAVIT_OP_Add || op == DAVIT_OP_Sub;
    a->has_scale |= !is_sum || (op == DAVIT_OP_Sub && other == 0);
    a->has_shift |= is_sum;
    return true;
}

static bool apply_node(const davit_graph *graph, const davit_node *node, davit_value_id value,
                       int axis, affine *a)
{
    switch (node->op->op) {
    case DAVIT_OP_BatchNormalization:
        return node->inputs[0] == value && apply_batch_norm(graph, node, axis, a);
    case DAVIT_OP_Add:
    case DAVIT_OP_Div:
    case DAVIT_OP_Mul:
    case DAVIT_OP_Sub:
        return apply_arithmetic(graph, node, value, axis, a);
    default:
        return false;
    }
}

/* True when the anchor has no place for a bias and cannot be given one. */
static bool lacks_bias(const davit_graph *graph, const davit_node *anchor)
{
    return anchor->op->op == DAVIT_OP_MatMul && (graph->values[anchor->inputs[0]].desc.rank != 2 ||
                                                 graph->values[anchor->inputs[1]].desc.rank != 2);
}

static bool shifts(davit_op op)
{
    return op == DAVIT_OP_Add || op == DAVIT_OP_Sub || op == DAVIT_OP_BatchNormalization;
}

/* Multiplies the nodes after the anchor out, as long as each is the only reader of the one
 * before. */
static void read_chain(const folder *f, const davit_node *anchor, int axis, affine *a)
{
    const davit_graph *graph = f->graph;
    davit_value_id value = anchor->outputs[0];
    for (int64_t c = 0; c < a->channels; c++) {
        a->scale[c] = 1;
        a->shift[c] = 0;
    }
    for (;;) {
        davit_node_id next = davit_uses_single(&f->uses, graph, value);
        if (next == DAVIT_NONE ||
            (shifts(graph->nodes[next].op->op) && lacks_bias(graph, anchor)) ||
            !apply_node(graph, &graph->nodes[next], value, axis, a)) {
            return;
        }
        a->last = next;
        value = graph->nodes[next].outputs[0];
    }
}

/* ---- writing the anchor ---- */

/* Weights as [outer][middle][inner]: element (o, m, i) belongs to the output channel
 * o / outer_per_group * middle + m. */
typedef struct weight_layout {
    int64_t outer, middle, inner, outer_per_group;
} weight_layout;

static weight_layout layout_weights(const davit_node *anchor, const davit_tensor_desc *w)
{
    weight_layout l = {1, w->dims[0], 1, 1}; /* Conv: [C_out, C_in / groups, ...]; Gemm: [N, K] */
    bool columns = anchor->op->op == DAVIT_OP_MatMul ||
                   (anchor->op->op == DAVIT_OP_Gemm && davit_node_int(anchor, "transB", 0) == 0);
    if (columns) { /* [..., K, N] */
        l.middle = w->dims[w->rank - 1];
        for (int d = 0; d < w->rank - 1; d++) {
            l.outer *= w->dims[d];
        }
        l.outer_per_group = l.outer;
        return l;
    }
    int first_inner = 1;
    if (anchor->op->op == DAVIT_OP_ConvTranspose) { /* [C_in, C_out / groups, ...] */
        l.outer = w->dims[0];
        l.middle = w->dims[1];
        l.outer_per_group = l.outer / davit_node_int(anchor, "group", 1);
        first_inner = 2;
    }
    for (int d = first_inner; d < w->rank; d++) {
        l.inner *= w->dims[d];
    }
    return l;
}

/* Elements begin to end of f32 weights; false: one is not finite. */
static bool scale_f32(const davit_tensor *from, davit_tensor *to, int64_t begin, int64_t end,
                      double factor)
{
    const uint32_t exponent = 0x7f800000;
    float *out = to->data;
    uint32_t wrong = 0;
    for (int64_t i = begin; i < end; i++) {
        uint32_t bits;
        out[i] = (float)((double)davit_tensor_f32(from, (size_t)i) * factor);
        memcpy(&bits, &out[i], sizeof(bits));
        wrong |= (bits & exponent) == exponent;
    }
    return wrong == 0;
}

static bool scale_any(const davit_tensor *from, davit_tensor *to, int64_t begin, int64_t end,
                      double factor)
{
    bool finite = true;
    for (int64_t i = begin; i < end; i++) {
        davit_constant_set(to, i, davit_constant_get(from, i) * factor);
        finite = finite && isfinite(davit_constant_get(to, i));
    }
    return finite;
}

/* Makes the scaled weights. *out NULL with DAVIT_OK: they would not be finite. */
static davit_status scale_weights(davit_graph *graph, const davit_node *anchor,
                                  const affine *a, davit_tensor **out)
{
    const davit_tensor *from = davit_node_constant(graph, anchor, 1);
    weight_layout l = layout_weights(anchor, &from->desc);
    davit_tensor *to;
    *out = NULL;
    davit_status status = davit_graph_make_tensor(graph, &from->desc, &to);
    if (status != DAVIT_OK) {
        return status;
    }
    bool finite = true;
    int64_t at = 0;
    for (int64_t o = 0; o < l.outer; o++) {
        for (int64_t m = 0; m < l.middle; m++) {
            double factor = a->scale[o / l.outer_per_group * l.middle + m];
            finite &= from->desc.dtype == DAVIT_F32
                          ? scale_f32(from, to, at, at + l.inner, factor)
                          : scale_any(from, to, at, at + l.inner, factor);
            at += l.inner;
        }
    }
    davit_tensor_rest(from);
    if (!finite) {
        davit_tensor_destroy(to);
        return DAVIT_OK;
    }
    *out = to;
    return DAVIT_OK;
}

/* Makes the new bias, [channels]. *out NULL with DAVIT_OK: it would not be finite. */
static davit_status make_bias(const davit_graph *graph, const davit_node *anchor, const affine *a,
                              davit_tensor **out)
{
    const davit_tensor *from = davit_node_constant(graph, anchor, 2);
    davit_dtype dtype = davit_node_constant(graph, anchor, 1)->desc.dtype;
    double beta = (double)davit_node_float(anchor, "beta", 1.0f);
    davit_tensor *to;
    *out = NULL;
    davit_status status = davit_tensor_create(graph->allocator, dtype, 1, &a->channels, &to);
    if (status != DAVIT_OK) {
        return status;
    }
    for (int64_t c = 0; c < a->channels; c++) {
        double bias = from ? beta * along(from, c) : 0;
        davit_constant_set(to, c, bias * a->scale[c] + a->shift[c]);
        if (!isfinite(davit_constant_get(to, c))) {
            davit_tensor_destroy(to);
            return DAVIT_OK;
        }
    }
    *out = to;
    return DAVIT_OK;
}

/* Puts new weights and bias into the anchor and lets it compute the chain's result. A
 * MatMul that gets a bias becomes a Gemm. */
static davit_status rewrite_anchor(davit_graph *graph, davit_node_id id, davit_value_id weights,
                                   davit_value_id bias, davit_node_id last)
{
    const davit_node *anchor = &graph->nodes[id];
    davit_attribute *attributes = davit_alloc_array(
        graph->allocator, (size_t)anchor->attribute_count + 1, sizeof(*attributes));
    if (!attributes) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_value_id inputs[3] = {anchor->inputs[0], weights, bias};
    davit_node_spec spec = {.op = anchor->op->op,
                            .input_count = bias == DAVIT_NONE ? 2 : 3,
                            .inputs = inputs,
                            .attributes = attributes};
    if (spec.op == DAVIT_OP_MatMul && bias != DAVIT_NONE) {
        spec.op = DAVIT_OP_Gemm;
    }
    /* The factor of the old bias is in the new one. */
    const davit_attribute *beta = davit_node_attribute(anchor, "beta");
    for (uint32_t i = 0; i < anchor->attribute_count; i++) {
        if (&anchor->attributes[i] != beta) {
            attributes[spec.attribute_count++] = anchor->attributes[i];
        }
    }
    davit_status status = davit_graph_rewrite_node(graph, id, &spec);
    davit_free(graph->allocator, attributes);
    if (status == DAVIT_OK) {
        davit_graph_move_output(graph, last, id);
    }
    return status;
}

/* Removes the nodes between the anchor and the last of its chain. */
static void remove_between(folder *f, davit_node_id anchor, davit_node_id last)
{
    davit_value_id value = f->graph->nodes[anchor].outputs[0];
    for (;;) {
        davit_node_id next = davit_uses_single(&f->uses, f->graph, value);
        if (next == last) {
            return;
        }
        value = f->graph->nodes[next].outputs[0];
        davit_graph_remove_node(f->graph, next);
    }
}

/* Makes the constants that the anchor is to read; *weights and *bias stay what they are where
 * nothing changes. *finite false: they would not be finite, and nothing was made. */
static davit_status make_constants(davit_graph *graph, const davit_node *anchor, const affine *a,
                                   davit_value_id *weights, davit_value_id *bias, bool *finite)
{
    davit_tensor *new_weights = NULL;
    davit_tensor *new_bias = NULL;
    bool biased = a->has_shift || *bias != DAVIT_NONE;
    davit_status status = DAVIT_OK;
    if (a->has_scale) {
        status = scale_weights(graph, anchor, a, &new_weights);
        *finite = new_weights != NULL;
    }
    if (status == DAVIT_OK && biased && *finite) {
        status = make_bias(graph, anchor, a, &new_bias);
        *finite = new_bias != NULL;
    }
    if (status != DAVIT_OK || !*finite) {
        davit_tensor_destroy(new_weights);
        davit_tensor_destroy(new_bias);
        return status;
    }
    if (new_weights) {
        status = davit_graph_add_constant(graph, NULL, new_weights, weights);
    }
    if (status != DAVIT_OK) {
        davit_tensor_destroy(new_bias);
        return status;
    }
    return new_bias ? davit_graph_add_constant(graph, NULL, new_bias, bias) : DAVIT_OK;
}

static davit_status fold(folder *f, davit_node_id id, const affine *a)
{
    const davit_node *anchor = &f->graph->nodes[id];
    davit_value_id weights = anchor->inputs[1];
    davit_value_id bias = anchor->input_count > 2 ? anchor->inputs[2] : DAVIT_NONE;
    bool finite = true;
    davit_status status = make_constants(f->graph, anchor, a, &weights, &bias, &finite);
    if (status != DAVIT_OK || !finite) {
        return status;
    }
    remove_between(f, id, a->last);
    return rewrite_anchor(f->graph, id, weights, bias, a->last);
}

/* True when weights and bias of an anchor are constants that can be folded into. */
static bool is_foldable(const davit_graph *graph, const davit_node *anchor)
{
    const davit_tensor *weights = davit_node_constant(graph, anchor, 1);
    const davit_tensor *bias = davit_node_constant(graph, anchor, 2);
    bool has_bias = anchor->input_count > 2 && anchor->inputs[2] != DAVIT_NONE;
    int axis = davit_anchor_channel_axis(graph, anchor);
    return weights && davit_constant_is_float(weights) && axis >= 0 && has_bias == (bias != NULL) &&
           (!bias || anchor->op->op != DAVIT_OP_Gemm ||
            davit_constant_along(bias, &graph->values[anchor->outputs[0]].desc, axis));
}

static davit_status fold_anchor(folder *f, davit_node_id id)
{
    const davit_graph *graph = f->graph;
    const davit_node *anchor = &graph->nodes[id];
    if (!davit_op_is_anchor(anchor->op->op) || !is_foldable(graph, anchor)) {
        return DAVIT_OK;
    }
    int axis = davit_anchor_channel_axis(graph, anchor);
    affine a = {.channels = graph->values[anchor->outputs[0]].desc.dims[axis], .last = DAVIT_NONE};
    a.scale = davit_alloc_array(graph->allocator, (size_t)a.channels, sizeof(double));
    a.shift = davit_alloc_array(graph->allocator, (size_t)a.channels, sizeof(double));
    davit_status status = DAVIT_OUT_OF_MEMORY;
    if (a.scale && a.shift) {
        read_chain(f, anchor, axis, &a);
        status = a.last == DAVIT_NONE ? DAVIT_OK : fold(f, id, &a);
    }
    davit_free(graph->allocator, a.scale);
    davit_free(graph->allocator, a.shift);
    return status;
}

davit_status davit_pass_fold_batch_norm(davit_graph *graph, const davit_diagnostics *diag)
{
    folder f = {.graph = graph};
    davit_status status = davit_uses_build(graph, &f.uses);
    for (size_t n = 0; n < graph->order_count && status == DAVIT_OK; n++) {
        if (!graph->nodes[graph->order[n]].removed) {
            status = fold_anchor(&f, graph->order[n]);
        }
    }
    davit_uses_clear(&f.uses);
    if (status != DAVIT_OK) {
        return davit_fail(diag, status, "out of memory while folding normalisations");
    }
    return davit_graph_sort(graph, diag);
}
