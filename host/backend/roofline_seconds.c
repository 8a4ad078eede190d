#include "davit/roofline.h"

#include "davit/work_class.h"

static double known_or(double value, double fallback)
{
    return value > 0 ? value : fallback;
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

/* Of products of f32 values, as they are asked for; 0: unknown. */
static double asked_rate(const davit_device_profile *profile)
{
    switch (profile->precision) {
    case DAVIT_PRECISION_TF32:
        return profile->tf32_flops_per_s;
    case DAVIT_PRECISION_BF16:
        return profile->bf16_flops_per_s;
    default:
        return profile->f32_flops_per_s;
    }
}

/* The rate of a unit's multiply-adds, whose operands are of that type. */
static double product_rate(const davit_device_profile *profile, davit_dtype dtype,
                           davit_work_class work)
{
    const davit_efficiency_profile *e = &profile->efficiency;
    const double s8[] = {e->s8_convolution, e->s8_depthwise, e->s8_gemm};
    const double floats[] = {e->convolution, e->depthwise, e->gemm};
    switch (dtype) {
    case DAVIT_U8:
    case DAVIT_S8:
        return known_or(profile->s8_ops_per_s, profile->f32_flops_per_s) * known_or(s8[work], 1);
    case DAVIT_F16:
        return known_or(profile->f16_flops_per_s, profile->f32_flops_per_s) *
               known_or(floats[work], 1);
    case DAVIT_BF16:
        return known_or(profile->bf16_flops_per_s, profile->f32_flops_per_s) *
               known_or(floats[work], 1);
    default:
        return known_or(asked_rate(profile), profile->f32_flops_per_s) * known_or(floats[work], 1);
    }
}

double davit_roofline_seconds(const davit_device_profile *profile, const davit_graph *graph,
                              const davit_unit *unit)
{
    const davit_efficiency_profile *e = &profile->efficiency;
    const davit_node *anchor = &graph->nodes[unit->anchor];
    davit_work_class work = davit_unit_work_class(graph, unit);
    double rate = profile->f32_flops_per_s * known_or(e->elementwise, 1);
    if (work == DAVIT_WORK_VIEW) {
        return 0;
    }
    if (work != DAVIT_WORK_OTHER) {
        rate = product_rate(profile, graph->values[anchor->inputs[0]].desc.dtype, work);
    }
    double bandwidth = profile->memory_bytes_per_s * known_or(e->memory, 1);
    return (double)profile->launch_ns * 1e-9 +
           larger((double)unit->flops / rate, (double)unit->bytes / bandwidth);
}
