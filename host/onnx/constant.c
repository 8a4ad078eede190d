/* Tensors in attributes, and the operator Constant. */
#include <stdio.h>
#include <string.h>

#include "importer.h"

/* Makes a tensor of the attribute's tensor or sparse tensor. */
static davit_status make_tensor(davit_onnx_importer *importer, const char *what, bool steal,
                                const Onnx__AttributeProto *attribute, davit_tensor **out)
{
    davit_onnx_tensor_source source = {.allocator = importer->allocator,
                                       .diag = importer->diag,
                                       .files = &importer->files,
                                       .what = what,
                                       .steal = steal};
    if (attribute->t != NULL) {
        return davit_onnx_make_tensor(&source, attribute->t, out);
    }
    *out = NULL;
    if (attribute->sparse_tensor != NULL) {
        return davit_onnx_make_dense(&source, attribute->sparse_tensor, out);
    }
    return davit_fail(importer->diag, DAVIT_BAD_DATA, "%s holds no tensor", what);
}

davit_status davit_onnx_attribute_tensor(davit_onnx_importer *importer,
                                         const davit_onnx_scope *scope, const char *what,
                                         const Onnx__AttributeProto *attribute,
                                         const davit_tensor **out)
{
    /* A body may be expanded again: what it holds is read once and kept. */
    bool shared = scope->function != NULL || scope->caller != NULL;
    const char *key = NULL;
    uint32_t index;
    *out = NULL;
    if (shared) {
        key = davit_arena_printf(&importer->arena, "%p", (const void *)attribute);
        if (key == NULL) {
            return DAVIT_OUT_OF_MEMORY;
        }
        index = davit_names_find(&importer->shared, key);
        if (index != DAVIT_NONE) {
            *out = importer->graph->tensors[index];
            return DAVIT_OK;
        }
    }
    davit_tensor *tensor;
    davit_status status = make_tensor(importer, what, !shared, attribute, &tensor);
    if (status == DAVIT_OK) {
        status = davit_graph_own_tensor(importer->graph, tensor);
    }
    if (status == DAVIT_OK && shared) {
        index = (uint32_t)importer->graph->tensor_count - 1;
        status = davit_names_add(&importer->shared, key, index);
    }
    if (status == DAVIT_OK) {
        *out = tensor;
    }
    return status;
}

/* ---- Constant ---- */

/* Elements that an attribute other than a tensor states. */
typedef struct elements {
    davit_dtype dtype;
    int rank;
    size_t count;
    const void *data;
} elements;

static bool find_elements(const char *name, const Onnx__AttributeProto *attribute, elements *out)
{
    if (strcmp(name, "value_float") == 0 && attribute->has_f) {
        *out = (elements){DAVIT_F32, 0, 1, &attribute->f};
    } else if (strcmp(name, "value_floats") == 0) {
        *out = (elements){DAVIT_F32, 1, attribute->n_floats, attribute->floats};
    } else if (strcmp(name, "value_int") == 0 && attribute->has_i) {
        *out = (elements){DAVIT_S64, 0, 1, &attribute->i};
    } else if (strcmp(name, "value_ints") == 0) {
        *out = (elements){DAVIT_S64, 1, attribute->n_ints, attribute->ints};
    } else {
        return false;
    }
    return true;
}

static davit_status make_elements(davit_onnx_importer *importer, const elements *from,
                                  const davit_tensor **out)
{
    int64_t dims[] = {(int64_t)from->count};
    davit_tensor *tensor;
    davit_status status =
        davit_tensor_create(importer->allocator, from->dtype, from->rank, dims, &tensor);
    if (status != DAVIT_OK) {
        return status;
    }
    if (from->count > 0) {
        memcpy(tensor->data, from->data, davit_tensor_desc_bytes(&tensor->desc));
    }
    *out = tensor;
    return davit_graph_own_tensor(importer->graph, tensor);
}

davit_status davit_onnx_import_constant(davit_onnx_importer *importer,
                                        const davit_onnx_scope *scope, const Onnx__NodeProto *proto,
                                        const char *shown)
{
    davit_value_id value;
    if (proto->n_attribute != 1 || proto->n_output != 1 ||
        !davit_onnx_lookup(scope, proto->output[0], &value) || value == DAVIT_NONE) {
        return davit_fail(importer->diag, DAVIT_BAD_DATA,
                          "%s needs exactly one attribute and one output", shown);
    }
    const char *name = davit_onnx_text(proto->attribute[0]->name);
    const Onnx__AttributeProto *attribute =
        davit_onnx_resolve_attribute(scope, proto->attribute[0]);
    if (attribute == NULL) {
        return davit_fail(importer->diag, DAVIT_BAD_DATA, "%s: attribute '%s' is not given", shown,
                          name);
    }
    if (strcmp(name, "value_string") == 0 || strcmp(name, "value_strings") == 0) {
        return davit_fail(importer->diag, DAVIT_UNSUPPORTED,
                          "%s: element type string is not supported", shown);
    }
    const davit_tensor *tensor = NULL;
    elements from;
    davit_status status;
    if (find_elements(name, attribute, &from)) {
        status = make_elements(importer, &from, &tensor);
    } else if (strcmp(name, "value") == 0 || strcmp(name, "sparse_value") == 0) {
        status = davit_onnx_attribute_tensor(importer, scope, shown, attribute, &tensor);
    } else {
        status = davit_fail(importer->diag, DAVIT_BAD_DATA,
                            "%s: attribute '%s' is unknown or has the wrong type", shown, name);
    }
    if (status == DAVIT_OK) {
        davit_onnx_set_constant(importer, value, tensor);
    }
    return status;
}
