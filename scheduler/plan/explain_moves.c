#include "explain_moves.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "plan_parts.h"
#include "predict.h"

enum { MAX_WORKERS = 64 };

typedef struct moving {
    const davit_plan_request *request;
    const davit_plan *plan;
    const davit_explain_options *options;
    davit_plan_explanation *explanation;
    pthread_mutex_t lock; /* of what follows */
    size_t next;          /* cell of the explanation's moves */
    size_t done, count;   /* solutions */
    davit_status status;
} moving;

static bool to_solve(const moving *m, size_t cell)
{
    size_t devices = m->plan->device_count;
    const davit_plan_unit *unit = &m->plan->units[cell / devices];
    return m->explanation->moves[cell].supported && unit->device != cell % devices &&
           strcmp(unit->reason, DAVIT_REASON_PINNED) != 0;
}

/* The next move to solve, or the number of moves. Tells the progress. */
static size_t take(moving *m)
{
    size_t cells = m->plan->unit_count * m->plan->device_count;
    pthread_mutex_lock(&m->lock);
    size_t cell = m->status == DAVIT_OK ? m->next : cells;
    while (cell < cells && !to_solve(m, cell)) {
        cell++;
    }
    m->next = cell;
    if (cell < cells) {
        m->next++;
        m->done++;
        if (m->options != NULL && m->options->progress != NULL) {
            m->options->progress(m->options->progress_user, m->done, m->count);
        }
    }
    pthread_mutex_unlock(&m->lock);
    return cell;
}

static davit_status solve_pinned(const moving *m, davit_unit_problem *made, size_t cell, bool *only)
{
    const davit_candidates *candidates = &made->candidates;
    const davit_place_options options = davit_plan_place_options(m->request);
    uint32_t unit = (uint32_t)(cell / candidates->device_count);
    uint32_t device = (uint32_t)(cell % candidates->device_count);
    davit_diagnostics_buffer quiet;
    davit_diagnostics_buffer_init(&quiet);
    only[device] = true;
    davit_unit_problem_choose(made, unit, only, device);
    davit_placement placement;
    davit_status status =
        davit_place_solve(&made->problem, &options, made->arena.allocator, &quiet.sink, &placement);
    only[device] = false;
    davit_unit_problem_choose(made, unit, &candidates->allowed[cell - device],
                              candidates->pins[unit]);
    double *moved = &m->explanation->moves[cell].moved;
    *moved = (double)INFINITY;
    if (status == DAVIT_OK) {
        *moved = placement.objective;
        davit_placement_clear(&placement);
    }
    return status == DAVIT_UNSUPPORTED ? DAVIT_OK : status;
}

static davit_status simulate_moved(const moving *m, davit_unit_problem *made, size_t cell,
                                   bool *only, uint32_t *devices)
{
    const davit_candidates *candidates = &made->candidates;
    uint32_t unit = (uint32_t)(cell / candidates->device_count);
    uint32_t device = (uint32_t)(cell % candidates->device_count);
    double *moved = &m->explanation->moves[cell].moved;
    only[device] = true;
    davit_unit_problem_choose(made, unit, only, device);
    davit_place_timeline timeline;
    davit_place_fault fault;
    devices[unit] = device;
    davit_status status = davit_place_simulate(&made->problem, devices, false,
                                               made->arena.allocator, &timeline, &fault);
    devices[unit] = m->plan->units[unit].device;
    only[device] = false;
    davit_unit_problem_choose(made, unit, &candidates->allowed[cell - device],
                              candidates->pins[unit]);
    if (status == DAVIT_OK) {
        *moved = fault == DAVIT_PLACE_FEASIBLE
                     ? davit_timeline_objective(&timeline, m->request->objective)
                     : (double)INFINITY;
        davit_place_timeline_clear(&timeline);
    }
    return status;
}

static davit_status work_with(moving *m, davit_unit_problem *made)
{
    size_t cells = m->plan->unit_count * m->plan->device_count;
    bool *only = davit_arena_alloc_array(&made->arena, m->plan->device_count, sizeof(*only));
    uint32_t *devices =
        davit_arena_alloc_array(&made->arena, m->plan->unit_count, sizeof(*devices));
    if (only == NULL || devices == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t u = 0; u < m->plan->unit_count; u++) {
        devices[u] = m->plan->units[u].device;
    }
    davit_status status = DAVIT_OK;
    while (status == DAVIT_OK) {
        size_t cell = take(m);
        if (cell == cells) {
            break;
        }
        status = m->options != NULL && m->options->alone
                     ? simulate_moved(m, made, cell, only, devices)
                     : solve_pinned(m, made, cell, only);
    }
    return status;
}

static void *work(void *user)
{
    moving *m = user;
    davit_unit_problem made;
    davit_diagnostics_buffer quiet;
    davit_diagnostics_buffer_init(&quiet);
    davit_status status =
        davit_unit_problem_make(m->explanation->arena.allocator, m->request, &quiet.sink, &made);
    if (status == DAVIT_OK) {
        status = work_with(m, &made);
    }
    davit_unit_problem_clear(&made);
    pthread_mutex_lock(&m->lock);
    m->status = m->status == DAVIT_OK ? status : m->status;
    pthread_mutex_unlock(&m->lock);
    return NULL;
}

static size_t count_workers(const moving *m)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t count = cores > 0 ? (size_t)cores : 1;
    count = count < MAX_WORKERS ? count : MAX_WORKERS;
    return count < m->count ? count : m->count;
}

davit_status davit_explain_moves(const davit_plan_request *request, const davit_plan *plan,
                                 const davit_explain_options *options,
                                 const davit_diagnostics *diag, davit_plan_explanation *explanation)
{
    moving m = {.request = request, .plan = plan, .options = options, .explanation = explanation};
    for (size_t cell = 0; cell < plan->unit_count * plan->device_count; cell++) {
        m.count += to_solve(&m, cell);
    }
    pthread_t workers[MAX_WORKERS];
    size_t started = 0;
    pthread_mutex_init(&m.lock, NULL);
    for (size_t count = count_workers(&m); started + 1 < count; started++) {
        if (pthread_create(&workers[started], NULL, work, &m) != 0) {
            break; /* those that run do it all */
        }
    }
    if (m.count > 0) {
        work(&m);
    }
    for (size_t i = 0; i < started; i++) {
        pthread_join(workers[i], NULL);
    }
    pthread_mutex_destroy(&m.lock);
    return m.status == DAVIT_OK ? DAVIT_OK
                                : davit_fail(diag, m.status, "cannot explain the plan: %s",
                                             davit_status_text(m.status));
}
