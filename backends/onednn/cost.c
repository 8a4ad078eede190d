#include "cost.h"

#include "davit/work_class.h"
#include "dnnl_api.h"

/* Measured on a Xeon of 2023, one core: reads 12 to 15 GB/s; a step costs about 2 us. */
#define CORE_BYTES_PER_S 12e9
#define HOST_BYTES_PER_S 100e9 /* what one socket gives at most */
#define LAUNCH_NS 2000
#define ASSUMED_HZ 2.7e9
/* Assumed: of a socket of 56 cores and 350 W (Xeon Platinum 8480+), a third is drawn idle, the rest
 * at the peak of either data type and of the memory. */
#define IDLE_WATTS_PER_CORE 2.0
#define WORK_WATTS_PER_CORE 3.0
#define MEMORY_WATTS_PER_CORE 1.2

void davit_onednn_fill_profile(davit_device_profile *profile, uint32_t cores, uint64_t memory_bytes)
{
    double bandwidth = CORE_BYTES_PER_S * cores;
    double f32_per_core = ASSUMED_HZ * davit_dnnl_f32_flops_per_cycle();
    double s8_per_core = ASSUMED_HZ * davit_dnnl_s8_ops_per_cycle();
    *profile = (davit_device_profile){
        .kind = DAVIT_DEVICE_CPU,
        .f32_flops_per_s = f32_per_core * cores,
        .bf16_flops_per_s = ASSUMED_HZ * davit_dnnl_bf16_flops_per_cycle() * cores,
        .s8_ops_per_s = s8_per_core * cores,
        .memory_bytes_per_s = bandwidth < HOST_BYTES_PER_S ? bandwidth : HOST_BYTES_PER_S,
        .memory_bytes = memory_bytes,
        .launch_ns = LAUNCH_NS,
        .power = {.idle_watts = IDLE_WATTS_PER_CORE * cores,
                  .joules_per_flop = WORK_WATTS_PER_CORE / f32_per_core,
                  .joules_per_s8_op = WORK_WATTS_PER_CORE / s8_per_core,
                  .joules_per_byte = MEMORY_WATTS_PER_CORE / CORE_BYTES_PER_S}};
}

/* The part of the peak that the arithmetic of a unit reaches. */
static double efficiency(const davit_graph *graph, const davit_unit *unit)
{
    switch (davit_unit_work_class(graph, unit)) {
    case DAVIT_WORK_CONVOLUTION:
        return 0.7;
    case DAVIT_WORK_DEPTHWISE:
        return 0.15;
    case DAVIT_WORK_GEMM:
        return 0.8;
    default:
        return 0.05;
    }
}

/* The peak of the arithmetic that the unit's operator uses. */
static double peak(const davit_device_profile *profile, const davit_node *anchor)
{
    switch (anchor->op->op) {
    case DAVIT_OP_IntegerConv:
    case DAVIT_OP_IntegerMatMul:
        return profile->s8_ops_per_s;
    case DAVIT_OP_Conv:
    case DAVIT_OP_ConvTranspose:
    case DAVIT_OP_Gemm:
    case DAVIT_OP_MatMul:
        return profile->precision == DAVIT_PRECISION_BF16 ? profile->bf16_flops_per_s
                                                          : profile->f32_flops_per_s;
    default:
        return profile->f32_flops_per_s;
    }
}

davit_status davit_onednn_cost(const davit_device_profile *profile, const davit_graph *graph,
                               const davit_unit *unit, davit_unit_cost *cost)
{
    const davit_node *anchor = &graph->nodes[unit->anchor];
    double rate = peak(profile, anchor);
    double compute = 0.0, memory = 0.0;
    if (rate > 0) {
        compute = (double)unit->flops / (rate * efficiency(graph, unit));
    }
    if (profile->memory_bytes_per_s > 0) {
        memory = (double)unit->bytes / profile->memory_bytes_per_s;
    }
    bool known = rate > 0 && profile->memory_bytes_per_s > 0;
    *cost = (davit_unit_cost){.seconds = (double)profile->launch_ns * 1e-9 +
                                         (compute > memory ? compute : memory),
                              .confidence = known ? 0.5 : 0.0};
    return DAVIT_OK;
}
