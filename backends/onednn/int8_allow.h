/* Which implementations of oneDNN give the bytes of davit/requantize.h, and for what.
 *
 * oneDNN's 8-bit kernels differ in what they round and some are wrong (they write behind their
 * result, or give other bytes with two threads), so none is used that is not in the table of
 * int8_allow.c, which says where each row was proved. Everything else runs on our own loops. */
#ifndef DAVIT_ONEDNN_INT8_ALLOW_H
#define DAVIT_ONEDNN_INT8_ALLOW_H

#include "davit/quantize_weights.h"
#include "dnnl_int8.h"

/* What is to be computed. */
typedef struct davit_int8_case {
    davit_dnnl_version version;
    bool matmul;               /* else a convolution */
    bool fused;                /* 8-bit result by the primitive, else s32 sums */
    bool has_zero;             /* the source has a zero point other than 0 */
    bool empty_windows;        /* some window lies in the padding with all its taps */
    davit_exactness exactness; /* of the worst channel */
} davit_int8_case;

/* True when the implementation of that name ("brgconv:avx512_core_vnni") is exact for the case. */
bool davit_int8_allowed(const davit_int8_case *what, const char *implementation);

#endif
