#include "bottleneck.h"

#include <string.h>

#include "convolution.h"
#include "int8_layout.h"
#include "kernels.h"

#define FAR_BYTES (1536 * 1024)    /* of what is between the convolutions */
#define SHARED_BYTES (704 * 1024)  /* the same where threads would exchange some of it */
#define WEIGHT_BYTES (2048 * 1024) /* that are read again for each strip */
#define LEAST_ROWS 7               /* of a thread: rows between threads are expanded twice */

/* ---- finding ---- */

typedef struct match {
    size_t expand, depthwise, project; /* positions; expand: SIZE_MAX for none */
} match;

static bool is_end(davit_activation activation)
{
    return activation == DAVIT_ACTIVATION_RELU || activation == DAVIT_ACTIVATION_CLIP ||
           activation == DAVIT_ACTIVATION_HARDSWISH || activation == DAVIT_ACTIVATION_LINEAR ||
           activation == DAVIT_ACTIVATION_GELU_ERF || activation == DAVIT_ACTIVATION_SILU;
}

/* Whether own loops have all that follows a convolution but the last, which may be ended after
 * them. */
static bool ends_fit(const davit_graph *graph, const davit_onednn_convolution *c, bool is_last)
{
    uint32_t ends = 0;
    for (uint32_t i = 0; i < c->unit->epilogue_count; i++) {
        const davit_epilogue *e = &c->unit->epilogues[i];
        const bool is_bias = e->kind == DAVIT_EPILOGUE_BIAS;
        if (is_bias && i == 0 && !davit_node_has_input(c->node, 2)) {
            if (graph->values[e->operand].constant == NULL) {
                return false;
            }
        } else if (!is_last && (e->kind != DAVIT_EPILOGUE_ACTIVATION || !is_end(e->activation) ||
                                ++ends > DAVIT_DENSE_ENDS)) {
            return false;
        }
        if (e->kind != DAVIT_EPILOGUE_ACTIVATION && e->operand == c->node->inputs[0]) {
            return false;
        }
    }
    return true;
}

/* The f32 convolution with constant weights at a position; *out only where it is true. */
static bool convolution_at(const davit_onednn_builder *builder, size_t position, bool is_last,
                           davit_onednn_convolution *out)
{
    const davit_graph *graph = builder->graph;
    const davit_unit *unit = davit_onednn_lone_unit(builder, position);
    return unit != NULL && davit_onednn_convolution_of(graph, unit, out) &&
           davit_node_input(graph, out->node, 0)->dtype == DAVIT_F32 &&
           davit_node_constant(graph, out->node, 1) != NULL &&
           (!davit_node_has_input(out->node, 2) ||
            davit_node_constant(graph, out->node, 2) != NULL) &&
           ends_fit(graph, out, is_last);
}

/* What a convolution adds to the bytes of weights. */
static int64_t weight_bytes(const davit_onednn_builder *builder, const davit_onednn_convolution *c)
{
    return davit_tensor_desc_elems(davit_node_input(builder->graph, c->node, 1)) *
           (int64_t)sizeof(float);
}

/* Whether strips are faster: where much is not written, weights are few, and threads have rows
 * enough. */
static bool is_faster(const davit_onednn_builder *builder, const davit_onednn_convolution *c,
                      bool expands, int64_t weights)
{
    const davit_tensor_desc *x = davit_node_input(builder->graph, c->node, 0);
    const int64_t *in = c->window.in, *out = c->window.out;
    const int64_t places = x->dims[0] * (out[0] * out[1] + (expands ? in[0] * in[1] : 0));
    const int64_t threads = builder->program->threads;
    return places * x->dims[1] * (int64_t)sizeof(float) >=
               (threads > 1 ? SHARED_BYTES : FAR_BYTES) &&
           weights <= WEIGHT_BYTES && x->dims[0] * out[0] >= LEAST_ROWS * threads;
}

/* True when one of the units is to be computed by another kernel; *fused where by this one. */
static bool is_chosen_apart(const davit_onednn_builder *builder, const match *m, bool *fused)
{
    const char *chosen = davit_onednn_kernel_of(builder->spec, m->depthwise);
    *fused = chosen != NULL && strcmp(chosen, DAVIT_ONEDNN_FUSED) == 0;
    return (chosen != NULL && !*fused) ||
           davit_onednn_kernel_of(builder->spec, m->project) != NULL ||
           (m->expand != SIZE_MAX && davit_onednn_kernel_of(builder->spec, m->expand) != NULL);
}

/* ---- building ---- */

/* A pointwise convolution for the loops; its residual, or NULL, goes to *residual where that may
 * be. */
static davit_status prepare_pointwise(davit_onednn_builder *builder, davit_onednn_convolution *c,
                                      davit_bottleneck *b, davit_dense *dense,
                                      const davit_onednn_operand **residual)
{
    builder->unit = c->unit;
    davit_status status = davit_onednn_convolution_gather(builder, c);
    if (status != DAVIT_OK) {
        return status;
    }
    const davit_dense_spec spec = davit_onednn_pointwise_spec(builder, c);
    status = davit_dense_prepare(builder, &spec, &b->dense_loops, dense);
    *residual = davit_dense_take(&c->fusion, dense);
    return status;
}

static davit_status prepare_depthwise(davit_onednn_builder *builder, davit_onednn_convolution *c,
                                      davit_bottleneck *b)
{
    builder->unit = c->unit;
    davit_status status = davit_onednn_convolution_gather(builder, c);
    if (status != DAVIT_OK) {
        return status;
    }
    const davit_depthwise_spec spec = davit_onednn_depthwise_spec(builder, c);
    return davit_depthwise_prepare(builder, &spec, &c->fusion, &b->depthwise_loops, &b->depthwise);
}

static const davit_unit *unit_at(const davit_onednn_builder *builder, size_t position)
{
    return &builder->graph->units[builder->spec->units[position]];
}

/* All of it; *project is the last convolution, *source what the first one reads. */
static davit_status prepare(davit_onednn_builder *builder, const match *m, davit_bottleneck *b,
                            davit_onednn_convolution *project, davit_value_id *source,
                            const davit_onednn_operand **residual)
{
    const davit_graph *graph = builder->graph;
    davit_onednn_convolution c;
    davit_status status = DAVIT_OK;
    b->expands = m->expand != SIZE_MAX;
    if (!davit_onednn_convolution_of(graph, unit_at(builder, m->depthwise), &c)) {
        return DAVIT_UNSUPPORTED;
    }
    *source = c.node->inputs[0];
    b->images = graph->values[*source].desc.dims[0];
    status = prepare_depthwise(builder, &c, b);
    if (status == DAVIT_OK && b->expands) {
        if (!davit_onednn_convolution_of(graph, unit_at(builder, m->expand), &c)) {
            return DAVIT_UNSUPPORTED;
        }
        *source = c.node->inputs[0];
        status = prepare_pointwise(builder, &c, b, &b->expand, residual);
    }
    if (status == DAVIT_OK &&
        !davit_onednn_convolution_of(graph, unit_at(builder, m->project), project)) {
        return DAVIT_UNSUPPORTED;
    }
    if (status == DAVIT_OK) {
        status = prepare_pointwise(builder, project, b, &b->project, residual);
    }
    return status;
}

static davit_status build(davit_onednn_builder *builder, const davit_onednn_group *group)
{
    const davit_unit *last = builder->unit;
    const davit_onednn_operand *residual = NULL;
    davit_onednn_convolution project;
    davit_onednn_operand operands[4];
    davit_value_id source;
    davit_bottleneck *b = davit_onednn_alloc(builder, sizeof(*b));
    if (b == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = prepare(builder, group->match, b, &project, &source, &residual);
    builder->unit = last;
    if (status == DAVIT_OK) {
        b->has_residual = residual != NULL;
        davit_bottleneck_plan(b);
        status = davit_int8_value_channels_last(builder, source, &operands[0]);
    }
    if (status == DAVIT_OK) {
        status = davit_int8_new_channels_last(builder, last->outputs[0], &operands[1]);
    }
    if (status == DAVIT_OK) {
        const int64_t elems = (int64_t)builder->program->threads * b->thread_elems;
        status = davit_onednn_new_bytes(builder, (size_t)elems * sizeof(float), &operands[2]);
    }
    if (status == DAVIT_OK && b->has_residual) {
        status = davit_onednn_convert(builder, residual, operands[1].desc, &operands[3]);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_add_kernel(builder, "own_bottleneck", davit_bottleneck_run, b,
                                         operands, b->has_residual ? 4 : 3);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_fusion_rest(builder, &project.fusion, &operands[1]);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, last->outputs[0], &operands[1]);
    }
    return status;
}

davit_status davit_bottleneck_find(davit_onednn_builder *builder, size_t position)
{
    davit_onednn_convolution depthwise, other;
    davit_onednn_group group = {.build = build};
    match m = {.expand = SIZE_MAX, .depthwise = position};
    bool fused;
    if (builder->bf16 || !convolution_at(builder, position, false, &depthwise) ||
        !davit_onednn_is_depthwise(builder->graph, &depthwise)) {
        return DAVIT_OK;
    }
    const davit_depthwise_spec spec = {.window = &depthwise.window};
    m.project = davit_onednn_sole_reader(builder, depthwise.unit->outputs[0]);
    if (!davit_depthwise_can(&spec) || depthwise.window.dilation[0] != 1 ||
        !convolution_at(builder, m.project, true, &other) || !davit_onednn_is_pointwise(&other) ||
        other.node->inputs[0] != depthwise.unit->outputs[0]) {
        return DAVIT_OK;
    }
    int64_t weights = weight_bytes(builder, &other);
    const size_t maker = davit_onednn_maker(builder, depthwise.node->inputs[0]);
    if (davit_onednn_sole_reader(builder, depthwise.node->inputs[0]) == position &&
        convolution_at(builder, maker, false, &other) && davit_onednn_is_pointwise(&other)) {
        m.expand = maker;
        weights += weight_bytes(builder, &other);
    }
    if (is_chosen_apart(builder, &m, &fused) ||
        (!fused && !is_faster(builder, &depthwise, m.expand != SIZE_MAX, weights))) {
        return DAVIT_OK;
    }
    group.match = &m;
    (void)davit_onednn_group_add(&group, m.project);
    (void)davit_onednn_group_add(&group, m.depthwise);
    if (m.expand != SIZE_MAX) {
        (void)davit_onednn_group_add(&group, m.expand);
    }
    return davit_onednn_group_keep(builder, &group, sizeof(m));
}
