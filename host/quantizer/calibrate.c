/* The ranges of values: one pass over the samples for extremes, a second one for histograms
 * where the method needs them. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "job.h"
#include "probe.h"

#define PERCENTILE_BINS ((size_t)8192)
#define ENTROPY_LEVELS ((size_t)128)
#define ENTROPY_MAX_BINS ((size_t)8191)

typedef struct calibration {
    davit_quantizer *job;
    davit_probe *probe;
    size_t count;
    davit_value_id *values;      /* [count], observed */
    float *first;                /* [count]: greatest magnitude of the first sample */
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
    c->first = davit_arena_alloc_array(&job->arena, c->count, sizeof(*c->first));
    return c->histograms != NULL && c->first != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
}

/* ---- passes ---- */

static davit_status observe_range(calibration *c, size_t i, size_t sample)
{
    davit_quantizer *job = c->job;
    davit_value_plan *plan = &job->values[c->values[i]];
    const davit_tensor *x = davit_probe_value(c->probe, i);
    if (!davit_range_observe(&plan->range, x->data, (size_t)davit_tensor_desc_elems(&x->desc))) {
        const davit_value *value = &job->graph->values[c->values[i]];
        return davit_fail(job->diag, DAVIT_BAD_DATA,
                          "sample %zu: '%s' of %s is not finite in f32: nothing can be quantised "
                          "from that",
                          sample, value->name, producer_name(job->graph, value));
    }
    if (sample == 0) {
        c->first[i] = fmaxf(fabsf(plan->range.low), fabsf(plan->range.high));
    }
    return DAVIT_OK;
}

/* Runs all samples. histogram false: ranges. */
static davit_status pass(calibration *c, bool histogram, const char *step)
{
    const davit_samples *samples = &c->job->options->samples;
    davit_status status = DAVIT_OK;
    for (size_t s = 0; status == DAVIT_OK && s < samples->count; s++) {
        davit_tensor *sample;
        status = samples->read(samples->user, s, &sample);
        if (status != DAVIT_OK) {
            return status;
        }
        status = davit_probe_run(c->probe, sample);
        for (size_t i = 0; status == DAVIT_OK && i < c->count; i++) {
            const davit_tensor *x = davit_probe_value(c->probe, i);
            if (!histogram) {
                status = observe_range(c, i, s);
            } else if (c->histograms[i].bins != NULL) {
                davit_histogram_add(&c->histograms[i], x->data,
                                    (size_t)davit_tensor_desc_elems(&x->desc));
            }
        }
        davit_tensor_destroy(sample);
        davit_quantizer_tell(c->job, step, s + 1);
    }
    return status;
}

/* As onnxruntime.quantization has it: the first sample fills as many bins as there are levels, and
 * what goes beyond gets more of that width. So the thresholds to choose from lie between the range
 * of the first sample and that of all. */
static size_t entropy_bins(float first, float most)
{
    double half = first > 0 ? ceil((double)(ENTROPY_LEVELS / 2) * (double)most / (double)first) : 0;
    size_t bins = half < (double)(ENTROPY_MAX_BINS / 2) ? 2 * (size_t)half + 1 : ENTROPY_MAX_BINS;
    return bins > ENTROPY_LEVELS ? bins : ENTROPY_LEVELS + 1;
}

static davit_status make_histograms(calibration *c)
{
    bool entropy = c->job->options->method == DAVIT_CALIBRATION_ENTROPY;
    for (size_t i = 0; i < c->count; i++) {
        davit_histogram *histogram = &c->histograms[i];
        davit_range range = c->job->values[c->values[i]].range;
        size_t bins = PERCENTILE_BINS;
        if (entropy) {
            float most = fmaxf(fabsf(range.low), fabsf(range.high));
            range = (davit_range){-most, most};
            bins = entropy_bins(c->first[i], most);
        }
        if (!(range.low < range.high)) {
            continue; /* one number only: nothing to choose */
        }
        histogram->range = range;
        histogram->bin_count = bins;
        histogram->bins =
            davit_arena_alloc_array(&c->job->arena, histogram->bin_count, sizeof(uint64_t));
        if (histogram->bins == NULL) {
            return DAVIT_OUT_OF_MEMORY;
        }
    }
    return DAVIT_OK;
}

/* Narrows the ranges that were seen to those that the method finds. */
static davit_status choose_ranges(calibration *c)
{
    double *scratch = davit_arena_alloc_array(&c->job->arena, 2 * ENTROPY_MAX_BINS, sizeof(double));
    if (scratch == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < c->count; i++) {
        davit_range *range = &c->job->values[c->values[i]].range;
        davit_range found = *range;
        if (c->histograms[i].bins == NULL) {
            continue;
        }
        if (c->job->options->method == DAVIT_CALIBRATION_ENTROPY) {
            found = davit_histogram_entropy(&c->histograms[i], ENTROPY_LEVELS, scratch);
        } else {
            found = davit_histogram_percentile(&c->histograms[i], c->job->options->percentile);
        }
        range->low = fmaxf(range->low, found.low);
        range->high = fminf(range->high, found.high);
    }
    return DAVIT_OK;
}

davit_status davit_calibrate(davit_quantizer *job)
{
    calibration c = {.job = job};
    davit_tensor *first = NULL;
    davit_status status = choose_values(&c);
    if (status == DAVIT_OK) {
        status = job->options->samples.read(job->options->samples.user, 0, &first);
    }
    if (status == DAVIT_OK) {
        status = davit_probe_open(job->context, job->graph, c.values, c.count, first, &c.probe);
        davit_tensor_destroy(first);
    }
    if (status == DAVIT_OK) {
        status = pass(&c, false, "calibrating");
    }
    if (status == DAVIT_OK && job->options->method != DAVIT_CALIBRATION_MINMAX) {
        status = make_histograms(&c);
        if (status == DAVIT_OK) {
            status = pass(&c, true, "counting");
        }
        if (status == DAVIT_OK) {
            status = choose_ranges(&c);
        }
    }
    davit_probe_close(c.probe);
    return status;
}
