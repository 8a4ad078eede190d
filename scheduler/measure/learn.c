#include <math.h>
#include <stdio.h>
#include <string.h>

#include "findings.h"

#define SETTLED_RUNS 1 /* at the beginning, not looked at */
#define FEWEST_SAMPLES 10
#define CALM 0.1      /* spread of samples, difference of runs, as a part of the time */
#define CALM_S 200e-9 /* what clocks add to that */

static bool is_real(const davit_plan_device *device)
{
    davit_device_kind kind = device->info.profile.kind;
    return !device->info.emulated && device->info.unusable[0] == '\0' &&
           kind != DAVIT_DEVICE_REFERENCE && kind != DAVIT_DEVICE_NULL;
}

/* Half of the samples and more lie close together. */
static bool is_calm(const davit_measurement *found)
{
    return found->count >= found->dropped &&
           found->spread_s <= fmax(CALM * found->median_s, CALM_S);
}

static bool agree(const davit_measurement *a, const davit_measurement *b)
{
    return fabs(a->median_s - b->median_s) <= fmax(CALM * fmin(a->median_s, b->median_s), CALM_S);
}

/* Disturbances only make times longer: the lower median holds. */
static davit_measurement both(const davit_measurement *a, const davit_measurement *b)
{
    return (davit_measurement){.median_s = fmin(a->median_s, b->median_s),
                               .spread_s = fmax(a->spread_s, b->spread_s),
                               .count = a->count + b->count,
                               .dropped = a->dropped + b->dropped};
}

static davit_status learn(davit_store *store, const davit_finding *found, size_t *changed)
{
    char seen[sizeof(DAVIT_SEEN) + DAVIT_SIGNATURE_HEX];
    davit_measurement known, before;
    if (!is_calm(&found->measurement) ||
        (davit_store_find(store, found->key, found->signature, &known) &&
         agree(&known, &found->measurement))) {
        return DAVIT_OK;
    }
    (void)snprintf(seen, sizeof(seen), DAVIT_SEEN "%s", found->signature);
    if (davit_store_find(store, found->key, seen, &before) && agree(&before, &found->measurement)) {
        const davit_measurement agreed = both(&before, &found->measurement);
        ++*changed;
        return davit_store_put(store, found->key, found->signature, &agreed, &found->work);
    }
    return davit_store_put(store, found->key, seen, &found->measurement, NULL);
}

static size_t collect(const davit_finished_runs *runs, const char *const *keys, double *samples_s,
                      davit_finding *findings)
{
    size_t count = 0;
    for (size_t u = 0; u < runs->graph->unit_count; u++) {
        uint32_t device = runs->plan->units[u].device;
        if (!is_real(&runs->plan->devices[device])) {
            continue;
        }
        size_t kept = runs->run_count - SETTLED_RUNS;
        for (size_t r = 0; r < kept; r++) {
            samples_s[r] = (double)runs->unit_ns[u * runs->run_count + r + SETTLED_RUNS] * 1e-9;
        }
        davit_finding *f = &findings[count++];
        davit_finding_of_unit(runs->graph, (davit_unit_id)u, f);
        f->key = keys[device];
        f->measurement = davit_finding_measure(samples_s, kept);
    }
    return davit_findings_merge(findings, count);
}

davit_status davit_measure_learn(const davit_finished_runs *runs, davit_store *store,
                                 const davit_allocator *allocator, size_t *changed)
{
    *changed = 0;
    if (runs->run_count < FEWEST_SAMPLES + SETTLED_RUNS) {
        return DAVIT_OK;
    }
    davit_arena arena;
    davit_arena_init(&arena, allocator);
    const char **keys = davit_finding_keys(&arena, runs->plan, runs->threads);
    double *samples_s = davit_arena_alloc_array(&arena, runs->run_count, sizeof(*samples_s));
    davit_finding *findings =
        davit_arena_alloc_array(&arena, runs->graph->unit_count, sizeof(*findings));
    davit_status status = DAVIT_OUT_OF_MEMORY;
    if (keys != NULL && samples_s != NULL && findings != NULL) {
        size_t count = collect(runs, keys, samples_s, findings);
        status = DAVIT_OK;
        for (size_t i = 0; i < count && status == DAVIT_OK; i++) {
            status = learn(store, &findings[i], changed);
        }
    }
    davit_arena_clear(&arena);
    return status;
}
