#include "reduce.h"
#include "walk.h"

#include <math.h>

/* A reduction: what is summed, multiplied or compared, and what becomes of the result. */
typedef struct reduction {
    const davit_tensor *x;
    int kept_rank, reduced_rank;
    int64_t kept[DAVIT_MAX_RANK], kept_strides[DAVIT_MAX_RANK];
    int64_t reduced[DAVIT_MAX_RANK], reduced_strides[DAVIT_MAX_RANK];
    int64_t base; /* offset of the current output's first element */
    int64_t count;
} reduction;

/* A walk over the elements of the current output. */
static davit_walk elements(const reduction *r)
{
    davit_walk walk = davit_walk_make(r->reduced_rank, r->reduced);
    davit_walk_add(&walk, r->reduced_strides);
    return walk;
}

/* ---- floats, in f64 ---- */

/* max(x), or min(x) with sign -1; NaN wins. */
static double extreme_f64(const reduction *r, double sign)
{
    double best = -INFINITY;
    davit_walk walk = elements(r);
    for (bool more = davit_walk_start(&walk); more; more = davit_walk_next(&walk)) {
        double x = sign * davit_load_f64(r->x, r->base + walk.offset[0]);
        best = x > best || isnan(x) ? x : best;
    }
    return sign * best;
}

static double log_sum_exp(const reduction *r)
{
    double max = extreme_f64(r, 1.0);
    if (isnan(max) || isinf(max)) {
        return max;
    }
    double sum = 0.0;
    davit_walk walk = elements(r);
    for (bool more = davit_walk_start(&walk); more; more = davit_walk_next(&walk)) {
        sum += exp(davit_load_f64(r->x, r->base + walk.offset[0]) - max);
    }
    return max + log(sum);
}

static double reduce_f64(const reduction *r, davit_op op)
{
    if (op == DAVIT_OP_ReduceMax || op == DAVIT_OP_ReduceMin) {
        return extreme_f64(r, op == DAVIT_OP_ReduceMax ? 1.0 : -1.0);
    }
    if (op == DAVIT_OP_ReduceLogSumExp) {
        return log_sum_exp(r);
    }
    bool squared = op == DAVIT_OP_ReduceL2 || op == DAVIT_OP_ReduceSumSquare;
    double sum = 0.0;
    double product = 1.0;
    davit_walk walk = elements(r);
    for (bool more = davit_walk_start(&walk); more; more = davit_walk_next(&walk)) {
        double x = davit_load_f64(r->x, r->base + walk.offset[0]);
        product *= x;
        sum += squared ? x * x : op == DAVIT_OP_ReduceL1 ? fabs(x) : x;
    }
    switch (op) {
    case DAVIT_OP_ReduceL2:
        return sqrt(sum);
    case DAVIT_OP_ReduceLogSum:
        return log(sum);
    case DAVIT_OP_ReduceMean:
        return sum / (double)r->count;
    case DAVIT_OP_ReduceProd:
        return product;
    default:
        return sum;
    }
}

/* ---- integers and bool, modulo 2^64 ---- */

/* The value that every other one of the type is above (or below, for the least). */
static int64_t worst_s64(davit_dtype dtype, bool greatest)
{
    switch (dtype) {
    case DAVIT_BOOL:
        return greatest ? 0 : 1;
    case DAVIT_U8:
        return greatest ? 0 : UINT8_MAX;
    case DAVIT_S8:
        return greatest ? INT8_MIN : INT8_MAX;
    case DAVIT_S32:
        return greatest ? INT32_MIN : INT32_MAX;
    case DAVIT_U32:
        return greatest ? 0 : UINT32_MAX;
    case DAVIT_U64:
        return greatest ? 0 : -1;
    default:
        return greatest ? INT64_MIN : INT64_MAX;
    }
}

static int64_t extreme_s64(const reduction *r, bool greatest)
{
    bool is_unsigned = r->x->desc.dtype == DAVIT_U64;
    int64_t best = worst_s64(r->x->desc.dtype, greatest);
    davit_walk walk = elements(r);
    for (bool more = davit_walk_start(&walk); more; more = davit_walk_next(&walk)) {
        int64_t x = davit_load_s64(r->x, r->base + walk.offset[0]);
        bool above = is_unsigned ? (uint64_t)x > (uint64_t)best : x > best;
        best = (x != best && above == greatest) ? x : best;
    }
    return best;
}

/* Sum, sum of magnitudes or squares, or product. */
static uint64_t fold_u64(const reduction *r, davit_op op)
{
    bool squared = op == DAVIT_OP_ReduceL2 || op == DAVIT_OP_ReduceSumSquare;
    bool is_unsigned = r->x->desc.dtype == DAVIT_U64;
    uint64_t sum = 0;
    uint64_t product = 1;
    davit_walk walk = elements(r);
    for (bool more = davit_walk_start(&walk); more; more = davit_walk_next(&walk)) {
        uint64_t x = (uint64_t)davit_load_s64(r->x, r->base + walk.offset[0]);
        bool negative = !is_unsigned && (x >> 63) != 0;
        product *= x;
        sum += squared ? x * x : op == DAVIT_OP_ReduceL1 && negative ? 0 - x : x;
    }
    return op == DAVIT_OP_ReduceProd ? product : sum;
}

static void reduce_integer(const reduction *r, davit_op op, davit_tensor *y, int64_t out)
{
    switch (op) {
    case DAVIT_OP_ReduceMax:
    case DAVIT_OP_ReduceMin:
        davit_store_s64(y, out, extreme_s64(r, op == DAVIT_OP_ReduceMax));
        break;
    case DAVIT_OP_ReduceL1:
    case DAVIT_OP_ReduceProd:
    case DAVIT_OP_ReduceSum:
    case DAVIT_OP_ReduceSumSquare:
        davit_store_s64(y, out, (int64_t)fold_u64(r, op));
        break;
    default: /* square roots, logarithms, means: truncated */
        davit_store_f64(y, out, reduce_f64(r, op));
        break;
    }
}

/* ---- */

/* Splits the axes of x into kept and reduced ones, as inference does. */
static reduction split_axes(const davit_kernel_call *call)
{
    const davit_tensor *x = call->inputs[0];
    const davit_tensor *axes = davit_kernel_input(call, 1);
    int64_t count = axes != NULL ? davit_tensor_desc_elems(&axes->desc) : 0;
    bool all = count == 0 && davit_node_int(call->node, "noop_with_empty_axes", 0) == 0;
    bool reduced[DAVIT_MAX_RANK] = {false};
    for (int64_t i = 0; i < count; i++) {
        int64_t axis = davit_load_s64(axes, i);
        reduced[axis < 0 ? axis + x->desc.rank : axis] = true;
    }
    reduction r = {.x = x, .count = 1};
    int64_t strides[DAVIT_MAX_RANK];
    davit_dense_strides(x->desc.rank, x->desc.dims, strides);
    for (int d = 0; d < x->desc.rank; d++) {
        if (all || reduced[d]) {
            r.reduced[r.reduced_rank] = x->desc.dims[d];
            r.reduced_strides[r.reduced_rank++] = strides[d];
            r.count *= x->desc.dims[d];
        } else {
            r.kept[r.kept_rank] = x->desc.dims[d];
            r.kept_strides[r.kept_rank++] = strides[d];
        }
    }
    return r;
}

static davit_status run_reduction(const davit_kernel_call *call)
{
    reduction r = split_axes(call);
    davit_op op = call->node->op->op;
    bool is_float = davit_dtype_is_float(r.x->desc.dtype);
    int64_t out = 0;
    davit_walk walk = davit_walk_make(r.kept_rank, r.kept);
    davit_walk_add(&walk, r.kept_strides);
    for (bool more = davit_walk_start(&walk); more; more = davit_walk_next(&walk), out++) {
        r.base = walk.offset[0];
        if (is_float) {
            davit_store_f64(call->outputs[0], out, reduce_f64(&r, op));
        } else {
            reduce_integer(&r, op, call->outputs[0], out);
        }
    }
    return DAVIT_OK;
}

static const davit_kernel_entry entries[] = {
    {DAVIT_OP_ArgMax, davit_run_arg_max},
    {DAVIT_OP_ArgMin, davit_run_arg_min},
    {DAVIT_OP_CumSum, davit_run_cumsum},
    {DAVIT_OP_Hardmax, davit_run_hardmax},
    {DAVIT_OP_LogSoftmax, davit_run_log_softmax},
    {DAVIT_OP_ReduceL1, run_reduction},
    {DAVIT_OP_ReduceL2, run_reduction},
    {DAVIT_OP_ReduceLogSum, run_reduction},
    {DAVIT_OP_ReduceLogSumExp, run_reduction},
    {DAVIT_OP_ReduceMax, run_reduction},
    {DAVIT_OP_ReduceMean, run_reduction},
    {DAVIT_OP_ReduceMin, run_reduction},
    {DAVIT_OP_ReduceProd, run_reduction},
    {DAVIT_OP_ReduceSum, run_reduction},
    {DAVIT_OP_ReduceSumSquare, run_reduction},
    {DAVIT_OP_Softmax, davit_run_softmax},
    {DAVIT_OP_TopK, davit_run_topk},
};

const davit_kernel_family davit_kernels_reduce = DAVIT_KERNEL_FAMILY(entries);
