#include "block.h"
#include "kernel.h"
#include "lines.h"
#include "reduce.h"

#include <string.h>

/* The label of each line of scores, and what the losses add up to. */
typedef struct loss {
    const davit_kernel_call *call;
    bool none, mean;
    bool has_ignored;
    int64_t ignored;
    double sum, weight;
} loss;

static loss make_loss(const davit_kernel_call *call)
{
    const char *reduction = davit_node_string(call->node, "reduction", "mean");
    loss l = {.call = call,
              .none = strcmp(reduction, "none") == 0,
              .mean = strcmp(reduction, "mean") == 0,
              .has_ignored = davit_node_attribute(call->node, "ignore_index") != NULL};
    l.ignored = davit_node_int(call->node, "ignore_index", 0);
    return l;
}

/* Takes the negated log-probability of a line's label: value(label) of count classes. */
static davit_status take(loss *l, int64_t line, const double *log_probabilities, int64_t count)
{
    const davit_tensor *weights = davit_kernel_input(l->call, 2);
    int64_t label = davit_load_s64(l->call->inputs[1], line);
    double weight = 0.0;
    double value = 0.0;
    if (!(l->has_ignored && label == l->ignored)) {
        if (label < 0 || label >= count) {
            return davit_kernel_fail(l->call, DAVIT_BAD_DATA, "a label is out of range");
        }
        weight = weights != NULL ? davit_load_f64(weights, label) : 1.0;
        value = -log_probabilities[label] * weight;
    }
    l->sum += value;
    l->weight += weight;
    if (l->none && l->call->outputs[0] != NULL) {
        davit_store_f64(l->call->outputs[0], line, value);
    }
    return DAVIT_OK;
}

static davit_status run_loss(const davit_kernel_call *call)
{
    const davit_tensor *x = call->inputs[0];
    bool softmax = call->node->op->op == DAVIT_OP_SoftmaxCrossEntropyLoss;
    davit_tensor *logs = davit_kernel_output(call, 1);
    davit_lines lines = davit_lines_make(&x->desc, 1);
    double *values = davit_alloc_array(call->allocator, (size_t)lines.length, sizeof(*values));
    if (values == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    loss l = make_loss(call);
    davit_status status = DAVIT_OK;
    for (int64_t line = 0; line < lines.count && status == DAVIT_OK; line++) {
        int64_t base = davit_line_base(&lines, line);
        davit_load_f64_run(x, base, lines.stride, lines.length, values);
        if (softmax) {
            davit_log_softmax(values, lines.length);
        }
        for (int64_t i = 0; logs != NULL && i < lines.length; i++) {
            davit_store_f64(logs, base + i * lines.stride, values[i]);
        }
        status = take(&l, line, values, lines.length);
    }
    if (status == DAVIT_OK && !l.none && call->outputs[0] != NULL) {
        davit_store_f64(call->outputs[0], 0, l.mean ? l.sum / l.weight : l.sum);
    }
    davit_free(call->allocator, values);
    return status;
}

static const davit_kernel_entry entries[] = {
    {DAVIT_OP_NegativeLogLikelihoodLoss, run_loss},
    {DAVIT_OP_SoftmaxCrossEntropyLoss, run_loss},
};

const davit_kernel_family davit_kernels_loss = DAVIT_KERNEL_FAMILY(entries);
