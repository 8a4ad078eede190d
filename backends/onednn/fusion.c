#include <math.h>

#include "fusion.h"

static size_t item_count(const davit_epilogue *epilogue)
{
    bool two = epilogue->kind == DAVIT_EPILOGUE_ACTIVATION &&
               epilogue->activation == DAVIT_ACTIVATION_HARDSIGMOID;
    return two ? 2 : 1;
}

bool davit_onednn_fusion_fits(const davit_unit *unit)
{
    size_t items = 3; /* what a product may need before its epilogues */
    size_t residuals = 0;
    for (uint32_t i = 0; i < unit->epilogue_count; i++) {
        items += item_count(&unit->epilogues[i]);
        residuals += unit->epilogues[i].kind == DAVIT_EPILOGUE_RESIDUAL;
    }
    return items <= DAVIT_DNNL_MAX_POST_OPS && residuals <= 1;
}

/* ---- appending ---- */

void davit_onednn_fuse_eltwise(davit_onednn_fusion *fusion, dnnl_alg_kind_t algorithm, float alpha,
                               float beta)
{
    davit_dnnl_post_op *last = fusion->count > 0 ? &fusion->items[fusion->count - 1].op : NULL;
    if (algorithm == dnnl_eltwise_linear && last != NULL && last->kind == DAVIT_DNNL_ELTWISE &&
        last->algorithm == dnnl_eltwise_linear) {
        last->beta = alpha * last->beta + beta;
        last->alpha *= alpha;
        return;
    }
    fusion->items[fusion->count++] = (davit_onednn_fused){
        .op = {.kind = DAVIT_DNNL_ELTWISE, .algorithm = algorithm, .alpha = alpha, .beta = beta}};
}

void davit_onednn_fuse_binary(davit_onednn_fusion *fusion, dnnl_alg_kind_t algorithm,
                              const davit_onednn_operand *operand)
{
    fusion->items[fusion->count++] = (davit_onednn_fused){
        .op = {.kind = DAVIT_DNNL_BINARY, .algorithm = algorithm, .operand = operand->desc},
        .operand = *operand};
}

void davit_onednn_fuse_sum(davit_onednn_fusion *fusion, const davit_onednn_operand *residual)
{
    fusion->items[fusion->count++] =
        (davit_onednn_fused){.op = {.kind = DAVIT_DNNL_SUM}, .operand = *residual};
}

static void fuse_activation(davit_onednn_fusion *fusion, const davit_epilogue *epilogue)
{
    float alpha = epilogue->alpha, beta = epilogue->beta;
    switch (epilogue->activation) {
    case DAVIT_ACTIVATION_RELU:
        davit_onednn_fuse_eltwise(fusion, dnnl_eltwise_relu, 0.0f, 0.0f);
        break;
    case DAVIT_ACTIVATION_CLIP:
        davit_onednn_fuse_eltwise(fusion, dnnl_eltwise_clip, fminf(alpha, beta), beta);
        break;
    case DAVIT_ACTIVATION_HARDSWISH:
        davit_onednn_fuse_eltwise(fusion, dnnl_eltwise_hardswish, 1.0f / 6.0f, 0.5f);
        break;
    case DAVIT_ACTIVATION_HARDSIGMOID:
        davit_onednn_fuse_eltwise(fusion, dnnl_eltwise_linear, alpha, beta);
        davit_onednn_fuse_eltwise(fusion, dnnl_eltwise_clip, 0.0f, 1.0f);
        break;
    case DAVIT_ACTIVATION_SIGMOID:
        davit_onednn_fuse_eltwise(fusion, dnnl_eltwise_logistic, 0.0f, 0.0f);
        break;
    case DAVIT_ACTIVATION_SILU:
        davit_onednn_fuse_eltwise(fusion, dnnl_eltwise_swish, 1.0f, 0.0f);
        break;
    case DAVIT_ACTIVATION_GELU_ERF:
        davit_onednn_fuse_eltwise(fusion, dnnl_eltwise_gelu_erf, 0.0f, 0.0f);
        break;
    case DAVIT_ACTIVATION_GELU_TANH:
        davit_onednn_fuse_eltwise(fusion, dnnl_eltwise_gelu_tanh, 0.0f, 0.0f);
        break;
    case DAVIT_ACTIVATION_LEAKY_RELU:
        davit_onednn_fuse_eltwise(fusion, dnnl_eltwise_relu, alpha, 0.0f);
        break;
    case DAVIT_ACTIVATION_TANH:
        davit_onednn_fuse_eltwise(fusion, dnnl_eltwise_tanh, 0.0f, 0.0f);
        break;
    case DAVIT_ACTIVATION_LINEAR:
        davit_onednn_fuse_eltwise(fusion, dnnl_eltwise_linear, alpha, beta);
        break;
    }
}

davit_status davit_onednn_fuse_epilogues(davit_onednn_builder *builder, const davit_unit *unit,
                                         int bias_rank, int bias_axis, davit_onednn_fusion *fusion)
{
    for (uint32_t i = 0; i < unit->epilogue_count; i++) {
        const davit_epilogue *epilogue = &unit->epilogues[i];
        davit_onednn_operand operand;
        davit_status status = DAVIT_OK;
        switch (epilogue->kind) {
        case DAVIT_EPILOGUE_BIAS: {
            int64_t dims[DNNL_MAX_NDIMS];
            for (int k = 0; k < bias_rank; k++) {
                dims[k] = 1;
            }
            dims[bias_axis] =
                davit_tensor_desc_elems(&builder->graph->values[epilogue->operand].desc);
            status = davit_onednn_value_dense(builder, epilogue->operand, &operand);
            if (status == DAVIT_OK) {
                status = davit_onednn_desc_dense(builder, bias_rank, dims, &operand.desc);
            }
            if (status == DAVIT_OK) {
                davit_onednn_fuse_binary(fusion, dnnl_binary_add, &operand);
            }
            break;
        }
        case DAVIT_EPILOGUE_RESIDUAL:
            status = davit_onednn_value_get(builder, epilogue->operand, &operand);
            if (status == DAVIT_OK) {
                davit_onednn_fuse_sum(fusion, &operand);
            }
            break;
        case DAVIT_EPILOGUE_ACTIVATION:
            fuse_activation(fusion, epilogue);
            break;
        }
        if (status != DAVIT_OK) {
            return status;
        }
    }
    return DAVIT_OK;
}

/* ---- in the primitive ---- */

/* True when one of the items before has the same function with other parameters. */
static bool repeats_function(const davit_onednn_fusion *fusion, size_t index)
{
    const davit_dnnl_post_op *op = &fusion->items[index].op;
    for (size_t i = 0; op->kind == DAVIT_DNNL_ELTWISE && i < index; i++) {
        const davit_dnnl_post_op *before = &fusion->items[i].op;
        if (before->kind == DAVIT_DNNL_ELTWISE && before->algorithm == op->algorithm &&
            (before->alpha != op->alpha || before->beta != op->beta)) {
            return true;
        }
    }
    return false;
}

size_t davit_onednn_fusion_limit(const davit_onednn_fusion *fusion)
{
    size_t limit = 0;
    while (limit < fusion->count &&
           (limit == 0 || fusion->items[limit].op.kind != DAVIT_DNNL_SUM) &&
           !repeats_function(fusion, limit)) {
        limit++;
    }
    return limit;
}

void davit_onednn_fusion_post_ops(const davit_onednn_fusion *fusion, size_t count,
                                  davit_dnnl_post_ops *post_ops)
{
    post_ops->count = count;
    for (size_t i = 0; i < count; i++) {
        post_ops->ops[i] = fusion->items[i].op;
    }
}

/* The residual among the first count items, or NULL. */
static const davit_onednn_operand *find_residual(const davit_onednn_fusion *fusion, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fusion->items[i].op.kind == DAVIT_DNNL_SUM) {
            return &fusion->items[i].operand;
        }
    }
    return NULL;
}

static davit_status copy_residual(davit_onednn_builder *builder, const davit_onednn_operand *from,
                                  davit_dnnl_desc desc, davit_onednn_operand *out)
{
    davit_dnnl_primitive reorder;
    davit_onednn_operand copy;
    davit_status status = davit_dnnl_reorder(&builder->program->pool, from->desc, desc, &reorder);
    if (status == DAVIT_OK) {
        status = davit_onednn_new(builder, desc, &copy);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    const davit_onednn_arg args[] = {{DNNL_ARG_FROM, *from}, {DNNL_ARG_TO, copy}};
    builder->program->reorder_count++;
    status = davit_onednn_add_primitive(builder, &reorder, args, 2);
    if (status == DAVIT_OK) {
        *out = copy;
    }
    return status;
}

davit_status davit_onednn_fusion_target(davit_onednn_builder *builder,
                                        const davit_onednn_fusion *fusion, davit_dnnl_desc desc,
                                        const davit_onednn_arg *reads, size_t count,
                                        davit_onednn_operand *out)
{
    const davit_onednn_operand *residual = find_residual(fusion, fusion->in_primitive);
    if (residual == NULL) {
        return davit_onednn_new(builder, desc, out);
    }
    bool free_slot = davit_onednn_is_last_use(builder, residual);
    for (size_t i = 0; i < count; i++) {
        free_slot = free_slot && reads[i].operand.slot != residual->slot;
    }
    if (free_slot && residual->offset_bytes == 0 &&
        davit_onednn_same_layout(residual->desc, desc)) {
        *out = *residual;
        out->desc = desc;
        return DAVIT_OK;
    }
    return copy_residual(builder, residual, desc, out);
}

size_t davit_onednn_fusion_args(const davit_onednn_fusion *fusion, davit_onednn_arg *args,
                                size_t count)
{
    for (size_t i = 0; i < fusion->in_primitive; i++) {
        if (fusion->items[i].op.kind == DAVIT_DNNL_BINARY) {
            args[count++] = (davit_onednn_arg){
                DNNL_ARG_ATTR_MULTIPLE_POST_OP((int)i) | DNNL_ARG_SRC_1, fusion->items[i].operand};
        }
    }
    return count;
}

/* ---- after the primitive ---- */

davit_status davit_onednn_add_eltwise(davit_onednn_builder *builder,
                                      const davit_dnnl_eltwise_params *params,
                                      const davit_onednn_operand *from,
                                      const davit_onednn_operand *to)
{
    davit_dnnl_primitive primitive;
    davit_status status = davit_dnnl_eltwise(&builder->program->pool, params, &primitive);
    if (status != DAVIT_OK) {
        return status;
    }
    const davit_onednn_arg args[] = {{DNNL_ARG_SRC, *from}, {DNNL_ARG_DST, *to}};
    return davit_onednn_add_primitive(builder, &primitive, args, 2);
}

static davit_status add_binary(davit_onednn_builder *builder, dnnl_alg_kind_t algorithm,
                               const davit_onednn_operand *second,
                               const davit_onednn_operand *result)
{
    const davit_dnnl_binary_params params = {
        .algorithm = algorithm, .first = result->desc, .second = second->desc, .dst = result->desc};
    davit_dnnl_primitive primitive;
    davit_status status = davit_dnnl_binary(&builder->program->pool, &params, &primitive);
    if (status != DAVIT_OK) {
        return status;
    }
    const davit_onednn_arg args[] = {
        {DNNL_ARG_SRC_0, *result}, {DNNL_ARG_SRC_1, *second}, {DNNL_ARG_DST, *result}};
    return davit_onednn_add_primitive(builder, &primitive, args, 3);
}

davit_status davit_onednn_fusion_rest(davit_onednn_builder *builder,
                                      const davit_onednn_fusion *fusion,
                                      const davit_onednn_operand *result)
{
    davit_status status = DAVIT_OK;
    for (size_t i = fusion->in_primitive; i < fusion->count && status == DAVIT_OK; i++) {
        const davit_onednn_fused *item = &fusion->items[i];
        davit_onednn_operand residual;
        switch (item->op.kind) {
        case DAVIT_DNNL_SUM:
            status = davit_onednn_convert(builder, &item->operand, result->desc, &residual);
            if (status == DAVIT_OK) {
                status = add_binary(builder, dnnl_binary_add, &residual, result);
            }
            break;
        case DAVIT_DNNL_BINARY:
            status = add_binary(builder, item->op.algorithm, &item->operand, result);
            break;
        case DAVIT_DNNL_ELTWISE: {
            const davit_dnnl_eltwise_params params = {.algorithm = item->op.algorithm,
                                                      .data = result->desc,
                                                      .alpha = item->op.alpha,
                                                      .beta = item->op.beta};
            status = davit_onednn_add_eltwise(builder, &params, result, result);
            break;
        }
        }
    }
    return status;
}
