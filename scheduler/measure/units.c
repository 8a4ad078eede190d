#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "davit/measure.h"

#define FEWEST_SAMPLES 3
#define TURN 4       /* runs of a network that are kept, one after the other */
#define LEAST_S 1e-9 /* what a clock of nanoseconds shows as 0 */

/* What is collected of one network. */
typedef struct probe {
    const davit_measured_network *network;
    uint32_t runs;
    double *unit_s;   /* [units][max_runs] */
    double *submit_s; /* [max_runs] */
} probe;

/* One measured unit. */
typedef struct finding {
    const char *key;
    char signature[DAVIT_SIGNATURE_HEX];
    davit_measurement measurement;
    davit_work work;
} finding;

typedef struct measuring {
    const davit_measure_limits *limits;
    davit_arena arena;
    size_t count;
    probe *probes;
    size_t finding_count;
    finding *findings;
} measuring;

/* ---- running ---- */

static davit_status take_run(const measuring *m, probe *p, bool keep)
{
    davit_run_record record = {0};
    davit_status status = p->network->run(p->network->user, &record);
    if (status != DAVIT_OK || !keep) {
        return status;
    }
    uint64_t inside_ns = record.transfer_ns;
    for (size_t u = 0; u < record.unit_count; u++) {
        p->unit_s[u * m->limits->max_runs + p->runs] = (double)record.unit_ns[u] * 1e-9;
        inside_ns += record.unit_ns[u];
    }
    uint64_t beside_ns = record.total_ns > inside_ns ? record.total_ns - inside_ns : 0;
    p->submit_s[p->runs++] = (double)beside_ns * 1e-9;
    return DAVIT_OK;
}

static bool stopped(const measuring *m)
{
    return m->limits->stopped != NULL && m->limits->stopped(m->limits->user);
}

/* One turn of a network: a run that fills the caches, which those before it have taken, then runs
 * that are kept. Sets *over when no further run may begin. */
static davit_status take_turn(const measuring *m, probe *p, uint64_t deadline_ns, bool *over)
{
    const davit_measure_limits *limits = m->limits;
    davit_status status = DAVIT_OK;
    for (uint32_t i = 0; i <= TURN && p->runs < limits->max_runs && status == DAVIT_OK; i++) {
        bool enough = p->runs >= limits->min_runs;
        if (stopped(m) || (enough && davit_clock_ns() > deadline_ns)) {
            *over = true;
            return DAVIT_OK;
        }
        status = take_run(m, p, i > 0);
    }
    return status;
}

static davit_status run_all(measuring *m)
{
    const davit_measure_limits *limits = m->limits;
    uint64_t deadline_ns = davit_deadline_after(limits->budget_ns);
    for (uint32_t round = 0; round * TURN < limits->max_runs; round++) {
        bool over = m->count > 0;
        for (size_t i = 0; i < m->count; i++) {
            bool ended = false;
            davit_status status = take_turn(m, &m->probes[i], deadline_ns, &ended);
            if (status != DAVIT_OK) {
                return status;
            }
            over = over && ended;
        }
        if (over) {
            break;
        }
    }
    return DAVIT_OK;
}

/* ---- summing up ---- */

static davit_measurement summarise(double *samples_s, uint32_t count)
{
    davit_measurement result = davit_measurement_of(samples_s, count);
    result.median_s = fmax(result.median_s, LEAST_S);
    return result;
}

/* The keys of a network's devices. */
static const char **device_keys(measuring *m, const davit_measured_network *network)
{
    const davit_plan *plan = network->plan;
    const char **keys = davit_arena_alloc_array(&m->arena, plan->device_count, sizeof(*keys));
    for (size_t d = 0; keys != NULL && d < plan->device_count; d++) {
        const davit_plan_device *device = &plan->devices[d];
        char *key = davit_arena_alloc(&m->arena, DAVIT_DEVICE_KEY_BYTES);
        if (key == NULL) {
            return NULL;
        }
        keys[d] = davit_device_key(device->backend, &device->info, network->threads, key);
    }
    return keys;
}

/* What lies beside the units of a run is shared out among its programs. */
static davit_measurement submission_of(probe *p)
{
    const davit_plan *plan = p->network->plan;
    size_t programs = 0;
    for (size_t u = 0; u < plan->unit_count; u++) {
        programs += u == 0 || plan->units[u].device != plan->units[u - 1].device;
    }
    for (uint32_t r = 0; r < p->runs; r++) {
        p->submit_s[r] /= (double)programs;
    }
    return summarise(p->submit_s, p->runs);
}

static davit_status collect(measuring *m, probe *p)
{
    const davit_measured_network *network = p->network;
    const davit_graph *graph = network->graph;
    if (p->runs < FEWEST_SAMPLES || graph->unit_count == 0) {
        return DAVIT_OK;
    }
    const char **keys = device_keys(m, network);
    if (keys == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t u = 0; u < graph->unit_count; u++) {
        finding *f = &m->findings[m->finding_count++];
        f->key = keys[network->plan->units[u].device];
        f->measurement = summarise(p->unit_s + u * m->limits->max_runs, p->runs);
        davit_unit_signature(graph, &graph->units[u], f->signature);
        davit_unit_work(graph, &graph->units[u], &f->work);
    }
    finding *f = &m->findings[m->finding_count++];
    f->key = keys[network->plan->units[0].device];
    f->measurement = submission_of(p);
    strcpy(f->signature, DAVIT_SUBMISSION);
    return DAVIT_OK;
}

static int by_unit(const void *a, const void *b)
{
    const finding *x = a;
    const finding *y = b;
    int order = strcmp(x->key, y->key);
    order = order != 0 ? order : strcmp(x->signature, y->signature);
    if (order == 0) { /* the sum does not depend on the order in which qsort leaves equal ones */
        order = (x->measurement.median_s > y->measurement.median_s) -
                (x->measurement.median_s < y->measurement.median_s);
    }
    return order;
}

/* The mean of findings of one unit. */
static davit_measurement merge(const finding *findings, size_t count)
{
    davit_measurement sum = {0};
    for (size_t i = 0; i < count; i++) {
        sum.median_s += findings[i].measurement.median_s / (double)count;
        sum.spread_s += findings[i].measurement.spread_s / (double)count;
        sum.count += findings[i].measurement.count;
        sum.dropped += findings[i].measurement.dropped;
    }
    return sum;
}

static davit_status put_all(measuring *m, davit_store *store, size_t *units)
{
    qsort(m->findings, m->finding_count, sizeof(*m->findings), by_unit);
    for (size_t i = 0, next; i < m->finding_count; i = next) {
        const finding *f = &m->findings[i];
        for (next = i + 1; next < m->finding_count; next++) {
            if (strcmp(m->findings[next].key, f->key) != 0 ||
                strcmp(m->findings[next].signature, f->signature) != 0) {
                break;
            }
        }
        davit_measurement merged = merge(f, next - i);
        davit_status status = davit_store_put(store, f->key, f->signature, &merged, &f->work);
        if (status != DAVIT_OK) {
            return status;
        }
        *units += f->work.kind[0] != '\0';
    }
    return DAVIT_OK;
}

/* ---- all of it ---- */

static davit_status prepare(measuring *m, const davit_measured_network *networks)
{
    size_t units = 0;
    m->probes = davit_arena_alloc_array(&m->arena, m->count, sizeof(*m->probes));
    for (size_t i = 0; m->probes != NULL && i < m->count; i++) {
        size_t samples;
        probe *p = &m->probes[i];
        p->network = &networks[i];
        if (!davit_mul_size(networks[i].graph->unit_count, m->limits->max_runs, &samples)) {
            return DAVIT_OUT_OF_MEMORY;
        }
        p->unit_s = davit_arena_alloc_array(&m->arena, samples, sizeof(double));
        p->submit_s = davit_arena_alloc_array(&m->arena, m->limits->max_runs, sizeof(double));
        if (p->unit_s == NULL || p->submit_s == NULL) {
            return DAVIT_OUT_OF_MEMORY;
        }
        units += networks[i].graph->unit_count;
    }
    m->findings = davit_arena_alloc_array(&m->arena, units + m->count, sizeof(*m->findings));
    return m->probes != NULL && m->findings != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
}

davit_status davit_measure_networks(const davit_measured_network *networks, size_t count,
                                    const davit_measure_limits *limits, davit_store *store,
                                    const davit_allocator *allocator, const davit_diagnostics *diag,
                                    size_t *units)
{
    size_t unused = 0;
    measuring m = {.limits = limits, .count = count};
    davit_arena_init(&m.arena, allocator);
    davit_status status = prepare(&m, networks);
    if (status == DAVIT_OK) {
        status = run_all(&m);
    } else {
        (void)davit_fail(diag, status, "out of memory for measurements");
    }
    /* A failed network does not spoil what the others showed. */
    for (size_t i = 0; m.findings != NULL && i < count; i++) {
        if (collect(&m, &m.probes[i]) != DAVIT_OK && status == DAVIT_OK) {
            status = davit_fail(diag, DAVIT_OUT_OF_MEMORY, "out of memory for measurements");
        }
    }
    units = units != NULL ? units : &unused;
    *units = 0;
    davit_status kept = m.findings != NULL ? put_all(&m, store, units) : status;
    davit_arena_clear(&m.arena);
    return status != DAVIT_OK ? status : kept;
}
