#include <string.h>

#include "block.h"
#include "elementwise.h"

static bool is_exact_in_s64(davit_dtype dtype)
{
    return davit_dtype_is_integer(dtype) || dtype == DAVIT_BOOL;
}

/* An integer as a double that rounds to any float of at most 40 bits as the integer itself does:
 * what lies below a double's precision is kept as one sticky bit. */
static double sticky_f64(int64_t value, bool is_u64)
{
    uint64_t magnitude = value < 0 && !is_u64 ? 0 - (uint64_t)value : (uint64_t)value;
    if (magnitude >> 53 != 0) {
        uint64_t sticky = (magnitude & 0xfff) != 0 ? 0x800 : 0;
        magnitude = (magnitude & ~(uint64_t)0xfff) | sticky;
    }
    return value < 0 && !is_u64 ? -(double)magnitude : (double)magnitude;
}

static void integers_to_short_floats(const davit_tensor *in, davit_tensor *out)
{
    int64_t total = davit_tensor_desc_elems(&out->desc);
    for (int64_t i = 0; i < total; i++) {
        davit_store_f64(out, i, sticky_f64(davit_load_s64(in, i), in->desc.dtype == DAVIT_U64));
    }
}

/* Cast and CastLike. What ONNX leaves open: floats out of an integer type's range saturate, NaN
 * becomes 0. Integers keep their low bits; every conversion to a float is rounded once. */
davit_status davit_run_cast(const davit_kernel_call *call)
{
    const davit_tensor *in = call->inputs[0];
    davit_tensor *out = call->outputs[0];
    if (in->desc.dtype == out->desc.dtype) {
        return davit_run_identity(call);
    }
    bool is_integer = is_exact_in_s64(in->desc.dtype);
    if (is_integer && davit_dtype_is_float(out->desc.dtype) && out->desc.dtype != DAVIT_F64) {
        integers_to_short_floats(in, out);
        return DAVIT_OK;
    }
    double f[DAVIT_BLOCK];
    int64_t s[DAVIT_BLOCK];
    int64_t total = davit_tensor_desc_elems(&out->desc);
    for (int64_t first = 0; first < total; first += DAVIT_BLOCK) {
        int64_t count = total - first < DAVIT_BLOCK ? total - first : DAVIT_BLOCK;
        if (is_integer && is_exact_in_s64(out->desc.dtype)) {
            davit_load_s64_run(in, first, 1, count, s);
            davit_store_s64_run(out, first, count, s);
        } else {
            davit_load_f64_run(in, first, 1, count, f);
            davit_store_f64_run(out, first, count, f);
        }
    }
    return DAVIT_OK;
}

davit_status davit_run_identity(const davit_kernel_call *call)
{
    if (call->outputs[0] != NULL) {
        memcpy(call->outputs[0]->data, call->inputs[0]->data,
               davit_tensor_desc_bytes(&call->inputs[0]->desc));
    }
    return DAVIT_OK;
}

davit_status davit_run_dropout(const davit_kernel_call *call)
{
    if (davit_kernel_output(call, 1) != NULL) {
        davit_tensor *mask = call->outputs[1];
        memset(mask->data, 1, davit_tensor_desc_bytes(&mask->desc));
    }
    return davit_run_identity(call);
}

/* The unsigned integer type of the same size: elements move as bits. */
static davit_tensor as_bits(const davit_tensor *tensor)
{
    static const davit_dtype types[] = {
        [1] = DAVIT_U8, [2] = DAVIT_U16, [4] = DAVIT_U32, [8] = DAVIT_U64};
    davit_tensor bits = *tensor;
    bits.desc.dtype = types[davit_dtype_bytes(tensor->desc.dtype)];
    return bits;
}

davit_status davit_run_where(const davit_kernel_call *call)
{
    davit_tensor x = as_bits(call->inputs[1]);
    davit_tensor y = as_bits(call->inputs[2]);
    davit_tensor out = as_bits(call->outputs[0]);
    int rank = out.desc.rank;
    davit_cursor conditions = davit_cursor_make(call->inputs[0], rank, out.desc.dims);
    davit_cursor xs = davit_cursor_make(&x, rank, out.desc.dims);
    davit_cursor ys = davit_cursor_make(&y, rank, out.desc.dims);
    int64_t condition[DAVIT_BLOCK];
    int64_t chosen[DAVIT_BLOCK];
    int64_t other[DAVIT_BLOCK];
    int64_t total = davit_tensor_desc_elems(&out.desc);
    for (int64_t first = 0; first < total; first += DAVIT_BLOCK) {
        int64_t count = total - first < DAVIT_BLOCK ? total - first : DAVIT_BLOCK;
        davit_cursor_s64(&conditions, count, condition);
        davit_cursor_s64(&xs, count, chosen);
        davit_cursor_s64(&ys, count, other);
        for (int64_t i = 0; i < count; i++) {
            chosen[i] = condition[i] != 0 ? chosen[i] : other[i];
        }
        davit_store_s64_run(&out, first, count, chosen);
    }
    return DAVIT_OK;
}
