/* Coarser units from finer ones. Two ways, neither of which makes a circle: units are joined with
 * their only reader or their only source; where that joins few, neighbours in a topological order
 * are joined (no other kind of pair in the same round). */
#include <stdlib.h>

#include "random.h"
#include "units.h"

/* Of all the work and of a device's memory: larger units are not made. */
#define LARGEST_SHARE (1.0 / 30.0)
#define LARGEST_MEMORY 0.25

typedef struct pair {
    double weight;
    uint32_t source, reader;
} pair;

typedef struct joining {
    const davit_place_units *fine;
    const uint32_t *device; /* or NULL */
    davit_arena arena;
    uint32_t *parent;     /* [count] union-find */
    double *work, *bytes; /* [count] of a root's set */
    double work_limit, bytes_limit;
    bool *joined; /* [count] whether a root's set has more than one unit */
    pair *pairs;
    uint32_t pair_count, left;
} joining;

static double most(const double *by_class, uint32_t classes)
{
    double largest = 0.0;
    for (uint32_t c = 0; c < classes; c++) {
        largest = isfinite(by_class[c]) ? fmax(largest, by_class[c]) : largest;
    }
    return largest;
}

static davit_status prepare(joining *j)
{
    uint32_t count = j->fine->count;
    j->parent = davit_arena_alloc_array(&j->arena, count, 4);
    j->work = davit_arena_alloc_array(&j->arena, count, sizeof(double));
    j->bytes = davit_arena_alloc_array(&j->arena, count, sizeof(double));
    j->joined = davit_arena_alloc_array(&j->arena, count, sizeof(bool));
    j->pairs = davit_arena_alloc_array(&j->arena, j->fine->after_first[count], sizeof(*j->pairs));
    return j->parent != NULL && j->work != NULL && j->bytes != NULL && j->joined != NULL &&
                   j->pairs != NULL
               ? DAVIT_OK
               : DAVIT_OUT_OF_MEMORY;
}

/* Every unit by itself. */
static void separate(joining *j)
{
    const davit_place_problem *problem = j->fine->problem;
    double work = 0.0;
    for (uint32_t u = 0; u < j->fine->count; u++) {
        j->parent[u] = u;
        j->work[u] = j->bytes[u] = 0.0;
        j->joined[u] = false;
    }
    for (uint32_t v = 0; v < problem->node_count; v++) {
        const double *seconds = &problem->node_seconds[(size_t)v * problem->class_count];
        j->work[j->fine->of_node[v]] += most(seconds, problem->class_count);
        j->bytes[j->fine->of_node[v]] += problem->nodes[v].bytes;
        work += most(seconds, problem->class_count);
    }
    double memory = INFINITY;
    for (uint32_t d = 0; d < problem->device_count; d++) {
        memory = fmin(memory, problem->devices[d].memory_bytes);
    }
    j->work_limit = work * LARGEST_SHARE;
    j->bytes_limit = memory * LARGEST_MEMORY;
    j->left = j->fine->count;
}

static uint32_t root_of(joining *j, uint32_t unit)
{
    while (j->parent[unit] != unit) {
        j->parent[unit] = j->parent[j->parent[unit]];
        unit = j->parent[unit];
    }
    return unit;
}

static bool may_join(const joining *j, uint32_t a, uint32_t b)
{
    const davit_place_units *fine = j->fine;
    bool may = a != b && j->work[a] + j->work[b] <= j->work_limit &&
               j->bytes[a] + j->bytes[b] <= j->bytes_limit;
    for (uint32_t d = 0; d < fine->problem->device_count && may; d++) {
        may = davit_place_unit_allowed(fine, a, d) == davit_place_unit_allowed(fine, b, d);
    }
    return may && (j->device == NULL || j->device[fine->nodes[fine->first[a]]] ==
                                            j->device[fine->nodes[fine->first[b]]]);
}

/* b's set becomes a's; both are roots. */
static void join(joining *j, uint32_t a, uint32_t b)
{
    j->parent[b] = a;
    j->work[a] += j->work[b];
    j->bytes[a] += j->bytes[b];
    j->joined[a] = true;
    j->left--;
}

static int compare_pairs(const void *left, const void *right)
{
    const pair *a = left;
    const pair *b = right;
    if (a->weight != b->weight) {
        return a->weight > b->weight ? -1 : 1;
    }
    if (a->source != b->source) {
        return a->source < b->source ? -1 : 1;
    }
    return a->reader < b->reader ? -1 : a->reader > b->reader;
}

/* Weighs what copies of the source's values cost, shaken by a half so that rounds differ. */
static davit_status list_pairs(joining *j, uint64_t *random)
{
    const davit_place_units *fine = j->fine;
    const davit_place_problem *problem = fine->problem;
    double *cost = davit_arena_alloc_array(&j->arena, fine->count, sizeof(double));
    if (cost == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (uint32_t i = 0; i < problem->value_count; i++) {
        uint32_t producer = problem->values[i].producer;
        size_t at = (size_t)i * problem->class_count;
        if (producer != DAVIT_PLACE_NONE) {
            cost[fine->of_node[producer]] += most(&problem->in_seconds[at], problem->class_count) +
                                             most(&problem->out_seconds[at], problem->class_count);
        }
    }
    for (uint32_t u = 0; u < fine->count; u++) {
        for (uint32_t k = fine->after_first[u]; k < fine->after_first[u + 1]; k++) {
            uint32_t reader = fine->after[k];
            if (fine->after_first[u + 1] - fine->after_first[u] == 1 ||
                fine->before_first[reader + 1] - fine->before_first[reader] == 1) {
                double weight = (cost[u] + 1e-12) * (0.5 + davit_place_random_unit(random));
                j->pairs[j->pair_count++] = (pair){weight, u, reader};
            }
        }
    }
    qsort(j->pairs, j->pair_count, sizeof(*j->pairs), compare_pairs);
    return DAVIT_OK;
}

static void join_only_neighbours(joining *j)
{
    for (uint32_t k = 0; k < j->pair_count && j->left > j->fine->count / 2; k++) {
        uint32_t a = root_of(j, j->pairs[k].source);
        uint32_t b = root_of(j, j->pairs[k].reader);
        if (!(j->joined[a] && j->joined[b]) && may_join(j, a, b)) {
            join(j, a, b);
        }
    }
}

static void join_in_order(joining *j, uint64_t *random)
{
    const davit_place_units *fine = j->fine;
    for (uint32_t i = 0; i + 1 < fine->count; i++) {
        uint32_t a = fine->order[i];
        uint32_t b = fine->order[i + 1];
        bool linked = false;
        for (uint32_t k = fine->after_first[a]; k < fine->after_first[a + 1]; k++) {
            linked = linked || fine->after[k] == b;
        }
        if ((linked || davit_place_random_below(random, 4) == 0) && may_join(j, a, b)) {
            join(j, a, b);
            i++;
        }
    }
}

/* Numbers the sets by their first nodes and makes units of them. */
static davit_status finish(joining *j, davit_place_units *units)
{
    const davit_place_units *fine = j->fine;
    const davit_place_problem *problem = fine->problem;
    uint32_t *number = davit_arena_alloc_array(&j->arena, fine->count, 4);
    size_t places = (size_t)j->left * problem->device_count;
    units->of_node = davit_arena_alloc_array(&units->arena, problem->node_count, 4);
    units->allowed = davit_arena_alloc_array(&units->arena, places, sizeof(bool));
    if (number == NULL || units->of_node == NULL || units->allowed == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (uint32_t v = 0; v < problem->node_count; v++) {
        uint32_t root = root_of(j, fine->of_node[v]);
        if (number[root] == 0) {
            for (uint32_t d = 0; d < problem->device_count; d++) {
                units->allowed[(size_t)units->count * problem->device_count + d] =
                    davit_place_unit_allowed(fine, root, d);
            }
            number[root] = ++units->count;
        }
        units->of_node[v] = number[root] - 1;
    }
    return davit_place_units_finish(units);
}

davit_status davit_place_units_join(const davit_place_units *fine, const uint32_t *device,
                                    uint64_t *random, const davit_allocator *allocator,
                                    davit_place_units *units)
{
    *units = (davit_place_units){.problem = fine->problem};
    joining j = {.fine = fine, .device = device};
    davit_arena_init(&units->arena, allocator);
    davit_arena_init(&j.arena, allocator);
    davit_status status = prepare(&j);
    if (status == DAVIT_OK) {
        status = list_pairs(&j, random);
    }
    if (status == DAVIT_OK) {
        separate(&j);
        join_only_neighbours(&j);
        if (j.left > fine->count / 4 * 3) {
            separate(&j);
            join_in_order(&j, random);
        }
        status = finish(&j, units);
    }
    davit_arena_clear(&j.arena);
    if (status != DAVIT_OK) {
        davit_place_units_clear(units);
    }
    return status;
}
