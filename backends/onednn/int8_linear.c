/* QuantizeLinear and DequantizeLinear between f32 and 8-bit elements, with one constant scale. */
#include "int8_layout.h"
#include "int8_loops.h"
#include "operators.h"
#include "parallel.h"

#define GRAIN_ELEMS 8192

typedef struct linear_params {
    davit_int8_linear linear;
    const davit_int8_loops *loops;
    bool quantizes;
    int64_t count;
} linear_params;

typedef struct linear_run {
    const linear_params *params;
    const void *x;
    void *out;
} linear_run;

static void run_elems(const void *context, int64_t begin, int64_t end)
{
    const linear_run *run = context;
    const linear_params *p = run->params;
    if (p->quantizes) {
        p->loops->quantize(&p->linear, end - begin, (const float *)run->x + begin,
                           (uint8_t *)run->out + begin);
    } else {
        p->loops->dequantize(&p->linear, end - begin, (const uint8_t *)run->x + begin,
                             (float *)run->out + begin);
    }
}

static davit_status run_linear(const davit_onednn_call *call)
{
    const linear_params *p = call->params;
    const linear_run run = {.params = p, .x = call->pointers[0], .out = call->pointers[1]};
    davit_onednn_parallel(p->count, GRAIN_ELEMS, run_elems, &run);
    return DAVIT_OK;
}

static bool is_byte(davit_dtype dtype)
{
    return dtype == DAVIT_U8 || dtype == DAVIT_S8;
}

static const char *refuse_linear(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    const davit_tensor *scale = davit_node_constant(graph, node, 1);
    bool quantizes = node->op->op == DAVIT_OP_QuantizeLinear;
    davit_dtype from = davit_node_input(graph, node, 0)->dtype;
    davit_dtype to = davit_node_output(graph, node)->dtype;
    if (quantizes ? from != DAVIT_F32 || !is_byte(to) : !is_byte(from) || to != DAVIT_F32) {
        return "element type";
    }
    if (scale == NULL || scale->desc.dtype != DAVIT_F32 ||
        davit_tensor_desc_elems(&scale->desc) != 1) {
        return "several scales";
    }
    bool zero = davit_node_has_input(node, 2);
    return zero && davit_node_constant(graph, node, 2) == NULL ? "zero point that is not constant"
                                                               : NULL;
}

static davit_status build_linear(davit_onednn_builder *builder, const davit_unit *unit,
                                 const davit_node *node)
{
    const davit_tensor *zero = davit_node_constant(builder->graph, node, 2);
    const davit_tensor_desc *x = davit_node_input(builder->graph, node, 0);
    bool quantizes = node->op->op == DAVIT_OP_QuantizeLinear;
    davit_dtype byte = quantizes ? davit_node_output(builder->graph, node)->dtype : x->dtype;
    linear_params *p = davit_onednn_alloc(builder, sizeof(*p));
    davit_onednn_operand operands[2];
    if (p == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    int32_t offset = zero != NULL ? davit_load8(zero->data, byte, 0) : 0;
    *p = (linear_params){.linear = {.source = davit_int8_source_of(byte, offset),
                                    .scale = davit_constant_float(
                                        davit_node_constant(builder->graph, node, 1), 1.0f),
                                    .zero = (float)offset,
                                    .least = (float)davit_quantized_low(byte),
                                    .greatest = (float)davit_quantized_high(byte)},
                         .loops = davit_int8_loops_choose(),
                         .quantizes = quantizes,
                         .count = davit_tensor_desc_elems(x)};
    davit_status status = davit_int8_value_unpadded(builder, node->inputs[0], &operands[0]);
    if (status == DAVIT_OK) {
        status = davit_int8_new_like(builder, unit->outputs[0], &operands[0], &operands[1]);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_add_kernel(builder, p->loops->name, run_linear, p, operands, 2);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, unit->outputs[0], &operands[1]);
    }
    return status;
}

static const davit_onednn_operator operators[] = {
    {DAVIT_OP_DequantizeLinear, true, refuse_linear, build_linear},
    {DAVIT_OP_QuantizeLinear, true, refuse_linear, build_linear}};

const davit_onednn_family davit_onednn_int8_linear = DAVIT_ONEDNN_FAMILY(operators);
