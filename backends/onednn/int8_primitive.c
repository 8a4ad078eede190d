#include "int8_primitive.h"

#include <string.h>

#include "convolution.h"
#include "copy.h"
#include "int8_allow.h"
#include "int8_check.h"
#include "operators.h"
#include "parallel.h"

#define NO_BOUND 1048576.0f /* davit_result's bounds when there are none */
#define GRAIN_ELEMS 8192

/* A primitive while it is made. */
typedef struct job {
    const davit_int8_weighted *w;
    const davit_int8_shape *shape;
    davit_int8_case what;
    davit_dnnl_int8_params params;
    davit_dnnl_int8_end end;
    davit_dnnl_primitive primitive;
    davit_onednn_operand weights, bias, zero, sums;
} job;

static bool accept(const void *user, const char *implementation)
{
    return davit_int8_allowed(user, implementation);
}

/* ---- descriptions ---- */

static davit_status describe_product(davit_onednn_builder *builder, job *j)
{
    davit_dnnl_pool *pool = &builder->program->pool;
    const davit_tensor_desc *w = davit_node_input(builder->graph, j->w->node, 1);
    const int64_t rows = j->shape->rows, depth = w->dims[0], columns = w->dims[1];
    const davit_dnnl_tensor src = {davit_onednn_type(j->w->x.dtype), 2,
                                   (const int64_t[]){rows, depth}, (const int64_t[]){depth, 1}};
    const davit_dnnl_tensor dst = {
        j->what.fused ? davit_onednn_type(j->w->spec.result.type.dtype) : dnnl_s32, 2,
        (const int64_t[]){rows, columns}, (const int64_t[]){columns, 1}};
    const davit_dnnl_tensor any = {dnnl_s8, 2, w->dims, NULL};
    const davit_dnnl_tensor given = {dnnl_s8, 2, w->dims, w->strides};
    davit_status status = davit_dnnl_desc_describe(pool, &src, &j->params.src);
    if (status == DAVIT_OK) {
        status = davit_dnnl_desc_describe(pool, &dst, &j->params.dst);
    }
    if (status == DAVIT_OK) {
        status = davit_dnnl_desc_describe(pool, &given, &j->weights.desc);
    }
    return status == DAVIT_OK ? davit_dnnl_desc_describe(pool, &any, &j->params.weights) : status;
}

/* Weights [O, I / G, k...] as [G, O / G, I / G, k...]. */
static davit_status describe_weights(davit_onednn_builder *builder, job *j)
{
    davit_dnnl_pool *pool = &builder->program->pool;
    const davit_tensor_desc *w = davit_node_input(builder->graph, j->w->node, 1);
    int64_t dims[DAVIT_MAX_RANK + 1], strides[DAVIT_MAX_RANK + 1];
    int rank = 0;
    if (j->shape->groups > 1) {
        dims[rank++] = j->shape->groups;
    }
    dims[rank++] = w->dims[0] / j->shape->groups;
    for (int i = 1; i < w->rank; i++) {
        dims[rank++] = w->dims[i];
    }
    davit_onednn_dense_strides(rank, dims, strides);
    const davit_dnnl_tensor any = {dnnl_s8, rank, dims, NULL};
    const davit_dnnl_tensor given = {dnnl_s8, rank, dims, strides};
    davit_status status = davit_dnnl_desc_describe(pool, &given, &j->weights.desc);
    return status == DAVIT_OK ? davit_dnnl_desc_describe(pool, &any, &j->params.weights) : status;
}

static davit_status describe_convolution(davit_onednn_builder *builder, job *j)
{
    const davit_window *w = j->shape->window;
    davit_dnnl_layout layout;
    for (int i = 0; i < w->axes; i++) {
        j->params.window.strides[i] = w->stride[i];
        j->params.window.dilation[i] = w->dilation[i] - 1;
        j->params.window.padding_left[i] = w->pad_begin[i];
        j->params.window.padding_right[i] = w->pad_end[i];
    }
    if (!davit_dnnl_desc_layout(j->w->dst.desc, &layout)) {
        return DAVIT_UNSUPPORTED;
    }
    const davit_dnnl_tensor dst = {j->what.fused ? davit_onednn_type(j->w->spec.result.type.dtype)
                                                 : dnnl_s32,
                                   layout.rank, layout.dims, layout.strides};
    j->params.src = j->w->src.desc;
    davit_status status = davit_dnnl_desc_describe(&builder->program->pool, &dst, &j->params.dst);
    return status == DAVIT_OK ? describe_weights(builder, j) : status;
}

/* The requantisation as the primitive's own; false where it cannot be said. */
static bool describe_end(job *j)
{
    const davit_requantization *p = &j->w->requantization;
    const davit_result *result = &p->result;
    j->end = (davit_dnnl_int8_end){.channels = (int64_t)p->channels,
                                   .scale = p->scale,
                                   .has_residual = j->w->has_residual,
                                   .residual_type = davit_onednn_type(p->residual_dtype),
                                   .residual_scale = p->residual_scale,
                                   .residual_zero = p->residual_zero,
                                   .clips = result->low > -NO_BOUND || result->high < NO_BOUND,
                                   .low = result->low,
                                   .high = result->high,
                                   .zero = result->zero};
    return result->low <= result->high && (!j->w->has_residual || p->residual_scale != 0.0f);
}

static davit_status describe_bias(davit_onednn_builder *builder, job *j)
{
    const davit_requantization *p = &j->w->requantization;
    const int64_t channels = (int64_t)p->channels;
    const int64_t dims[2] = {j->shape->window == NULL ? 1 : channels, channels};
    void *data;
    if (p->bias == NULL) {
        return DAVIT_OK;
    }
    davit_status status =
        davit_onednn_desc_dense(builder, j->shape->window == NULL ? 2 : 1, dims, &j->params.bias);
    if (status == DAVIT_OK) {
        status = davit_onednn_new_constant(builder, j->params.bias, &j->bias, &data);
    }
    if (status == DAVIT_OK) {
        memcpy(data, p->bias, p->channels * sizeof(*p->bias));
    }
    return status;
}

/* Makes the primitive, with its end inside or not. */
static davit_status create(davit_onednn_builder *builder, job *j, bool fused)
{
    j->what.fused = fused;
    j->params = (davit_dnnl_int8_params){.matmul = j->shape->window == NULL,
                                         .src_zero = j->w->x.zero,
                                         .end = fused ? &j->end : NULL};
    if (fused && !describe_end(j)) {
        return DAVIT_UNSUPPORTED;
    }
    davit_status status =
        j->params.matmul ? describe_product(builder, j) : describe_convolution(builder, j);
    if (status == DAVIT_OK && fused) {
        status = describe_bias(builder, j);
    }
    return status == DAVIT_OK ? davit_dnnl_int8(&builder->program->pool, &j->params, accept,
                                                &j->what, &j->primitive)
                              : status;
}

/* ---- sums in s32, requantised by our own loops ---- */

typedef struct sums_params {
    const davit_int8_loops *loops;
    davit_int8_finish finish;
    int64_t rows, channels;
} sums_params;

typedef struct sums_run {
    const sums_params *params;
    const int32_t *sums;
    const uint8_t *residual;
    uint8_t *out;
} sums_run;

static void finish_rows(const void *context, int64_t begin, int64_t end)
{
    const sums_run *run = context;
    const sums_params *p = run->params;
    for (int64_t row = begin; row < end; row++) {
        int64_t at = row * p->channels;
        p->loops->finish(&p->finish, p->channels, run->sums + at,
                         run->residual != NULL ? run->residual + at : NULL, run->out + at);
    }
}

/* Operands: sums, out, maybe the residual. */
static davit_status run_finish(const davit_onednn_call *call)
{
    const sums_params *p = call->params;
    const sums_run run = {.params = p,
                          .sums = call->pointers[0],
                          .out = call->pointers[1],
                          .residual = p->finish.residual_scale != 0.0f ? call->pointers[2] : NULL};
    davit_onednn_parallel(p->rows, 1 + GRAIN_ELEMS / p->channels, finish_rows, &run);
    return DAVIT_OK;
}

static davit_status add_finish(davit_onednn_builder *builder, const job *j)
{
    const davit_onednn_operand operands[3] = {j->sums, j->w->dst, j->w->residual};
    sums_params *p = davit_onednn_alloc(builder, sizeof(*p));
    if (p == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    *p = (sums_params){.loops = davit_int8_loops_choose(),
                       .rows = j->shape->rows,
                       .channels = (int64_t)j->w->spec.channels};
    davit_status status = davit_int8_weighted_finish(builder, j->w, 1, &p->finish);
    return status == DAVIT_OK ? davit_onednn_add_kernel(builder, p->loops->name, run_finish, p,
                                                        operands, j->w->has_residual ? 3 : 2)
                              : status;
}

/* ---- steps ---- */

/* The zero point as an operand, where this oneDNN wants it when it runs. */
static davit_status make_zero(davit_onednn_builder *builder, job *j)
{
    static const int64_t one = 1;
    const davit_dnnl_tensor tensor = {dnnl_s32, 1, &one, &one};
    davit_dnnl_desc desc;
    void *data;
    davit_status status = davit_dnnl_desc_describe(&builder->program->pool, &tensor, &desc);
    if (status == DAVIT_OK) {
        status = davit_onednn_new_constant(builder, desc, &j->zero, &data);
    }
    if (status == DAVIT_OK) {
        *(int32_t *)data = j->w->x.zero;
    }
    return status;
}

static davit_status pack(davit_onednn_builder *builder, job *j)
{
    davit_onednn_operand given;
    davit_status status = davit_onednn_value_dense(builder, j->w->node->inputs[1], &given);
    if (status != DAVIT_OK) {
        return status;
    }
    given.desc = j->weights.desc;
    return davit_onednn_convert(
        builder, &given, davit_dnnl_query(&j->primitive, dnnl_query_weights_md), &j->weights);
}

/* Puts the residual where the primitive adds to it. */
static davit_status place_residual(davit_onednn_builder *builder, const job *j)
{
    const davit_onednn_copy copy = {.rank = 1,
                                    .dims = {j->shape->rows * (int64_t)j->w->spec.channels},
                                    .from_strides = {1},
                                    .to_strides = {1},
                                    .elem_bytes = 1};
    return j->w->dst.slot == j->w->residual.slot
               ? DAVIT_OK
               : davit_onednn_add_copy(builder, &j->w->residual, &j->w->dst, &copy);
}

static size_t gather_args(const job *j, davit_onednn_arg *args)
{
    davit_onednn_operand src = j->w->src, dst = j->what.fused ? j->w->dst : j->sums;
    size_t count = 0;
    src.desc = j->params.src;
    dst.desc = j->params.dst;
    args[count++] = (davit_onednn_arg){DNNL_ARG_SRC, src};
    args[count++] = (davit_onednn_arg){DNNL_ARG_WEIGHTS, j->weights};
    args[count++] = (davit_onednn_arg){DNNL_ARG_DST, dst};
    if (j->params.bias != NULL) {
        args[count++] = (davit_onednn_arg){DNNL_ARG_BIAS, j->bias};
    }
    if (j->zero.desc != NULL) {
        args[count++] = (davit_onednn_arg){davit_dnnl_int8_zero_argument(), j->zero};
    }
    return count;
}

static davit_status prepare(davit_onednn_builder *builder, job *j)
{
    davit_status status = pack(builder, j);
    if (status == DAVIT_OK && j->what.has_zero && davit_dnnl_int8_zero_argument() != 0) {
        status = make_zero(builder, j);
    }
    if (status == DAVIT_OK && !j->what.fused) {
        status = davit_onednn_new(builder, j->params.dst, &j->sums);
    }
    return status;
}

/* DAVIT_UNSUPPORTED, with a warning, when the primitive is not what the table says. */
static davit_status check(davit_onednn_builder *builder, const job *j, const davit_onednn_arg *args,
                          size_t count)
{
    const davit_int8_check what = {.weighted = j->w,
                                   .window = j->shape->window,
                                   .groups = j->shape->groups,
                                   .rows = j->shape->rows,
                                   .primitive = &j->primitive,
                                   .fused = j->what.fused,
                                   .args = args,
                                   .arg_count = count};
    const char *problem;
    if (davit_weight_cache_found(builder->program->cache)) {
        return DAVIT_OK; /* it passed when these weights were kept */
    }
    davit_status status = davit_int8_check_run(builder, &what, &problem);
    if (status != DAVIT_OK || problem == NULL) {
        return status;
    }
    davit_weight_cache_drop(builder->program->cache);
    davit_log(builder->diag, DAVIT_WARNING,
              "unit '%s': oneDNN's %s is not used: its check found %s", builder->unit->name,
              davit_dnnl_implementation(&j->primitive), problem);
    return DAVIT_UNSUPPORTED;
}

static davit_status add_steps(davit_onednn_builder *builder, job *j)
{
    davit_onednn_arg args[5];
    size_t count = gather_args(j, args);
    const char *name = davit_dnnl_implementation(&j->primitive);
    davit_status status = check(builder, j, args, count);
    if (status != DAVIT_OK) {
        return status;
    }
    builder->implementation = name;
    davit_log(builder->diag, DAVIT_INFO, "unit '%s': %s, %s", builder->unit->name, name,
              j->what.fused ? "requantises itself" : "sums in s32");
    if (j->what.fused && j->w->has_residual) {
        status = place_residual(builder, j);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_add_primitive(builder, &j->primitive, args, count);
    }
    if (status == DAVIT_OK && !j->what.fused) {
        status = add_finish(builder, j);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, j->w->output, &j->w->dst);
    }
    return status;
}

davit_status davit_int8_add_primitive(davit_onednn_builder *builder,
                                      const davit_int8_weighted *weighted,
                                      const davit_int8_shape *shape)
{
    const davit_tensor_desc *w = davit_node_input(builder->graph, weighted->node, 1);
    job j = {.w = weighted,
             .shape = shape,
             .what = {.version = davit_dnnl_version_get(),
                      .matmul = shape->window == NULL,
                      .has_zero = weighted->x.zero != 0,
                      .empty_windows =
                          shape->window != NULL && davit_onednn_has_empty_window(shape->window),
                      .exactness = weighted->exactness}};
    if (w->dtype != DAVIT_S8) {
        return DAVIT_UNSUPPORTED;
    }
    davit_status status = create(builder, &j, true);
    if (status == DAVIT_UNSUPPORTED) {
        status = create(builder, &j, false);
    }
    if (status == DAVIT_OK) {
        status = prepare(builder, &j);
    }
    return status == DAVIT_OK ? add_steps(builder, &j) : status;
}
