#include <math.h>

#include "davit/explain.h"
#include "plan_parts.h"

static json_t *number_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *move_json(const davit_plan *plan, const davit_plan_move *move, size_t device)
{
    json_t *cost = move->supported ? davit_plan_cost_json(&move->cost) : json_null();
    return json_pack("{s:s, s:b, s:b, s:s, s:o, s:o}", "device", plan->devices[device].info.name,
                     "supported", move->supported, "allowed", move->allowed, "reason", move->reason,
                     "cost", cost, "moved", number_or_null(move->moved));
}

static json_t *moves_json(const davit_plan_explanation *explanation, const davit_plan *plan,
                          const davit_graph *graph)
{
    json_t *units = json_array();
    for (size_t u = 0; u < explanation->unit_count; u++) {
        json_t *moves = json_array();
        for (size_t d = 0; d < explanation->device_count; d++) {
            const davit_plan_move *move = &explanation->moves[u * explanation->device_count + d];
            if (json_array_append_new(moves, move_json(plan, move, d)) != 0) {
                json_decref(moves);
                moves = NULL;
                break;
            }
        }
        if (json_array_append_new(units, json_pack("{s:s, s:o}", "name", graph->units[u].name,
                                                   "devices", moves)) != 0) {
            json_decref(units);
            return NULL;
        }
    }
    return units;
}

static json_t *alternatives_json(const davit_plan_explanation *explanation)
{
    json_t *list = json_array();
    for (size_t a = 0; a < explanation->alternative_count; a++) {
        const davit_plan_alternative *alternative = &explanation->alternatives[a];
        json_t *item = json_pack(
            "{s:s, s:s, s:o, s:o, s:o, s:I}", "name", alternative->name, "infeasible",
            alternative->infeasible, "latency_s", number_or_null(alternative->latency_s),
            "period_s", number_or_null(alternative->period_s), "joules",
            number_or_null(alternative->joules), "elsewhere", (json_int_t)alternative->elsewhere);
        if (json_array_append_new(list, item) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

davit_status davit_plan_explanation_write(const davit_plan_explanation *explanation,
                                          const davit_plan *plan, const davit_graph *graph,
                                          const davit_diagnostics *diag, char **text)
{
    *text = NULL;
    json_t *root = davit_plan_json(plan, graph);
    json_t *explained = json_pack("{s:o, s:o}", "units", moves_json(explanation, plan, graph),
                                  "alternatives", alternatives_json(explanation));
    if (root != NULL && json_object_set_new(root, "explanation", explained) == 0) {
        *text = json_dumps(root, JSON_INDENT(2));
    }
    json_decref(root);
    if (*text == NULL) {
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY,
                          "cannot write the explanation: out of memory, or a name is not UTF-8");
    }
    return DAVIT_OK;
}
