#include "chain.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "copy.h"
#include "dnnl_api.h"
#include "parallel.h"

#define GRAIN_ELEMS 4096

#if defined(__x86_64__)
static const davit_chain_loops *choose_loops(void)
{
    unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
    const unsigned avx512 = (unsigned)dnnl_cpu_isa_avx512_core, avx2 = (unsigned)dnnl_cpu_isa_avx2;
    if ((isa & avx512) == avx512) {
        return &davit_chain_avx512;
    }
    return (isa & avx2) == avx2 ? &davit_chain_avx2 : NULL;
}
#else
static const davit_chain_loops *choose_loops(void)
{
    return NULL;
}
#endif

/* ---- finding ---- */

/* What is in a chain, from its end up. */
typedef struct match {
    const davit_node *quantize;
    const davit_node *transpose, *function; /* NULL: none */
    davit_value_id shaped;                  /* what the transpose, or the end, has the shape of */
    davit_value_id bias;                    /* DAVIT_NONE: none, as b */
    davit_value_id a, b;                    /* dequantised by the nodes, where they are there */
    const davit_node *a_dequantize, *b_dequantize;
} match;

static bool is_byte(davit_dtype dtype)
{
    return dtype == DAVIT_U8 || dtype == DAVIT_S8;
}

/* A DequantizeLinear above a value, which becomes its input. */
static const davit_node *climb_dequantize(const davit_onednn_builder *builder,
                                          davit_onednn_group *group, davit_value_id *value)
{
    const davit_graph *graph = builder->graph;
    davit_onednn_group tried = *group;
    davit_value_id above = *value;
    const davit_node *node =
        davit_onednn_group_climb(builder, &tried, DAVIT_OP_DequantizeLinear, &above);
    if (node == NULL || !davit_onednn_has_one_scale(graph, node) ||
        !is_byte(graph->values[above].desc.dtype) || graph->values[above].constant != NULL) {
        return NULL;
    }
    *group = tried;
    *value = above;
    return node;
}

/* True for a constant with one element for each column, whatever dimensions of 1 it has. */
static bool is_bias(const davit_graph *graph, davit_value_id value, int64_t columns)
{
    const davit_tensor *constant = graph->values[value].constant;
    return constant != NULL && constant->desc.dtype == DAVIT_F32 && constant->desc.rank > 0 &&
           constant->desc.dims[constant->desc.rank - 1] == columns &&
           davit_tensor_desc_elems(&constant->desc) == columns;
}

/* Additions above m->a, of a bias and of one other value of the same shape. */
static void climb_additions(const davit_onednn_builder *builder, davit_onednn_group *group,
                            match *m)
{
    const davit_graph *graph = builder->graph;
    for (;;) {
        davit_onednn_group tried = *group;
        davit_value_id first = m->a;
        const davit_tensor_desc *desc = &graph->values[m->a].desc;
        const davit_node *add = davit_onednn_group_climb(builder, &tried, DAVIT_OP_Add, &first);
        if (add == NULL || desc->rank == 0) {
            return;
        }
        const int64_t columns = desc->dims[desc->rank - 1];
        davit_value_id second = add->inputs[1];
        if (is_bias(graph, first, columns)) {
            davit_value_id other = first;
            first = second;
            second = other;
        }
        if (!davit_tensor_desc_same_shape(&graph->values[first].desc, desc)) {
            return;
        }
        if (m->bias == DAVIT_NONE && is_bias(graph, second, columns)) {
            m->bias = second;
        } else if (m->b == DAVIT_NONE && m->bias == DAVIT_NONE && first != second &&
                   graph->values[first].constant == NULL &&
                   graph->values[second].constant == NULL &&
                   davit_tensor_desc_same_shape(&graph->values[second].desc, desc)) {
            m->b = second;
        } else {
            return;
        }
        m->a = first;
        *group = tried;
    }
}

/* A vector for each column, or absent. */
static bool is_vector(const davit_graph *graph, const davit_node *node, uint32_t i, int64_t columns)
{
    return !davit_node_has_input(node, i) || is_bias(graph, node->inputs[i], columns);
}

static void climb_function(const davit_onednn_builder *builder, davit_onednn_group *group, match *m)
{
    const davit_graph *graph = builder->graph;
    davit_onednn_group tried = *group;
    davit_value_id value = m->a;
    const davit_tensor_desc *desc = &graph->values[m->a].desc;
    const davit_node *node = davit_onednn_group_climb(builder, &tried, DAVIT_OP_Gelu, &value);
    bool fits = node != NULL && strcmp(davit_node_string(node, "approximate", "none"), "none") == 0;
    if (node == NULL) {
        node = davit_onednn_group_climb(builder, &tried, DAVIT_OP_LayerNormalization, &value);
        if (node != NULL && desc->rank > 0) {
            int64_t columns = desc->dims[desc->rank - 1];
            fits =
                davit_node_axis(davit_node_int(node, "axis", -1), desc->rank) == desc->rank - 1 &&
                columns <= DAVIT_CHAIN_NORMALIZED && davit_node_has_input(node, 1) &&
                is_vector(graph, node, 1, columns) && is_vector(graph, node, 2, columns);
        }
    }
    if (fits) {
        m->function = node;
        m->a = value;
        *group = tried;
    }
}

/* ---- building ---- */

typedef struct params {
    const davit_chain_loops *loops;
    davit_chain chain;
} params;

typedef struct chain_run {
    const params *params;
    const void *a, *b;
    void *out;
} chain_run;

static void run_rows(const void *context, int64_t begin, int64_t end)
{
    const chain_run *run = context;
    run->params->loops->run(&run->params->chain, begin, end - begin, run->a, run->b, run->out);
}

/* Operands: a, out, maybe b. */
static davit_status run_chain(const davit_onednn_call *call)
{
    const params *p = call->params;
    const chain_run run = {.params = p,
                           .a = call->pointers[0],
                           .b = p->chain.has_b ? call->pointers[2] : NULL,
                           .out = call->pointers[1]};
    int64_t grain = GRAIN_ELEMS / p->chain.columns;
    davit_onednn_parallel(p->chain.rows, grain > 0 ? grain : 1, run_rows, &run);
    return DAVIT_OK;
}

static davit_int8_linear linear_of(const davit_graph *graph, const davit_node *node,
                                   davit_dtype byte)
{
    const davit_tensor *zero = davit_node_constant(graph, node, 2);
    int32_t offset = zero != NULL ? davit_load8(zero->data, byte, 0) : 0;
    return (davit_int8_linear){.source = davit_int8_source_of(byte, offset),
                               .scale =
                                   davit_constant_float(davit_node_constant(graph, node, 1), 1.0f),
                               .zero = (float)offset,
                               .least = (float)davit_quantized_low(byte),
                               .greatest = (float)davit_quantized_high(byte)};
}

static davit_chain_operand operand_of(const davit_graph *graph, davit_value_id value,
                                      const davit_node *dequantize)
{
    davit_chain_operand operand = {.is_bytes = dequantize != NULL};
    if (dequantize != NULL) {
        davit_int8_linear linear = linear_of(graph, dequantize, graph->values[value].desc.dtype);
        operand.source = linear.source;
        operand.scale = linear.scale;
    }
    return operand;
}

/* A constant vector of the graph. */
static davit_status vector_of(davit_onednn_builder *builder, davit_value_id value,
                              const float **out)
{
    davit_onednn_operand operand;
    davit_status status = davit_onednn_value_dense(builder, value, &operand);
    *out = status == DAVIT_OK ? davit_onednn_constant(builder, &operand) : NULL;
    return status;
}

static davit_status describe(davit_onednn_builder *builder, const match *m, davit_chain *chain)
{
    const davit_graph *graph = builder->graph;
    const davit_tensor_desc *a = &graph->values[m->a].desc;
    davit_status status = DAVIT_OK;
    *chain = (davit_chain){
        .columns = a->dims[a->rank - 1],
        .a = operand_of(graph, m->a, m->a_dequantize),
        .has_b = m->b != DAVIT_NONE,
        .out = linear_of(graph, m->quantize, davit_node_output(graph, m->quantize)->dtype)};
    chain->rows = davit_tensor_desc_elems(a) / chain->columns;
    chain->reciprocal = 1.0f / chain->out.scale;
    if (!(chain->out.scale > 0x1p-60f && chain->out.scale < 0x1p60f)) {
        chain->reciprocal = 0.0f;
    }
    if (chain->has_b) {
        chain->b = operand_of(graph, m->b, m->b_dequantize);
    }
    if (m->bias != DAVIT_NONE) {
        status = vector_of(builder, m->bias, &chain->bias);
    }
    if (m->function == NULL || status != DAVIT_OK) {
        return status;
    }
    if (m->function->op->op == DAVIT_OP_Gelu) {
        chain->function = DAVIT_CHAIN_GELU;
        return DAVIT_OK;
    }
    chain->function = DAVIT_CHAIN_NORMALIZE;
    chain->epsilon = davit_node_float(m->function, "epsilon", 1e-5f);
    status = vector_of(builder, m->function->inputs[1], &chain->scale);
    if (status == DAVIT_OK && davit_node_has_input(m->function, 2)) {
        status = vector_of(builder, m->function->inputs[2], &chain->shift);
    }
    return status;
}

/* The layout of the result: that of rows, seen through the transposition. */
static davit_status describe_result(davit_onednn_builder *builder, const match *m,
                                    davit_dnnl_desc *out)
{
    const davit_tensor_desc *result = davit_node_output(builder->graph, m->quantize);
    const davit_tensor_desc *shaped = &builder->graph->values[m->shaped].desc;
    int64_t dense[DAVIT_MAX_RANK], strides[DAVIT_MAX_RANK];
    int permutation[DAVIT_MAX_RANK];
    if (m->transpose == NULL) {
        return davit_onednn_desc_of(builder, m->quantize->outputs[0], out);
    }
    davit_onednn_dense_strides(shaped->rank, shaped->dims, dense);
    davit_onednn_permutation(m->transpose, shaped->rank, permutation);
    for (int i = 0; i < shaped->rank; i++) {
        strides[i] = dense[permutation[i]];
    }
    const davit_dnnl_tensor tensor = {.type = davit_onednn_type(result->dtype),
                                      .rank = result->rank,
                                      .dims = result->dims,
                                      .strides = strides};
    return davit_dnnl_desc_describe(&builder->program->pool, &tensor, out);
}

static davit_status build(davit_onednn_builder *builder, const davit_onednn_group *group)
{
    const match *m = group->match;
    davit_onednn_operand operands[3];
    davit_dnnl_desc desc;
    params *p = davit_onednn_alloc(builder, sizeof(*p));
    if (p == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    p->loops = choose_loops();
    davit_status status = describe(builder, m, &p->chain);
    if (status == DAVIT_OK) {
        status = davit_onednn_value_dense(builder, m->a, &operands[0]);
    }
    if (status == DAVIT_OK && p->chain.has_b) {
        status = davit_onednn_value_dense(builder, m->b, &operands[2]);
    }
    if (status == DAVIT_OK) {
        status = describe_result(builder, m, &desc);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_new(builder, desc, &operands[1]);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_add_kernel(builder, p->loops->name, run_chain, p, operands,
                                         p->chain.has_b ? 3 : 2);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, m->quantize->outputs[0], &operands[1]);
    }
    return status;
}

davit_status davit_chain_find(davit_onednn_builder *builder, size_t position, bool reads_strided)
{
    const davit_graph *graph = builder->graph;
    const davit_node *quantize = davit_onednn_lone_node(builder, position);
    davit_onednn_group group = {.build = build};
    match m = {.quantize = quantize, .bias = DAVIT_NONE, .b = DAVIT_NONE, .a = quantize->inputs[0]};
    if (choose_loops() == NULL || !davit_onednn_has_one_scale(graph, quantize) ||
        !is_byte(davit_node_output(graph, quantize)->dtype) ||
        graph->values[m.a].desc.dtype != DAVIT_F32 || graph->values[m.a].constant != NULL ||
        !davit_onednn_group_add(&group, position)) {
        return DAVIT_OK;
    }
    if (reads_strided) {
        m.transpose = davit_onednn_group_climb(builder, &group, DAVIT_OP_Transpose, &m.a);
    }
    m.shaped = m.a;
    while (davit_onednn_group_climb(builder, &group, DAVIT_OP_Reshape, &m.a) != NULL) {
    }
    climb_function(builder, &group, &m);
    climb_additions(builder, &group, &m);
    m.a_dequantize = climb_dequantize(builder, &group, &m.a);
    if (m.b != DAVIT_NONE) {
        m.b_dequantize = climb_dequantize(builder, &group, &m.b);
    }
    if (group.count < 2 || graph->values[m.a].constant != NULL ||
        graph->values[m.a].desc.rank == 0) {
        return DAVIT_OK;
    }
    group.match = &m;
    return davit_onednn_group_keep(builder, &group, sizeof(m));
}
