/* Groups and what they bring for certain, for the checks of certificates. */
#include "certificate.h"
#include "davit/simulate.h"

static davit_status allocate(const davit_place_proof *proof, davit_place_groups *groups)
{
    size_t nodes = proof->problem->node_count;
    size_t devices = proof->problem->device_count;
    *groups = (davit_place_groups){0};
    groups->of_node = davit_arena_alloc_array(proof->arena, nodes, sizeof(uint32_t));
    groups->first = davit_arena_alloc_array(proof->arena, nodes, sizeof(uint32_t));
    groups->bytes = davit_arena_alloc_array(proof->arena, nodes, sizeof(double));
    groups->pinned = davit_arena_alloc_array(proof->arena, nodes, sizeof(bool));
    groups->allowed = davit_arena_alloc_array(proof->arena, nodes * devices, sizeof(bool));
    groups->seconds = davit_arena_alloc_array(proof->arena, nodes * devices, sizeof(double));
    groups->sure = davit_arena_alloc_array(proof->arena, nodes * devices, sizeof(double));
    return groups->of_node == NULL || groups->first == NULL || groups->bytes == NULL ||
                   groups->pinned == NULL || groups->allowed == NULL || groups->seconds == NULL ||
                   groups->sure == NULL
               ? davit_place_no_memory(proof)
               : DAVIT_OK;
}

static davit_status number_groups(const davit_place_proof *proof, davit_place_groups *groups)
{
    const davit_place_problem *p = proof->problem;
    uint32_t *leader = davit_arena_alloc_array(proof->arena, p->group_count, sizeof(uint32_t));
    if (leader == NULL) {
        return davit_place_no_memory(proof);
    }
    for (uint32_t v = 0; v < p->node_count; v++) {
        uint32_t group = p->nodes[v].group;
        /* leader holds the group's number and 1 */
        if (group != DAVIT_PLACE_NONE && leader[group] > 0) {
            groups->of_node[v] = leader[group] - 1;
            continue;
        }
        groups->of_node[v] = groups->count;
        groups->first[groups->count++] = v;
        if (group != DAVIT_PLACE_NONE) {
            leader[group] = groups->count;
        }
    }
    return DAVIT_OK;
}

static void add_nodes(const davit_place_proof *proof, davit_place_groups *groups)
{
    const davit_place_problem *p = proof->problem;
    for (uint32_t v = 0; v < p->node_count; v++) {
        uint32_t g = groups->of_node[v];
        groups->bytes[g] += p->nodes[v].bytes;
        groups->pinned[g] = groups->pinned[g] || p->nodes[v].pin != DAVIT_PLACE_NONE;
        for (uint32_t d = 0; d < p->device_count; d++) {
            groups->seconds[(size_t)g * p->device_count + d] +=
                p->node_seconds[(size_t)v * p->class_count + p->devices[d].device_class];
        }
    }
    for (uint32_t g = 0; g < groups->count; g++) {
        for (uint32_t d = 0; d < p->device_count; d++) {
            size_t at = (size_t)g * p->device_count + d;
            groups->sure[at] = groups->seconds[at];
            groups->allowed[at] = isfinite(groups->seconds[at]) &&
                                  (p->devices[d].discipline != DAVIT_PLACE_UNLIMITED ||
                                   proof->options->objective != DAVIT_PLACE_THROUGHPUT) &&
                                  davit_place_fits(groups->bytes[g], p->devices[d].memory_bytes);
        }
    }
    for (uint32_t v = 0; v < p->node_count; v++) {
        for (uint32_t d = 0; d < p->device_count; d++) {
            if (p->nodes[v].pin != DAVIT_PLACE_NONE && p->nodes[v].pin != d) {
                groups->allowed[(size_t)groups->of_node[v] * p->device_count + d] = false;
            }
        }
    }
}

static void add_copies(const davit_place_proof *proof, bool with_copies_in,
                       davit_place_groups *groups)
{
    const davit_place_problem *p = proof->problem;
    for (uint32_t i = 0; i < p->value_count; i++) {
        const davit_place_value *value = &p->values[i];
        bool out = value->producer != DAVIT_PLACE_NONE && value->to_host;
        bool in =
            value->producer == DAVIT_PLACE_NONE && value->consumer_count > 0 && with_copies_in;
        for (uint32_t d = 0; d < p->device_count && (in || out); d++) {
            size_t cost = (size_t)i * p->class_count + p->devices[d].device_class;
            uint32_t node = out ? value->producer : value->consumers[0];
            if (p->devices[d].discipline == DAVIT_PLACE_BLOCK) {
                groups->sure[(size_t)groups->of_node[node] * p->device_count + d] +=
                    out ? p->out_seconds[cost] : p->in_seconds[cost];
            }
        }
    }
}

davit_status davit_place_groups_make(const davit_place_proof *proof, bool with_copies_in,
                                     davit_place_groups *groups)
{
    davit_status status = allocate(proof, groups);
    if (status == DAVIT_OK) {
        status = number_groups(proof, groups);
    }
    if (status == DAVIT_OK) {
        add_nodes(proof, groups);
        add_copies(proof, with_copies_in, groups);
    }
    return status;
}

davit_status davit_place_read_order(const davit_place_proof *proof,
                                    const davit_place_groups *groups, uint32_t **order)
{
    const json_t *array = json_object_get(proof->json, "order");
    uint32_t count = groups->count;
    *order = davit_arena_alloc_array(proof->arena, count, sizeof(uint32_t));
    bool *seen = davit_arena_alloc_array(proof->arena, count, sizeof(bool));
    if (*order == NULL || seen == NULL) {
        return davit_place_no_memory(proof);
    }
    if (!json_is_array(array) || json_array_size(array) != count) {
        return davit_place_wrong(proof, "'order' does not name each group");
    }
    bool free_seen = false;
    for (uint32_t k = 0; k < count; k++) {
        const json_t *entry = json_array_get(array, k);
        json_int_t node = json_is_integer(entry) ? json_integer_value(entry) : -1;
        if (node < 0 || node >= proof->problem->node_count) {
            return davit_place_wrong(proof, "'order' names a node that does not exist");
        }
        uint32_t g = groups->of_node[node];
        if (groups->first[g] != (uint32_t)node || seen[g]) {
            return davit_place_wrong(proof, "'order' does not name each group once");
        }
        seen[g] = true;
        free_seen = free_seen || !groups->pinned[g];
        if (free_seen && groups->pinned[g]) {
            return davit_place_wrong(proof, "'order' has a pinned group after another");
        }
        (*order)[k] = g;
    }
    return DAVIT_OK;
}
