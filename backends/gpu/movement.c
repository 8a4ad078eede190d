/* Operators that put elements elsewhere, of any type: views, strided copies, Gather. */
#include <string.h>

#include "davit/shape_rules.h"
#include "operators.h"

static bool has_width(const davit_tensor_desc *desc)
{
    size_t bytes = davit_dtype_bytes(desc->dtype);
    return bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8;
}

/* ---- views ---- */

static davit_status build_view(davit_gpu_builder *builder, const davit_unit *unit,
                               const davit_node *node)
{
    davit_gpu_place place;
    davit_status status = davit_gpu_get(builder, node->inputs[0], DAVIT_GPU_DENSE, &place);
    if (status == DAVIT_OK) {
        davit_gpu_set(builder, unit->outputs[0], DAVIT_GPU_DENSE, place);
    }
    return status;
}

static davit_status build_identity(davit_gpu_builder *builder, const davit_unit *unit,
                                   const davit_node *node)
{
    davit_gpu_layout layout = davit_gpu_layout_of(builder, node->inputs[0]);
    davit_gpu_place place;
    davit_status status = davit_gpu_get(builder, node->inputs[0], layout, &place);
    if (status == DAVIT_OK) {
        davit_gpu_set(builder, unit->outputs[0], layout, place);
    }
    return status;
}

/* ---- strided copies ---- */

static const char *refuse_copy(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    const davit_tensor_desc *x = davit_node_input(graph, node, 0);
    if (!has_width(x)) {
        return "element type";
    }
    if (x->rank == 0 || x->rank > DAVIT_GPU_RANK) {
        return "rank";
    }
    return davit_gpu_refuse_shape_inputs(graph, unit);
}

/* From input 0, dense, to a new dense output. */
static davit_status build_copy(davit_gpu_builder *builder, const davit_node *node,
                               davit_value_id output, const davit_gpu_copy *copy)
{
    davit_gpu_place from, to;
    davit_status status = davit_gpu_get(builder, node->inputs[0], DAVIT_GPU_DENSE, &from);
    if (status == DAVIT_OK) {
        status = davit_gpu_make(builder, output, DAVIT_GPU_DENSE, &to);
    }
    return status == DAVIT_OK ? davit_gpu_copy_add(builder, copy, from, to) : status;
}

/* A copy to a dense tensor; strides of the input are to be set. */
static davit_gpu_copy copy_to(const davit_tensor_desc *y)
{
    davit_gpu_copy copy = {.rank = y->rank, .elem_bytes = davit_dtype_bytes(y->dtype)};
    memcpy(copy.dims, y->dims, (size_t)y->rank * sizeof(copy.dims[0]));
    davit_gpu_strides(y, DAVIT_GPU_DENSE, copy.to);
    return copy;
}

static davit_status build_transpose(davit_gpu_builder *builder, const davit_unit *unit,
                                    const davit_node *node)
{
    const davit_tensor_desc *x = davit_node_input(builder->graph, node, 0);
    davit_gpu_copy copy = copy_to(davit_gpu_desc(builder, unit->outputs[0]));
    davit_gpu_layout layout = davit_gpu_layout_of(builder, node->inputs[0]);
    int64_t strides[DAVIT_MAX_RANK];
    size_t count;
    const int64_t *given = davit_node_ints(node, "perm", &count);
    davit_gpu_strides(x, layout, strides);
    for (int i = 0; i < x->rank; i++) {
        copy.from[i] = strides[given != NULL && count > 0 ? (int)given[i] : x->rank - 1 - i];
    }
    davit_gpu_place from, to;
    davit_status status = davit_gpu_get(builder, node->inputs[0], layout, &from);
    if (status == DAVIT_OK) {
        status = davit_gpu_make(builder, unit->outputs[0], DAVIT_GPU_DENSE, &to);
    }
    return status == DAVIT_OK ? davit_gpu_copy_add(builder, &copy, from, to) : status;
}

/* A part of input 0, from starts on, by steps; in the layout that the input has. */
static davit_status build_part(davit_gpu_builder *builder, const davit_node *node,
                               davit_value_id output, const int64_t *starts, const int64_t *steps)
{
    const davit_tensor_desc *x = davit_node_input(builder->graph, node, 0);
    const davit_tensor_desc *y = davit_gpu_desc(builder, output);
    davit_gpu_layout layout = davit_gpu_layout_of(builder, node->inputs[0]);
    int64_t strides[DAVIT_MAX_RANK], to[DAVIT_MAX_RANK];
    davit_gpu_copy copy = {.rank = y->rank, .elem_bytes = davit_dtype_bytes(y->dtype)};
    davit_gpu_place source, target;
    davit_gpu_strides(x, layout, strides);
    davit_gpu_strides(y, layout, to);
    for (int i = 0; i < x->rank; i++) {
        copy.from_offset += strides[i] * starts[i];
        strides[i] *= steps[i];
    }
    davit_gpu_order(y, layout, y->dims, copy.dims);
    davit_gpu_order(y, layout, strides, copy.from);
    davit_gpu_order(y, layout, to, copy.to);
    davit_status status = davit_gpu_get(builder, node->inputs[0], layout, &source);
    if (status == DAVIT_OK) {
        status = davit_gpu_make(builder, output, layout, &target);
    }
    return status == DAVIT_OK ? davit_gpu_copy_add(builder, &copy, source, target) : status;
}

static davit_status build_slice(davit_gpu_builder *builder, const davit_unit *unit,
                                const davit_node *node)
{
    const davit_graph *graph = builder->graph;
    const davit_tensor_desc *x = davit_node_input(graph, node, 0);
    const davit_tensor *axes_input = davit_node_constant(graph, node, 3);
    const davit_tensor *steps_input = davit_node_constant(graph, node, 4);
    int64_t begins[DAVIT_MAX_RANK], ends[DAVIT_MAX_RANK], axes[DAVIT_MAX_RANK];
    int64_t given_steps[DAVIT_MAX_RANK], starts[DAVIT_MAX_RANK] = {0}, steps[DAVIT_MAX_RANK];
    for (int i = 0; i < DAVIT_MAX_RANK; i++) {
        axes[i] = i;
        steps[i] = given_steps[i] = 1;
    }
    size_t count = davit_constant_ints(davit_node_constant(graph, node, 1), begins, DAVIT_MAX_RANK);
    (void)davit_constant_ints(davit_node_constant(graph, node, 2), ends, DAVIT_MAX_RANK);
    if (axes_input != NULL) {
        (void)davit_constant_ints(axes_input, axes, DAVIT_MAX_RANK);
    }
    if (steps_input != NULL) {
        (void)davit_constant_ints(steps_input, given_steps, DAVIT_MAX_RANK);
    }
    for (size_t i = 0; i < count; i++) {
        int axis = davit_node_axis(axes[i], x->rank);
        starts[axis] = begins[i];
        steps[axis] = given_steps[i];
        (void)davit_slice_resolve(x->dims[axis], &starts[axis], ends[i], steps[axis]);
    }
    return build_part(builder, node, unit->outputs[0], starts, steps);
}

static davit_status build_split(davit_gpu_builder *builder, const davit_unit *unit,
                                const davit_node *node)
{
    const davit_tensor_desc *x = davit_node_input(builder->graph, node, 0);
    int axis = davit_node_axis(davit_node_int(node, "axis", 0), x->rank);
    int64_t starts[DAVIT_MAX_RANK] = {0}, steps[DAVIT_MAX_RANK];
    davit_status status = DAVIT_OK;
    for (int i = 0; i < DAVIT_MAX_RANK; i++) {
        steps[i] = 1;
    }
    for (uint32_t i = 0; i < node->output_count && status == DAVIT_OK; i++) {
        for (uint32_t k = 0; k < unit->output_count && status == DAVIT_OK; k++) {
            if (unit->outputs[k] == node->outputs[i]) {
                status = build_part(builder, node, node->outputs[i], starts, steps);
            }
        }
        starts[axis] += davit_gpu_desc(builder, node->outputs[i])->dims[axis];
    }
    return status;
}

static davit_status build_expand(davit_gpu_builder *builder, const davit_unit *unit,
                                 const davit_node *node)
{
    const davit_tensor_desc *x = davit_node_input(builder->graph, node, 0);
    davit_gpu_copy copy = copy_to(davit_gpu_desc(builder, unit->outputs[0]));
    int64_t strides[DAVIT_MAX_RANK];
    davit_gpu_strides(x, DAVIT_GPU_DENSE, strides);
    for (int i = 0; i < copy.rank; i++) {
        int own = i - (copy.rank - x->rank);
        copy.from[i] = own >= 0 && x->dims[own] != 1 ? strides[own] : 0;
    }
    return build_copy(builder, node, unit->outputs[0], &copy);
}

static const char *refuse_expand(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    if (!has_width(davit_node_input(graph, node, 0))) {
        return "element type";
    }
    return davit_node_output(graph, node)->rank > DAVIT_GPU_RANK
               ? "rank"
               : davit_gpu_refuse_shape_inputs(graph, unit);
}

/* Both move between [N, C, H, bh, W, bw] in space and [N, bh, bw, C, H, W] (DCR) or
 * [N, C, bh, bw, H, W] (CRD) in depth. */
static davit_status build_blocks(davit_gpu_builder *builder, const davit_unit *unit,
                                 const davit_node *node)
{
    bool to_space = node->op->op == DAVIT_OP_DepthToSpace;
    const davit_tensor_desc *x = davit_node_input(builder->graph, node, 0);
    const davit_tensor_desc *y = davit_gpu_desc(builder, unit->outputs[0]);
    const davit_tensor_desc *space = to_space ? y : x;
    const davit_tensor_desc *depth = to_space ? x : y;
    bool channels_first = to_space && davit_node_string(node, "mode", "DCR")[0] == 'C';
    int64_t block = davit_node_int(node, "blocksize", 1);
    int64_t s[DAVIT_MAX_RANK], d[DAVIT_MAX_RANK];
    int64_t channels = space->dims[1];
    davit_gpu_strides(space, DAVIT_GPU_DENSE, s);
    davit_gpu_strides(depth, DAVIT_GPU_DENSE, d);
    const int64_t dims[6] = {space->dims[0], channels,       depth->dims[2],
                             block,          depth->dims[3], block};
    const int64_t in_space[6] = {s[0], s[1], s[2] * block, s[2], block, 1};
    const int64_t in_depth[6] = {d[0],
                                 channels_first ? d[1] * block * block : d[1],
                                 d[2],
                                 channels_first ? d[1] * block : d[1] * channels * block,
                                 1,
                                 channels_first ? d[1] : d[1] * channels};
    davit_gpu_copy copy = {.rank = 6, .elem_bytes = davit_dtype_bytes(x->dtype)};
    memcpy(copy.dims, dims, sizeof(dims));
    memcpy(copy.from, to_space ? in_depth : in_space, sizeof(dims));
    memcpy(copy.to, to_space ? in_space : in_depth, sizeof(dims));
    return build_copy(builder, node, unit->outputs[0], &copy);
}

/* ---- Concat ---- */

static const char *refuse_concat(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (!davit_node_has_input(node, i) ||
            davit_tensor_desc_elems(davit_node_input(graph, node, i)) == 0) {
            return "empty input";
        }
    }
    const davit_tensor_desc *y = davit_node_output(graph, node);
    return has_width(y) && y->rank <= DAVIT_GPU_RANK ? NULL : "element type or rank";
}

static davit_status build_concat(davit_gpu_builder *builder, const davit_unit *unit,
                                 const davit_node *node)
{
    const davit_tensor_desc *y = davit_gpu_desc(builder, unit->outputs[0]);
    int axis = davit_node_axis(davit_node_int(node, "axis", 0), y->rank);
    davit_gpu_layout layout = davit_gpu_layout_of(builder, node->inputs[0]);
    int64_t into[DAVIT_MAX_RANK], position = 0;
    davit_gpu_place to;
    davit_gpu_strides(y, layout, into);
    davit_status status = davit_gpu_make(builder, unit->outputs[0], layout, &to);
    for (uint32_t i = 0; i < node->input_count && status == DAVIT_OK; i++) {
        const davit_tensor_desc *x = davit_node_input(builder->graph, node, i);
        davit_gpu_copy copy = {.rank = x->rank,
                               .elem_bytes = davit_dtype_bytes(x->dtype),
                               .to_offset = position * into[axis]};
        int64_t from[DAVIT_MAX_RANK];
        davit_gpu_place place;
        davit_gpu_strides(x, layout, from);
        davit_gpu_order(x, layout, x->dims, copy.dims);
        davit_gpu_order(x, layout, from, copy.from);
        davit_gpu_order(x, layout, into, copy.to);
        position += x->dims[axis];
        status = davit_gpu_get(builder, node->inputs[i], layout, &place);
        if (status == DAVIT_OK) {
            status = davit_gpu_copy_add(builder, &copy, place, to);
        }
    }
    return status;
}

/* ---- Pad ---- */

static const char *refuse_pad(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    return strcmp(davit_node_string(node, "mode", "constant"), "constant") != 0
               ? "mode"
               : refuse_copy(graph, unit);
}

/* Padding before each dimension; negative ones cut. */
static void pads_of(const davit_graph *graph, const davit_node *node, int rank, int64_t *begins)
{
    int64_t pads[2 * DAVIT_MAX_RANK] = {0}, axes[DAVIT_MAX_RANK];
    const davit_tensor *axes_input = davit_node_constant(graph, node, 3);
    size_t count = (size_t)rank;
    for (int i = 0; i < rank; i++) {
        axes[i] = i;
        begins[i] = 0;
    }
    if (axes_input != NULL) {
        count = davit_constant_ints(axes_input, axes, DAVIT_MAX_RANK);
    }
    (void)davit_constant_ints(davit_node_constant(graph, node, 1), pads,
                              sizeof(pads) / sizeof(pads[0]));
    for (size_t i = 0; i < count; i++) {
        begins[davit_node_axis(axes[i], rank)] = pads[i];
    }
}

static davit_status fill(davit_gpu_builder *builder, const davit_node *node, davit_gpu_place to)
{
    static const char *const names[4] = {"fill_1", "fill_2", "fill_4", "fill_8"};
    const davit_tensor_desc *y = davit_node_output(builder->graph, node);
    const davit_tensor *value = davit_node_constant(builder->graph, node, 2);
    size_t bytes = davit_dtype_bytes(y->dtype);
    uint64_t bits = 0;
    if (value != NULL) {
        memcpy(&bits, value->data, bytes);
    }
    davit_gpu_fill_params params = {.count = (int)davit_tensor_desc_elems(y),
                                    .low = (uint32_t)bits,
                                    .high = (uint32_t)(bits >> 32)};
    davit_gpu_call call = {.kernel = davit_gpu_of_width(names, bytes),
                           .params = &params,
                           .param_bytes = sizeof(params),
                           .operand_count = 1,
                           .operands = {to}};
    return davit_gpu_launch_flat(builder, &call, params.count);
}

static davit_status build_pad(davit_gpu_builder *builder, const davit_unit *unit,
                              const davit_node *node)
{
    const davit_tensor_desc *x = davit_node_input(builder->graph, node, 0);
    const davit_tensor_desc *y = davit_gpu_desc(builder, unit->outputs[0]);
    int64_t begins[DAVIT_MAX_RANK], from[DAVIT_MAX_RANK], into[DAVIT_MAX_RANK];
    davit_gpu_copy copy = {.rank = x->rank, .elem_bytes = davit_dtype_bytes(x->dtype)};
    davit_gpu_place source, target;
    bool empty = false;
    pads_of(builder->graph, node, x->rank, begins);
    davit_gpu_strides(x, DAVIT_GPU_DENSE, from);
    davit_gpu_strides(y, DAVIT_GPU_DENSE, into);
    for (int i = 0; i < x->rank; i++) {
        int64_t first = begins[i] < 0 ? -begins[i] : 0; /* of the input */
        int64_t at = begins[i] > 0 ? begins[i] : 0;     /* of the output */
        int64_t left = x->dims[i] - first;
        copy.dims[i] = left < y->dims[i] - at ? left : y->dims[i] - at;
        copy.from[i] = from[i];
        copy.to[i] = into[i];
        copy.from_offset += first * from[i];
        copy.to_offset += at * into[i];
        empty = empty || copy.dims[i] <= 0;
    }
    davit_status status = davit_gpu_get(builder, node->inputs[0], DAVIT_GPU_DENSE, &source);
    if (status == DAVIT_OK) {
        status = davit_gpu_make(builder, unit->outputs[0], DAVIT_GPU_DENSE, &target);
    }
    if (status == DAVIT_OK) {
        status = fill(builder, node, target);
    }
    return status == DAVIT_OK && !empty ? davit_gpu_copy_add(builder, &copy, source, target)
                                        : status;
}

/* ---- Gather ---- */

static const char *refuse_gather(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    const davit_tensor_desc *x = davit_node_input(graph, node, 0);
    davit_dtype index = davit_node_input(graph, node, 1)->dtype;
    if (x->rank == 0 || davit_tensor_desc_elems(x) == 0) {
        return "empty tensor";
    }
    if (davit_tensor_desc_bytes(x) > INT32_MAX) {
        return "tensor of more than 2 GiB";
    }
    if (!has_width(x)) {
        return "element type";
    }
    return index == DAVIT_S32 || index == DAVIT_S64 ? NULL : "index type";
}

static davit_status build_gather(davit_gpu_builder *builder, const davit_unit *unit,
                                 const davit_node *node)
{
    static const char *const names[4] = {"gather_1", "gather_2", "gather_4", "gather_8"};
    const davit_tensor_desc *x = davit_node_input(builder->graph, node, 0);
    const davit_tensor_desc *index = davit_node_input(builder->graph, node, 1);
    int axis = davit_node_axis(davit_node_int(node, "axis", 0), x->rank);
    davit_gpu_gather_params params = {
        .count = (int)davit_tensor_desc_elems(davit_gpu_desc(builder, unit->outputs[0])),
        .inner = 1,
        .indices = (int)davit_tensor_desc_elems(index),
        .axis_size = (int)x->dims[axis],
        .wide = index->dtype == DAVIT_S64};
    for (int i = axis + 1; i < x->rank; i++) {
        params.inner *= (int)x->dims[i];
    }
    davit_gpu_call call = {.kernel = davit_gpu_of_width(names, davit_dtype_bytes(x->dtype)),
                           .params = &params,
                           .param_bytes = sizeof(params),
                           .operand_count = 4};
    davit_status status = DAVIT_OK;
    call.operands[3] = davit_gpu_check_word(builder);
    for (uint32_t i = 0; i < 2 && status == DAVIT_OK; i++) {
        status = davit_gpu_get(builder, node->inputs[i], DAVIT_GPU_DENSE, &call.operands[i]);
    }
    if (status == DAVIT_OK) {
        status = davit_gpu_make(builder, unit->outputs[0], DAVIT_GPU_DENSE, &call.operands[2]);
    }
    return status == DAVIT_OK ? davit_gpu_launch_flat(builder, &call, params.count) : status;
}

static const davit_gpu_operator operators[] = {
    {DAVIT_OP_Concat, DAVIT_GPU_ANY, refuse_concat, build_concat},
    {DAVIT_OP_DepthToSpace, DAVIT_GPU_ANY, refuse_copy, build_blocks},
    {DAVIT_OP_Dropout, DAVIT_GPU_ANY, davit_gpu_refuse_outputs, build_identity},
    {DAVIT_OP_Expand, DAVIT_GPU_ANY, refuse_expand, build_expand},
    {DAVIT_OP_Flatten, DAVIT_GPU_ANY, NULL, build_view},
    {DAVIT_OP_Gather, DAVIT_GPU_ANY, refuse_gather, build_gather},
    {DAVIT_OP_Identity, DAVIT_GPU_ANY, NULL, build_identity},
    {DAVIT_OP_Pad, DAVIT_GPU_ANY, refuse_pad, build_pad},
    {DAVIT_OP_Reshape, DAVIT_GPU_ANY, NULL, build_view},
    {DAVIT_OP_Slice, DAVIT_GPU_ANY, refuse_copy, build_slice},
    {DAVIT_OP_SpaceToDepth, DAVIT_GPU_ANY, refuse_copy, build_blocks},
    {DAVIT_OP_Split, DAVIT_GPU_ANY, refuse_copy, build_split},
    {DAVIT_OP_Squeeze, DAVIT_GPU_ANY, NULL, build_view},
    {DAVIT_OP_Transpose, DAVIT_GPU_ANY, refuse_copy, build_transpose},
    {DAVIT_OP_Unsqueeze, DAVIT_GPU_ANY, NULL, build_view}};

const davit_gpu_family davit_gpu_movements = DAVIT_GPU_FAMILY(operators);
