#include "builder.h"

#include <string.h>

int davit_onednn_dims(const davit_onednn_builder *builder, davit_value_id value, int64_t *dims)
{
    const davit_tensor_desc *desc = &builder->graph->values[value].desc;
    if (desc->rank == 0) {
        dims[0] = 1;
        return 1;
    }
    memcpy(dims, desc->dims, (size_t)desc->rank * sizeof(*dims));
    return desc->rank;
}

davit_status davit_onednn_desc_dense(davit_onednn_builder *builder, int rank, const int64_t *dims,
                                     davit_dnnl_desc *out)
{
    int64_t strides[DNNL_MAX_NDIMS];
    int64_t stride = 1;
    for (int i = rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= dims[i];
    }
    return davit_dnnl_desc_create(&builder->program->pool, rank, dims, strides, out);
}

dnnl_data_type_t davit_onednn_type(davit_dtype dtype)
{
    switch (dtype) {
    case DAVIT_F32:
        return dnnl_f32;
    case DAVIT_U8:
        return dnnl_u8;
    case DAVIT_S8:
        return dnnl_s8;
    default:
        return dnnl_data_type_undef;
    }
}

davit_status davit_onednn_desc_of(davit_onednn_builder *builder, davit_value_id value,
                                  davit_dnnl_desc *out)
{
    int64_t dims[DAVIT_MAX_RANK], strides[DAVIT_MAX_RANK];
    const davit_dnnl_tensor tensor = {
        .type = davit_onednn_type(builder->graph->values[value].desc.dtype),
        .rank = davit_onednn_dims(builder, value, dims),
        .dims = dims,
        .strides = strides};
    if (tensor.type == dnnl_data_type_undef) {
        *out = NULL;
        return DAVIT_OK;
    }
    int64_t stride = 1;
    for (int i = tensor.rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= dims[i];
    }
    return davit_dnnl_desc_describe(&builder->program->pool, &tensor, out);
}

bool davit_onednn_is_row_major(davit_dnnl_desc desc)
{
    davit_dnnl_layout layout;
    if (!davit_dnnl_desc_layout(desc, &layout) || layout.block_count > 1 || layout.offset != 0) {
        return false;
    }
    int64_t stride = 1;
    for (int i = layout.rank - 1; i >= 0; i--) {
        int64_t count = layout.dims[i];
        int64_t expected = stride;
        if (layout.padded_dims[i] != layout.dims[i]) {
            return false;
        }
        if (layout.block_count == 1 && layout.block_dims[0] == i) {
            if (stride != 1) {
                return false;
            }
            count /= layout.block_sizes[0];
            expected = layout.block_sizes[0];
        }
        if (count > 1 && layout.strides[i] != expected) {
            return false;
        }
        stride *= layout.dims[i];
    }
    return true;
}

bool davit_onednn_same_layout(davit_dnnl_desc a, davit_dnnl_desc b)
{
    davit_dnnl_layout x, y;
    if (davit_dnnl_desc_equal(a, b)) {
        return true;
    }
    /* Packed 8-bit weights carry sums behind their elements. */
    if (davit_dnnl_desc_bytes(a) != davit_dnnl_desc_bytes(b)) {
        return false;
    }
    if (!davit_dnnl_desc_layout(a, &x) || !davit_dnnl_desc_layout(b, &y) || x.rank != y.rank ||
        x.offset != y.offset || memcmp(x.dims, y.dims, (size_t)x.rank * sizeof(*x.dims)) != 0) {
        return false;
    }
    if (x.block_count == 0 && y.block_count == 0) {
        for (int i = 0; i < x.rank; i++) {
            if (x.dims[i] > 1 && x.strides[i] != y.strides[i]) {
                return false;
            }
        }
        return true;
    }
    return davit_onednn_is_row_major(a) && davit_onednn_is_row_major(b);
}
