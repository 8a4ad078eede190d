#include "unit_problem.h"

#include <string.h>

#include "problem_hash.h"

typedef struct making {
    const davit_plan_request *request;
    const davit_diagnostics *diag;
    davit_unit_problem *made;
    davit_place_device *devices;
    davit_place_value *values;
    double *in_seconds, *out_seconds, *copy_joules;
    uint32_t *consumers; /* of all values, one list after the other */
} making;

static davit_status out_of_memory(const making *m)
{
    return davit_fail(m->diag, DAVIT_OUT_OF_MEMORY, "out of memory for placing %zu units",
                      m->request->graph->unit_count);
}

static davit_cost_device cost_device(const davit_plan_device *device)
{
    return (davit_cost_device){device->backend, &device->info.profile, device->cost_key};
}

static bool interchangeable(const davit_plan_device *a, const davit_plan_device *b)
{
    return a->backend == b->backend && strcmp(a->cost_key, b->cost_key) == 0 &&
           davit_candidate_weighed(a) &&
           memcmp(&a->info.profile, &b->info.profile, sizeof(a->info.profile)) == 0;
}

static void fill_devices(const making *m, uint32_t *class_count)
{
    *class_count = 0;
    for (size_t d = 0; d < m->request->device_count; d++) {
        const davit_plan_device *device = &m->request->devices[d];
        const davit_device_profile *profile = &device->info.profile;
        const davit_cost_device costs = cost_device(device);
        davit_cost_estimate submission;
        davit_cost_submit(m->request->cost, &costs, &submission);
        size_t like = 0;
        while (like < d && !interchangeable(&m->request->devices[like], device)) {
            like++;
        }
        m->devices[d] = (davit_place_device){
            .name = device->info.name,
            .device_class = like < d ? m->devices[like].device_class : (*class_count)++,
            .discipline = DAVIT_PLACE_IN_ORDER,
            .memory_bytes =
                profile->memory_bytes > 0 ? (double)profile->memory_bytes : (double)INFINITY,
            .idle_watts = profile->power.idle_watts,
            .use_seconds =
                (double)profile->fpga.reconfigure_ns * 1e-9 / (double)m->request->inference_count};
    }
}

/* Weights stay on the device; outputs are there for an inference. */
static double unit_memory(const davit_graph *graph, const davit_unit *unit)
{
    double bytes = (double)unit->bytes;
    for (uint32_t i = 0; i < unit->input_count; i++) {
        bytes -= (double)davit_tensor_desc_bytes(&graph->values[unit->inputs[i]].desc);
    }
    return bytes > 0 ? bytes : 0;
}

void davit_unit_problem_choose(davit_unit_problem *problem, uint32_t unit, const bool *allowed,
                               uint32_t pin)
{
    size_t devices = problem->problem.device_count;
    size_t classes = problem->problem.class_count;
    problem->nodes[unit].pin = pin;
    for (size_t c = 0; c < classes; c++) {
        problem->node_seconds[unit * classes + c] = (double)INFINITY;
        problem->node_joules[unit * classes + c] = 0;
    }
    for (size_t d = 0; d < devices; d++) {
        const davit_cost_estimate *estimate = &problem->estimates[unit * devices + d];
        size_t cell = unit * classes + problem->problem.devices[d].device_class;
        if (allowed[d]) {
            problem->node_seconds[cell] = estimate->seconds;
            problem->node_joules[cell] = estimate->joules;
        }
    }
}

static davit_status fill_unit(const making *m, uint32_t u)
{
    const davit_graph *graph = m->request->graph;
    davit_unit_problem *made = m->made;
    size_t devices = m->request->device_count;
    made->nodes[u] = (davit_place_node){.name = graph->units[u].name,
                                        .bytes = unit_memory(graph, &graph->units[u]),
                                        .group = DAVIT_PLACE_NONE};
    for (size_t d = 0; d < devices; d++) {
        davit_cost_estimate *estimate = &made->estimates[u * devices + d];
        estimate->seconds = (double)INFINITY;
        if (!made->candidates.supported[u * devices + d]) {
            continue;
        }
        const davit_cost_device device = cost_device(&m->request->devices[d]);
        davit_status status =
            davit_cost_unit(m->request->cost, &device, graph, &graph->units[u], estimate);
        if (status != DAVIT_OK) {
            return davit_fail(m->diag, status, "unit '%s': its cost on %s is unknown",
                              graph->units[u].name, m->request->devices[d].info.name);
        }
    }
    davit_unit_problem_choose(made, u, &made->candidates.allowed[u * devices],
                              made->candidates.pins[u]);
    return DAVIT_OK;
}

/* The value's place in the problem's list; it is exchanged between units, or comes from the host.
 */
static void fill_copies(const making *m, uint32_t value, davit_value_id id)
{
    const davit_value *from = &m->request->graph->values[id];
    const davit_tensor_desc *desc = &from->desc;
    const davit_cost_way way = from->is_input ? DAVIT_COST_INPUT : DAVIT_COST_TO_DEVICE;
    size_t classes = m->made->problem.class_count;
    for (size_t d = 0; d < m->request->device_count; d++) {
        const davit_cost_device device = cost_device(&m->request->devices[d]);
        size_t cell = value * classes + m->devices[d].device_class;
        davit_cost_estimate in, out;
        davit_cost_copy(m->request->cost, &device, desc, way, &in);
        davit_cost_copy(m->request->cost, &device, desc, DAVIT_COST_TO_HOST, &out);
        m->in_seconds[cell] = in.seconds;
        m->out_seconds[cell] = out.seconds;
        m->copy_joules[cell] = in.joules > out.joules ? in.joules : out.joules;
    }
}

/* Lists the values that units read or make, in the order of the graph, with room for the consumers
 * of each. place[v] becomes the index of graph value v. */
static davit_status list_values(making *m, uint32_t *place)
{
    const davit_graph *graph = m->request->graph;
    size_t total = 0;
    for (size_t u = 0; u < graph->unit_count; u++) {
        total += graph->units[u].input_count;
    }
    m->consumers = davit_arena_alloc_array(&m->made->arena, total, sizeof(uint32_t));
    uint32_t *counts =
        davit_arena_alloc_array(&m->made->arena, graph->value_count, sizeof(*counts));
    if (m->consumers == NULL || counts == NULL) {
        return out_of_memory(m);
    }
    for (size_t u = 0; u < graph->unit_count; u++) {
        for (uint32_t i = 0; i < graph->units[u].input_count; i++) {
            counts[graph->units[u].inputs[i]]++;
        }
        for (uint32_t o = 0; o < graph->units[u].output_count; o++) {
            m->made->values[m->made->problem.value_count++] = graph->units[u].outputs[o];
        }
    }
    for (size_t i = 0; i < graph->input_count; i++) {
        if (counts[graph->inputs[i]] > 0) {
            m->made->values[m->made->problem.value_count++] = graph->inputs[i];
        }
    }
    uint32_t *next = m->consumers;
    for (uint32_t v = 0; v < m->made->problem.value_count; v++) {
        davit_value_id id = m->made->values[v];
        const davit_value *value = &graph->values[id];
        place[id] = v;
        m->values[v] = (davit_place_value){.producer = DAVIT_PLACE_NONE,
                                           .to_host = value->is_output,
                                           .consumers = next,
                                           .bytes = (double)davit_tensor_desc_bytes(&value->desc)};
        next += counts[id];
        fill_copies(m, v, id);
    }
    return DAVIT_OK;
}

static davit_status fill_values(making *m)
{
    const davit_graph *graph = m->request->graph;
    uint32_t *place = davit_arena_alloc_array(&m->made->arena, graph->value_count, sizeof(*place));
    davit_status status = place != NULL ? list_values(m, place) : out_of_memory(m);
    for (uint32_t u = 0; status == DAVIT_OK && u < graph->unit_count; u++) {
        const davit_unit *unit = &graph->units[u];
        for (uint32_t o = 0; o < unit->output_count; o++) {
            m->values[place[unit->outputs[o]]].producer = u;
        }
        for (uint32_t i = 0; i < unit->input_count; i++) {
            davit_place_value *value = &m->values[place[unit->inputs[i]]];
            m->consumers[(size_t)(value->consumers - m->consumers) + value->consumer_count++] = u;
        }
    }
    return status;
}

/* An upper bound of how many values the problem has. */
static size_t count_values(const davit_graph *graph)
{
    size_t count = graph->input_count;
    for (size_t u = 0; u < graph->unit_count; u++) {
        count += graph->units[u].output_count;
    }
    return count;
}

static davit_status allocate(making *m)
{
    davit_arena *arena = &m->made->arena;
    size_t units = m->request->graph->unit_count;
    size_t devices = m->request->device_count;
    size_t values = count_values(m->request->graph);
    if (units >= UINT32_MAX || values >= UINT32_MAX / devices || units >= UINT32_MAX / devices) {
        return out_of_memory(m);
    }
    m->devices = davit_arena_alloc_array(arena, devices, sizeof(*m->devices));
    m->made->nodes = davit_arena_alloc_array(arena, units, sizeof(davit_place_node));
    m->values = davit_arena_alloc_array(arena, values, sizeof(*m->values));
    m->made->node_seconds = davit_arena_alloc_array(arena, units * devices, sizeof(double));
    m->made->node_joules = davit_arena_alloc_array(arena, units * devices, sizeof(double));
    m->in_seconds = davit_arena_alloc_array(arena, values * devices, sizeof(double));
    m->out_seconds = davit_arena_alloc_array(arena, values * devices, sizeof(double));
    m->copy_joules = davit_arena_alloc_array(arena, values * devices, sizeof(double));
    m->made->values = davit_arena_alloc_array(arena, values, sizeof(davit_value_id));
    m->made->estimates =
        davit_arena_alloc_array(arena, units * devices, sizeof(davit_cost_estimate));
    if (m->devices == NULL || m->made->nodes == NULL || m->values == NULL ||
        m->made->node_seconds == NULL || m->made->node_joules == NULL || m->in_seconds == NULL ||
        m->out_seconds == NULL || m->copy_joules == NULL || m->made->values == NULL ||
        m->made->estimates == NULL) {
        return out_of_memory(m);
    }
    return DAVIT_OK;
}

static davit_status make(making *m)
{
    davit_status status =
        davit_candidates_find(m->request, &m->made->arena, m->diag, &m->made->candidates);
    if (status == DAVIT_OK) {
        status = allocate(m);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    davit_place_problem *problem = &m->made->problem;
    fill_devices(m, &problem->class_count);
    problem->node_count = (uint32_t)m->request->graph->unit_count;
    problem->device_count = (uint32_t)m->request->device_count;
    problem->devices = m->devices;
    problem->nodes = m->made->nodes;
    problem->values = m->values;
    problem->node_seconds = m->made->node_seconds;
    problem->node_joules = m->made->node_joules;
    problem->in_seconds = m->in_seconds;
    problem->out_seconds = m->out_seconds;
    problem->copy_joules = m->copy_joules;
    for (uint32_t u = 0; status == DAVIT_OK && u < problem->node_count; u++) {
        status = fill_unit(m, u);
    }
    if (status == DAVIT_OK) {
        status = fill_values(m);
    }
    return status;
}

davit_status davit_unit_problem_make(const davit_allocator *allocator,
                                     const davit_plan_request *request,
                                     const davit_diagnostics *diag, davit_unit_problem *out)
{
    memset(out, 0, sizeof(*out));
    davit_arena_init(&out->arena, allocator);
    making m = {.request = request, .diag = diag, .made = out};
    davit_status status = make(&m);
    if (status == DAVIT_OK) {
        davit_problem_hash(&out->problem, out->sha256);
    }
    return status;
}

void davit_unit_problem_clear(davit_unit_problem *problem)
{
    davit_arena_clear(&problem->arena);
    memset(problem, 0, sizeof(*problem));
}
