/* Operators that put elements elsewhere: one strided copy, or a few. */
#include <string.h>

#include "copy.h"
#include "gather.h"
#include "operators.h"

static const char *refuse_shape_inputs(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    for (uint32_t i = 1; i < davit_node_input_count(node); i++) {
        if (davit_node_has_input(node, i) && davit_node_constant(graph, node, i) == NULL) {
            return "inputs that are not constant";
        }
    }
    return davit_node_input(graph, node, 0)->rank == 0 ? "scalar input" : NULL;
}

/* A copy of the output's shape to the dense output; strides of the input are to be set. */
static davit_onednn_copy copy_to(const davit_tensor_desc *out)
{
    davit_onednn_copy copy = {.rank = out->rank, .elem_bytes = davit_dtype_bytes(out->dtype)};
    memcpy(copy.dims, out->dims, (size_t)out->rank * sizeof(copy.dims[0]));
    memcpy(copy.to_strides, out->strides, (size_t)out->rank * sizeof(copy.dims[0]));
    return copy;
}

/* From dense input 0 to a new dense output. */
static davit_status build_copy(davit_onednn_builder *builder, const davit_node *node,
                               davit_value_id output, const davit_onednn_copy *copy)
{
    davit_onednn_operand from, to;
    davit_status status = davit_onednn_value_dense(builder, node->inputs[0], &from);
    if (status == DAVIT_OK) {
        status = davit_onednn_new_dense(builder, output, &to);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_add_copy(builder, &from, &to, copy);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, output, &to);
    }
    return status;
}

/* ---- Transpose ---- */

void davit_onednn_permutation(const davit_node *node, int rank, int *permutation)
{
    size_t count;
    const int64_t *given = davit_node_ints(node, "perm", &count);
    for (int i = 0; i < rank; i++) {
        permutation[i] = given != NULL && count > 0 ? (int)given[i] : rank - 1 - i;
    }
}

/* From a private layout straight to the transposed row-major one. */
static davit_status build_transposing_reorder(davit_onednn_builder *builder,
                                              const davit_onednn_operand *from,
                                              const davit_tensor_desc *out, const int *permutation,
                                              davit_value_id output)
{
    davit_onednn_operand to;
    davit_dnnl_primitive reorder;
    davit_dnnl_desc seen; /* the output with the input's order of dimensions */
    int64_t dims[DAVIT_MAX_RANK], strides[DAVIT_MAX_RANK];
    for (int i = 0; i < out->rank; i++) {
        dims[permutation[i]] = out->dims[i];
        strides[permutation[i]] = out->strides[i];
    }
    const davit_dnnl_tensor tensor = {
        .type = davit_onednn_type(out->dtype), .rank = out->rank, .dims = dims, .strides = strides};
    davit_status status = davit_dnnl_desc_describe(&builder->program->pool, &tensor, &seen);
    if (status == DAVIT_OK) {
        status = davit_dnnl_reorder(&builder->program->pool, from->desc, seen, &reorder);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_new_dense(builder, output, &to);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    davit_onednn_operand target = to;
    target.desc = seen;
    const davit_onednn_arg args[] = {{DNNL_ARG_FROM, *from}, {DNNL_ARG_TO, target}};
    status = davit_onednn_add_primitive(builder, &reorder, args, 2);
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, output, &to);
    }
    return status;
}

static davit_status build_transpose(davit_onednn_builder *builder, const davit_unit *unit,
                                    const davit_node *node)
{
    const davit_tensor_desc *in = davit_node_input(builder->graph, node, 0);
    const davit_tensor_desc *out = davit_node_output(builder->graph, node);
    davit_onednn_operand from;
    int permutation[DAVIT_MAX_RANK];
    davit_onednn_permutation(node, in->rank, permutation);
    davit_status status = davit_onednn_value_get(builder, node->inputs[0], &from);
    if (status != DAVIT_OK) {
        return status;
    }
    if (from.desc != NULL && !davit_onednn_is_row_major(from.desc)) {
        return build_transposing_reorder(builder, &from, out, permutation, unit->outputs[0]);
    }
    davit_onednn_copy copy = copy_to(out);
    for (int i = 0; i < in->rank; i++) {
        copy.from_strides[i] = in->strides[permutation[i]];
    }
    return build_copy(builder, node, unit->outputs[0], &copy);
}

/* ---- Slice, Split ---- */

/* A part of a private layout, where it can be cut. */
static davit_status build_part(davit_onednn_builder *builder, const davit_onednn_operand *from,
                               const int64_t *offsets, davit_value_id output)
{
    davit_dnnl_pool *pool = &builder->program->pool;
    davit_onednn_operand source = *from, to;
    davit_dnnl_primitive reorder;
    int64_t dims[DAVIT_MAX_RANK];
    davit_dnnl_desc dense;
    (void)davit_onednn_dims(builder, output, dims);
    davit_status status = davit_dnnl_desc_part(pool, from->desc, dims, offsets, &source.desc);
    if (status == DAVIT_OK) {
        status = davit_onednn_desc_of(builder, output, &dense);
    }
    if (status == DAVIT_OK) {
        status = davit_dnnl_reorder(pool, source.desc, dense, &reorder);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_new(builder, dense, &to);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    const davit_onednn_arg args[] = {{DNNL_ARG_FROM, source}, {DNNL_ARG_TO, to}};
    status = davit_onednn_add_primitive(builder, &reorder, args, 2);
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, output, &to);
    }
    return status;
}

/* The output is input 0 from starts on, by steps. */
static davit_status build_window(davit_onednn_builder *builder, const davit_node *node,
                                 davit_value_id output, const int64_t *starts, const int64_t *steps)
{
    const davit_tensor_desc *in = davit_node_input(builder->graph, node, 0);
    davit_onednn_copy copy = copy_to(&builder->graph->values[output].desc);
    davit_onednn_operand from;
    bool whole_steps = true;
    for (int i = 0; i < in->rank; i++) {
        copy.from_strides[i] = in->strides[i] * steps[i];
        copy.from_offset += in->strides[i] * starts[i];
        whole_steps = whole_steps && steps[i] == 1;
    }
    davit_status status = davit_onednn_value_get(builder, node->inputs[0], &from);
    if (status != DAVIT_OK) {
        return status;
    }
    if (whole_steps && from.desc != NULL && !davit_onednn_is_row_major(from.desc)) {
        status = build_part(builder, &from, starts, output);
        if (status != DAVIT_UNSUPPORTED) {
            return status;
        }
    }
    return build_copy(builder, node, output, &copy);
}

static davit_status build_slice(davit_onednn_builder *builder, const davit_unit *unit,
                                const davit_node *node)
{
    const davit_graph *graph = builder->graph;
    const davit_tensor_desc *in = davit_node_input(graph, node, 0);
    const davit_tensor *axes_input = davit_node_constant(graph, node, 3);
    const davit_tensor *steps_input = davit_node_constant(graph, node, 4);
    int64_t given[DAVIT_MAX_RANK], axes[DAVIT_MAX_RANK], given_steps[DAVIT_MAX_RANK];
    int64_t starts[DAVIT_MAX_RANK] = {0}, steps[DAVIT_MAX_RANK];
    for (int i = 0; i < DAVIT_MAX_RANK; i++) {
        axes[i] = i;
        steps[i] = given_steps[i] = 1;
    }
    size_t count = davit_constant_ints(davit_node_constant(graph, node, 1), given, DAVIT_MAX_RANK);
    if (axes_input != NULL) {
        (void)davit_constant_ints(axes_input, axes, DAVIT_MAX_RANK);
    }
    if (steps_input != NULL) {
        (void)davit_constant_ints(steps_input, given_steps, DAVIT_MAX_RANK);
    }
    for (size_t i = 0; i < count; i++) {
        int axis = davit_node_axis(axes[i], in->rank);
        int64_t length = in->dims[axis];
        int64_t start = given[i] < 0 ? given[i] + length : given[i];
        int64_t greatest = given_steps[i] < 0 ? length - 1 : length;
        starts[axis] = start < 0 ? 0 : (start > greatest ? greatest : start);
        steps[axis] = given_steps[i];
    }
    return build_window(builder, node, unit->outputs[0], starts, steps);
}

static davit_status build_split(davit_onednn_builder *builder, const davit_unit *unit,
                                const davit_node *node)
{
    const davit_graph *graph = builder->graph;
    const davit_tensor_desc *in = davit_node_input(graph, node, 0);
    int axis = davit_node_axis(davit_node_int(node, "axis", 0), in->rank);
    int64_t starts[DAVIT_MAX_RANK] = {0}, steps[DAVIT_MAX_RANK];
    davit_status status = DAVIT_OK;
    for (int i = 0; i < DAVIT_MAX_RANK; i++) {
        steps[i] = 1;
    }
    for (uint32_t i = 0; i < node->output_count && status == DAVIT_OK; i++) {
        bool wanted = false;
        for (uint32_t k = 0; k < unit->output_count; k++) {
            wanted = wanted || unit->outputs[k] == node->outputs[i];
        }
        if (wanted) {
            status = build_window(builder, node, node->outputs[i], starts, steps);
        }
        starts[axis] += graph->values[node->outputs[i]].desc.dims[axis];
    }
    return status;
}

/* ---- Expand, Tile ---- */

static davit_status build_expand(davit_onednn_builder *builder, const davit_unit *unit,
                                 const davit_node *node)
{
    const davit_tensor_desc *in = davit_node_input(builder->graph, node, 0);
    const davit_tensor_desc *out = davit_node_output(builder->graph, node);
    davit_onednn_copy copy = copy_to(out);
    for (int i = 0; i < out->rank; i++) {
        int own = i - (out->rank - in->rank);
        copy.from_strides[i] = own >= 0 && in->dims[own] != 1 ? in->strides[own] : 0;
    }
    return build_copy(builder, node, unit->outputs[0], &copy);
}

static davit_status build_tile(davit_onednn_builder *builder, const davit_unit *unit,
                               const davit_node *node)
{
    const davit_tensor_desc *in = davit_node_input(builder->graph, node, 0);
    const davit_tensor_desc *out = davit_node_output(builder->graph, node);
    davit_onednn_copy copy = {.rank = 2 * in->rank, .elem_bytes = davit_dtype_bytes(in->dtype)};
    for (int i = 0; i < in->rank; i++) {
        int inner = in->rank + i; /* repeats first, the input after them: any order will do */
        copy.dims[i] = out->dims[i] / in->dims[i];
        copy.to_strides[i] = out->strides[i] * in->dims[i];
        copy.dims[inner] = in->dims[i];
        copy.from_strides[inner] = in->strides[i];
        copy.to_strides[inner] = out->strides[i];
    }
    return build_copy(builder, node, unit->outputs[0], &copy);
}

/* ---- DepthToSpace, SpaceToDepth ---- */

/* Both move between [N, C, H, bh, W, bw] in space and [N, bh, bw, C, H, W] (DCR) or
 * [N, C, bh, bw, H, W] (CRD) in depth. */
static davit_status build_blocks(davit_onednn_builder *builder, const davit_unit *unit,
                                 const davit_node *node)
{
    bool to_space = node->op->op == DAVIT_OP_DepthToSpace;
    const davit_tensor_desc *in = davit_node_input(builder->graph, node, 0);
    const davit_tensor_desc *out = davit_node_output(builder->graph, node);
    const davit_tensor_desc *space = to_space ? out : in;
    const davit_tensor_desc *depth = to_space ? in : out;
    bool channels_first = to_space && davit_node_string(node, "mode", "DCR")[0] == 'C';
    int64_t block = davit_node_int(node, "blocksize", 1);
    int64_t channel = depth->strides[1]; /* one channel in depth */
    int64_t channels = space->dims[1];
    const int64_t dims[6] = {space->dims[0], channels,       depth->dims[2],
                             block,          depth->dims[3], block};
    const int64_t in_space[6] = {space->strides[0],
                                 space->strides[1],
                                 space->strides[2] * block,
                                 space->strides[2],
                                 block,
                                 1};
    const int64_t in_depth[6] = {depth->strides[0],
                                 channels_first ? channel * block * block : channel,
                                 depth->strides[2],
                                 channels_first ? channel * block : channel * channels * block,
                                 1,
                                 channels_first ? channel : channel * channels};
    davit_onednn_copy copy = {.rank = 6, .elem_bytes = davit_dtype_bytes(in->dtype)};
    memcpy(copy.dims, dims, sizeof(dims));
    memcpy(copy.from_strides, to_space ? in_depth : in_space, sizeof(dims));
    memcpy(copy.to_strides, to_space ? in_space : in_depth, sizeof(dims));
    return build_copy(builder, node, unit->outputs[0], &copy);
}

static const davit_onednn_operator operators[] = {
    {DAVIT_OP_Concat, true, davit_onednn_refuse_concat, davit_onednn_build_concat},
    {DAVIT_OP_DepthToSpace, true, refuse_shape_inputs, build_blocks},
    {DAVIT_OP_Expand, true, refuse_shape_inputs, build_expand},
    {DAVIT_OP_Gather, true, davit_onednn_refuse_gather, davit_onednn_build_gather},
    {DAVIT_OP_Pad, true, davit_onednn_refuse_pad, davit_onednn_build_pad},
    {DAVIT_OP_Slice, true, refuse_shape_inputs, build_slice},
    {DAVIT_OP_SpaceToDepth, true, refuse_shape_inputs, build_blocks},
    {DAVIT_OP_Split, true, refuse_shape_inputs, build_split},
    {DAVIT_OP_Tile, true, refuse_shape_inputs, build_tile},
    {DAVIT_OP_Transpose, true, refuse_shape_inputs, build_transpose}};

const davit_onednn_family davit_onednn_movements = DAVIT_ONEDNN_FAMILY(operators);
