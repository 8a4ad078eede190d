/* AttributeProto to davit_attribute: references to the attributes of a function's caller are
 * followed, names and types are checked against the operator's schema, so that everything after
 * this file may rely on them. */
#include <stdio.h>
#include <string.h>

#include "importer.h"
#include "schema.h"

static const Onnx__AttributeProto *find_named(size_t count, Onnx__AttributeProto *const *attributes,
                                              const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(davit_onnx_text(attributes[i]->name), name) == 0) {
            return attributes[i];
        }
    }
    return NULL;
}

/* The scope of the function's body around scope, or NULL outside functions. */
static const davit_onnx_scope *body_scope(const davit_onnx_scope *scope)
{
    while (scope->parent != NULL) {
        scope = scope->parent;
    }
    return scope->function != NULL ? scope : NULL;
}

const Onnx__AttributeProto *davit_onnx_resolve_attribute(const davit_onnx_scope *scope,
                                                         const Onnx__AttributeProto *attribute)
{
    while (attribute != NULL && davit_onnx_text(attribute->ref_attr_name)[0] != '\0') {
        const davit_onnx_scope *body = body_scope(scope);
        if (body == NULL) {
            return NULL;
        }
        const char *name = attribute->ref_attr_name;
        attribute = find_named(body->call->n_attribute, body->call->attribute, name);
        if (attribute == NULL) {
            attribute = find_named(body->function->default_count, body->function->defaults, name);
        }
        scope = body->caller;
    }
    return attribute;
}

const Onnx__AttributeProto *davit_onnx_find_attribute(const davit_onnx_scope *scope,
                                                      const Onnx__NodeProto *proto,
                                                      const char *name)
{
    const Onnx__AttributeProto *found = find_named(proto->n_attribute, proto->attribute, name);
    return davit_onnx_resolve_attribute(scope, found);
}

/* The type that an attribute says it has; files of IR version 1 did not say. */
static Onnx__AttributeProto__AttributeType stated_type(const Onnx__AttributeProto *attribute)
{
    if (attribute->has_type &&
        attribute->type != ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED) {
        return attribute->type;
    }
    if (attribute->has_f) {
        return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
    }
    if (attribute->has_i) {
        return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
    }
    if (attribute->has_s) {
        return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
    }
    if (attribute->t != NULL) {
        return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR;
    }
    if (attribute->n_ints > 0) {
        return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
    }
    if (attribute->n_floats > 0) {
        return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS;
    }
    return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED;
}

/* ---- values ---- */

static davit_status read_string(davit_onnx_importer *importer, const ProtobufCBinaryData *bytes,
                                const char **out)
{
    const char *text = bytes->len > 0 ? (const char *)bytes->data : "";
    *out = davit_arena_strndup(&importer->arena, text, bytes->len);
    return *out != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
}

static davit_status read_strings(davit_onnx_importer *importer, const Onnx__AttributeProto *from,
                                 davit_attribute *to)
{
    const char **texts = davit_arena_alloc_array(&importer->arena, from->n_strings, sizeof(*texts));
    if (texts == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < from->n_strings; i++) {
        davit_status status = read_string(importer, &from->strings[i], &texts[i]);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    to->type = DAVIT_ATTRIBUTE_STRINGS;
    to->count = from->n_strings;
    to->u.strings = texts;
    return DAVIT_OK;
}

/* What is read of one attribute. */
typedef struct reading {
    davit_onnx_importer *importer;
    const davit_onnx_scope *scope;
    const davit_onnx_node *node;
    const char *name;
} reading;

static davit_status read_tensor(const reading *in, const Onnx__AttributeProto *from,
                                davit_attribute *to)
{
    char what[256];
    snprintf(what, sizeof(what), "%s: attribute '%s'", in->node->shown, in->name);
    to->type = DAVIT_ATTRIBUTE_TENSOR;
    return davit_onnx_attribute_tensor(in->importer, in->scope, what, from, &to->u.tensor);
}

/* Arrays are borrowed from the message: they are copied when the node is added to the graph. */
static davit_status read_value(const reading *in, const Onnx__AttributeProto *from,
                               davit_attribute *to)
{
    switch ((int)stated_type(from)) {
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT:
        to->type = DAVIT_ATTRIBUTE_FLOAT;
        to->u.f = from->f;
        return DAVIT_OK;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT:
        to->type = DAVIT_ATTRIBUTE_INT;
        to->u.i = from->i;
        return DAVIT_OK;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING:
        to->type = DAVIT_ATTRIBUTE_STRING;
        to->count = from->s.len;
        return read_string(in->importer, &from->s, &to->u.s);
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS:
        to->type = DAVIT_ATTRIBUTE_FLOATS;
        to->count = from->n_floats;
        to->u.floats = from->floats;
        return DAVIT_OK;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS:
        to->type = DAVIT_ATTRIBUTE_INTS;
        to->count = from->n_ints;
        to->u.ints = from->ints;
        return DAVIT_OK;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS:
        return read_strings(in->importer, from, to);
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR:
        return read_tensor(in, from, to);
    default:
        return davit_fail(in->importer->diag, DAVIT_UNSUPPORTED,
                          "%s: attribute '%s' holds a graph or a sparse tensor", in->node->shown,
                          in->name);
    }
}

/* ---- the attributes of a node ---- */

static davit_status check_attribute(const reading *in, const davit_onnx_schema *schema,
                                    const Onnx__AttributeProto *resolved)
{
    const davit_diagnostics *diag = in->importer->diag;
    const davit_onnx_node *node = in->node;
    const davit_onnx_schema_attribute *known =
        davit_onnx_schema_attribute_find(schema, in->name, node->opset);
    if (known == NULL) {
        return davit_fail(diag, DAVIT_UNSUPPORTED,
                          "%s has an attribute '%s' that opset %lld does not have", node->shown,
                          in->name, (long long)node->opset);
    }
    if (stated_type(resolved) != known->type) {
        return davit_fail(diag, DAVIT_BAD_DATA, "%s: attribute '%s' has the wrong type",
                          node->shown, in->name);
    }
    for (uint32_t i = 0; i < node->attribute_count; i++) {
        if (strcmp(node->attributes[i].name, in->name) == 0) {
            return davit_fail(diag, DAVIT_BAD_DATA, "%s has attribute '%s' twice", node->shown,
                              in->name);
        }
    }
    return DAVIT_OK;
}

static davit_status check_required(davit_onnx_importer *importer, const davit_onnx_node *node,
                                   const davit_onnx_schema *schema)
{
    for (size_t i = 0; i < schema->attribute_count; i++) {
        const davit_onnx_schema_attribute *known = &schema->attributes[i];
        bool now = node->opset >= known->first_opset && node->opset <= known->last_opset;
        bool found = !known->required || !now;
        for (uint32_t k = 0; k < node->attribute_count && !found; k++) {
            found = strcmp(node->attributes[k].name, known->name) == 0;
        }
        if (!found) {
            return davit_fail(importer->diag, DAVIT_BAD_DATA, "%s lacks attribute '%s'",
                              node->shown, known->name);
        }
    }
    return DAVIT_OK;
}

davit_status davit_onnx_read_attributes(davit_onnx_importer *importer,
                                        const davit_onnx_scope *scope, const Onnx__NodeProto *proto,
                                        davit_onnx_node *node)
{
    const davit_onnx_schema *schema = davit_onnx_schema_find(node->op_type);
    node->attributes = davit_arena_alloc_array(
        &importer->arena, proto->n_attribute + DAVIT_ONNX_NODE_ROOM, sizeof(*node->attributes));
    if (node->attributes == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < proto->n_attribute; i++) {
        const Onnx__AttributeProto *resolved =
            davit_onnx_resolve_attribute(scope, proto->attribute[i]);
        if (resolved == NULL) {
            continue; /* refers to an attribute that the caller leaves out */
        }
        reading in = {importer, scope, node, davit_onnx_text(proto->attribute[i]->name)};
        davit_status status = check_attribute(&in, schema, resolved);
        davit_attribute *attribute = &node->attributes[node->attribute_count];
        if (status == DAVIT_OK) {
            *attribute = (davit_attribute){.name = in.name};
            status = read_value(&in, resolved, attribute);
        }
        if (status != DAVIT_OK) {
            return status;
        }
        node->attribute_count++;
    }
    return check_required(importer, node, schema);
}
