#include "infer_rules.h"

#include "davit/window.h"

#include <inttypes.h>
#include <string.h>

davit_status davit_infer_like_input(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    return davit_infer_output(infer, 0, x->dtype, x->rank, x->dims);
}

davit_status davit_infer_same_type(const davit_infer *infer, int first, int last)
{
    const davit_tensor_desc *model = NULL;
    for (int i = first; i <= last && i < davit_infer_input_count(infer); i++) {
        const davit_tensor_desc *desc = davit_infer_input(infer, i);
        if (desc == NULL) {
            continue;
        }
        if (model == NULL) {
            model = desc;
        } else if (desc->dtype != model->dtype) {
            return davit_infer_fail(infer, DAVIT_BAD_DATA, "input %d is %s, not %s", i,
                                    davit_dtype_name(desc->dtype), davit_dtype_name(model->dtype));
        }
    }
    return DAVIT_OK;
}

davit_status davit_infer_rank(const davit_infer *infer, int i, int min, int max)
{
    const davit_tensor_desc *desc = davit_infer_input(infer, i);
    if (desc == NULL) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "input %d is missing", i);
    }
    if (desc->rank < min || desc->rank > max) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "input %d has rank %d, not %d to %d", i,
                                desc->rank, min, max);
    }
    return DAVIT_OK;
}

davit_status davit_infer_shape_is(const davit_infer *infer, int i, int rank, const int64_t *dims)
{
    const davit_tensor_desc *desc = davit_infer_input(infer, i);
    if (desc == NULL) {
        return DAVIT_OK;
    }
    bool same = desc->rank == rank;
    for (int d = 0; same && d < rank; d++) {
        same = desc->dims[d] == dims[d];
    }
    if (!same) {
        char is[96];
        char expected[96];
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "input %d has shape %s, not %s", i,
                                davit_shape_text(desc->dims, desc->rank, is, sizeof(is)),
                                davit_shape_text(dims, rank, expected, sizeof(expected)));
    }
    return DAVIT_OK;
}

davit_status davit_infer_vector(const davit_infer *infer, int i, int64_t n)
{
    return davit_infer_shape_is(infer, i, 1, &n);
}

davit_status davit_infer_single(const davit_infer *infer, int i)
{
    const davit_tensor_desc *desc = davit_infer_input(infer, i);
    if (desc != NULL && davit_tensor_desc_elems(desc) != 1) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "input %d has %" PRId64 " elements, not 1",
                                i, davit_tensor_desc_elems(desc));
    }
    return DAVIT_OK;
}

davit_status davit_infer_scalar(const davit_infer *infer, int i, int64_t fallback, int64_t *value)
{
    if (davit_infer_input(infer, i) == NULL) {
        *value = fallback;
        return DAVIT_OK;
    }
    size_t count = 0;
    davit_status status = davit_infer_ints(infer, i, value, 1, &count);
    if (status == DAVIT_OK && count != 1) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "input %d is empty", i);
    }
    return status;
}

davit_status davit_infer_matmul_shape(const davit_infer *infer, const davit_tensor_desc *a,
                                      const davit_tensor_desc *b, int *rank, int64_t *dims)
{
    if (a->rank == 0 || b->rank == 0) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "an operand is a scalar");
    }
    int64_t depth_a = a->dims[a->rank - 1];
    int64_t depth_b = b->dims[b->rank > 1 ? b->rank - 2 : 0];
    if (depth_a != depth_b) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                "the first operand has %" PRId64 " columns, the second %" PRId64
                                " rows",
                                depth_a, depth_b);
    }
    int batch_a = a->rank > 2 ? a->rank - 2 : 0;
    int batch_b = b->rank > 2 ? b->rank - 2 : 0;
    davit_status status =
        davit_infer_broadcast(infer, batch_a, a->dims, batch_b, b->dims, rank, dims);
    if (status != DAVIT_OK) {
        return status;
    }
    if (a->rank > 1) {
        dims[(*rank)++] = a->dims[a->rank - 2];
    }
    if (b->rank > 1) {
        dims[(*rank)++] = b->dims[b->rank - 1];
    }
    return DAVIT_OK;
}

davit_status davit_infer_conv_shape(const davit_infer *infer, const davit_tensor_desc *x,
                                    const davit_tensor_desc *w, int64_t *dims)
{
    if (x->rank < 3 || w->rank != x->rank) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "input of rank %d and weights of rank %d",
                                x->rank, w->rank);
    }
    int64_t group = davit_node_int(infer->node, "group", 1);
    if (group < 1 || w->dims[0] % group != 0) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                "%" PRId64 " output channels do not divide into %" PRId64 " groups",
                                w->dims[0], group);
    }
    if (x->dims[1] % group != 0 || w->dims[1] != x->dims[1] / group) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                "%" PRId64 " input channels in %" PRId64
                                " groups, but the weights take %" PRId64,
                                x->dims[1], group, w->dims[1]);
    }
    davit_window_spec spec = {infer->node, x, w, false};
    davit_window window;
    davit_status status = davit_window_resolve(&spec, infer->diag, &window);
    if (status != DAVIT_OK) {
        return status;
    }
    dims[0] = x->dims[0];
    dims[1] = w->dims[0];
    for (int i = 0; i < window.axes; i++) {
        dims[i + 2] = window.out[i];
    }
    return DAVIT_OK;
}

davit_status davit_infer_conv_transpose_shape(const davit_infer *infer, const davit_tensor_desc *x,
                                              const davit_tensor_desc *w, int64_t *dims)
{
    if (x->rank < 3 || w->rank != x->rank) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "input of rank %d and weights of rank %d",
                                x->rank, w->rank);
    }
    int64_t group = davit_node_int(infer->node, "group", 1);
    if (w->dims[0] != x->dims[1] || group < 1 || w->dims[0] % group != 0) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                "%" PRId64 " input channels in %" PRId64
                                " groups, but the weights take %" PRId64,
                                x->dims[1], group, w->dims[0]);
    }
    if (w->dims[1] > INT64_MAX / group) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "too many groups");
    }
    davit_window_spec spec = {infer->node, x, w, true};
    davit_window window;
    davit_status status = davit_window_resolve(&spec, infer->diag, &window);
    if (status != DAVIT_OK) {
        return status;
    }
    dims[0] = x->dims[0];
    dims[1] = w->dims[1] * group;
    memcpy(dims + 2, window.out, (size_t)window.axes * sizeof(*dims));
    return DAVIT_OK;
}

davit_status davit_infer_pool_shape(const davit_infer *infer, const davit_tensor_desc *x,
                                    int64_t *dims)
{
    davit_window_spec spec = {infer->node, x, NULL, false};
    davit_window window;
    if (x->rank < 3) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "input 0 has rank %d, not 3 to %d", x->rank,
                                DAVIT_MAX_RANK);
    }
    davit_status status = davit_window_resolve(&spec, infer->diag, &window);
    if (status != DAVIT_OK) {
        return status;
    }
    dims[0] = x->dims[0];
    dims[1] = x->dims[1];
    memcpy(dims + 2, window.out, (size_t)window.axes * sizeof(*dims));
    return DAVIT_OK;
}
