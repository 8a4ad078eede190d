#include "objects.h"

size_t davit_session_unit_count(const davit_session *session)
{
    return session->graph->unit_count;
}

davit_status davit_session_unit(const davit_session *session, size_t index,
                                davit_unit_summary *summary)
{
    const davit_graph *graph = session->graph;
    if (index >= graph->unit_count) {
        return davit_fail(session->model->context->diag, DAVIT_INVALID_ARGUMENT,
                          "unit %zu of %zu does not exist", index, graph->unit_count);
    }
    const davit_unit *unit = &graph->units[index];
    const davit_plan_unit *placed = &session->plan->units[index];
    const davit_executor *executor = session->executor;
    *summary = (davit_unit_summary){
        .name = unit->name,
        .operators = session->operators[index],
        .device = session->plan->devices[placed->device].info.name,
        .implementation = executor != NULL
                              ? davit_executor_unit_implementation(executor, (davit_unit_id)index)
                              : "",
        .reason = placed->reason,
        .fallback = placed->fallback,
        .flops = unit->flops,
        .last_ns = session->record.unit_ns != NULL ? session->record.unit_ns[index] : 0};
    if (unit->output_count > 0) {
        summary->output = graph->values[unit->outputs[0]].desc;
    }
    return DAVIT_OK;
}

void davit_session_get_summary(const davit_session *session, davit_session_summary *summary)
{
    const davit_executor *executor = session->executor;
    *summary = (davit_session_summary){.load_ns = session->load_ns,
                                       .last_ns = session->record.total_ns,
                                       .last_transfer_ns = session->record.transfer_ns,
                                       .last_transfer_bytes = session->record.transfer_bytes,
                                       .integer_unit_count = session->graph->integer_count,
                                       .kept_count = session->graph->kept_count};
    if (executor != NULL) {
        summary->program_count = davit_executor_program_count(executor);
        summary->memory_bytes = davit_executor_memory_bytes(executor);
    }
    for (size_t u = 0; u < session->plan->unit_count; u++) {
        summary->fallback_count += session->plan->units[u].fallback;
    }
}

davit_status davit_session_kept(const davit_session *session, size_t index,
                                davit_kept_summary *summary)
{
    const davit_graph *graph = session->graph;
    if (index >= graph->kept_count) {
        return davit_fail(session->model->context->diag, DAVIT_INVALID_ARGUMENT,
                          "operator %zu of %zu that stay f32 does not exist", index,
                          graph->kept_count);
    }
    *summary = (davit_kept_summary){graph->kept[index].node, graph->kept[index].reason};
    return DAVIT_OK;
}

davit_status davit_session_plan_json(const davit_session *session, char **text)
{
    return davit_plan_write(session->plan, session->graph, session->model->context->diag, text);
}
