/* What kind of work a unit is: devices reach another part of their peak in each. */
#ifndef DAVIT_WORK_CLASS_H
#define DAVIT_WORK_CLASS_H

#include "davit/graph.h"

typedef enum davit_work_class {
    DAVIT_WORK_CONVOLUTION,
    DAVIT_WORK_DEPTHWISE, /* a convolution with one input channel for each group: no reuse */
    DAVIT_WORK_GEMM,      /* matrix products and recurrent layers */
    /* The same bytes under another shape: nothing to do, where values of rank 4 lie channels-last
     * and all others dense. */
    DAVIT_WORK_VIEW,
    DAVIT_WORK_OTHER      /* bound by memory: element-wise, pools, movement */
} davit_work_class;

/* Of the unit's anchor, whose shapes are known. Reentrant. */
davit_work_class davit_unit_work_class(const davit_graph *graph, const davit_unit *unit);

#endif
