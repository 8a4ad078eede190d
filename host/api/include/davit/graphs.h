/* Between libdavit's objects and the graphs behind them, for layers above that change graphs. Not
 * installed, not exported. */
#ifndef DAVIT_GRAPHS_H
#define DAVIT_GRAPHS_H

#include "davit/davit.h"
#include "davit/explain.h"
#include "davit/graph.h"

/* Makes a model of a graph, which it takes over, also on failure. What the graph's constants are
 * borrowed from must outlive the model. label stands for the path in messages. Plans of such a model
 * name no file: it has no sha256. Returns DAVIT_OUT_OF_MEMORY. */
DAVIT_NODISCARD davit_status davit_model_adopt(davit_context *context, davit_graph *graph,
                                               const char *label, davit_model **out);

/* The present plan of a session; belongs to it, until its next run. Its model_sha256 is "" before
 * davit_session_hash_model. */
const davit_plan *davit_session_get_plan(const davit_session *session);

/* Makes the plan say which file it is for: reads it all. A file that has changed since it was loaded
 * is DAVIT_IO_ERROR. Reports. */
DAVIT_NODISCARD davit_status davit_session_hash_model(const davit_session *session);

/* davit_plan_explain of it. */
DAVIT_NODISCARD davit_status davit_session_explain(const davit_session *session,
                                                   const davit_explain_options *options,
                                                   davit_plan_explanation **out);

struct davit_run_record;

/* The graph that a session runs: bound, optimised, with units. Belongs to the session. */
const davit_graph *davit_session_graph(const davit_session *session);
/* What its last run took (davit/execute.h), all 0 before the first. Belongs to the session. */
const struct davit_run_record *davit_session_last_run(const davit_session *session);
/* What a request took, after a davit_request_wait that succeeded; until its release. */
const struct davit_run_record *davit_request_record(const davit_request *request);

/* Chooses devices as a session does: those of options->devices ("cpu,reference,profile:u250"), or by
 * default every usable one that is not emulated and not a part of another. Memory comes from arena.
 * Reports. */
DAVIT_NODISCARD davit_status davit_context_choose(davit_context *context,
                                                  const davit_session_options *options,
                                                  davit_arena *arena, const davit_diagnostics *diag,
                                                  davit_plan_device **devices, size_t *count);

#endif
