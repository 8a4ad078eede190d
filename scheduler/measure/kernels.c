/* Which kernels are fastest, unit by unit: from the rule's, one kind of unit after the other gets
 * another kernel, and keeps it where that is clearly faster, in the whole program. Kinds that lie
 * apart are tried at once. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_trials.h"

#define CLEARLY 0.97       /* a kernel that takes less than that part of the other's time */
#define MOST_DISAGREEING 1 /* of DAVIT_TURNS */
#define SHORT_S 300e-6     /* units below that are tried on one thread, */
#define LEAST_S 2e-6       /* above that */
#define MOST_NAMES 16

/* Units of one signature. */
typedef struct kind {
    char signature[DAVIT_SIGNATURE_HEX];
    size_t first; /* position of one of them */
    size_t units;
    bool *own;  /* [units of the spec] */
    bool *near; /* those, and whoever reads what they make, and whoever reads that */
    const char *names[MOST_NAMES];
    size_t name_count;
    size_t tried;     /* of names */
    const char *best; /* NULL: the rule's */
    double seconds;   /* of one unit, with the best */
    davit_kernel_choice choice;
    bool measured;
    const char *trying; /* in the trial at work; NULL: nothing */
} kind;

typedef struct search {
    const davit_kernel_request *request;
    davit_arena arena;
    uint64_t deadline_ns;
    davit_trials trials;
    davit_trial rule, best;
    size_t kind_count;
    kind *kinds;
} search;

bool davit_measure_is_faster(const double *before_s, const double *after_s, size_t turns)
{
    size_t clearly = 0, not_at_all = 0;
    for (size_t i = 0; i < turns; i++) {
        clearly += after_s[i] < CLEARLY * before_s[i];
        not_at_all += after_s[i] >= before_s[i];
    }
    return 2 * clearly > turns && not_at_all <= MOST_DISAGREEING;
}

static double median(const double values[DAVIT_TURNS])
{
    double copy[DAVIT_TURNS];
    memcpy(copy, values, sizeof(copy));
    return davit_measurement_of(copy, DAVIT_TURNS).median_s;
}

/* ---- kinds ---- */

static bool reads(const davit_unit *unit, const davit_unit *maker)
{
    for (uint32_t i = 0; i < unit->input_count; i++) {
        for (uint32_t o = 0; o < maker->output_count; o++) {
            if (unit->inputs[i] == maker->outputs[o]) {
                return true;
            }
        }
    }
    return false;
}

static const davit_unit *unit_at(const search *s, size_t position)
{
    return &s->trials.spec->graph->units[s->trials.spec->units[position]];
}

/* Marks the readers of marked units; a second time those of these. */
static void mark_readers(const search *s, kind *k)
{
    size_t units = s->trials.spec->unit_count;
    memcpy(k->near, k->own, units * sizeof(*k->near));
    for (size_t p = 0; p < units; p++) {
        for (size_t q = p + 1; k->own[p] && q < units; q++) {
            if (!reads(unit_at(s, q), unit_at(s, p))) {
                continue;
            }
            k->near[q] = true;
            for (size_t r = q + 1; r < units; r++) {
                k->near[r] = k->near[r] || reads(unit_at(s, r), unit_at(s, q));
            }
        }
    }
}

/* The index of the kind of a unit; kind_count when there is none. */
static size_t find_kind(const search *s, size_t position, char signature[DAVIT_SIGNATURE_HEX])
{
    size_t i = 0;
    davit_unit_signature(s->trials.spec->graph, unit_at(s, position), signature);
    while (i < s->kind_count && strcmp(s->kinds[i].signature, signature) != 0) {
        i++;
    }
    return i;
}

static davit_status add_unit(search *s, size_t position)
{
    const davit_program_spec *spec = s->trials.spec;
    char signature[DAVIT_SIGNATURE_HEX];
    size_t i = find_kind(s, position, signature);
    kind *k = &s->kinds[i];
    if (i == s->kind_count) {
        const davit_backend_table *table = s->trials.device->backend->table;
        size_t count = table->kernels(spec->graph, unit_at(s, position), k->names, MOST_NAMES);
        if (count == 0) {
            return DAVIT_OK;
        }
        k->name_count = count < MOST_NAMES ? count : MOST_NAMES;
        k->first = position;
        k->own = davit_arena_alloc_array(&s->arena, spec->unit_count, sizeof(*k->own));
        k->near = davit_arena_alloc_array(&s->arena, spec->unit_count, sizeof(*k->near));
        strcpy(k->signature, signature);
        s->kind_count++;
        if (k->own == NULL || k->near == NULL) {
            return DAVIT_OUT_OF_MEMORY;
        }
    }
    k->own[position] = true;
    k->units++;
    return DAVIT_OK;
}

/* Those that take most of the time first. */
static int by_time(const void *a, const void *b)
{
    const kind *x = a, *y = b;
    double x_s = x->seconds * (double)x->units, y_s = y->seconds * (double)y->units;
    int order = (x_s < y_s) - (x_s > y_s);
    return order != 0 ? order : strcmp(x->signature, y->signature);
}

static davit_status find_kinds(search *s)
{
    size_t units = s->trials.spec->unit_count;
    const bool *grouped = s->rule.info.units_grouped;
    s->kind_count = 0;
    s->kinds = davit_arena_alloc_array(&s->arena, units, sizeof(*s->kinds));
    davit_status status = s->kinds != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
    for (size_t p = 0; p < units && status == DAVIT_OK; p++) {
        if (grouped == NULL || !grouped[p]) { /* those have no kernel of their own */
            status = add_unit(s, p);
        }
    }
    for (size_t p = 0; p < units && grouped != NULL; p++) {
        char signature[DAVIT_SIGNATURE_HEX];
        size_t i = grouped[p] ? find_kind(s, p, signature) : s->kind_count;
        if (i < s->kind_count) { /* what is chosen is for all alike, and would end that group */
            s->kinds[i] = s->kinds[--s->kind_count];
        }
    }
    for (size_t i = 0; i < s->kind_count && status == DAVIT_OK; i++) {
        kind *k = &s->kinds[i];
        double sums_s[DAVIT_TURNS];
        mark_readers(s, k);
        davit_trial_sums(&s->trials, &s->rule, k->own, sums_s);
        k->seconds = median(sums_s) / (double)k->units;
    }
    if (status == DAVIT_OK) {
        qsort(s->kinds, s->kind_count, sizeof(*s->kinds), by_time);
    }
    return status;
}

/* ---- trying ---- */

static bool is_over(const search *s)
{
    const davit_kernel_request *r = s->request;
    return davit_clock_ns() > s->deadline_ns || (r->stopped != NULL && r->stopped(r->user));
}

static bool ends_alone(const char *name)
{
    size_t length = strlen(name), tail = strlen(DAVIT_ONE_THREAD);
    return length >= tail && strcmp(name + length - tail, DAVIT_ONE_THREAD) == 0;
}

/* The name for the best kernel on one thread: "dense" and "dense/1". */
static bool is_best_alone(const kind *k, const char *name)
{
    size_t length = k->best != NULL ? strlen(k->best) : 0;
    return ends_alone(name) && strlen(name) == length + strlen(DAVIT_ONE_THREAD) &&
           strncmp(name, k->best != NULL ? k->best : "", length) == 0;
}

/* The next name to try; alone: names for one thread, of units that are short, and others before. */
static const char *next_name(kind *k, bool alone)
{
    while (k->tried < k->name_count) {
        const char *name = k->names[k->tried++];
        bool is_short = k->seconds < SHORT_S && k->seconds > LEAST_S;
        if (alone ? is_best_alone(k, name) && is_short : !ends_alone(name)) {
            return name;
        }
    }
    return NULL;
}

static bool lies_apart(const search *s, const bool *taken, const kind *k)
{
    for (size_t u = 0; u < s->trials.spec->unit_count; u++) {
        if (taken[u] && k->near[u]) {
            return false;
        }
    }
    return true;
}

/* Gives kinds that lie apart their next name. False when there is none. */
static bool take_batch(search *s, bool alone, bool *taken)
{
    size_t units = s->trials.spec->unit_count;
    bool any = false;
    memset(taken, 0, units * sizeof(*taken));
    for (size_t i = 0; i < s->kind_count; i++) {
        kind *k = &s->kinds[i];
        k->trying = lies_apart(s, taken, k) ? next_name(k, alone) : NULL;
        for (size_t u = 0; k->trying != NULL && u < units; u++) {
            taken[u] = taken[u] || k->near[u];
        }
        any = any || k->trying != NULL;
    }
    return any;
}

/* Kernels by unit, with what is tried where `trying`. */
static davit_status build(search *s, bool trying, davit_trial *out)
{
    size_t units = s->trials.spec->unit_count;
    const char **kernels = davit_arena_alloc_array(&s->arena, units, sizeof(*kernels));
    for (size_t i = 0; kernels != NULL && i < s->kind_count; i++) {
        const kind *k = &s->kinds[i];
        for (size_t u = 0; u < units; u++) {
            if (k->own[u]) {
                kernels[u] = trying && k->trying != NULL ? k->trying : k->best;
            }
        }
    }
    return kernels != NULL ? davit_trial_build(&s->trials, kernels, out) : DAVIT_OUT_OF_MEMORY;
}

/* True when two programs compute all units of a kind by the same kernels. */
static bool is_same(const search *s, const kind *k, const davit_trial *a, const davit_trial *b)
{
    for (size_t u = 0; u < s->trials.spec->unit_count; u++) {
        if (k->own[u] &&
            strcmp(a->info.unit_implementations[u], b->info.unit_implementations[u]) != 0) {
            return false;
        }
    }
    return true;
}

/* What is the rule's kernel or the best one under another name is not tried. True when a name is
 * left. */
static bool drop_same(search *s, const davit_trial *trial)
{
    bool any = false;
    for (size_t i = 0; i < s->kind_count; i++) {
        kind *k = &s->kinds[i];
        if (k->trying != NULL &&
            (is_same(s, k, &s->rule, trial) || is_same(s, k, &s->best, trial))) {
            k->trying = NULL;
        }
        any = any || k->trying != NULL;
    }
    return any;
}

/* Notes what a trial showed of a kind; true when it keeps the kernel. */
static bool judge(search *s, kind *k, const davit_trial *trial)
{
    double own[2][DAVIT_TURNS], near[2][DAVIT_TURNS];
    const davit_trial *trials[2] = {&s->best, trial};
    for (int i = 0; i < 2; i++) {
        davit_trial_sums(&s->trials, trials[i], k->own, own[i]);
        davit_trial_sums(&s->trials, trials[i], k->near, near[i]);
    }
    double ratio = median(own[1]) / median(own[0]);
    bool faster = ratio < 1 && median(near[1]) < median(near[0]) &&
                  (davit_measure_is_faster(own[0], own[1], DAVIT_TURNS) ||
                   davit_measure_is_faster(near[0], near[1], DAVIT_TURNS));
    double seconds = k->seconds * ratio;
    if (faster || !k->measured || (k->best == NULL && seconds < k->choice.seconds)) {
        strncpy(k->choice.name, k->trying, sizeof(k->choice.name) - 1);
        k->choice.seconds = seconds;
    }
    if (faster) {
        k->best = k->trying;
        k->seconds = seconds;
        k->choice.chosen = true;
    }
    k->measured = true;
    return faster;
}

/* Makes the trial the best where all that was tried is kept, else builds what is. */
static davit_status keep(search *s, davit_trial *trial, size_t kept, size_t tried)
{
    if (kept == 0) {
        davit_trial_free(trial);
        return DAVIT_OK;
    }
    if (s->best.program != s->rule.program) {
        davit_trial_free(&s->best);
    }
    if (kept == tried) {
        s->best = *trial;
        return DAVIT_OK;
    }
    davit_trial_free(trial);
    s->best.program = NULL;
    return build(s, false, &s->best);
}

static davit_status try_batch(search *s)
{
    davit_trial trial;
    size_t kept = 0, tried = 0;
    davit_status status = build(s, true, &trial);
    if (status != DAVIT_OK) {
        return status;
    }
    if (!drop_same(s, &trial)) {
        davit_trial_free(&trial);
        return DAVIT_OK;
    }
    status = davit_trials_compare(&s->trials, &s->best, &trial);
    for (size_t i = 0; i < s->kind_count && status == DAVIT_OK; i++) {
        if (s->kinds[i].trying != NULL) {
            kept += judge(s, &s->kinds[i], &trial);
            tried++;
        }
    }
    if (status != DAVIT_OK) {
        davit_trial_free(&trial);
        return status;
    }
    return keep(s, &trial, kept, tried);
}

static davit_status try_all(search *s)
{
    bool *taken = davit_arena_alloc_array(&s->arena, s->trials.spec->unit_count, sizeof(*taken));
    davit_status status = taken != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
    for (int alone = 0; alone < 2; alone++) {
        for (size_t i = 0; i < s->kind_count; i++) {
            s->kinds[i].tried = 0;
        }
        while (status == DAVIT_OK && !is_over(s) && take_batch(s, alone != 0, taken)) {
            status = try_batch(s);
        }
    }
    return status;
}

/* ---- the whole ---- */

/* What is best unit by unit must be so as a whole. */
static davit_status check_whole(search *s)
{
    double sums[2][DAVIT_TURNS];
    if (s->best.program == s->rule.program) {
        return DAVIT_OK;
    }
    davit_status status = davit_trials_compare(&s->trials, &s->rule, &s->best);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_trial_sums(&s->trials, &s->rule, NULL, sums[0]);
    davit_trial_sums(&s->trials, &s->best, NULL, sums[1]);
    if (median(sums[1]) < median(sums[0])) {
        return DAVIT_OK;
    }
    for (size_t i = 0; i < s->kind_count; i++) {
        s->kinds[i].choice.chosen = false;
    }
    davit_log(s->request->options->diag, DAVIT_INFO,
              "kernels that are faster one by one are not together: the rule's stay");
    return DAVIT_OK;
}

static davit_status put_all(search *s, davit_store *store, davit_kernel_counts *counts)
{
    davit_status status = DAVIT_OK;
    for (size_t i = 0; i < s->kind_count && status == DAVIT_OK; i++) {
        kind *k = &s->kinds[i];
        davit_work work;
        if (!k->measured) {
            continue;
        }
        davit_unit_work(s->trials.spec->graph, unit_at(s, k->first), &work);
        status = davit_store_put_kernel(store, s->request->key, k->signature, &k->choice, &work);
        counts->measured++;
        counts->chosen += k->choice.chosen;
    }
    return status;
}

/* With the rule's program built. */
static davit_status work(search *s, davit_store *store, davit_kernel_counts *counts)
{
    davit_status status = davit_trials_compare(&s->trials, &s->rule, NULL);
    if (status == DAVIT_OK) {
        status = find_kinds(s);
    }
    for (size_t i = 0; i < s->kind_count && status == DAVIT_OK; i++) {
        kind *k = &s->kinds[i];
        k->seconds = fmax(k->seconds, 1e-9);
        k->choice.rule_seconds = k->seconds;
        strncpy(k->choice.rule, s->rule.info.unit_implementations[k->first],
                sizeof(k->choice.rule) - 1);
    }
    s->best = s->rule;
    if (status == DAVIT_OK) {
        status = try_all(s);
    }
    if (status == DAVIT_OK) {
        status = check_whole(s);
    }
    if (s->best.program != s->rule.program) {
        davit_trial_free(&s->best);
    }
    return status == DAVIT_OK ? put_all(s, store, counts) : status;
}

static davit_status measure_spec(search *s, davit_device *device, davit_queue *queue,
                                 const davit_program_spec *spec, davit_store *store,
                                 davit_kernel_counts *counts)
{
    const char **none = davit_arena_alloc_array(&s->arena, spec->unit_count, sizeof(*none));
    davit_status status = none != NULL
                              ? davit_trials_open(device, queue, spec, &s->arena, &s->trials)
                              : DAVIT_OUT_OF_MEMORY;
    if (status != DAVIT_OK) {
        return status;
    }
    status = davit_trial_build(&s->trials, none, &s->rule);
    if (status == DAVIT_OK && s->rule.info.unit_implementations != NULL) {
        status = work(s, store, counts);
    }
    davit_trial_free(&s->rule);
    davit_trials_close(&s->trials);
    return status;
}

static davit_status measure_device(search *s, davit_store *store, davit_kernel_counts *counts)
{
    const davit_kernel_request *r = s->request;
    const davit_plan_device *planned = &r->plan->devices[r->device];
    davit_program_spec *specs;
    size_t count = 0;
    davit_device *device = NULL;
    davit_queue *queue = NULL;
    davit_status status =
        davit_executor_specs(&s->arena, r->graph, r->plan, r->device, &specs, &count);
    if (status == DAVIT_OK) {
        status = davit_device_open(planned->backend, &planned->info, r->options, &device);
    }
    if (status == DAVIT_OK) {
        status = davit_queue_create(device, &queue);
    }
    for (size_t i = 0; i < count && status == DAVIT_OK && !is_over(s); i++) {
        status = measure_spec(s, device, queue, &specs[i], store, counts);
        s->rule = s->best = (davit_trial){0};
    }
    davit_queue_free(queue);
    davit_device_close(device);
    return status;
}

davit_status davit_measure_kernels(const davit_kernel_request *request, davit_store *store,
                                   davit_kernel_counts *counts)
{
    const davit_plan_device *device = &request->plan->devices[request->device];
    search s = {.request = request, .deadline_ns = davit_deadline_after(request->budget_ns)};
    *counts = (davit_kernel_counts){0};
    if (device->backend->table->kernels == NULL || device->info.emulated) {
        return DAVIT_OK;
    }
    davit_arena_init(&s.arena, davit_allocator_default());
    davit_status status = measure_device(&s, store, counts);
    davit_arena_clear(&s.arena);
    return status;
}
