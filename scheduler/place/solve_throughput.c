/* Throughput. */
#include "solvers.h"

davit_status davit_place_throughput(const davit_place_context *context, davit_place_answer *answer)
{
    return davit_place_latency(context, answer);
}
