#ifndef DAVIT_CLI_EXPLAIN_H
#define DAVIT_CLI_EXPLAIN_H

#include "session.h"

/* davit_session_explain that tells on stderr how far it is. alone: davit_explain_options.alone. */
DAVIT_NODISCARD davit_status cli_explain(const cli_session *session, bool alone,
                                         davit_plan_explanation **out);

#endif
