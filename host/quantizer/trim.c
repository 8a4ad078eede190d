/* Ranges and the functions that read them: a HardSwish gives 0 for all numbers up to -3. */
#include <math.h>

#include "job.h"

#define POINTS 1024
#define SHARE_OF_STEP 0.25

/* ---- one range ---- */

/* How far one can go on y[0], y[1]... from the start, at stride, without leaving a band of that
 * width around the value where one stops. */
static int flat_points(const double *y, int stride, double tolerance)
{
    double low = y[0];
    double high = y[0];
    int flat = 0;
    for (int i = 1; i < POINTS; i++) {
        double at = y[i * stride];
        low = fmin(low, at);
        high = fmax(high, at);
        if (high - at <= tolerance && at - low <= tolerance) {
            flat = i;
        }
    }
    return flat;
}

void davit_range_trim(davit_range *range, davit_function function, float alpha, float beta)
{
    double y[POINTS];
    double least = 0;
    double most = 0;
    double start = (double)range->low;
    double width = ((double)range->high - start) / (POINTS - 1);
    for (int i = 0; i < POINTS; i++) {
        y[i] = davit_function_value(function, alpha, beta, (float)(start + i * width));
        least = fmin(least, y[i]);
        most = fmax(most, y[i]);
    }
    double tolerance = SHARE_OF_STEP * (most - least) / 255.0;
    int below = flat_points(y, 1, tolerance);
    int above = flat_points(y + POINTS - 1, -1, tolerance);
    if (below + above < POINTS - 1) {
        range->low = (float)(start + below * width);
        range->high = (float)(start + (POINTS - 1 - above) * width);
    }
}

/* ---- of values ---- */

/* What the readers of a value make of it. */
typedef struct reading {
    size_t count; /* of readers seen */
    bool mixed;   /* something reads it that is not this function */
    davit_function function;
    float alpha, beta;
} reading;

static davit_function flat_function(const davit_node *node)
{
    switch (node->op->op) {
    case DAVIT_OP_HardSigmoid:
        return DAVIT_FUNCTION_HARDSIGMOID;
    case DAVIT_OP_HardSwish:
        return DAVIT_FUNCTION_HARDSWISH;
    case DAVIT_OP_Sigmoid:
        return DAVIT_FUNCTION_SIGMOID;
    case DAVIT_OP_Silu:
        return DAVIT_FUNCTION_SILU;
    default:
        return DAVIT_FUNCTION_IDENTITY;
    }
}

static void note(reading *r, const davit_node *node)
{
    reading seen = {.count = 1, .function = flat_function(node)};
    seen.alpha = davit_node_float(node, "alpha", 0.2f);
    seen.beta = davit_node_float(node, "beta", 0.5f);
    bool same = r->count == 0 ||
                (r->function == seen.function && r->alpha == seen.alpha && r->beta == seen.beta);
    seen.mixed = r->mixed || !same || seen.function == DAVIT_FUNCTION_IDENTITY;
    seen.count += r->count;
    *r = seen;
}

davit_status davit_trim_ranges(davit_quantizer *job)
{
    const davit_graph *graph = job->graph;
    reading *readings = davit_arena_alloc_array(&job->arena, graph->value_count, sizeof(*readings));
    if (readings == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t n = 0; n < graph->order_count; n++) {
        const davit_node *node = &graph->nodes[graph->order[n]];
        for (uint32_t i = 0; i < node->input_count; i++) {
            if (node->inputs[i] != DAVIT_NONE) {
                note(&readings[node->inputs[i]], node);
            }
        }
    }
    for (davit_value_id v = 0; v < graph->value_count; v++) {
        davit_value_plan *plan = &job->values[v];
        const davit_value *value = &graph->values[v];
        if (plan->quantized && plan->root == v && value->constant == NULL && !value->is_output &&
            readings[v].count > 0 && !readings[v].mixed && plan->range.low < plan->range.high) {
            davit_range_trim(&plan->range, readings[v].function, readings[v].alpha,
                             readings[v].beta);
        }
    }
    return DAVIT_OK;
}
