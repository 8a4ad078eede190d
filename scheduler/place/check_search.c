/* The form search of certificate.md: all placements, by branch and bound. */
#include <string.h>

#include "certificate.h"
#include "davit/simulate.h"

#define MOST_WORK 4000000000u /* readers and devices looked at: some seconds */
#define MOST_GROUPS 2000      /* the depth of recursion */

typedef struct enumeration {
    const davit_place_problem *problem;
    davit_place_groups groups;
    double bound; /* what no placement gets below */
    const double *multiplier;
    double whole;            /* sum of the multipliers */
    uint32_t *order;         /* [count] groups */
    double *left;            /* [count + 1] the least that groups from there on bring, weighted */
    uint32_t *at;            /* [group], DAVIT_PLACE_NONE: not placed yet */
    uint32_t *touched_first; /* [group + 1] into touched: values of the group */
    uint32_t *touched;
    double *compute, *in, *out, *bytes; /* [depth + 1][device] */
    uint32_t *placed;                   /* [device] groups */
    uint64_t *work;                     /* [group] of placing it once */
    uint64_t work_left;
    bool reached; /* a placement below the bound */
} enumeration;

/* Each value once for each group that makes or reads it. */
static davit_status index_values(const davit_place_proof *proof, enumeration *e)
{
    const davit_place_problem *p = e->problem;
    uint32_t count = e->groups.count;
    uint32_t *stamp = davit_arena_alloc_array(proof->arena, count, sizeof(uint32_t));
    e->touched_first = davit_arena_alloc_array(proof->arena, (size_t)count + 1, sizeof(uint32_t));
    if (stamp == NULL || e->touched_first == NULL) {
        return davit_place_no_memory(proof);
    }
    for (int fill = 0; fill < 2; fill++) {
        memset(stamp, 0, count * sizeof(uint32_t));
        for (uint32_t i = 0; i < p->value_count; i++) {
            const davit_place_value *value = &p->values[i];
            for (uint32_t k = 0; k <= value->consumer_count; k++) {
                uint32_t node = k == 0 ? value->producer : value->consumers[k - 1];
                if (node == DAVIT_PLACE_NONE || stamp[e->groups.of_node[node]] == i + 1) {
                    continue;
                }
                uint32_t g = e->groups.of_node[node];
                stamp[g] = i + 1;
                if (fill == 0) {
                    e->touched_first[g + 1]++;
                } else {
                    e->touched[e->touched_first[g]++] = i;
                }
            }
        }
        for (uint32_t g = 0; g < count && fill == 0; g++) {
            e->touched_first[g + 1] += e->touched_first[g];
        }
        if (fill == 0) {
            e->touched = davit_arena_alloc_array(proof->arena, e->touched_first[count], 4);
            if (e->touched == NULL) {
                return davit_place_no_memory(proof);
            }
        }
    }
    memmove(e->touched_first + 1, e->touched_first, count * sizeof(uint32_t));
    e->touched_first[0] = 0;
    return DAVIT_OK;
}

/* Adds, times sign, the copies of value i to the loads, as far as both ends are placed. */
static void add_value(enumeration *e, uint32_t i, double sign, double *in, double *out)
{
    const davit_place_problem *p = e->problem;
    const davit_place_value *value = &p->values[i];
    uint32_t source = DAVIT_PLACE_NONE;
    if (value->producer != DAVIT_PLACE_NONE) {
        source = e->at[e->groups.of_node[value->producer]];
        if (source == DAVIT_PLACE_NONE) {
            return;
        }
    }
    bool leaves = source != DAVIT_PLACE_NONE && value->to_host;
    for (uint32_t k = 0; k < value->consumer_count; k++) {
        uint32_t to = e->at[e->groups.of_node[value->consumers[k]]];
        bool first = to != DAVIT_PLACE_NONE && to != source;
        for (uint32_t j = 0; j < k && first; j++) {
            first = e->at[e->groups.of_node[value->consumers[j]]] != to;
        }
        if (first) {
            leaves = leaves || source != DAVIT_PLACE_NONE;
            in[to] +=
                sign * p->in_seconds[(size_t)i * p->class_count + p->devices[to].device_class];
        }
    }
    if (leaves) {
        out[source] +=
            sign * p->out_seconds[(size_t)i * p->class_count + p->devices[source].device_class];
    }
}

static bool is_block(const enumeration *e, uint32_t d)
{
    return e->problem->devices[d].discipline == DAVIT_PLACE_BLOCK;
}

/* Places the group at a depth on d, in the rows of the next depth; whether it may lead below the
 * bound. */
static bool place(enumeration *e, uint32_t depth, uint32_t d)
{
    uint32_t devices = e->problem->device_count;
    uint32_t g = e->order[depth];
    size_t row = (size_t)(depth + 1) * devices;
    double *rows[] = {e->compute, e->in, e->out, e->bytes};
    for (int k = 0; k < 4; k++) {
        memcpy(rows[k] + row, rows[k] + row - devices, devices * sizeof(double));
    }
    for (uint32_t k = e->touched_first[g]; k < e->touched_first[g + 1]; k++) {
        add_value(e, e->touched[k], -1.0, e->in + row, e->out + row);
    }
    e->at[g] = d;
    for (uint32_t k = e->touched_first[g]; k < e->touched_first[g + 1]; k++) {
        add_value(e, e->touched[k], 1.0, e->in + row, e->out + row);
    }
    double seconds = e->groups.seconds[(size_t)g * devices + d];
    e->compute[row + d] += seconds + (e->placed[d]++ == 0 ? e->problem->devices[d].use_seconds : 0);
    e->bytes[row + d] += e->groups.bytes[g];
    double weighted = e->left[depth + 1];
    bool open = davit_place_fits(e->bytes[row + d], e->problem->devices[d].memory_bytes);
    double limit = e->bound * (1.0 - DAVIT_PLACE_TOLERANCE);
    for (uint32_t k = 0; k < devices && open; k++) {
        double sum = e->compute[row + k] + e->in[row + k] + e->out[row + k];
        double most = fmax(e->compute[row + k], fmax(e->in[row + k], e->out[row + k]));
        open = (is_block(e, k) ? sum : most) < limit;
        weighted += e->multiplier[k] * (is_block(e, k) ? sum : e->compute[row + k]);
    }
    return open && !(weighted >= limit * e->whole);
}

/* All placements of the groups from a depth on; false when it is too much. */
static bool enumerate(enumeration *e, uint32_t depth)
{
    uint32_t devices = e->problem->device_count;
    if (depth == e->groups.count) {
        e->reached = true;
        return true;
    }
    uint32_t g = e->order[depth];
    for (uint32_t d = 0; d < devices && !e->reached; d++) {
        bool twin = false; /* an empty device of its class was tried before */
        for (uint32_t k = 0; k < d && e->placed[d] == 0 && !e->groups.pinned[g]; k++) {
            twin = twin || (e->placed[k] == 0 && e->problem->devices[k].device_class ==
                                                     e->problem->devices[d].device_class);
        }
        if (twin || !e->groups.allowed[(size_t)g * devices + d]) {
            continue;
        }
        if (e->work_left < e->work[g]) {
            return false;
        }
        e->work_left -= e->work[g];
        bool enough = !place(e, depth, d) || enumerate(e, depth + 1);
        e->at[g] = DAVIT_PLACE_NONE;
        e->placed[d]--;
        if (!enough) {
            return false;
        }
    }
    return true;
}

/* What place() looks at: rows of devices, and each reader of a value against those before it. */
static davit_status count_work(const davit_place_proof *proof, enumeration *e)
{
    e->work = davit_arena_alloc_array(proof->arena, e->groups.count, sizeof(*e->work));
    if (e->work == NULL) {
        return davit_place_no_memory(proof);
    }
    e->work_left = MOST_WORK;
    for (uint32_t g = 0; g < e->groups.count; g++) {
        e->work[g] = 16 + 8 * (uint64_t)e->problem->device_count;
        for (uint32_t k = e->touched_first[g]; k < e->touched_first[g + 1]; k++) {
            uint64_t readers = e->problem->values[e->touched[k]].consumer_count;
            e->work[g] += 2 * (readers + 1) * (readers + 2);
        }
    }
    return DAVIT_OK;
}

static davit_status prepare(const davit_place_proof *proof, enumeration *e)
{
    uint32_t devices = e->problem->device_count;
    uint32_t count = e->groups.count;
    size_t cells = (size_t)devices * ((size_t)count + 1);
    e->left = davit_arena_alloc_array(proof->arena, (size_t)count + 1, sizeof(double));
    e->at = davit_arena_alloc_array(proof->arena, count, sizeof(uint32_t));
    e->placed = davit_arena_alloc_array(proof->arena, devices, sizeof(uint32_t));
    e->compute = davit_arena_alloc_array(proof->arena, cells, sizeof(double));
    e->in = davit_arena_alloc_array(proof->arena, cells, sizeof(double));
    e->out = davit_arena_alloc_array(proof->arena, cells, sizeof(double));
    e->bytes = davit_arena_alloc_array(proof->arena, cells, sizeof(double));
    if (e->left == NULL || e->at == NULL || e->placed == NULL || e->compute == NULL ||
        e->in == NULL || e->out == NULL || e->bytes == NULL) {
        return davit_place_no_memory(proof);
    }
    for (uint32_t d = 0; d < devices; d++) {
        e->whole += e->multiplier[d];
    }
    if (!(e->whole > 0.0) || !isfinite(e->whole)) {
        return davit_place_wrong(proof, "the multipliers sum up to nothing");
    }
    for (uint32_t k = count; k-- > 0;) {
        double least = INFINITY;
        for (uint32_t d = 0; d < devices; d++) {
            size_t at = (size_t)e->order[k] * devices + d;
            if (e->groups.allowed[at]) {
                least = fmin(least, e->multiplier[d] * e->groups.sure[at]);
            }
        }
        e->left[k] = e->left[k + 1] + least;
        e->at[k] = DAVIT_PLACE_NONE;
    }
    return DAVIT_OK;
}

davit_status davit_place_check_search(const davit_place_proof *proof, double *proved)
{
    enumeration e = {.problem = proof->problem, .bound = proof->claimed};
    double *multiplier;
    davit_status status =
        davit_place_numbers(proof, "multipliers", e.problem->device_count, &multiplier);
    e.multiplier = multiplier;
    if (status == DAVIT_OK) {
        status = davit_place_groups_make(proof, false, &e.groups);
    }
    if (status == DAVIT_OK && e.groups.count > MOST_GROUPS) {
        status = davit_place_too_large(proof);
    }
    if (status == DAVIT_OK) {
        status = davit_place_read_order(proof, &e.groups, &e.order);
    }
    if (status == DAVIT_OK) {
        status = index_values(proof, &e);
    }
    if (status == DAVIT_OK) {
        status = count_work(proof, &e);
    }
    if (status == DAVIT_OK) {
        status = prepare(proof, &e);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    if (!enumerate(&e, 0)) {
        return davit_place_too_large(proof);
    }
    *proved = e.reached ? 0.0 : proof->claimed;
    return DAVIT_OK;
}
