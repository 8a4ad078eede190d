#include "op_case.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backends/reference/kernel.h"
#include "counting_allocator.h"
#include "davit/infer.h"
#include "davit/reference.h"

#define MAX_ENDS 9
#define MAX_ATTRIBUTES 16
#define MAX_INTS 16

/* A tensor read from text; without values it is all zeros. */
typedef struct text_tensor {
    davit_tensor *tensor; /* NULL: absent */
    bool has_values;
} text_tensor;

static const char *skip_space(const char *text)
{
    while (isspace((unsigned char)*text)) {
        text++;
    }
    return text;
}

static davit_dtype parse_dtype(const char **text)
{
    size_t length = strcspn(*text, "[");
    for (int d = 1; d < DAVIT_DTYPE_COUNT; d++) {
        const char *name = davit_dtype_name((davit_dtype)d);
        if (davit_dtype_bytes((davit_dtype)d) > 0 && strlen(name) == length &&
            strncmp(*text, name, length) == 0) {
            *text += length;
            return (davit_dtype)d;
        }
    }
    fail_msg("no type at '%s'", *text);
    return DAVIT_DTYPE_NONE;
}

/* Reads "[a, b, c]" and returns how many. */
static size_t parse_list(const char **text, int64_t *values, size_t capacity)
{
    size_t count = 0;
    assert_true(**text == '[');
    for (*text = skip_space(*text + 1); **text != ']'; *text = skip_space(*text)) {
        char *end;
        assert_true(count < capacity);
        values[count++] = strtoll(*text, &end, 10);
        assert_true(end != *text);
        *text = skip_space(end);
        *text += **text == ',';
    }
    (*text)++;
    return count;
}

static void parse_value(const char **text, davit_tensor *tensor, int64_t i)
{
    char *end;
    if (davit_dtype_is_float(tensor->desc.dtype)) {
        davit_store_f64(tensor, i, strtod(*text, &end));
    } else if (**text == '-') {
        davit_store_s64(tensor, i, strtoll(*text, &end, 10));
    } else {
        davit_store_s64(tensor, i, (int64_t)strtoull(*text, &end, 10));
    }
    if (end == *text) {
        fail_msg("value %lld is missing at '%s'", (long long)i, *text);
    }
    *text = skip_space(end);
}

/* Gives elements from first on the value of the one before. */
static void repeat_value(davit_tensor *tensor, int64_t first)
{
    size_t bytes = davit_dtype_bytes(tensor->desc.dtype);
    assert_true(first > 0);
    for (int64_t i = first; i < davit_tensor_desc_elems(&tensor->desc); i++) {
        char *to = (char *)tensor->data + (size_t)i * bytes;
        memcpy(to, to - bytes, bytes);
    }
}

static text_tensor parse_tensor(const char **text)
{
    text_tensor result = {NULL, false};
    int64_t dims[DAVIT_MAX_RANK];
    *text = skip_space(*text);
    if (**text == '-') {
        *text = skip_space(*text + 1);
        return result;
    }
    davit_dtype dtype = parse_dtype(text);
    size_t rank = parse_list(text, dims, DAVIT_MAX_RANK);
    assert_int_equal(
        davit_tensor_create(davit_allocator_default(), dtype, (int)rank, dims, &result.tensor),
        DAVIT_OK);
    int64_t elems = davit_tensor_desc_elems(&result.tensor->desc);
    *text = skip_space(*text);
    result.has_values = elems == 0 || (**text != ';' && **text != '\0');
    for (int64_t i = 0; result.has_values && i < elems; i++) {
        if (strncmp(*text, "...", 3) == 0) {
            repeat_value(result.tensor, i);
            break;
        }
        parse_value(text, result.tensor, i);
    }
    *text = skip_space(strncmp(*text, "...", 3) == 0 ? *text + 3 : *text);
    return result;
}

static size_t parse_tensors(const char *text, text_tensor *tensors)
{
    size_t count = 0;
    for (text = skip_space(text); *text != '\0'; text = skip_space(text)) {
        assert_true(count < MAX_ENDS);
        tensors[count++] = parse_tensor(&text);
        assert_true(*text == ';' || *text == '\0');
        text += *text == ';';
    }
    return count;
}

/* ---- the node ---- */

typedef struct fixture {
    davit_graph *graph;
    davit_diagnostics_buffer diag;
    text_tensor inputs[MAX_ENDS];
    text_tensor outputs[MAX_ENDS];
    davit_value_id input_ids[MAX_ENDS];
    davit_value_id output_ids[MAX_ENDS];
    size_t input_count, output_count;
    bool is_exact;
    davit_attribute attributes[MAX_ATTRIBUTES];
    int64_t ints[MAX_ATTRIBUTES][MAX_INTS];
    float floats[MAX_ATTRIBUTES][MAX_INTS];
    const char *strings[MAX_ATTRIBUTES][MAX_INTS];
} fixture;

/* Reads "[A, b, 1.5]" as words and returns how many. */
static size_t parse_words(fixture *f, const char *text, const char **words)
{
    size_t count = 0;
    for (text = skip_space(text + 1); *text != ']'; text = skip_space(text + (*text == ','))) {
        size_t length = strcspn(text, ",]");
        assert_true(count < MAX_INTS && length > 0);
        words[count++] = davit_arena_strndup(&f->graph->arena, text, length);
        text += length;
    }
    return count;
}

static void parse_list_attribute(fixture *f, davit_attribute *attribute, const char *text)
{
    size_t at = (size_t)(attribute - f->attributes);
    if (isalpha((unsigned char)*skip_space(text + 1))) {
        attribute->type = DAVIT_ATTRIBUTE_STRINGS;
        attribute->count = parse_words(f, text, f->strings[at]);
        attribute->u.strings = f->strings[at];
    } else if (strchr(text, '.') != NULL) {
        attribute->type = DAVIT_ATTRIBUTE_FLOATS;
        attribute->count = parse_words(f, text, f->strings[at]);
        for (size_t i = 0; i < attribute->count; i++) {
            f->floats[at][i] = strtof(f->strings[at][i], NULL);
        }
        attribute->u.floats = f->floats[at];
    } else {
        attribute->type = DAVIT_ATTRIBUTE_INTS;
        attribute->count = parse_list(&text, f->ints[at], MAX_INTS);
        attribute->u.ints = f->ints[at];
    }
}

static void parse_attribute(fixture *f, davit_attribute *attribute, const char *text)
{
    if (*text == '[') {
        parse_list_attribute(f, attribute, text);
    } else if (strchr(text, '[') != NULL) {
        davit_tensor *tensor = parse_tensor(&text).tensor;
        assert_int_equal(davit_graph_own_tensor(f->graph, tensor), DAVIT_OK);
        attribute->type = DAVIT_ATTRIBUTE_TENSOR;
        attribute->u.tensor = tensor;
    } else if (strpbrk(text, "0123456789") == NULL) {
        attribute->type = DAVIT_ATTRIBUTE_STRING;
        attribute->count = strlen(text);
        attribute->u.s = text;
    } else if (strchr(text, '.') != NULL) {
        attribute->type = DAVIT_ATTRIBUTE_FLOAT;
        attribute->u.f = strtof(text, NULL);
    } else {
        attribute->type = DAVIT_ATTRIBUTE_INT;
        attribute->u.i = strtoll(text, NULL, 10);
    }
}

static uint32_t parse_attributes(fixture *f, const char *text)
{
    uint32_t count = 0;
    for (text = skip_space(text); *text != '\0'; text = skip_space(text)) {
        size_t length = strcspn(text, ";");
        char *copy = davit_arena_strndup(&f->graph->arena, text, length);
        char *value = strchr(copy, '=');
        assert_true(value != NULL && count < MAX_ATTRIBUTES);
        *value++ = '\0';
        f->attributes[count].name = copy;
        parse_attribute(f, &f->attributes[count++], value);
        text += length + (text[length] == ';');
    }
    return count;
}

/* Adds the inputs, constant where they have values, and the outputs to the graph. */
static void add_values(fixture *f)
{
    for (size_t i = 0; i < f->input_count; i++) {
        davit_tensor *tensor = f->inputs[i].tensor;
        f->input_ids[i] = DAVIT_NONE;
        if (tensor == NULL) {
            continue;
        }
        assert_int_equal(davit_graph_add_constant(f->graph, NULL, tensor, &f->input_ids[i]),
                         DAVIT_OK);
        davit_value *value = &f->graph->values[f->input_ids[i]];
        value->desc = tensor->desc;
        value->inferred = true;
        value->constant = f->inputs[i].has_values ? tensor : NULL;
    }
    for (size_t i = 0; i < f->output_count; i++) {
        f->output_ids[i] = DAVIT_NONE;
        assert_int_equal(davit_graph_add_value(f->graph, NULL, &f->output_ids[i]), DAVIT_OK);
    }
}

static davit_node_id build(fixture *f, const op_case *c)
{
    const davit_op_info *op = davit_op_find("", c->op);
    op = op != NULL ? op : davit_op_find("davit", c->op);
    assert_non_null(op);
    assert_int_equal(davit_graph_create(davit_allocator_default(), &f->graph), DAVIT_OK);
    davit_diagnostics_buffer_init(&f->diag);
    f->input_count = parse_tensors(c->inputs, f->inputs);
    add_values(f);
    davit_node_spec spec = {.name = "n",
                            .op = op->op,
                            .input_count = (uint32_t)f->input_count,
                            .output_count = (uint32_t)f->output_count,
                            .inputs = f->input_ids,
                            .outputs = f->output_ids,
                            .attributes = f->attributes};
    spec.attribute_count = parse_attributes(f, c->attributes);
    davit_node_id node;
    assert_int_equal(davit_graph_add_node(f->graph, &spec, &node), DAVIT_OK);
    return node;
}

/* ---- running and comparing ---- */

static davit_status compute(fixture *f, davit_node_id node, davit_tensor **results)
{
    const davit_tensor *inputs[MAX_ENDS];
    for (size_t i = 0; i < f->input_count; i++) {
        inputs[i] = f->inputs[i].tensor;
    }
    for (size_t i = 0; i < f->output_count; i++) {
        const davit_tensor_desc *desc = &f->graph->values[f->output_ids[i]].desc;
        assert_int_equal(davit_tensor_create(davit_allocator_default(), desc->dtype, desc->rank,
                                             desc->dims, &results[i]),
                         DAVIT_OK);
    }
    const davit_evaluator *evaluator = davit_reference_evaluator();
    return evaluator->evaluate(evaluator->user, f->graph, &f->graph->nodes[node], inputs, results,
                               &f->diag.sink);
}

static bool is_close(const davit_tensor *got, const davit_tensor *wanted, int64_t i, bool is_exact)
{
    davit_dtype dtype = wanted->desc.dtype;
    if (!davit_dtype_is_float(dtype)) {
        return davit_load_s64(got, i) == davit_load_s64(wanted, i);
    }
    double a = davit_load_f64(got, i);
    double b = davit_load_f64(wanted, i);
    double tolerance = is_exact              ? 0.0
                       : dtype == DAVIT_F16  ? 1e-3
                       : dtype == DAVIT_BF16 ? 1e-2
                                             : 1e-6;
    return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= tolerance * (1.0 + fabs(b));
}

/* Compares output number output. */
static void compare(const fixture *f, const op_case *c, size_t output, const davit_tensor *got)
{
    const davit_tensor *wanted = f->outputs[output].tensor;
    for (int64_t i = 0; i < davit_tensor_desc_elems(&wanted->desc); i++) {
        if (!is_close(got, wanted, i, f->is_exact)) {
            fail_msg("%s (%s) of %s: output %zu, element %lld is %.9g, not %.9g", c->op,
                     c->attributes, c->inputs, output, (long long)i, davit_load_f64(got, i),
                     davit_load_f64(wanted, i));
        }
    }
}

/* Makes each allocation of the kernel fail in turn: one error, and nothing left. */
static void check_memory(fixture *f, const op_case *c, davit_node_id node)
{
    counting_allocator counting;
    counting_allocator_init(&counting);
    f->graph->allocator = &counting.allocator;
    davit_status status = DAVIT_OUT_OF_MEMORY;
    for (size_t fail_at = 1; status != DAVIT_OK; fail_at++) {
        davit_tensor *results[MAX_ENDS] = {NULL};
        counting_allocator_restart(&counting, fail_at);
        davit_diagnostics_buffer_init(&f->diag);
        status = compute(f, node, results);
        for (size_t i = 0; i < f->output_count; i++) {
            davit_tensor_destroy(results[i]);
        }
        size_t errors = status == DAVIT_OK ? 0 : 1;
        if ((status != DAVIT_OK && status != DAVIT_OUT_OF_MEMORY) || counting.live != 0 ||
            f->diag.error_count != errors) {
            fail_msg("%s (%s): allocation %zu fails: %s, %u errors, %zu pieces left", c->op,
                     c->attributes, fail_at, davit_status_text(status), f->diag.error_count,
                     (size_t)counting.live);
        }
    }
    f->graph->allocator = davit_allocator_default();
}

static void check_success(fixture *f, const op_case *c, davit_node_id node)
{
    bool is_computed = true;
    for (size_t i = 0; i < f->input_count; i++) {
        is_computed = is_computed && (f->inputs[i].tensor == NULL || f->inputs[i].has_values);
    }
    for (size_t i = 0; i < f->output_count; i++) {
        const davit_tensor *wanted = f->outputs[i].tensor;
        const davit_tensor_desc *got = &f->graph->values[f->output_ids[i]].desc;
        assert_non_null(wanted);
        if (got->dtype != wanted->desc.dtype || !davit_tensor_desc_same_shape(got, &wanted->desc)) {
            char text[96];
            fail_msg("%s (%s) of %s: output %zu is %s %s", c->op, c->attributes, c->inputs, i,
                     davit_dtype_name(got->dtype),
                     davit_shape_text(got->dims, got->rank, text, sizeof(text)));
        }
        is_computed = is_computed && f->outputs[i].has_values;
    }
    if (!is_computed) {
        return;
    }
    davit_tensor *results[MAX_ENDS] = {NULL};
    davit_status status = compute(f, node, results);
    assert_string_equal(f->diag.text, "");
    assert_int_equal(status, DAVIT_OK);
    for (size_t i = 0; i < f->output_count; i++) {
        compare(f, c, i, results[i]);
        davit_tensor_destroy(results[i]);
    }
    check_memory(f, c, node);
}

static void run_case(const op_case *c, bool is_exact)
{
    fixture f = {.is_exact = is_exact};
    f.output_count = parse_tensors(c->outputs, f.outputs);
    davit_node_id node = build(&f, c);
    davit_status status = davit_graph_infer_node(f.graph, node, &f.diag.sink);
    if (status != DAVIT_OK) {
        fail_msg("%s (%s) of %s: %s", c->op, c->attributes, c->inputs, f.diag.text);
    }
    check_success(&f, c, node);
    for (size_t i = 0; i < f.output_count; i++) {
        davit_tensor_destroy(f.outputs[i].tensor);
    }
    davit_graph_destroy(f.graph);
}

static void run_failure(const op_failure *failure)
{
    const op_case c = {failure->op, failure->attributes, failure->inputs, ""};
    fixture f = {.output_count = failure->output_count};
    davit_node_id node = build(&f, &c);
    davit_status status = davit_graph_infer_node(f.graph, node, &f.diag.sink);
    if (status == DAVIT_OK) {
        davit_tensor *results[MAX_ENDS] = {NULL};
        status = compute(&f, node, results);
        for (size_t i = 0; i < f.output_count; i++) {
            davit_tensor_destroy(results[i]);
        }
    }
    if (status != failure->status || strstr(f.diag.text, failure->message) == NULL) {
        fail_msg("%s (%s) of %s: %s: '%s'", c.op, c.attributes, c.inputs, davit_status_text(status),
                 f.diag.text);
    }
    assert_int_equal(f.diag.error_count, 1);
    davit_graph_destroy(f.graph);
}

void op_cases_run(const op_case *cases, size_t count, bool is_exact)
{
    for (size_t i = 0; i < count; i++) {
        run_case(&cases[i], is_exact);
    }
}

void op_failures_run(const op_failure *failures, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        run_failure(&failures[i]);
    }
}
