/* Gemm and MatMul with what follows them. */
#include "copy.h"
#include "dense.h"
#include "fusion.h"
#include "kernels.h"
#include "operators.h"

typedef struct product {
    const davit_unit *unit;
    const davit_node *node;
    int rank;                        /* of the primitive: batch dimensions, rows, columns */
    davit_onednn_operand a, b, bias; /* described with rank dimensions */
    bool has_bias, pack_b;
    int64_t dst_dims[DNNL_MAX_NDIMS];
    davit_onednn_fusion fusion;
} product;

static const char *refuse_product(const davit_graph *graph, const davit_unit *unit)
{
    (void)graph;
    return davit_onednn_fusion_fits(unit) && unit->output_count == 1 ? NULL : "epilogues";
}

/* ---- MatMul ---- */

/* The shape of an operand with both matrix axes, as numpy's matmul sees it; returns the rank. */
static int matrix_dims(const davit_tensor_desc *desc, bool left, int64_t *dims)
{
    if (desc->rank >= 2) {
        for (int i = 0; i < desc->rank; i++) {
            dims[i] = desc->dims[i];
        }
        return desc->rank;
    }
    int64_t length = desc->rank == 0 ? 1 : desc->dims[0];
    dims[0] = left ? 1 : length;
    dims[1] = left ? length : 1;
    return 2;
}

/* Prepends dimensions of 1. */
static void widen(int64_t *dims, int from, int to)
{
    for (int i = to - 1; i >= 0; i--) {
        dims[i] = i >= to - from ? dims[i - (to - from)] : 1;
    }
}

/* Makes one batch dimension of all where neither operand is broadcast; returns the rank. */
static int merge_batches(int64_t *a, int64_t *b, int rank)
{
    int64_t batch = 1;
    for (int i = 0; i < rank - 2; i++) {
        if (a[i] != b[i]) {
            return rank;
        }
        batch *= a[i];
    }
    a[0] = b[0] = batch;
    for (int i = 0; i < 2; i++) {
        a[1 + i] = a[rank - 2 + i];
        b[1 + i] = b[rank - 2 + i];
    }
    return 3;
}

static davit_status describe_matmul(davit_onednn_builder *builder, product *p)
{
    const davit_tensor_desc *a = davit_node_input(builder->graph, p->node, 0);
    const davit_tensor_desc *b = davit_node_input(builder->graph, p->node, 1);
    int64_t a_dims[DAVIT_MAX_RANK + 1], b_dims[DAVIT_MAX_RANK + 1];
    int a_rank = matrix_dims(a, true, a_dims);
    int b_rank = matrix_dims(b, false, b_dims);
    int64_t batches = davit_tensor_desc_elems(b) / (b_dims[b_rank - 2] * b_dims[b_rank - 1]);
    if (batches == 1) { /* all rows of a in one matrix */
        int64_t depth = b_dims[b_rank - 2];
        b_dims[1] = b_dims[b_rank - 1];
        b_dims[0] = depth;
        a_dims[0] = davit_tensor_desc_elems(a) / depth;
        a_dims[1] = depth;
        p->rank = 2;
        p->pack_b = davit_onednn_constant(builder, &p->b) != NULL;
    } else {
        p->rank = a_rank > b_rank ? a_rank : b_rank;
        widen(a_dims, a_rank, p->rank);
        widen(b_dims, b_rank, p->rank);
        p->rank = merge_batches(a_dims, b_dims, p->rank);
    }
    for (int i = 0; i < p->rank - 2; i++) {
        p->dst_dims[i] = a_dims[i] > b_dims[i] ? a_dims[i] : b_dims[i];
    }
    p->dst_dims[p->rank - 2] = a_dims[p->rank - 2];
    p->dst_dims[p->rank - 1] = b_dims[p->rank - 1];
    davit_status status = davit_onednn_desc_dense(builder, p->rank, a_dims, &p->a.desc);
    return status == DAVIT_OK ? davit_onednn_desc_dense(builder, p->rank, b_dims, &p->b.desc)
                              : status;
}

/* ---- Gemm ---- */

static davit_status describe_transposable(davit_onednn_builder *builder,
                                          const davit_tensor_desc *desc, bool transposed,
                                          davit_dnnl_desc *out)
{
    int64_t dims[2] = {desc->dims[0], desc->dims[1]};
    int64_t strides[2] = {desc->dims[1], 1};
    if (transposed) {
        dims[0] = desc->dims[1];
        dims[1] = desc->dims[0];
        strides[0] = 1;
        strides[1] = desc->dims[1];
    }
    return davit_dnnl_desc_create(&builder->program->pool, 2, dims, strides, out);
}

/* beta * C as an operand of two dimensions. */
static davit_status scale_addend(davit_onednn_builder *builder, const int64_t *dims, float beta,
                                 davit_onednn_operand *addend)
{
    davit_dnnl_desc desc;
    davit_status status = davit_onednn_desc_dense(builder, 2, dims, &desc);
    if (status != DAVIT_OK) {
        return status;
    }
    addend->desc = desc;
    if (beta == 1.0f) {
        return DAVIT_OK;
    }
    const davit_dnnl_eltwise_params params = {
        .algorithm = dnnl_eltwise_linear, .data = desc, .alpha = beta};
    davit_onednn_operand scaled;
    status = davit_onednn_new(builder, desc, &scaled);
    if (status == DAVIT_OK) {
        status = davit_onednn_add_eltwise(builder, &params, addend, &scaled);
    }
    if (status == DAVIT_OK) {
        *addend = scaled;
    }
    return status;
}

static davit_status describe_addend(davit_onednn_builder *builder, product *p, bool scaled,
                                    float beta)
{
    const davit_tensor_desc *desc = davit_node_input(builder->graph, p->node, 2);
    int64_t dims[2] = {1, 1};
    for (int i = 0; i < desc->rank; i++) {
        dims[2 - desc->rank + i] = desc->dims[i];
    }
    davit_onednn_operand addend;
    davit_status status = davit_onednn_value_dense(builder, p->node->inputs[2], &addend);
    if (status == DAVIT_OK) {
        status = scale_addend(builder, dims, beta, &addend);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    if (!scaled && dims[0] == 1 && dims[1] == p->dst_dims[1]) {
        p->bias = addend;
        p->has_bias = true;
    } else {
        davit_onednn_fuse_binary(&p->fusion, dnnl_binary_add, &addend);
    }
    return DAVIT_OK;
}

static davit_status describe_gemm(davit_onednn_builder *builder, product *p)
{
    const davit_tensor_desc *a = davit_node_input(builder->graph, p->node, 0);
    const davit_tensor_desc *b = davit_node_input(builder->graph, p->node, 1);
    bool transposed_a = davit_node_int(p->node, "transA", 0) != 0;
    bool transposed_b = davit_node_int(p->node, "transB", 0) != 0;
    float alpha = davit_node_float(p->node, "alpha", 1.0f);
    float beta = davit_node_float(p->node, "beta", 1.0f);
    p->rank = 2;
    p->pack_b = davit_onednn_constant(builder, &p->b) != NULL;
    p->dst_dims[0] = a->dims[transposed_a ? 1 : 0];
    p->dst_dims[1] = b->dims[transposed_b ? 0 : 1];
    davit_status status = describe_transposable(builder, a, transposed_a, &p->a.desc);
    if (status == DAVIT_OK) {
        status = describe_transposable(builder, b, transposed_b, &p->b.desc);
    }
    if (alpha != 1.0f) {
        davit_onednn_fuse_eltwise(&p->fusion, dnnl_eltwise_linear, alpha, 0.0f);
    }
    if (status == DAVIT_OK && davit_node_has_input(p->node, 2) && beta != 0.0f) {
        status = describe_addend(builder, p, alpha != 1.0f, beta);
    }
    return status;
}

/* ---- both ---- */

/* The epilogues, over the result as the primitive sees it. */
static davit_status fuse(davit_onednn_builder *builder, product *p, davit_dnnl_desc dst)
{
    size_t first = p->fusion.count;
    davit_status status =
        davit_onednn_fuse_epilogues(builder, p->unit, p->rank, p->rank - 1, &p->fusion);
    for (size_t i = first; i < p->fusion.count && status == DAVIT_OK; i++) {
        davit_onednn_fused *item = &p->fusion.items[i];
        if (item->op.kind == DAVIT_DNNL_SUM) {
            for (uint32_t e = 0; e < p->unit->epilogue_count && status == DAVIT_OK; e++) {
                if (p->unit->epilogues[e].kind == DAVIT_EPILOGUE_RESIDUAL) {
                    status = davit_onednn_value_dense(builder, p->unit->epilogues[e].operand,
                                                      &item->operand);
                }
            }
            item->operand.desc = dst;
        }
    }
    if (status != DAVIT_OK) {
        return status;
    }
    if (!p->has_bias && first == 0 && p->fusion.count > 0 && p->unit->epilogue_count > 0 &&
        p->unit->epilogues[0].kind == DAVIT_EPILOGUE_BIAS) {
        p->bias = p->fusion.items[0].operand;
        p->has_bias = true;
        p->fusion.count--;
        for (size_t i = 0; i < p->fusion.count; i++) {
            p->fusion.items[i] = p->fusion.items[i + 1];
        }
    }
    return DAVIT_OK;
}

/* With as many of the following operations inside as oneDNN takes, and operands of that type. */
static davit_status create_as(davit_onednn_builder *builder, product *p, dnnl_data_type_t type,
                              davit_dnnl_desc dst, davit_dnnl_primitive *out)
{
    davit_dnnl_pool *pool = &builder->program->pool;
    davit_dnnl_matmul_params params = {.src = p->a.desc,
                                       .weights = p->b.desc,
                                       .bias = p->has_bias ? p->bias.desc : NULL,
                                       .dst = dst};
    davit_status status = DAVIT_OK;
    if (p->pack_b) {
        davit_dnnl_layout layout;
        if (!davit_dnnl_desc_layout(p->b.desc, &layout)) {
            return DAVIT_UNSUPPORTED;
        }
        status = davit_dnnl_desc_create(pool, p->rank, layout.dims, NULL, &params.weights);
    }
    if (status == DAVIT_OK && type != dnnl_f32) {
        status = davit_dnnl_desc_retype(pool, params.src, type, &params.src);
    }
    if (status == DAVIT_OK && type != dnnl_f32) {
        status = davit_dnnl_desc_retype(pool, params.weights, type, &params.weights);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    status = DAVIT_UNSUPPORTED;
    for (size_t count = davit_onednn_fusion_limit(&p->fusion) + 1;
         count-- > 0 && status == DAVIT_UNSUPPORTED;) {
        davit_dnnl_post_ops post_ops;
        davit_onednn_fusion_post_ops(&p->fusion, count, &post_ops);
        p->fusion.in_primitive = count;
        status = davit_dnnl_matmul(pool, &params, &post_ops, out);
    }
    return status;
}

/* With operands in bfloat16 where that is asked for. */
static davit_status create(davit_onednn_builder *builder, product *p, davit_dnnl_desc dst,
                           davit_dnnl_primitive *out)
{
    davit_status status =
        builder->bf16 ? create_as(builder, p, dnnl_bf16, dst, out) : DAVIT_UNSUPPORTED;
    if (status == DAVIT_UNSUPPORTED || (status == DAVIT_OK && davit_dnnl_is_reference(out))) {
        builder->f32_count += builder->bf16;
        status = create_as(builder, p, dnnl_f32, dst, out);
    }
    return status;
}

static davit_status add(davit_onednn_builder *builder, product *p,
                        const davit_dnnl_primitive *primitive, davit_dnnl_desc dst,
                        davit_onednn_operand *result)
{
    davit_onednn_arg args[4 + DAVIT_DNNL_MAX_POST_OPS];
    size_t count = 0;
    davit_onednn_operand a, b;
    davit_status status = davit_onednn_convert(
        builder, &p->b, davit_dnnl_query(primitive, dnnl_query_weights_md), &b);
    if (status == DAVIT_OK) {
        status = davit_onednn_convert(builder, &p->a,
                                      davit_dnnl_query(primitive, dnnl_query_src_md), &a);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    args[count++] = (davit_onednn_arg){DNNL_ARG_SRC, a};
    args[count++] = (davit_onednn_arg){DNNL_ARG_WEIGHTS, b};
    if (p->has_bias) {
        args[count++] = (davit_onednn_arg){DNNL_ARG_BIAS, p->bias};
    }
    status = davit_onednn_fusion_target(builder, &p->fusion, dst, args, count, result);
    if (status != DAVIT_OK) {
        return status;
    }
    args[count++] = (davit_onednn_arg){DNNL_ARG_DST, *result};
    count = davit_onednn_fusion_args(&p->fusion, args, count);
    status = davit_onednn_add_primitive(builder, primitive, args, count);
    return status == DAVIT_OK ? davit_onednn_fusion_rest(builder, &p->fusion, result) : status;
}

/* By our own product; DAVIT_UNSUPPORTED where it does not fit. */
static davit_status add_dense(davit_onednn_builder *builder, product *p, davit_dnnl_desc dst,
                              davit_onednn_operand *result)
{
    davit_dnnl_layout b, bias;
    davit_dense_spec spec = {.x = p->a,
                             .out = dst,
                             .rows = p->dst_dims[0],
                             .columns = p->dst_dims[1],
                             .weights = p->pack_b ? davit_onednn_constant(builder, &p->b) : NULL,
                             .borrowed = davit_onednn_borrowed(builder, &p->b),
                             .bias = p->has_bias ? davit_onednn_constant(builder, &p->bias) : NULL};
    if (builder->bf16 || p->rank != 2 || spec.weights == NULL || !davit_onednn_is_row_major(p->a.desc) ||
        !davit_dnnl_desc_layout(p->b.desc, &b) ||
        (p->has_bias && (spec.bias == NULL || !davit_dnnl_desc_layout(p->bias.desc, &bias) ||
                         bias.dims[1] != spec.columns))) {
        return DAVIT_UNSUPPORTED;
    }
    spec.depth = b.dims[0];
    spec.depth_stride = b.strides[0];
    spec.column_stride = b.strides[1];
    return davit_dense_can(&spec) &&
                   davit_onednn_picks(builder, DAVIT_ONEDNN_DENSE, davit_dense_fits(&spec))
               ? davit_dense_add(builder, &spec, &p->fusion, result)
               : DAVIT_UNSUPPORTED;
}

static davit_status build_product(davit_onednn_builder *builder, const davit_unit *unit,
                                  const davit_node *node)
{
    product p = {.unit = unit, .node = node};
    davit_dnnl_primitive primitive;
    davit_onednn_operand result;
    davit_dnnl_desc dst;
    davit_status status = davit_onednn_value_dense(builder, node->inputs[0], &p.a);
    if (status == DAVIT_OK) {
        status = davit_onednn_value_dense(builder, node->inputs[1], &p.b);
    }
    if (status == DAVIT_OK) {
        status = node->op->op == DAVIT_OP_Gemm ? describe_gemm(builder, &p)
                                               : describe_matmul(builder, &p);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_desc_dense(builder, p.rank, p.dst_dims, &dst);
    }
    if (status == DAVIT_OK) {
        status = fuse(builder, &p, dst);
    }
    if (status == DAVIT_OK) {
        status = add_dense(builder, &p, dst, &result);
    }
    if (status == DAVIT_UNSUPPORTED) {
        status = create(builder, &p, dst, &primitive);
        if (status == DAVIT_OK) {
            status = add(builder, &p, &primitive, dst, &result);
        }
    }
    return status == DAVIT_OK ? davit_onednn_value_set_dense(builder, unit->outputs[0], &result)
                              : status;
}

static const davit_onednn_operator operators[] = {
    {DAVIT_OP_Gemm, false, refuse_product, build_product},
    {DAVIT_OP_MatMul, false, refuse_product, build_product}};

const davit_onednn_family davit_onednn_products = DAVIT_ONEDNN_FAMILY(operators);
