#include "dnnl_int8.h"

#include "dnnl_objects.h"

davit_dnnl_version davit_dnnl_version_get(void)
{
    const dnnl_version_t *version = dnnl_version();
    const unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
    const unsigned vnni = (unsigned)dnnl_cpu_isa_avx512_core_vnni;
    const unsigned amx = (unsigned)dnnl_cpu_isa_avx512_core_amx;
    return (davit_dnnl_version){.major = version->major,
                                .minor = version->minor,
                                .vnni = (isa & vnni) == vnni,
                                .amx = (isa & amx) == amx};
}

#if DNNL_VERSION_MAJOR >= 3

int davit_dnnl_int8_zero_argument(void)
{
    return DNNL_ARG_ATTR_ZERO_POINTS | DNNL_ARG_SRC;
}

static dnnl_status_t create_attributes(const davit_dnnl_int8_params *p, dnnl_primitive_attr_t *out)
{
    dnnl_status_t status = dnnl_primitive_attr_create(out);
    if (status == dnnl_success) {
        status = dnnl_primitive_attr_set_scratchpad_mode(*out, dnnl_scratchpad_mode_user);
    }
    if (status == dnnl_success && p->src_zero != 0) {
        status = dnnl_primitive_attr_set_zero_points_mask(*out, DNNL_ARG_SRC, 0);
    }
    return status;
}

static dnnl_status_t create_desc(davit_dnnl_pool *pool, const davit_dnnl_int8_params *p,
                                 const_dnnl_primitive_attr_t attributes,
                                 dnnl_primitive_desc_t *desc)
{
    const davit_dnnl_window *w = &p->window;
    if (p->matmul) {
        return dnnl_matmul_primitive_desc_create(desc, pool->engine, p->src, p->weights, p->bias,
                                                 p->dst, attributes);
    }
    return dnnl_convolution_forward_primitive_desc_create(
        desc, pool->engine, dnnl_forward_inference, dnnl_convolution_direct, p->src, p->weights,
        p->bias, p->dst, w->strides, w->dilation, w->padding_left, w->padding_right, attributes);
}

davit_status davit_dnnl_int8(davit_dnnl_pool *pool, const davit_dnnl_int8_params *params,
                             davit_dnnl_accept accept, const void *user, davit_dnnl_primitive *out)
{
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_primitive_desc_t desc = NULL;
    if (params->end != NULL) {
        return DAVIT_UNSUPPORTED;
    }
    dnnl_status_t native = create_attributes(params, &attributes);
    if (native == dnnl_success) {
        native = create_desc(pool, params, attributes, &desc);
    }
    (void)dnnl_primitive_attr_destroy(attributes);
    while (native == dnnl_success) {
        const davit_dnnl_primitive candidate = {.desc = desc};
        if (accept(user, davit_dnnl_implementation(&candidate))) {
            break;
        }
        native = dnnl_primitive_desc_next_impl(desc);
    }
    if (native == dnnl_last_impl_reached) {
        (void)dnnl_primitive_desc_destroy(desc);
        return DAVIT_UNSUPPORTED;
    }
    return davit_dnnl_finish(pool, native, desc, "8-bit primitive", out);
}

#else

int davit_dnnl_int8_zero_argument(void)
{
    return 0;
}

static dnnl_status_t set_end(dnnl_primitive_attr_t attributes, const davit_dnnl_int8_end *end)
{
    dnnl_post_ops_t ops = NULL;
    dnnl_status_t status =
        dnnl_primitive_attr_set_output_scales(attributes, end->channels, 1 << 1, end->scale);
    if (status == dnnl_success && end->zero != 0) {
        status = dnnl_primitive_attr_set_zero_points(attributes, DNNL_ARG_DST, 1, 0, &end->zero);
    }
    if (status == dnnl_success) {
        status = dnnl_post_ops_create(&ops);
    }
    if (status == dnnl_success && end->has_residual) {
        status = dnnl_post_ops_append_sum_v3(ops, end->residual_scale, end->residual_zero,
                                             end->residual_type);
    }
    if (status == dnnl_success && end->clips) {
        status = dnnl_post_ops_append_eltwise(ops, 1.0f, dnnl_eltwise_clip, end->low, end->high);
    }
    if (status == dnnl_success) {
        status = dnnl_primitive_attr_set_post_ops(attributes, ops);
    }
    (void)dnnl_post_ops_destroy(ops);
    return status;
}

static dnnl_status_t create_attributes(const davit_dnnl_int8_params *p, dnnl_primitive_attr_t *out)
{
    dnnl_status_t status = dnnl_primitive_attr_create(out);
    if (status == dnnl_success) {
        status = dnnl_primitive_attr_set_scratchpad_mode(*out, dnnl_scratchpad_mode_user);
    }
    if (status == dnnl_success && p->src_zero != 0) {
        status = dnnl_primitive_attr_set_zero_points(*out, DNNL_ARG_SRC, 1, 0, &p->src_zero);
    }
    return status == dnnl_success && p->end != NULL ? set_end(*out, p->end) : status;
}

/* An operation, which an iterator over its implementations reads while it lives. */
typedef union operation {
    dnnl_matmul_desc_t matmul;
    dnnl_convolution_desc_t convolution;
} operation;

static dnnl_status_t describe(const davit_dnnl_int8_params *p, operation *out)
{
    const davit_dnnl_window *w = &p->window;
    return p->matmul ? dnnl_matmul_desc_init(&out->matmul, p->src, p->weights, p->bias, p->dst)
                     : dnnl_dilated_convolution_forward_desc_init(
                           &out->convolution, dnnl_forward_inference, dnnl_convolution_direct,
                           p->src, p->weights, p->bias, p->dst, w->strides, w->dilation,
                           w->padding_left, w->padding_right);
}

/* The first accepted descriptor; NULL when there is none. */
static dnnl_primitive_desc_t first_accepted(dnnl_primitive_desc_iterator_t iterator,
                                            davit_dnnl_accept accept, const void *user)
{
    dnnl_status_t status = dnnl_success;
    for (; status == dnnl_success; status = dnnl_primitive_desc_iterator_next(iterator)) {
        const davit_dnnl_primitive candidate = {.desc =
                                                    dnnl_primitive_desc_iterator_fetch(iterator)};
        if (candidate.desc == NULL) {
            return NULL;
        }
        if (accept(user, davit_dnnl_implementation(&candidate))) {
            return (dnnl_primitive_desc_t)candidate.desc;
        }
        (void)dnnl_primitive_desc_destroy((dnnl_primitive_desc_t)candidate.desc);
    }
    return NULL;
}

davit_status davit_dnnl_int8(davit_dnnl_pool *pool, const davit_dnnl_int8_params *params,
                             davit_dnnl_accept accept, const void *user, davit_dnnl_primitive *out)
{
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_primitive_desc_iterator_t iterator = NULL;
    dnnl_primitive_desc_t desc = NULL;
    operation op;
    dnnl_status_t native = describe(params, &op);
    if (native == dnnl_success) {
        native = create_attributes(params, &attributes);
    }
    if (native == dnnl_success) {
        native = dnnl_primitive_desc_iterator_create(&iterator, (const_dnnl_op_desc_t)&op,
                                                     attributes, pool->engine, NULL);
    }
    (void)dnnl_primitive_attr_destroy(attributes);
    if (native == dnnl_success) {
        desc = first_accepted(iterator, accept, user);
        native = desc != NULL ? dnnl_success : dnnl_unimplemented;
    }
    (void)dnnl_primitive_desc_iterator_destroy(iterator);
    return davit_dnnl_finish(pool, native, desc, "8-bit primitive", out);
}

#endif
