/* What the C tests need of the simulation. */
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
