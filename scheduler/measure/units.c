#include <stdlib.h>
#include <string.h>

#include "findings.h"

#define FEWEST_SAMPLES 3
#define TURN 4 /* runs of a network that are kept, one after the other */

/* What is collected of one network. */
typedef struct probe {
    const davit_measured_network *network;
    uint32_t runs;
    double *unit_s;   /* [units][max_runs] */
    double *submit_s; /* [max_runs] */
} probe;

typedef struct measuring {
    const davit_measure_limits *limits;
    davit_arena arena;
    size_t count;
    probe *probes;
    size_t finding_count;
    davit_finding *findings;
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
    return davit_finding_measure(p->submit_s, p->runs);
}

static davit_status collect(measuring *m, probe *p)
{
    const davit_measured_network *network = p->network;
    const davit_graph *graph = network->graph;
    if (p->runs < FEWEST_SAMPLES || graph->unit_count == 0) {
        return DAVIT_OK;
    }
    const char **keys = davit_finding_keys(&m->arena, network->plan, network->threads);
    if (keys == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t u = 0; u < graph->unit_count; u++) {
        davit_finding *f = &m->findings[m->finding_count++];
        davit_finding_of_unit(graph, (davit_unit_id)u, f);
        f->key = keys[network->plan->units[u].device];
        f->measurement = davit_finding_measure(p->unit_s + u * m->limits->max_runs, p->runs);
    }
    davit_finding *f = &m->findings[m->finding_count++];
    f->key = keys[network->plan->units[0].device];
    f->measurement = submission_of(p);
    strcpy(f->signature, DAVIT_SUBMISSION);
    return DAVIT_OK;
}

static davit_status put_all(measuring *m, davit_store *store, size_t *units)
{
    m->finding_count = davit_findings_merge(m->findings, m->finding_count);
    for (size_t i = 0; i < m->finding_count; i++) {
        const davit_finding *f = &m->findings[i];
        davit_status status =
            davit_store_put(store, f->key, f->signature, &f->measurement, &f->work);
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
