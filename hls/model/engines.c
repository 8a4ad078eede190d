/* The compute units of the named cards. Frequencies are targets of the design, not results of a
 * place-and-route; memory figures are the data sheets'. */
#include "davit/cycle_model.h"

/* As hls/rtl/area counts: 896 slices multiply, 64 scale and 32 weigh the residual (2 and 1 for each
 * of 32 lanes), 5 count what a call moves. */
#define UNIT_DSP 997u

const davit_engine davit_engine_u250 = {
    .name = "u250",
    .clock_hz = 300e6,
    .gemm = DAVIT_GEMM_DEFAULT_GEOMETRY,
    .bytes_per_second = 19.2e9,
    .refresh_interval_ns = 7800,
    .refresh_ns = 350,
    .efficiency = 0.9,
    .latency_ns = 200,
    .dsp = UNIT_DSP,
};

const davit_engine davit_engine_u280 = {
    .name = "u280",
    .clock_hz = 300e6,
    .gemm = DAVIT_GEMM_DEFAULT_GEOMETRY,
    .bytes_per_second = 28.8e9,
    .refresh_interval_ns = 3900,
    .refresh_ns = 260,
    .efficiency = 0.85,
    .latency_ns = 250,
    .dsp = UNIT_DSP,
};

const davit_engine davit_engine_u55c = {
    .name = "u55c",
    .clock_hz = 300e6,
    .gemm = DAVIT_GEMM_DEFAULT_GEOMETRY,
    .bytes_per_second = 28.8e9,
    .refresh_interval_ns = 3900,
    .refresh_ns = 260,
    .efficiency = 0.85,
    .latency_ns = 250,
    .dsp = UNIT_DSP,
};
