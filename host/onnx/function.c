/* Model-local functions: every call is replaced by the function's body, with names made unique by
 * the call's own name before them. */
#include <stdio.h>
#include <string.h>

#include "importer.h"

/* Field numbers of onnx.proto that came after IR version 8. */
#define NODE_OVERLOAD 8
#define FUNCTION_ATTRIBUTE_PROTO 11
#define FUNCTION_OVERLOAD 13

static const char *normal_domain(const char *domain)
{
    domain = davit_onnx_text(domain);
    return strcmp(domain, "ai.onnx") == 0 ? "" : domain;
}

/* ---- the index ---- */

static davit_status copy_late_string(davit_onnx_importer *importer, const ProtobufCMessage *message,
                                     uint32_t tag, const char **out)
{
    davit_onnx_field field;
    *out = "";
    if (davit_onnx_late_field(message, tag, 0, &field)) {
        *out = davit_arena_strndup(&importer->arena, (const char *)field.bytes, field.size);
    }
    return *out != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
}

/* Collects the function's attributes with defaults, which are parsed here where protobuf-c kept
 * them as unknown fields. */
static davit_status read_defaults(davit_onnx_importer *importer, davit_onnx_function *function)
{
    const ProtobufCMessage *message = &function->proto->base;
    davit_onnx_field field;
    size_t count = 0;
    while (davit_onnx_late_field(message, FUNCTION_ATTRIBUTE_PROTO, count, &field)) {
        count++;
    }
    function->defaults = davit_arena_alloc_array(&importer->arena, count, sizeof(void *));
    if (function->defaults == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        (void)davit_onnx_late_field(message, FUNCTION_ATTRIBUTE_PROTO, i, &field);
        ProtobufCMessage *parsed = field.message;
        if (parsed == NULL) {
            davit_status status =
                davit_onnx_parse(&onnx__attribute_proto__descriptor, &importer->memory, field.bytes,
                                 field.size, importer->diag, &parsed);
            if (status != DAVIT_OK) {
                return status;
            }
            function->owns_defaults = true;
        }
        function->defaults[i] = (Onnx__AttributeProto *)parsed;
        function->default_count = i + 1;
    }
    return DAVIT_OK;
}

static bool same_function(const davit_onnx_function *a, const char *domain, const char *overload)
{
    return strcmp(normal_domain(a->proto->domain), domain) == 0 &&
           strcmp(a->overload, overload) == 0;
}

/* The function of that name, domain and overload, or NULL. */
static const davit_onnx_function *find(const davit_onnx_importer *importer, const char *name,
                                       const char *domain, const char *overload)
{
    uint32_t i = davit_names_find(&importer->function_names, name);
    while (i != DAVIT_NONE && !same_function(&importer->functions[i], domain, overload)) {
        i = importer->functions[i].next;
    }
    return i != DAVIT_NONE ? &importer->functions[i] : NULL;
}

static davit_status index_function(davit_onnx_importer *importer, uint32_t i)
{
    davit_onnx_function *function = &importer->functions[i];
    function->proto = importer->model->functions[i];
    const char *name = davit_onnx_text(function->proto->name);
    davit_status status =
        copy_late_string(importer, &function->proto->base, FUNCTION_OVERLOAD, &function->overload);
    if (status == DAVIT_OK) {
        status = read_defaults(importer, function);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    if (find(importer, name, normal_domain(function->proto->domain), function->overload) != NULL) {
        return davit_fail(importer->diag, DAVIT_BAD_DATA, "function '%s' is defined twice", name);
    }
    uint32_t first = davit_names_find(&importer->function_names, name);
    if (first == DAVIT_NONE) {
        function->next = DAVIT_NONE;
        return davit_names_add(&importer->function_names, name, i);
    }
    function->next = importer->functions[first].next;
    importer->functions[first].next = i;
    return DAVIT_OK;
}

davit_status davit_onnx_index_functions(davit_onnx_importer *importer)
{
    size_t count = importer->model->n_functions;
    importer->functions =
        davit_arena_alloc_array(&importer->arena, count, sizeof(*importer->functions));
    if (importer->functions == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = DAVIT_OK;
    for (uint32_t i = 0; i < count && status == DAVIT_OK; i++) {
        status = index_function(importer, i);
        importer->function_count = i + 1;
    }
    return status;
}

void davit_onnx_free_functions(davit_onnx_importer *importer)
{
    for (size_t i = 0; i < importer->function_count; i++) {
        const davit_onnx_function *function = &importer->functions[i];
        for (size_t k = 0; k < function->default_count && function->owns_defaults; k++) {
            protobuf_c_message_free_unpacked(&function->defaults[k]->base, &importer->memory.proto);
        }
    }
}

const davit_onnx_function *davit_onnx_find_function(const davit_onnx_importer *importer,
                                                    const Onnx__NodeProto *proto)
{
    if (importer->function_count == 0) {
        return NULL;
    }
    char overload[128] = "";
    davit_onnx_field field;
    if (davit_onnx_late_field(&proto->base, NODE_OVERLOAD, 0, &field)) {
        snprintf(overload, sizeof(overload), "%.*s", (int)(field.size < 127 ? field.size : 127),
                 (const char *)field.bytes);
    }
    return find(importer, davit_onnx_text(proto->op_type), normal_domain(proto->domain), overload);
}

/* ---- expansion ---- */

const char *davit_onnx_make_prefix(davit_onnx_importer *importer, const davit_onnx_scope *scope,
                                   const Onnx__NodeProto *proto)
{
    const char *name = davit_onnx_text(proto->name);
    if (name[0] == '\0') {
        name = davit_onnx_text(proto->op_type);
    }
    /* Depth is limited, but names are not: nested calls share what 512 bytes can say. */
    return davit_arena_printf(&importer->arena, "%.512s%.128s/", scope->prefix, name);
}

static davit_status check_call(davit_onnx_importer *importer, const davit_onnx_scope *scope,
                               const Onnx__NodeProto *call, const davit_onnx_function *function)
{
    char shown[DAVIT_ONNX_SHOWN_BYTES];
    davit_onnx_show_node(call, shown, sizeof(shown));
    for (const davit_onnx_scope *at = scope; at != NULL; at = at->caller) {
        if (at->function == function) {
            return davit_fail(importer->diag, DAVIT_BAD_DATA, "%s: function '%s' calls itself",
                              shown, function->proto->name);
        }
    }
    if (call->n_input > function->proto->n_input) {
        return davit_fail(importer->diag, DAVIT_BAD_DATA,
                          "%s has %zu inputs, its function takes %zu", shown, call->n_input,
                          function->proto->n_input);
    }
    return DAVIT_OK;
}

/* The opset of ai.onnx that the function's body is written in. */
static int64_t function_opset(const Onnx__FunctionProto *function, int64_t fallback)
{
    for (size_t i = 0; i < function->n_opset_import; i++) {
        if (normal_domain(function->opset_import[i]->domain)[0] == '\0') {
            return function->opset_import[i]->version;
        }
    }
    return fallback;
}

static davit_status bind_inputs(davit_onnx_importer *importer, davit_onnx_scope *body)
{
    const Onnx__FunctionProto *function = body->function->proto;
    for (size_t i = 0; i < function->n_input; i++) {
        davit_value_id value = DAVIT_NONE;
        if (davit_names_find(&body->names, function->input[i]) != DAVIT_NONE) {
            return davit_fail(importer->diag, DAVIT_BAD_DATA, "function '%s' has input '%s' twice",
                              function->name, function->input[i]);
        }
        davit_status status = DAVIT_OK;
        if (i < body->call->n_input) {
            status = davit_onnx_lookup_input(importer, body->caller, body->call, i, &value);
        }
        if (status == DAVIT_OK) {
            status = davit_names_add(&body->names, function->input[i],
                                     value != DAVIT_NONE ? value : DAVIT_ONNX_ABSENT);
        }
        if (status != DAVIT_OK) {
            return status;
        }
    }
    return DAVIT_OK;
}

davit_status davit_onnx_expand_function(davit_onnx_importer *importer,
                                        const davit_onnx_scope *scope, const Onnx__NodeProto *call,
                                        const davit_onnx_function *function)
{
    davit_status status = check_call(importer, scope, call, function);
    if (status != DAVIT_OK) {
        return status;
    }
    const Onnx__FunctionProto *proto = function->proto;
    davit_onnx_scope inner = {.caller = scope,
                              .call = call,
                              .function = function,
                              .opset = function_opset(proto, importer->opset),
                              .depth = scope->depth + 1};
    inner.prefix = davit_onnx_make_prefix(importer, scope, call);
    if (inner.prefix == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    char what[DAVIT_ONNX_SHOWN_BYTES];
    snprintf(what, sizeof(what), "function '%.200s'", davit_onnx_text(proto->name));
    davit_onnx_body body = {.what = what,
                            .node_count = proto->n_node,
                            .nodes = proto->node,
                            .output_count = proto->n_output,
                            .outputs = (const char *const *)proto->output};
    davit_onnx_scope_init(importer, &inner);
    status = bind_inputs(importer, &inner);
    if (status == DAVIT_OK) {
        status = davit_onnx_import_body(importer, &inner, &body);
    }
    davit_onnx_scope_clear(&inner);
    return status;
}
