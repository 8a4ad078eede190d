/* IntegerMatMul, whose weights are packed once, and IntegerProduct, whose second operand is packed
 * at every run. */
#include <string.h>

#include "int8_dot.h"
#include "int8_primitive.h"
#include "operators.h"
#include "parallel.h"

/* Sums of more products of u8 and s8 without their zero points may not fit s32. */
#define MAX_DEPTH (INT32_MAX / (255 * 255))

/* ---- IntegerMatMul ---- */

static void gather_row(const davit_int8_product *p, const uint8_t *x, int64_t group, int64_t row,
                       int16_t *values)
{
    const davit_int8_source *source = p->geometry;
    (void)group;
    p->loops->widen(*source, p->depth, x + row * p->depth, values);
}

static const char *refuse_matmul(const davit_graph *graph, const davit_unit *unit)
{
    return davit_int8_refuse_weighted(graph, &graph->nodes[unit->anchor]);
}

static davit_status build_own(davit_onednn_builder *builder, const davit_int8_weighted *weighted,
                              int64_t rows)
{
    const davit_tensor *w = davit_node_constant(builder->graph, weighted->node, 1);
    davit_int8_source *source = davit_onednn_alloc(builder, sizeof(*source));
    davit_int8_product p = {.loops = davit_int8_loops_choose(),
                            .groups = 1,
                            .rows = rows,
                            .depth = w->desc.dims[0],
                            .channels = w->desc.dims[1],
                            .row_stride = w->desc.dims[1],
                            .gather = gather_row,
                            .geometry = source};
    bool made;
    int16_t *packed = davit_onednn_packed_bytes(
        builder, "pairs", (size_t)davit_int8_packed_elems(p.depth, p.channels) * sizeof(*packed),
        &made);
    if (source == NULL || packed == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    const davit_int8_weights weights = {.dtype = w->desc.dtype,
                                        .channels = p.channels,
                                        .inputs = p.depth,
                                        .taps = 1,
                                        .o_stride = w->desc.strides[1],
                                        .c_stride = w->desc.strides[0]};
    if (made) {
        davit_int8_pack(&weights, w->data, 0, davit_int8_padded(p.channels) / DAVIT_INT8_COLUMNS,
                        packed);
    }
    davit_tensor_rest(w);
    p.weights = packed;
    *source = davit_int8_source_of(weighted->x.dtype, weighted->x.zero);
    davit_status status = davit_int8_weighted_finish(builder, weighted, 1, &p.finish);
    return status == DAVIT_OK ? davit_int8_weighted_add(builder, weighted, &p) : status;
}

static davit_status build_dot(davit_onednn_builder *builder, const davit_int8_weighted *weighted,
                              int64_t rows)
{
    const davit_tensor *w = davit_node_constant(builder->graph, weighted->node, 1);
    davit_int8_finish finish;
    const davit_int8_dense dense = {.x = weighted->src,
                                    .rows = rows,
                                    .depth = w->desc.dims[0],
                                    .columns = w->desc.dims[1],
                                    .weights = w->data,
                                    .depth_stride = w->desc.strides[0],
                                    .column_stride = w->desc.strides[1],
                                    .tensor = w,
                                    .finish = &finish};
    davit_status status = davit_int8_weighted_finish(builder, weighted, 1, &finish);
    return status == DAVIT_OK ? davit_int8_add_dot(builder, weighted, &dense) : status;
}

static davit_status build_matmul(davit_onednn_builder *builder, const davit_unit *unit,
                                 const davit_node *node)
{
    const davit_tensor_desc *x = davit_node_input(builder->graph, node, 0);
    davit_int8_shape shape = {.groups = 1};
    davit_int8_weighted weighted;
    shape.rows = davit_tensor_desc_elems(x) / x->dims[x->rank - 1];
    davit_status status = davit_int8_weighted_open(builder, unit, node, &weighted);
    if (status == DAVIT_OK && davit_int8_dot_fits(builder, &weighted, x->dims[x->rank - 1])) {
        return build_dot(builder, &weighted, shape.rows);
    }
    if (status == DAVIT_OK) {
        status = davit_int8_add_primitive(builder, &weighted, &shape);
    }
    return status == DAVIT_UNSUPPORTED ? build_own(builder, &weighted, shape.rows) : status;
}

/* ---- IntegerProduct ---- */

typedef struct dynamic {
    davit_int8_source a;
    davit_int8_product product;
    davit_int8_weights b; /* one matrix */
    int64_t b_matrices, b_elems;
    int32_t b_zero;      /* of b as s8 */
    const int64_t *a_of; /* [groups] which matrix of a */
} dynamic;

static void gather_dynamic(const davit_int8_product *p, const uint8_t *x, int64_t group,
                           int64_t row, int16_t *values)
{
    const dynamic *d = p->geometry;
    int64_t first = (d->a_of[group] * p->rows + row) * p->depth;
    p->loops->widen(d->a, p->depth, x + first, values);
}

typedef struct pack_run {
    const dynamic *params;
    const uint8_t *b;
    int16_t *packed;
} pack_run;

static void pack_panels(const void *context, int64_t begin, int64_t end)
{
    const pack_run *run = context;
    const dynamic *d = run->params;
    int64_t panels = davit_int8_padded(d->b.channels) / DAVIT_INT8_COLUMNS;
    int64_t elems = davit_int8_packed_elems(d->b.inputs, d->b.channels);
    for (int64_t i = begin; i < end; i++) {
        int64_t matrix = i / panels;
        davit_int8_pack(&d->b, run->b + matrix * d->b_elems, i % panels, i % panels + 1,
                        run->packed + matrix * elems);
    }
}

/* Operands: a, b, packed b, scratch, out. */
static davit_status run_dynamic(const davit_onednn_call *call)
{
    const dynamic *d = call->params;
    const pack_run run = {.params = d, .b = call->pointers[1], .packed = call->pointers[2]};
    const davit_int8_product_data data = {.x = call->pointers[0],
                                          .out = call->pointers[4],
                                          .weights = call->pointers[2],
                                          .scratch = call->pointers[3]};
    int64_t panels = davit_int8_padded(d->b.channels) / DAVIT_INT8_COLUMNS;
    davit_onednn_parallel(d->b_matrices * panels, 1, pack_panels, &run);
    davit_int8_product_run(&d->product, &data);
    return DAVIT_OK;
}

/* ---- the same on dot products of bytes ---- */

/* What a thread needs: a pair of panels, and what their sums begin with. */
static int64_t pair_bytes(const dynamic *d)
{
    return DAVIT_INT8_PAIR_COLUMNS * (d->product.depth + (int64_t)sizeof(int32_t));
}

typedef struct dot_run {
    const dynamic *params;
    const uint8_t *a, *b;
    uint8_t *out;
    char *scratch;
} dot_run;

/* Packs up to two panels of a matrix from a column on. */
static void pack_pair(const dot_run *run, const uint8_t *b, int64_t column, int8_t *packed,
                      int32_t *start)
{
    const dynamic *d = run->params;
    const davit_int8_product *p = &d->product;
    for (int i = 0; i < 2 && column < p->channels; i++, column += DAVIT_INT8_COLUMNS) {
        int64_t left = p->channels - column;
        const davit_int8_panel panel = {.quads = p->depth / 4,
                                        .columns =
                                            left < DAVIT_INT8_COLUMNS ? left : DAVIT_INT8_COLUMNS,
                                        .rows = b + column,
                                        .stride = p->channels,
                                        .flip = d->b.dtype == DAVIT_U8 ? 0x80 : 0,
                                        .zero_x = d->a.offset,
                                        .zero = d->b_zero,
                                        .packed = packed + i * DAVIT_INT8_COLUMNS * p->depth,
                                        .start = start + i * DAVIT_INT8_COLUMNS};
        p->loops->pack_panel(&panel);
    }
}

/* Items: pairs of panels of all matrices. */
static void run_dot_pairs(const void *context, int64_t begin, int64_t end)
{
    const dot_run *run = context;
    const dynamic *d = run->params;
    const davit_int8_product *p = &d->product;
    int64_t pairs = (p->channels + DAVIT_INT8_PAIR_COLUMNS - 1) / DAVIT_INT8_PAIR_COLUMNS;
    char *scratch = run->scratch + davit_onednn_thread_index() * pair_bytes(d);
    int32_t *start = (int32_t *)(scratch + DAVIT_INT8_PAIR_COLUMNS * p->depth);
    for (int64_t i = begin; i < end; i++) {
        int64_t group = i / pairs, column = i % pairs * DAVIT_INT8_PAIR_COLUMNS;
        int64_t left = p->channels - column;
        pack_pair(run, run->b + p->weights_of[group] * d->b_elems, column, (int8_t *)scratch,
                  start);
        const davit_int8_dot dot = {
            .rows = p->rows,
            .columns = left < DAVIT_INT8_PAIR_COLUMNS ? left : DAVIT_INT8_PAIR_COLUMNS,
            .quads = p->depth / 4,
            .x = run->a + d->a_of[group] * p->rows * p->depth,
            .x_stride = p->depth,
            .weights = (int8_t *)scratch,
            .start = start,
            .row_factor = -d->b_zero,
            .has_bias_inside = true,
            .finish = &p->finish,
            .out = run->out + group * p->group_stride + column,
            .out_stride = p->row_stride};
        p->loops->dot(&dot);
    }
}

/* Operands: a, b, scratch, out. */
static davit_status run_dot_product(const davit_onednn_call *call)
{
    const dynamic *d = call->params;
    const davit_int8_product *p = &d->product;
    const dot_run run = {.params = d,
                         .a = call->pointers[0],
                         .b = call->pointers[1],
                         .scratch = call->pointers[2],
                         .out = call->pointers[3]};
    int64_t pairs = (p->channels + DAVIT_INT8_PAIR_COLUMNS - 1) / DAVIT_INT8_PAIR_COLUMNS;
    davit_onednn_parallel(p->groups * pairs, 1, run_dot_pairs, &run);
    return DAVIT_OK;
}

static davit_status build_dot_product(davit_onednn_builder *builder, const davit_unit *unit,
                                      const dynamic *d, davit_onednn_operand operands[4])
{
    davit_status status = davit_onednn_new_bytes(
        builder, (size_t)(davit_onednn_thread_count() * pair_bytes(d)), &operands[2]);
    if (status == DAVIT_OK) {
        status = davit_onednn_new_dense(builder, unit->outputs[0], &operands[3]);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_add_kernel(builder, d->product.loops->name, run_dot_product, d,
                                         operands, 4);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, unit->outputs[0], &operands[3]);
    }
    return status;
}

static const char *refuse_product(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    const davit_tensor_desc *a = davit_node_input(graph, node, 0);
    const davit_tensor_desc *b = davit_node_input(graph, node, 1);
    if (a->rank < 2 || b->rank < 2) {
        return "vector operand";
    }
    return a->dims[a->rank - 1] > MAX_DEPTH ? "sums that may not fit s32" : NULL;
}

/* Which matrix of an operand each matrix of the result reads. */
static const int64_t *matrices_of(davit_onednn_builder *builder, const davit_tensor_desc *in,
                                  const davit_tensor_desc *out, int64_t count)
{
    int64_t *matrices = davit_onednn_alloc(builder, (size_t)count * sizeof(*matrices));
    for (int64_t i = 0; i < count && matrices != NULL; i++) {
        int64_t rest = i, stride = 1;
        matrices[i] = 0;
        for (int axis = out->rank - 3; axis >= 0; axis--) {
            int own = axis - (out->rank - in->rank);
            int64_t at = rest % out->dims[axis];
            rest /= out->dims[axis];
            if (own >= 0) {
                matrices[i] += in->dims[own] == 1 ? 0 : at * stride;
                stride *= in->dims[own];
            }
        }
    }
    return matrices;
}

davit_status davit_int8_product_end(davit_onednn_builder *builder, const davit_node *node,
                                    int64_t channels, davit_int8_finish *out)
{
    davit_quant8 a = davit_integer_a(builder->graph, node);
    davit_quant8 b = davit_integer_b(builder->graph, node);
    davit_result_spec y = davit_integer_result(node);
    davit_multiplication made;
    davit_reason reason;
    davit_status status = davit_multiplication_prepare(&a, &b, &y, &made, &reason);
    if (status != DAVIT_OK) {
        return davit_fail(builder->diag, status, "unit '%s': %s", builder->unit->name, reason.text);
    }
    int64_t padded = davit_int8_padded(channels);
    float *numbers = davit_onednn_alloc(builder, 2 * (size_t)padded * sizeof(*numbers));
    if (numbers == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (int64_t i = 0; i < padded; i++) {
        numbers[i] = made.rescale.scale;
        numbers[padded + i] = 0.0f;
    }
    *out = (davit_int8_finish){.scale = numbers,
                               .bias = numbers + padded,
                               .result = davit_int8_quantizing(&made.rescale.result)};
    return DAVIT_OK;
}

static davit_status describe(davit_onednn_builder *builder, const davit_node *node, dynamic *d)
{
    const davit_tensor_desc *a = davit_node_input(builder->graph, node, 0);
    const davit_tensor_desc *b = davit_node_input(builder->graph, node, 1);
    const davit_tensor_desc *out = davit_node_output(builder->graph, node);
    davit_quant8 qa = davit_integer_a(builder->graph, node);
    davit_quant8 qb = davit_integer_b(builder->graph, node);
    davit_int8_product *p = &d->product;
    *p = (davit_int8_product){.loops = davit_int8_loops_choose(),
                              .rows = out->dims[out->rank - 2],
                              .depth = a->dims[a->rank - 1],
                              .channels = out->dims[out->rank - 1],
                              .gather = gather_dynamic,
                              .geometry = d};
    p->row_stride = p->channels;
    p->group_stride = p->rows * p->channels;
    p->groups = davit_tensor_desc_elems(out) / p->group_stride;
    d->a = davit_int8_source_of(qa.dtype, qa.zero);
    d->b = (davit_int8_weights){.dtype = qb.dtype,
                                .zero = qb.zero,
                                .channels = p->channels,
                                .inputs = p->depth,
                                .taps = 1,
                                .o_stride = 1,
                                .c_stride = p->channels};
    d->b_zero = qb.dtype == DAVIT_U8 ? qb.zero - 128 : qb.zero;
    d->b_elems = p->depth * p->channels;
    d->b_matrices = davit_tensor_desc_elems(b) / d->b_elems;
    d->a_of = matrices_of(builder, a, out, p->groups);
    p->weights_of = matrices_of(builder, b, out, p->groups);
    return d->a_of != NULL && p->weights_of != NULL
               ? davit_int8_product_end(builder, node, p->channels, &p->finish)
               : DAVIT_OUT_OF_MEMORY;
}

static davit_status build_product(davit_onednn_builder *builder, const davit_unit *unit,
                                  const davit_node *node)
{
    dynamic *d = davit_onednn_alloc(builder, sizeof(*d));
    davit_onednn_operand operands[5];
    if (d == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = describe(builder, node, d);
    int64_t packed_elems = davit_int8_packed_elems(d->b.inputs, d->b.channels) * d->b_matrices;
    for (uint32_t i = 0; i < 2 && status == DAVIT_OK; i++) {
        status = davit_onednn_value_dense(builder, node->inputs[i], &operands[i]);
    }
    if (status == DAVIT_OK && d->product.loops->dot != NULL && d->product.depth % 4 == 0 &&
        davit_integer_a(builder->graph, node).dtype == DAVIT_U8) {
        return build_dot_product(builder, unit, d, operands);
    }
    if (status == DAVIT_OK) {
        status =
            davit_onednn_new_bytes(builder, (size_t)packed_elems * sizeof(int16_t), &operands[2]);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_new_bytes(builder, davit_int8_product_scratch_bytes(&d->product),
                                        &operands[3]);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_new_dense(builder, unit->outputs[0], &operands[4]);
    }
    if (status == DAVIT_OK) {
        status =
            davit_onednn_add_kernel(builder, d->product.loops->name, run_dynamic, d, operands, 5);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, unit->outputs[0], &operands[4]);
    }
    return status;
}

static const davit_onednn_operator operators[] = {
    {DAVIT_OP_IntegerMatMul, true, refuse_matmul, build_matmul},
    {DAVIT_OP_IntegerProduct, true, refuse_product, build_product}};

const davit_onednn_family davit_onednn_int8_products = DAVIT_ONEDNN_FAMILY(operators);
