/* The form branches of certificate.md: all placements, group by group. */
#include "check_paths.h"

#include "davit/simulate.h"

#define MOST_WORK 4000000000u /* readers, groups and devices looked at: about a minute */
#define MOST_GROUPS 2000      /* the depth of recursion */

typedef struct descent {
    const davit_place_proof *proof;
    davit_place_groups groups;
    davit_place_paths paths;
    uint32_t *order;
    uint32_t *at;             /* [group] */
    uint32_t *device;         /* [node] of a whole placement */
    uint64_t work, work_left; /* of one branch; of all */
    bool reached;             /* a placement below what is claimed */
} descent;

static double below_claim(const descent *s)
{
    return s->proof->claimed * (1.0 - DAVIT_PLACE_TOLERANCE);
}

/* Whether nothing under this branch is below what is claimed, or all of it breaks a limit. */
static bool is_closed(descent *s)
{
    const davit_place_problem *p = s->proof->problem;
    const davit_place_options *options = s->proof->options;
    for (uint32_t d = 0; d < p->device_count; d++) {
        double bytes = 0.0;
        for (uint32_t g = 0; g < s->groups.count; g++) {
            bytes += s->at[g] == d ? s->groups.bytes[g] : 0.0;
        }
        if (!davit_place_fits(bytes, p->devices[d].memory_bytes * (1.0 + DAVIT_PLACE_TOLERANCE))) {
            return true;
        }
    }
    double latency = davit_place_paths_latency(&s->paths, s->at);
    if (options->objective != DAVIT_PLACE_ENERGY) {
        return latency >= below_claim(s);
    }
    return latency > options->latency_limit_s * (1.0 + DAVIT_PLACE_TOLERANCE) ||
           davit_place_paths_joules(&s->paths, s->at, latency) >= below_claim(s);
}

/* Everything is placed: what it costs, by the simulator that defines it. */
static davit_status try_whole(descent *s)
{
    const davit_place_proof *proof = s->proof;
    for (uint32_t v = 0; v < proof->problem->node_count; v++) {
        s->device[v] = s->at[s->groups.of_node[v]];
    }
    davit_place_timeline timeline;
    davit_place_fault fault;
    if (davit_place_simulate(proof->problem, s->device, false, proof->arena->allocator, &timeline,
                             &fault) != DAVIT_OK) {
        return davit_place_no_memory(proof);
    }
    bool energy = proof->options->objective == DAVIT_PLACE_ENERGY;
    double cost = energy ? timeline.joules : timeline.latency_s;
    bool late = energy && timeline.latency_s > proof->options->latency_limit_s;
    s->reached = s->reached || (fault == DAVIT_PLACE_FEASIBLE && !late && cost < below_claim(s));
    davit_place_timeline_clear(&timeline);
    return DAVIT_OK;
}

/* An empty device stands for those of its class after it that are empty too. */
static bool has_empty_twin(const descent *s, uint32_t device)
{
    const davit_place_device *devices = s->proof->problem->devices;
    bool empty[2] = {true, true};
    for (uint32_t d = 0; d < device; d++) {
        if (devices[d].device_class != devices[device].device_class) {
            continue;
        }
        empty[0] = empty[1] = true;
        for (uint32_t g = 0; g < s->groups.count; g++) {
            empty[0] = empty[0] && s->at[g] != d;
            empty[1] = empty[1] && s->at[g] != device;
        }
        if (empty[0] && empty[1]) {
            return true;
        }
    }
    return false;
}

static uint64_t work_of_branch(const descent *s)
{
    const davit_place_problem *p = s->proof->problem;
    uint64_t reads = p->node_count;
    for (uint32_t i = 0; i < p->value_count; i++) {
        reads += p->values[i].consumer_count;
    }
    return p->device_count * (s->groups.count + reads * p->device_count) + 1;
}

static davit_status descend(descent *s, uint32_t depth);

static davit_status branch(descent *s, uint32_t depth, uint32_t device)
{
    uint32_t group = s->order[depth];
    if (s->work_left < s->work) {
        return davit_place_too_large(s->proof);
    }
    s->work_left -= s->work;
    s->at[group] = device;
    davit_status status = DAVIT_OK;
    if (!is_closed(s)) {
        status = depth + 1 == s->groups.count ? try_whole(s) : descend(s, depth + 1);
    }
    s->at[group] = DAVIT_PLACE_NONE;
    return status;
}

static davit_status descend(descent *s, uint32_t depth)
{
    uint32_t group = s->order[depth];
    uint32_t devices = s->proof->problem->device_count;
    davit_status status = DAVIT_OK;
    for (uint32_t d = 0; d < devices && status == DAVIT_OK && !s->reached; d++) {
        if (s->groups.allowed[(size_t)group * devices + d] &&
            (s->groups.pinned[group] || !has_empty_twin(s, d))) {
            status = branch(s, depth, d);
        }
    }
    return status;
}

davit_status davit_place_check_branches(const davit_place_proof *proof, double *proved)
{
    descent s = {.proof = proof};
    davit_status status = davit_place_groups_make(proof, false, &s.groups);
    if (status == DAVIT_OK) {
        status = davit_place_read_order(proof, &s.groups, &s.order);
    }
    if (status == DAVIT_OK) {
        status = davit_place_paths_make(proof, &s.groups, &s.paths);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    if (s.groups.count > MOST_GROUPS) {
        return davit_place_too_large(proof);
    }
    s.at = davit_arena_alloc_array(proof->arena, s.groups.count, sizeof(*s.at));
    s.device = davit_arena_alloc_array(proof->arena, proof->problem->node_count, sizeof(*s.device));
    if (s.at == NULL || s.device == NULL) {
        return davit_place_no_memory(proof);
    }
    for (uint32_t g = 0; g < s.groups.count; g++) {
        s.at[g] = DAVIT_PLACE_NONE;
    }
    s.work = work_of_branch(&s);
    s.work_left = MOST_WORK;
    status = s.groups.count > 0 ? descend(&s, 0) : DAVIT_OK;
    if (status == DAVIT_OK && s.reached) {
        status = davit_place_wrong(proof, "a placement is below its bound");
    }
    *proved = s.groups.count > 0 ? proof->claimed : 0.0;
    return status;
}
