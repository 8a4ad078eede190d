#include "instance.h"

#include <math.h>

#include "operators.h"
#include "parallel.h"

typedef struct instance_params {
    int64_t slices;   /* images * groups */
    int64_t groups;   /* of an image */
    int64_t channels; /* of a group */
    int64_t pixels;   /* of a channel */
    float epsilon;
} instance_params;

typedef struct instance_run {
    const instance_params *params;
    const float *from, *scale, *shift;
    float *to;
} instance_run;

static void normalize_slice(const instance_run *run, int64_t slice)
{
    const instance_params *p = run->params;
    int64_t count = p->channels * p->pixels;
    const float *from = run->from + slice * count;
    float *to = run->to + slice * count;
    double sum = 0.0, squares = 0.0;
    for (int64_t i = 0; i < count; i++) {
        sum += from[i];
    }
    const double mean = sum / (double)count;
    for (int64_t i = 0; i < count; i++) {
        squares += (from[i] - mean) * (from[i] - mean);
    }
    const double inverse = 1.0 / sqrt(squares / (double)count + p->epsilon);
    for (int64_t c = 0; c < p->channels; c++) {
        int64_t channel = slice % p->groups * p->channels + c;
        const double factor = inverse * run->scale[channel];
        const float a = (float)factor;
        const float b = (float)(run->shift[channel] - mean * factor);
        for (int64_t i = c * p->pixels; i < (c + 1) * p->pixels; i++) {
            to[i] = from[i] * a + b;
        }
    }
}

static void normalize_slices(const void *context, int64_t begin, int64_t end)
{
    for (int64_t i = begin; i < end; i++) {
        normalize_slice(context, i);
    }
}

static davit_status run_instance(const davit_onednn_call *call)
{
    const instance_run run = {.params = call->params,
                              .from = call->pointers[0],
                              .scale = call->pointers[1],
                              .shift = call->pointers[2],
                              .to = call->pointers[3]};
    davit_onednn_parallel(run.params->slices, 1, normalize_slices, &run);
    return DAVIT_OK;
}

const char *davit_onednn_refuse_instance(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    const davit_tensor_desc *in = davit_node_input(graph, node, 0);
    if (in->rank < 2) {
        return "rank below 2";
    }
    for (uint32_t i = 1; i < 3; i++) {
        if (davit_tensor_desc_elems(davit_node_input(graph, node, i)) != in->dims[1]) {
            return "scale for each group";
        }
    }
    return NULL;
}

davit_status davit_onednn_build_instance(davit_onednn_builder *builder, const davit_unit *unit,
                                         const davit_node *node)
{
    const davit_tensor_desc *in = davit_node_input(builder->graph, node, 0);
    instance_params *params = davit_onednn_alloc(builder, sizeof(*params));
    davit_onednn_operand operands[4];
    davit_status status = DAVIT_OK;
    if (params == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    int64_t groups = node->op->op == DAVIT_OP_GroupNormalization
                         ? davit_node_int(node, "num_groups", 1)
                         : in->dims[1];
    *params = (instance_params){.slices = in->dims[0] * groups,
                                .groups = groups,
                                .channels = in->dims[1] / groups,
                                .pixels = in->strides[1],
                                .epsilon = davit_node_float(node, "epsilon", 1e-5f)};
    for (uint32_t i = 0; i < 3 && status == DAVIT_OK; i++) {
        status = davit_onednn_value_dense(builder, node->inputs[i], &operands[i]);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_new_dense(builder, unit->outputs[0], &operands[3]);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_add_kernel(builder, "loop", run_instance, params, operands, 4);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, unit->outputs[0], &operands[3]);
    }
    return status;
}
