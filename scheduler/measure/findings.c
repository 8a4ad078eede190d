#include "findings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_S 1e-9 /* what a clock of nanoseconds shows as 0 */

void davit_finding_of_unit(const davit_graph *graph, davit_unit_id unit, davit_finding *out)
{
    davit_unit_signature(graph, &graph->units[unit], out->signature);
    davit_unit_work(graph, &graph->units[unit], &out->work);
}

davit_measurement davit_finding_measure(double *samples_s, size_t count)
{
    davit_measurement result = davit_measurement_of(samples_s, count);
    result.median_s = fmax(result.median_s, LEAST_S);
    return result;
}

const char **davit_finding_keys(davit_arena *arena, const davit_plan *plan, uint32_t threads)
{
    const char **keys = davit_arena_alloc_array(arena, plan->device_count, sizeof(*keys));
    for (size_t d = 0; keys != NULL && d < plan->device_count; d++) {
        const davit_plan_device *device = &plan->devices[d];
        char *key = davit_arena_alloc(arena, DAVIT_DEVICE_KEY_BYTES);
        if (key == NULL) {
            return NULL;
        }
        keys[d] = davit_device_key(device->backend, &device->info, threads, key);
    }
    return keys;
}

static int by_unit(const void *a, const void *b)
{
    const davit_finding *x = a;
    const davit_finding *y = b;
    int order = strcmp(x->key, y->key);
    order = order != 0 ? order : strcmp(x->signature, y->signature);
    if (order == 0) { /* the sum does not depend on the order in which qsort leaves equal ones */
        order = (x->measurement.median_s > y->measurement.median_s) -
                (x->measurement.median_s < y->measurement.median_s);
    }
    return order;
}

static davit_measurement mean_of(const davit_finding *findings, size_t count)
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

size_t davit_findings_merge(davit_finding *findings, size_t count)
{
    size_t merged = 0;
    qsort(findings, count, sizeof(*findings), by_unit);
    for (size_t i = 0, next; i < count; i = next) {
        for (next = i + 1; next < count; next++) {
            if (strcmp(findings[next].key, findings[i].key) != 0 ||
                strcmp(findings[next].signature, findings[i].signature) != 0) {
                break;
            }
        }
        davit_finding one = findings[i];
        one.measurement = mean_of(findings + i, next - i);
        findings[merged++] = one;
    }
    return merged;
}
