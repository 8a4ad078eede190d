#include <string.h>

#include "davit/shape_rules.h"
#include "movement.h"
#include "walk.h"

/* Input i, or NULL when it is absent. */
static const davit_tensor *optional_input(const davit_kernel_call *call, uint32_t i)
{
    return i < call->node->input_count ? call->inputs[i] : NULL;
}

/* Element i of a list of axes, or i itself without one. */
static int64_t axis_at(const davit_tensor *axes, int64_t i, int rank)
{
    int64_t axis = axes != NULL ? davit_load_s64(axes, i) : i;
    return axis < 0 ? axis + rank : axis;
}

davit_status davit_run_slice(const davit_kernel_call *call)
{
    const davit_tensor *x = call->inputs[0];
    const davit_tensor *axes = optional_input(call, 3);
    const davit_tensor *steps = optional_input(call, 4);
    davit_tensor *out = call->outputs[0];
    int rank = x->desc.rank;
    int64_t from[DAVIT_MAX_RANK];
    int64_t to[DAVIT_MAX_RANK];
    davit_dense_strides(rank, x->desc.dims, from);
    davit_dense_strides(rank, out->desc.dims, to);
    int64_t offset = 0;
    int64_t count = davit_tensor_desc_elems(&call->inputs[1]->desc);
    for (int64_t i = 0; i < count; i++) {
        int64_t axis = axis_at(axes, i, rank);
        int64_t start = davit_load_s64(call->inputs[1], i);
        int64_t step = steps != NULL ? davit_load_s64(steps, i) : 1;
        (void)davit_slice_resolve(x->desc.dims[axis], &start, davit_load_s64(call->inputs[2], i),
                                  step);
        offset += start * from[axis];
        /* A step over more than the dimension is never taken, and might overflow. */
        from[axis] = out->desc.dims[axis] > 1 ? from[axis] * step : 0;
    }
    if (davit_tensor_desc_elems(&out->desc) == 0) {
        return DAVIT_OK;
    }
    size_t bytes = davit_dtype_bytes(x->desc.dtype);
    davit_walk walk = davit_walk_make(rank, out->desc.dims);
    davit_walk_add(&walk, to);
    davit_walk_add(&walk, from);
    davit_walk_copy(&walk, bytes, out->data, (const char *)x->data + (size_t)offset * bytes);
    return DAVIT_OK;
}

typedef enum pad_mode { PAD_CONSTANT, PAD_REFLECT, PAD_EDGE, PAD_WRAP } pad_mode;

/* Where the elements of an output come from: for position i of dimension d the position in the
 * input is sources[first[d] + i], or -1 for the constant. */
typedef struct pad_job {
    const davit_tensor *x;
    davit_tensor *out;
    int64_t pads[DAVIT_MAX_RANK][2];
    const char *constant; /* one element; NULL: zero */
    int64_t *sources;
    int64_t first[DAVIT_MAX_RANK];
} pad_job;

/* The source of position i relative to what is left of a dimension after cropping, left > 0
 * elements unless the mode is constant. */
static int64_t pad_source(pad_mode mode, int64_t i, int64_t left)
{
    if (i >= 0 && i < left) {
        return i;
    }
    int64_t period;
    switch (mode) {
    case PAD_EDGE:
        return i < 0 ? 0 : left - 1;
    case PAD_WRAP:
        i %= left;
        return i < 0 ? i + left : i;
    case PAD_REFLECT:
        if (left == 1) {
            return 0;
        }
        period = 2 * (left - 1);
        i %= period;
        i += i < 0 ? period : 0;
        return i < left ? i : period - i;
    default:
        return -1;
    }
}

static void fill_sources(const pad_job *job, pad_mode mode)
{
    for (int d = 0; d < job->x->desc.rank; d++) {
        int64_t before = job->pads[d][0];
        int64_t after = job->pads[d][1];
        int64_t crop = before < 0 ? -before : 0;
        int64_t left = job->x->desc.dims[d] - crop + (after < 0 ? after : 0);
        for (int64_t i = 0; i < job->out->desc.dims[d]; i++) {
            int64_t source = pad_source(mode, i - (before > 0 ? before : 0), left);
            job->sources[job->first[d] + i] = source < 0 ? -1 : source + crop;
        }
    }
}

static void put(const pad_job *job, size_t bytes, int64_t to, int64_t from)
{
    char *target = (char *)job->out->data + (size_t)to * bytes;
    if (from >= 0) {
        memcpy(target, (const char *)job->x->data + (size_t)from * bytes, bytes);
    } else if (job->constant != NULL) {
        memcpy(target, job->constant, bytes);
    } else {
        memset(target, 0, bytes);
    }
}

/* Fills the output row by row; the part of a row that is not padding is copied at once. */
static void pad_rows(const pad_job *job)
{
    const davit_tensor_desc *desc = &job->out->desc;
    int last = desc->rank - 1;
    int64_t strides[DAVIT_MAX_RANK];
    davit_dense_strides(desc->rank, job->x->desc.dims, strides);
    size_t bytes = davit_dtype_bytes(desc->dtype);
    int64_t width = desc->dims[last];
    const int64_t *columns = job->sources + job->first[last];
    /* The columns from whole to end are no padding. */
    int64_t whole = job->pads[last][0] > 0 ? job->pads[last][0] : 0;
    int64_t end = whole;
    while (end < width && columns[whole] >= 0 && columns[end] == columns[whole] + end - whole) {
        end++;
    }
    davit_walk walk = davit_walk_make(last, desc->dims);
    int64_t row = 0;
    for (bool more = davit_walk_start(&walk); more; more = davit_walk_next(&walk), row++) {
        int64_t from = 0;
        for (int d = 0; d < last && from >= 0; d++) {
            int64_t source = job->sources[job->first[d] + walk.index[d]];
            from = source < 0 ? -1 : from + source * strides[d];
        }
        for (int64_t c = 0; c < width; c++) {
            if (from >= 0 && c == whole && end > whole) {
                memcpy((char *)job->out->data + (size_t)(row * width + c) * bytes,
                       (const char *)job->x->data + (size_t)(from + columns[c]) * bytes,
                       (size_t)(end - c) * bytes);
                c = end - 1;
            } else {
                put(job, bytes, row * width + c,
                    from < 0 || columns[c] < 0 ? -1 : from + columns[c]);
            }
        }
    }
}

static davit_status run_pad_job(const davit_kernel_call *call, pad_job *job, pad_mode mode)
{
    const davit_tensor_desc *desc = &job->out->desc;
    if (davit_tensor_desc_elems(desc) == 0) {
        return DAVIT_OK;
    }
    if (desc->rank == 0) {
        put(job, davit_dtype_bytes(desc->dtype), 0, 0);
        return DAVIT_OK;
    }
    int64_t total = 0;
    for (int d = 0; d < desc->rank; d++) {
        job->first[d] = total;
        total += desc->dims[d];
    }
    job->sources = davit_alloc_array(call->allocator, (size_t)total, sizeof(*job->sources));
    if (job->sources == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    fill_sources(job, mode);
    pad_rows(job);
    davit_free(call->allocator, job->sources);
    return DAVIT_OK;
}

davit_status davit_run_pad(const davit_kernel_call *call)
{
    static const char *const modes[] = {"constant", "reflect", "edge", "wrap"};
    const char *name = davit_node_string(call->node, "mode", "constant");
    pad_mode mode = PAD_CONSTANT;
    for (int m = PAD_CONSTANT; m <= PAD_WRAP; m++) {
        mode = strcmp(name, modes[m]) == 0 ? (pad_mode)m : mode;
    }
    const davit_tensor *pads = call->inputs[1];
    const davit_tensor *value = optional_input(call, 2);
    const davit_tensor *axes = optional_input(call, 3);
    pad_job job = {.x = call->inputs[0], .out = call->outputs[0]};
    job.constant = value != NULL ? value->data : NULL;
    int64_t count = davit_tensor_desc_elems(&pads->desc) / 2;
    for (int64_t i = 0; i < count; i++) {
        int64_t axis = axis_at(axes, i, job.x->desc.rank);
        job.pads[axis][0] = davit_load_s64(pads, i);
        job.pads[axis][1] = davit_load_s64(pads, i + count);
    }
    return run_pad_job(call, &job, mode);
}

/* Padding and cropping by half the difference on the left, rounded down, the rest on the right. */
davit_status davit_run_center_crop_pad(const davit_kernel_call *call)
{
    pad_job job = {.x = call->inputs[0], .out = call->outputs[0]};
    for (int d = 0; d < job.x->desc.rank; d++) {
        int64_t difference = job.out->desc.dims[d] - job.x->desc.dims[d];
        job.pads[d][0] = difference / 2;
        job.pads[d][1] = difference - difference / 2;
    }
    return run_pad_job(call, &job, PAD_CONSTANT);
}
