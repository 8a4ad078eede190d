#include "integer.h"

davit_status davit_integer_refuse(const davit_kernel_call *call, davit_status status,
                                  const davit_reason *reason)
{
    return davit_kernel_fail(call, status, "%s", reason->text);
}

#define LOAD(type)                                                                                 \
    for (int64_t i = 0; i < count; i++) {                                                          \
        values[i] = (int16_t)(((const type *)tensor->data)[first + i * stride] - zero);            \
    }                                                                                              \
    break

void davit_integer_load(const davit_tensor *tensor, int64_t first, int64_t stride, int64_t count,
                        int32_t zero, int16_t *values)
{
    switch (tensor->desc.dtype) {
    case DAVIT_U8:
        LOAD(uint8_t);
    case DAVIT_S8:
        LOAD(int8_t);
    default:
        LOAD(int16_t);
    }
}

/* True when the sums of a channel could wrap in s32. */
static davit_status find_wide(const davit_kernel_call *call, size_t channels, bool *wide)
{
    uint64_t *bound = davit_alloc_array(call->allocator, channels, sizeof(*bound));
    if (bound == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_integer_bound(call->graph, call->node, bound);
    *wide = false;
    for (size_t o = 0; o < channels; o++) {
        *wide = *wide || davit_bound_exactness(bound[o], 0) == DAVIT_OVERFLOWS_S32;
    }
    davit_free(call->allocator, bound);
    return DAVIT_OK;
}

davit_status davit_integer_open(const davit_kernel_call *call, davit_integer_weighted *out)
{
    davit_requantization_spec spec = davit_integer_requantization(call->graph, call->node);
    davit_reason reason;
    *out = (davit_integer_weighted){.call = call};
    out->scale = davit_alloc_array(call->allocator, spec.channels, sizeof(*out->scale));
    out->bias = davit_alloc_array(call->allocator, spec.channels, sizeof(*out->bias));
    if (out->scale == NULL || out->bias == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status =
        davit_requantization_prepare(&spec, out->scale, out->bias, &out->requantization, &reason);
    if (status != DAVIT_OK) {
        return davit_integer_refuse(call, status, &reason);
    }
    return find_wide(call, spec.channels, &out->wide);
}

void davit_integer_close(davit_integer_weighted *result)
{
    davit_free(result->call->allocator, result->bias);
    davit_free(result->call->allocator, result->scale);
}

void davit_integer_store(const davit_integer_weighted *result, int64_t index, int64_t channel,
                         int64_t sum)
{
    const davit_requantization *p = &result->requantization;
    int32_t previous = 0;
    if (p->residual_dtype != DAVIT_DTYPE_NONE) {
        const davit_tensor *residual = result->call->inputs[3];
        previous = davit_load8(residual->data, p->residual_dtype, (size_t)index) - p->residual_zero;
    }
    davit_store8(result->call->outputs[0]->data, (size_t)index,
                 davit_requantize_one(p, (size_t)channel, sum, previous));
}
