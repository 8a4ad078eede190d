#include "gather.h"

#include <string.h>

#include "copy.h"
#include "operators.h"
#include "parallel.h"

#define GRAIN_BYTES 32768

/* ---- Concat ---- */

const char *davit_onednn_refuse_concat(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (!davit_node_has_input(node, i) ||
            davit_tensor_desc_elems(davit_node_input(graph, node, i)) == 0) {
            return "empty input";
        }
    }
    return NULL;
}

/* In the layout that oneDNN chooses for these inputs. */
static davit_status concat_private(davit_onednn_builder *builder, const davit_node *node, int axis,
                                   const davit_onednn_operand *operands)
{
    size_t count = node->input_count;
    davit_dnnl_desc *descs = davit_onednn_alloc(builder, count * sizeof(davit_dnnl_desc));
    davit_onednn_arg *args = davit_onednn_alloc(builder, (count + 1) * sizeof(*args));
    davit_dnnl_primitive primitive;
    if (descs == NULL || args == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        descs[i] = operands[i].desc;
        args[i] = (davit_onednn_arg){DNNL_ARG_MULTIPLE_SRC + (int)i, operands[i]};
    }
    davit_status status =
        davit_dnnl_concat(&builder->program->pool, NULL, axis, count, descs, &primitive);
    args[count].index = DNNL_ARG_DST;
    if (status == DAVIT_OK) {
        status = davit_onednn_new(builder, davit_dnnl_query(&primitive, dnnl_query_dst_md),
                                  &args[count].operand);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_add_primitive(builder, &primitive, args, count + 1);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, node->outputs[0], &args[count].operand);
    }
    return status;
}

static davit_status concat_dense(davit_onednn_builder *builder, const davit_node *node, int axis)
{
    const davit_tensor_desc *out = davit_node_output(builder->graph, node);
    davit_onednn_operand to;
    int64_t position = 0;
    davit_status status = davit_onednn_new_dense(builder, node->outputs[0], &to);
    for (uint32_t i = 0; i < node->input_count && status == DAVIT_OK; i++) {
        const davit_tensor_desc *in = davit_node_input(builder->graph, node, i);
        davit_onednn_copy copy = {.rank = in->rank,
                                  .elem_bytes = davit_dtype_bytes(in->dtype),
                                  .to_offset = position * out->strides[axis]};
        davit_onednn_operand from;
        memcpy(copy.dims, in->dims, (size_t)in->rank * sizeof(copy.dims[0]));
        memcpy(copy.from_strides, in->strides, (size_t)in->rank * sizeof(copy.dims[0]));
        memcpy(copy.to_strides, out->strides, (size_t)in->rank * sizeof(copy.dims[0]));
        position += in->dims[axis];
        status = davit_onednn_value_dense(builder, node->inputs[i], &from);
        if (status == DAVIT_OK) {
            status = davit_onednn_add_copy(builder, &from, &to, &copy);
        }
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, node->outputs[0], &to);
    }
    return status;
}

davit_status davit_onednn_build_concat(davit_onednn_builder *builder, const davit_unit *unit,
                                       const davit_node *node)
{
    const davit_tensor_desc *out = davit_node_output(builder->graph, node);
    int axis = davit_node_axis(davit_node_int(node, "axis", 0), out->rank);
    davit_onednn_operand *operands =
        davit_onednn_alloc(builder, node->input_count * sizeof(*operands));
    bool is_private = false;
    (void)unit;
    if (operands == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        davit_status status = davit_onednn_value_get(builder, node->inputs[i], &operands[i]);
        if (status != DAVIT_OK) {
            return status;
        }
        is_private = is_private ||
                     (operands[i].desc != NULL && !davit_onednn_is_row_major(operands[i].desc));
    }
    davit_status status =
        is_private ? concat_private(builder, node, axis, operands) : DAVIT_UNSUPPORTED;
    return status == DAVIT_UNSUPPORTED ? concat_dense(builder, node, axis) : status;
}

/* ---- Gather ---- */

typedef struct gather_params {
    const char *name; /* of the node */
    int64_t outer, length, count;
    size_t inner_bytes;
    bool wide; /* s64 indices, else s32 */
} gather_params;

typedef struct gather_run {
    const gather_params *params;
    const char *from;
    const void *indices;
    char *to;
} gather_run;

static int64_t index_at(const gather_run *run, int64_t i)
{
    int64_t index =
        run->params->wide ? ((const int64_t *)run->indices)[i] : ((const int32_t *)run->indices)[i];
    return index < 0 ? index + run->params->length : index;
}

static void gather_rows(const void *context, int64_t begin, int64_t end)
{
    const gather_run *run = context;
    const gather_params *p = run->params;
    for (int64_t i = begin; i < end; i++) {
        int64_t row = i / p->count * p->length + index_at(run, i % p->count);
        memcpy(run->to + (size_t)i * p->inner_bytes, run->from + (size_t)row * p->inner_bytes,
               p->inner_bytes);
    }
}

static davit_status run_gather(const davit_onednn_call *call)
{
    const gather_params *p = call->params;
    const gather_run run = {.params = p,
                            .from = call->pointers[0],
                            .indices = call->pointers[1],
                            .to = call->pointers[2]};
    for (int64_t i = 0; i < p->count; i++) {
        int64_t index = index_at(&run, i);
        if (index < 0 || index >= p->length) {
            return davit_fail(call->diag, DAVIT_BAD_DATA,
                              "node '%s' (Gather): an index is outside [-%lld, %lld)", p->name,
                              (long long)p->length, (long long)p->length);
        }
    }
    davit_onednn_parallel(p->outer * p->count, 1 + (int64_t)(GRAIN_BYTES / p->inner_bytes),
                          gather_rows, &run);
    return DAVIT_OK;
}

const char *davit_onednn_refuse_gather(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    davit_dtype indices = davit_node_input(graph, node, 1)->dtype;
    if (davit_node_input(graph, node, 0)->rank == 0 ||
        davit_tensor_desc_elems(davit_node_input(graph, node, 0)) == 0) {
        return "empty tensor";
    }
    return indices == DAVIT_S32 || indices == DAVIT_S64 ? NULL : "index type";
}

davit_status davit_onednn_build_gather(davit_onednn_builder *builder, const davit_unit *unit,
                                       const davit_node *node)
{
    const davit_tensor_desc *data = davit_node_input(builder->graph, node, 0);
    const davit_tensor_desc *indices = davit_node_input(builder->graph, node, 1);
    int axis = davit_node_axis(davit_node_int(node, "axis", 0), data->rank);
    gather_params *params = davit_onednn_alloc(builder, sizeof(*params));
    davit_onednn_operand operands[3];
    if (params == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    *params =
        (gather_params){.name = node->name,
                        .outer = 1,
                        .length = data->dims[axis],
                        .count = davit_tensor_desc_elems(indices),
                        .inner_bytes = (size_t)data->strides[axis] * davit_dtype_bytes(data->dtype),
                        .wide = indices->dtype == DAVIT_S64};
    for (int i = 0; i < axis; i++) {
        params->outer *= data->dims[i];
    }
    davit_status status = davit_onednn_value_dense(builder, node->inputs[0], &operands[0]);
    if (status == DAVIT_OK) {
        status = davit_onednn_value_dense(builder, node->inputs[1], &operands[1]);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_new_dense(builder, unit->outputs[0], &operands[2]);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_add_kernel(builder, "gather", run_gather, params, operands, 3);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, unit->outputs[0], &operands[2]);
    }
    return status;
}

/* ---- Pad ---- */

typedef struct fill_params {
    int64_t count;
    size_t elem_bytes;
    uint64_t value; /* its first elem_bytes bytes */
} fill_params;

static davit_status run_fill(const davit_onednn_call *call)
{
    const fill_params *p = call->params;
    char *to = call->pointers[0];
    for (int64_t i = 0; i < p->count; i++) {
        memcpy(to + (size_t)i * p->elem_bytes, &p->value, p->elem_bytes);
    }
    return DAVIT_OK;
}

const char *davit_onednn_refuse_pad(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    if (davit_node_input(graph, node, 0)->rank == 0) {
        return "scalar input";
    }
    if (strcmp(davit_node_string(node, "mode", "constant"), "constant") != 0) {
        return "mode";
    }
    for (uint32_t i = 1; i < davit_node_input_count(node); i++) {
        if (davit_node_has_input(node, i) && davit_node_constant(graph, node, i) == NULL) {
            return "inputs that are not constant";
        }
    }
    return NULL;
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

/* What of the input lies inside the output. */
static davit_onednn_copy inside(const davit_tensor_desc *in, const davit_tensor_desc *out,
                                const int64_t *begins)
{
    davit_onednn_copy copy = {.rank = in->rank, .elem_bytes = davit_dtype_bytes(in->dtype)};
    for (int i = 0; i < in->rank; i++) {
        int64_t first = begins[i] < 0 ? -begins[i] : 0; /* of the input */
        int64_t at = begins[i] > 0 ? begins[i] : 0;     /* of the output */
        int64_t left = in->dims[i] - first;
        copy.dims[i] = left < out->dims[i] - at ? left : out->dims[i] - at;
        copy.from_strides[i] = in->strides[i];
        copy.to_strides[i] = out->strides[i];
        copy.from_offset += first * in->strides[i];
        copy.to_offset += at * out->strides[i];
    }
    return copy;
}

davit_status davit_onednn_build_pad(davit_onednn_builder *builder, const davit_unit *unit,
                                    const davit_node *node)
{
    const davit_tensor_desc *in = davit_node_input(builder->graph, node, 0);
    const davit_tensor_desc *out = davit_node_output(builder->graph, node);
    const davit_tensor *value = davit_node_constant(builder->graph, node, 2);
    fill_params *fill = davit_onednn_alloc(builder, sizeof(*fill));
    int64_t begins[DAVIT_MAX_RANK];
    davit_onednn_operand from, to;
    bool empty = false;
    if (fill == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    fill->count = davit_tensor_desc_elems(out);
    fill->elem_bytes = davit_dtype_bytes(out->dtype);
    if (value != NULL) {
        memcpy(&fill->value, value->data, fill->elem_bytes);
    }
    pads_of(builder->graph, node, in->rank, begins);
    const davit_onednn_copy copy = inside(in, out, begins);
    for (int i = 0; i < copy.rank; i++) {
        empty = empty || copy.dims[i] <= 0;
    }
    davit_status status = davit_onednn_value_dense(builder, node->inputs[0], &from);
    if (status == DAVIT_OK) {
        status = davit_onednn_new_dense(builder, unit->outputs[0], &to);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_add_kernel(builder, "fill", run_fill, fill, &to, 1);
    }
    if (status == DAVIT_OK && !empty) {
        status = davit_onednn_add_copy(builder, &from, &to, &copy);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, unit->outputs[0], &to);
    }
    return status;
}
