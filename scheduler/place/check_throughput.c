/* The forms area and packing of certificate.md. */
#include <stdlib.h>

#include "certificate.h"

#define MOST_WEIGHT 20000

static double sum_of(const double *numbers, size_t count)
{
    double sum = 0.0;
    for (size_t k = 0; k < count; k++) {
        sum += numbers[k];
    }
    return sum;
}

davit_status davit_place_check_area(const davit_place_proof *proof, double *proved)
{
    uint32_t devices = proof->problem->device_count;
    double *multipliers;
    davit_status status = davit_place_numbers(proof, "multipliers", devices, &multipliers);
    if (status != DAVIT_OK) {
        return status;
    }
    double whole = sum_of(multipliers, devices);
    if (!(whole > 0.0) || !isfinite(whole)) {
        return davit_place_wrong(proof, "the multipliers sum up to nothing");
    }
    davit_place_groups groups;
    status = davit_place_groups_make(proof, true, &groups);
    if (status != DAVIT_OK) {
        return status;
    }
    double area = 0.0;
    for (uint32_t g = 0; g < groups.count; g++) {
        double least = INFINITY;
        for (uint32_t d = 0; d < devices; d++) {
            size_t at = (size_t)g * devices + d;
            if (groups.allowed[at]) {
                least = fmin(least, multipliers[d] * groups.sure[at]);
            }
        }
        area += least;
    }
    *proved = area / whole;
    return DAVIT_OK;
}

/* need[w]: the least time of groups on device d that weigh at least w. */
static void fill_knapsack(const davit_place_groups *groups, const davit_place_problem *problem,
                          uint32_t d, const uint32_t *weight, uint32_t whole, double *need)
{
    need[0] = 0.0;
    for (uint32_t w = 1; w <= whole; w++) {
        need[w] = INFINITY;
    }
    for (uint32_t g = 0; g < groups->count; g++) {
        size_t at = (size_t)g * problem->device_count + d;
        if (weight[g] == 0 || !groups->allowed[at]) {
            continue;
        }
        for (uint32_t w = whole; w > 0; w--) {
            double rest = need[w > weight[g] ? w - weight[g] : 0];
            need[w] = fmin(need[w], rest + groups->sure[at]);
        }
    }
}

static davit_status read_weights(const davit_place_proof *proof, const davit_place_groups *groups,
                                 uint32_t **out, uint32_t *whole)
{
    uint32_t nodes = proof->problem->node_count;
    double *numbers;
    davit_status status = davit_place_numbers(proof, "weights", nodes, &numbers);
    if (status != DAVIT_OK) {
        return status;
    }
    uint32_t *weight = davit_arena_alloc_array(proof->arena, groups->count, sizeof(uint32_t));
    if (weight == NULL) {
        return davit_place_no_memory(proof);
    }
    if (sum_of(numbers, nodes) > MOST_WEIGHT) {
        return davit_place_wrong(proof, "the weights are too large");
    }
    *whole = 0;
    for (uint32_t v = 0; v < nodes; v++) {
        uint32_t one = (uint32_t)numbers[v];
        if ((double)one != numbers[v]) {
            return davit_place_wrong(proof, "a weight is no integer");
        }
        weight[groups->of_node[v]] += one;
        *whole += one;
    }
    *out = weight;
    return DAVIT_OK;
}

static int compare_numbers(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return a < b ? -1 : a > b;
}

/* The weight that all devices hold within T. need: [device][whole + 1], not falling in w. */
static uint64_t held_within(const double *need, uint32_t devices, uint32_t whole, double period)
{
    uint64_t held = 0;
    for (uint32_t d = 0; d < devices; d++) {
        const double *row = need + (size_t)d * (whole + 1);
        uint32_t low = 0;
        uint32_t high = whole;
        while (low < high) {
            uint32_t middle = low + (high - low + 1) / 2;
            if (row[middle] <= period) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        held += low;
    }
    return held;
}

davit_status davit_place_check_packing(const davit_place_proof *proof, double *proved)
{
    uint32_t devices = proof->problem->device_count;
    davit_place_groups groups;
    uint32_t *weight;
    uint32_t whole;
    davit_status status = davit_place_groups_make(proof, true, &groups);
    if (status == DAVIT_OK) {
        status = read_weights(proof, &groups, &weight, &whole);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    size_t cells = (size_t)devices * ((size_t)whole + 1);
    double *need = davit_arena_alloc_array(proof->arena, cells, sizeof(double));
    double *sorted = davit_arena_alloc_array(proof->arena, cells, sizeof(double));
    if (need == NULL || sorted == NULL) {
        return davit_place_no_memory(proof);
    }
    for (uint32_t d = 0; d < devices; d++) {
        fill_knapsack(&groups, proof->problem, d, weight, whole, need + (size_t)d * (whole + 1));
    }
    for (size_t k = 0; k < cells; k++) {
        sorted[k] = need[k];
    }
    qsort(sorted, cells, sizeof(double), compare_numbers);
    size_t low = 0; /* the first period within which everything is held; the last one is */
    size_t high = cells - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (held_within(need, devices, whole, sorted[middle]) >= whole) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    *proved = sorted[low];
    return DAVIT_OK;
}
