#include "attention.h"

#include <string.h>

#include "copy.h"
#include "dnnl_api.h"
#include "parallel.h"

#if defined(__x86_64__)
const davit_attention_loops *davit_attention_loops_choose(void)
{
    unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
    const unsigned avx512 = (unsigned)dnnl_cpu_isa_avx512_core, avx2 = (unsigned)dnnl_cpu_isa_avx2;
    if ((isa & avx512) == avx512) {
        return &davit_attention_avx512;
    }
    return (isa & avx2) == avx2 ? &davit_attention_avx2 : NULL;
}
#else
const davit_attention_loops *davit_attention_loops_choose(void)
{
    return NULL;
}
#endif

/* ---- views ---- */

/* From the last axis on, with ones before. */
static davit_attention_view make_view(davit_value_id value, const davit_tensor_desc *desc,
                                      const int64_t *strides)
{
    davit_attention_view view = {.value = value, .rank = desc->rank, .dims = {1, 1, 1, 1}};
    for (int i = 0; i < desc->rank && i < 4; i++) {
        view.dims[4 - desc->rank + i] = desc->dims[i];
        view.strides[4 - desc->rank + i] = strides[i];
    }
    return view;
}

davit_attention_view davit_attention_view_dense(const davit_graph *graph, davit_value_id value)
{
    const davit_tensor_desc *desc = &graph->values[value].desc;
    int64_t strides[DAVIT_MAX_RANK];
    davit_onednn_dense_strides(desc->rank, desc->dims, strides);
    if (desc->rank > 4) {
        return (davit_attention_view){.value = value, .rank = desc->rank};
    }
    return make_view(value, desc, strides);
}

davit_attention_view davit_attention_view_climb(const davit_onednn_builder *builder,
                                                davit_onednn_group *group, davit_value_id value)
{
    const davit_graph *graph = builder->graph;
    const davit_tensor_desc *desc = &graph->values[value].desc;
    int64_t dense[DAVIT_MAX_RANK], strides[DAVIT_MAX_RANK];
    int axes[DAVIT_MAX_RANK], permutation[DAVIT_MAX_RANK];
    davit_value_id above = value;
    const davit_node *transpose;
    for (int i = 0; i < desc->rank; i++) {
        axes[i] = i;
    }
    while ((transpose = davit_onednn_group_climb(builder, group, DAVIT_OP_Transpose, &above)) !=
           NULL) {
        davit_onednn_permutation(transpose, desc->rank, permutation);
        for (int i = 0; i < desc->rank; i++) {
            axes[i] = permutation[axes[i]];
        }
    }
    davit_onednn_dense_strides(desc->rank, graph->values[above].desc.dims, dense);
    for (int i = 0; i < desc->rank; i++) {
        strides[i] = dense[axes[i]];
    }
    return desc->rank <= 4 ? make_view(above, desc, strides)
                           : (davit_attention_view){.value = value, .rank = desc->rank};
}

bool davit_attention_view_broadcast(davit_attention_view *view, const int64_t *dims, int axes)
{
    for (int i = 0; i < axes; i++) {
        if (view->dims[i] == 1) {
            view->strides[i] = 0;
        } else if (view->dims[i] != dims[i]) {
            return false;
        }
    }
    return view->rank <= 4;
}

davit_attention_view davit_attention_view_descend(const davit_onednn_builder *builder,
                                                  davit_onednn_group *group, davit_value_id value)
{
    const davit_graph *graph = builder->graph;
    const davit_tensor_desc *desc = &graph->values[value].desc;
    size_t position = davit_onednn_sole_reader(builder, value);
    const davit_node *node = davit_onednn_lone_node(builder, position);
    int permutation[DAVIT_MAX_RANK];
    int64_t dense[DAVIT_MAX_RANK], strides[DAVIT_MAX_RANK];
    if (node == NULL || node->op->op != DAVIT_OP_Transpose || desc->rank < 2 || desc->rank > 4) {
        return davit_attention_view_dense(graph, value);
    }
    davit_onednn_permutation(node, desc->rank, permutation);
    if (permutation[desc->rank - 1] != desc->rank - 1 || !davit_onednn_group_add(group, position)) {
        return davit_attention_view_dense(graph, value);
    }
    davit_onednn_dense_strides(desc->rank, davit_node_output(graph, node)->dims, dense);
    for (int i = 0; i < desc->rank; i++) {
        strides[permutation[i]] = dense[i];
    }
    return make_view(node->outputs[0], desc, strides);
}

static bool view_mask(const davit_graph *graph, davit_value_id value, const int64_t *dims,
                      davit_attention_view *out)
{
    *out = davit_attention_view_dense(graph, value);
    return graph->values[value].desc.dtype == DAVIT_F32 &&
           davit_attention_view_broadcast(out, dims, 4);
}

bool davit_attention_mask(const davit_onednn_builder *builder, const davit_node *add,
                          davit_value_id value, const int64_t *dims, davit_attention_view *out)
{
    davit_value_id mask = add->inputs[add->inputs[0] == value ? 1 : 0];
    return mask != value && view_mask(builder->graph, mask, dims, out);
}

bool davit_attention_softmax_fits(const davit_graph *graph, const davit_node *softmax)
{
    const davit_tensor_desc *desc = davit_node_input(graph, softmax, 0);
    return desc->rank >= 2 && desc->rank <= 4 && desc->dtype == DAVIT_F32 &&
           davit_node_axis(davit_node_int(softmax, "axis", -1), desc->rank) == desc->rank - 1;
}

/* ---- building ---- */

/* What is computed, with scores as [batch, heads, queries, keys]. */
typedef struct match {
    davit_attention attention;
    int64_t heads, batch;
    davit_attention_view q, k, v, mask, out;
    bool has_mask;
} match;

typedef struct params {
    const davit_attention_loops *loops;
    match match;
    int64_t parts, thread_elems; /* of the queries of a head; room for a thread */
} params;

static void run_items(const void *context, int64_t begin, int64_t end)
{
    const davit_onednn_call *call = context;
    const params *p = call->params;
    const match *m = &p->match;
    const float *q = call->pointers[DAVIT_ATTENTION_Q], *k = call->pointers[DAVIT_ATTENTION_K];
    const float *v = call->pointers[DAVIT_ATTENTION_V];
    const float *mask = m->has_mask ? call->pointers[DAVIT_ATTENTION_MASK] : NULL;
    float *out = call->pointers[DAVIT_ATTENTION_OUT];
    float *scratch = call->pointers[DAVIT_ATTENTION_SCRATCH];
    for (int64_t i = begin; i < end; i++) {
        int64_t head = i / p->parts % m->heads, batch = i / p->parts / m->heads;
        int64_t part = i % p->parts, queries = m->attention.queries;
        davit_attention_head h = {
            .q = q + davit_attention_place(&m->q, batch, head),
            .k = k + davit_attention_place(&m->k, batch, head),
            .v = v + davit_attention_place(&m->v, batch, head),
            .mask = mask != NULL ? mask + davit_attention_place(&m->mask, batch, head) : NULL,
            .out = out + davit_attention_place(&m->out, batch, head),
            .scratch = scratch + davit_onednn_thread_index() * p->thread_elems,
            .first = queries * part / p->parts};
        h.count = queries * (part + 1) / p->parts - h.first;
        p->loops->run(&m->attention, &h);
    }
}

static davit_status run_attention(const davit_onednn_call *call)
{
    const params *p = call->params;
    davit_onednn_parallel(p->match.batch * p->match.heads * p->parts, 1, run_items, call);
    return DAVIT_OK;
}

int64_t davit_attention_parts(int64_t heads, int64_t queries)
{
    int64_t threads = davit_onednn_thread_count();
    bool even = heads % threads == 0 || heads > 8 * threads;
    return even ? 1 : threads < queries ? threads : queries;
}

static davit_status build(davit_onednn_builder *builder, const davit_onednn_group *group)
{
    const match *m = group->match;
    davit_onednn_operand operands[DAVIT_ATTENTION_MASK + 1];
    davit_status status = DAVIT_OK;
    params *p = davit_onednn_alloc(builder, sizeof(*p));
    if (p == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    *p = (params){.loops = davit_attention_loops_choose(),
                  .match = *m,
                  .parts = davit_attention_parts(m->batch * m->heads, m->attention.queries)};
    p->thread_elems = (int64_t)p->loops->scratch_elems(&m->attention);
    const davit_value_id inputs[3] = {m->q.value, m->k.value, m->v.value};
    for (int i = 0; i < 3 && status == DAVIT_OK; i++) {
        status = davit_onednn_value_dense(builder, inputs[i], &operands[i]);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_new_dense(builder, m->out.value, &operands[DAVIT_ATTENTION_OUT]);
    }
    if (status == DAVIT_OK) {
        size_t elems = (size_t)(davit_onednn_thread_count() * p->thread_elems);
        status = davit_onednn_new_bytes(builder, elems * sizeof(float),
                                        &operands[DAVIT_ATTENTION_SCRATCH]);
    }
    if (status == DAVIT_OK && m->has_mask) {
        status = davit_onednn_value_dense(builder, m->mask.value, &operands[DAVIT_ATTENTION_MASK]);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_add_kernel(builder, p->loops->name, run_attention, p, operands,
                                         m->has_mask ? 6 : 5);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, m->out.value, &operands[DAVIT_ATTENTION_OUT]);
    }
    return status;
}

/* ---- finding ---- */

/* What the product of scores does after it: a factor, then maybe the mask. */
static bool take_epilogues(const davit_graph *graph, const davit_unit *unit, const int64_t *dims,
                           match *m)
{
    for (uint32_t i = 0; i < unit->epilogue_count; i++) {
        const davit_epilogue *e = &unit->epilogues[i];
        bool factor = e->kind == DAVIT_EPILOGUE_ACTIVATION &&
                      e->activation == DAVIT_ACTIVATION_LINEAR && e->beta == 0.0f;
        if (m->has_mask && i > 0 && unit->epilogues[i - 1].kind != DAVIT_EPILOGUE_ACTIVATION) {
            return false;
        }
        if (factor) {
            m->attention.scale *= e->alpha;
        } else if (e->kind != DAVIT_EPILOGUE_ACTIVATION && !m->has_mask &&
                   view_mask(graph, e->operand, dims, &m->mask)) {
            m->has_mask = true;
        } else {
            return false;
        }
    }
    return true;
}

/* The value through its transpositions where they leave its columns side by side, else as it is. */
static davit_attention_view climb_rows(const davit_onednn_builder *builder,
                                       davit_onednn_group *group, davit_value_id value)
{
    davit_onednn_group tried = *group;
    davit_attention_view view = davit_attention_view_climb(builder, &tried, value);
    if (view.rank <= 4 && view.strides[3] == 1) {
        *group = tried;
        return view;
    }
    return davit_attention_view_dense(builder->graph, value);
}

/* The product that makes the scores. */
static bool take_scores(const davit_onednn_builder *builder, davit_onednn_group *group,
                        davit_value_id scores, const int64_t *dims, match *m)
{
    const davit_graph *graph = builder->graph;
    size_t position = davit_onednn_maker(builder, scores);
    const davit_unit *unit = davit_onednn_lone_unit(builder, position);
    if (unit == NULL || davit_onednn_sole_reader(builder, scores) == SIZE_MAX) {
        return false;
    }
    const davit_node *product = &graph->nodes[unit->anchor];
    if (product->op->op != DAVIT_OP_MatMul || !take_epilogues(graph, unit, dims, m) ||
        !davit_onednn_group_add(group, position) ||
        graph->values[product->inputs[0]].constant != NULL ||
        graph->values[product->inputs[1]].constant != NULL ||
        product->inputs[0] == product->inputs[1]) {
        return false;
    }
    if (m->has_mask &&
        (m->mask.value == product->inputs[0] || m->mask.value == product->inputs[1])) {
        return false; /* the unit lists what it reads twice once */
    }
    m->q = climb_rows(builder, group, product->inputs[0]);
    m->k = davit_attention_view_climb(builder, group, product->inputs[1]);
    return davit_attention_view_broadcast(&m->q, dims, 2) &&
           davit_attention_view_broadcast(&m->k, dims, 2) && m->q.rank >= 2 && m->k.rank >= 2 &&
           m->q.dims[2] == dims[2] && m->k.dims[3] == dims[3];
}

/* From the input of the softmax up. */
static bool climb_scores(const davit_onednn_builder *builder, davit_onednn_group *group,
                         davit_value_id value, const int64_t *dims, match *m)
{
    davit_value_id first = value;
    davit_onednn_group with_add = *group;
    const davit_node *add = davit_onednn_group_climb(builder, &with_add, DAVIT_OP_Add, &first);
    for (int i = 0; add != NULL && i < 2; i++) {
        davit_onednn_group tried = with_add;
        match masked = *m;
        masked.has_mask = davit_attention_mask(builder, add, add->inputs[i], dims, &masked.mask);
        if (masked.has_mask && take_scores(builder, &tried, add->inputs[i], dims, &masked)) {
            *group = tried;
            *m = masked;
            return true;
        }
    }
    return add == NULL && take_scores(builder, group, value, dims, m);
}

static davit_attention measure(const match *m, const int64_t *dims)
{
    return (davit_attention){.queries = dims[2],
                             .keys = dims[3],
                             .depth = m->q.dims[3],
                             .width = m->v.dims[3],
                             .q_row = m->q.strides[2],
                             .k_row = m->k.strides[3],
                             .k_column = m->k.strides[2],
                             .v_row = m->v.strides[2],
                             .v_column = m->v.strides[3],
                             .out_row = m->out.strides[2],
                             .mask_row = m->has_mask ? m->mask.strides[2] : 0,
                             .mask_column = m->has_mask ? m->mask.strides[3] : 0,
                             .scale = m->attention.scale};
}

davit_status davit_attention_find(davit_onednn_builder *builder, size_t position)
{
    const davit_graph *graph = builder->graph;
    const davit_node *softmax = davit_onednn_lone_node(builder, position);
    size_t last = davit_onednn_sole_reader(builder, softmax->outputs[0]);
    const davit_node *product = davit_onednn_lone_node(builder, last);
    davit_onednn_group group = {.build = build};
    match m = {.attention.scale = 1.0f};
    if (builder->bf16 || davit_attention_loops_choose() == NULL ||
        !davit_attention_softmax_fits(graph, softmax) || product == NULL ||
        product->op->op != DAVIT_OP_MatMul || product->inputs[0] != softmax->outputs[0] ||
        product->inputs[1] == softmax->outputs[0] ||
        graph->values[product->inputs[1]].constant != NULL) {
        return DAVIT_OK;
    }
    const davit_attention_view scores = davit_attention_view_dense(graph, softmax->outputs[0]);
    m.out = davit_attention_view_descend(builder, &group, product->outputs[0]);
    m.batch = m.out.dims[0];
    m.heads = m.out.dims[1];
    if (m.out.rank > 4 || m.batch != scores.dims[0] || m.heads != scores.dims[1] ||
        !davit_onednn_group_add(&group, last) || !davit_onednn_group_add(&group, position) ||
        !climb_scores(builder, &group, softmax->inputs[0], scores.dims, &m)) {
        return DAVIT_OK;
    }
    m.v = davit_attention_view_climb(builder, &group, product->inputs[1]);
    if (m.v.rank < 2 || !davit_attention_view_broadcast(&m.v, m.out.dims, 2)) {
        return DAVIT_OK;
    }
    m.attention = measure(&m, scores.dims);
    group.match = &m;
    return davit_onednn_group_keep(builder, &group, sizeof(m));
}
