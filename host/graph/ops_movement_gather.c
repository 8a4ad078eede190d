#include <string.h>

#include "ops_movement.h"

davit_status davit_infer_gather(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    const davit_tensor_desc *indices = davit_infer_input(infer, 1);
    int axis = 0;
    davit_status status =
        davit_infer_axis(infer, davit_node_int(infer->node, "axis", 0), x->rank, &axis);
    if (status != DAVIT_OK) {
        return status;
    }
    int64_t dims[2 * DAVIT_MAX_RANK];
    int rank = 0;
    for (int d = 0; d < axis; d++) {
        dims[rank++] = x->dims[d];
    }
    for (int d = 0; d < indices->rank; d++) {
        dims[rank++] = indices->dims[d];
    }
    for (int d = axis + 1; d < x->rank; d++) {
        dims[rank++] = x->dims[d];
    }
    return davit_infer_output(infer, 0, x->dtype, rank, dims);
}

/* Indices have the rank of x and, along other dimensions than axis, no more elements. */
static davit_status check_element_indices(const davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    const davit_tensor_desc *indices = davit_infer_input(infer, 1);
    int axis = 0;
    davit_status status =
        davit_infer_axis(infer, davit_node_int(infer->node, "axis", 0), x->rank, &axis);
    if (status != DAVIT_OK) {
        return status;
    }
    bool fits = indices->rank == x->rank;
    for (int d = 0; fits && d < x->rank; d++) {
        fits = d == axis || indices->dims[d] <= x->dims[d];
    }
    if (!fits) {
        char a[96];
        char b[96];
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "indices of shape %s into shape %s",
                                davit_shape_text(indices->dims, indices->rank, a, sizeof(a)),
                                davit_shape_text(x->dims, x->rank, b, sizeof(b)));
    }
    return DAVIT_OK;
}

davit_status davit_infer_gather_elements(davit_infer *infer)
{
    const davit_tensor_desc *indices = davit_infer_input(infer, 1);
    davit_status status = check_element_indices(infer);
    if (status != DAVIT_OK) {
        return status;
    }
    return davit_infer_output(infer, 0, davit_infer_input(infer, 0)->dtype, indices->rank,
                              indices->dims);
}

/* Checks the last dimension of the indices of GatherND and ScatterND, which select from the
 * dimensions of x after batch; *depth is that dimension. */
static davit_status check_index_depth(const davit_infer *infer, int batch, int *depth)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    const davit_tensor_desc *indices = davit_infer_input(infer, 1);
    if (x->rank < 1 || indices->rank < 1 || batch >= indices->rank || batch >= x->rank) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                "an input of rank %d and indices of rank %d, %d of them batches",
                                x->rank, indices->rank, batch);
    }
    int64_t last = indices->dims[indices->rank - 1];
    if (last < 1 || last > x->rank - batch) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "indices of %lld dimensions into %d",
                                (long long)last, x->rank - batch);
    }
    *depth = (int)last;
    return DAVIT_OK;
}

davit_status davit_infer_gather_nd(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    const davit_tensor_desc *indices = davit_infer_input(infer, 1);
    int64_t batch = davit_node_int(infer->node, "batch_dims", 0);
    if (batch < 0 || batch >= DAVIT_MAX_RANK) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "batch_dims is %lld", (long long)batch);
    }
    int depth = 0;
    davit_status status = check_index_depth(infer, (int)batch, &depth);
    if (status != DAVIT_OK) {
        return status;
    }
    for (int d = 0; d < batch; d++) {
        if (x->dims[d] != indices->dims[d]) {
            return davit_infer_fail(infer, DAVIT_BAD_DATA, "batch dimension %d is %lld and %lld", d,
                                    (long long)x->dims[d], (long long)indices->dims[d]);
        }
    }
    int64_t dims[2 * DAVIT_MAX_RANK];
    int rank = 0;
    for (int d = 0; d + 1 < indices->rank; d++) {
        dims[rank++] = indices->dims[d];
    }
    for (int d = (int)batch + depth; d < x->rank; d++) {
        dims[rank++] = x->dims[d];
    }
    return davit_infer_output(infer, 0, x->dtype, rank, dims);
}

/* The reduction exists, suits the type, and the updates have the type of x. */
static davit_status check_updates(const davit_infer *infer)
{
    static const char *const known[] = {"none", "add", "mul", "max", "min"};
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    const char *reduction = davit_node_string(infer->node, "reduction", "none");
    bool is_known = false;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        is_known = is_known || strcmp(reduction, known[i]) == 0;
    }
    if (!is_known) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "reduction '%s' does not exist", reduction);
    }
    if (x->dtype == DAVIT_BOOL && strcmp(reduction, "none") != 0) {
        return davit_infer_fail(infer, DAVIT_UNSUPPORTED,
                                "reduction '%s' of type bool is not supported", reduction);
    }
    if (davit_infer_input(infer, 2)->dtype != x->dtype) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "updates of type %s into type %s",
                                davit_dtype_name(davit_infer_input(infer, 2)->dtype),
                                davit_dtype_name(x->dtype));
    }
    return DAVIT_OK;
}

davit_status davit_infer_scatter_elements(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    davit_status status = check_element_indices(infer);
    if (status == DAVIT_OK) {
        status = check_updates(infer);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    if (!davit_tensor_desc_same_shape(davit_infer_input(infer, 1), davit_infer_input(infer, 2))) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "indices and updates differ in shape");
    }
    return davit_infer_output(infer, 0, x->dtype, x->rank, x->dims);
}

davit_status davit_infer_scatter_nd(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    const davit_tensor_desc *indices = davit_infer_input(infer, 1);
    const davit_tensor_desc *updates = davit_infer_input(infer, 2);
    int depth = 0;
    davit_status status = check_index_depth(infer, 0, &depth);
    if (status == DAVIT_OK) {
        status = check_updates(infer);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    int lead = indices->rank - 1;
    bool fits = updates->rank == lead + x->rank - depth;
    for (int d = 0; fits && d < updates->rank; d++) {
        fits = updates->dims[d] == (d < lead ? indices->dims[d] : x->dims[d - lead + depth]);
    }
    if (!fits) {
        char text[96];
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "updates of shape %s do not fit the indices",
                                davit_shape_text(updates->dims, updates->rank, text, sizeof(text)));
    }
    return davit_infer_output(infer, 0, x->dtype, x->rank, x->dims);
}
