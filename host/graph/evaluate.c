#include "evaluate.h"

bool davit_node_is_constant(const davit_graph *graph, const davit_node *node)
{
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (node->inputs[i] != DAVIT_NONE && !graph->values[node->inputs[i]].constant) {
            return false;
        }
    }
    /* Dropout in training mode is the one operator with a random result. */
    return node->op->op != DAVIT_OP_Dropout;
}

bool davit_op_reads_shape_only(davit_op op)
{
    return op == DAVIT_OP_Shape || op == DAVIT_OP_Size;
}

static uint64_t sum_bytes(const davit_graph *graph, const davit_value_id *values, uint32_t count)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (values[i] != DAVIT_NONE) {
            bytes += davit_tensor_desc_bytes(&graph->values[values[i]].desc);
        }
    }
    return bytes;
}

uint64_t davit_node_output_bytes(const davit_graph *graph, const davit_node *node)
{
    return sum_bytes(graph, node->outputs, node->output_count);
}

uint64_t davit_node_input_bytes(const davit_graph *graph, const davit_node *node)
{
    return sum_bytes(graph, node->inputs, node->input_count);
}

/* Shape (of dimensions start to end) and Size need no evaluator and no input data. */
static void compute_shape(const davit_graph *graph, const davit_node *node, davit_tensor *out)
{
    const davit_tensor_desc *in = &graph->values[node->inputs[0]].desc;
    int64_t *to = out->data;
    if (node->op->op == DAVIT_OP_Size) {
        *to = davit_tensor_desc_elems(in);
        return;
    }
    int64_t start = davit_node_int(node, "start", 0);
    start = start < 0 ? start + in->rank : start;
    start = start < 0 ? 0 : start;
    for (int64_t i = 0; i < out->desc.dims[0]; i++) {
        to[i] = in->dims[start + i];
    }
}

/* What one call of the evaluator takes: inputs and outputs of the node, NULL where absent. */
typedef struct operands {
    const davit_tensor **inputs;
    davit_tensor **outputs;
} operands;

static davit_status create_operands(davit_graph *graph, const davit_node *node, operands *o)
{
    o->inputs = davit_alloc_array(graph->allocator, node->input_count, sizeof(void *));
    o->outputs = davit_alloc_array(graph->allocator, node->output_count, sizeof(void *));
    if (!o->inputs || !o->outputs) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (node->inputs[i] != DAVIT_NONE) {
            davit_status status = davit_graph_align_constant(graph, node->inputs[i]);
            if (status != DAVIT_OK) {
                return status;
            }
            o->inputs[i] = graph->values[node->inputs[i]].constant;
        }
    }
    for (uint32_t i = 0; i < node->output_count; i++) {
        if (node->outputs[i] == DAVIT_NONE) {
            continue;
        }
        const davit_tensor_desc *desc = &graph->values[node->outputs[i]].desc;
        davit_status status = davit_tensor_create(graph->allocator, desc->dtype, desc->rank,
                                                  desc->dims, &o->outputs[i]);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    return DAVIT_OK;
}

static void destroy_operands(davit_graph *graph, const davit_node *node, operands *o)
{
    for (uint32_t i = 0; o->outputs && i < node->output_count; i++) {
        davit_tensor_destroy(o->outputs[i]);
    }
    davit_free(graph->allocator, o->inputs);
    davit_free(graph->allocator, o->outputs);
}

/* Hands the computed tensors over to the graph. */
static davit_status keep_outputs(davit_graph *graph, davit_node_id id, operands *o)
{
    const davit_node *node = &graph->nodes[id];
    davit_graph_remove_node(graph, id);
    for (uint32_t i = 0; i < node->output_count; i++) {
        davit_tensor *tensor = o->outputs[i];
        if (!tensor) {
            continue;
        }
        o->outputs[i] = NULL;
        davit_status status = davit_graph_own_tensor(graph, tensor);
        if (status != DAVIT_OK) {
            return status;
        }
        graph->values[node->outputs[i]].constant = tensor;
    }
    return DAVIT_OK;
}

davit_status davit_graph_evaluate(davit_graph *graph, davit_node_id id,
                                  const davit_evaluator *evaluator, const davit_diagnostics *diag)
{
    const davit_node *node = &graph->nodes[id];
    bool shape_only = davit_op_reads_shape_only(node->op->op);
    operands o = {0};
    if (!shape_only && !evaluator) {
        return davit_fail(diag, DAVIT_UNSUPPORTED,
                          "node '%s' (%s): its value is needed for a shape, and there is no "
                          "evaluator to compute it",
                          node->name, node->op->name);
    }
    davit_status status = create_operands(graph, node, &o);
    if (status == DAVIT_OK && shape_only) {
        compute_shape(graph, node, o.outputs[0]);
    } else if (status == DAVIT_OK) {
        status = evaluator->evaluate(evaluator->user, graph, node, o.inputs, o.outputs, diag);
        if (status != DAVIT_OK) {
            destroy_operands(graph, node, &o);
            return status;
        }
    }
    if (status == DAVIT_OK) {
        status = keep_outputs(graph, id, &o);
    }
    if (status != DAVIT_OK) {
        davit_fail(diag, status, "node '%s' (%s): out of memory for its value", node->name,
                   node->op->name);
    }
    destroy_operands(graph, node, &o);
    return status;
}
