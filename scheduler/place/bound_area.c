/* The area bound: the mean of loads, weighted so that it is largest. */
#include "bounds.h"

#include <stdlib.h>

static void add_copies(const davit_place_context *context, bool with_copies_in, double *sure)
{
    const davit_place_items *items = context->items;
    const davit_place_problem *problem = context->problem;
    for (uint32_t f = 0; f < items->flow_count; f++) {
        const davit_place_flow *flow = &items->flows[f];
        bool in = flow->producer == DAVIT_PLACE_NONE && with_copies_in && flow->consumer_count > 0;
        if (!in && !flow->to_host) {
            continue;
        }
        /* The value's first reader is in the first item only by its node. */
        uint32_t item =
            in ? items->of_node[problem->values[flow->value].consumers[0]] : flow->producer;
        for (uint32_t d = 0; d < problem->device_count; d++) {
            size_t cost =
                (size_t)flow->value * problem->class_count + problem->devices[d].device_class;
            if (problem->devices[d].discipline == DAVIT_PLACE_BLOCK) {
                sure[(size_t)item * problem->device_count + d] +=
                    in ? problem->in_seconds[cost] : problem->out_seconds[cost];
            }
        }
    }
}

davit_status davit_place_sure_loads(const davit_place_context *context, bool with_copies_in,
                                    davit_arena *arena, double **out)
{
    const davit_place_items *items = context->items;
    uint32_t devices = context->problem->device_count;
    double *sure = davit_arena_alloc_array(arena, (size_t)items->count * devices, sizeof(double));
    if (sure == NULL) {
        return davit_fail(context->diag, DAVIT_OUT_OF_MEMORY, "no memory for a bound");
    }
    for (uint32_t item = 0; item < items->count; item++) {
        for (uint32_t d = 0; d < devices; d++) {
            sure[(size_t)item * devices + d] = davit_place_item_allowed(items, item, d)
                                                   ? davit_place_item_seconds(items, item, d)
                                                   : INFINITY;
        }
    }
    add_copies(context, with_copies_in, sure);
    *out = sure;
    return DAVIT_OK;
}

static double area_of(const davit_place_context *context, const double *sure,
                      const double *multipliers)
{
    uint32_t devices = context->problem->device_count;
    double whole = 0.0;
    for (uint32_t d = 0; d < devices; d++) {
        whole += multipliers[d];
    }
    double area = 0.0;
    for (uint32_t item = 0; item < context->items->count; item++) {
        double least = INFINITY;
        for (uint32_t d = 0; d < devices; d++) {
            double one = sure[(size_t)item * devices + d];
            if (isfinite(one)) {
                least = fmin(least, multipliers[d] * one);
            }
        }
        area += least;
    }
    return whole > 0.0 ? area / whole : 0.0;
}

static void set_class(const davit_place_context *context, uint32_t of_class, double value,
                      double *multipliers)
{
    for (uint32_t d = 0; d < context->problem->device_count; d++) {
        if (context->problem->devices[d].device_class == of_class) {
            multipliers[d] = value;
        }
    }
}

static uint32_t first_of_class(const davit_place_context *context, uint32_t of_class)
{
    uint32_t d = 0;
    while (d < context->problem->device_count &&
           context->problem->devices[d].device_class != of_class) {
        d++;
    }
    return d;
}

/* Tries the multipliers of one class at which some item is indifferent between it and another
 * class: the bound is linear between them. Of many items only some are asked. */
static void ascend_class(const davit_place_context *context, const double *sure, uint32_t of_class,
                         double *multipliers, double *best)
{
    uint32_t devices = context->problem->device_count;
    uint32_t own = first_of_class(context, of_class);
    if (own == devices) {
        return;
    }
    uint32_t count = context->items->count;
    uint32_t stride = 1 + count / 256;
    double kept = multipliers[own];
    for (uint32_t other = 0; other < devices; other++) {
        if (context->problem->devices[other].device_class == of_class ||
            first_of_class(context, context->problem->devices[other].device_class) != other) {
            continue;
        }
        for (uint32_t item = 0; item < count; item += stride) {
            double mine = sure[(size_t)item * devices + own];
            double its = sure[(size_t)item * devices + other];
            if (!(mine > 0.0) || !isfinite(mine) || !isfinite(its)) {
                continue;
            }
            set_class(context, of_class, multipliers[other] * its / mine, multipliers);
            double area = area_of(context, sure, multipliers);
            if (area > *best) {
                *best = area;
                kept = multipliers[own];
            }
        }
    }
    set_class(context, of_class, kept, multipliers);
}

static void ascend(const davit_place_context *context, const double *sure, double *multipliers,
                   double *best)
{
    double before = -1.0;
    *best = area_of(context, sure, multipliers);
    for (int round = 0; round < 8 && *best > before; round++) {
        before = *best;
        for (uint32_t c = 0; c < context->problem->class_count; c++) {
            ascend_class(context, sure, c, multipliers, best);
        }
    }
}

/* The start: all alike, one device alone, one class alone. */
static void start(const davit_place_context *context, uint32_t trial, double *multipliers)
{
    uint32_t devices = context->problem->device_count;
    for (uint32_t d = 0; d < devices; d++) {
        multipliers[d] = trial == 0 || trial == d + 1 ? 1.0 : 0.0;
    }
    if (trial > devices) {
        set_class(context, trial - devices - 1, 1.0, multipliers);
    }
}

davit_status davit_place_bound_area(const davit_place_context *context, davit_arena *arena,
                                    davit_place_bounds *bounds)
{
    uint32_t devices = context->problem->device_count;
    davit_status status = davit_place_sure_loads(context, true, arena, &bounds->sure);
    if (status != DAVIT_OK) {
        return status;
    }
    bounds->multipliers = davit_arena_alloc_array(arena, devices, sizeof(double));
    double *trial = davit_arena_alloc_array(arena, devices, sizeof(double));
    if (bounds->multipliers == NULL || trial == NULL) {
        return davit_fail(context->diag, DAVIT_OUT_OF_MEMORY, "no memory for a bound");
    }
    bounds->area = -1.0;
    for (uint32_t k = 0; k <= devices + context->problem->class_count; k++) {
        double best;
        start(context, k, trial);
        if (k == 0) {
            ascend(context, bounds->sure, trial, &best);
        } else {
            best = area_of(context, bounds->sure, trial);
        }
        if (best > bounds->area) {
            bounds->area = best;
            for (uint32_t d = 0; d < devices; d++) {
                bounds->multipliers[d] = trial[d];
            }
        }
    }
    return DAVIT_OK;
}

static json_t *numbers_json(const double *numbers, uint32_t count)
{
    json_t *array = json_array();
    for (uint32_t k = 0; k < count && array != NULL; k++) {
        if (json_array_append_new(array, json_real(numbers[k])) != 0) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}

json_t *davit_place_area_certificate(const davit_place_context *context, const double *multipliers)
{
    return json_pack("{s:s, s:o}", "form", "area", "multipliers",
                     numbers_json(multipliers, context->problem->device_count));
}

json_t *davit_place_packing_certificate(const davit_place_context *context, const uint32_t *weights)
{
    const davit_place_items *items = context->items;
    json_t *array = json_array();
    for (uint32_t v = 0; v < context->problem->node_count && array != NULL; v++) {
        uint32_t item = items->of_node[v];
        bool first = items->nodes[items->first[item]] == v;
        if (json_array_append_new(array, json_integer(first ? weights[item] : 0)) != 0) {
            json_decref(array);
            array = NULL;
        }
    }
    return json_pack("{s:s, s:o}", "form", "packing", "weights", array);
}

json_t *davit_place_search_certificate(const davit_place_context *context, const uint32_t *order,
                                       const double *multipliers)
{
    const davit_place_items *items = context->items;
    json_t *array = json_array();
    for (uint32_t k = 0; k < items->count && array != NULL; k++) {
        uint32_t node = items->nodes[items->first[order[k]]];
        if (json_array_append_new(array, json_integer(node)) != 0) {
            json_decref(array);
            array = NULL;
        }
    }
    return json_pack("{s:s, s:o, s:o}", "form", "search", "order", array, "multipliers",
                     numbers_json(multipliers, context->problem->device_count));
}
