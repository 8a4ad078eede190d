#include "davit/roofline.h"

/* Stands for a rate that the profile does not know. */
#define UNKNOWN_PER_S 1e9

static bool is_8_bit(davit_dtype dtype)
{
    return dtype == DAVIT_S8 || dtype == DAVIT_U8;
}

/* True when the unit's multiply-adds take 8-bit values. */
static bool computes_8_bit(const davit_graph *graph, const davit_unit *unit)
{
    return unit->input_count > 0 && is_8_bit(graph->values[unit->inputs[0]].desc.dtype);
}

void davit_roofline_cost(const davit_device_profile *profile, const davit_graph *graph,
                         const davit_unit *unit, davit_unit_cost *cost)
{
    double rate = profile->f32_flops_per_s;
    if (computes_8_bit(graph, unit)) {
        rate = profile->s8_ops_per_s;
    }
    double bandwidth = profile->memory_bytes_per_s;
    bool known = rate > 0 && bandwidth > 0;
    double compute_s = (double)unit->flops / (rate > 0 ? rate : UNKNOWN_PER_S);
    double memory_s = (double)unit->bytes / (bandwidth > 0 ? bandwidth : UNKNOWN_PER_S);
    *cost = (davit_unit_cost){
        .seconds =
            (double)profile->launch_ns * 1e-9 + (compute_s > memory_s ? compute_s : memory_s),
        .joules = 0,
        .confidence = known ? 0.25 : 0,
    };
}

double davit_power_joules(const davit_device_profile *profile, const davit_graph *graph,
                          const davit_unit *unit)
{
    const davit_power_profile *power = &profile->power;
    double per_operation =
        computes_8_bit(graph, unit) ? power->joules_per_s8_op : power->joules_per_flop;
    return (double)unit->flops * per_operation + (double)unit->bytes * power->joules_per_byte;
}
