#include "davit/engine_cost.h"

#include "davit/cycle_model.h"

davit_gemm_geometry davit_engine_geometry(const davit_fpga_profile *fpga)
{
    davit_gemm_geometry geometry = DAVIT_GEMM_DEFAULT_GEOMETRY;
    geometry.rows = fpga->rows;
    geometry.columns = fpga->columns;
    geometry.depth = fpga->depth;
    return geometry;
}

const char *davit_engine_refuse(const davit_fpga_profile *fpga, const davit_graph *graph,
                                const davit_unit *unit)
{
    const davit_gemm_geometry geometry = davit_engine_geometry(fpga);
    davit_engine_call call;
    return davit_engine_unit(graph, unit, &geometry, &call);
}

static uint32_t share(uint32_t count, uint32_t units)
{
    return count / units + (count % units != 0);
}

/* The largest part of a call that one of the compute units gets. batch: the first dimension of the
 * unit's input. */
static void share_out(davit_engine_call *call, uint32_t batch, uint32_t units)
{
    davit_gemm_shape *gemm = &call->gemm_shape;
    davit_vector_shape *vector = &call->vector_shape;
    if (call->vector && vector->kind == DAVIT_VECTOR_ADDITION) {
        vector->channels = vector->channels / batch * share(batch, units);
    } else if (call->vector) {
        vector->images = share(vector->images, units);
    } else if (gemm->images == 1 && gemm->in_h == 1 && gemm->kernel_w == 1) {
        gemm->in_w = gemm->out_w = gemm->out_w / batch * share(batch, units);
    } else {
        gemm->images = share(gemm->images, units);
    }
}

double davit_engine_unit_seconds(const davit_device_profile *profile, const davit_graph *graph,
                                 const davit_unit *unit)
{
    const davit_fpga_profile *fpga = &profile->fpga;
    const davit_engine engine = {.name = profile->name,
                                 .clock_hz = fpga->clock_hz,
                                 .gemm = davit_engine_geometry(fpga),
                                 .bytes_per_second = fpga->bank_bytes_per_s,
                                 .refresh_interval_ns = fpga->refresh_interval_ns,
                                 .refresh_ns = fpga->refresh_ns,
                                 .efficiency = profile->efficiency.memory,
                                 .latency_ns = fpga->bank_latency_ns};
    const davit_tensor_desc *x = &graph->values[graph->nodes[unit->anchor].inputs[0]].desc;
    davit_engine_call call;
    davit_cycles cycles = {0};
    const char *why = davit_engine_unit(graph, unit, &engine.gemm, &call);
    if (why == NULL && call.view) {
        return 0;
    }
    if (why == NULL) {
        share_out(&call, x->rank > 0 ? (uint32_t)x->dims[0] : 1, fpga->compute_units);
        why = call.vector ? davit_vector_cycles(&engine, &call.vector_shape, &cycles)
                          : davit_gemm_cycles(&engine, &call.gemm_shape, &cycles);
    }
    return (double)profile->launch_ns * 1e-9 +
           (why == NULL ? davit_engine_seconds(&engine, cycles.total) : 0);
}
