/* What the engine of an FPGA runs and what that costs, from a device's profile: the planner's
 * devices that exist only as profiles and backends/xrt say the same. Pure. */
#ifndef DAVIT_ENGINE_COST_H
#define DAVIT_ENGINE_COST_H

#include "davit/backend.h"
#include "davit/engine_unit.h"

/* The geometry of the arrays; the buffers are those of the default build. */
davit_gemm_geometry davit_engine_geometry(const davit_fpga_profile *fpga);

/* Why an FPGA does not run the unit (davit_engine_unit); NULL when it does. */
const char *davit_engine_refuse(const davit_fpga_profile *fpga, const davit_graph *graph,
                                const davit_unit *unit);

/* Seconds of a unit that the engine runs: launch + the cycle model of hls/. The images of a batch
 * are shared out over the compute units. */
double davit_engine_unit_seconds(const davit_device_profile *profile, const davit_graph *graph,
                                 const davit_unit *unit);

#endif
