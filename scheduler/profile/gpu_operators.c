/* The operators that a GPU is taken to have kernels for: those of convolutional and transformer
 * networks that are worth sending there. */
#include "davit/integer.h"
#include "profile_parts.h"

/* Computed in f32. */
static const davit_op float_operators[] = {
    DAVIT_OP_Abs,
    DAVIT_OP_Add,
    DAVIT_OP_AveragePool,
    DAVIT_OP_BatchNormalization,
    DAVIT_OP_Ceil,
    DAVIT_OP_Clip,
    DAVIT_OP_Conv,
    DAVIT_OP_ConvTranspose,
    DAVIT_OP_Cos,
    DAVIT_OP_Div,
    DAVIT_OP_Elu,
    DAVIT_OP_Erf,
    DAVIT_OP_Exp,
    DAVIT_OP_Floor,
    DAVIT_OP_Gelu,
    DAVIT_OP_Gemm,
    DAVIT_OP_GlobalAveragePool,
    DAVIT_OP_GlobalMaxPool,
    DAVIT_OP_HardSigmoid,
    DAVIT_OP_HardSwish,
    DAVIT_OP_LayerNormalization,
    DAVIT_OP_LeakyRelu,
    DAVIT_OP_Log,
    DAVIT_OP_MatMul,
    DAVIT_OP_Max,
    DAVIT_OP_Mean,
    DAVIT_OP_Min,
    DAVIT_OP_Mish,
    DAVIT_OP_Mul,
    DAVIT_OP_Neg,
    DAVIT_OP_PRelu,
    DAVIT_OP_Pow,
    DAVIT_OP_Reciprocal,
    DAVIT_OP_Relu,
    DAVIT_OP_Round,
    DAVIT_OP_Selu,
    DAVIT_OP_Sigmoid,
    DAVIT_OP_Sign,
    DAVIT_OP_Silu,
    DAVIT_OP_Sin,
    DAVIT_OP_Softmax,
    DAVIT_OP_Softplus,
    DAVIT_OP_Softsign,
    DAVIT_OP_Sqrt,
    DAVIT_OP_Sub,
    DAVIT_OP_Sum,
    DAVIT_OP_Tan,
    DAVIT_OP_Tanh,
    DAVIT_OP_ThresholdedRelu,
};

/* The same for bytes as for f32, or between the two. */
static const davit_op byte_operators[] = {
    DAVIT_OP_DequantizeLinear,
    DAVIT_OP_MaxPool,
    DAVIT_OP_QuantizeLinear,
    DAVIT_OP_Resize,
};

/* Elements of any type are moved, or stay where they are. */
static const davit_op movements[] = {
    DAVIT_OP_Concat,  DAVIT_OP_Dropout, DAVIT_OP_Flatten,   DAVIT_OP_Identity,
    DAVIT_OP_Reshape, DAVIT_OP_Squeeze, DAVIT_OP_Transpose, DAVIT_OP_Unsqueeze,
};

#define HAS(list, op) has(list, sizeof(list) / sizeof((list)[0]), op)

static bool has(const davit_op *list, size_t count, davit_op op)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i] == op) {
            return true;
        }
    }
    return false;
}

/* True when everything that enters and leaves the unit is of the types in the mask. */
static bool types_are(const davit_graph *graph, const davit_unit *unit, uint32_t mask)
{
    for (uint32_t i = 0; i < unit->input_count; i++) {
        if ((mask & DAVIT_TYPE(graph->values[unit->inputs[i]].desc.dtype)) == 0) {
            return false;
        }
    }
    for (uint32_t i = 0; i < unit->output_count; i++) {
        if ((mask & DAVIT_TYPE(graph->values[unit->outputs[i]].desc.dtype)) == 0) {
            return false;
        }
    }
    return true;
}

const char *davit_profile_gpu_refuse(const davit_graph *graph, const davit_unit *unit)
{
    const uint32_t floats = DAVIT_TYPE(DAVIT_F32);
    const uint32_t bytes = DAVIT_TYPE(DAVIT_U8) | DAVIT_TYPE(DAVIT_S8);
    davit_op op = graph->nodes[unit->anchor].op->op;
    if (davit_op_is_integer(op) || HAS(movements, op)) {
        return NULL;
    }
    if (HAS(float_operators, op)) {
        return types_are(graph, unit, floats) ? NULL : "element type other than f32";
    }
    if (HAS(byte_operators, op)) {
        return types_are(graph, unit, floats | bytes) ? NULL
                                                      : "element type other than f32, u8 and s8";
    }
    return "";
}
