#include "int8_layout.h"

#include "copy.h"

davit_status davit_int8_channels_last(davit_onednn_builder *builder, davit_value_id value,
                                      davit_dnnl_desc *out)
{
    int64_t dims[DAVIT_MAX_RANK], strides[DAVIT_MAX_RANK];
    const davit_dnnl_tensor tensor = {
        .type = davit_onednn_type(builder->graph->values[value].desc.dtype),
        .rank = davit_onednn_dims(builder, value, dims),
        .dims = dims,
        .strides = strides};
    davit_onednn_dense_strides(tensor.rank, dims, strides);
    if (tensor.rank >= 3) {
        int64_t stride = dims[1];
        strides[1] = 1;
        for (int i = tensor.rank - 1; i >= 2; i--) {
            strides[i] = stride;
            stride *= dims[i];
        }
        strides[0] = stride;
    }
    return davit_dnnl_desc_describe(&builder->program->pool, &tensor, out);
}

davit_status davit_int8_value_channels_last(davit_onednn_builder *builder, davit_value_id value,
                                            davit_onednn_operand *out)
{
    davit_onednn_operand operand;
    davit_dnnl_desc desc;
    davit_status status = davit_onednn_value_get(builder, value, &operand);
    if (status == DAVIT_OK) {
        status = davit_int8_channels_last(builder, value, &desc);
    }
    return status == DAVIT_OK ? davit_onednn_convert(builder, &operand, desc, out) : status;
}

davit_status davit_int8_new_channels_last(davit_onednn_builder *builder, davit_value_id value,
                                          davit_onednn_operand *out)
{
    davit_dnnl_desc desc;
    davit_status status = davit_int8_channels_last(builder, value, &desc);
    return status == DAVIT_OK ? davit_onednn_new(builder, desc, out) : status;
}

static bool is_unpadded(davit_dnnl_desc desc)
{
    davit_dnnl_layout layout;
    return davit_dnnl_desc_layout(desc, &layout) && layout.block_count == 0 && layout.offset == 0;
}

davit_status davit_int8_value_unpadded(davit_onednn_builder *builder, davit_value_id value,
                                       davit_onednn_operand *out)
{
    const davit_tensor_desc *tensor = &builder->graph->values[value].desc;
    davit_onednn_operand operand;
    davit_status status = davit_onednn_value_get(builder, value, &operand);
    if (status != DAVIT_OK) {
        return status;
    }
    if (!is_unpadded(operand.desc) ||
        davit_dnnl_desc_bytes(operand.desc) != davit_tensor_desc_bytes(tensor)) {
        return davit_onednn_value_dense(builder, value, out);
    }
    *out = operand;
    return DAVIT_OK;
}

davit_status davit_int8_new_like(davit_onednn_builder *builder, davit_value_id value,
                                 const davit_onednn_operand *like, davit_onednn_operand *out)
{
    davit_dnnl_layout layout;
    davit_dnnl_desc desc;
    if (!davit_dnnl_desc_layout(like->desc, &layout)) {
        return DAVIT_UNSUPPORTED;
    }
    const davit_dnnl_tensor tensor = {
        .type = davit_onednn_type(builder->graph->values[value].desc.dtype),
        .rank = layout.rank,
        .dims = layout.dims,
        .strides = layout.strides};
    davit_status status = davit_dnnl_desc_describe(&builder->program->pool, &tensor, &desc);
    return status == DAVIT_OK ? davit_onednn_new(builder, desc, out) : status;
}

davit_status davit_int8_add_image_kernel(davit_onednn_builder *builder,
                                         const davit_int8_image_kernel *kernel,
                                         const davit_node *node)
{
    davit_onednn_operand operands[3];
    size_t count = 2;
    davit_status status = davit_int8_value_channels_last(builder, node->inputs[0], &operands[0]);
    if (status == DAVIT_OK) {
        status = davit_int8_new_channels_last(builder, node->outputs[0], &operands[1]);
    }
    if (status == DAVIT_OK && kernel->scratch_bytes > 0) {
        status = davit_onednn_new_bytes(builder, kernel->scratch_bytes, &operands[count++]);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_add_kernel(builder, kernel->name, kernel->run, kernel->params,
                                         operands, count);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, node->outputs[0], &operands[1]);
    }
    return status;
}
