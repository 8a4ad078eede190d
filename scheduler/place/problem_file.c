/* The object that a problem file becomes, and its way from the parsed JSON to arrays. */
#include "problem_file_parts.h"

#include <string.h>

/* The nodes that each node waits for, by edges as the file has them: offset[node + 1] -
 * offset[node] entries of other from offset[node] on. */
typedef struct adjacency {
    uint32_t *offset;
    uint32_t *other;
} adjacency;

static davit_status out_of_memory(const problem_reading *r)
{
    return davit_fail(r->diag, DAVIT_OUT_OF_MEMORY, "%s: out of memory", r->path);
}

/* Lists, per node `from[i]`, the nodes `to[i]`, ascending in i. */
static davit_status make_adjacency(const problem_reading *r, bool successors, adjacency *out)
{
    uint32_t nodes = r->node_count;
    davit_arena *arena = r->scratch;
    out->offset = davit_arena_alloc_array(arena, (size_t)nodes + 2, sizeof(*out->offset));
    out->other = davit_arena_alloc_array(arena, r->edge_count, sizeof(*out->other));
    if (out->offset == NULL || (out->other == NULL && r->edge_count > 0)) {
        return out_of_memory(r);
    }
    for (size_t e = 0; e < r->edge_count; e++) {
        const problem_edge *edge = &r->edges[e];
        out->offset[(successors ? edge->source : edge->destination) + 2]++;
    }
    for (uint32_t v = 0; v < nodes; v++) {
        out->offset[v + 2] += out->offset[v + 1];
    }
    for (size_t e = 0; e < r->edge_count; e++) {
        const problem_edge *edge = &r->edges[e];
        uint32_t from = successors ? edge->source : edge->destination;
        out->other[out->offset[from + 1]++] = successors ? edge->destination : edge->source;
    }
    return DAVIT_OK;
}

/* Every node that is left has a predecessor that is left: walking back from any ends in a circle.
 */
static davit_status report_cycle(const problem_reading *r, const uint32_t *waiting)
{
    adjacency before;
    davit_status status = make_adjacency(r, false, &before);
    if (status != DAVIT_OK) {
        return status;
    }
    uint32_t node = 0;
    while (waiting[node] == 0) {
        node++;
    }
    uint32_t previous = node;
    for (uint32_t step = 0; step <= r->node_count; step++) {
        uint32_t i = before.offset[node];
        while (waiting[before.other[i]] == 0) {
            i++;
        }
        previous = node;
        node = before.other[i];
    }
    return davit_fail(r->diag, DAVIT_BAD_DATA,
                      "%s: the edges go round in a circle, through node %s and its edge to node %s",
                      r->path, r->names[node], r->names[previous]);
}

/* position[node in the file] = its place in the order; first come, first served. */
static davit_status sort_nodes(problem_reading *r, uint32_t *position, uint32_t *order)
{
    adjacency after;
    davit_status status = make_adjacency(r, true, &after);
    if (status != DAVIT_OK) {
        return status;
    }
    uint32_t *waiting = davit_arena_alloc_array(r->scratch, r->node_count, sizeof(*waiting));
    if (waiting == NULL) {
        return out_of_memory(r);
    }
    for (size_t e = 0; e < r->edge_count; e++) {
        waiting[r->edges[e].destination]++;
    }
    uint32_t ready = 0;
    for (uint32_t v = 0; v < r->node_count; v++) {
        if (waiting[v] == 0) {
            order[ready++] = v;
        }
    }
    for (uint32_t done = 0; done < ready; done++) {
        uint32_t node = order[done];
        position[node] = done;
        for (uint32_t i = after.offset[node]; i < after.offset[node + 1]; i++) {
            if (--waiting[after.other[i]] == 0) {
                order[ready++] = after.other[i];
            }
        }
    }
    return ready == r->node_count ? DAVIT_OK : report_cycle(r, waiting);
}

static davit_status make_nodes(const problem_reading *r, const uint32_t *order,
                               davit_problem_file *file)
{
    davit_place_problem *problem = &file->problem;
    davit_place_node *nodes = davit_arena_alloc_array(&file->arena, r->node_count, sizeof(*nodes));
    double *seconds =
        davit_arena_alloc_array(&file->arena, r->node_count, PROBLEM_CLASSES * sizeof(*seconds));
    file->ids = davit_arena_alloc_array(&file->arena, r->node_count, sizeof(json_t *));
    if (nodes == NULL || seconds == NULL || file->ids == NULL) {
        return out_of_memory(r);
    }
    for (uint32_t v = 0; v < r->node_count; v++) {
        const problem_node *node = &r->nodes[order[v]];
        const char *name = davit_arena_strdup(&file->arena, r->names[order[v]]);
        if (name == NULL) {
            return out_of_memory(r);
        }
        nodes[v] = (davit_place_node){
            .name = name, .bytes = node->size, .group = node->group, .pin = DAVIT_PLACE_NONE};
        seconds[(size_t)v * PROBLEM_CLASSES + PROBLEM_ACCELERATOR] =
            node->supported ? node->accelerator_seconds : INFINITY;
        seconds[(size_t)v * PROBLEM_CLASSES + PROBLEM_CPU] = node->cpu_seconds;
        file->ids[v] = node->id;
    }
    problem->node_count = r->node_count;
    problem->nodes = nodes;
    problem->node_seconds = seconds;
    problem->group_count = r->group_count;
    return DAVIT_OK;
}

/* Sorts list and drops what is in it twice; returns how many are left. */
static uint32_t sort_distinct(uint32_t *list, uint32_t count)
{
    for (uint32_t gap = count / 2; gap > 0; gap /= 2) {
        for (uint32_t i = gap; i < count; i++) {
            uint32_t item = list[i];
            uint32_t j = i;
            for (; j >= gap && list[j - gap] > item; j -= gap) {
                list[j] = list[j - gap];
            }
            list[j] = item;
        }
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (kept == 0 || list[kept - 1] != list[i]) {
            list[kept++] = list[i];
        }
    }
    return kept;
}

/* One value for each node with readers; its cost is that of the node's last edge in the file. */
static davit_status make_values(problem_reading *r, const uint32_t *position, const uint32_t *order,
                                davit_problem_file *file)
{
    davit_place_problem *problem = &file->problem;
    for (size_t e = 0; e < r->edge_count; e++) {
        problem_edge *edge = &r->edges[e];
        r->nodes[edge->source].value_cost = edge->cost;
        edge->destination = position[edge->destination];
    }
    adjacency after;
    davit_status status = make_adjacency(r, true, &after);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_place_value *values =
        davit_arena_alloc_array(&file->arena, r->node_count, sizeof(*values));
    uint32_t *consumers = davit_arena_alloc_array(&file->arena, r->edge_count, sizeof(*consumers));
    double *seconds =
        davit_arena_alloc_array(&file->arena, r->node_count, PROBLEM_CLASSES * sizeof(*seconds));
    if (values == NULL || seconds == NULL || (consumers == NULL && r->edge_count > 0)) {
        return out_of_memory(r);
    }
    uint32_t count = 0;
    for (uint32_t v = 0; v < r->node_count; v++) {
        uint32_t node = order[v];
        uint32_t readers = after.offset[node + 1] - after.offset[node];
        if (readers == 0) {
            continue;
        }
        memcpy(consumers, after.other + after.offset[node], readers * sizeof(*consumers));
        values[count] = (davit_place_value){.producer = v,
                                            .consumer_count = sort_distinct(consumers, readers),
                                            .consumers = consumers};
        seconds[(size_t)count * PROBLEM_CLASSES + PROBLEM_ACCELERATOR] = r->nodes[node].value_cost;
        consumers += readers;
        count++;
    }
    problem->value_count = count;
    problem->values = values;
    problem->in_seconds = seconds;
    problem->out_seconds = seconds;
    return DAVIT_OK;
}

/* More devices of a kind than nodes are never of use. */
static davit_status make_devices(const problem_reading *r, davit_place_objective objective,
                                 davit_problem_file *file)
{
    bool one_cpu = objective == DAVIT_PLACE_LATENCY && r->cpu_count > 0;
    uint32_t cpus = one_cpu ? 1 : r->cpu_count;
    uint32_t count = r->accelerator_count + cpus;
    davit_place_device *devices = davit_arena_alloc_array(&file->arena, count, sizeof(*devices));
    if (devices == NULL) {
        return out_of_memory(r);
    }
    for (uint32_t d = 0; d < count; d++) {
        bool accelerator = d < r->accelerator_count;
        const char *name =
            one_cpu && !accelerator
                ? "cpu"
                : davit_arena_printf(&file->arena, "%s:%u", accelerator ? "accelerator" : "cpu",
                                     accelerator ? d : d - r->accelerator_count);
        if (name == NULL) {
            return out_of_memory(r);
        }
        devices[d] =
            (davit_place_device){.name = name,
                                 .device_class = accelerator ? PROBLEM_ACCELERATOR : PROBLEM_CPU,
                                 .discipline = accelerator ? DAVIT_PLACE_BLOCK
                                               : one_cpu   ? DAVIT_PLACE_UNLIMITED
                                                           : DAVIT_PLACE_IN_ORDER,
                                 .memory_bytes = accelerator ? r->accelerator_bytes : INFINITY};
    }
    file->accelerator_count = r->accelerator_count;
    file->problem.device_count = count;
    file->problem.devices = devices;
    file->problem.class_count = PROBLEM_CLASSES;
    return DAVIT_OK;
}

static davit_status build(problem_reading *r, davit_place_objective objective,
                          davit_problem_file *file)
{
    uint32_t *position = davit_arena_alloc_array(r->scratch, r->node_count, sizeof(*position));
    uint32_t *order = davit_arena_alloc_array(r->scratch, r->node_count, sizeof(*order));
    if (position == NULL || order == NULL) {
        return out_of_memory(r);
    }
    davit_status status = sort_nodes(r, position, order);
    if (status == DAVIT_OK) {
        status = make_nodes(r, order, file);
    }
    if (status == DAVIT_OK) {
        status = make_values(r, position, order, file);
    }
    return status == DAVIT_OK ? make_devices(r, objective, file) : status;
}

davit_status davit_problem_file_read(const davit_allocator *allocator, const char *path,
                                     const char *text, davit_place_objective objective,
                                     const davit_diagnostics *diag, davit_problem_file **out)
{
    *out = NULL;
    if (objective == DAVIT_PLACE_ENERGY) {
        return davit_fail(
            diag, DAVIT_UNSUPPORTED,
            "%s: a problem file says nothing of energy; ask for latency or throughput", path);
    }
    davit_arena scratch;
    davit_arena_init(&scratch, allocator);
    problem_reading r = {.path = path, .diag = diag, .scratch = &scratch};
    davit_problem_file *file = davit_alloc(allocator, sizeof(*file));
    davit_status status = DAVIT_OK;
    if (file == NULL) {
        status = out_of_memory(&r);
    } else {
        davit_arena_init(&file->arena, allocator);
        status = problem_file_parse(&r, text, &file->root);
    }
    if (status == DAVIT_OK) {
        status = build(&r, objective, file);
    }
    davit_arena_clear(&scratch);
    if (status != DAVIT_OK) {
        davit_problem_file_destroy(file);
        return status;
    }
    *out = file;
    return DAVIT_OK;
}

void davit_problem_file_destroy(davit_problem_file *file)
{
    if (file != NULL) {
        const davit_allocator *allocator = file->arena.allocator;
        json_decref(file->root);
        davit_arena_clear(&file->arena);
        davit_free(allocator, file);
    }
}

const davit_place_problem *davit_problem_file_problem(const davit_problem_file *file)
{
    return &file->problem;
}
