/* Each node where it is done soonest (or adds least): what people do by hand. */
#include "davit/place.h"

typedef struct greedy {
    const davit_place_problem *problem;
    davit_place_objective objective;
    uint32_t *device;       /* [node], DAVIT_PLACE_NONE before it is placed */
    uint32_t *group_device; /* [group], likewise */
    double *group_bytes;    /* [group]: of all its nodes */
    double *end_s;          /* [node] */
    double *free_s;         /* [device]: when it has done its nodes, or its load */
    double *bytes;          /* [device]: taken, groups counted when their first node is placed */
    uint32_t *producer_of;  /* [node]: first value that it reads, chained by next_read */
    struct reading *reads;
} greedy;

/* A value that a node reads. */
typedef struct reading {
    uint32_t value;
    uint32_t next; /* of the same node; DAVIT_PLACE_NONE: the last */
} reading;

static double node_seconds(const greedy *g, uint32_t node, uint32_t device)
{
    const davit_place_problem *problem = g->problem;
    return problem
        ->node_seconds[(size_t)node * problem->class_count + problem->devices[device].device_class];
}

/* When a value is in the memory of a device, alone on its way. */
static double arrival(const greedy *g, uint32_t value, uint32_t device)
{
    const davit_place_problem *problem = g->problem;
    const davit_place_value *v = &problem->values[value];
    const double *in = &problem->in_seconds[(size_t)value * problem->class_count];
    const double *out = &problem->out_seconds[(size_t)value * problem->class_count];
    double in_s = in[problem->devices[device].device_class];
    if (v->producer == DAVIT_PLACE_NONE) {
        return in_s;
    }
    uint32_t from = g->device[v->producer];
    double made = g->end_s[v->producer];
    return from == device ? made : made + out[problem->devices[from].device_class] + in_s;
}

/* When the node would end on the device, and by what devices are compared. */
static double end_on(const greedy *g, uint32_t node, uint32_t device)
{
    bool waits = g->problem->devices[device].discipline != DAVIT_PLACE_UNLIMITED;
    double start = waits ? g->free_s[device] : 0;
    for (uint32_t r = g->producer_of[node]; r != DAVIT_PLACE_NONE; r = g->reads[r].next) {
        start = fmax(start, arrival(g, g->reads[r].value, device));
    }
    return start + node_seconds(g, node, device);
}

static double merit(const greedy *g, uint32_t node, uint32_t device)
{
    const davit_place_problem *problem = g->problem;
    if (g->objective == DAVIT_PLACE_ENERGY && problem->node_joules != NULL) {
        return problem->node_joules[(size_t)node * problem->class_count +
                                    problem->devices[device].device_class];
    }
    return g->objective == DAVIT_PLACE_THROUGHPUT
               ? g->free_s[device] + node_seconds(g, node, device)
               : end_on(g, node, device);
}

static bool may_run(const greedy *g, uint32_t node, uint32_t device)
{
    const davit_place_node *n = &g->problem->nodes[node];
    double bytes = n->group != DAVIT_PLACE_NONE ? g->group_bytes[n->group] : n->bytes;
    return isfinite(node_seconds(g, node, device)) &&
           (n->pin == DAVIT_PLACE_NONE || n->pin == device) &&
           g->bytes[device] + bytes <= g->problem->devices[device].memory_bytes;
}

/* Where nothing fits, the first device that can run it: the simulator says what is wrong. */
static uint32_t choose(const greedy *g, uint32_t node)
{
    const davit_place_node *n = &g->problem->nodes[node];
    if (n->group != DAVIT_PLACE_NONE && g->group_device[n->group] != DAVIT_PLACE_NONE) {
        return g->group_device[n->group];
    }
    uint32_t best = DAVIT_PLACE_NONE;
    uint32_t any = 0;
    for (uint32_t d = g->problem->device_count; d-- > 0;) {
        if (isfinite(node_seconds(g, node, d))) {
            any = d;
        }
        if (may_run(g, node, d) &&
            (best == DAVIT_PLACE_NONE || merit(g, node, d) <= merit(g, node, best))) {
            best = d;
        }
    }
    return best != DAVIT_PLACE_NONE ? best : any;
}

static void place(greedy *g, uint32_t node)
{
    const davit_place_node *n = &g->problem->nodes[node];
    uint32_t device = choose(g, node);
    bool first_of_group =
        n->group != DAVIT_PLACE_NONE && g->group_device[n->group] == DAVIT_PLACE_NONE;
    if (n->group == DAVIT_PLACE_NONE || first_of_group) {
        g->bytes[device] += n->group != DAVIT_PLACE_NONE ? g->group_bytes[n->group] : n->bytes;
    }
    if (first_of_group) {
        g->group_device[n->group] = device;
    }
    g->device[node] = device;
    g->end_s[node] = end_on(g, node, device);
    g->free_s[device] = g->objective == DAVIT_PLACE_THROUGHPUT
                            ? g->free_s[device] + node_seconds(g, node, device)
                            : g->end_s[node];
}

static void prepare(greedy *g)
{
    const davit_place_problem *problem = g->problem;
    uint32_t next = 0;
    for (uint32_t n = 0; n < problem->node_count; n++) {
        g->producer_of[n] = DAVIT_PLACE_NONE;
        if (problem->nodes[n].group != DAVIT_PLACE_NONE) {
            g->group_device[problem->nodes[n].group] = DAVIT_PLACE_NONE;
            g->group_bytes[problem->nodes[n].group] += problem->nodes[n].bytes;
        }
    }
    for (uint32_t v = 0; v < problem->value_count; v++) {
        for (uint32_t c = 0; c < problem->values[v].consumer_count; c++) {
            uint32_t node = problem->values[v].consumers[c];
            g->reads[next] = (reading){.value = v, .next = g->producer_of[node]};
            g->producer_of[node] = next++;
        }
    }
}

static size_t count_reads(const davit_place_problem *problem)
{
    size_t count = 0;
    for (uint32_t v = 0; v < problem->value_count; v++) {
        count += problem->values[v].consumer_count;
    }
    return count;
}

davit_status davit_place_greedy(const davit_place_problem *problem,
                                const davit_place_options *options,
                                const davit_allocator *allocator, uint32_t *devices)
{
    davit_arena arena;
    davit_arena_init(&arena, allocator);
    greedy g = {
        .problem = problem,
        .objective = options->objective,
        .device = devices,
        .group_device = davit_arena_alloc_array(&arena, problem->group_count, sizeof(uint32_t)),
        .group_bytes = davit_arena_alloc_array(&arena, problem->group_count, sizeof(double)),
        .end_s = davit_arena_alloc_array(&arena, problem->node_count, sizeof(double)),
        .free_s = davit_arena_alloc_array(&arena, problem->device_count, sizeof(double)),
        .bytes = davit_arena_alloc_array(&arena, problem->device_count, sizeof(double)),
        .producer_of = davit_arena_alloc_array(&arena, problem->node_count, sizeof(uint32_t)),
        .reads = davit_arena_alloc_array(&arena, count_reads(problem), sizeof(reading))};
    davit_status status = DAVIT_OUT_OF_MEMORY;
    if (g.group_device != NULL && g.group_bytes != NULL && g.end_s != NULL && g.free_s != NULL &&
        g.bytes != NULL && g.producer_of != NULL && g.reads != NULL) {
        prepare(&g);
        for (uint32_t n = 0; n < problem->node_count; n++) {
            place(&g, n);
        }
        status = DAVIT_OK;
    }
    davit_arena_clear(&arena);
    return status;
}
