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

/* The plan of a session; belongs to it. */
const davit_plan *davit_session_get_plan(const davit_session *session);

/* davit_plan_explain of it. */
DAVIT_NODISCARD davit_status davit_session_explain(const davit_session *session,
                                                   const davit_explain_options *options,
                                                   davit_plan_explanation **out);

/* The graph that a session runs: bound, optimised, with units. Belongs to the session. */
const davit_graph *davit_session_graph(const davit_session *session);

#endif
