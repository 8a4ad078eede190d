/* TensorProto to davit_tensor. The number of elements that a message holds is checked against its
 * dimensions before anything is allocated from these. Data is little-endian, as is every host that
 * this builds for (typed_data.c copies typed fields by value). */
#include "tensor.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "raw tensor data is little-endian");

davit_status davit_onnx_shape_desc(const davit_onnx_tensor_source *source, int32_t data_type,
                                   size_t rank, const int64_t *dims, davit_tensor_desc *desc)
{
    if (data_type <= 0 || data_type >= DAVIT_DTYPE_COUNT) {
        return davit_fail(source->diag, DAVIT_BAD_DATA, "%s: element type %d does not exist",
                          source->what, data_type);
    }
    davit_dtype dtype = (davit_dtype)data_type;
    if (rank > DAVIT_MAX_RANK) {
        return davit_fail(source->diag, DAVIT_UNSUPPORTED,
                          "%s has %zu dimensions, at most %d can be", source->what, rank,
                          DAVIT_MAX_RANK);
    }
    davit_status status = davit_tensor_desc_dense(desc, dtype, (int)rank, dims);
    if (status == DAVIT_UNSUPPORTED) {
        return davit_fail(source->diag, status, "%s: element type %s is not supported",
                          source->what, davit_dtype_name(dtype));
    }
    if (status == DAVIT_INVALID_ARGUMENT) {
        return davit_fail(source->diag, DAVIT_BAD_DATA, "%s has a negative dimension",
                          source->what);
    }
    if (status != DAVIT_OK) {
        char text[160];
        davit_shape_text(dims, (int)rank, text, sizeof(text));
        return davit_fail(source->diag, DAVIT_BAD_DATA, "%s: dimensions %s are too large",
                          source->what, text);
    }
    return DAVIT_OK;
}

davit_status davit_onnx_tensor_desc(const davit_onnx_tensor_source *source,
                                    const Onnx__TensorProto *proto, davit_tensor_desc *desc)
{
    if (proto->segment != NULL) {
        return davit_fail(source->diag, DAVIT_UNSUPPORTED, "%s is stored in segments",
                          source->what);
    }
    return davit_onnx_shape_desc(source, proto->data_type, proto->n_dims, proto->dims, desc);
}

/* ---- raw data ---- */

/* Bytes of a bool tensor are 0 or 1 everywhere in Davit. */
static void normalize_bools(const davit_tensor_desc *desc, uint8_t *bytes)
{
    size_t count = desc->dtype == DAVIT_BOOL ? davit_tensor_desc_bytes(desc) : 0;
    for (size_t i = 0; i < count; i++) {
        bytes[i] = bytes[i] != 0;
    }
}

static davit_status make_from_raw(const davit_onnx_tensor_source *source, Onnx__TensorProto *proto,
                                  const davit_tensor_desc *desc, davit_tensor **out)
{
    size_t bytes = davit_tensor_desc_bytes(desc);
    if (proto->raw_data.len != bytes) {
        return davit_fail(source->diag, DAVIT_BAD_DATA,
                          "%s holds %zu bytes of raw data, its shape needs %zu", source->what,
                          proto->raw_data.len, bytes);
    }
    davit_status status;
    if (source->steal && bytes > 0) {
        status = davit_tensor_borrow(source->allocator, desc, proto->raw_data.data, out);
        if (status == DAVIT_OK) {
            (*out)->borrowed = false;
            proto->raw_data = (ProtobufCBinaryData){0};
        }
    } else {
        status = davit_tensor_create(source->allocator, desc->dtype, desc->rank, desc->dims, out);
        if (status == DAVIT_OK && bytes > 0) {
            memcpy((*out)->data, proto->raw_data.data, bytes);
        }
    }
    if (status == DAVIT_OK) {
        normalize_bools(desc, (*out)->data);
    }
    return status;
}

/* Raw data in the file itself. Large f32 weights stay there wherever they begin; else their place
 * must be aligned, or they are copied. */
static davit_status make_from_cut(const davit_onnx_tensor_source *source,
                                  const davit_tensor_desc *desc, davit_tensor **out)
{
    const davit_onnx_cut *cut = source->cut;
    size_t bytes = davit_tensor_desc_bytes(desc);
    if (cut->size != bytes) {
        return davit_fail(source->diag, DAVIT_BAD_DATA,
                          "%s holds %zu bytes of raw data, its shape needs %zu", source->what,
                          cut->size, bytes);
    }
    bool aligned = (uintptr_t)cut->bytes % davit_dtype_bytes(desc->dtype) == 0;
    bool weights = desc->dtype == DAVIT_F32 && desc->rank >= 2;
    if ((aligned || weights) && desc->dtype != DAVIT_BOOL) {
        davit_status status =
            davit_tensor_borrow(source->allocator, desc, (void *)cut->bytes, out);
        if (status == DAVIT_OK) {
            (*out)->mapped = true;
        }
        return status;
    }
    davit_status status =
        davit_tensor_create_unset(source->allocator, desc->dtype, desc->rank, desc->dims, out);
    if (status == DAVIT_OK) {
        memcpy((*out)->data, cut->bytes, bytes);
        normalize_bools(desc, (*out)->data);
    }
    return status;
}

davit_status davit_onnx_make_tensor(const davit_onnx_tensor_source *source,
                                    Onnx__TensorProto *proto, davit_tensor **out)
{
    *out = NULL;
    davit_tensor_desc desc = {0};
    davit_status status = davit_onnx_tensor_desc(source, proto, &desc);
    if (status != DAVIT_OK) {
        return status;
    }
    if (proto->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL) {
        return davit_onnx_external_tensor(source, proto, &desc, out);
    }
    if (source->cut != NULL) {
        return make_from_cut(source, &desc, out);
    }
    if (proto->has_raw_data) {
        return make_from_raw(source, proto, &desc, out);
    }
    return davit_onnx_typed_tensor(source, proto, &desc, out);
}

/* ---- sparse tensors ---- */

/* Reads index row i of a sparse tensor as the offset of an element: indices are [count] offsets or
 * [count][rank] coordinates. False when it is outside. */
static bool element_offset(const davit_tensor *indices, const davit_tensor_desc *desc, size_t i,
                           size_t *offset)
{
    const int64_t *values = indices->data;
    if (indices->desc.rank == 1) {
        *offset = (size_t)values[i];
        return values[i] >= 0 && values[i] < davit_tensor_desc_elems(desc);
    }
    *offset = 0;
    for (int d = 0; d < desc->rank; d++) {
        int64_t coordinate = values[i * (size_t)desc->rank + (size_t)d];
        if (coordinate < 0 || coordinate >= desc->dims[d]) {
            return false;
        }
        *offset += (size_t)(coordinate * desc->strides[d]);
    }
    return true;
}

static davit_status scatter(const davit_onnx_tensor_source *source, const davit_tensor *values,
                            const davit_tensor *indices, davit_tensor *dense)
{
    const davit_tensor_desc *at = &indices->desc;
    bool flat = at->rank == 1;
    bool rows = at->rank == 2 && at->dims[1] == dense->desc.rank;
    if (values->desc.rank != 1 || at->dtype != DAVIT_S64 || (!flat && !rows) ||
        at->dims[0] != values->desc.dims[0]) {
        return davit_fail(source->diag, DAVIT_BAD_DATA,
                          "%s: indices do not fit the values of the sparse tensor", source->what);
    }
    size_t elem_bytes = davit_dtype_bytes(values->desc.dtype);
    const char *from = values->data;
    char *to = dense->data;
    for (size_t i = 0; i < (size_t)values->desc.dims[0]; i++) {
        size_t offset;
        if (!element_offset(indices, &dense->desc, i, &offset)) {
            return davit_fail(source->diag, DAVIT_BAD_DATA,
                              "%s: index %zu of the sparse tensor is outside its shape",
                              source->what, i);
        }
        memcpy(to + offset * elem_bytes, from + i * elem_bytes, elem_bytes);
    }
    return DAVIT_OK;
}

/* A dense form larger than this is refused: a few bytes of file could ask for any size. */
#define MAX_DENSE_BYTES ((size_t)256 << 20)

davit_status davit_onnx_make_dense(const davit_onnx_tensor_source *source,
                                   Onnx__SparseTensorProto *proto, davit_tensor **out)
{
    *out = NULL;
    if (proto->values == NULL || proto->indices == NULL) {
        return davit_fail(source->diag, DAVIT_BAD_DATA, "%s has no values or no indices",
                          source->what);
    }
    davit_tensor_desc desc = {0};
    davit_status status =
        davit_onnx_shape_desc(source, proto->values->data_type, proto->n_dims, proto->dims, &desc);
    if (status != DAVIT_OK) {
        return status;
    }
    if (davit_tensor_desc_bytes(&desc) > MAX_DENSE_BYTES) {
        return davit_fail(source->diag, DAVIT_UNSUPPORTED,
                          "%s: a sparse tensor of more than 256 MiB when dense", source->what);
    }
    davit_tensor *values = NULL;
    davit_tensor *indices = NULL;
    davit_tensor *dense = NULL;
    status = davit_onnx_make_tensor(source, proto->values, &values);
    if (status == DAVIT_OK) {
        status = davit_onnx_make_tensor(source, proto->indices, &indices);
    }
    if (status == DAVIT_OK) {
        status = davit_tensor_create(source->allocator, desc.dtype, desc.rank, desc.dims, &dense);
    }
    if (status == DAVIT_OK && values != NULL && indices != NULL) {
        status = scatter(source, values, indices, dense);
    }
    davit_tensor_destroy(values);
    davit_tensor_destroy(indices);
    if (status != DAVIT_OK) {
        davit_tensor_destroy(dense);
        return status;
    }
    *out = dense;
    return DAVIT_OK;
}
