/* The model's own graph: what it is called, its inputs and its outputs. */
#include <string.h>

#include "importer.h"

static davit_status copy_text(davit_graph *graph, const char *text, const char **out)
{
    *out = davit_arena_strdup(&graph->arena, davit_onnx_text(text));
    return *out != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
}

static davit_status copy_metadata(davit_onnx_importer *importer)
{
    const Onnx__ModelProto *model = importer->model;
    davit_graph *graph = importer->graph;
    graph->opset = importer->opset;
    davit_status status = copy_text(graph, model->graph->name, &graph->name);
    const char *name = davit_onnx_text(model->producer_name);
    const char *version = davit_onnx_text(model->producer_version);
    const char *gap = name[0] != '\0' && version[0] != '\0' ? " " : "";
    graph->producer = davit_arena_printf(&graph->arena, "%s%s%s", name, gap, version);
    graph->metadata =
        davit_arena_alloc_array(&graph->arena, model->n_metadata_props, sizeof(*graph->metadata));
    if (graph->producer == NULL || graph->metadata == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < model->n_metadata_props && status == DAVIT_OK; i++) {
        const Onnx__StringStringEntryProto *entry = model->metadata_props[i];
        status = copy_text(graph, entry->key, &graph->metadata[i].key);
        if (status == DAVIT_OK) {
            status = copy_text(graph, entry->value, &graph->metadata[i].value);
        }
    }
    graph->metadata_count = status == DAVIT_OK ? model->n_metadata_props : 0;
    return status;
}

/* ---- inputs ---- */

static const char *type_name(const Onnx__TypeProto *type)
{
    switch (type->value_case) {
    case ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE:
        return "a sequence";
    case ONNX__TYPE_PROTO__VALUE_MAP_TYPE:
        return "a map";
    case ONNX__TYPE_PROTO__VALUE_OPTIONAL_TYPE:
        return "an optional";
    case ONNX__TYPE_PROTO__VALUE_SPARSE_TENSOR_TYPE:
        return "a sparse tensor";
    default:
        return "not a tensor";
    }
}

static davit_status check_type(davit_onnx_importer *importer, const char *name,
                               const Onnx__TypeProto *type)
{
    if (type == NULL || type->value_case == ONNX__TYPE_PROTO__VALUE__NOT_SET) {
        return davit_fail(importer->diag, DAVIT_BAD_DATA, "input '%s' has no type", name);
    }
    if (type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE) {
        return davit_fail(importer->diag, DAVIT_UNSUPPORTED,
                          "input '%s' is %s: only tensors are supported", name, type_name(type));
    }
    int32_t dtype = type->tensor_type->elem_type;
    if (dtype <= 0 || dtype >= DAVIT_DTYPE_COUNT) {
        return davit_fail(importer->diag, DAVIT_BAD_DATA,
                          "input '%s': element type %d does not exist", name, dtype);
    }
    if (davit_dtype_bytes((davit_dtype)dtype) == 0) {
        return davit_fail(importer->diag, DAVIT_UNSUPPORTED,
                          "input '%s': element type %s is not supported", name,
                          davit_dtype_name((davit_dtype)dtype));
    }
    return DAVIT_OK;
}

/* Negative dimensions are how some exporters write unknown ones. */
static davit_status copy_dim(davit_graph *graph, const Onnx__TensorShapeProto__Dimension *from,
                             davit_dim *to)
{
    *to = (davit_dim){.value = -1};
    if (from->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE &&
        from->dim_value >= 0) {
        to->value = from->dim_value;
    }
    if (from->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM &&
        davit_onnx_text(from->dim_param)[0] != '\0') {
        return copy_text(graph, from->dim_param, &to->symbol);
    }
    return DAVIT_OK;
}

static davit_status declare_input(davit_onnx_importer *importer, const Onnx__ValueInfoProto *info,
                                  davit_value_id id)
{
    const char *name = davit_onnx_text(info->name);
    davit_status status = check_type(importer, name, info->type);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_graph *graph = importer->graph;
    davit_value *value = &graph->values[id];
    value->is_input = true;
    value->declared_dtype = (davit_dtype)info->type->tensor_type->elem_type;
    const Onnx__TensorShapeProto *shape = info->type->tensor_type->shape;
    if (shape == NULL) {
        value->declared_rank = -1;
        return DAVIT_OK;
    }
    if (shape->n_dim > DAVIT_MAX_RANK) {
        return davit_fail(importer->diag, DAVIT_UNSUPPORTED,
                          "input '%s' has %zu dimensions, at most %d can be", name, shape->n_dim,
                          DAVIT_MAX_RANK);
    }
    value->declared = davit_arena_alloc_array(&graph->arena, shape->n_dim, sizeof(davit_dim));
    if (value->declared == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    value->declared_rank = (int)shape->n_dim;
    for (size_t i = 0; i < shape->n_dim && status == DAVIT_OK; i++) {
        status = copy_dim(graph, shape->dim[i], &value->declared[i]);
    }
    return status;
}

/* Inputs that have an initialiser are that constant: up to IR version 3 every initialiser had to be
 * listed, and what a caller could override since is not offered. */
static davit_status add_inputs(davit_onnx_importer *importer, davit_onnx_scope *scope,
                               davit_names *listed)
{
    const Onnx__GraphProto *proto = importer->model->graph;
    davit_graph *graph = importer->graph;
    graph->inputs = davit_arena_alloc_array(&graph->arena, proto->n_input, sizeof(davit_value_id));
    if (graph->inputs == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < proto->n_input; i++) {
        const char *name = davit_onnx_text(proto->input[i]->name);
        if (davit_names_find(listed, name) != DAVIT_NONE) {
            return davit_fail(importer->diag, DAVIT_BAD_DATA, "input '%s' is listed twice", name);
        }
        davit_status status = davit_names_add(listed, name, 0);
        if (status == DAVIT_OK && davit_names_find(&scope->names, name) != DAVIT_NONE) {
            continue;
        }
        davit_value_id id;
        if (status == DAVIT_OK) {
            status = davit_onnx_define(importer, scope, name, "input", &id);
        }
        if (status == DAVIT_OK) {
            status = declare_input(importer, proto->input[i], id);
        }
        if (status != DAVIT_OK) {
            return status;
        }
        graph->inputs[graph->input_count++] = id;
    }
    return DAVIT_OK;
}

/* ---- outputs ---- */

static davit_status add_outputs(davit_onnx_importer *importer, const davit_onnx_scope *scope)
{
    const Onnx__GraphProto *proto = importer->model->graph;
    davit_graph *graph = importer->graph;
    if (proto->n_output == 0) {
        return davit_fail(importer->diag, DAVIT_BAD_DATA, "the graph has no outputs");
    }
    graph->outputs =
        davit_arena_alloc_array(&graph->arena, proto->n_output, sizeof(davit_value_id));
    if (graph->outputs == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < proto->n_output; i++) {
        const char *name = davit_onnx_text(proto->output[i]->name);
        davit_value_id id = davit_names_find(&scope->names, name);
        if (id == DAVIT_NONE) {
            return davit_fail(importer->diag, DAVIT_BAD_DATA, "nothing computes the output '%s'",
                              name);
        }
        if (graph->values[id].is_output) {
            return davit_fail(importer->diag, DAVIT_BAD_DATA, "output '%s' is listed twice", name);
        }
        graph->values[id].is_output = true;
        graph->outputs[graph->output_count++] = id;
    }
    return DAVIT_OK;
}

static davit_status import_graph(davit_onnx_importer *importer, davit_onnx_scope *scope)
{
    const Onnx__GraphProto *proto = importer->model->graph;
    davit_status status = davit_onnx_add_initializers(importer, scope, proto);
    if (status == DAVIT_OK) {
        davit_names listed;
        davit_names_init(&listed, importer->allocator);
        status = add_inputs(importer, scope, &listed);
        davit_names_clear(&listed);
    }
    if (status == DAVIT_OK) {
        status = davit_onnx_define_nodes(importer, scope, proto->n_node, proto->node);
    }
    if (status == DAVIT_OK) {
        status = add_outputs(importer, scope);
    }
    if (status == DAVIT_OK) {
        status = davit_onnx_add_nodes(importer, scope, proto->n_node, proto->node);
    }
    return status;
}

davit_status davit_onnx_import_model(davit_onnx_importer *importer)
{
    davit_onnx_scope scope = {.prefix = "", .opset = importer->opset};
    davit_status status = copy_metadata(importer);
    if (status == DAVIT_OK) {
        status = davit_onnx_index_functions(importer);
    }
    if (status == DAVIT_OK) {
        davit_onnx_scope_init(importer, &scope);
        status = import_graph(importer, &scope);
        davit_onnx_scope_clear(&scope);
    }
    return status == DAVIT_OK ? davit_graph_sort(importer->graph, importer->diag) : status;
}
