#include "int8_attention.h"

#include "attention.h"
#include "davit/integer.h"
#include "int8_product.h"
#include "parallel.h"

#define BLOCK_BYTES 32768 /* scores of a block of queries */
#define MOST_QUERIES 96
#define LINE 64

typedef struct match {
    const davit_node *scores, *result; /* the two products */
    const davit_node *dequantize, *quantize;
    float factor;
    bool has_mask;
    davit_attention_view mask, out;
    int64_t batch, heads, queries, keys, depth, width;
} match;

/* What packed panels of one operand need. */
typedef struct packing {
    int64_t depth, columns; /* of a sum, of the result */
    int64_t stride;         /* of its rows, or, transposed, of its columns */
    bool transposed;
    uint8_t flip;
    int32_t zero_x, zero;
} packing;

typedef struct params {
    const davit_int8_loops *loops;
    const davit_attention_loops *rows;
    match match;
    davit_attention_view q, k, v;
    packing keys, values;
    davit_softmax_bytes softmax;
    davit_int8_finish score_end, result_end;
    int64_t parts, block, score_stride, thread_bytes;
} params;

/* ---- running ---- */

static int64_t round_up(int64_t n, int64_t to)
{
    return (n + to - 1) / to * to;
}

/* Packed panels, then what their sums begin with. */
static int64_t packed_bytes(const packing *p)
{
    return round_up(p->columns, DAVIT_INT8_PAIR_COLUMNS) * (p->depth + (int64_t)sizeof(int32_t));
}

static void pack(const params *p, const packing *s, const uint8_t *from, char *packed)
{
    int32_t *start = (int32_t *)(packed + round_up(s->columns, DAVIT_INT8_PAIR_COLUMNS) * s->depth);
    for (int64_t c = 0; c < s->columns; c += DAVIT_INT8_COLUMNS) {
        int64_t left = s->columns - c;
        const davit_int8_panel panel = {.quads = s->depth / 4,
                                        .columns =
                                            left < DAVIT_INT8_COLUMNS ? left : DAVIT_INT8_COLUMNS,
                                        .rows = from + (s->transposed ? c * s->stride : c),
                                        .stride = s->stride,
                                        .transposed = s->transposed,
                                        .flip = s->flip,
                                        .zero_x = s->zero_x,
                                        .zero = s->zero,
                                        .packed = (int8_t *)packed + c * s->depth,
                                        .start = start + c};
        p->loops->pack_panel(&panel);
    }
}

/* One of the two products: rows of x with packed panels. */
typedef struct product {
    const packing *packing;
    const char *packed;
    const davit_int8_finish *end;
    const uint8_t *x;
    int64_t rows, x_stride, out_stride;
    uint8_t *out;
} product;

static void multiply(const params *p, const product *m)
{
    const packing *s = m->packing;
    const int32_t *start =
        (const int32_t *)(m->packed + round_up(s->columns, DAVIT_INT8_PAIR_COLUMNS) * s->depth);
    for (int64_t c = 0; c < s->columns; c += DAVIT_INT8_PAIR_COLUMNS) {
        int64_t left = s->columns - c;
        const davit_int8_dot dot = {
            .rows = m->rows,
            .columns = left < DAVIT_INT8_PAIR_COLUMNS ? left : DAVIT_INT8_PAIR_COLUMNS,
            .quads = s->depth / 4,
            .x = m->x,
            .x_stride = m->x_stride,
            .weights = (const int8_t *)m->packed + c * s->depth,
            .start = start + c,
            .row_factor = -s->zero,
            .has_bias_inside = true,
            .finish = m->end,
            .out = m->out + c,
            .out_stride = m->out_stride};
        p->loops->dot(&dot);
    }
}

/* Queries first to end of a head. */
static void run_head(const davit_onednn_call *call, int64_t batch, int64_t head, int64_t first,
                     int64_t end)
{
    const params *p = call->params;
    const match *m = &p->match;
    const int64_t mask_row = m->mask.strides[2], out_row = m->out.strides[2];
    const uint8_t *q = call->pointers[DAVIT_ATTENTION_Q], *k = call->pointers[DAVIT_ATTENTION_K];
    const uint8_t *v = call->pointers[DAVIT_ATTENTION_V];
    const float *mask = m->has_mask ? call->pointers[DAVIT_ATTENTION_MASK] : NULL;
    uint8_t *out = call->pointers[DAVIT_ATTENTION_OUT];
    char *keys = call->pointers[DAVIT_ATTENTION_SCRATCH];
    keys += davit_onednn_thread_index() * p->thread_bytes;
    char *values = keys + round_up(packed_bytes(&p->keys), LINE);
    float *row = (float *)(values + round_up(packed_bytes(&p->values), LINE));
    uint8_t *scores = (uint8_t *)(row + round_up(m->keys, LINE));
    pack(p, &p->keys, k + davit_attention_place(&p->k, batch, head), keys);
    pack(p, &p->values, v + davit_attention_place(&p->v, batch, head), values);
    q += davit_attention_place(&p->q, batch, head);
    out += davit_attention_place(&m->out, batch, head);
    if (mask != NULL) {
        mask += davit_attention_place(&m->mask, batch, head);
    }
    for (int64_t r = first; r < end; r += p->block) {
        const int64_t count = end - r < p->block ? end - r : p->block;
        multiply(p, &(product){&p->keys, keys, &p->score_end, q + r * p->q.strides[2], count,
                               p->q.strides[2], p->score_stride, scores});
        for (int64_t i = 0; i < count; i++) {
            uint8_t *at = scores + i * p->score_stride;
            p->rows->softmax_bytes(&p->softmax, at, mask != NULL ? mask + (r + i) * mask_row : NULL,
                                   row, at);
        }
        multiply(p, &(product){&p->values, values, &p->result_end, scores, count, p->score_stride,
                               out_row, out + r * out_row});
    }
}

static void run_items(const void *context, int64_t begin, int64_t end)
{
    const davit_onednn_call *call = context;
    const params *p = call->params;
    for (int64_t i = begin; i < end; i++) {
        int64_t head = i / p->parts, part = i % p->parts;
        run_head(call, head / p->match.heads, head % p->match.heads,
                 p->match.queries * part / p->parts, p->match.queries * (part + 1) / p->parts);
    }
}

static davit_status run_attention(const davit_onednn_call *call)
{
    const params *p = call->params;
    davit_onednn_parallel(p->match.batch * p->match.heads * p->parts, 1, run_items, call);
    return DAVIT_OK;
}

/* ---- building ---- */

/* An operand where and how it is, if that has no blocks, rows of columns side by side, or, where
 * columns may be, columns of rows; else dense. */
static davit_status take(davit_onednn_builder *builder, davit_value_id value, bool by_columns,
                         const int64_t *dims, davit_attention_view *view,
                         davit_onednn_operand *operand)
{
    davit_dnnl_layout layout;
    *view = davit_attention_view_dense(builder->graph, value);
    davit_status status = davit_onednn_value_get(builder, value, operand);
    if (status != DAVIT_OK) {
        return status;
    }
    if (davit_dnnl_desc_layout(operand->desc, &layout) && layout.block_count == 0 &&
        layout.offset == 0 && layout.rank == view->rank &&
        (layout.strides[layout.rank - 1] == 1 ||
         (by_columns && layout.strides[layout.rank - 2] == 1))) {
        for (int i = 0; i < layout.rank; i++) {
            view->strides[4 - layout.rank + i] = layout.strides[i];
        }
    } else {
        status = davit_onednn_value_dense(builder, value, operand);
    }
    (void)davit_attention_view_broadcast(view, dims, 2);
    return status;
}

/* Of b, the second operand of a product. */
static packing packing_of(const davit_graph *graph, const davit_node *node,
                          const davit_attention_view *b)
{
    davit_quant8 qa = davit_integer_a(graph, node), qb = davit_integer_b(graph, node);
    bool transposed = b->strides[3] != 1;
    return (packing){.depth = b->dims[2],
                     .columns = b->dims[3],
                     .transposed = transposed,
                     .stride = transposed ? b->strides[3] : b->strides[2],
                     .flip = qb.dtype == DAVIT_U8 ? 0x80 : 0,
                     .zero_x = qa.zero,
                     .zero = qb.dtype == DAVIT_U8 ? qb.zero - 128 : qb.zero};
}

static davit_softmax_bytes softmax_of(const davit_graph *graph, const match *m)
{
    davit_dtype from = davit_node_input(graph, m->dequantize, 0)->dtype;
    davit_dtype to = davit_node_output(graph, m->quantize)->dtype;
    const davit_tensor *from_zero = davit_node_constant(graph, m->dequantize, 2);
    const davit_tensor *to_zero = davit_node_constant(graph, m->quantize, 2);
    davit_int8_source source =
        davit_int8_source_of(from, from_zero != NULL ? davit_load8(from_zero->data, from, 0) : 0);
    return (davit_softmax_bytes){
        .count = m->keys,
        .flip = source.flip,
        .offset = source.offset,
        .scale =
            davit_constant_float(davit_node_constant(graph, m->dequantize, 1), 1.0f) * m->factor,
        .out_scale = davit_constant_float(davit_node_constant(graph, m->quantize, 1), 1.0f),
        .out_zero = to_zero != NULL ? davit_load8(to_zero->data, to, 0) : 0,
        .out_low = davit_quantized_low(to),
        .out_high = davit_quantized_high(to),
        .mask_column = m->has_mask ? m->mask.strides[3] : 0};
}

static davit_status describe(davit_onednn_builder *builder, const match *m, params *p,
                             davit_onednn_operand operands[3])
{
    const davit_graph *graph = builder->graph;
    const int64_t dims[2] = {m->batch, m->heads};
    *p = (params){.loops = davit_int8_loops_choose(),
                  .rows = davit_attention_loops_choose(),
                  .match = *m,
                  .parts = davit_attention_parts(m->batch * m->heads, m->queries),
                  .score_stride = round_up(m->keys, LINE)};
    int64_t block = BLOCK_BYTES / p->score_stride / 12 * 12;
    p->block = block < 12 ? 12 : block < MOST_QUERIES ? block : MOST_QUERIES;
    davit_status status = take(builder, m->scores->inputs[0], false, dims, &p->q, &operands[0]);
    if (status == DAVIT_OK) {
        status = take(builder, m->scores->inputs[1], true, dims, &p->k, &operands[1]);
    }
    if (status == DAVIT_OK) {
        status = take(builder, m->result->inputs[1], true, dims, &p->v, &operands[2]);
    }
    if (status == DAVIT_OK) {
        status = davit_int8_product_end(builder, m->scores, m->keys, &p->score_end);
    }
    if (status == DAVIT_OK) {
        status = davit_int8_product_end(builder, m->result, m->width, &p->result_end);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    p->keys = packing_of(graph, m->scores, &p->k);
    p->values = packing_of(graph, m->result, &p->v);
    p->softmax = softmax_of(graph, m);
    p->thread_bytes = round_up(packed_bytes(&p->keys), LINE) +
                      round_up(packed_bytes(&p->values), LINE) +
                      round_up(m->keys, LINE) * (int64_t)sizeof(float) + p->block * p->score_stride;
    return DAVIT_OK;
}

static davit_status build(davit_onednn_builder *builder, const davit_onednn_group *group)
{
    const match *m = group->match;
    davit_onednn_operand operands[DAVIT_ATTENTION_MASK + 1];
    params *p = davit_onednn_alloc(builder, sizeof(*p));
    if (p == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = describe(builder, m, p, operands);
    if (status == DAVIT_OK) {
        status = davit_onednn_new_dense(builder, m->out.value, &operands[DAVIT_ATTENTION_OUT]);
    }
    if (status == DAVIT_OK) {
        status =
            davit_onednn_new_bytes(builder, (size_t)(davit_onednn_thread_count() * p->thread_bytes),
                                   &operands[DAVIT_ATTENTION_SCRATCH]);
    }
    if (status == DAVIT_OK && m->has_mask) {
        status = davit_onednn_value_dense(builder, m->mask.value, &operands[DAVIT_ATTENTION_MASK]);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_add_kernel(builder, "own_attention:avx512_vnni", run_attention, p,
                                         operands, m->has_mask ? 6 : 5);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, m->out.value, &operands[DAVIT_ATTENTION_OUT]);
    }
    return status;
}

bool davit_int8_attention_reads(const davit_onednn_group *group, davit_value_id value)
{
    const match *m = group->match;
    return group->build == build &&
           (m->scores->inputs[0] == value || m->scores->inputs[1] == value ||
            m->result->inputs[1] == value);
}

/* ---- finding ---- */

/* Mul or Div by a constant number above the value, which becomes the other operand. */
static void climb_factor(const davit_onednn_builder *builder, davit_onednn_group *group,
                         davit_value_id *value, float *factor)
{
    const davit_graph *graph = builder->graph;
    static const davit_op ops[] = {DAVIT_OP_Mul, DAVIT_OP_Div};
    for (int i = 0; i < 2; i++) {
        davit_onednn_group tried = *group;
        davit_value_id above = *value;
        const davit_node *node = davit_onednn_group_climb(builder, &tried, ops[i], &above);
        uint32_t other = 1;
        if (node != NULL && i == 0 && graph->values[above].constant != NULL) {
            above = node->inputs[1];
            other = 0;
        }
        const davit_tensor *number =
            node != NULL ? graph->values[node->inputs[other]].constant : NULL;
        if (number != NULL && number->desc.dtype == DAVIT_F32 &&
            davit_tensor_desc_elems(&number->desc) == 1 && graph->values[above].constant == NULL) {
            float by = davit_constant_float(number, 1.0f);
            *factor *= i == 0 ? by : 1.0f / by;
            *value = above;
            *group = tried;
            return;
        }
    }
}

/* A product of u8 with 8-bit rows that a dot product of bytes takes. */
static bool fits(const davit_graph *graph, const davit_node *node)
{
    const davit_tensor_desc *a = davit_node_input(graph, node, 0);
    const davit_tensor_desc *b = davit_node_input(graph, node, 1);
    const davit_tensor_desc *out = davit_node_output(graph, node);
    return node->op->op == DAVIT_OP_IntegerProduct && a->rank >= 2 && b->rank >= 2 &&
           out->rank <= 4 && a->dtype == DAVIT_U8 && a->dims[a->rank - 1] % 4 == 0 &&
           graph->values[node->inputs[0]].constant == NULL &&
           graph->values[node->inputs[1]].constant == NULL && node->inputs[0] != node->inputs[1];
}

/* From the input of the softmax, or of the addition of a mask, up to the product. */
static bool climb_scores(const davit_onednn_builder *builder, davit_onednn_group *group,
                         davit_value_id value, const davit_tensor_desc *desc, match *m)
{
    const davit_graph *graph = builder->graph;
    m->factor = 1.0f;
    climb_factor(builder, group, &value, &m->factor);
    m->dequantize = davit_onednn_group_climb(builder, group, DAVIT_OP_DequantizeLinear, &value);
    m->scores = m->dequantize != NULL
                    ? davit_onednn_lone_node(builder, davit_onednn_maker(builder, value))
                    : NULL;
    return m->scores != NULL && davit_onednn_has_one_scale(graph, m->dequantize) &&
           fits(graph, m->scores) && davit_onednn_sole_reader(builder, value) != SIZE_MAX &&
           davit_tensor_desc_same_shape(&graph->values[value].desc, desc) &&
           davit_onednn_group_add(group, davit_onednn_maker(builder, value));
}

/* With a mask or without. */
static bool climb_mask(const davit_onednn_builder *builder, davit_onednn_group *group,
                       davit_value_id value, match *m)
{
    const davit_tensor_desc *desc = &builder->graph->values[value].desc;
    const davit_attention_view scores = davit_attention_view_dense(builder->graph, value);
    davit_onednn_group with_add = *group;
    davit_value_id first = value;
    const davit_node *add = davit_onednn_group_climb(builder, &with_add, DAVIT_OP_Add, &first);
    for (int i = 0; add != NULL && i < 2; i++) {
        davit_onednn_group tried = with_add;
        match masked = *m;
        masked.has_mask =
            davit_attention_mask(builder, add, add->inputs[i], scores.dims, &masked.mask);
        if (masked.has_mask && climb_scores(builder, &tried, add->inputs[i], desc, &masked)) {
            *group = tried;
            *m = masked;
            return true;
        }
    }
    return add == NULL && climb_scores(builder, group, value, desc, m);
}

/* From the softmax down: QuantizeLinear, product, maybe a transposition. */
static bool descend(const davit_onednn_builder *builder, davit_onednn_group *group,
                    const davit_node *softmax, match *m)
{
    const davit_graph *graph = builder->graph;
    size_t quantizer = davit_onednn_sole_reader(builder, softmax->outputs[0]);
    m->quantize = davit_onednn_lone_node(builder, quantizer);
    if (m->quantize == NULL || m->quantize->op->op != DAVIT_OP_QuantizeLinear ||
        !davit_onednn_has_one_scale(graph, m->quantize)) {
        return false;
    }
    size_t multiplier = davit_onednn_sole_reader(builder, m->quantize->outputs[0]);
    m->result = davit_onednn_lone_node(builder, multiplier);
    if (m->result == NULL || !fits(graph, m->result) ||
        m->result->inputs[0] != m->quantize->outputs[0]) {
        return false;
    }
    m->out = davit_attention_view_descend(builder, group, m->result->outputs[0]);
    return davit_onednn_group_add(group, multiplier) && davit_onednn_group_add(group, quantizer);
}

davit_status davit_int8_attention_find(davit_onednn_builder *builder, size_t position)
{
    const davit_graph *graph = builder->graph;
    const davit_node *softmax = davit_onednn_lone_node(builder, position);
    davit_onednn_group group = {.build = build};
    match m = {.factor = 1.0f};
    if (softmax == NULL || davit_attention_loops_choose() == NULL ||
        davit_int8_loops_choose()->dot == NULL || !davit_attention_softmax_fits(graph, softmax) ||
        !descend(builder, &group, softmax, &m) || !davit_onednn_group_add(&group, position) ||
        !climb_mask(builder, &group, softmax->inputs[0], &m)) {
        return DAVIT_OK;
    }
    const davit_attention_view scores = davit_attention_view_dense(graph, softmax->outputs[0]);
    const davit_tensor_desc *q = davit_node_input(graph, m.scores, 0);
    m.batch = scores.dims[0];
    m.heads = scores.dims[1];
    m.queries = scores.dims[2];
    m.keys = scores.dims[3];
    m.depth = q->dims[q->rank - 1];
    m.width = m.out.dims[3];
    if (m.out.dims[0] != m.batch || m.out.dims[1] != m.heads) {
        return DAVIT_OK;
    }
    group.match = &m;
    return davit_onednn_group_keep(builder, &group, sizeof(m));
}
