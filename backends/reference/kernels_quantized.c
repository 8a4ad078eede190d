#include "kernel.h"
#include "quantized.h"

#include <math.h>

/* ---- scales of QuantizeLinear and DequantizeLinear ---- */

/* Which scale an element of x has: scale[outer][place / block][inner]. */
typedef struct scale_map {
    int64_t length, inner; /* of the axis; elements after it */
    int64_t block;         /* elements of the axis that share a scale */
    int64_t count;         /* scales along the axis, 1: one for all */
    bool blocked;          /* the scale has the rank of x */
} scale_map;

static scale_map map_scales(const davit_kernel_call *call)
{
    const davit_tensor_desc *x = &call->inputs[0]->desc;
    const davit_tensor_desc *scale = &call->inputs[1]->desc;
    int64_t block = davit_node_int(call->node, "block_size", 0);
    scale_map map = {.length = 1, .inner = 1, .block = 1, .count = 1};
    if (block == 0 && davit_tensor_desc_elems(scale) == 1) {
        return map;
    }
    int axis = davit_kernel_axis(call, 1, x->rank);
    for (int d = axis + 1; d < x->rank; d++) {
        map.inner *= x->dims[d];
    }
    map.length = x->dims[axis];
    map.blocked = block != 0;
    map.block = block != 0 ? block : 1;
    map.count = map.blocked ? scale->dims[axis] : map.length;
    return map;
}

static int64_t scale_index(const scale_map *map, int64_t i)
{
    if (map->count == 1 && !map->blocked) {
        return 0;
    }
    int64_t place = i / map->inner % map->length / map->block;
    if (!map->blocked) {
        return place;
    }
    int64_t outer = i / map->inner / map->length;
    return (outer * map->count + place) * map->inner + i % map->inner;
}

double davit_round_and_saturate(double value, double zero, davit_dtype dtype)
{
    double low = dtype == DAVIT_S8 ? -128.0 : dtype == DAVIT_S16 ? -32768.0 : 0.0;
    double high = dtype == DAVIT_S8    ? 127.0
                  : dtype == DAVIT_S16 ? 32767.0
                  : dtype == DAVIT_U16 ? 65535.0
                                       : 255.0;
    double q = rint(value) + zero;
    return q > high ? high : q > low ? q : low;
}

static davit_status run_quantize(const davit_kernel_call *call)
{
    const davit_tensor *x = call->inputs[0];
    const davit_tensor *zero = davit_kernel_input(call, 2);
    davit_tensor *y = call->outputs[0];
    scale_map map = map_scales(call);
    int64_t count = davit_tensor_desc_elems(&x->desc);
    for (int64_t i = 0; i < count; i++) {
        int64_t at = scale_index(&map, i);
        double value = davit_load_f64(x, i) / davit_load_f64(call->inputs[1], at);
        /* The quotient of floats is an f32, whose rounding decides ties. */
        value = x->desc.dtype == DAVIT_S32 ? value : (double)(float)value;
        double z = zero != NULL ? davit_load_f64(zero, at) : 0.0;
        davit_store_f64(y, i, davit_round_and_saturate(value, z, y->desc.dtype));
    }
    return DAVIT_OK;
}

static davit_status run_dequantize(const davit_kernel_call *call)
{
    const davit_tensor *x = call->inputs[0];
    const davit_tensor *zero = davit_kernel_input(call, 2);
    scale_map map = map_scales(call);
    int64_t count = davit_tensor_desc_elems(&x->desc);
    for (int64_t i = 0; i < count; i++) {
        int64_t at = scale_index(&map, i);
        double z = zero != NULL ? davit_load_f64(zero, at) : 0.0;
        double value = (davit_load_f64(x, i) - z) * davit_load_f64(call->inputs[1], at);
        davit_store_f64(call->outputs[0], i, value);
    }
    return DAVIT_OK;
}

/* The range of x with 0 in it becomes 0..255; a range of 0 has the scale 1. */
static davit_status run_dynamic(const davit_kernel_call *call)
{
    const davit_tensor *x = call->inputs[0];
    int64_t count = davit_tensor_desc_elems(&x->desc);
    float low = 0.0f;
    float high = 0.0f;
    for (int64_t i = 0; i < count; i++) {
        float value = (float)davit_load_f64(x, i);
        low = value < low ? value : low;
        high = value > high ? value : high;
    }
    float scale = high == low ? 1.0f : (high - low) / 255.0f;
    double zero = davit_round_and_saturate(-low / scale, 0.0, DAVIT_U8);
    for (int64_t i = 0; i < count && call->outputs[0] != NULL; i++) {
        float value = (float)davit_load_f64(x, i) / scale;
        davit_store_f64(call->outputs[0], i, davit_round_and_saturate(value, zero, DAVIT_U8));
    }
    if (call->outputs[1] != NULL) {
        davit_store_f64(call->outputs[1], 0, scale);
    }
    if (call->outputs[2] != NULL) {
        davit_store_f64(call->outputs[2], 0, zero);
    }
    return DAVIT_OK;
}

static const davit_kernel_entry entries[] = {
    {DAVIT_OP_ConvInteger, davit_run_conv_integer},
    {DAVIT_OP_DequantizeLinear, run_dequantize},
    {DAVIT_OP_DynamicQuantizeLinear, run_dynamic},
    {DAVIT_OP_MatMulInteger, davit_run_matmul_integer},
    {DAVIT_OP_QLinearConv, davit_run_qlinear_conv},
    {DAVIT_OP_QLinearMatMul, davit_run_qlinear_matmul},
    {DAVIT_OP_QuantizeLinear, run_quantize},
};

const davit_kernel_family davit_kernels_quantized = DAVIT_KERNEL_FAMILY(entries);
