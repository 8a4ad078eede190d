/* Which input elements the places of a sliding kernel meet, for convolutions of every type. A
 * transposed convolution is seen from its output too: each output gathers what was spread to it. */
#ifndef DAVIT_REFERENCE_TAPS_H
#define DAVIT_REFERENCE_TAPS_H

#include "davit/window.h"

/* Where the window of output o begins along an axis; transposed: where tap 0 would write. */
static inline int64_t davit_tap_begin(const davit_window *w, bool transposed, int axis, int64_t o)
{
    return transposed ? o + w->pad_begin[axis] : o * w->stride[axis] - w->pad_begin[axis];
}

/* The input coordinate that a kernel place meets, or -1 when that is padding (or between the
 * strides of a transposed convolution). */
static inline int64_t davit_tap_coordinate(const davit_window *w, bool transposed, int axis,
                                           int64_t begin, int64_t tap)
{
    if (!transposed) {
        int64_t i = begin + tap * w->dilation[axis];
        return i >= 0 && i < w->in[axis] ? i : -1;
    }
    int64_t scaled = begin - tap * w->dilation[axis];
    if (scaled < 0 || scaled % w->stride[axis] != 0) {
        return -1;
    }
    int64_t i = scaled / w->stride[axis];
    return i < w->in[axis] ? i : -1;
}

#endif
