/* Opset 13 is the first whose DequantizeLinear takes a scale a channel. A document of an older one
 * is raised by changing the few operators whose form changed on the way. */
#include <string.h>

#include "job.h"
#include "message.h"

#define WANTED_OPSET 13
#define WANTED_IR 7 /* that of the first release with opset 13 */

/* Operators whose form changed between opsets 7 and 13 in ways that are not followed here: from
 * which opset on their form is that of 13. */
static const struct {
    const char *op;
    int64_t since;
} unchanged_since[] = {
    {"BatchNormalization", 9},
    {"Clip", 11},
    {"If", WANTED_OPSET},
    {"Loop", WANTED_OPSET},
    {"Pad", 11},
    {"Resize", 11},
    {"Scan", WANTED_OPSET},
    {"Scatter", WANTED_OPSET},
    {"Slice", 10},
    {"TopK", 11},
    {"Upsample", WANTED_OPSET},
};

static Onnx__OperatorSetIdProto *find_opset(const Onnx__ModelProto *model)
{
    for (size_t i = 0; i < model->n_opset_import; i++) {
        const char *domain = davit_message_text(model->opset_import[i]->domain);
        if (domain[0] == '\0' || strcmp(domain, "ai.onnx") == 0) {
            return model->opset_import[i];
        }
    }
    return NULL;
}

static davit_status refuse(const davit_quantizer *job, const Onnx__NodeProto *node, int64_t opset,
                           const char *why)
{
    return davit_fail(job->diag, DAVIT_UNSUPPORTED,
                      "the model has opset %lld and scales per channel need %d: %s '%s' cannot be "
                      "raised (%s); convert the model with onnx.version_converter, or use "
                      "--per-tensor",
                      (long long)opset, WANTED_OPSET, node->op_type,
                      node->n_output > 0 ? node->output[0] : "", why);
}

/* Turns an attribute of integers into the second input. */
static davit_status attribute_to_input(const davit_quantizer *job, Onnx__NodeProto *node,
                                       const char *name)
{
    const Onnx__AttributeProto *attribute = davit_message_attribute(node, name);
    if (attribute == NULL) {
        return DAVIT_OK;
    }
    davit_arena *arena = &job->document->arena;
    Onnx__GraphProto *graph = job->document->model->graph;
    int64_t count = (int64_t)attribute->n_ints;
    const char *input = davit_arena_printf(arena, "%s_%s_of_opset_13", node->output[0], name);
    Onnx__TensorProto *tensor =
        input != NULL ? davit_message_tensor(arena, input, DAVIT_S64, 1, &count) : NULL;
    davit_message_list list = {.arena = arena};
    bool done = tensor != NULL;
    for (size_t i = 0; i < graph->n_initializer && done; i++) {
        done = davit_message_append(&list, graph->initializer[i]);
    }
    done = done && davit_message_append(&list, tensor) &&
           davit_message_set_input(arena, node, 1, input);
    if (!done) {
        return DAVIT_OUT_OF_MEMORY;
    }
    memcpy(tensor->raw_data.data, attribute->ints, tensor->raw_data.len);
    graph->initializer = (Onnx__TensorProto **)list.items;
    graph->n_initializer = list.count;
    davit_message_remove_attribute(node, name);
    return DAVIT_OK;
}

/* Up to opset 12 the operator works on all dimensions from its axis on, since 13 on that one. */
static davit_status raise_softmax(const davit_quantizer *job, Onnx__NodeProto *node, int64_t opset)
{
    const Onnx__AttributeProto *attribute = davit_message_attribute(node, "axis");
    int64_t axis = attribute != NULL ? attribute->i : 1;
    davit_value_id id = davit_graph_find_value(job->graph, node->output[0]);
    if (id == DAVIT_NONE || !job->graph->values[id].inferred) {
        return refuse(job, node, opset, "its shape is not known");
    }
    const davit_tensor_desc *desc = &job->graph->values[id].desc;
    axis += axis < 0 ? desc->rank : 0;
    if (axis != desc->rank - 1) {
        return refuse(job, node, opset, "it works on several axes");
    }
    return davit_message_set_int(&job->document->arena, node, "axis", -1) ? DAVIT_OK
                                                                          : DAVIT_OUT_OF_MEMORY;
}

static davit_status raise_node(const davit_quantizer *job, Onnx__NodeProto *node, int64_t opset)
{
    const char *op = davit_message_text(node->op_type);
    for (size_t i = 0; i < sizeof(unchanged_since) / sizeof(unchanged_since[0]); i++) {
        if (strcmp(op, unchanged_since[i].op) == 0 && opset < unchanged_since[i].since) {
            return refuse(job, node, opset, "its form has changed");
        }
    }
    if (strcmp(op, "Squeeze") == 0 || strcmp(op, "Unsqueeze") == 0 ||
        strcmp(op, "ReduceSum") == 0) {
        return attribute_to_input(job, node, "axes");
    }
    if (strcmp(op, "Split") == 0) {
        return attribute_to_input(job, node, "split");
    }
    if (strcmp(op, "Dropout") == 0) {
        davit_message_remove_attribute(node, "ratio"); /* of no effect at inference */
    }
    if (strcmp(op, "Softmax") == 0 || strcmp(op, "LogSoftmax") == 0 || strcmp(op, "Hardmax") == 0) {
        return raise_softmax(job, node, opset);
    }
    return DAVIT_OK;
}

static bool needs_channels(const davit_quantizer *job)
{
    for (size_t i = 0; i < job->layer_count; i++) {
        if (job->layers[i].scale_count > 1) {
            return true;
        }
    }
    return false;
}

davit_status davit_raise_opset(davit_quantizer *job)
{
    Onnx__ModelProto *model = job->document->model;
    Onnx__OperatorSetIdProto *import = find_opset(model);
    if (import == NULL) {
        return davit_fail(job->diag, DAVIT_BAD_DATA, "the model imports no opset of ai.onnx");
    }
    job->opset = import->version;
    /* QuantizeLinear itself is of opset 10. */
    if (import->version >= (needs_channels(job) ? WANTED_OPSET : 10)) {
        return DAVIT_OK;
    }
    for (size_t n = 0; n < model->graph->n_node; n++) {
        davit_status status = raise_node(job, model->graph->node[n], import->version);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    davit_log(job->diag, DAVIT_INFO, "opset raised from %lld to %d", (long long)import->version,
              WANTED_OPSET);
    import->version = job->opset = WANTED_OPSET;
    model->ir_version = model->ir_version > WANTED_IR ? model->ir_version : WANTED_IR;
    return DAVIT_OK;
}
