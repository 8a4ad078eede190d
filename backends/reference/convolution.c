#include "convolution.h"

#include "block.h"
#include "product.h"
#include "taps.h"

#include <string.h>

/* One batch and group at a time: rows are output channels, columns output places, the depth runs
 * over input channels and kernel places. */
typedef struct job {
    const davit_convolution *conv;
    davit_window window;
    int64_t in_channels, out_channels; /* of one group */
    int64_t in_places, out_places, kernel_places;
    int64_t batch, group;
    const double *x; /* the input of the group */
} job;

static void load_weights(const void *user, int64_t row, int64_t first, int64_t count,
                         double *values)
{
    const job *j = user;
    const davit_tensor *w = j->conv->w;
    int64_t places = j->kernel_places;
    int64_t channel = j->group * j->out_channels + row;
    if (!j->conv->transposed) {
        davit_load_f64_run(w, channel * j->in_channels * places + first, 1, count, values);
    } else {
        for (int64_t done = 0; done < count;) {
            int64_t place = (first + done) % places;
            int64_t in_channel = j->group * j->in_channels + (first + done) / places;
            int64_t run = places - place < count - done ? places - place : count - done;
            davit_load_f64_run(w, (in_channel * j->out_channels + row) * places + place, 1, run,
                               values + done);
            done += run;
        }
    }
    if (j->conv->w_zero != NULL) {
        for (int64_t i = 0; i < count; i++) {
            values[i] -= j->conv->w_zero[channel];
        }
    }
}

/* Where the windows of some outputs begin. */
static void window_begins(const job *j, int64_t column, int64_t columns,
                          int64_t begins[DAVIT_WINDOW_MAX_AXES][DAVIT_PANEL])
{
    const davit_window *w = &j->window;
    for (int64_t c = 0; c < columns; c++) {
        int64_t rest = column + c;
        for (int axis = w->axes - 1; axis >= 0; axis--) {
            int64_t o = rest % w->out[axis];
            rest /= w->out[axis];
            begins[axis][c] = davit_tap_begin(w, j->conv->transposed, axis, o);
        }
    }
}

/* Offsets in the input plane of what one kernel place meets, -1 for padding. */
static void tap_offsets(const job *j, int64_t place, int64_t columns,
                        int64_t begins[DAVIT_WINDOW_MAX_AXES][DAVIT_PANEL], int64_t *offsets)
{
    const davit_window *w = &j->window;
    int64_t plane = 1;
    int64_t rest = place;
    memset(offsets, 0, DAVIT_PANEL * sizeof(*offsets));
    for (int axis = w->axes - 1; axis >= 0; axis--) {
        int64_t tap = rest % w->kernel[axis];
        rest /= w->kernel[axis];
        for (int64_t c = 0; c < columns; c++) {
            int64_t i = davit_tap_coordinate(w, j->conv->transposed, axis, begins[axis][c], tap);
            offsets[c] = i < 0 || offsets[c] < 0 ? -1 : offsets[c] + i * plane;
        }
        plane *= w->in[axis];
    }
}

static void load_windows(const void *user, int64_t first, int64_t count, int64_t column,
                         int64_t columns, double *panel)
{
    const job *j = user;
    int64_t begins[DAVIT_WINDOW_MAX_AXES][DAVIT_PANEL];
    int64_t offsets[DAVIT_PANEL];
    window_begins(j, column, columns, begins);
    for (int64_t k = 0; k < count; k++) {
        int64_t channel = (first + k) / j->kernel_places;
        tap_offsets(j, (first + k) % j->kernel_places, columns, begins, offsets);
        const double *x = j->x + channel * j->in_places;
        for (int64_t c = 0; c < columns; c++) {
            panel[k * DAVIT_PANEL + c] = offsets[c] < 0 ? 0.0 : x[offsets[c]];
        }
    }
}

static void store_sums(void *user, int64_t row, int64_t column, int64_t columns, const double *sums)
{
    const job *j = user;
    int64_t channel = j->group * j->out_channels + row;
    int64_t channels = j->out_channels * davit_node_int(j->conv->call->node, "group", 1);
    int64_t first = (j->batch * channels + channel) * j->out_places + column;
    j->conv->store(j->conv->user, channel, first, columns, sums);
}

/* Loads the input of the job's batch and group. */
static void load_input(const job *j, int64_t groups, double *x)
{
    int64_t count = j->in_channels * j->in_places;
    davit_load_f64_run(j->conv->x, (j->batch * groups + j->group) * count, 1, count, x);
    if (j->conv->x_zero != 0.0) {
        for (int64_t i = 0; i < count; i++) {
            x[i] -= j->conv->x_zero;
        }
    }
}

static davit_status run_groups(job *j, int64_t batches, int64_t groups)
{
    const davit_allocator *allocator = j->conv->call->allocator;
    size_t count = (size_t)(j->in_channels * j->in_places);
    double *x = davit_alloc_array(allocator, count, sizeof(*x));
    if (x == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    j->x = x;
    davit_product product = {.rows = j->out_channels,
                             .columns = j->out_places,
                             .depth = j->in_channels * j->kernel_places,
                             .user = j,
                             .load_row = load_weights,
                             .load_panel = load_windows,
                             .store = store_sums};
    davit_status status = DAVIT_OK;
    for (j->batch = 0; j->batch < batches && status == DAVIT_OK; j->batch++) {
        for (j->group = 0; j->group < groups && status == DAVIT_OK; j->group++) {
            load_input(j, groups, x);
            status = davit_product_run(&product, allocator);
        }
    }
    davit_free(allocator, x);
    return status;
}

davit_status davit_convolution_run(const davit_convolution *conv)
{
    const davit_kernel_call *call = conv->call;
    int64_t groups = davit_node_int(call->node, "group", 1);
    const int64_t *w_dims = conv->w->desc.dims;
    job j = {.conv = conv, .in_places = 1, .out_places = 1, .kernel_places = 1};
    davit_window_spec spec = {call->node, &conv->x->desc, &conv->w->desc, conv->transposed};
    davit_status status = davit_window_resolve(&spec, call->diag, &j.window);
    if (status != DAVIT_OK) {
        return status;
    }
    j.in_channels = conv->x->desc.dims[1] / groups;
    j.out_channels = conv->transposed ? w_dims[1] : w_dims[0] / groups;
    for (int i = 0; i < j.window.axes; i++) {
        j.in_places *= j.window.in[i];
        j.out_places *= j.window.out[i];
        j.kernel_places *= j.window.kernel[i];
    }
    return run_groups(&j, conv->x->desc.dims[0], groups);
}
