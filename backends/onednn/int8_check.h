/* The alarm: an 8-bit primitive is run once it is made, with extreme inputs, against plain C. The
 * table of int8_allow.c is the proof; this tells when a machine or a library is not what the table
 * was proved on. */
#ifndef DAVIT_ONEDNN_INT8_CHECK_H
#define DAVIT_ONEDNN_INT8_CHECK_H

#include "davit/window.h"
#include "int8_weighted.h"

typedef struct davit_int8_check {
    const davit_int8_weighted *weighted;
    const davit_window *window; /* NULL: a matrix product */
    int64_t groups, rows;       /* rows: places of all images */
    const davit_dnnl_primitive *primitive;
    bool fused;                   /* 8-bit result, else s32 sums */
    const davit_onednn_arg *args; /* of the primitive; source and destination have no bytes yet */
    size_t arg_count;
} davit_int8_check;

/* Runs the primitive twice, into guarded memory, on a source that holds only the ends of its type.
 * *problem is NULL when both runs left the guards and gave the same bytes, and 64 of them spread
 * over the result are those of davit_requantize_one; else a literal that says what was wrong.
 * Returns DAVIT_OUT_OF_MEMORY or oneDNN's failure, reported. */
DAVIT_NODISCARD davit_status davit_int8_check_run(davit_onednn_builder *builder,
                                                  const davit_int8_check *check,
                                                  const char **problem);

#endif
