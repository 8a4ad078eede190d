/* The packing bound: integer weights, of which each device holds only so much within a period. */
#include "bounds.h"

#include <stdlib.h>
#include <string.h>

/* Weights tried at most, per device. */
#define MOST_PARTS 24

typedef struct packing {
    const davit_place_context *context;
    const double *sure;
    uint32_t *weights; /* [item] of the trial */
    double *need;      /* [kind of device][capacity]: see certificate.md */
    uint32_t *kind;    /* [device] the first device with the same column of sure */
    double *sorted;    /* what T may be */
    uint32_t capacity; /* weights sum up to less */
    uint32_t whole;
} packing;

/* Devices whose columns agree are solved once. */
static void find_kinds(packing *p)
{
    uint32_t devices = p->context->problem->device_count;
    for (uint32_t d = 0; d < devices; d++) {
        p->kind[d] = d;
        for (uint32_t e = 0; e < d && p->kind[d] == d; e++) {
            bool same = true;
            for (uint32_t item = 0; item < p->context->items->count && same; item++) {
                const double *row = p->sure + (size_t)item * devices;
                same = row[d] == row[e];
            }
            p->kind[d] = same ? e : d;
        }
    }
}

static void fill_need(packing *p, uint32_t d)
{
    uint32_t devices = p->context->problem->device_count;
    double *need = p->need + (size_t)d * p->capacity;
    for (uint32_t w = 0; w <= p->whole; w++) {
        need[w] = w == 0 ? 0.0 : INFINITY;
    }
    uint32_t reached = 0;
    for (uint32_t item = 0; item < p->context->items->count; item++) {
        uint32_t weight = p->weights[item];
        double seconds = p->sure[(size_t)item * devices + d];
        if (weight == 0 || !isfinite(seconds)) {
            continue;
        }
        reached += weight;
        for (uint32_t w = reached; w > 0; w--) {
            double rest = need[w > weight ? w - weight : 0] + seconds;
            need[w] = rest < need[w] ? rest : need[w];
        }
    }
}

static int compare_numbers(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return a < b ? -1 : a > b;
}

static bool holds_all(const packing *p, double period)
{
    uint64_t held = 0;
    for (uint32_t d = 0; d < p->context->problem->device_count; d++) {
        const double *need = p->need + (size_t)p->kind[d] * p->capacity;
        uint32_t w = p->whole;
        while (need[w] > period) {
            w--;
        }
        held += w;
    }
    return held >= p->whole;
}

/* What the weights of the trial prove. */
static double prove(packing *p)
{
    p->whole = 0;
    for (uint32_t item = 0; item < p->context->items->count; item++) {
        p->whole += p->weights[item];
    }
    if (p->whole == 0 || p->whole >= p->capacity) {
        return 0.0;
    }
    size_t count = 0;
    for (uint32_t d = 0; d < p->context->problem->device_count; d++) {
        if (p->kind[d] == d) {
            fill_need(p, d);
            memcpy(p->sorted + count, p->need + (size_t)d * p->capacity,
                   (p->whole + 1) * sizeof(double));
            count += p->whole + 1;
        }
    }
    qsort(p->sorted, count, sizeof(double), compare_numbers);
    size_t low = 0;
    size_t high = count - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (holds_all(p, p->sorted[middle])) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return p->sorted[low];
}

/* Weights: how many parts of a period an item takes on the device where it takes least, rounded
 * down, up or to the nearest: dual feasible functions of bin packing (Fekete and Schepers 2001). */
static void set_weights(packing *p, double period, uint32_t parts, int rounding)
{
    uint32_t devices = p->context->problem->device_count;
    for (uint32_t item = 0; item < p->context->items->count; item++) {
        double least = INFINITY;
        for (uint32_t d = 0; d < devices; d++) {
            least = fmin(least, p->sure[(size_t)item * devices + d]);
        }
        double size = fmin(least / period, 1.0) * parts;
        double weight = rounding == 0   ? floor(size)
                        : rounding == 1 ? floor(size + 0.5)
                                        : fmax(ceil(size) - 1.0, 0.0);
        p->weights[item] = (uint32_t)weight;
    }
}

static void try_all(packing *p, double possible, davit_place_bounds *bounds)
{
    uint32_t count = p->context->items->count;
    uint32_t most = count <= 256 ? MOST_PARTS : count <= 2048 ? MOST_PARTS / 2 : 2;
    for (uint32_t parts = 1; parts <= most; parts++) {
        for (int trial = 0; trial < 12; trial++) {
            double period = possible * (1.0 - 0.03 * (double)(trial / 3));
            set_weights(p, period, parts, trial % 3);
            double proved = prove(p);
            if (proved > bounds->packing && isfinite(proved)) {
                bounds->packing = proved;
                memcpy(bounds->weights, p->weights, count * sizeof(*p->weights));
            }
        }
    }
}

davit_status davit_place_bound_packing(const davit_place_context *context, double possible,
                                       davit_arena *arena, davit_place_bounds *bounds)
{
    uint32_t devices = context->problem->device_count;
    uint32_t count = context->items->count;
    packing p = {.context = context, .sure = bounds->sure};
    p.capacity = (devices + 1) * (MOST_PARTS + 1) + 1;
    p.capacity = p.capacity > 2000 ? 2000 : p.capacity;
    bounds->packing = 0.0;
    bounds->weights = davit_arena_alloc_array(arena, count, sizeof(uint32_t));
    p.weights = davit_arena_alloc_array(arena, count, sizeof(uint32_t));
    p.kind = davit_arena_alloc_array(arena, devices, sizeof(uint32_t));
    p.need = davit_arena_alloc_array(arena, (size_t)devices * p.capacity, sizeof(double));
    p.sorted = davit_arena_alloc_array(arena, (size_t)devices * p.capacity, sizeof(double));
    if (bounds->weights == NULL || p.weights == NULL || p.kind == NULL || p.need == NULL ||
        p.sorted == NULL) {
        return davit_fail(context->diag, DAVIT_OUT_OF_MEMORY, "no memory for a bound");
    }
    if (possible > 0.0 && isfinite(possible)) {
        find_kinds(&p);
        try_all(&p, possible, bounds);
    }
    return DAVIT_OK;
}
