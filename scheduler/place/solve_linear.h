/* What linear programming adds to a placement for throughput: a bound, and perhaps a better
 * placement. Built with DAVIT_WITH_CBC only. */
#ifndef DAVIT_PLACE_SOLVE_LINEAR_H
#define DAVIT_PLACE_SOLVE_LINEAR_H

#include "solvers.h"

typedef struct davit_place_linear_proof {
    double bound;
    json_t *certificate; /* its members (certificate.md, linear); NULL with bound 0 */
} davit_place_linear_proof;

/* Raises proof above `bound`, which is proved otherwise, where it can; then tries to improve at
 * and *period. Does nothing for problems that are too large; with little effort it only proves, and
 * only where that is soon done. */
DAVIT_NODISCARD davit_status davit_place_solve_linear(const davit_place_context *context,
                                                      double bound, uint32_t *at, double *period,
                                                      davit_place_linear_proof *proof);

#endif
