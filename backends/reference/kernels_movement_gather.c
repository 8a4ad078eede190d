#include <string.h>

#include "movement.h"
#include "walk.h"

/* Reads index i, makes it non-negative and checks that it is below dim. */
static davit_status read_index(const davit_kernel_call *call, const davit_tensor *indices,
                               int64_t i, int64_t dim, int64_t *index)
{
    int64_t value = davit_load_s64(indices, i);
    if (value < -dim || value >= dim) {
        return davit_kernel_fail(call, DAVIT_BAD_DATA, "index %lld is not in [%lld, %lld)",
                                 (long long)value, (long long)-dim, (long long)dim);
    }
    *index = value < 0 ? value + dim : value;
    return DAVIT_OK;
}

davit_status davit_run_gather(const davit_kernel_call *call)
{
    const davit_tensor *x = call->inputs[0];
    const davit_tensor *indices = call->inputs[1];
    davit_axis_view view = davit_axis_view_make(&x->desc, davit_kernel_axis(call, 0, x->desc.rank));
    size_t bytes = (size_t)view.inner * davit_dtype_bytes(x->desc.dtype);
    int64_t count = davit_tensor_desc_elems(&indices->desc);
    char *to = call->outputs[0]->data;
    if (bytes == 0) {
        return DAVIT_OK;
    }
    for (int64_t o = 0; o < view.outer; o++) {
        for (int64_t i = 0; i < count; i++, to += bytes) {
            int64_t index = 0;
            davit_status status = read_index(call, indices, i, view.dim, &index);
            if (status != DAVIT_OK) {
                return status;
            }
            memcpy(to, (const char *)x->data + (size_t)(o * view.dim + index) * bytes, bytes);
        }
    }
    return DAVIT_OK;
}

/* How updates combine with what is there. */
typedef enum reduction { REDUCE_NONE, REDUCE_ADD, REDUCE_MUL, REDUCE_MAX, REDUCE_MIN } reduction;

static reduction reduction_of(const davit_kernel_call *call)
{
    static const char *const names[] = {"none", "add", "mul", "max", "min"};
    const char *name = davit_node_string(call->node, "reduction", "none");
    for (int r = REDUCE_ADD; r <= REDUCE_MIN; r++) {
        if (strcmp(name, names[r]) == 0) {
            return (reduction)r;
        }
    }
    return REDUCE_NONE;
}

/* NaN wins, as in the Max and Min operators. */
static double combine_f64(reduction how, double old, double update)
{
    switch (how) {
    case REDUCE_ADD:
        return old + update;
    case REDUCE_MUL:
        return old * update;
    case REDUCE_MAX:
        return old > update || old != old ? old : update;
    default:
        return old < update || old != old ? old : update;
    }
}

static int64_t combine_s64(reduction how, int64_t old, int64_t update, bool is_u64)
{
    bool is_less = is_u64 ? (uint64_t)old < (uint64_t)update : old < update;
    switch (how) {
    case REDUCE_ADD:
        return (int64_t)((uint64_t)old + (uint64_t)update);
    case REDUCE_MUL:
        return (int64_t)((uint64_t)old * (uint64_t)update);
    case REDUCE_MAX:
        return is_less ? update : old;
    default:
        return is_less ? old : update;
    }
}

/* Combines count updates from index from on with the output's elements from index to on. */
static void scatter_run(const davit_kernel_call *call, reduction how, int64_t to, int64_t from,
                        int64_t count)
{
    const davit_tensor *updates = call->inputs[2];
    davit_tensor *out = call->outputs[0];
    davit_dtype dtype = out->desc.dtype;
    size_t bytes = davit_dtype_bytes(dtype);
    if (how == REDUCE_NONE) {
        memcpy((char *)out->data + (size_t)to * bytes,
               (const char *)updates->data + (size_t)from * bytes, (size_t)count * bytes);
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        if (davit_dtype_is_float(dtype)) {
            davit_store_f64(
                out, to + i,
                combine_f64(how, davit_load_f64(out, to + i), davit_load_f64(updates, from + i)));
        } else {
            davit_store_s64(out, to + i,
                            combine_s64(how, davit_load_s64(out, to + i),
                                        davit_load_s64(updates, from + i), dtype == DAVIT_U64));
        }
    }
}

/* Copies the data that ScatterElements and ScatterND start from. */
static void copy_data(const davit_kernel_call *call)
{
    memcpy(call->outputs[0]->data, call->inputs[0]->data,
           davit_tensor_desc_bytes(&call->inputs[0]->desc));
}

/* Walks the indices; offset[0] is where the element with index 0 along the axis lies in x. */
static davit_walk walk_indices(const davit_kernel_call *call, int64_t *axis_stride,
                               int64_t *axis_dim)
{
    const davit_tensor_desc *x = &call->inputs[0]->desc;
    int axis = davit_kernel_axis(call, 0, x->rank);
    int64_t strides[DAVIT_MAX_RANK];
    davit_dense_strides(x->rank, x->dims, strides);
    *axis_stride = strides[axis];
    *axis_dim = x->dims[axis];
    strides[axis] = 0;
    davit_walk walk = davit_walk_make(x->rank, call->inputs[1]->desc.dims);
    davit_walk_add(&walk, strides);
    return walk;
}

davit_status davit_run_gather_elements(const davit_kernel_call *call)
{
    const davit_tensor *x = call->inputs[0];
    size_t bytes = davit_dtype_bytes(x->desc.dtype);
    int64_t stride = 0;
    int64_t dim = 0;
    davit_walk walk = walk_indices(call, &stride, &dim);
    char *to = call->outputs[0]->data;
    int64_t i = 0;
    for (bool more = davit_walk_start(&walk); more; more = davit_walk_next(&walk), to += bytes) {
        int64_t index = 0;
        davit_status status = read_index(call, call->inputs[1], i++, dim, &index);
        if (status != DAVIT_OK) {
            return status;
        }
        memcpy(to, (const char *)x->data + (size_t)(walk.offset[0] + index * stride) * bytes,
               bytes);
    }
    return DAVIT_OK;
}

davit_status davit_run_scatter_elements(const davit_kernel_call *call)
{
    reduction how = reduction_of(call);
    int64_t stride = 0;
    int64_t dim = 0;
    davit_walk walk = walk_indices(call, &stride, &dim);
    int64_t i = 0;
    copy_data(call);
    for (bool more = davit_walk_start(&walk); more; more = davit_walk_next(&walk), i++) {
        int64_t index = 0;
        davit_status status = read_index(call, call->inputs[1], i, dim, &index);
        if (status != DAVIT_OK) {
            return status;
        }
        scatter_run(call, how, walk.offset[0] + index * stride, i, 1);
    }
    return DAVIT_OK;
}

/* The slices of x that the tuples of GatherND and ScatterND name. */
typedef struct tuples {
    int batch;           /* leading dimensions that x and the indices share */
    int depth;           /* elements of a tuple */
    int64_t batch_count; /* product of the shared dimensions */
    int64_t per_batch;   /* tuples in each batch */
    int64_t batch_elems; /* elements of x in each batch */
    int64_t slice_elems; /* elements of x that a tuple names */
} tuples;

static tuples tuples_of(const davit_kernel_call *call, int batch)
{
    const davit_tensor_desc *x = &call->inputs[0]->desc;
    const davit_tensor_desc *indices = &call->inputs[1]->desc;
    tuples t = {batch, (int)indices->dims[indices->rank - 1], 1, 1, 1, 1};
    for (int d = 0; d < batch; d++) {
        t.batch_count *= x->dims[d];
    }
    for (int d = batch; d + 1 < indices->rank; d++) {
        t.per_batch *= indices->dims[d];
    }
    for (int d = batch; d < x->rank; d++) {
        t.batch_elems *= x->dims[d];
        t.slice_elems *= d < batch + t.depth ? 1 : x->dims[d];
    }
    return t;
}

/* *slice is the number of the slice, within its batch, that a tuple names. */
static davit_status read_tuple(const davit_kernel_call *call, const tuples *t, int64_t tuple,
                               int64_t *slice)
{
    *slice = 0;
    for (int d = 0; d < t->depth; d++) {
        int64_t dim = call->inputs[0]->desc.dims[t->batch + d];
        int64_t index = 0;
        davit_status status = read_index(call, call->inputs[1], tuple * t->depth + d, dim, &index);
        if (status != DAVIT_OK) {
            return status;
        }
        *slice = *slice * dim + index;
    }
    return DAVIT_OK;
}

davit_status davit_run_gather_nd(const davit_kernel_call *call)
{
    const davit_tensor *x = call->inputs[0];
    tuples t = tuples_of(call, (int)davit_node_int(call->node, "batch_dims", 0));
    size_t bytes = davit_dtype_bytes(x->desc.dtype);
    size_t slice_bytes = (size_t)t.slice_elems * bytes;
    char *to = call->outputs[0]->data;
    for (int64_t i = 0; i < t.batch_count * t.per_batch; i++, to += slice_bytes) {
        int64_t slice = 0;
        davit_status status = read_tuple(call, &t, i, &slice);
        if (status != DAVIT_OK) {
            return status;
        }
        int64_t from = i / t.per_batch * t.batch_elems + slice * t.slice_elems;
        memcpy(to, (const char *)x->data + (size_t)from * bytes, slice_bytes);
    }
    return DAVIT_OK;
}

davit_status davit_run_scatter_nd(const davit_kernel_call *call)
{
    tuples t = tuples_of(call, 0);
    reduction how = reduction_of(call);
    copy_data(call);
    for (int64_t i = 0; i < t.per_batch; i++) {
        int64_t slice = 0;
        davit_status status = read_tuple(call, &t, i, &slice);
        if (status != DAVIT_OK) {
            return status;
        }
        scatter_run(call, how, slice * t.slice_elems, i * t.slice_elems, t.slice_elems);
    }
    return DAVIT_OK;
}
