/* What the profile backend is made of: for each kind of device, what it runs and what that costs.
 */
#ifndef DAVIT_PROFILE_PARTS_H
#define DAVIT_PROFILE_PARTS_H

#include "davit/backend.h"

/* Why a GPU has no kernel for the unit; NULL when it has. "" when it does not know the operator. */
const char *davit_profile_gpu_refuse(const davit_graph *graph, const davit_unit *unit);

#endif
