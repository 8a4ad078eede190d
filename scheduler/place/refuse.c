/* Why there is no placement: what does not fit where. */
#include <stdio.h>
#include <stdlib.h>

#include "solvers.h"

typedef struct packed {
    uint32_t item;
    double bytes;
} packed;

static int compare_sizes(const void *left, const void *right)
{
    const packed *a = left;
    const packed *b = right;
    if (a->bytes != b->bytes) {
        return a->bytes > b->bytes ? -1 : 1;
    }
    return a->item < b->item ? -1 : a->item > b->item;
}

/* Takes the item's bytes from the device with the most left that it may be on; whether there is
 * one. */
static bool put(const davit_place_items *items, const packed *item, double *left)
{
    const davit_place_problem *problem = items->problem;
    uint32_t best = DAVIT_PLACE_NONE;
    for (uint32_t d = 0; d < problem->device_count; d++) {
        if (davit_place_item_allowed(items, item->item, d) &&
            (best == DAVIT_PLACE_NONE || left[d] > left[best])) {
            best = d;
        }
    }
    double slack = problem->devices[best].memory_bytes * 1e-9;
    if (!(item->bytes <= left[best] + slack)) {
        return false;
    }
    left[best] -= item->bytes;
    return true;
}

/* Largest first, each where most is left; returns the place of the first that fits nowhere, or the
 * number of items. */
static uint32_t pack(const davit_place_context *context, packed *order, double *left)
{
    const davit_place_items *items = context->items;
    for (uint32_t d = 0; d < context->problem->device_count; d++) {
        left[d] = context->problem->devices[d].memory_bytes;
    }
    for (uint32_t i = 0; i < items->count; i++) {
        order[i] = (packed){i, items->bytes[i]};
    }
    qsort(order, items->count, sizeof(*order), compare_sizes);
    uint32_t packed_count = 0;
    while (packed_count < items->count && put(items, &order[packed_count], left)) {
        packed_count++;
    }
    return packed_count;
}

/* "fpga 0 has 5 of 100, fpga 1 ..." for the devices that the item could be on. */
static void describe_left(const davit_place_items *items, uint32_t item, const double *left,
                          char *text, size_t bytes)
{
    const davit_place_problem *problem = items->problem;
    size_t used = 0;
    for (uint32_t d = 0; d < problem->device_count && used < bytes; d++) {
        if (davit_place_item_allowed(items, item, d)) {
            int length =
                snprintf(text + used, bytes - used, "%s%s has %.0f of %.0f", used > 0 ? ", " : "",
                         problem->devices[d].name, left[d], problem->devices[d].memory_bytes);
            used += length > 0 ? (size_t)length : 0;
        }
    }
}

static davit_status refuse_item(const davit_place_context *context, const packed *order,
                                const double *left, uint32_t rest)
{
    const davit_place_items *items = context->items;
    uint32_t item = order[rest].item;
    uint32_t first = items->first[item];
    uint32_t count = items->first[item + 1] - first;
    double open = 0.0;
    for (uint32_t i = rest; i < items->count; i++) {
        open += order[i].bytes;
    }
    char where[512] = "";
    describe_left(items, item, left, where, sizeof(where));
    return davit_fail(
        context->diag, DAVIT_UNSUPPORTED,
        "no placement was found that keeps the limits of memory: when the largest "
        "are placed first, %s %s (%.0f bytes) fits nowhere: %s bytes left; %.0f bytes "
        "in all remain to be placed",
        count > 1 ? "the group of node" : "node", context->problem->nodes[items->nodes[first]].name,
        order[rest].bytes, where, open);
}

static davit_status refuse_limits(const davit_place_context *context)
{
    bool energy = context->options.objective == DAVIT_PLACE_ENERGY;
    return davit_fail(context->diag, DAVIT_UNSUPPORTED,
                      "no placement was found that keeps all limits, though memory would suffice%s",
                      energy ? "; is the latency limit too low?" : "");
}

davit_status davit_place_refuse(const davit_place_context *context)
{
    const davit_allocator *allocator = context->allocator;
    packed *order = davit_alloc_array(allocator, context->items->count, sizeof(*order));
    double *left = davit_alloc_array(allocator, context->problem->device_count, sizeof(*left));
    davit_status status;
    if (order == NULL || left == NULL) {
        status =
            davit_fail(context->diag, DAVIT_OUT_OF_MEMORY, "no memory to say what does not fit");
    } else {
        uint32_t rest = pack(context, order, left);
        status = rest < context->items->count ? refuse_item(context, order, left, rest)
                                              : refuse_limits(context);
    }
    davit_free(allocator, order);
    davit_free(allocator, left);
    return status;
}
