#include "case.h"

#include "davit/passes.h"
#include "davit/reference.h"
#include "unit_test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A graph while it is made. */
typedef struct case_builder {
    const davit_diagnostics *diag;
    davit_graph *graph;
    davit_tensor **inputs;
    uint64_t seed;
    case_fill fill;
    int operand;                            /* number of the next filled operand */
    int integer;                            /* the same for those that are integers */
    davit_value_id results[CASE_MAX_NODES]; /* first result of each node */
    size_t result_count;
} case_builder;

/* How large random weights are: results of a sum over fan_in terms then stay near 1. */
static float weight_scale(const davit_tensor_desc *desc)
{
    int64_t elems = davit_tensor_desc_elems(desc);
    if (elems == 0 || desc->rank < 2) {
        return 1.0f;
    }
    int64_t fan_in = desc->rank == 2 ? desc->dims[0] : elems / desc->dims[0];
    return sqrtf(3.0f / (float)(fan_in > 3 ? fan_in : 3));
}

static void fill_tensor(case_builder *builder, davit_tensor *tensor, case_operand_kind kind)
{
    if (kind > CASE_POSITIVE) {
        case_fill_integers(tensor, builder->seed * 0x10001u + (uint64_t)builder->integer++);
        return;
    }
    int operand = builder->operand++;
    uint64_t state = builder->seed * 0x10001u + (uint64_t)operand;
    float scale = kind == CASE_WEIGHTS ? weight_scale(&tensor->desc) : 1.0f;
    float *data = tensor->data;
    int64_t index[DAVIT_MAX_RANK] = {0};
    for (int64_t i = 0; i < davit_tensor_desc_elems(&tensor->desc); i++) {
        if (builder->fill != NULL) {
            data[i] = (float)builder->fill(operand, index);
        } else if (kind == CASE_POSITIVE) {
            data[i] = 1.0f + test_random_float(&state) / 2;
        } else {
            data[i] = scale * test_random_float(&state);
        }
        for (int d = tensor->desc.rank - 1; d >= 0 && ++index[d] == tensor->desc.dims[d]; d--) {
            index[d] = 0;
        }
    }
}

static davit_status add_input(case_builder *builder, davit_tensor *tensor, davit_value_id *id)
{
    davit_graph *graph = builder->graph;
    const davit_tensor_desc *desc = &tensor->desc;
    builder->inputs[graph->input_count] = tensor;
    davit_status status = davit_graph_add_value(graph, NULL, id);
    if (status != DAVIT_OK) {
        davit_tensor_destroy(tensor);
        return status;
    }
    graph->inputs[graph->input_count++] = *id;
    davit_value *value = &graph->values[*id];
    value->declared =
        davit_arena_alloc_array(&graph->arena, DAVIT_MAX_RANK, sizeof(*value->declared));
    if (value->declared == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (int i = 0; i < desc->rank; i++) {
        value->declared[i].value = desc->dims[i];
    }
    value->declared_rank = desc->rank;
    value->declared_dtype = desc->dtype;
    value->desc = *desc;
    value->inferred = true;
    value->is_input = true;
    return DAVIT_OK;
}

static davit_dtype dtype_of(case_operand_kind kind)
{
    switch (kind) {
    case CASE_U8_INPUT:
    case CASE_U8:
        return DAVIT_U8;
    case CASE_S8_INPUT:
    case CASE_S8:
        return DAVIT_S8;
    case CASE_S16:
        return DAVIT_S16;
    case CASE_S32:
        return DAVIT_S32;
    case CASE_INTS:
        return DAVIT_S64;
    default:
        return DAVIT_F32;
    }
}

static bool is_input(case_operand_kind kind)
{
    return kind == CASE_INPUT || kind == CASE_U8_INPUT || kind == CASE_S8_INPUT;
}

static davit_status add_tensor(case_builder *builder, const case_operand *operand,
                               davit_value_id before, davit_value_id *id)
{
    davit_dtype dtype = dtype_of(operand->kind);
    const int64_t *dims = operand->ints;
    int rank = (int)operand->count;
    int64_t count = (int64_t)operand->count;
    if (operand->same_shape && before != DAVIT_NONE) {
        dims = builder->graph->values[before].desc.dims;
        rank = builder->graph->values[before].desc.rank;
    } else if (operand->kind >= CASE_INTS) {
        dims = &count;
        rank = operand->kind == CASE_SCALAR ? 0 : 1;
    }
    davit_tensor *tensor = NULL;
    davit_status status =
        davit_tensor_create(davit_allocator_default(), dtype, rank, dims, &tensor);
    if (status != DAVIT_OK) {
        return davit_fail(builder->diag, status, "case: bad shape");
    }
    if (operand->kind < CASE_INTS) {
        fill_tensor(builder, tensor, operand->kind);
        if (operand->columns && rank == 2) {
            tensor->desc.strides[0] = 1;
            tensor->desc.strides[1] = tensor->desc.dims[0];
        }
    } else {
        const void *list =
            dtype == DAVIT_S64 ? (const void *)operand->ints : (const void *)operand->floats;
        memcpy(tensor->data, list, davit_tensor_desc_bytes(&tensor->desc));
    }
    return is_input(operand->kind) ? add_input(builder, tensor, id)
                                   : davit_graph_add_constant(builder->graph, NULL, tensor, id);
}

static davit_status add_operand(case_builder *builder, const case_operand *operand,
                                davit_value_id before, davit_value_id *id)
{
    *id = DAVIT_NONE;
    if (operand->kind == CASE_ABSENT) {
        return DAVIT_OK;
    }
    if (operand->kind == CASE_RESULT) {
        size_t node = (size_t)operand->ints[0];
        if (node >= builder->result_count) {
            return davit_fail(builder->diag, DAVIT_BAD_DATA, "case: no result @%zu", node);
        }
        *id = builder->results[node];
        return DAVIT_OK;
    }
    return add_tensor(builder, operand, before, id);
}

static davit_attribute make_attribute(const case_attribute *from)
{
    davit_attribute made = {.name = from->name, .type = from->type, .count = 1};
    switch (from->type) {
    case DAVIT_ATTRIBUTE_INT:
        made.u.i = from->ints[0];
        break;
    case DAVIT_ATTRIBUTE_FLOAT:
        made.u.f = from->number;
        break;
    case DAVIT_ATTRIBUTE_INTS:
        made.count = from->count;
        made.u.ints = from->ints;
        break;
    case DAVIT_ATTRIBUTE_FLOATS:
        made.count = from->count;
        made.u.floats = from->floats;
        break;
    default:
        made.count = strlen(from->string);
        made.u.s = from->string;
        break;
    }
    return made;
}

static davit_status add_node(case_builder *builder, const case_node *node)
{
    davit_graph *graph = builder->graph;
    const davit_op_info *op = davit_op_find("", node->op);
    if (op == NULL) {
        op = davit_op_find("davit", node->op);
    }
    if (op == NULL) {
        return davit_fail(builder->diag, DAVIT_UNSUPPORTED, "case: operator %s", node->op);
    }
    davit_value_id inputs[CASE_MAX_OPERANDS + 1];
    davit_value_id outputs[CASE_MAX_OUTPUTS];
    davit_attribute attributes[CASE_MAX_ATTRIBUTES];
    uint32_t input_count = 0;
    davit_value_id before = DAVIT_NONE;
    if (builder->result_count > 0 && !node->anew) {
        before = builder->results[builder->result_count - 1];
        inputs[input_count++] = before;
    }
    davit_status status = DAVIT_OK;
    for (size_t i = 0; status == DAVIT_OK && i < node->operand_count; i++) {
        status = add_operand(builder, &node->operands[i], before, &inputs[input_count++]);
    }
    for (size_t i = 0; status == DAVIT_OK && i < node->output_count; i++) {
        status = davit_graph_add_value(graph, NULL, &outputs[i]);
    }
    for (size_t i = 0; i < node->attribute_count; i++) {
        attributes[i] = make_attribute(&node->attributes[i]);
    }
    const davit_node_spec spec = {.op = op->op,
                                  .input_count = input_count,
                                  .output_count = (uint32_t)node->output_count,
                                  .attribute_count = (uint32_t)node->attribute_count,
                                  .inputs = inputs,
                                  .outputs = outputs,
                                  .attributes = attributes};
    davit_node_id id;
    if (status == DAVIT_OK) {
        status = davit_graph_add_node(graph, &spec, &id);
    }
    if (status == DAVIT_OK) {
        status = davit_graph_infer_node(graph, id, builder->diag);
    }
    builder->results[builder->result_count++] = outputs[0];
    return status;
}

/* Results that no node reads become graph outputs. */
static void add_outputs(davit_graph *graph)
{
    for (size_t v = 0; v < graph->value_count; v++) {
        bool read = graph->values[v].producer == DAVIT_NONE;
        for (size_t n = 0; !read && n < graph->node_count; n++) {
            const davit_node *node = &graph->nodes[n];
            for (uint32_t i = 0; !read && i < node->input_count; i++) {
                read = node->inputs[i] == v;
            }
        }
        if (!read) {
            graph->values[v].is_output = true;
            graph->outputs[graph->output_count++] = (davit_value_id)v;
        }
    }
}

static davit_status build(case_builder *builder, const case_text *parsed)
{
    davit_graph *graph = builder->graph;
    const size_t most = (size_t)CASE_MAX_NODES * (CASE_MAX_OPERANDS + CASE_MAX_OUTPUTS);
    graph->inputs = davit_arena_alloc_array(&graph->arena, most, sizeof(*graph->inputs));
    graph->outputs = davit_arena_alloc_array(&graph->arena, most, sizeof(*graph->outputs));
    builder->inputs = davit_arena_alloc_array(&graph->arena, most, sizeof(davit_tensor *));
    if (graph->inputs == NULL || graph->outputs == NULL || builder->inputs == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = DAVIT_OK;
    for (size_t i = 0; status == DAVIT_OK && i < parsed->node_count; i++) {
        status = add_node(builder, &parsed->nodes[i]);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    add_outputs(graph);
    status = davit_graph_sort(graph, builder->diag);
    if (status == DAVIT_OK) {
        status = davit_graph_bind(graph, NULL, 0, davit_reference_evaluator(), builder->diag);
    }
    return status == DAVIT_OK ? davit_pass_make_units(graph, builder->diag) : status;
}

davit_status case_build(const char *text, uint64_t seed, case_fill fill,
                        const davit_diagnostics *diag, unit_case *out)
{
    static case_text parsed;
    *out = (unit_case){0};
    davit_status status = case_parse(text, diag, &parsed);
    if (status != DAVIT_OK) {
        return status;
    }
    case_builder builder = {.diag = diag, .seed = seed, .fill = fill};
    status = davit_graph_create(davit_allocator_default(), &builder.graph);
    if (status != DAVIT_OK) {
        return status;
    }
    status = build(&builder, &parsed);
    out->graph = builder.graph;
    out->inputs = builder.inputs;
    if (status != DAVIT_OK) {
        case_destroy(out);
    }
    return status;
}

void case_destroy(unit_case *built)
{
    if (built->graph != NULL) {
        for (size_t i = 0; i < built->graph->input_count; i++) {
            davit_tensor_destroy(built->inputs[i]);
        }
    }
    davit_graph_destroy(built->graph);
    *built = (unit_case){0};
}
