#include "int8_window.h"

#define AXES DAVIT_INT8_AXES

static int32_t tap_coordinate(const davit_window *w, bool transposed, int axis, int64_t o,
                              int64_t tap)
{
    int64_t at = transposed ? o + w->pad_begin[axis] - tap * w->dilation[axis]
                            : o * w->stride[axis] - w->pad_begin[axis] + tap * w->dilation[axis];
    if (transposed) {
        if (at < 0 || at % w->stride[axis] != 0) {
            return -1;
        }
        at /= w->stride[axis];
    }
    return at >= 0 && at < w->in[axis] ? (int32_t)at : -1;
}

davit_status davit_int8_window_make(davit_onednn_builder *builder, const davit_window *window,
                                    bool transposed, int64_t channels, davit_int8_window *out)
{
    out->channels = channels;
    for (int i = 0; i < AXES; i++) {
        int axis = i - (AXES - window->axes);
        out->in[i] = axis >= 0 ? window->in[axis] : 1;
        out->out[i] = axis >= 0 ? window->out[axis] : 1;
        out->kernel[i] = axis >= 0 ? window->kernel[axis] : 1;
        int32_t *taps =
            davit_onednn_alloc(builder, (size_t)(out->out[i] * out->kernel[i]) * sizeof(*taps));
        if (taps == NULL) {
            return DAVIT_OUT_OF_MEMORY;
        }
        for (int64_t o = 0; o < out->out[i]; o++) {
            for (int64_t t = 0; t < out->kernel[i]; t++) {
                taps[o * out->kernel[i] + t] =
                    axis >= 0 ? tap_coordinate(window, transposed, axis, o, t) : 0;
            }
        }
        out->taps[i] = taps;
    }
    return DAVIT_OK;
}

int64_t davit_int8_places(const int64_t axes[AXES])
{
    return axes[0] * axes[1] * axes[2];
}

davit_int8_place davit_int8_place_at(const davit_int8_window *window, int64_t place)
{
    davit_int8_place at;
    for (int i = AXES - 1; i >= 0; i--) {
        at.taps[i] = window->taps[i] + place % window->out[i] * window->kernel[i];
        place /= window->out[i];
    }
    at.image = place;
    return at;
}

void davit_int8_find_offsets(const davit_int8_window *window, int64_t place, int64_t *offsets)
{
    const davit_int8_place at = davit_int8_place_at(window, place);
    for (int64_t a = 0; a < window->kernel[0]; a++) {
        for (int64_t b = 0; b < window->kernel[1]; b++) {
            int32_t d = at.taps[0][a], h = at.taps[1][b];
            int64_t line = ((at.image * window->in[0] + d) * window->in[1] + h) * window->in[2];
            for (int64_t c = 0; c < window->kernel[2]; c++) {
                int32_t w = at.taps[2][c];
                *offsets++ = d < 0 || h < 0 || w < 0 ? -1 : (line + w) * window->channels;
            }
        }
    }
}
