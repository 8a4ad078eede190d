/* IntegerAdd, IntegerMul, IntegerLookup and IntegerSoftmax: one element of the result from one of
 * each input, or from a row. */
#include <string.h>

#include "broadcast_loops.h"
#include "davit/integer.h"
#include "davit/quantize_table.h"
#include "int8_layout.h"
#include "int8_loops.h"
#include "operators.h"
#include "parallel.h"

#define GRAIN_ELEMS 8192
#define REPEAT_BYTES 2048

static davit_status refused(const davit_onednn_builder *builder, davit_status status,
                            const davit_reason *reason)
{
    return status == DAVIT_OK ? status
                              : davit_fail(builder->diag, status, "unit '%s': %s",
                                           builder->unit->name, reason->text);
}

/* Adds a kernel whose result, in the layout of the first operand, is the unit's output. */
static davit_status add_like_first(davit_onednn_builder *builder, const char *name,
                                   davit_onednn_kernel kernel, const void *params,
                                   davit_onednn_operand *operands, size_t count)
{
    davit_value_id output = builder->unit->outputs[0];
    davit_status status = davit_int8_new_like(builder, output, &operands[0], &operands[count]);
    if (status == DAVIT_OK) {
        status = davit_onednn_add_kernel(builder, name, kernel, params, operands, count + 1);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, output, &operands[count]);
    }
    return status;
}

/* ---- IntegerAdd, IntegerMul ---- */

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

typedef struct pair_params {
    davit_int8_pair pair;
    void (*loop)(const davit_int8_pair *pair, int64_t count, const uint8_t *a, const uint8_t *b,
                 uint8_t *out);
    davit_onednn_broadcast_params shape; /* its row is not used */
    int64_t rows;                        /* of shape, all but the last dimension */
} pair_params;

typedef struct pair_run {
    const pair_params *params;
    const uint8_t *a, *b;
    uint8_t *out;
} pair_run;

/* Where the elements of a row before the last axis lie in the two inputs. */
static void find_row(const davit_onednn_broadcast_params *s, int64_t row, int axes, int64_t at[2])
{
    at[0] = at[1] = 0;
    for (int i = axes - 1; i >= 0; i--) {
        at[0] += row % s->dims[i] * s->strides[0][i];
        at[1] += row % s->dims[i] * s->strides[1][i];
        row /= s->dims[i];
    }
}

/* Elements begin to end of the result; parts of rows where they begin or end inside one. */
static void run_pair_elems(const void *context, int64_t begin, int64_t end)
{
    const pair_run *run = context;
    const davit_onednn_broadcast_params *s = &run->params->shape;
    int last = s->rank - 1;
    while (begin < end) {
        int64_t column = begin % s->dims[last], at[2];
        int64_t count = least(s->dims[last] - column, end - begin);
        find_row(s, begin / s->dims[last], last, at);
        run->params->loop(&run->params->pair, count, run->a + at[0] + column * s->strides[0][last],
                          run->b + at[1] + column * s->strides[1][last], run->out + begin);
        begin += count;
    }
}

/* The same where short rows of one operand meet the same row of the other again and again: that is
 * written out several times, to work on longer rows. */
static void run_repeated_elems(const void *context, int64_t begin, int64_t end)
{
    const pair_run *run = context;
    const davit_onednn_broadcast_params *s = &run->params->shape;
    int last = s->rank - 1;
    bool first = s->strides[0][last - 1] == 0; /* the one that is repeated */
    const int64_t row = s->dims[last], whole = s->dims[last - 1] * row;
    const int64_t capacity = least(REPEAT_BYTES / row * row, whole);
    uint8_t repeated[REPEAT_BYTES];
    for (int64_t known = -1; begin < end;) {
        int64_t column = begin % whole, phase = column % row, at[2];
        int64_t count = least(least(whole - column, end - begin), capacity - phase);
        find_row(s, begin / whole, last - 1, at);
        for (int64_t i = 0; known != begin / whole && i < capacity; i += row) {
            memcpy(repeated + i, first ? run->a + at[0] : run->b + at[1], (size_t)row);
        }
        known = begin / whole;
        run->params->loop(&run->params->pair, count,
                          first ? repeated + phase : run->a + at[0] + column,
                          first ? run->b + at[1] + column : repeated + phase, run->out + begin);
        begin += count;
    }
}

static bool repeats_rows(const davit_onednn_broadcast_params *s)
{
    int last = s->rank - 1;
    if (s->rank < 2 || s->dims[last] > REPEAT_BYTES / 4 || s->strides[0][last] != 1 ||
        s->strides[1][last] != 1) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        if (s->strides[i][last - 1] == 0 && s->strides[1 - i][last - 1] == s->dims[last]) {
            return true;
        }
    }
    return false;
}

static davit_status run_pairs(const davit_onednn_call *call)
{
    const pair_params *p = call->params;
    const pair_run run = {
        .params = p, .a = call->pointers[0], .b = call->pointers[1], .out = call->pointers[2]};
    int64_t count = 1;
    for (int i = 0; i < p->shape.rank; i++) {
        count *= p->shape.dims[i];
    }
    davit_onednn_parallel(count, GRAIN_ELEMS,
                          repeats_rows(&p->shape) ? run_repeated_elems : run_pair_elems, &run);
    return DAVIT_OK;
}

static davit_status prepare_pair(davit_onednn_builder *builder, const davit_node *node,
                                 pair_params *p)
{
    davit_quant8 a = davit_integer_a(builder->graph, node);
    davit_quant8 b = davit_integer_b(builder->graph, node);
    davit_result_spec y = davit_integer_result(node);
    const davit_int8_loops *loops = davit_int8_loops_choose();
    davit_reason reason;
    davit_status status;
    p->pair = (davit_int8_pair){.a = davit_int8_source_of(a.dtype, a.zero),
                                .b = davit_int8_source_of(b.dtype, b.zero)};
    if (node->op->op == DAVIT_OP_IntegerAdd) {
        davit_addition made;
        p->loop = loops->add;
        status = davit_addition_prepare(&a, &b, &y, &made, &reason);
        if (status == DAVIT_OK) {
            p->pair.a_scale = made.a_scale;
            p->pair.b_scale = made.b_scale;
            p->pair.result = davit_int8_quantizing(&made.result);
        }
    } else {
        davit_multiplication made;
        p->loop = loops->multiply;
        status = davit_multiplication_prepare(&a, &b, &y, &made, &reason);
        if (status == DAVIT_OK) {
            p->pair.a_scale = made.rescale.scale;
            p->pair.result = davit_int8_quantizing(&made.rescale.result);
        }
    }
    return refused(builder, status, &reason);
}

/* True for an operand that is the same bytes channels last: one element, or channels alone. */
static bool is_per_channel(const davit_tensor_desc *in, const davit_tensor_desc *out)
{
    for (int i = 0; i < in->rank; i++) {
        if (in->dims[i] != 1 && i + out->rank - in->rank != 1) {
            return false;
        }
    }
    return true;
}

/* A description with the rank of the result, its dimensions in the order of channels last. */
static davit_tensor_desc reorder(const davit_tensor_desc *in, int rank)
{
    davit_tensor_desc out = *in;
    int64_t dims[DAVIT_MAX_RANK];
    for (int i = 0; i < rank; i++) {
        int own = i - (rank - in->rank);
        dims[i] = own >= 0 ? in->dims[own] : 1;
    }
    out.rank = rank;
    int64_t stride = 1;
    for (int i = rank - 1; i >= 0; i--) {
        out.dims[i] = i == 0 ? dims[0] : i == rank - 1 ? dims[1] : dims[i + 1];
        out.strides[i] = stride;
        stride *= out.dims[i];
    }
    return out;
}

/* Channels last where both operands can be read so and one of them lies so. */
static davit_status get_pair(davit_onednn_builder *builder, const davit_node *node, pair_params *p,
                             davit_onednn_operand operands[3])
{
    const davit_tensor_desc *out = davit_node_output(builder->graph, node);
    davit_tensor_desc descs[3];
    bool last = out->rank >= 3, dense = true;
    davit_status status = DAVIT_OK;
    for (uint32_t i = 0; i < 2 && status == DAVIT_OK; i++) {
        const davit_tensor_desc *in = davit_node_input(builder->graph, node, i);
        status = davit_onednn_value_get(builder, node->inputs[i], &operands[i]);
        last = last && (in->rank == out->rank || is_per_channel(in, out));
        dense = status != DAVIT_OK || (dense && davit_onednn_is_row_major(operands[i].desc));
    }
    last = last && !dense;
    for (uint32_t i = 0; i < 2 && status == DAVIT_OK; i++) {
        const davit_tensor_desc *in = davit_node_input(builder->graph, node, i);
        bool moved = last && in->rank == out->rank;
        status = moved ? davit_int8_value_channels_last(builder, node->inputs[i], &operands[i])
                       : davit_onednn_value_dense(builder, node->inputs[i], &operands[i]);
        descs[i] = last ? reorder(in, out->rank) : *in;
    }
    if (status == DAVIT_OK) {
        status = last ? davit_int8_new_channels_last(builder, node->outputs[0], &operands[2])
                      : davit_onednn_new_dense(builder, node->outputs[0], &operands[2]);
    }
    descs[2] = last ? reorder(out, out->rank) : *out;
    const davit_tensor_desc *const inputs[2] = {&descs[0], &descs[1]};
    davit_onednn_broadcast_prepare(&p->shape, 2, inputs, &descs[2]);
    p->pair.a_single = p->shape.strides[0][p->shape.rank - 1] == 0;
    p->pair.b_single = p->shape.strides[1][p->shape.rank - 1] == 0;
    return status;
}

static davit_status build_pair(davit_onednn_builder *builder, const davit_unit *unit,
                               const davit_node *node)
{
    pair_params *p = davit_onednn_alloc(builder, sizeof(*p));
    davit_onednn_operand operands[3];
    if (p == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = prepare_pair(builder, node, p);
    if (status == DAVIT_OK) {
        status = get_pair(builder, node, p, operands);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_add_kernel(builder, davit_int8_loops_choose()->name, run_pairs, p,
                                         operands, 3);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, unit->outputs[0], &operands[2]);
    }
    return status;
}

/* ---- IntegerLookup ---- */

typedef struct lookup_params {
    const davit_int8_loops *loops;
    uint8_t table[256];
    int64_t count;
} lookup_params;

typedef struct elems_run {
    const void *params;
    const void *x;
    void *out;
} elems_run;

static void look_up(const void *context, int64_t begin, int64_t end)
{
    const elems_run *run = context;
    const lookup_params *p = run->params;
    p->loops->look_up(p->table, end - begin, (const uint8_t *)run->x + begin,
                      (uint8_t *)run->out + begin);
}

static davit_status run_lookup(const davit_onednn_call *call)
{
    const lookup_params *p = call->params;
    const elems_run run = {.params = p, .x = call->pointers[0], .out = call->pointers[1]};
    davit_onednn_parallel(p->count, GRAIN_ELEMS, look_up, &run);
    return DAVIT_OK;
}

static const char *refuse_lookup(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    return davit_node_constant(graph, node, 1) == NULL ? "table that is not constant" : NULL;
}

static davit_status build_lookup(davit_onednn_builder *builder, const davit_unit *unit,
                                 const davit_node *node)
{
    lookup_params *p = davit_onednn_alloc(builder, sizeof(*p));
    davit_onednn_operand operands[2];
    (void)unit;
    if (p == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    p->loops = davit_int8_loops_choose();
    memcpy(p->table, davit_node_constant(builder->graph, node, 1)->data, sizeof(p->table));
    p->count = davit_tensor_desc_elems(davit_node_input(builder->graph, node, 0));
    davit_status status = davit_int8_value_unpadded(builder, node->inputs[0], &operands[0]);
    return status == DAVIT_OK ? add_like_first(builder, p->loops->name, run_lookup, p, operands, 1)
                              : status;
}

/* ---- IntegerSoftmax ---- */

typedef struct softmax_params {
    davit_softmax softmax;
    int64_t rows, count, inner;
} softmax_params;

static void soften(const void *context, int64_t begin, int64_t end)
{
    const elems_run *run = context;
    const softmax_params *p = run->params;
    for (int64_t row = begin; row < end; row++) {
        int64_t first = row / p->inner * p->inner * p->count + row % p->inner;
        davit_softmax_row(&p->softmax, (size_t)p->count, (size_t)p->inner,
                          (const uint8_t *)run->x + first, (uint8_t *)run->out + first);
    }
}

static davit_status run_softmax(const davit_onednn_call *call)
{
    const softmax_params *p = call->params;
    const elems_run run = {.params = p, .x = call->pointers[0], .out = call->pointers[1]};
    davit_onednn_parallel(p->rows, 1 + GRAIN_ELEMS / p->count, soften, &run);
    return DAVIT_OK;
}

static davit_status build_softmax(davit_onednn_builder *builder, const davit_unit *unit,
                                  const davit_node *node)
{
    const davit_tensor_desc *desc = davit_node_input(builder->graph, node, 0);
    softmax_params *p = davit_onednn_alloc(builder, sizeof(*p));
    davit_quant8 x = davit_integer_x(builder->graph, node);
    davit_result_spec y = davit_integer_result(node);
    davit_onednn_operand operands[2];
    davit_reason reason;
    (void)unit;
    if (p == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    int axis = davit_node_axis(davit_node_int(node, "axis", -1), desc->rank);
    p->inner = 1;
    for (int i = axis + 1; i < desc->rank; i++) {
        p->inner *= desc->dims[i];
    }
    p->count = desc->dims[axis];
    p->rows = davit_tensor_desc_elems(desc) / p->count;
    davit_status status =
        refused(builder, davit_softmax_prepare(&x, &y, &p->softmax, &reason), &reason);
    if (status == DAVIT_OK) {
        status = davit_onednn_value_dense(builder, node->inputs[0], &operands[0]);
    }
    return status == DAVIT_OK ? add_like_first(builder, "loop", run_softmax, p, operands, 1)
                              : status;
}

static const davit_onednn_operator operators[] = {
    {DAVIT_OP_IntegerAdd, true, NULL, build_pair},
    {DAVIT_OP_IntegerLookup, true, refuse_lookup, build_lookup},
    {DAVIT_OP_IntegerMul, true, NULL, build_pair},
    {DAVIT_OP_IntegerSoftmax, true, NULL, build_softmax}};

const davit_onednn_family davit_onednn_int8_elementwise = DAVIT_ONEDNN_FAMILY(operators);
