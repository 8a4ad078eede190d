/* Latency and energy. */
#include "solvers.h"

/* Each item where it takes least time, memory allowing, largest first is not needed: what does not
 * fit goes on. The bound is the longest time that some item takes at least. */
static davit_status place_fastest(const davit_place_context *context, davit_place_answer *answer)
{
    const davit_place_items *items = context->items;
    uint32_t devices = context->problem->device_count;
    double *used = davit_alloc_array(context->allocator, devices, sizeof(double));
    if (used == NULL) {
        return davit_fail(context->diag, DAVIT_OUT_OF_MEMORY, "no memory to place");
    }
    for (uint32_t item = 0; item < items->count && !answer->none; item++) {
        uint32_t best = DAVIT_PLACE_NONE;
        for (uint32_t d = 0; d < devices; d++) {
            if (davit_place_item_allowed(items, item, d) &&
                davit_place_fits(used[d] + items->bytes[item],
                                 context->problem->devices[d].memory_bytes) &&
                (best == DAVIT_PLACE_NONE || davit_place_item_seconds(items, item, d) <
                                                 davit_place_item_seconds(items, item, best))) {
                best = d;
            }
        }
        answer->none = best == DAVIT_PLACE_NONE;
        for (uint32_t k = items->first[item]; !answer->none && k < items->first[item + 1]; k++) {
            answer->devices[items->nodes[k]] = best;
        }
        used[answer->none ? 0 : best] += items->bytes[item];
    }
    davit_free(context->allocator, used);
    answer->certificate = json_pack("{s:s}", "form", "nothing");
    answer->method = "fastest";
    answer->bound_method = "nothing";
    return DAVIT_OK;
}

davit_status davit_place_latency(const davit_place_context *context, davit_place_answer *answer)
{
    return place_fastest(context, answer);
}

davit_status davit_place_energy(const davit_place_context *context, davit_place_answer *answer)
{
    return place_fastest(context, answer);
}
