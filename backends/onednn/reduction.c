/* Reductions of f32 over axes that lie next to each other. */
#include <math.h>

#include "operators.h"
#include "parallel.h"
#include "pool.h"

#define GRAIN_ELEMS 16384
#define LANES 16

typedef enum reduction_kind {
    REDUCE_SUM,
    REDUCE_ABS_SUM,
    REDUCE_SQUARE_SUM,
    REDUCE_MAX,
    REDUCE_MIN,
    REDUCE_PRODUCT
} reduction_kind;

typedef struct reduction {
    reduction_kind kind;
    bool root, logarithm;         /* of the result */
    float factor;                 /* of the result */
    int64_t outer, length, inner; /* [outer, length, inner] -> [outer, inner] */
} reduction;

/* The axes to reduce; false when they are not constant. */
static bool axes_of(const davit_graph *graph, const davit_node *node, bool *reduced)
{
    int rank = davit_node_input(graph, node, 0)->rank;
    const davit_tensor *axes = davit_node_constant(graph, node, 1);
    int64_t given[DAVIT_MAX_RANK];
    size_t count = 0;
    if (davit_node_has_input(node, 1) && axes == NULL) {
        return false;
    }
    if (axes != NULL) {
        count = davit_constant_ints(axes, given, DAVIT_MAX_RANK);
    }
    bool all = count == 0 && davit_node_int(node, "noop_with_empty_axes", 0) == 0;
    for (int i = 0; i < rank; i++) {
        reduced[i] = all;
    }
    for (size_t i = 0; i < count; i++) {
        reduced[davit_node_axis(given[i], rank)] = true;
    }
    return true;
}

/* False where kept axes of more than one element lie between reduced ones. */
static bool shape_of(const davit_tensor_desc *in, const bool *reduced, reduction *r)
{
    bool after = false;
    r->outer = r->length = r->inner = 1;
    for (int i = 0; i < in->rank; i++) {
        if (in->dims[i] == 1) {
            continue;
        }
        if (reduced[i]) {
            if (after) {
                return false;
            }
            r->length *= in->dims[i];
        } else if (r->length == 1) {
            r->outer *= in->dims[i];
        } else {
            after = true;
            r->inner *= in->dims[i];
        }
    }
    return true;
}

static const char *refuse_reduction(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    const davit_tensor_desc *in = davit_node_input(graph, node, 0);
    bool reduced[DAVIT_MAX_RANK];
    reduction r;
    if (in->dtype != DAVIT_F32) {
        return "element type other than f32";
    }
    if (!axes_of(graph, node, reduced)) {
        return "axes that are not constant";
    }
    return shape_of(in, reduced, &r) ? NULL : "axes apart from each other";
}

/* ---- loops ---- */

typedef struct reduction_run {
    const reduction *reduction;
    const float *from;
    float *to;
} reduction_run;

/* Reduces length rows of inner elements into LANES or inner accumulators. */
#define DEFINE_REDUCE(name, start, step)                                                           \
    static float name##_row(const float *from, int64_t count)                                      \
    {                                                                                              \
        float lanes[LANES];                                                                        \
        int64_t i = 0;                                                                             \
        for (int k = 0; k < LANES; k++) {                                                          \
            lanes[k] = (start);                                                                    \
        }                                                                                          \
        for (; i + LANES <= count; i += LANES) {                                                   \
            for (int k = 0; k < LANES; k++) {                                                      \
                const float x = from[i + k], acc = lanes[k];                                       \
                lanes[k] = (step);                                                                 \
            }                                                                                      \
        }                                                                                          \
        for (; i < count; i++) {                                                                   \
            const float x = from[i], acc = lanes[0];                                               \
            lanes[0] = (step);                                                                     \
        }                                                                                          \
        return name##_lanes(lanes);                                                                \
    }                                                                                              \
    static void name##_rows(const float *from, int64_t count, int64_t inner, float *to)            \
    {                                                                                              \
        for (int64_t j = 0; j < inner; j++) {                                                      \
            to[j] = (start);                                                                       \
        }                                                                                          \
        for (int64_t i = 0; i < count; i++) {                                                      \
            for (int64_t j = 0; j < inner; j++) {                                                  \
                const float x = from[i * inner + j], acc = to[j];                                  \
                to[j] = (step);                                                                    \
            }                                                                                      \
        }                                                                                          \
    }

#define DEFINE_LANES(name, step)                                                                   \
    static float name##_lanes(float *lanes)                                                        \
    {                                                                                              \
        for (int width = LANES / 2; width > 0; width /= 2) {                                       \
            for (int k = 0; k < width; k++) {                                                      \
                const float acc = lanes[k], x = lanes[k + width];                                  \
                lanes[k] = (step);                                                                 \
            }                                                                                      \
        }                                                                                          \
        return lanes[0];                                                                           \
    }

DEFINE_LANES(sum, acc + x)
DEFINE_REDUCE(sum, 0.0f, acc + x)
DEFINE_LANES(abs_sum, acc + x)
DEFINE_REDUCE(abs_sum, 0.0f, acc + fabsf(x))
DEFINE_LANES(square_sum, acc + x)
DEFINE_REDUCE(square_sum, 0.0f, acc + x * x)
DEFINE_LANES(max, isnan(x) || x > acc ? x : acc)
DEFINE_REDUCE(max, -INFINITY, isnan(x) || x > acc ? x : acc)
DEFINE_LANES(min, isnan(x) || x < acc ? x : acc)
DEFINE_REDUCE(min, INFINITY, isnan(x) || x < acc ? x : acc)
DEFINE_LANES(product, acc *x)
DEFINE_REDUCE(product, 1.0f, acc *x)

typedef struct reduction_loops {
    float (*row)(const float *from, int64_t count);
    void (*rows)(const float *from, int64_t count, int64_t inner, float *to);
} reduction_loops;

static const reduction_loops loops[] = {[REDUCE_SUM] = {sum_row, sum_rows},
                                        [REDUCE_ABS_SUM] = {abs_sum_row, abs_sum_rows},
                                        [REDUCE_SQUARE_SUM] = {square_sum_row, square_sum_rows},
                                        [REDUCE_MAX] = {max_row, max_rows},
                                        [REDUCE_MIN] = {min_row, min_rows},
                                        [REDUCE_PRODUCT] = {product_row, product_rows}};

static void reduce_outer(const void *context, int64_t begin, int64_t end)
{
    const reduction_run *run = context;
    const reduction *r = run->reduction;
    for (int64_t i = begin; i < end; i++) {
        const float *from = run->from + i * r->length * r->inner;
        float *to = run->to + i * r->inner;
        if (r->inner == 1) {
            *to = loops[r->kind].row(from, r->length);
        } else {
            loops[r->kind].rows(from, r->length, r->inner, to);
        }
        for (int64_t j = 0; j < r->inner; j++) {
            float x = to[j] * r->factor;
            x = r->root ? sqrtf(x) : x;
            to[j] = r->logarithm ? logf(x) : x;
        }
    }
}

static davit_status run_reduction(const davit_onednn_call *call)
{
    const reduction_run run = {
        .reduction = call->params, .from = call->pointers[0], .to = call->pointers[1]};
    int64_t per_outer = run.reduction->length * run.reduction->inner;
    davit_onednn_parallel(run.reduction->outer, 1 + GRAIN_ELEMS / per_outer, reduce_outer, &run);
    return DAVIT_OK;
}

/* ---- building ---- */

static void set_kind(const davit_node *node, reduction *r)
{
    r->factor = 1.0f;
    switch (node->op->op) {
    case DAVIT_OP_ReduceL1:
        r->kind = REDUCE_ABS_SUM;
        break;
    case DAVIT_OP_ReduceL2:
        r->kind = REDUCE_SQUARE_SUM;
        r->root = true;
        break;
    case DAVIT_OP_ReduceLogSum:
        r->kind = REDUCE_SUM;
        r->logarithm = true;
        break;
    case DAVIT_OP_ReduceMax:
        r->kind = REDUCE_MAX;
        break;
    case DAVIT_OP_ReduceMean:
        r->kind = REDUCE_SUM;
        r->factor = 1.0f / (float)r->length;
        break;
    case DAVIT_OP_ReduceMin:
        r->kind = REDUCE_MIN;
        break;
    case DAVIT_OP_ReduceProd:
        r->kind = REDUCE_PRODUCT;
        break;
    case DAVIT_OP_ReduceSumSquare:
        r->kind = REDUCE_SQUARE_SUM;
        break;
    default: /* ReduceSum */
        r->kind = REDUCE_SUM;
        break;
    }
}

/* The mean over space of a value in a private layout, where it stays in that layout. */
static davit_status build_pool(davit_onednn_builder *builder, const davit_unit *unit,
                               const davit_node *node, const bool *reduced)
{
    const davit_tensor_desc *in = davit_node_input(builder->graph, node, 0);
    const davit_tensor_desc *out = davit_node_output(builder->graph, node);
    davit_onednn_operand from, result;
    bool space = in->rank >= 3 && in->rank <= 5 && out->rank == in->rank;
    for (int i = 0; i < in->rank; i++) {
        space = space && reduced[i] == (i >= 2);
    }
    if (!space || node->op->op != DAVIT_OP_ReduceMean) {
        return DAVIT_UNSUPPORTED;
    }
    davit_status status = davit_onednn_value_get(builder, node->inputs[0], &from);
    if (status == DAVIT_OK && davit_onednn_is_row_major(from.desc)) {
        return DAVIT_UNSUPPORTED;
    }
    if (status == DAVIT_OK) {
        status =
            davit_onednn_add_global_pool(builder, dnnl_pooling_avg_exclude_padding, &from, &result);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, unit->outputs[0], &result);
    }
    return status;
}

static davit_status build_reduction(davit_onednn_builder *builder, const davit_unit *unit,
                                    const davit_node *node)
{
    bool reduced[DAVIT_MAX_RANK];
    davit_onednn_operand operands[2];
    (void)axes_of(builder->graph, node, reduced);
    davit_status status = build_pool(builder, unit, node, reduced);
    if (status != DAVIT_UNSUPPORTED) {
        return status;
    }
    reduction *r = davit_onednn_alloc(builder, sizeof(*r));
    if (r == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    (void)shape_of(davit_node_input(builder->graph, node, 0), reduced, r);
    set_kind(node, r);
    status = davit_onednn_value_dense(builder, node->inputs[0], &operands[0]);
    if (status == DAVIT_OK) {
        status = davit_onednn_new_dense(builder, unit->outputs[0], &operands[1]);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_add_kernel(builder, "loop", run_reduction, r, operands, 2);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, unit->outputs[0], &operands[1]);
    }
    return status;
}

static const davit_onednn_operator operators[] = {
    {DAVIT_OP_ReduceL1, true, refuse_reduction, build_reduction},
    {DAVIT_OP_ReduceL2, true, refuse_reduction, build_reduction},
    {DAVIT_OP_ReduceLogSum, true, refuse_reduction, build_reduction},
    {DAVIT_OP_ReduceMax, true, refuse_reduction, build_reduction},
    {DAVIT_OP_ReduceMean, true, refuse_reduction, build_reduction},
    {DAVIT_OP_ReduceMin, true, refuse_reduction, build_reduction},
    {DAVIT_OP_ReduceProd, true, refuse_reduction, build_reduction},
    {DAVIT_OP_ReduceSum, true, refuse_reduction, build_reduction},
    {DAVIT_OP_ReduceSumSquare, true, refuse_reduction, build_reduction}};

const davit_onednn_family davit_onednn_reductions = DAVIT_ONEDNN_FAMILY(operators);
