/* Operators whose output is their input's bytes under another shape: no step where the input is
 * dense row-major. */
#include "operators.h"

static const char *refuse_view(const davit_graph *graph, const davit_unit *unit)
{
    const davit_node *node = &graph->nodes[unit->anchor];
    return unit->output_count == 1 && unit->outputs[0] == node->outputs[0] ? NULL : "second output";
}

static davit_status build_view(davit_onednn_builder *builder, const davit_unit *unit,
                               const davit_node *node)
{
    davit_onednn_operand operand;
    davit_status status = davit_onednn_value_dense(builder, node->inputs[0], &operand);
    return status == DAVIT_OK ? davit_onednn_value_set_dense(builder, unit->outputs[0], &operand)
                              : status;
}

static davit_status build_identity(davit_onednn_builder *builder, const davit_unit *unit,
                                   const davit_node *node)
{
    davit_onednn_operand operand;
    davit_status status = davit_onednn_value_get(builder, node->inputs[0], &operand);
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, unit->outputs[0], &operand);
    }
    return status;
}

static const davit_onednn_operator operators[] = {
    {DAVIT_OP_Dropout, true, refuse_view, build_identity},
    {DAVIT_OP_Flatten, true, refuse_view, build_view},
    {DAVIT_OP_Identity, true, refuse_view, build_identity},
    {DAVIT_OP_Reshape, true, refuse_view, build_view},
    {DAVIT_OP_Squeeze, true, refuse_view, build_view},
    {DAVIT_OP_Unsqueeze, true, refuse_view, build_view}};

const davit_onednn_family davit_onednn_views = DAVIT_ONEDNN_FAMILY(operators);
