#include "parameters.h"

#include <math.h>

#include "job.h"

#define BIAS_LIMIT 0x1p30

davit_quant8 davit_type_of_range(davit_range range, davit_dtype dtype)
{
    double low = range.low < 0 ? (double)range.low : 0;
    double high = range.high > 0 ? (double)range.high : 0;
    int32_t least = davit_quantized_low(dtype);
    double scale = (high - low) / 255.0;
    davit_quant8 type = {.dtype = dtype, .scale = (float)scale};
    if (davit_scale_defect(type.scale) != NULL) {
        type.scale = scale > 1 ? FLT_MAX : 1.0f;
        return type;
    }
    double zero = nearbyint((double)least - low / scale);
    type.zero = (int32_t)fmin(fmax(zero, least), davit_quantized_high(dtype));
    return type;
}

float davit_weight_scale(float magnitude, float x_scale, float bias)
{
    double scale = magnitude > 0 ? (double)magnitude / 127.0 : 1.0;
    double product = (double)FLT_MIN * 2;
    double wanted = fabs((double)bias) / BIAS_LIMIT;
    product = wanted > product ? wanted : product;
    if (scale * (double)x_scale < product) {
        scale = product / (double)x_scale * (1 + 0x1p-20);
    }
    scale = scale > (double)FLT_MIN ? scale : (double)FLT_MIN;
    return scale < (double)FLT_MAX ? (float)scale : FLT_MAX;
}

void davit_choose_types(davit_quantizer *job)
{
    for (size_t v = 0; v < job->graph->value_count; v++) {
        davit_value_plan *plan = &job->values[v];
        if (plan->quantized && plan->root == v) {
            plan->type = davit_type_of_range(plan->range, job->options->activations);
        }
    }
}
