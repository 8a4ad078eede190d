/* COIN-OR: the linear bound through CLP, placements through CBC. Both are silent, run in one thread
 * and have limits in steps, none in seconds. CBC takes turns: it is not reentrant. Their memory is
 * not the allocator's. Built with DAVIT_WITH_CBC only; where the libraries are missing at run time,
 * which is logged, nothing is found. */
#ifndef DAVIT_PLACE_CBC_H
#define DAVIT_PLACE_CBC_H

#include "linear.h"
#include "solvers.h"

/* The duals of the rows before choices, ready for davit_place_linear_bound, into the arena; NULL
 * when CLP found no optimum, which is logged, or would take too long. apart: as of
 * davit_place_linear_shrink; the fewer, the sooner, and the lower the bound may be. */
DAVIT_NODISCARD davit_status davit_place_clp_duals(const davit_place_context *context,
                                                   const davit_place_linear *linear, uint32_t apart,
                                                   davit_arena *arena, double **duals);
/* Looks for a placement with a period below *period, which is the scale of linear; takes at most
 * `nodes` nodes of CBC's search. What is better is kept in at. A failure of CBC is logged, and
 * nothing else. linear is used up: its limits are narrowed. */
DAVIT_NODISCARD davit_status davit_place_cbc_run(const davit_place_context *context,
                                                 davit_place_linear *linear, uint64_t nodes,
                                                 davit_arena *arena, uint32_t *at, double *period);

#endif
