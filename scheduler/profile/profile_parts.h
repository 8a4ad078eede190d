/* What the profile backend is made of: for each kind of device, what it runs and what that costs.
 */
#ifndef DAVIT_PROFILE_PARTS_H
#define DAVIT_PROFILE_PARTS_H

#include "davit/backend.h"

/* Why a GPU has no kernel for the unit; NULL when it has. "" when it does not know the operator. */
const char *davit_profile_gpu_refuse(const davit_graph *graph, const davit_unit *unit);

/* The same for the engine of an FPGA. */
const char *davit_profile_fpga_refuse(const davit_fpga_profile *fpga, const davit_graph *graph,
                                      const davit_unit *unit);

/* Seconds of a unit on the engine, which runs it: the cycle model of hls/. The
 * images of a batch and the rows of a matrix are shared out over the compute units. */
double davit_profile_fpga_seconds(const davit_device_profile *profile, const davit_graph *graph,
                                  const davit_unit *unit);

#endif
