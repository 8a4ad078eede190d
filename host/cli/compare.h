/* How far two tensors are apart: for --verify and `davit check`. */
#ifndef DAVIT_CLI_COMPARE_H
#define DAVIT_CLI_COMPARE_H

#include <davit/davit.h>

typedef struct cli_tolerance {
    double relative; /* an element is wrong when |got - want| > absolute + relative * |want| */
    double absolute;
} cli_tolerance;

typedef struct cli_difference {
    bool comparable;    /* same type and shape */
    int64_t elems;
    int64_t wrong;      /* elements outside the tolerance; integers and bools: that differ at all */
    int64_t first_wrong; /* row-major index, -1: none */
    double got, want;    /* at first_wrong */
    double greatest;     /* |got - want| over all finite elements */
    double relative_l2;  /* ||got - want|| / ||want||, 0 for integers */
} cli_difference;

/* NaN equals NaN, infinities equal themselves. Both dense. Reentrant. */
cli_difference cli_compare(const davit_tensor *got, const davit_tensor *want,
                           cli_tolerance tolerance);

#endif
