/* The operators of com.microsoft that onnxruntime.quantization writes (QuantFormat.QOperator) are
 * brought to the form that ONNX has for them: DequantizeLinear, the operator on floats,
 * QuantizeLinear. davit_pass_lower_integer makes integer operators of that. */
#include <string.h>

#include "upgrade.h"

#define MICROSOFT "com.microsoft"

struct davit_onnx_qlinear {
    const char *name;
    const char *op; /* of ai.onnx */
    /* Each operand is three inputs: value, scale, zero point. */
    uint32_t first, operands; /* operands 0: as many as there are */
    uint32_t result;          /* scale and zero point of the result */
    bool may_stay_float;      /* they may be absent: the result is f32 then */
};

static const davit_onnx_qlinear forms[] = {
    {"QGemm", "Gemm", 0, 2, 7, true},
    {"QLinearAdd", "Add", 0, 2, 6, false},
    {"QLinearAveragePool", "AveragePool", 0, 1, 3, false},
    {"QLinearConcat", "Concat", 2, 0, 0, false},
    {"QLinearGlobalAveragePool", "GlobalAveragePool", 0, 1, 3, false},
    {"QLinearLeakyRelu", "LeakyRelu", 0, 1, 3, false},
    {"QLinearMul", "Mul", 0, 2, 6, false},
    {"QLinearSigmoid", "Sigmoid", 0, 1, 3, false},
    {"QLinearSoftmax", "Softmax", 0, 1, 3, false},
};

const davit_onnx_qlinear *davit_onnx_qlinear_find(const Onnx__NodeProto *proto)
{
    if (strcmp(davit_onnx_text(proto->domain), MICROSOFT) != 0) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (strcmp(davit_onnx_text(proto->op_type), forms[i].name) == 0) {
            return &forms[i];
        }
    }
    return NULL;
}

const char *davit_onnx_qlinear_op(const davit_onnx_qlinear *form)
{
    return form->op;
}

/* ---- attributes ---- */

/* Reads an integer attribute that only the operator of com.microsoft has. */
static int64_t own_int(const davit_onnx_scope *scope, const Onnx__NodeProto *proto,
                       const char *name, int64_t fallback)
{
    const Onnx__AttributeProto *attribute = davit_onnx_find_attribute(scope, proto, name);
    return attribute != NULL && attribute->has_i ? attribute->i : fallback;
}

davit_status davit_onnx_qlinear_attributes(davit_onnx_importer *importer,
                                           const davit_onnx_scope *scope,
                                           const Onnx__NodeProto *proto, davit_onnx_node *node)
{
    Onnx__NodeProto common = *proto;
    common.n_attribute = 0;
    common.attribute =
        davit_arena_alloc_array(&importer->arena, proto->n_attribute, sizeof(void *));
    if (common.attribute == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < proto->n_attribute; i++) {
        const char *name = davit_onnx_text(proto->attribute[i]->name);
        if (strcmp(name, "channels_last") != 0 && strcmp(name, "opset") != 0) {
            common.attribute[common.n_attribute++] = proto->attribute[i];
        }
    }
    if (own_int(scope, proto, "channels_last", 0) != 0) {
        return davit_fail(importer->diag, DAVIT_UNSUPPORTED, "%s: channels_last is not supported",
                          node->shown);
    }
    /* Softmax says which ONNX it follows. */
    int64_t follows = own_int(scope, proto, "opset", node->opset);
    node->opset = follows >= 1 && follows < node->opset ? follows : node->opset;
    davit_status status = davit_onnx_read_attributes(importer, scope, &common, node);
    if (status == DAVIT_OK && strcmp(node->op_type, "Softmax") == 0 &&
        davit_onnx_node_attribute(node, "axis") == NULL) {
        davit_onnx_set_int(node, "axis", -1);
    }
    return status;
}

/* ---- the written-out form ---- */

static davit_value_id input_of(const davit_onnx_node *node, uint32_t i)
{
    return i < node->input_count ? node->inputs[i] : DAVIT_NONE;
}

/* "NAME/operand", so that messages lead to the node; NULL where that has no name. */
static davit_status name_part(davit_onnx_importer *importer, const davit_onnx_node *node,
                              const char *part, const char **out)
{
    *out = NULL;
    if (node->name != NULL) {
        *out = davit_arena_printf(&importer->arena, "%s/%s", node->name, part);
        return *out != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
    }
    return DAVIT_OK;
}

static davit_status dequantize(davit_onnx_importer *importer, const davit_onnx_node *node,
                               const davit_value_id inputs[3], int64_t axis, davit_value_id *out)
{
    const davit_attribute attribute = {.name = "axis", .type = DAVIT_ATTRIBUTE_INT, .u.i = axis};
    const char *name;
    davit_status status = name_part(importer, node, "operand", &name);
    if (status != DAVIT_OK) {
        return status;
    }
    const davit_node_spec spec = {.name = name,
                                  .op = DAVIT_OP_DequantizeLinear,
                                  .input_count = inputs[2] == DAVIT_NONE ? 2 : 3,
                                  .attribute_count = 1,
                                  .inputs = inputs,
                                  .attributes = &attribute};
    return davit_onnx_emit(importer, &spec, out);
}

/* The third operand of QGemm: s32 in units of the product of the scales. */
static davit_status dequantize_bias(davit_onnx_importer *importer, const davit_onnx_node *node,
                                    davit_value_id *out)
{
    const davit_value_id factors[] = {input_of(node, 1), input_of(node, 4)};
    const davit_node_spec spec = {.op = DAVIT_OP_Mul, .input_count = 2, .inputs = factors};
    davit_value_id inputs[] = {input_of(node, 6), DAVIT_NONE, DAVIT_NONE};
    *out = DAVIT_NONE;
    if (inputs[0] == DAVIT_NONE) {
        return DAVIT_OK;
    }
    davit_status status = davit_onnx_emit(importer, &spec, &inputs[1]);
    return status == DAVIT_OK ? dequantize(importer, node, inputs, -1, out) : status;
}

/* The columns of QGemm's second matrix may have a scale each. */
static int64_t axis_of(const davit_onnx_node *node, uint32_t operand)
{
    return operand == 1 && davit_onnx_node_int(node, "transB", 0) != 0 ? 0 : 1;
}

static davit_status check_inputs(davit_onnx_importer *importer, const davit_onnx_qlinear *form,
                                 const davit_onnx_node *node, uint32_t operands)
{
    bool complete = operands > 0;
    for (uint32_t i = 0; i < operands && complete; i++) {
        complete = input_of(node, form->first + 3 * i) != DAVIT_NONE &&
                   input_of(node, form->first + 3 * i + 1) != DAVIT_NONE;
    }
    if (!complete) {
        return davit_fail(importer->diag, DAVIT_BAD_DATA, "%s lacks an operand or its scale",
                          node->shown);
    }
    bool scale = input_of(node, form->result) != DAVIT_NONE;
    bool zero = input_of(node, form->result + 1) != DAVIT_NONE;
    if (scale && zero) {
        return DAVIT_OK;
    }
    if (!scale && !zero && form->may_stay_float) {
        return DAVIT_OK;
    }
    return davit_fail(importer->diag, DAVIT_UNSUPPORTED,
                      "%s: a result without scale and zero point is not supported", node->shown);
}

/* Has the node compute a float value, and a new node the quantised one. */
static davit_status quantize_result(davit_onnx_importer *importer, const davit_onnx_qlinear *form,
                                    davit_onnx_node *node)
{
    davit_value_id inputs[] = {DAVIT_NONE, input_of(node, form->result),
                               input_of(node, form->result + 1)};
    davit_value_id output = node->outputs[0];
    davit_node_id id;
    if (inputs[1] == DAVIT_NONE) {
        return DAVIT_OK;
    }
    const char *name;
    davit_status status = name_part(importer, node, "result", &name);
    if (status == DAVIT_OK) {
        status = davit_graph_add_value(importer->graph, NULL, &inputs[0]);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    const davit_node_spec spec = {.name = name,
                                  .op = DAVIT_OP_QuantizeLinear,
                                  .input_count = 3,
                                  .output_count = 1,
                                  .inputs = inputs,
                                  .outputs = &output};
    node->outputs[0] = inputs[0];
    return davit_graph_add_node(importer->graph, &spec, &id);
}

davit_status davit_onnx_qlinear_expand(davit_onnx_importer *importer,
                                       const davit_onnx_qlinear *form, davit_onnx_node *node)
{
    uint32_t operands = form->operands;
    if (operands == 0 && node->input_count > form->first) {
        operands = (node->input_count - form->first + 2) / 3;
    }
    davit_status status = check_inputs(importer, form, node, operands);
    if (status == DAVIT_OK) {
        status = quantize_result(importer, form, node);
    }
    davit_value_id bias = DAVIT_NONE;
    if (status == DAVIT_OK && form->may_stay_float) {
        status = dequantize_bias(importer, node, &bias);
    }
    for (uint32_t i = 0; i < operands && status == DAVIT_OK; i++) {
        const uint32_t at = form->first + 3 * i;
        const davit_value_id inputs[] = {input_of(node, at), input_of(node, at + 1),
                                         input_of(node, at + 2)};
        /* Operand i lies behind input i of the operator: what is overwritten has been read. */
        status = dequantize(importer, node, inputs, axis_of(node, i), &node->inputs[i]);
    }
    node->input_count = operands;
    if (status == DAVIT_OK && bias != DAVIT_NONE) {
        davit_onnx_set_input(node, operands, bias);
    }
    return status;
}
