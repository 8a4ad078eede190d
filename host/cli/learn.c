#include "learn.h"

#include "davit/measure.h"

void cli_learn(const cli_session *session, const cli_arguments *arguments, const cli_runs *runs)
{
    if (arguments->no_learn || arguments->precision != NULL || runs->in_flight > 1 ||
        davit_session_event_count(session->session) > 0) {
        return;
    }
    davit_store *store;
    size_t changed = 0;
    if (davit_store_open(davit_allocator_default(), NULL, NULL, &store) != DAVIT_OK) {
        return;
    }
    const davit_finished_runs finished = {.graph = davit_session_graph(session->session),
                                          .plan = davit_session_get_plan(session->session),
                                          .threads = (uint32_t)arguments->threads,
                                          .run_count = runs->unit_count,
                                          .unit_ns = runs->unit_ns};
    davit_status status =
        davit_measure_learn(&finished, store, davit_allocator_default(), &changed);
    if (status == DAVIT_OK) {
        status = davit_store_save(store);
    }
    if (status == DAVIT_OK) {
        davit_log(session->diag, DAVIT_INFO, "%zu measured times of units in %s changed", changed,
                  davit_store_folder(store));
    }
    davit_store_close(store);
}
