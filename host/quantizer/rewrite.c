/* The document's graph, node by node in its own order: layers get their 8-bit weights, readers of a
 * quantised value read it from its QDQ pair, which stands behind the node that makes the value.
 * What nothing reads any more (normalisations folded into weights, f32 weights) is left out. */
#include "rewrite.h"

#include <string.h>

/* ---- preparation ---- */

static bool take(davit_rewriter *rewriter, const char *name)
{
    return davit_names_add(&rewriter->taken, davit_message_text(name), 0) == DAVIT_OK;
}

/* Notes the names in use and who makes what. */
static davit_status index_names(davit_rewriter *rewriter)
{
    const Onnx__GraphProto *graph = rewriter->graph;
    bool done = true;
    for (size_t i = 0; i < graph->n_input; i++) {
        done = done && take(rewriter, graph->input[i]->name);
    }
    for (size_t i = 0; i < graph->n_initializer; i++) {
        done = done && take(rewriter, graph->initializer[i]->name) &&
               davit_message_append(&rewriter->initializers, graph->initializer[i]);
    }
    for (uint32_t n = 0; n < graph->n_node; n++) {
        for (size_t i = 0; i < graph->node[n]->n_output && done; i++) {
            done = take(rewriter, graph->node[n]->output[i]) &&
                   davit_names_add(&rewriter->producers, graph->node[n]->output[i], n) == DAVIT_OK;
        }
    }
    return done ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
}

/* A quantised value must be one of the document's own: functions and branches that the importer
 * expanded have values of theirs. */
static davit_status check_values(const davit_rewriter *rewriter)
{
    const davit_graph *graph = rewriter->job->graph;
    for (davit_value_id v = 0; v < graph->value_count; v++) {
        const davit_value *value = &graph->values[v];
        if (rewriter->job->values[v].quantized && value->constant == NULL && !value->is_input &&
            davit_names_find(&rewriter->producers, value->name) == DAVIT_NONE) {
            return davit_fail(rewriter->job->diag, DAVIT_UNSUPPORTED,
                              "'%s' is inside a function or a branch of the model: inline these "
                              "first (onnx.inliner)",
                              value->name);
        }
    }
    return DAVIT_OK;
}

/* What a value is called where its result is computed: graph outputs leave their name to the end of
 * their QDQ pair. */
static const char *made_as(davit_rewriter *rewriter, davit_value_id value)
{
    const davit_value *v = &rewriter->job->graph->values[value];
    return v->is_output ? davit_rewriter_name(rewriter, v->name, "_QuantizeLinear_Input") : v->name;
}

/* Adds the pair of a value that has just been made under that name. */
static davit_status add_pair(davit_rewriter *rewriter, davit_value_id value, const char *made)
{
    const davit_value *v = &rewriter->job->graph->values[value];
    const char *to =
        v->is_output ? v->name : davit_rewriter_name(rewriter, v->name, "_DequantizeLinear_Output");
    if (made == NULL || to == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    rewriter->read_as[value] = to;
    return davit_insert_pair(rewriter, value, made, to);
}

/* ---- nodes ---- */

/* The node of the optimised graph that makes this value, or DAVIT_NONE. */
static davit_node_id node_of(const davit_rewriter *rewriter, const char *name)
{
    davit_value_id value = davit_graph_find_value(rewriter->job->graph, name);
    return value != DAVIT_NONE ? rewriter->job->graph->values[value].producer : DAVIT_NONE;
}

/* Lets a node read quantised values. Constants are read so by quantised nodes only: others may need
 * to know them when they are built. */
static davit_status rewire(davit_rewriter *rewriter, Onnx__NodeProto *node)
{
    const davit_quantizer *job = rewriter->job;
    davit_node_id made_by = node->n_output > 0 ? node_of(rewriter, node->output[0]) : DAVIT_NONE;
    bool quantized = made_by != DAVIT_NONE && job->nodes[made_by].quantized;
    for (size_t i = 0; i < node->n_input; i++) {
        davit_value_id value = davit_graph_find_value(job->graph, node->input[i]);
        if (value == DAVIT_NONE || !job->values[value].quantized) {
            continue;
        }
        if (job->graph->values[value].constant != NULL) {
            if (!quantized) {
                continue;
            }
            if (rewriter->read_as[value] == NULL) {
                davit_status status =
                    davit_insert_constant(rewriter, value, &rewriter->read_as[value]);
                if (status != DAVIT_OK) {
                    return status;
                }
            }
        }
        if (rewriter->read_as[value] != NULL) {
            node->input[i] = (char *)rewriter->read_as[value];
        }
    }
    return DAVIT_OK;
}

/* Writes the attributes of a node of the graph, whose form is that of the file's opset for all
 * layers. */
static bool copy_attributes(davit_arena *arena, const davit_node *from, Onnx__NodeProto *to)
{
    bool done = true;
    for (uint32_t i = 0; i < from->attribute_count && done; i++) {
        const davit_attribute *attribute = &from->attributes[i];
        const char *name = davit_arena_strdup(arena, attribute->name);
        done = name != NULL;
        if (done && attribute->type == DAVIT_ATTRIBUTE_INT) {
            done = davit_message_set_int(arena, to, name, attribute->u.i);
        } else if (done && attribute->type == DAVIT_ATTRIBUTE_INTS) {
            done = davit_message_set_ints(arena, to, name, attribute->u.ints, attribute->count);
        } else if (done && attribute->type == DAVIT_ATTRIBUTE_FLOAT) {
            done = davit_message_set_float(arena, to, name, attribute->u.f);
        } else if (done && attribute->type == DAVIT_ATTRIBUTE_STRING) {
            done = davit_message_set_string(arena, to, name, attribute->u.s);
        }
    }
    return done;
}

/* The node that computes a layer in the place of old: old itself where it is that operator, a new
 * one where old was folded into the layer. */
static Onnx__NodeProto *layer_node(davit_rewriter *rewriter, const davit_layer *layer,
                                   Onnx__NodeProto *old)
{
    const davit_node *node = &rewriter->job->graph->nodes[layer->node];
    if (strcmp(davit_message_text(old->op_type), node->op->name) == 0) {
        return old;
    }
    const char *const inputs[3] = {rewriter->job->graph->values[node->inputs[0]].name, NULL, NULL};
    const char *name = davit_arena_strdup(rewriter->arena, node->name);
    Onnx__NodeProto *made = name != NULL ? davit_message_node(rewriter->arena, node->op->name, name,
                                                              inputs, old->output[0])
                                         : NULL;
    return made != NULL && copy_attributes(rewriter->arena, node, made) ? made : NULL;
}

static davit_status rewrite_layer(davit_rewriter *rewriter, const davit_layer *layer,
                                  Onnx__NodeProto **node)
{
    const char *weights;
    const char *bias;
    *node = layer_node(rewriter, layer, *node);
    if (*node == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = davit_insert_layer(rewriter, layer, &weights, &bias);
    if (status != DAVIT_OK) {
        return status;
    }
    const davit_quantizer *job = rewriter->job;
    davit_value_id x = job->graph->nodes[layer->node].inputs[0];
    const char *read =
        rewriter->read_as[x] != NULL ? rewriter->read_as[x] : job->graph->values[x].name;
    davit_message_remove_attribute(*node, "alpha"); /* of Gemm: they are in the numbers */
    davit_message_remove_attribute(*node, "beta");
    bool done = davit_message_set_input(rewriter->arena, *node, 0, read) &&
                davit_message_set_input(rewriter->arena, *node, 1, weights) &&
                (bias == NULL || davit_message_set_input(rewriter->arena, *node, 2, bias));
    return done ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
}

static davit_status rewrite_node(davit_rewriter *rewriter, Onnx__NodeProto *node)
{
    const davit_quantizer *job = rewriter->job;
    davit_node_id id = node->n_output > 0 ? node_of(rewriter, node->output[0]) : DAVIT_NONE;
    const davit_layer *layer = id != DAVIT_NONE ? job->nodes[id].layer : NULL;
    davit_status status =
        layer != NULL ? rewrite_layer(rewriter, layer, &node) : rewire(rewriter, node);
    if (status == DAVIT_OK && !davit_message_append(&rewriter->nodes, node)) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; status == DAVIT_OK && i < node->n_output; i++) {
        davit_value_id value = davit_graph_find_value(job->graph, node->output[i]);
        if (value == DAVIT_NONE || !job->values[value].quantized ||
            job->graph->values[value].constant != NULL) {
            continue;
        }
        const char *made = made_as(rewriter, value);
        node->output[i] = (char *)made;
        status = add_pair(rewriter, value, made);
    }
    return status;
}

/* ---- what is left out ---- */

/* Notes what a graph's nodes read, with the graphs inside. */
static bool note_reads(davit_names *read, const Onnx__NodeProto *node)
{
    bool done = true;
    for (size_t i = 0; i < node->n_input && done; i++) {
        done = davit_names_add(read, node->input[i], 0) == DAVIT_OK;
    }
    for (size_t a = 0; a < node->n_attribute; a++) {
        const Onnx__GraphProto *inner = node->attribute[a]->g;
        for (size_t n = 0; inner != NULL && n < inner->n_node && done; n++) {
            done = note_reads(read, inner->node[n]);
        }
        for (size_t o = 0; inner != NULL && o < inner->n_output && done; o++) {
            done = davit_names_add(read, davit_message_text(inner->output[o]->name), 0) == DAVIT_OK;
        }
    }
    return done;
}

static bool is_read(const davit_names *read, const Onnx__NodeProto *node)
{
    for (size_t i = 0; i < node->n_output; i++) {
        if (davit_names_find(read, node->output[i]) != DAVIT_NONE) {
            return true;
        }
    }
    return false;
}

/* Keeps the nodes that an output depends on, in their order. */
static bool keep_live_nodes(davit_rewriter *rewriter, davit_names *read)
{
    size_t count = rewriter->nodes.count;
    Onnx__NodeProto **nodes = davit_arena_alloc_array(rewriter->arena, count, sizeof(*nodes));
    size_t first = count;
    bool done = nodes != NULL;
    for (size_t n = count; n-- > 0 && done;) {
        Onnx__NodeProto *node = rewriter->nodes.items[n];
        if (is_read(read, node)) {
            nodes[--first] = node;
            done = note_reads(read, node);
        }
    }
    if (done) {
        rewriter->graph->node = nodes + first;
        rewriter->graph->n_node = count - first;
    }
    return done;
}

/* Leaves out initialisers that nothing reads, the inputs of that name, and what is said of values
 * that are gone. Names of results are in read as far as something reads them. */
static bool keep_live_values(davit_rewriter *rewriter, const davit_names *read)
{
    Onnx__GraphProto *graph = rewriter->graph;
    davit_names dropped;
    davit_names_init(&dropped, davit_allocator_default());
    bool done = true;
    size_t kept = 0;
    for (size_t i = 0; i < rewriter->initializers.count && done; i++) {
        Onnx__TensorProto *tensor = rewriter->initializers.items[i];
        if (davit_names_find(read, davit_message_text(tensor->name)) != DAVIT_NONE) {
            rewriter->initializers.items[kept++] = tensor;
        } else {
            done = davit_names_add(&dropped, davit_message_text(tensor->name), 0) == DAVIT_OK;
        }
    }
    graph->initializer = (Onnx__TensorProto **)rewriter->initializers.items;
    graph->n_initializer = kept;
    kept = 0;
    for (size_t i = 0; i < graph->n_input; i++) {
        if (davit_names_find(&dropped, davit_message_text(graph->input[i]->name)) == DAVIT_NONE) {
            graph->input[kept++] = graph->input[i];
        }
    }
    graph->n_input = kept;
    kept = 0;
    for (size_t i = 0; i < graph->n_value_info; i++) {
        if (davit_names_find(read, davit_message_text(graph->value_info[i]->name)) != DAVIT_NONE) {
            graph->value_info[kept++] = graph->value_info[i];
        }
    }
    graph->n_value_info = kept;
    davit_names_clear(&dropped);
    return done;
}

static davit_status leave_out(davit_rewriter *rewriter)
{
    davit_names read;
    davit_names_init(&read, davit_allocator_default());
    bool done = true;
    for (size_t i = 0; i < rewriter->graph->n_output && done; i++) {
        done = davit_names_add(&read, rewriter->graph->output[i]->name, 0) == DAVIT_OK;
    }
    done = done && keep_live_nodes(rewriter, &read) && keep_live_values(rewriter, &read);
    davit_names_clear(&read);
    return done ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
}

/* ---- the whole ---- */

static davit_status add_input_pairs(davit_rewriter *rewriter)
{
    const davit_graph *graph = rewriter->job->graph;
    davit_status status = DAVIT_OK;
    for (size_t i = 0; status == DAVIT_OK && i < graph->input_count; i++) {
        davit_value_id value = graph->inputs[i];
        if (rewriter->job->values[value].quantized) {
            status = add_pair(rewriter, value, graph->values[value].name);
        }
    }
    return status;
}

static davit_status rewrite(davit_rewriter *rewriter)
{
    davit_arena *scratch = &rewriter->job->arena;
    size_t values = rewriter->job->graph->value_count;
    rewriter->scale_names = davit_arena_alloc_array(scratch, values, sizeof(char *));
    rewriter->zero_names = davit_arena_alloc_array(scratch, values, sizeof(char *));
    rewriter->read_as = davit_arena_alloc_array(scratch, values, sizeof(char *));
    if (rewriter->scale_names == NULL || rewriter->zero_names == NULL ||
        rewriter->read_as == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = index_names(rewriter);
    if (status == DAVIT_OK) {
        status = check_values(rewriter);
    }
    if (status == DAVIT_OK) {
        status = add_input_pairs(rewriter);
    }
    for (size_t n = 0; status == DAVIT_OK && n < rewriter->graph->n_node; n++) {
        status = rewrite_node(rewriter, rewriter->graph->node[n]);
    }
    return status == DAVIT_OK ? leave_out(rewriter) : status;
}

davit_status davit_rewrite(davit_quantizer *job)
{
    Onnx__ModelProto *model = job->document->model;
    davit_arena *arena = &job->document->arena;
    davit_rewriter rewriter = {.job = job,
                               .arena = arena,
                               .graph = model->graph,
                               .nodes.arena = arena,
                               .initializers.arena = arena};
    davit_names_init(&rewriter.taken, davit_allocator_default());
    davit_names_init(&rewriter.producers, davit_allocator_default());
    davit_status status = rewrite(&rewriter);
    davit_names_clear(&rewriter.taken);
    davit_names_clear(&rewriter.producers);
    /* Since IR version 4 initialisers need not be listed as inputs: the new ones are not. */
    model->ir_version = model->ir_version > 4 ? model->ir_version : 4;
    return status;
}
