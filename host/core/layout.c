/* Copies between layouts: the canonical ones, and any other strides. */
#include <string.h>

#include "davit/strided_copy.h"
#include "davit/tensor.h"

typedef struct copy_plan {
    int rank;
    size_t elem_bytes;
    int64_t dims[DAVIT_MAX_RANK];
    int64_t from_bytes[DAVIT_MAX_RANK]; /* strides */
    int64_t to_bytes[DAVIT_MAX_RANK];
} copy_plan;

/* Orders dimensions so that the target is written in order of memory, leaves those of extent 1
 * out, and joins neighbours that are contiguous on both sides. */
static void plan_copy(const davit_tensor_desc *from, const davit_tensor_desc *to, copy_plan *plan)
{
    int order[DAVIT_MAX_RANK];
    int count = 0;
    for (int i = 0; i < to->rank; i++) {
        if (to->dims[i] == 1) {
            continue;
        }
        int at = count++;
        while (at > 0 && to->strides[order[at - 1]] < to->strides[i]) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = i;
    }
    int64_t size = (int64_t)davit_dtype_bytes(to->dtype);
    plan->elem_bytes = (size_t)size;
    plan->rank = 0;
    for (int i = 0; i < count; i++) {
        int64_t extent = to->dims[order[i]];
        int64_t from_stride = from->strides[order[i]] * size;
        int64_t to_stride = to->strides[order[i]] * size;
        int last = plan->rank - 1;
        if (last >= 0 && plan->from_bytes[last] == from_stride * extent &&
            plan->to_bytes[last] == to_stride * extent) {
            plan->dims[last] *= extent;
            plan->from_bytes[last] = from_stride;
            plan->to_bytes[last] = to_stride;
            continue;
        }
        plan->dims[plan->rank] = extent;
        plan->from_bytes[plan->rank] = from_stride;
        plan->to_bytes[plan->rank] = to_stride;
        plan->rank++;
    }
}

/* One run along the innermost dimension. */
static void copy_run(const copy_plan *plan, const unsigned char *from, unsigned char *to)
{
    int last = plan->rank - 1;
    const davit_strided_run run = {plan->dims[last], plan->to_bytes[last], plan->from_bytes[last]};
    davit_copy_strided(&run, plan->elem_bytes, to, from);
}

davit_status davit_tensor_copy_layout(const davit_tensor_desc *from_desc, const void *from,
                                      const davit_tensor_desc *to_desc, void *to)
{
    if (from_desc->dtype != to_desc->dtype || !davit_tensor_desc_same_shape(from_desc, to_desc)) {
        return DAVIT_INVALID_ARGUMENT;
    }
    if (davit_tensor_desc_elems(to_desc) == 0) {
        return DAVIT_OK;
    }
    copy_plan plan;
    plan_copy(from_desc, to_desc, &plan);
    if (plan.rank == 0) {
        memcpy(to, from, plan.elem_bytes);
        return DAVIT_OK;
    }
    int64_t index[DAVIT_MAX_RANK] = {0};
    const unsigned char *source = from;
    unsigned char *target = to;
    for (;;) {
        copy_run(&plan, source, target);
        int axis = plan.rank - 2;
        while (axis >= 0 && ++index[axis] == plan.dims[axis]) {
            source -= (plan.dims[axis] - 1) * plan.from_bytes[axis];
            target -= (plan.dims[axis] - 1) * plan.to_bytes[axis];
            index[axis--] = 0;
        }
        if (axis < 0) {
            return DAVIT_OK;
        }
        source += plan.from_bytes[axis];
        target += plan.to_bytes[axis];
    }
}
