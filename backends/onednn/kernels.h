/* The kernels that may compute a unit, of which one can be chosen by name
 * (davit_program_spec.kernels): oneDNN's primitive or loops of our own. Integer units give the same
 * bytes whichever it is. */
#ifndef DAVIT_ONEDNN_KERNELS_H
#define DAVIT_ONEDNN_KERNELS_H

#include "builder.h"

#define DAVIT_ONEDNN_PRIMITIVE "onednn"
#define DAVIT_ONEDNN_WINOGRAD "winograd"   /* winograd.h, int8_winograd.h */
#define DAVIT_ONEDNN_DENSE "dense"         /* dense.h */
#define DAVIT_ONEDNN_DOT "dot"             /* int8_dot.h, int8_windows.h */
#define DAVIT_ONEDNN_DEPTHWISE "depthwise" /* depthwise.h, int8_filters.h */
#define DAVIT_ONEDNN_FUSED "fused"         /* bottleneck.h; of the depthwise convolution */
#define DAVIT_ONEDNN_LOOPS "loops"         /* int8_depthwise.h */

/* See davit_backend_table.kernels. */
size_t davit_onednn_kernels(const davit_graph *graph, const davit_unit *unit, const char **names,
                            size_t capacity);

/* The name that a spec chooses for its unit at a position; NULL where it is none that is listed. */
const char *davit_onednn_kernel_of(const davit_program_spec *spec, size_t position);
/* True for names that end in DAVIT_ONE_THREAD. */
bool davit_onednn_is_alone(const char *kernel);

#endif
