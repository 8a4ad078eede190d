#include "davit/window.h"
#include "spatial.h"
#include "walk.h"

#include <math.h>

/* A pool over one plane (batch and channel) at a time. */
typedef struct pool {
    const davit_kernel_call *call;
    davit_window window;
    int64_t planes, in_places, out_places;
    int64_t in_strides[DAVIT_WINDOW_MAX_AXES];
} pool;

/* What a kind of pool makes of one window: taps are offsets from the plane's first element. */
typedef void (*pool_window)(const pool *p, int64_t plane, int64_t out, const int64_t *begins);

static davit_status run_pool(const davit_kernel_call *call, pool_window reduce)
{
    const davit_tensor *x = call->inputs[0];
    davit_window_spec spec = {call->node, &x->desc, NULL, false};
    pool p = {.call = call, .in_places = 1, .out_places = 1};
    davit_status status = davit_window_resolve(&spec, call->diag, &p.window);
    if (status != DAVIT_OK) {
        return status;
    }
    p.planes = x->desc.dims[0] * x->desc.dims[1];
    davit_dense_strides(p.window.axes, p.window.in, p.in_strides);
    for (int i = 0; i < p.window.axes; i++) {
        p.in_places *= p.window.in[i];
        p.out_places *= p.window.out[i];
    }
    for (int64_t plane = 0; plane < p.planes; plane++) {
        davit_walk walk = davit_walk_make(p.window.axes, p.window.out);
        int64_t out = plane * p.out_places;
        for (bool more = davit_walk_start(&walk); more; more = davit_walk_next(&walk)) {
            int64_t begins[DAVIT_WINDOW_MAX_AXES];
            for (int i = 0; i < p.window.axes; i++) {
                begins[i] = walk.index[i] * p.window.stride[i] - p.window.pad_begin[i];
            }
            reduce(&p, plane, out++, begins);
        }
    }
    return DAVIT_OK;
}

/* The offset in the plane of a kernel place, or -1 in the padding. */
static int64_t tap_offset(const pool *p, const int64_t *begins, const int64_t *taps)
{
    int64_t offset = 0;
    for (int i = 0; i < p->window.axes; i++) {
        int64_t at = begins[i] + taps[i] * p->window.dilation[i];
        if (at < 0 || at >= p->window.in[i]) {
            return -1;
        }
        offset += at * p->in_strides[i];
    }
    return offset;
}

/* True for a kernel place in the input or its stated padding; windows of ceil_mode reach past. */
static bool tap_is_padded(const pool *p, const int64_t *begins, const int64_t *taps)
{
    for (int i = 0; i < p->window.axes; i++) {
        int64_t at = begins[i] + taps[i] * p->window.dilation[i];
        if (at >= p->window.in[i] + p->window.pad_end[i]) {
            return false;
        }
    }
    return true;
}

static void average_window(const pool *p, int64_t plane, int64_t out, const int64_t *begins)
{
    bool count_pad = davit_node_int(p->call->node, "count_include_pad", 0) != 0;
    double sum = 0.0;
    int64_t count = 0;
    davit_walk taps = davit_walk_make(p->window.axes, p->window.kernel);
    for (bool more = davit_walk_start(&taps); more; more = davit_walk_next(&taps)) {
        int64_t offset = tap_offset(p, begins, taps.index);
        if (offset >= 0) {
            sum += davit_load_f64(p->call->inputs[0], plane * p->in_places + offset);
            count++;
        } else if (count_pad && tap_is_padded(p, begins, taps.index)) {
            count++;
        }
    }
    davit_store_f64(p->call->outputs[0], out, count > 0 ? sum / (double)count : 0.0);
}

davit_status davit_run_average_pool(const davit_kernel_call *call)
{
    return run_pool(call, average_window);
}

/* |x|^p for the Lp pools. */
static double power(double x, int64_t p)
{
    x = fabs(x);
    return p == 1 ? x : p == 2 ? x * x : pow(x, (double)p);
}

static double root(double sum, int64_t p)
{
    return p == 1 ? sum : p == 2 ? sqrt(sum) : pow(sum, 1.0 / (double)p);
}

static void lp_window(const pool *p, int64_t plane, int64_t out, const int64_t *begins)
{
    int64_t exponent = davit_node_int(p->call->node, "p", 2);
    double sum = 0.0;
    davit_walk taps = davit_walk_make(p->window.axes, p->window.kernel);
    for (bool more = davit_walk_start(&taps); more; more = davit_walk_next(&taps)) {
        int64_t offset = tap_offset(p, begins, taps.index);
        if (offset >= 0) {
            double x = davit_load_f64(p->call->inputs[0], plane * p->in_places + offset);
            sum += power(x, exponent);
        }
    }
    davit_store_f64(p->call->outputs[0], out, root(sum, exponent));
}

davit_status davit_run_lp_pool(const davit_kernel_call *call)
{
    return run_pool(call, lp_window);
}

/* The index of a place among all elements, the last spatial axis fastest, or with storage_order 1
 * the first one. */
static int64_t stored_index(const pool *p, int64_t plane, int64_t offset)
{
    if (davit_node_int(p->call->node, "storage_order", 0) == 0) {
        return plane * p->in_places + offset;
    }
    int64_t index = 0;
    int64_t stride = 1;
    for (int i = 0; i < p->window.axes; i++) {
        index += offset / p->in_strides[i] % p->window.in[i] * stride;
        stride *= p->window.in[i];
    }
    return plane * p->in_places + index;
}

/* The first greatest element, or the first NaN; a window of padding alone gives the type's least
 * value and index -1. */
static void max_window(const pool *p, int64_t plane, int64_t out, const int64_t *begins)
{
    double best = -INFINITY;
    int64_t best_offset = -1;
    davit_walk taps = davit_walk_make(p->window.axes, p->window.kernel);
    for (bool more = davit_walk_start(&taps); more; more = davit_walk_next(&taps)) {
        int64_t offset = tap_offset(p, begins, taps.index);
        if (offset < 0) {
            continue;
        }
        double x = davit_load_f64(p->call->inputs[0], plane * p->in_places + offset);
        if (best_offset < 0 || x > best || (isnan(x) && !isnan(best))) {
            best = x;
            best_offset = offset;
        }
    }
    davit_store_f64(p->call->outputs[0], out, best);
    if (davit_kernel_output(p->call, 1) != NULL) {
        int64_t index = best_offset < 0 ? -1 : stored_index(p, plane, best_offset);
        davit_store_s64(p->call->outputs[1], out, index);
    }
}

davit_status davit_run_max_pool(const davit_kernel_call *call)
{
    return run_pool(call, max_window);
}

/* ---- global pools: all spatial places of a plane ---- */

typedef enum global_kind { GLOBAL_AVERAGE, GLOBAL_MAX, GLOBAL_LP } global_kind;

static double global_plane(const davit_kernel_call *call, global_kind kind, int64_t first,
                           int64_t count)
{
    int64_t p = davit_node_int(call->node, "p", 2);
    double result = kind == GLOBAL_MAX ? -INFINITY : 0.0;
    for (int64_t i = first; i < first + count; i++) {
        double x = davit_load_f64(call->inputs[0], i);
        if (kind == GLOBAL_MAX) {
            result = x > result || isnan(x) ? x : result;
        } else {
            result += kind == GLOBAL_LP ? power(x, p) : x;
        }
    }
    if (kind == GLOBAL_AVERAGE) {
        return result / (double)count;
    }
    return kind == GLOBAL_LP ? root(result, p) : result;
}

static davit_status run_global(const davit_kernel_call *call, global_kind kind)
{
    const davit_tensor_desc *desc = &call->inputs[0]->desc;
    int64_t planes = desc->dims[0] * desc->dims[1];
    int64_t places = 1;
    for (int i = 2; i < desc->rank; i++) {
        places *= desc->dims[i];
    }
    for (int64_t plane = 0; plane < planes; plane++) {
        davit_store_f64(call->outputs[0], plane, global_plane(call, kind, plane * places, places));
    }
    return DAVIT_OK;
}

davit_status davit_run_global_average_pool(const davit_kernel_call *call)
{
    return run_global(call, GLOBAL_AVERAGE);
}

davit_status davit_run_global_max_pool(const davit_kernel_call *call)
{
    return run_global(call, GLOBAL_MAX);
}

davit_status davit_run_global_lp_pool(const davit_kernel_call *call)
{
    return run_global(call, GLOBAL_LP);
}

/* ---- MaxUnpool ---- */

/* Index i among elements of the unpooled shape, as an index of the output, which may be larger at
 * the end of each axis. */
static int64_t index_in_output(const int64_t *unpooled, const davit_tensor_desc *y, int64_t i)
{
    int64_t strides[DAVIT_MAX_RANK];
    int64_t out = 0;
    davit_dense_strides(y->rank, y->dims, strides);
    for (int axis = y->rank - 1; axis >= 0; axis--) {
        out += i % unpooled[axis] * strides[axis];
        i /= unpooled[axis];
    }
    return out;
}

davit_status davit_run_max_unpool(const davit_kernel_call *call)
{
    const davit_tensor *x = call->inputs[0];
    davit_tensor *y = call->outputs[0];
    davit_window_spec spec = {call->node, &x->desc, NULL, true};
    davit_window window;
    davit_status status = davit_window_resolve(&spec, call->diag, &window);
    if (status != DAVIT_OK) {
        return status;
    }
    int64_t unpooled[DAVIT_MAX_RANK] = {x->desc.dims[0], x->desc.dims[1]};
    int64_t elems = unpooled[0] * unpooled[1];
    for (int i = 0; i < window.axes; i++) {
        unpooled[i + 2] = window.out[i];
        elems *= window.out[i];
    }
    for (int64_t i = 0; i < davit_tensor_desc_elems(&y->desc); i++) {
        davit_store_f64(y, i, 0.0);
    }
    for (int64_t i = 0; i < davit_tensor_desc_elems(&x->desc); i++) {
        int64_t index = davit_load_s64(call->inputs[1], i);
        if (index < 0 || index >= elems) {
            return davit_kernel_fail(call, DAVIT_BAD_DATA, "an index is out of range");
        }
        davit_store_f64(y, index_in_output(unpooled, &y->desc, index), davit_load_f64(x, i));
    }
    return DAVIT_OK;
}
