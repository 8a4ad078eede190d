/* Which operators run in 8 bits, and which values are quantised for that: those that such an
 * operator reads or makes, as onnxruntime's QDQ tool places them. */
#include <string.h>

#include "job.h"

/* How an operator takes part. */
typedef enum role {
    ROLE_NONE,     /* stays f32 */
    ROLE_WEIGHTED, /* input 0 by constant weights */
    ROLE_PAIR,     /* inputs 0 and 1, one of which may be constant */
    ROLE_FUNCTION, /* of input 0; parameters of its own */
    ROLE_CLIP,     /* nothing is quantised between it and what computes its input */
    ROLE_CONCAT,   /* all inputs */
    ROLE_MOVE      /* output 0 shares the parameters of input 0 */
} role;

typedef struct selection {
    davit_quantizer *job;
    davit_graph *graph;
    bool *joined; /* by node: computed in one table with the function before it */
} selection;

static role role_of(const davit_graph *graph, const davit_node *node)
{
    switch (node->op->op) {
    case DAVIT_OP_Conv:
    case DAVIT_OP_ConvTranspose:
    case DAVIT_OP_Gemm:
        return ROLE_WEIGHTED;
    case DAVIT_OP_MatMul:
        return graph->values[node->inputs[1]].constant != NULL ? ROLE_WEIGHTED : ROLE_PAIR;
    case DAVIT_OP_Add:
    case DAVIT_OP_Mul:
        return ROLE_PAIR;
    case DAVIT_OP_AveragePool:
    case DAVIT_OP_GlobalAveragePool:
    case DAVIT_OP_HardSigmoid:
    case DAVIT_OP_HardSwish:
    case DAVIT_OP_LeakyRelu:
    case DAVIT_OP_Sigmoid:
    case DAVIT_OP_Silu:
    case DAVIT_OP_Softmax:
        return ROLE_FUNCTION;
    case DAVIT_OP_Relu:
    case DAVIT_OP_Clip:
        return ROLE_CLIP;
    case DAVIT_OP_Concat:
        return ROLE_CONCAT;
    case DAVIT_OP_DepthToSpace:
    case DAVIT_OP_Flatten:
    case DAVIT_OP_Gather:
    case DAVIT_OP_Identity:
    case DAVIT_OP_MaxPool:
    case DAVIT_OP_Reshape:
    case DAVIT_OP_Resize:
    case DAVIT_OP_Slice:
    case DAVIT_OP_SpaceToDepth:
    case DAVIT_OP_Split:
    case DAVIT_OP_Squeeze:
    case DAVIT_OP_Transpose:
    case DAVIT_OP_Unsqueeze:
        return ROLE_MOVE;
    default:
        return ROLE_NONE;
    }
}

static bool is_named(const davit_graph *graph, const davit_node *node, const char *name)
{
    bool named = strcmp(node->name, name) == 0;
    for (uint32_t i = 0; i < node->output_count && !named; i++) {
        named = node->outputs[i] != DAVIT_NONE &&
                strcmp(graph->values[node->outputs[i]].name, name) == 0;
    }
    return named;
}

static bool is_kept(const selection *s, const davit_node *node)
{
    const davit_quantizer_options *options = s->job->options;
    for (size_t i = 0; i < options->keep_count; i++) {
        if (is_named(s->graph, node, options->keep[i])) {
            return true;
        }
    }
    for (size_t i = 0; i < options->keep_type_count; i++) {
        if (strcmp(node->op->name, options->keep_types[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_constant(const davit_graph *graph, const davit_node *node, uint32_t input)
{
    return input >= node->input_count || node->inputs[input] == DAVIT_NONE ||
           graph->values[node->inputs[input]].constant != NULL;
}

/* Why a node with weights cannot be quantised; NULL: it can. */
static const char *weighted_defect(const davit_graph *graph, const davit_node *node)
{
    if (!is_constant(graph, node, 1) || !is_constant(graph, node, 2)) {
        return "its weights or bias are computed";
    }
    if (graph->values[node->inputs[1]].desc.rank < 2) {
        return "its weights are a vector";
    }
    if (node->op->op != DAVIT_OP_Gemm) {
        return NULL;
    }
    if (davit_node_int(node, "transA", 0) != 0) {
        return "its input is transposed";
    }
    int64_t columns = graph->values[node->outputs[0]].desc.dims[1];
    if (node->input_count > 2 && node->inputs[2] != DAVIT_NONE) {
        const davit_tensor_desc *bias = &graph->values[node->inputs[2]].desc;
        int64_t elems = davit_tensor_desc_elems(bias);
        bool row = elems == columns && bias->rank > 0 && bias->dims[bias->rank - 1] == columns;
        return row || elems == 1 ? NULL : "its bias is not one number a column";
    }
    return NULL;
}

static const char *defect(const selection *s, const davit_node *node)
{
    const davit_graph *graph = s->graph;
    role kind = role_of(graph, node);
    const davit_tensor_desc *result = &graph->values[node->outputs[0]].desc;
    if (kind == ROLE_NONE) {
        return "no 8-bit form";
    }
    if (result->dtype != DAVIT_F32 || node->inputs[0] == DAVIT_NONE) {
        return "not f32";
    }
    if (davit_tensor_desc_elems(result) == 0) {
        return "empty";
    }
    if (is_kept(s, node)) {
        return "kept in f32 as asked";
    }
    if (kind != ROLE_PAIR && kind != ROLE_CONCAT && is_constant(graph, node, 0)) {
        return "its input is constant";
    }
    if (node->op->op == DAVIT_OP_Resize &&
        strcmp(davit_node_string(node, "mode", "nearest"), "cubic") == 0) {
        return "cubic";
    }
    return kind == ROLE_WEIGHTED ? weighted_defect(graph, node) : NULL;
}

/* ---- marking values ---- */

static void mark(selection *s, davit_value_id value)
{
    s->job->values[value].quantized = true;
    s->job->values[value].root = value;
}

/* A Relu or Clip that becomes part of the node before it. */
static bool is_fused(const selection *s, const davit_node *node)
{
    const davit_value *input = &s->graph->values[node->inputs[0]];
    if (input->use_count != 1 || input->is_output || input->producer == DAVIT_NONE) {
        return false;
    }
    role before = role_of(s->graph, &s->graph->nodes[input->producer]);
    return s->job->nodes[input->producer].quantized &&
           (before == ROLE_WEIGHTED || before == ROLE_PAIR);
}

/* The bounds of Clip are in the way of nothing but must be known. */
static bool has_constant_bounds(const davit_graph *graph, const davit_node *node)
{
    return node->op->op == DAVIT_OP_Relu ||
           (is_constant(graph, node, 1) && is_constant(graph, node, 2));
}

/* Everything but what moves and what clips. */
static void mark_compute(selection *s, davit_node_id id)
{
    const davit_node *node = &s->graph->nodes[id];
    davit_node_plan *plan = &s->job->nodes[id];
    role kind = role_of(s->graph, node);
    const char *why = defect(s, node);
    plan->reason = why != NULL ? why : "";
    if (why != NULL || kind == ROLE_CLIP || kind == ROLE_MOVE) {
        return;
    }
    plan->quantized = true;
    uint32_t inputs = kind == ROLE_CONCAT ? node->input_count : kind == ROLE_PAIR ? 2 : 1;
    for (uint32_t i = 0; i < inputs; i++) {
        mark(s, node->inputs[i]);
    }
    mark(s, node->outputs[0]);
}

/* A product's bias written as an Add of its own: it stays f32, one number a column, and nothing is
 * quantised before it. */
static void join_bias(selection *s, davit_node_id id)
{
    const davit_node *node = &s->graph->nodes[id];
    for (uint32_t i = 0; i < 2 && node->op->op == DAVIT_OP_Add && s->job->nodes[id].quantized;
         i++) {
        const davit_value *product = &s->graph->values[node->inputs[i]];
        const davit_value *bias = &s->graph->values[node->inputs[1 - i]];
        if (product->producer == DAVIT_NONE || product->use_count != 1 || product->is_output ||
            bias->constant == NULL) {
            continue;
        }
        const davit_node *before = &s->graph->nodes[product->producer];
        int64_t columns = product->desc.rank > 0 ? product->desc.dims[product->desc.rank - 1] : 0;
        if (before->op->op == DAVIT_OP_MatMul && s->job->nodes[product->producer].quantized &&
            role_of(s->graph, before) == ROLE_WEIGHTED && bias->desc.rank > 0 &&
            bias->desc.dims[bias->desc.rank - 1] == columns &&
            davit_tensor_desc_elems(&bias->desc) == columns) {
            s->job->values[node->inputs[0]].quantized = false;
            s->job->values[node->inputs[1]].quantized = false;
        }
    }
}

static void mark_clip(selection *s, davit_node_id id)
{
    const davit_node *node = &s->graph->nodes[id];
    davit_node_plan *plan = &s->job->nodes[id];
    if (!has_constant_bounds(s->graph, node)) {
        plan->reason = "its bounds are computed";
        return;
    }
    davit_value_plan *input = &s->job->values[node->inputs[0]];
    if (!input->quantized) {
        plan->reason = "its input stays f32";
        return;
    }
    input->quantized = !is_fused(s, node);
    plan->quantized = true;
    mark(s, node->outputs[0]);
}

static void mark_move(selection *s, davit_node_id id)
{
    const davit_node *node = &s->graph->nodes[id];
    davit_node_plan *plan = &s->job->nodes[id];
    if (!s->job->values[node->inputs[0]].quantized) {
        plan->reason = "its input stays f32";
        return;
    }
    plan->quantized = true;
    for (uint32_t i = 0; i < node->output_count; i++) {
        davit_value_id output = node->outputs[i];
        if (output != DAVIT_NONE && s->graph->values[output].desc.dtype == DAVIT_F32) {
            s->job->values[output].quantized = true;
            s->job->values[output].root = s->job->values[node->inputs[0]].root;
        }
    }
}

/* ---- chains of functions ---- */

/* Which input a node is a function of, element by element, all others being numbers: -1, none. */
static int function_input(const davit_graph *graph, const davit_node *node)
{
    switch (role_of(graph, node)) {
    case ROLE_CLIP:
        return 0;
    case ROLE_FUNCTION:
        return node->op->op == DAVIT_OP_AveragePool || node->op->op == DAVIT_OP_GlobalAveragePool ||
                       node->op->op == DAVIT_OP_Softmax
                   ? -1
                   : 0;
    case ROLE_PAIR:
        for (int i = 0; i < 2 && node->op->op != DAVIT_OP_MatMul; i++) {
            const davit_value *x = &graph->values[node->inputs[i]];
            const davit_tensor *number = graph->values[node->inputs[1 - i]].constant;
            if (x->constant == NULL && number != NULL &&
                davit_tensor_desc_elems(&number->desc) == 1 &&
                davit_tensor_desc_same_shape(&x->desc, &graph->values[node->outputs[0]].desc)) {
                return i;
            }
        }
        return -1;
    default:
        return -1;
    }
}

/* Functions of one value that follow each other are one table: nothing is quantised between them,
 * and their numbers stay as they are. */
static void join_functions(selection *s, davit_node_id id)
{
    const davit_graph *graph = s->graph;
    const davit_node *node = &graph->nodes[id];
    int input = s->job->nodes[id].quantized ? function_input(graph, node) : -1;
    if (input < 0) {
        return;
    }
    const davit_value *x = &graph->values[node->inputs[input]];
    if (x->producer == DAVIT_NONE || x->use_count != 1 || x->is_output) {
        return;
    }
    const davit_node *before = &graph->nodes[x->producer];
    int input_before = function_input(graph, before);
    if (!s->job->nodes[x->producer].quantized || input_before < 0 ||
        !(s->joined[x->producer] || s->job->values[before->inputs[input_before]].quantized)) {
        return;
    }
    s->joined[id] = true;
    s->job->values[node->inputs[input]].quantized = false;
    const davit_node *both[] = {before, node};
    const int of[] = {input_before, input};
    for (int i = 0; i < 2; i++) {
        if (role_of(graph, both[i]) == ROLE_PAIR) {
            s->job->values[both[i]->inputs[1 - of[i]]].quantized = false;
        }
    }
}

/* ---- the whole ---- */

/* A name that the options give must be somewhere; nodes that were folded into others count. */
static davit_status check_keep(const davit_quantizer *job)
{
    const davit_quantizer_options *options = job->options;
    const davit_graph *graph = job->graph;
    for (size_t k = 0; k < options->keep_count; k++) {
        size_t n = 0;
        while (n < graph->node_count &&
               (graph->nodes[n].removed || !is_named(graph, &graph->nodes[n], options->keep[k]))) {
            n++;
        }
        if (n == graph->node_count) {
            return davit_fail(job->diag, DAVIT_INVALID_ARGUMENT,
                              "--keep %s: no operator or value of the optimised model has that "
                              "name; `davit plan` shows them",
                              options->keep[k]);
        }
    }
    for (size_t k = 0; k < options->keep_type_count; k++) {
        if (davit_op_find("", options->keep_types[k]) == NULL) {
            return davit_fail(job->diag, DAVIT_INVALID_ARGUMENT,
                              "--keep-type %s: there is no such operator", options->keep_types[k]);
        }
    }
    return DAVIT_OK;
}

static davit_status check_float(const davit_quantizer *job)
{
    const davit_graph *graph = job->graph;
    for (size_t n = 0; n < graph->order_count; n++) {
        const davit_node *node = &graph->nodes[graph->order[n]];
        switch (node->op->op) {
        case DAVIT_OP_QuantizeLinear:
        case DAVIT_OP_DequantizeLinear:
        case DAVIT_OP_DynamicQuantizeLinear:
        case DAVIT_OP_QLinearConv:
        case DAVIT_OP_QLinearMatMul:
        case DAVIT_OP_ConvInteger:
        case DAVIT_OP_MatMulInteger:
            return davit_fail(job->diag, DAVIT_UNSUPPORTED,
                              "the model is quantised already: node '%s' (%s)", node->name,
                              node->op->name);
        default:
            break;
        }
    }
    return DAVIT_OK;
}

davit_status davit_select(davit_quantizer *job)
{
    const davit_graph *graph = job->graph;
    davit_status status = check_float(job);
    if (status == DAVIT_OK) {
        status = check_keep(job);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    selection s = {.job = job, .graph = job->graph};
    s.joined = davit_arena_alloc_array(&job->arena, graph->node_count, sizeof(bool));
    if (s.joined == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t n = 0; n < graph->order_count; n++) {
        mark_compute(&s, graph->order[n]);
    }
    for (size_t n = 0; n < graph->order_count; n++) {
        join_bias(&s, graph->order[n]);
    }
    size_t selected = 0;
    for (size_t n = 0; n < graph->order_count; n++) {
        davit_node_id id = graph->order[n];
        role kind = role_of(graph, &graph->nodes[id]);
        bool free_of_defects = job->nodes[id].reason[0] == '\0';
        if (kind == ROLE_CLIP && free_of_defects) {
            mark_clip(&s, id);
        } else if (kind == ROLE_MOVE && free_of_defects) {
            mark_move(&s, id);
        }
        selected += job->nodes[id].quantized;
    }
    for (size_t n = 0; n < graph->order_count; n++) {
        join_functions(&s, graph->order[n]);
    }
    return selected > 0 ? DAVIT_OK
                        : davit_fail(job->diag, DAVIT_UNSUPPORTED,
                                     "the model has nothing that can be quantised");
}
