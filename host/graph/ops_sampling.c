#include "davit/resize.h"
#include "davit/window.h"
#include "infer_rules.h"
#include "ops_spatial.h"

#include <inttypes.h>
#include <string.h>

davit_status davit_infer_resize(davit_infer *infer)
{
    davit_resize_inputs inputs = {davit_infer_input(infer, 0), davit_infer_constant(infer, 1),
                                  davit_infer_constant(infer, 2), davit_infer_constant(infer, 3)};
    davit_resize resize;
    davit_status status = davit_resize_resolve(infer->node, &inputs, infer->diag, &resize);
    return status == DAVIT_OK
               ? davit_infer_output(infer, 0, inputs.x->dtype, resize.rank, resize.out)
               : status;
}

/* X [N, C, spatial...], grid [N, places..., axes]. */
davit_status davit_infer_grid_sample(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    davit_status status = davit_infer_rank(infer, 0, 3, DAVIT_MAX_RANK);
    if (status == DAVIT_OK) {
        status = davit_infer_rank(infer, 1, x->rank, x->rank);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    const davit_tensor_desc *grid = davit_infer_input(infer, 1);
    if (grid->dims[0] != x->dims[0] || grid->dims[x->rank - 1] != x->rank - 2) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                "the grid has %" PRId64 " batches of %" PRId64
                                "-dimensional places, not %" PRId64 " of %d",
                                grid->dims[0], grid->dims[x->rank - 1], x->dims[0], x->rank - 2);
    }
    const char *mode = davit_node_string(infer->node, "mode", "linear");
    const char *padding = davit_node_string(infer->node, "padding_mode", "zeros");
    bool known =
        strcmp(mode, "linear") == 0 || strcmp(mode, "nearest") == 0 || strcmp(mode, "cubic") == 0;
    if (!known) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "mode '%s' is unknown", mode);
    }
    if (strcmp(padding, "zeros") != 0 && strcmp(padding, "border") != 0 &&
        strcmp(padding, "reflection") != 0) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "padding_mode '%s' is unknown", padding);
    }
    int64_t dims[DAVIT_MAX_RANK] = {x->dims[0], x->dims[1]};
    for (int i = 2; i < x->rank; i++) {
        dims[i] = grid->dims[i - 1];
    }
    return davit_infer_output(infer, 0, x->dtype, x->rank, dims);
}

/* Reads image_shape (input 1) and block_shape (input 2), which must be equally long. */
static davit_status col2im_shapes(const davit_infer *infer, int64_t *image, int64_t *block,
                                  int *axes)
{
    size_t image_axes;
    size_t block_axes;
    davit_status status = davit_infer_ints(infer, 1, image, DAVIT_WINDOW_MAX_AXES, &image_axes);
    if (status == DAVIT_OK) {
        status = davit_infer_ints(infer, 2, block, DAVIT_WINDOW_MAX_AXES, &block_axes);
    }
    if (status == DAVIT_OK && (image_axes != block_axes || image_axes == 0)) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "image_shape has %zu axes, block_shape %zu",
                                image_axes, block_axes);
    }
    *axes = (int)image_axes;
    return status;
}

davit_status davit_infer_col2im(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    int64_t image[DAVIT_WINDOW_MAX_AXES];
    int64_t block[DAVIT_WINDOW_MAX_AXES];
    int axes;
    davit_status status = davit_infer_rank(infer, 0, 3, 3);
    if (status == DAVIT_OK) {
        status = col2im_shapes(infer, image, block, &axes);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    davit_window window;
    status = davit_window_resolve_col2im(infer->node, axes, image, block, infer->diag, &window);
    if (status != DAVIT_OK) {
        return status;
    }
    int64_t dims[DAVIT_MAX_RANK] = {x->dims[0]};
    int64_t channels = x->dims[1];
    int64_t places = x->dims[2];
    for (int i = 0; i < axes; i++) {
        bool whole = channels % block[i] == 0;
        bool placed = window.out[i] == 0 ? places == 0 : places % window.out[i] == 0;
        if (!whole || !placed) {
            return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                    "the input's rows or columns do not match the blocks");
        }
        channels /= block[i];
        places = window.out[i] == 0 ? 1 : places / window.out[i];
        dims[i + 2] = image[i];
    }
    if (places != 1) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                "the input has %" PRId64 " columns, too many for the image",
                                x->dims[2]);
    }
    dims[1] = channels;
    return davit_infer_output(infer, 0, x->dtype, axes + 2, dims);
}

davit_status davit_infer_roi_align(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    const char *mode = davit_node_string(infer->node, "mode", "avg");
    const char *transform =
        davit_node_string(infer->node, "coordinate_transformation_mode", "half_pixel");
    davit_status status = davit_infer_rank(infer, 0, 4, 4);
    if (status == DAVIT_OK) {
        status = davit_infer_rank(infer, 1, 2, 2);
    }
    if (status == DAVIT_OK) {
        status = davit_infer_same_type(infer, 0, 1);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    const davit_tensor_desc *rois = davit_infer_input(infer, 1);
    if (rois->dims[1] != 4) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "rois have %" PRId64 " values, not 4",
                                rois->dims[1]);
    }
    status = davit_infer_vector(infer, 2, rois->dims[0]);
    if (status != DAVIT_OK) {
        return status;
    }
    if ((strcmp(mode, "avg") != 0 && strcmp(mode, "max") != 0) ||
        (strcmp(transform, "half_pixel") != 0 && strcmp(transform, "output_half_pixel") != 0)) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "mode '%s' or '%s' is unknown", mode,
                                transform);
    }
    int64_t height = davit_node_int(infer->node, "output_height", 1);
    int64_t width = davit_node_int(infer->node, "output_width", 1);
    int64_t ratio = davit_node_int(infer->node, "sampling_ratio", 0);
    if (height < 1 || width < 1 || ratio < 0 || ratio > 65536) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                "output %" PRId64 "x%" PRId64 " or sampling_ratio %" PRId64
                                " is out of range",
                                height, width, ratio);
    }
    int64_t dims[] = {rois->dims[0], x->dims[1], height, width};
    return davit_infer_output(infer, 0, x->dtype, 4, dims);
}

davit_status davit_infer_max_roi_pool(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    size_t count;
    const int64_t *pooled = davit_node_ints(infer->node, "pooled_shape", &count);
    davit_status status = davit_infer_rank(infer, 0, 4, 4);
    if (status == DAVIT_OK) {
        status = davit_infer_rank(infer, 1, 2, 2);
    }
    if (status == DAVIT_OK) {
        status = davit_infer_same_type(infer, 0, 1);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    const davit_tensor_desc *rois = davit_infer_input(infer, 1);
    if (count != 2 || pooled[0] < 1 || pooled[1] < 1 || rois->dims[1] != 5) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                "pooled_shape must be two positive numbers, a roi five values");
    }
    int64_t dims[] = {rois->dims[0], x->dims[1], pooled[0], pooled[1]};
    return davit_infer_output(infer, 0, x->dtype, 4, dims);
}

davit_status davit_infer_max_unpool(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    davit_status status = davit_infer_rank(infer, 0, 3, DAVIT_MAX_RANK);
    if (status == DAVIT_OK) {
        status = davit_infer_shape_is(infer, 1, x->rank, x->dims);
    }
    davit_window_spec spec = {infer->node, x, NULL, true};
    davit_window window;
    if (status == DAVIT_OK) {
        status = davit_window_resolve(&spec, infer->diag, &window);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    int64_t dims[DAVIT_MAX_RANK] = {x->dims[0], x->dims[1]};
    for (int i = 0; i < window.axes; i++) {
        dims[i + 2] = window.out[i];
    }
    if (davit_infer_input(infer, 2) == NULL) {
        return davit_infer_output(infer, 0, x->dtype, x->rank, dims);
    }
    int64_t given[DAVIT_MAX_RANK];
    size_t count;
    status = davit_infer_ints(infer, 2, given, DAVIT_MAX_RANK, &count);
    if (status != DAVIT_OK) {
        return status;
    }
    bool fits = count == (size_t)x->rank && given[0] == dims[0] && given[1] == dims[1];
    for (int i = 2; fits && i < x->rank; i++) {
        fits = given[i] >= dims[i];
    }
    if (!fits) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                "output_shape is smaller than what the pool came from");
    }
    return davit_infer_output(infer, 0, x->dtype, x->rank, given);
}
