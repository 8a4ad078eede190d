/* The form "single": there is one placement only. */
#include "certificate.h"

davit_status davit_place_check_single(const davit_place_proof *proof, double *proved)
{
    const davit_place_problem *problem = proof->problem;
    davit_place_groups groups;
    davit_status status = davit_place_groups_make(proof, false, &groups);
    if (status != DAVIT_OK) {
        return status;
    }
    uint32_t *device = davit_arena_alloc_array(proof->arena, problem->node_count, sizeof(*device));
    if (device == NULL) {
        return davit_place_no_memory(proof);
    }
    for (uint32_t v = 0; v < problem->node_count; v++) {
        const bool *allowed = &groups.allowed[(size_t)groups.of_node[v] * problem->device_count];
        uint32_t count = 0;
        for (uint32_t d = 0; d < problem->device_count; d++) {
            device[v] = allowed[d] ? d : device[v];
            count += allowed[d];
        }
        if (count != 1) {
            return davit_place_wrong(proof, "there is more than one placement");
        }
    }
    davit_place_timeline timeline;
    davit_place_fault fault;
    if (davit_place_simulate(problem, device, false, proof->arena->allocator, &timeline, &fault) !=
        DAVIT_OK) {
        return davit_place_no_memory(proof);
    }
    const double values[] = {timeline.latency_s, timeline.period_s, timeline.joules};
    *proved = values[proof->options->objective];
    davit_place_timeline_clear(&timeline);
    return DAVIT_OK;
}
