/* What a plan would take if a unit moved: one solution for each unit and device. */
#ifndef DAVIT_EXPLAIN_MOVES_H
#define DAVIT_EXPLAIN_MOVES_H

#include "davit/explain.h"

/* Sets `moved` of every move that is supported, not the plan's own, and not of a pinned unit. Uses
 * all cores: the solutions do not depend on each other. Reports. */
DAVIT_NODISCARD davit_status davit_explain_moves(const davit_plan_request *request,
                                                 const davit_plan *plan,
                                                 const davit_explain_options *options,
                                                 const davit_diagnostics *diag,
                                                 davit_plan_explanation *explanation);

#endif
