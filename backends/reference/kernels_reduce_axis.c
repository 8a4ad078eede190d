#include "block.h"
#include "lines.h"
#include "reduce.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- order: a key that compares as the elements do ---- */

/* NaN is greatest, -0 equals 0. */
static uint64_t order_key(const davit_tensor *x, int64_t i)
{
    const uint64_t sign = (uint64_t)1 << 63;
    if (!davit_dtype_is_float(x->desc.dtype)) {
        uint64_t bits = (uint64_t)davit_load_s64(x, i);
        return x->desc.dtype == DAVIT_U64 ? bits : bits ^ sign;
    }
    union {
        double value;
        uint64_t bits;
    } key = {davit_load_f64(x, i) + 0.0};
    if (isnan(key.value)) {
        return UINT64_MAX;
    }
    return (key.bits & sign) != 0 ? ~key.bits : key.bits | sign;
}

/* ---- ArgMax, ArgMin ---- */

static davit_status run_arg(const davit_kernel_call *call, bool greatest)
{
    const davit_tensor *x = call->inputs[0];
    bool last = davit_node_int(call->node, "select_last_index", 0) != 0;
    davit_lines lines = davit_lines_make(&x->desc, davit_kernel_axis(call, 0, x->desc.rank));
    for (int64_t line = 0; line < lines.count; line++) {
        int64_t base = davit_line_base(&lines, line);
        uint64_t best = 0;
        int64_t best_at = 0;
        for (int64_t i = 0; i < lines.length; i++) {
            uint64_t key = order_key(x, base + i * lines.stride);
            key = greatest || key == UINT64_MAX ? key : ~key;
            if (i == 0 || key > best || (last && key == best)) {
                best = key;
                best_at = i;
            }
        }
        davit_store_s64(call->outputs[0], line, best_at);
    }
    return DAVIT_OK;
}

davit_status davit_run_arg_max(const davit_kernel_call *call)
{
    return run_arg(call, true);
}

davit_status davit_run_arg_min(const davit_kernel_call *call)
{
    return run_arg(call, false);
}

/* ---- TopK ---- */

typedef struct candidate {
    uint64_t key;
    int64_t index;
} candidate;

/* Greater keys first, then lesser indices. */
static int compare_candidates(const void *a, const void *b)
{
    const candidate *x = a;
    const candidate *y = b;
    if (x->key != y->key) {
        return x->key > y->key ? -1 : 1;
    }
    return x->index < y->index ? -1 : x->index > y->index;
}

davit_status davit_run_topk(const davit_kernel_call *call)
{
    const davit_tensor *x = call->inputs[0];
    davit_tensor *values = call->outputs[0];
    davit_tensor *indices = davit_kernel_output(call, 1);
    bool largest = davit_node_int(call->node, "largest", 1) != 0;
    int axis = davit_kernel_axis(call, -1, x->desc.rank);
    size_t bytes = davit_dtype_bytes(x->desc.dtype);
    davit_lines lines = davit_lines_make(&x->desc, axis);
    int64_t k = davit_load_s64(call->inputs[1], 0);
    davit_lines results = {lines.count, k, lines.stride};
    candidate *list = davit_alloc_array(call->allocator, (size_t)lines.length, sizeof(*list));
    if (list == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (int64_t line = 0; line < lines.count; line++) {
        int64_t base = davit_line_base(&lines, line);
        for (int64_t i = 0; i < lines.length; i++) {
            uint64_t key = order_key(x, base + i * lines.stride);
            list[i] = (candidate){largest ? key : ~key, i};
        }
        qsort(list, (size_t)lines.length, sizeof(*list), compare_candidates);
        for (int64_t i = 0; i < k; i++) {
            int64_t from = base + list[i].index * lines.stride;
            int64_t to = davit_line_base(&results, line) + i * lines.stride;
            if (values != NULL) {
                memcpy((char *)values->data + (size_t)to * bytes,
                       (const char *)x->data + (size_t)from * bytes, bytes);
            }
            if (indices != NULL) {
                davit_store_s64(indices, to, list[i].index);
            }
        }
    }
    davit_free(call->allocator, list);
    return DAVIT_OK;
}

/* ---- CumSum ---- */

davit_status davit_run_cumsum(const davit_kernel_call *call)
{
    const davit_tensor *x = call->inputs[0];
    davit_tensor *y = call->outputs[0];
    bool exclusive = davit_node_int(call->node, "exclusive", 0) != 0;
    bool reverse = davit_node_int(call->node, "reverse", 0) != 0;
    bool is_float = davit_dtype_is_float(x->desc.dtype);
    int64_t axis = davit_load_s64(call->inputs[1], 0);
    if (axis < -x->desc.rank || axis >= x->desc.rank) {
        return davit_kernel_fail(call, DAVIT_BAD_DATA, "the axis is out of range");
    }
    davit_lines lines = davit_lines_make(&x->desc, (int)(axis < 0 ? axis + x->desc.rank : axis));
    for (int64_t line = 0; line < lines.count; line++) {
        int64_t base = davit_line_base(&lines, line);
        double sum = 0.0;
        uint64_t integer_sum = 0;
        for (int64_t i = 0; i < lines.length; i++) {
            int64_t at = base + (reverse ? lines.length - 1 - i : i) * lines.stride;
            double before = sum;
            uint64_t integer_before = integer_sum;
            if (is_float) {
                sum += davit_load_f64(x, at);
                davit_store_f64(y, at, exclusive ? before : sum);
            } else {
                integer_sum += (uint64_t)davit_load_s64(x, at);
                davit_store_s64(y, at, (int64_t)(exclusive ? integer_before : integer_sum));
            }
        }
    }
    return DAVIT_OK;
}

/* ---- Softmax, LogSoftmax, Hardmax ---- */

/* Turns a line into its result. */
typedef void (*line_function)(double *values, int64_t count);

/* Loads each line, applies function, stores. With coerce_2d (opsets below 13) a line runs through
 * all axes from axis on. */
static davit_status run_lines(const davit_kernel_call *call, line_function function)
{
    const davit_tensor *x = call->inputs[0];
    bool flat = davit_node_int(call->node, "coerce_2d", 0) != 0;
    int axis = davit_kernel_axis(call, flat ? 1 : -1, x->desc.rank);
    davit_lines lines = flat ? davit_lines_flat(&x->desc, axis) : davit_lines_make(&x->desc, axis);
    double *values = davit_alloc_array(call->allocator, (size_t)lines.length, sizeof(*values));
    if (values == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (int64_t line = 0; line < lines.count; line++) {
        int64_t base = davit_line_base(&lines, line);
        davit_load_f64_run(x, base, lines.stride, lines.length, values);
        function(values, lines.length);
        for (int64_t i = 0; i < lines.length; i++) {
            davit_store_f64(call->outputs[0], base + i * lines.stride, values[i]);
        }
    }
    davit_free(call->allocator, values);
    return DAVIT_OK;
}

static double line_max(const double *values, int64_t count)
{
    double max = -INFINITY;
    for (int64_t i = 0; i < count; i++) {
        max = values[i] > max || isnan(values[i]) ? values[i] : max;
    }
    return max;
}

static void softmax_line(double *values, int64_t count)
{
    double max = line_max(values, count);
    double sum = 0.0;
    for (int64_t i = 0; i < count; i++) {
        values[i] = exp(values[i] - max);
        sum += values[i];
    }
    for (int64_t i = 0; i < count; i++) {
        values[i] /= sum;
    }
}

void davit_log_softmax(double *values, int64_t count)
{
    double max = line_max(values, count);
    double sum = 0.0;
    for (int64_t i = 0; i < count; i++) {
        sum += exp(values[i] - max);
    }
    double shift = max + log(sum);
    for (int64_t i = 0; i < count; i++) {
        values[i] -= shift;
    }
}

static void hardmax_line(double *values, int64_t count)
{
    int64_t best = 0;
    for (int64_t i = 1; i < count; i++) {
        best = values[i] > values[best] ? i : best;
    }
    for (int64_t i = 0; i < count; i++) {
        values[i] = i == best ? 1.0 : 0.0;
    }
}

davit_status davit_run_softmax(const davit_kernel_call *call)
{
    return run_lines(call, softmax_line);
}

davit_status davit_run_log_softmax(const davit_kernel_call *call)
{
    return run_lines(call, davit_log_softmax);
}

davit_status davit_run_hardmax(const davit_kernel_call *call)
{
    return run_lines(call, hardmax_line);
}
