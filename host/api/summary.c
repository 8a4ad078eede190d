#include <string.h>

#include "davit/graphs.h"
#include "davit/work_class.h"
#include "objects.h"

static uint64_t macs_of(const davit_graph *graph, const davit_unit *unit)
{
    switch (davit_unit_work_class(graph, unit)) {
    case DAVIT_WORK_CONVOLUTION:
    case DAVIT_WORK_DEPTHWISE:
    case DAVIT_WORK_GEMM:
        return unit->flops / 2;
    default:
        return 0;
    }
}

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
    const davit_plan *plan = session->current->plan;
    const davit_plan_unit *placed = &plan->units[index];
    const davit_executor *executor = session->current->executor;
    *summary = (davit_unit_summary){
        .name = unit->name,
        .operators = session->operators[index],
        .device = plan->devices[placed->device].info.name,
        .implementation = executor != NULL
                              ? davit_executor_unit_implementation(executor, (davit_unit_id)index)
                              : "",
        .implementation_reason = davit_generation_kernel_reason(session->current, index),
        .reason = placed->reason,
        .fallback = placed->fallback,
        .flops = unit->flops,
        .macs = macs_of(graph, unit),
        .last_ns = session->record.unit_ns != NULL ? session->record.unit_ns[index] : 0};
    if (unit->output_count > 0) {
        summary->output = graph->values[unit->outputs[0]].desc;
    }
    return DAVIT_OK;
}

void davit_session_get_summary(const davit_session *session, davit_session_summary *summary)
{
    const davit_executor *executor = session->current->executor;
    const davit_plan *plan = session->current->plan;
    const davit_plan_prediction *prediction = &plan->prediction;
    *summary = (davit_session_summary){.load_ns = session->load_ns,
                                       .last_ns = session->record.total_ns,
                                       .last_transfer_ns = session->record.transfer_ns,
                                       .last_transfer_bytes = session->record.transfer_bytes,
                                       .integer_unit_count = session->graph->integer_count,
                                       .kept_count = session->graph->kept_count,
                                       .predicted_latency_s = prediction->latency_s,
                                       .predicted_period_s = prediction->period_s,
                                       .predicted_joules = prediction->joules,
                                       .objective_bound = prediction->bound};
    if (executor != NULL) {
        summary->program_count = davit_executor_program_count(executor);
        summary->cached_program_count = davit_executor_cached_count(executor);
        summary->memory_bytes = davit_executor_memory_bytes(executor);
    }
    for (size_t u = 0; u < plan->unit_count; u++) {
        summary->fallback_count += plan->units[u].fallback;
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

davit_status davit_session_explain(const davit_session *session,
                                   const davit_explain_options *options,
                                   davit_plan_explanation **out)
{
    const davit_context *context = session->model->context;
    const davit_generation *current = session->current;
    return davit_plan_explain(context->allocator, &current->request, current->plan, options,
                              context->diag, out);
}

davit_status davit_session_hash_model(const davit_session *session)
{
    davit_model *model = session->model;
    davit_status status = davit_model_hash(model, model->context->diag);
    if (status == DAVIT_OK) {
        memcpy(session->current->plan->model_sha256, model->sha256, sizeof(model->sha256));
    }
    return status;
}

davit_status davit_session_plan_json(const davit_session *session, bool explain, char **text)
{
    const davit_diagnostics *diag = session->model->context->diag;
    *text = NULL;
    davit_status status = davit_session_hash_model(session);
    if (status != DAVIT_OK) {
        return status;
    }
    if (!explain) {
        return davit_plan_write(session->current->plan, session->graph, diag, text);
    }
    davit_plan_explanation *explanation;
    status = davit_session_explain(session, NULL, &explanation);
    if (status == DAVIT_OK) {
        status = davit_plan_explanation_write(explanation, session->current->plan, session->graph,
                                              diag, text);
        davit_plan_explanation_destroy(explanation);
    }
    return status;
}
