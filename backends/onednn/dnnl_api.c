#include "dnnl_api.h"

#include <oneapi/dnnl/dnnl_debug.h>
#include <stdio.h>
#include <string.h>

#include "dnnl_objects.h"

/* The names under which both APIs are used below. */
#if DNNL_VERSION_MAJOR >= 3
#define API_3 1
#else
#define API_3 0
#endif

typedef enum object_kind {
    OBJECT_DESC,
    OBJECT_PRIMITIVE_DESC,
    OBJECT_PRIMITIVE,
    OBJECT_MEMORY
} object_kind;

struct davit_dnnl_object {
    object_kind kind;
    union {
        davit_dnnl_desc desc;
        dnnl_primitive_desc_t primitive_desc;
        dnnl_primitive_t primitive;
        dnnl_memory_t memory;
    } u;
};

/* ---- status and version ---- */

davit_status davit_dnnl_status(const davit_diagnostics *diag, dnnl_status_t status,
                               const char *what)
{
    switch (status) {
    case dnnl_success:
        return DAVIT_OK;
    case dnnl_unimplemented:
        return DAVIT_UNSUPPORTED;
    case dnnl_out_of_memory:
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "oneDNN: %s: out of memory", what);
    default:
        return davit_fail(diag, DAVIT_INTERNAL, "oneDNN: %s: %s (%d)", what,
                          dnnl_status2str(status), (int)status);
    }
}

static const char *isa_text(dnnl_cpu_isa_t isa)
{
    unsigned bits = (unsigned)isa;

    if (bits >= (unsigned)dnnl_cpu_isa_avx512_core_amx && (bits & 0x20u) != 0) {
        return "AVX-512 AMX";
    }
    if (bits >= (unsigned)dnnl_cpu_isa_avx512_core_bf16 && (bits & 0x20u) != 0) {
        return "AVX-512 BF16";
    }
    switch (isa) {
    case dnnl_cpu_isa_avx512_core_vnni:
        return "AVX-512 VNNI";
    case dnnl_cpu_isa_avx512_core:
        return "AVX-512";
    case dnnl_cpu_isa_avx2_vnni:
        return "AVX2 VNNI";
    case dnnl_cpu_isa_avx2:
        return "AVX2";
    case dnnl_cpu_isa_avx:
        return "AVX";
    case dnnl_cpu_isa_sse41:
        return "SSE4.1";
    default:
        return "generic";
    }
}

void davit_dnnl_version_text(char *text, size_t bytes)
{
    const dnnl_version_t *version = dnnl_version();

    snprintf(text, bytes, "%d.%d.%d, %s", version->major, version->minor, version->patch,
             isa_text(dnnl_get_effective_cpu_isa()));
}

double davit_dnnl_f32_flops_per_cycle(void)
{
    unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
    if ((isa & (unsigned)dnnl_cpu_isa_avx512_core) == (unsigned)dnnl_cpu_isa_avx512_core) {
        return 64.0; /* two units of 16 */
    }
    return (isa & (unsigned)dnnl_cpu_isa_avx2) == (unsigned)dnnl_cpu_isa_avx2 ? 32.0 : 8.0;
}

double davit_dnnl_s8_ops_per_cycle(void)
{
    unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
    if ((isa & (unsigned)dnnl_cpu_isa_avx512_core_amx) == (unsigned)dnnl_cpu_isa_avx512_core_amx) {
        return 2048.0;
    }
    if ((isa & (unsigned)dnnl_cpu_isa_avx512_core_vnni) ==
        (unsigned)dnnl_cpu_isa_avx512_core_vnni) {
        return 256.0;
    }
    return davit_dnnl_f32_flops_per_cycle() * 2.0;
}

static bool has_isa(dnnl_cpu_isa_t wanted)
{
    return ((unsigned)dnnl_get_effective_cpu_isa() & (unsigned)wanted) == (unsigned)wanted;
}

bool davit_dnnl_has_bf16(void)
{
    return has_isa(dnnl_cpu_isa_avx512_core_bf16);
}

double davit_dnnl_bf16_flops_per_cycle(void)
{
    if (has_isa(dnnl_cpu_isa_avx512_core_amx)) {
        return 1024.0;
    }
    if (davit_dnnl_has_bf16()) {
        return 2.0 * davit_dnnl_f32_flops_per_cycle();
    }
    return has_isa(dnnl_cpu_isa_avx512_core) ? 0.2 * davit_dnnl_f32_flops_per_cycle() : 0.0;
}

/* ---- the pool ---- */

davit_status davit_dnnl_pool_init(davit_dnnl_pool *pool, const davit_allocator *allocator,
                                  const davit_diagnostics *diag, dnnl_engine_t engine)
{
    dnnl_stream_t stream = NULL;
    davit_status status = davit_dnnl_status(
        diag, dnnl_stream_create(&stream, engine, dnnl_stream_default_flags), "stream");
    if (status == DAVIT_OK) {
        *pool = (davit_dnnl_pool){
            .allocator = allocator, .diag = diag, .engine = engine, .stream = stream};
    }
    return status;
}

static void destroy_desc(davit_dnnl_pool *pool, davit_dnnl_desc desc)
{
#if API_3
    (void)pool;
    (void)dnnl_memory_desc_destroy((dnnl_memory_desc_t)desc);
#else
    davit_free(pool->allocator, (void *)desc);
#endif
}

static void destroy_object(davit_dnnl_pool *pool, const struct davit_dnnl_object *object)
{
    switch (object->kind) {
    case OBJECT_DESC:
        destroy_desc(pool, object->u.desc);
        break;
    case OBJECT_PRIMITIVE_DESC:
        (void)dnnl_primitive_desc_destroy(object->u.primitive_desc);
        break;
    case OBJECT_PRIMITIVE:
        (void)dnnl_primitive_destroy(object->u.primitive);
        break;
    case OBJECT_MEMORY:
        (void)dnnl_memory_destroy(object->u.memory);
        break;
    }
}

void davit_dnnl_pool_clear(davit_dnnl_pool *pool)
{
    while (pool->object_count > 0) {
        destroy_object(pool, &pool->objects[--pool->object_count]);
    }
    if (pool->stream != NULL) {
        (void)dnnl_stream_destroy(pool->stream);
        davit_free(pool->allocator, pool->objects);
    }
    *pool = (davit_dnnl_pool){0};
}

/* Takes an object over; destroys it when that fails. */
static davit_status pool_keep(davit_dnnl_pool *pool, struct davit_dnnl_object object)
{
    davit_status status =
        davit_array_grow(pool->allocator, (void **)&pool->objects, &pool->object_capacity,
                         pool->object_count, pool->object_count + 1, sizeof(*pool->objects));

    if (status != DAVIT_OK) {
        destroy_object(pool, &object);
        return davit_fail(pool->diag, status, "oneDNN: out of memory for a program's objects");
    }
    pool->objects[pool->object_count++] = object;
    return DAVIT_OK;
}

/* ---- memory ---- */

static davit_status keep_desc(davit_dnnl_pool *pool, davit_dnnl_desc desc, davit_dnnl_desc *out)
{
    davit_status status =
        pool_keep(pool, (struct davit_dnnl_object){.kind = OBJECT_DESC, .u.desc = desc});

    if (status == DAVIT_OK) {
        *out = desc;
    }
    return status;
}

#if API_3
davit_status davit_dnnl_desc_describe(davit_dnnl_pool *pool, const davit_dnnl_tensor *t,
                                      davit_dnnl_desc *out)
{
    dnnl_memory_desc_t desc = NULL;
    dnnl_status_t native =
        t->strides != NULL
            ? dnnl_memory_desc_create_with_strides(&desc, t->rank, t->dims, t->type, t->strides)
            : dnnl_memory_desc_create_with_tag(&desc, t->rank, t->dims, t->type,
                                               dnnl_format_tag_any);
    davit_status status = davit_dnnl_status(pool->diag, native, "memory descriptor");

    return status == DAVIT_OK ? keep_desc(pool, desc, out) : status;
}

davit_status davit_dnnl_desc_part(davit_dnnl_pool *pool, davit_dnnl_desc parent,
                                  const int64_t *dims, const int64_t *offsets, davit_dnnl_desc *out)
{
    dnnl_memory_desc_t desc = NULL;

    if (dnnl_memory_desc_create_submemory(&desc, parent, dims, offsets) != dnnl_success) {
        return DAVIT_UNSUPPORTED;
    }
    return keep_desc(pool, desc, out);
}

bool davit_dnnl_desc_layout(davit_dnnl_desc desc, davit_dnnl_layout *layout)
{
    dnnl_format_kind_t format = dnnl_format_kind_undef;
    const dnnl_dims_t *dims = NULL, *padded = NULL, *strides = NULL, *sizes = NULL, *which = NULL;

    if (dnnl_memory_desc_query(desc, dnnl_query_format_kind, &format) != dnnl_success ||
        format != dnnl_blocked) {
        return false;
    }
    if (dnnl_memory_desc_query(desc, dnnl_query_ndims_s32, &layout->rank) != dnnl_success ||
        dnnl_memory_desc_query(desc, dnnl_query_dims, &dims) != dnnl_success ||
        dnnl_memory_desc_query(desc, dnnl_query_padded_dims, &padded) != dnnl_success ||
        dnnl_memory_desc_query(desc, dnnl_query_strides, &strides) != dnnl_success ||
        dnnl_memory_desc_query(desc, dnnl_query_inner_nblks_s32, &layout->block_count) !=
            dnnl_success ||
        dnnl_memory_desc_query(desc, dnnl_query_inner_blks, &sizes) != dnnl_success ||
        dnnl_memory_desc_query(desc, dnnl_query_inner_idxs, &which) != dnnl_success ||
        dnnl_memory_desc_query(desc, dnnl_query_submemory_offset_s64, &layout->offset) !=
            dnnl_success) {
        return false;
    }
    layout->dims = *dims;
    layout->padded_dims = *padded;
    layout->strides = *strides;
    layout->block_sizes = *sizes;
    layout->block_dims = *which;
    return true;
}

bool davit_dnnl_desc_equal(davit_dnnl_desc a, davit_dnnl_desc b)
{
    return dnnl_memory_desc_equal(a, b) != 0;
}
#else
static davit_status copy_desc(davit_dnnl_pool *pool, const dnnl_memory_desc_t *desc,
                              davit_dnnl_desc *out)
{
    dnnl_memory_desc_t *copy = davit_alloc(pool->allocator, sizeof(*copy));

    if (copy == NULL) {
        return davit_fail(pool->diag, DAVIT_OUT_OF_MEMORY, "oneDNN: out of memory");
    }
    *copy = *desc;
    return keep_desc(pool, copy, out);
}

davit_status davit_dnnl_desc_describe(davit_dnnl_pool *pool, const davit_dnnl_tensor *t,
                                      davit_dnnl_desc *out)
{
    dnnl_memory_desc_t desc;
    dnnl_status_t native =
        t->strides != NULL
            ? dnnl_memory_desc_init_by_strides(&desc, t->rank, t->dims, t->type, t->strides)
            : dnnl_memory_desc_init_by_tag(&desc, t->rank, t->dims, t->type, dnnl_format_tag_any);
    davit_status status = davit_dnnl_status(pool->diag, native, "memory descriptor");

    return status == DAVIT_OK ? copy_desc(pool, &desc, out) : status;
}

davit_status davit_dnnl_desc_part(davit_dnnl_pool *pool, davit_dnnl_desc parent,
                                  const int64_t *dims, const int64_t *offsets, davit_dnnl_desc *out)
{
    dnnl_memory_desc_t desc;

    if (dnnl_memory_desc_init_submemory(&desc, parent, dims, offsets) != dnnl_success) {
        return DAVIT_UNSUPPORTED;
    }
    return copy_desc(pool, &desc, out);
}

bool davit_dnnl_desc_layout(davit_dnnl_desc desc, davit_dnnl_layout *layout)
{
    if (desc->format_kind != dnnl_blocked) {
        return false;
    }
    layout->rank = desc->ndims;
    layout->dims = desc->dims;
    layout->padded_dims = desc->padded_dims;
    layout->strides = desc->format_desc.blocking.strides;
    layout->block_count = desc->format_desc.blocking.inner_nblks;
    layout->block_sizes = desc->format_desc.blocking.inner_blks;
    layout->block_dims = desc->format_desc.blocking.inner_idxs;
    layout->offset = desc->offset0;
    return true;
}

bool davit_dnnl_desc_equal(davit_dnnl_desc a, davit_dnnl_desc b)
{
    return dnnl_memory_desc_equal(a, b) != 0;
}
#endif

davit_status davit_dnnl_desc_retype(davit_dnnl_pool *pool, davit_dnnl_desc desc,
                                    dnnl_data_type_t type, davit_dnnl_desc *out)
{
    davit_dnnl_tensor tensor = {.type = type};
    davit_dnnl_layout layout;

    if (davit_dnnl_desc_layout(desc, &layout)) {
        if (layout.block_count > 0 || layout.offset != 0) {
            return DAVIT_UNSUPPORTED;
        }
        tensor.rank = layout.rank;
        tensor.dims = layout.dims;
        tensor.strides = layout.strides;
        return davit_dnnl_desc_describe(pool, &tensor, out);
    }
#if API_3
    const dnnl_dims_t *dims = NULL;

    if (dnnl_memory_desc_query(desc, dnnl_query_ndims_s32, &tensor.rank) != dnnl_success ||
        dnnl_memory_desc_query(desc, dnnl_query_dims, &dims) != dnnl_success) {
        return DAVIT_UNSUPPORTED;
    }
    tensor.dims = *dims;
#else
    tensor.rank = desc->ndims;
    tensor.dims = desc->dims;
#endif
    return davit_dnnl_desc_describe(pool, &tensor, out);
}

davit_status davit_dnnl_desc_create(davit_dnnl_pool *pool, int rank, const int64_t *dims,
                                    const int64_t *strides, davit_dnnl_desc *out)
{
    const davit_dnnl_tensor tensor = {
        .type = dnnl_f32, .rank = rank, .dims = dims, .strides = strides};

    return davit_dnnl_desc_describe(pool, &tensor, out);
}

size_t davit_dnnl_desc_bytes(davit_dnnl_desc desc)
{
    return dnnl_memory_desc_get_size(desc);
}

davit_status davit_dnnl_memory(davit_dnnl_pool *pool, davit_dnnl_desc desc, dnnl_memory_t *out)
{
    dnnl_memory_t memory = NULL;
    davit_status status = davit_dnnl_status(
        pool->diag, dnnl_memory_create(&memory, desc, pool->engine, DNNL_MEMORY_NONE), "memory");

    if (status == DAVIT_OK) {
        status =
            pool_keep(pool, (struct davit_dnnl_object){.kind = OBJECT_MEMORY, .u.memory = memory});
    }
    if (status == DAVIT_OK) {
        *out = memory;
    }
    return status;
}

/* ---- attributes ---- */

static dnnl_status_t append_post_op(dnnl_post_ops_t native, const davit_dnnl_post_op *op)
{
    switch (op->kind) {
    case DAVIT_DNNL_SUM:
#if API_3
        return dnnl_post_ops_append_sum(native, 1.0f, 0, dnnl_f32);
#else
        return dnnl_post_ops_append_sum(native, 1.0f);
#endif
    case DAVIT_DNNL_ELTWISE:
#if API_3
        return dnnl_post_ops_append_eltwise(native, op->algorithm, op->alpha, op->beta);
#else
        return dnnl_post_ops_append_eltwise(native, 1.0f, op->algorithm, op->alpha, op->beta);
#endif
    case DAVIT_DNNL_BINARY:
        return dnnl_post_ops_append_binary(native, op->algorithm, op->operand);
    }
    return dnnl_invalid_arguments;
}

/* Destroy the result with dnnl_primitive_attr_destroy. */
static dnnl_status_t create_attributes(const davit_dnnl_post_ops *post_ops,
                                       dnnl_primitive_attr_t *out)
{
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_post_ops_t native = NULL;
    dnnl_status_t status = dnnl_primitive_attr_create(&attributes);

    if (status == dnnl_success) {
        status = dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
    }
    if (status == dnnl_success && post_ops != NULL && post_ops->count > 0) {
        status = dnnl_post_ops_create(&native);
        for (size_t i = 0; i < post_ops->count && status == dnnl_success; i++) {
            status = append_post_op(native, &post_ops->ops[i]);
        }
        if (status == dnnl_success) {
            status = dnnl_primitive_attr_set_post_ops(attributes, native);
        }
        (void)dnnl_post_ops_destroy(native);
    }
    if (status != dnnl_success) {
        (void)dnnl_primitive_attr_destroy(attributes);
        return status;
    }
    *out = attributes;
    return dnnl_success;
}

/* ---- primitives ---- */

davit_status davit_dnnl_finish(davit_dnnl_pool *pool, dnnl_status_t native,
                               dnnl_primitive_desc_t desc, const char *what,
                               davit_dnnl_primitive *out)
{
    dnnl_primitive_t primitive = NULL;
    davit_status status = davit_dnnl_status(pool->diag, native, what);

    if (status != DAVIT_OK) {
        return status;
    }
    status = pool_keep(
        pool, (struct davit_dnnl_object){.kind = OBJECT_PRIMITIVE_DESC, .u.primitive_desc = desc});
    if (status != DAVIT_OK) {
        return status;
    }
    status = davit_dnnl_status(pool->diag, dnnl_primitive_create(&primitive, desc), what);
    if (status != DAVIT_OK) {
        return status;
    }
    status = pool_keep(
        pool, (struct davit_dnnl_object){.kind = OBJECT_PRIMITIVE, .u.primitive = primitive});
    if (status != DAVIT_OK) {
        return status;
    }
    *out = (davit_dnnl_primitive){.primitive = primitive, .desc = desc};
    return DAVIT_OK;
}

/* Runs `call`, an expression of type dnnl_status_t over `desc` and `attributes`, between the making
 * and the destruction of the attributes, and finishes. */
#define CREATE(pool, post_ops, what, out, call)                                                    \
    do {                                                                                           \
        dnnl_primitive_desc_t desc = NULL;                                                         \
        dnnl_primitive_attr_t attributes = NULL;                                                   \
        dnnl_status_t native = create_attributes(post_ops, &attributes);                           \
        if (native == dnnl_success) {                                                              \
            native = (call);                                                                       \
            (void)dnnl_primitive_attr_destroy(attributes);                                         \
        }                                                                                          \
        return davit_dnnl_finish(pool, native, desc, what, out);                                   \
    } while (0)

#if API_3

davit_status davit_dnnl_convolution(davit_dnnl_pool *pool, const davit_dnnl_convolution_params *p,
                                    const davit_dnnl_post_ops *post_ops, davit_dnnl_primitive *out)
{
    const davit_dnnl_window *w = &p->window;

    if (p->transposed) {
        CREATE(pool, post_ops, "deconvolution", out,
               dnnl_deconvolution_forward_primitive_desc_create(
                   &desc, pool->engine, dnnl_forward_inference, dnnl_deconvolution_direct, p->src,
                   p->weights, p->bias, p->dst, w->strides, w->dilation, w->padding_left,
                   w->padding_right, attributes));
    }
    CREATE(pool, post_ops, "convolution", out,
           dnnl_convolution_forward_primitive_desc_create(
               &desc, pool->engine, dnnl_forward_inference, dnnl_convolution_direct, p->src,
               p->weights, p->bias, p->dst, w->strides, w->dilation, w->padding_left,
               w->padding_right, attributes));
}

davit_status davit_dnnl_matmul(davit_dnnl_pool *pool, const davit_dnnl_matmul_params *p,
                               const davit_dnnl_post_ops *post_ops, davit_dnnl_primitive *out)
{
    CREATE(pool, post_ops, "matmul", out,
           dnnl_matmul_primitive_desc_create(&desc, pool->engine, p->src, p->weights, p->bias,
                                             p->dst, attributes));
}

davit_status davit_dnnl_pooling(davit_dnnl_pool *pool, const davit_dnnl_pooling_params *p,
                                davit_dnnl_primitive *out)
{
    const davit_dnnl_window *w = &p->window;

    CREATE(pool, NULL, "pooling", out,
           dnnl_pooling_forward_primitive_desc_create(
               &desc, pool->engine, dnnl_forward_inference, p->algorithm, p->src, p->dst,
               w->strides, w->kernel, w->dilation, w->padding_left, w->padding_right, attributes));
}

davit_status davit_dnnl_softmax(davit_dnnl_pool *pool, bool logarithm, davit_dnnl_desc data,
                                int axis, davit_dnnl_primitive *out)
{
    dnnl_alg_kind_t algorithm = logarithm ? dnnl_softmax_log : dnnl_softmax_accurate;

    CREATE(pool, NULL, "softmax", out,
           dnnl_softmax_forward_primitive_desc_create(&desc, pool->engine, dnnl_forward_inference,
                                                      algorithm, data, data, axis, attributes));
}

davit_status davit_dnnl_layer_normalization(davit_dnnl_pool *pool, davit_dnnl_desc data,
                                            float epsilon, davit_dnnl_primitive *out)
{
    CREATE(pool, NULL, "layer normalisation", out,
           dnnl_layer_normalization_forward_primitive_desc_create(
               &desc, pool->engine, dnnl_forward_inference, data, data, NULL, epsilon,
               dnnl_use_scale | dnnl_use_shift, attributes));
}

davit_status davit_dnnl_batch_normalization(davit_dnnl_pool *pool, davit_dnnl_desc data,
                                            float epsilon, davit_dnnl_primitive *out)
{
    CREATE(pool, NULL, "batch normalisation", out,
           dnnl_batch_normalization_forward_primitive_desc_create(
               &desc, pool->engine, dnnl_forward_inference, data, data, epsilon,
               dnnl_use_global_stats | dnnl_use_scale | dnnl_use_shift, attributes));
}

davit_status davit_dnnl_lrn(davit_dnnl_pool *pool, const davit_dnnl_lrn_params *p,
                            davit_dnnl_primitive *out)
{
    CREATE(pool, NULL, "LRN", out,
           dnnl_lrn_forward_primitive_desc_create(&desc, pool->engine, dnnl_forward_inference,
                                                  dnnl_lrn_across_channels, p->data, p->data,
                                                  p->size, p->alpha, p->beta, p->k, attributes));
}

davit_status davit_dnnl_eltwise(davit_dnnl_pool *pool, const davit_dnnl_eltwise_params *p,
                                davit_dnnl_primitive *out)
{
    CREATE(pool, NULL, "eltwise", out,
           dnnl_eltwise_forward_primitive_desc_create(&desc, pool->engine, dnnl_forward_inference,
                                                      p->algorithm, p->data, p->data, p->alpha,
                                                      p->beta, attributes));
}

davit_status davit_dnnl_binary(davit_dnnl_pool *pool, const davit_dnnl_binary_params *p,
                               davit_dnnl_primitive *out)
{
    CREATE(pool, NULL, "binary", out,
           dnnl_binary_primitive_desc_create(&desc, pool->engine, p->algorithm, p->first, p->second,
                                             p->dst, attributes));
}

davit_status davit_dnnl_concat(davit_dnnl_pool *pool, davit_dnnl_desc dst, int axis, size_t count,
                               const davit_dnnl_desc *srcs, davit_dnnl_primitive *out)
{
    CREATE(pool, NULL, "concat", out,
           dnnl_concat_primitive_desc_create(&desc, pool->engine, dst, (int)count, axis, srcs,
                                             attributes));
}

davit_status davit_dnnl_resampling(davit_dnnl_pool *pool, bool linear, davit_dnnl_desc src,
                                   davit_dnnl_desc dst, davit_dnnl_primitive *out)
{
    dnnl_alg_kind_t algorithm = linear ? dnnl_resampling_linear : dnnl_resampling_nearest;

    CREATE(pool, NULL, "resampling", out,
           dnnl_resampling_forward_primitive_desc_create(
               &desc, pool->engine, dnnl_forward_inference, algorithm, NULL, src, dst, attributes));
}

#else /* the 2.x API: an operation descriptor first */

/* CREATE with the operation descriptor op, which `init` fills. */
#define CREATE_2(pool, post_ops, what, out, init)                                                  \
    CREATE(pool, post_ops, what, out,                                                              \
           create_from_op(pool, (init), (const_dnnl_op_desc_t)&op, attributes, &desc))

static dnnl_status_t create_from_op(davit_dnnl_pool *pool, dnnl_status_t init,
                                    const_dnnl_op_desc_t op, const_dnnl_primitive_attr_t attributes,
                                    dnnl_primitive_desc_t *desc)
{
    return init != dnnl_success
               ? init
               : dnnl_primitive_desc_create(desc, op, attributes, pool->engine, NULL);
}

davit_status davit_dnnl_convolution(davit_dnnl_pool *pool, const davit_dnnl_convolution_params *p,
                                    const davit_dnnl_post_ops *post_ops, davit_dnnl_primitive *out)
{
    const davit_dnnl_window *w = &p->window;

    if (p->transposed) {
        dnnl_deconvolution_desc_t op;

        CREATE_2(pool, post_ops, "deconvolution", out,
                 dnnl_dilated_deconvolution_forward_desc_init(
                     &op, dnnl_forward_inference, dnnl_deconvolution_direct, p->src, p->weights,
                     p->bias, p->dst, w->strides, w->dilation, w->padding_left, w->padding_right));
    } else {
        dnnl_convolution_desc_t op;

        CREATE_2(pool, post_ops, "convolution", out,
                 dnnl_dilated_convolution_forward_desc_init(
                     &op, dnnl_forward_inference, dnnl_convolution_direct, p->src, p->weights,
                     p->bias, p->dst, w->strides, w->dilation, w->padding_left, w->padding_right));
    }
}

davit_status davit_dnnl_matmul(davit_dnnl_pool *pool, const davit_dnnl_matmul_params *p,
                               const davit_dnnl_post_ops *post_ops, davit_dnnl_primitive *out)
{
    dnnl_matmul_desc_t op;

    CREATE_2(pool, post_ops, "matmul", out,
             dnnl_matmul_desc_init(&op, p->src, p->weights, p->bias, p->dst));
}

davit_status davit_dnnl_pooling(davit_dnnl_pool *pool, const davit_dnnl_pooling_params *p,
                                davit_dnnl_primitive *out)
{
    const davit_dnnl_window *w = &p->window;
    dnnl_pooling_v2_desc_t op;

    CREATE_2(pool, NULL, "pooling", out,
             dnnl_pooling_v2_forward_desc_init(&op, dnnl_forward_inference, p->algorithm, p->src,
                                               p->dst, w->strides, w->kernel, w->dilation,
                                               w->padding_left, w->padding_right));
}

davit_status davit_dnnl_softmax(davit_dnnl_pool *pool, bool logarithm, davit_dnnl_desc data,
                                int axis, davit_dnnl_primitive *out)
{
    dnnl_alg_kind_t algorithm = logarithm ? dnnl_softmax_log : dnnl_softmax_accurate;
    dnnl_softmax_v2_desc_t op;

    CREATE_2(pool, NULL, "softmax", out,
             dnnl_softmax_v2_forward_desc_init(&op, dnnl_forward_inference, algorithm, data, data,
                                               axis));
}

davit_status davit_dnnl_layer_normalization(davit_dnnl_pool *pool, davit_dnnl_desc data,
                                            float epsilon, davit_dnnl_primitive *out)
{
    dnnl_layer_normalization_desc_t op;

    CREATE_2(pool, NULL, "layer normalisation", out,
             dnnl_layer_normalization_forward_desc_init(&op, dnnl_forward_inference, data, NULL,
                                                        epsilon, dnnl_use_scale | dnnl_use_shift));
}

davit_status davit_dnnl_batch_normalization(davit_dnnl_pool *pool, davit_dnnl_desc data,
                                            float epsilon, davit_dnnl_primitive *out)
{
    dnnl_batch_normalization_desc_t op;

    CREATE_2(pool, NULL, "batch normalisation", out,
             dnnl_batch_normalization_forward_desc_init(&op, dnnl_forward_inference, data, epsilon,
                                                        dnnl_use_global_stats | dnnl_use_scale |
                                                            dnnl_use_shift));
}

davit_status davit_dnnl_lrn(davit_dnnl_pool *pool, const davit_dnnl_lrn_params *p,
                            davit_dnnl_primitive *out)
{
    dnnl_lrn_desc_t op;

    CREATE_2(pool, NULL, "LRN", out,
             dnnl_lrn_forward_desc_init(&op, dnnl_forward_inference, dnnl_lrn_across_channels,
                                        p->data, p->size, p->alpha, p->beta, p->k));
}

davit_status davit_dnnl_eltwise(davit_dnnl_pool *pool, const davit_dnnl_eltwise_params *p,
                                davit_dnnl_primitive *out)
{
    dnnl_eltwise_desc_t op;

    CREATE_2(pool, NULL, "eltwise", out,
             dnnl_eltwise_forward_desc_init(&op, dnnl_forward_inference, p->algorithm, p->data,
                                            p->alpha, p->beta));
}

davit_status davit_dnnl_binary(davit_dnnl_pool *pool, const davit_dnnl_binary_params *p,
                               davit_dnnl_primitive *out)
{
    dnnl_binary_desc_t op;

    CREATE_2(pool, NULL, "binary", out,
             dnnl_binary_desc_init(&op, p->algorithm, p->first, p->second, p->dst));
}

davit_status davit_dnnl_concat(davit_dnnl_pool *pool, davit_dnnl_desc dst, int axis, size_t count,
                               const davit_dnnl_desc *srcs, davit_dnnl_primitive *out)
{
    dnnl_memory_desc_t *copies = davit_alloc_array(pool->allocator, count, sizeof(*copies));
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_primitive_desc_t desc = NULL;
    dnnl_status_t native = dnnl_out_of_memory;

    if (copies != NULL) {
        for (size_t i = 0; i < count; i++) {
            copies[i] = *srcs[i];
        }
        native = create_attributes(NULL, &attributes);
    }
    if (native == dnnl_success) {
        native = dnnl_concat_primitive_desc_create(&desc, dst, (int)count, axis, copies, attributes,
                                                   pool->engine);
        (void)dnnl_primitive_attr_destroy(attributes);
    }
    davit_free(pool->allocator, copies);
    return davit_dnnl_finish(pool, native, desc, "concat", out);
}

davit_status davit_dnnl_resampling(davit_dnnl_pool *pool, bool linear, davit_dnnl_desc src,
                                   davit_dnnl_desc dst, davit_dnnl_primitive *out)
{
    dnnl_alg_kind_t algorithm = linear ? dnnl_resampling_linear : dnnl_resampling_nearest;
    dnnl_resampling_desc_t op;

    CREATE_2(
        pool, NULL, "resampling", out,
        dnnl_resampling_forward_desc_init(&op, dnnl_forward_inference, algorithm, NULL, src, dst));
}

#endif

davit_status davit_dnnl_reorder(davit_dnnl_pool *pool, davit_dnnl_desc src, davit_dnnl_desc dst,
                                davit_dnnl_primitive *out)
{
    CREATE(pool, NULL, "reorder", out,
           dnnl_reorder_primitive_desc_create(&desc, src, pool->engine, dst, pool->engine,
                                              attributes));
}

davit_dnnl_desc davit_dnnl_query(const davit_dnnl_primitive *primitive, dnnl_query_t what)
{
    return dnnl_primitive_desc_query_md(primitive->desc, what, 0);
}

const char *davit_dnnl_implementation(const davit_dnnl_primitive *primitive)
{
    const char *text = NULL;

    if (dnnl_primitive_desc_query(primitive->desc, dnnl_query_impl_info_str, 0, (void *)&text) !=
            dnnl_success ||
        text == NULL) {
        return "oneDNN";
    }
    return text;
}

bool davit_dnnl_is_reference(const davit_dnnl_primitive *primitive)
{
    return strncmp(davit_dnnl_implementation(primitive), "ref", 3) == 0;
}
