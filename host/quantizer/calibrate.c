/* The ranges of values: one pass over the samples for extremes, a second one for histograms
 * where the method needs them. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "job.h"
#include "probe.h"

#define BINS ((size_t)8192)
#define ENTROPY_BINS ((size_t)1025)
#define ENTROPY_LEVELS ((size_t)256)

typedef struct calibration {
    davit_quantizer *job;
    size_t count;
    davit_value_id *values;      /* [count], observed */
    davit_histogram *histograms; /* [count] */
} calibration;

static const char *producer_name(const davit_graph *graph, const davit_value *value)
{
    return value->producer == DAVIT_NONE ? "the input" : graph->nodes[value->producer].name;
}

/* ---- what is observed ---- */

static bool is_observed(const davit_quantizer *job, davit_value_id v)
{
    const davit_value_plan *plan = &job->values[v];
    return plan->quantized && job->graph->values[v].constant == NULL && plan->root == v;
}

static davit_status choose_values(calibration *c)
{
    davit_quantizer *job = c->job;
    size_t total = job->graph->value_count;
    c->values = davit_arena_alloc_array(&job->arena, total, sizeof(*c->values));
    if (c->values == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (davit_value_id v = 0; v < total; v++) {
        davit_value_plan *plan = &job->values[v];
        const davit_tensor *constant = job->graph->values[v].constant;
        plan->range = (davit_range){FLT_MAX, -FLT_MAX};
        if (is_observed(job, v)) {
            c->values[c->count++] = v;
        } else if (plan->quantized && constant != NULL) {
            size_t elems = (size_t)davit_tensor_desc_elems(&constant->desc);
            if (!davit_range_observe(&plan->range, constant->data, elems)) {
                return davit_fail(job->diag, DAVIT_BAD_DATA, "constant '%s' is not finite",
                                  job->graph->values[v].name);
            }
        }
    }
    c->histograms = davit_arena_alloc_array(&job->arena, c->count, sizeof(*c->histograms));
    return c->histograms != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
}

/* ---- passes ---- */

static davit_status observe_range(void *user, size_t i, size_t sample, const davit_tensor *x)
{
    calibration *c = user;
    davit_quantizer *job = c->job;
    davit_value_plan *plan = &job->values[c->values[i]];
    if (!davit_range_observe(&plan->range, x->data, (size_t)davit_tensor_desc_elems(&x->desc))) {
        const davit_value *value = &job->graph->values[c->values[i]];
        return davit_fail(job->diag, DAVIT_BAD_DATA,
                          "sample %zu: '%s' of %s is not finite in f32: nothing can be quantised "
                          "from that",
                          sample, value->name, producer_name(job->graph, value));
    }
    return DAVIT_OK;
}

static davit_status observe_histogram(void *user, size_t i, size_t sample, const davit_tensor *x)
{
    calibration *c = user;
    (void)sample;
    if (c->histograms[i].bins != NULL) {
        davit_histogram_add(&c->histograms[i], x->data, (size_t)davit_tensor_desc_elems(&x->desc));
    }
    return DAVIT_OK;
}

static davit_status make_histograms(calibration *c)
{
    bool entropy = c->job->options->method == DAVIT_CALIBRATION_ENTROPY;
    for (size_t i = 0; i < c->count; i++) {
        davit_histogram *histogram = &c->histograms[i];
        davit_range range = c->job->values[c->values[i]].range;
        if (entropy) {
            float most = fmaxf(fabsf(range.low), fabsf(range.high));
            range = (davit_range){-most, most};
        }
        if (!(range.low < range.high)) {
            continue; /* one number only: nothing to choose */
        }
        histogram->range = range;
        histogram->bin_count = entropy ? ENTROPY_BINS : BINS;
        histogram->bins =
            davit_arena_alloc_array(&c->job->arena, histogram->bin_count, sizeof(uint64_t));
        if (histogram->bins == NULL) {
            return DAVIT_OUT_OF_MEMORY;
        }
    }
    return DAVIT_OK;
}

static davit_range find_range(const davit_quantizer_options *options,
                              const davit_histogram *histogram, double *scratch)
{
    switch (options->method) {
    case DAVIT_CALIBRATION_ENTROPY:
        return davit_histogram_entropy(histogram, ENTROPY_LEVELS, scratch);
    case DAVIT_CALIBRATION_MSE:
        return davit_histogram_mse(histogram, scratch);
    default:
        return davit_histogram_percentile(histogram, options->percentile);
    }
}

/* Narrows the ranges that were seen to those that the method finds, where the finer steps gain more
 * than the clipping costs. */
static davit_status choose_ranges(calibration *c)
{
    double *scratch = davit_arena_alloc_array(&c->job->arena, 3 * (BINS + 1), sizeof(double));
    if (scratch == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < c->count; i++) {
        davit_range *seen = &c->job->values[c->values[i]].range;
        const davit_histogram *histogram = &c->histograms[i];
        if (histogram->bins == NULL) {
            continue;
        }
        davit_range found = find_range(c->job->options, histogram, scratch);
        found = (davit_range){fmaxf(found.low, seen->low), fminf(found.high, seen->high)};
        if (davit_histogram_square_error(histogram, found, scratch) <
            davit_histogram_square_error(histogram, *seen, scratch)) {
            *seen = found;
        }
    }
    return DAVIT_OK;
}

davit_status davit_calibrate(davit_quantizer *job)
{
    calibration c = {.job = job};
    davit_status status = choose_values(&c);
    if (status == DAVIT_OK) {
        status = davit_probe_samples(job, c.values, c.count, "calibrating", observe_range, &c);
    }
    if (status == DAVIT_OK) {
        status = davit_trim_ranges(job);
    }
    if (status != DAVIT_OK || job->options->method == DAVIT_CALIBRATION_MINMAX) {
        return status;
    }
    status = make_histograms(&c);
    if (status == DAVIT_OK) {
        status = davit_probe_samples(job, c.values, c.count, "counting", observe_histogram, &c);
    }
    return status == DAVIT_OK ? choose_ranges(&c) : status;
}
