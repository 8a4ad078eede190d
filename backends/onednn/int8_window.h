/* Windows that slide over channels-last images: where each tap of each output place reads. */
#ifndef DAVIT_ONEDNN_INT8_WINDOW_H
#define DAVIT_ONEDNN_INT8_WINDOW_H

#include "builder.h"
#include "davit/window.h"

#define DAVIT_INT8_AXES 3

/* Space as three axes, of 1 in front of those that are there. */
typedef struct davit_int8_window {
    int64_t channels; /* of an input place */
    int64_t in[DAVIT_INT8_AXES], out[DAVIT_INT8_AXES], kernel[DAVIT_INT8_AXES];
    const int32_t *taps[DAVIT_INT8_AXES]; /* [out][kernel]: input coordinate, -1 in the padding */
} davit_int8_window;

/* Resolves a window of at most three axes. Returns DAVIT_OUT_OF_MEMORY, reported. */
DAVIT_NODISCARD davit_status davit_int8_window_make(davit_onednn_builder *builder,
                                                    const davit_window *window, bool transposed,
                                                    int64_t channels, davit_int8_window *out);

int64_t davit_int8_places(const int64_t axes[DAVIT_INT8_AXES]);

/* The taps of an output place, counted over all images. */
typedef struct davit_int8_place {
    const int32_t *taps[DAVIT_INT8_AXES];
    int64_t image;
} davit_int8_place;

davit_int8_place davit_int8_place_at(const davit_int8_window *window, int64_t place);

/* Offsets in elements of the first channel of each tap, -1 in the padding.
 *
 * offsets  [places of the kernel]. */
void davit_int8_find_offsets(const davit_int8_window *window, int64_t place, int64_t *offsets);

#endif
