/* What C needs of the simulation, beside the kernels. Not with engine_csim.h: the kernels, as they
 * are defined, take words. */
#include "csim.h"

#include <cstdio>

extern "C" const char *engine_simulation_error(void)
{
    static thread_local char text[256];
    const char *error = csim::error();
    if (error == nullptr) {
        return nullptr;
    }
    std::snprintf(text, sizeof(text), "%s", error);
    csim::clear();
    return text;
}
