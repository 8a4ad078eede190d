#include "int8_check.h"

#include <string.h>

#include "int8_window.h"
#include "operators.h"

#define SAMPLES 64
#define GUARD_BYTES 512
#define GUARD 0x5a
#define PERIOD 16381 /* bytes after which the operands repeat; a prime */

/* The memory of a check. */
typedef struct check_memory {
    uint8_t *source, *residual;
    uint8_t *results[2]; /* guard, destination, guard */
    uint8_t *scratch;
    size_t source_bytes, residual_bytes, result_bytes; /* residual_bytes: 0 without one */
} check_memory;

static uint32_t scramble(uint64_t i)
{
    i *= 0x9e3779b97f4a7c15u;
    return (uint32_t)(i >> 32);
}

/* Repeats what the first bytes are, up to the last. */
static void repeat(uint8_t *data, size_t filled, size_t bytes)
{
    for (size_t step; filled < bytes; filled += step) {
        step = filled < bytes - filled ? filled : bytes - filled;
        memcpy(data + filled, data, step);
    }
}

/* A third of the source is all at the upper end, where pairs of products are largest. */
static void fill_source(const davit_int8_weighted *w, uint8_t *source, size_t bytes)
{
    uint8_t low = w->x.dtype == DAVIT_S8 ? 0x80 : 0x00;
    uint8_t high = w->x.dtype == DAVIT_S8 ? 0x7f : 0xff;
    size_t period = bytes < PERIOD ? bytes : PERIOD;
    for (size_t i = 0; i < period; i++) {
        source[i] = scramble(i) % 3 != 0 ? high : low;
    }
    repeat(source, period, bytes);
    memset(source, high, bytes / 3);
}

static void fill_residual(uint8_t *residual, size_t bytes)
{
    size_t period = bytes < PERIOD ? bytes : PERIOD;
    for (size_t i = 0; i < period; i++) {
        residual[i] = (uint8_t)scramble(i + 1);
    }
    repeat(residual, period, bytes);
}

static davit_status allocate(const davit_onednn_builder *builder, const davit_int8_check *c,
                             check_memory *m)
{
    const davit_allocator *allocator = builder->program->allocator;
    davit_dnnl_desc scratch = davit_dnnl_query(c->primitive, dnnl_query_scratchpad_md);
    for (size_t i = 0; i < c->arg_count; i++) {
        size_t bytes = davit_dnnl_desc_bytes(c->args[i].operand.desc);
        if (c->args[i].index == DNNL_ARG_SRC) {
            m->source_bytes = bytes;
        } else if (c->args[i].index == DNNL_ARG_DST) {
            m->result_bytes = bytes;
        }
    }
    bool added = c->fused && c->weighted->has_residual;
    m->residual_bytes = added ? m->result_bytes : 0;
    m->source = davit_alloc_uninitialized(allocator, m->source_bytes);
    m->residual = davit_alloc_uninitialized(allocator, m->residual_bytes);
    m->scratch =
        davit_alloc_uninitialized(allocator, scratch != NULL ? davit_dnnl_desc_bytes(scratch) : 0);
    m->results[0] = davit_alloc_uninitialized(allocator, m->result_bytes + 2 * GUARD_BYTES);
    m->results[1] = davit_alloc_uninitialized(allocator, m->result_bytes + 2 * GUARD_BYTES);
    if (m->source == NULL || m->residual == NULL || m->scratch == NULL || m->results[0] == NULL ||
        m->results[1] == NULL) {
        return davit_fail(builder->diag, DAVIT_OUT_OF_MEMORY, "unit '%s': no memory to check it",
                          builder->unit->name);
    }
    fill_source(c->weighted, m->source, m->source_bytes);
    fill_residual(m->residual, m->residual_bytes);
    return DAVIT_OK;
}

static void release(const davit_onednn_builder *builder, check_memory *m)
{
    const davit_allocator *allocator = builder->program->allocator;
    davit_free(allocator, m->results[1]);
    davit_free(allocator, m->results[0]);
    davit_free(allocator, m->scratch);
    davit_free(allocator, m->residual);
    davit_free(allocator, m->source);
}

/* ---- running ---- */

static davit_status add_memory(davit_onednn_builder *builder, davit_dnnl_desc desc, int index,
                               const void *bytes, dnnl_exec_arg_t *out)
{
    davit_status status = davit_dnnl_memory(&builder->program->pool, desc, &out->memory);
    out->arg = index;
    return status == DAVIT_OK
               ? davit_dnnl_status(builder->diag,
                                   dnnl_memory_set_data_handle(out->memory, (void *)bytes),
                                   "memory")
               : status;
}

static davit_status execute(davit_onednn_builder *builder, const davit_int8_check *c,
                            const check_memory *m, uint8_t *result)
{
    davit_dnnl_desc scratch = davit_dnnl_query(c->primitive, dnnl_query_scratchpad_md);
    dnnl_exec_arg_t args[8];
    int count = 0;
    davit_status status = DAVIT_OK;
    memset(result, GUARD, m->result_bytes + 2 * GUARD_BYTES);
    memcpy(result + GUARD_BYTES, m->residual, m->residual_bytes);
    for (size_t i = 0; i < c->arg_count && status == DAVIT_OK; i++) {
        const davit_onednn_arg *arg = &c->args[i];
        const void *bytes = arg->index == DNNL_ARG_SRC ? m->source
                            : arg->index == DNNL_ARG_DST
                                ? result + GUARD_BYTES
                                : davit_onednn_constant(builder, &arg->operand);
        status = add_memory(builder, arg->operand.desc, arg->index, bytes, &args[count++]);
    }
    if (status == DAVIT_OK && scratch != NULL && davit_dnnl_desc_bytes(scratch) > 0) {
        status = add_memory(builder, scratch, DNNL_ARG_SCRATCHPAD, m->scratch, &args[count++]);
    }
    if (status == DAVIT_OK) {
        status =
            davit_dnnl_status(builder->diag,
                              dnnl_primitive_execute(c->primitive->primitive,
                                                     builder->program->pool.stream, count, args),
                              "check of an 8-bit primitive");
    }
    return status == DAVIT_OK
               ? davit_dnnl_status(builder->diag, dnnl_stream_wait(builder->program->pool.stream),
                                   "check of an 8-bit primitive")
               : status;
}

/* ---- plain C ---- */

/* What is needed to sum one element of the result. */
typedef struct oracle {
    const davit_int8_check *check;
    const davit_graph *graph;
    const check_memory *memory;
    const int8_t *weights;
    davit_int8_window window; /* of a convolution */
    int64_t channels;         /* of the result */
    int64_t taps, inputs;     /* of a sum */
    int64_t *offsets;         /* [taps] */
} oracle;

static int64_t sum_of(const oracle *o, int64_t row, int64_t channel)
{
    const davit_quant8 *x = &o->check->weighted->x;
    bool product = o->check->window == NULL;
    const int64_t *strides =
        davit_node_constant(o->graph, o->check->weighted->node, 1)->desc.strides;
    int64_t group = channel / (o->channels / o->check->groups), sum = 0;
    o->offsets[0] = row * o->inputs;
    if (!product) {
        davit_int8_find_offsets(&o->window, row, o->offsets);
    }
    for (int64_t t = 0; t < o->taps; t++) {
        for (int64_t c = 0; c < o->inputs && o->offsets[t] >= 0; c++) {
            int64_t at =
                product ? c * strides[0] + channel * strides[1] : (channel * o->inputs + c) * o->taps + t;
            size_t from = (size_t)(o->offsets[t] + group * o->inputs + c);
            sum += (int64_t)(davit_load8(o->memory->source, x->dtype, from) - x->zero) *
                   o->weights[at];
        }
    }
    return sum;
}

static bool is_right(const oracle *o, int64_t row, int64_t channel)
{
    const davit_requantization *p = &o->check->weighted->requantization;
    const uint8_t *result = o->memory->results[0] + GUARD_BYTES;
    size_t at = (size_t)(row * o->channels + channel);
    int64_t sum = sum_of(o, row, channel);
    if (!o->check->fused) {
        int32_t got;
        memcpy(&got, result + at * sizeof(got), sizeof(got));
        return got == sum;
    }
    int32_t previous =
        p->residual_dtype != DAVIT_DTYPE_NONE
            ? davit_load8(o->memory->residual, p->residual_dtype, at) - p->residual_zero
            : 0;
    return davit_load8(result, p->result.dtype, at) ==
           davit_requantize_one(p, (size_t)channel, sum, previous);
}

static davit_status open_oracle(davit_onednn_builder *builder, const davit_int8_check *c,
                                const check_memory *m, oracle *o)
{
    const davit_node *node = c->weighted->node;
    const davit_tensor_desc *x = davit_node_input(builder->graph, node, 0);
    davit_status status = DAVIT_OK;
    *o = (oracle){.check = c,
                  .graph = builder->graph,
                  .memory = m,
                  .weights = davit_node_constant(builder->graph, node, 1)->data,
                  .channels = (int64_t)c->weighted->spec.channels,
                  .taps = 1,
                  .inputs = x->dims[x->rank - 1]};
    if (c->window != NULL) {
        o->inputs = x->dims[1] / c->groups;
        status = davit_int8_window_make(builder, c->window, false, x->dims[1], &o->window);
        o->taps = status == DAVIT_OK ? davit_int8_places(o->window.kernel) : 1;
    }
    o->offsets = davit_onednn_alloc(builder, (size_t)o->taps * sizeof(*o->offsets));
    return o->offsets != NULL ? status : DAVIT_OUT_OF_MEMORY;
}

static davit_status compare(davit_onednn_builder *builder, const davit_int8_check *c,
                            const check_memory *m, const char **problem)
{
    oracle o;
    davit_status status = open_oracle(builder, c, m, &o);
    for (uint64_t i = 0; i < SAMPLES && status == DAVIT_OK && *problem == NULL; i++) {
        int64_t row = i == 0 ? 0 : i == 1 ? c->rows - 1 : scramble(2 * i) % c->rows;
        if (!is_right(&o, row, scramble(2 * i + 1) % o.channels)) {
            *problem = "a wrong result";
        }
    }
    return status;
}

static bool guards_hold(const check_memory *m)
{
    for (size_t i = 0; i < GUARD_BYTES; i++) {
        for (int r = 0; r < 2; r++) {
            if (m->results[r][i] != GUARD ||
                m->results[r][GUARD_BYTES + m->result_bytes + i] != GUARD) {
                return false;
            }
        }
    }
    return true;
}

davit_status davit_int8_check_run(davit_onednn_builder *builder, const davit_int8_check *check,
                                  const char **problem)
{
    check_memory m = {.source = NULL};
    *problem = NULL;
    davit_status status = allocate(builder, check, &m);
    for (int r = 0; r < 2 && status == DAVIT_OK; r++) {
        status = execute(builder, check, &m, m.results[r]);
    }
    if (status == DAVIT_OK && !guards_hold(&m)) {
        *problem = "writes outside its result";
    } else if (status == DAVIT_OK &&
               memcmp(m.results[0], m.results[1], m.result_bytes + 2 * GUARD_BYTES) != 0) {
        *problem = "other bytes in a second run";
    } else if (status == DAVIT_OK) {
        status = compare(builder, check, &m, problem);
    }
    release(builder, &m);
    return status;
}
