#include "davit/infer.h"
#include "davit/names.h"

#include "evaluate.h"

#include <stdio.h>
#include <string.h>

/* A value computed while shapes are inferred is small; more is a mistake or an attack. */
#define MAX_EVALUATED_BYTES ((uint64_t)1 << 28)

typedef struct binder {
    davit_graph *graph;
    const davit_binding *bindings;
    size_t binding_count;
    const davit_evaluator *evaluator;
    const davit_diagnostics *diag;
    const davit_binding **given; /* by value: its binding, NULL: none */
    bool *needed;                /* by value: a shape depends on what it holds */
    davit_names symbols;         /* to indices into symbol_dims */
    size_t symbol_count, symbol_capacity;
    int64_t *symbol_dims;
} binder;

/* ---- graph inputs ---- */

/* "1x3xHEIGHTx?" of a declaration. Returns text. */
static const char *declared_text(const davit_value *value, char *text, size_t bytes)
{
    size_t at = 0;
    text[0] = 0;
    for (int i = 0; i < value->declared_rank && at < bytes; i++) {
        const davit_dim *dim = &value->declared[i];
        const char *times = i > 0 ? "x" : "";
        int wrote =
            dim->value >= 0
                ? snprintf(text + at, bytes - at, "%s%lld", times, (long long)dim->value)
                : snprintf(text + at, bytes - at, "%s%s", times, dim->symbol ? dim->symbol : "?");
        at += wrote > 0 ? (size_t)wrote : 0;
    }
    return value->declared_rank == 0 ? "scalar" : text;
}

static davit_status fail_unknown_input(const binder *b, const char *name)
{
    const davit_graph *graph = b->graph;
    char list[256] = "";
    size_t at = 0;
    for (size_t i = 0; i < graph->input_count && at < sizeof(list); i++) {
        int wrote = snprintf(list + at, sizeof(list) - at, "%s'%s'", i > 0 ? ", " : "",
                             graph->values[graph->inputs[i]].name);
        at += wrote > 0 ? (size_t)wrote : 0;
    }
    return davit_fail(b->diag, DAVIT_INVALID_ARGUMENT,
                      "the model has no input '%s'; its inputs: %s", name, list);
}

/* Finds the value of each binding. */
static davit_status match_bindings(binder *b)
{
    for (size_t i = 0; i < b->binding_count; i++) {
        const davit_binding *binding = &b->bindings[i];
        davit_value_id id = davit_graph_find_value(b->graph, binding->name);
        if (id == DAVIT_NONE || !b->graph->values[id].is_input) {
            return fail_unknown_input(b, binding->name);
        }
        if (b->given[id]) {
            return davit_fail(b->diag, DAVIT_INVALID_ARGUMENT, "input '%s' is bound twice",
                              binding->name);
        }
        b->given[id] = binding;
    }
    return DAVIT_OK;
}

/* The name of an open dimension, NULL: none. Paddle's exporter calls all it does not name "?". */
static const char *symbol_of(const davit_dim *dim)
{
    return dim->value < 0 && dim->symbol && strcmp(dim->symbol, "?") != 0 ? dim->symbol : NULL;
}

/* Gives a symbol its size, or checks that it has that one already. */
static davit_status set_symbol(binder *b, const char *symbol, int64_t dim, const char *input)
{
    uint32_t at = davit_names_find(&b->symbols, symbol);
    if (at != DAVIT_NONE) {
        return b->symbol_dims[at] == dim
                   ? DAVIT_OK
                   : davit_fail(b->diag, DAVIT_INVALID_ARGUMENT,
                                "input '%s': dimension '%s' is %lld here and %lld elsewhere", input,
                                symbol, (long long)dim, (long long)b->symbol_dims[at]);
    }
    void *dims = b->symbol_dims;
    davit_status status =
        davit_array_grow(b->graph->allocator, &dims, &b->symbol_capacity, b->symbol_count,
                         b->symbol_count + 1, sizeof(*b->symbol_dims));
    b->symbol_dims = dims;
    if (status == DAVIT_OK) {
        status = davit_names_add(&b->symbols, symbol, (uint32_t)b->symbol_count);
    }
    if (status != DAVIT_OK) {
        return davit_fail(b->diag, status, "out of memory while binding input '%s'", input);
    }
    b->symbol_dims[b->symbol_count++] = dim;
    return DAVIT_OK;
}

static davit_status set_input_desc(const binder *b, davit_value *value, int rank,
                                   const int64_t *dims)
{
    char text[128];
    davit_status status = davit_tensor_desc_dense(&value->desc, value->declared_dtype, rank, dims);
    if (status == DAVIT_UNSUPPORTED) {
        return davit_fail(b->diag, status, "input '%s': type %s is not supported", value->name,
                          davit_dtype_name(value->declared_dtype));
    }
    if (status != DAVIT_OK) {
        return davit_fail(b->diag, status, "input '%s': shape %s is %s", value->name,
                          rank <= DAVIT_MAX_RANK ? davit_shape_text(dims, rank, text, sizeof(text))
                                                 : "of that rank",
                          status == DAVIT_OUT_OF_MEMORY ? "too large" : "not possible");
    }
    value->inferred = true;
    return DAVIT_OK;
}

/* Binds an input to the shape given for it, which must agree with the declaration. */
static davit_status bind_given(binder *b, davit_value *value, const davit_binding *given)
{
    char declared[256];
    char text[128];
    int rank = given->rank >= 0 ? given->rank : given->value->desc.rank;
    const int64_t *dims = given->rank >= 0 ? given->dims : given->value->desc.dims;
    if (rank > DAVIT_MAX_RANK) {
        return davit_fail(b->diag, DAVIT_INVALID_ARGUMENT, "input '%s': rank %d is above %d",
                          value->name, rank, DAVIT_MAX_RANK);
    }
    bool agrees = value->declared_rank < 0 || value->declared_rank == rank;
    for (int i = 0; i < value->declared_rank && agrees; i++) {
        agrees = value->declared[i].value < 0 || value->declared[i].value == dims[i];
    }
    if (!agrees) {
        return davit_fail(b->diag, DAVIT_INVALID_ARGUMENT,
                          "input '%s': shape %s was given, the model declares %s", value->name,
                          davit_shape_text(dims, rank, text, sizeof(text)),
                          declared_text(value, declared, sizeof(declared)));
    }
    for (int i = 0; i < value->declared_rank; i++) {
        const char *symbol = symbol_of(&value->declared[i]);
        if (symbol) {
            davit_status status = set_symbol(b, symbol, dims[i], value->name);
            if (status != DAVIT_OK) {
                return status;
            }
        }
    }
    return set_input_desc(b, value, rank, dims);
}

/* Binds an input to its declared shape, with the symbols that other inputs gave. */
static davit_status bind_declared(const binder *b, davit_value *value)
{
    char declared[256];
    int64_t dims[DAVIT_MAX_RANK];
    if (value->declared_rank < 0) {
        return davit_fail(b->diag, DAVIT_INVALID_ARGUMENT,
                          "the model does not declare the shape of input '%s': give it with "
                          "--shape %s=DIMxDIM...",
                          value->name, value->name);
    }
    if (value->declared_rank > DAVIT_MAX_RANK) {
        return davit_fail(b->diag, DAVIT_UNSUPPORTED, "input '%s': rank %d is above %d",
                          value->name, value->declared_rank, DAVIT_MAX_RANK);
    }
    for (int i = 0; i < value->declared_rank; i++) {
        const davit_dim *dim = &value->declared[i];
        const char *symbol = symbol_of(dim);
        uint32_t at = symbol ? davit_names_find(&b->symbols, symbol) : DAVIT_NONE;
        dims[i] = dim->value;
        if (dim->value < 0 && at != DAVIT_NONE) {
            dims[i] = b->symbol_dims[at];
        } else if (dim->value < 0) {
            return davit_fail(b->diag, DAVIT_INVALID_ARGUMENT,
                              "input '%s': the model leaves dimension %d%s%s%s open: give it with "
                              "--shape %s=%s",
                              value->name, i, symbol ? " ('" : "", symbol ? symbol : "",
                              symbol ? "')" : "", value->name,
                              declared_text(value, declared, sizeof(declared)));
        }
    }
    return set_input_desc(b, value, value->declared_rank, dims);
}

static davit_status check_given_value(const binder *b, const davit_value *value,
                                      const davit_tensor *given)
{
    char text[128];
    char bound[128];
    if (given->desc.dtype != value->desc.dtype) {
        return davit_fail(b->diag, DAVIT_INVALID_ARGUMENT,
                          "input '%s': the given value is of type %s, the model declares %s",
                          value->name, davit_dtype_name(given->desc.dtype),
                          davit_dtype_name(value->desc.dtype));
    }
    if (!davit_tensor_desc_same_shape(&given->desc, &value->desc)) {
        return davit_fail(
            b->diag, DAVIT_INVALID_ARGUMENT,
            "input '%s': the given value has shape %s, the input is bound to %s", value->name,
            davit_shape_text(given->desc.dims, given->desc.rank, text, sizeof(text)),
            davit_shape_text(value->desc.dims, value->desc.rank, bound, sizeof(bound)));
    }
    return DAVIT_OK;
}

static davit_status bind_inputs(binder *b)
{
    davit_graph *graph = b->graph;
    davit_status status = match_bindings(b);
    for (size_t i = 0; i < graph->input_count && status == DAVIT_OK; i++) {
        const davit_binding *given = b->given[graph->inputs[i]];
        if (given && (given->rank >= 0 || given->value)) {
            status = bind_given(b, &graph->values[graph->inputs[i]], given);
        }
    }
    for (size_t i = 0; i < graph->input_count && status == DAVIT_OK; i++) {
        davit_value *value = &graph->values[graph->inputs[i]];
        const davit_binding *given = b->given[graph->inputs[i]];
        if (!value->inferred) {
            status = bind_declared(b, value);
        }
        if (status == DAVIT_OK && given && given->value) {
            status = check_given_value(b, value, given->value);
        }
    }
    return status;
}

/* ---- shapes ---- */

/* Marks the values that shapes depend on: the shape inputs of all nodes and what they are computed
 * from, except through Shape and Size. */
static void mark_needed(binder *b)
{
    const davit_graph *graph = b->graph;
    for (size_t n = graph->order_count; n-- > 0;) {
        const davit_node *node = &graph->nodes[graph->order[n]];
        bool result_needed = false;
        for (uint32_t i = 0; i < node->output_count; i++) {
            result_needed |= node->outputs[i] != DAVIT_NONE && b->needed[node->outputs[i]];
        }
        result_needed = result_needed && !davit_op_reads_shape_only(node->op->op);
        for (uint32_t i = 0; i < node->input_count; i++) {
            bool shape_input = i < 32 && (node->op->shape_inputs >> i & 1) != 0;
            if (node->inputs[i] != DAVIT_NONE && (result_needed || shape_input)) {
                b->needed[node->inputs[i]] = true;
            }
        }
    }
}

/* Turns graph inputs that shapes depend on into constants of their given value. */
static void bind_shape_inputs(binder *b)
{
    davit_graph *graph = b->graph;
    for (size_t i = 0; i < graph->input_count; i++) {
        const davit_binding *given = b->given[graph->inputs[i]];
        if (b->needed[graph->inputs[i]] && given && given->value) {
            graph->values[graph->inputs[i]].constant = given->value;
        }
    }
}

/* The graph input whose missing value keeps a value from being known, else DAVIT_NONE. */
static davit_value_id find_missing(const binder *b, davit_value_id value)
{
    const davit_graph *graph = b->graph;
    for (size_t steps = 0; steps <= graph->node_count; steps++) {
        davit_node_id producer = graph->values[value].producer;
        if (producer == DAVIT_NONE) {
            return graph->values[value].is_input ? value : DAVIT_NONE;
        }
        const davit_node *node = &graph->nodes[producer];
        value = DAVIT_NONE;
        for (uint32_t i = 0; i < node->input_count && value == DAVIT_NONE; i++) {
            if (node->inputs[i] != DAVIT_NONE && !graph->values[node->inputs[i]].constant) {
                value = node->inputs[i];
            }
        }
        if (value == DAVIT_NONE) {
            return DAVIT_NONE;
        }
    }
    return DAVIT_NONE;
}

/* Reports the graph input whose value has to be given, where a shape input of node is not known for
 * that reason. */
static davit_status check_shape_inputs(const binder *b, const davit_node *node)
{
    const davit_graph *graph = b->graph;
    for (uint32_t i = 0; i < node->input_count && i < 32; i++) {
        davit_value_id value = node->inputs[i];
        if ((node->op->shape_inputs >> i & 1) == 0 || value == DAVIT_NONE ||
            graph->values[value].constant) {
            continue;
        }
        davit_value_id missing = find_missing(b, value);
        if (missing != DAVIT_NONE && node->output_count > 0 && node->outputs[0] != DAVIT_NONE) {
            const char *name = graph->values[missing].name;
            return davit_fail(b->diag, DAVIT_INVALID_ARGUMENT,
                              "the shape of '%s' depends on the value of input '%s': give it with "
                              "--input %s=FILE",
                              graph->values[node->outputs[0]].name, name, name);
        }
    }
    return DAVIT_OK;
}

static davit_status infer_one(binder *b, davit_node_id id)
{
    davit_graph *graph = b->graph;
    const davit_node *node = &graph->nodes[id];
    davit_status status = check_shape_inputs(b, node);
    if (status == DAVIT_OK) {
        status = davit_graph_infer_node(graph, id, b->diag);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    bool needed = false;
    for (uint32_t i = 0; i < node->output_count; i++) {
        needed |= node->outputs[i] != DAVIT_NONE && b->needed[node->outputs[i]];
    }
    if (!needed ||
        !(davit_op_reads_shape_only(node->op->op) || davit_node_is_constant(graph, node))) {
        return DAVIT_OK;
    }
    uint64_t bytes = davit_node_output_bytes(graph, node);
    if (bytes > davit_node_input_bytes(graph, node) + MAX_EVALUATED_BYTES) {
        return davit_fail(b->diag, DAVIT_UNSUPPORTED,
                          "node '%s' (%s): a shape depends on its value, which has %llu bytes",
                          node->name, node->op->name, (unsigned long long)bytes);
    }
    return davit_graph_evaluate(graph, id, b->evaluator, b->diag);
}

static davit_status bind(binder *b)
{
    davit_graph *graph = b->graph;
    davit_status status = davit_graph_sort(graph, b->diag);
    if (status == DAVIT_OK) {
        status = bind_inputs(b);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    mark_needed(b);
    bind_shape_inputs(b);
    for (size_t n = 0; n < graph->order_count && status == DAVIT_OK; n++) {
        status = infer_one(b, graph->order[n]);
    }
    return status == DAVIT_OK ? davit_graph_sort(graph, b->diag) : status;
}

davit_status davit_graph_bind(davit_graph *graph, const davit_binding *bindings,
                              size_t binding_count, const davit_evaluator *evaluator,
                              const davit_diagnostics *diag)
{
    const davit_allocator *allocator = graph->allocator;
    binder b = {.graph = graph,
                .bindings = bindings,
                .binding_count = binding_count,
                .evaluator = evaluator,
                .diag = diag};
    davit_names_init(&b.symbols, allocator);
    b.given = davit_alloc_array(allocator, graph->value_count, sizeof(void *));
    b.needed = davit_alloc_array(allocator, graph->value_count, sizeof(*b.needed));
    davit_status status = b.given && b.needed ? bind(&b)
                                              : davit_fail(diag, DAVIT_OUT_OF_MEMORY,
                                                           "out of memory while binding %zu values",
                                                           graph->value_count);
    davit_names_clear(&b.symbols);
    davit_free(allocator, b.symbol_dims);
    davit_free(allocator, b.given);
    davit_free(allocator, b.needed);
    return status;
}
