#include "integer.h"
#include "integer_product.h"
#include "taps.h"

/* One batch and group at a time: rows are output channels, columns output places, the depth runs
 * over input channels and kernel places. */
typedef struct job {
    const davit_kernel_call *call;
    davit_integer_weighted result;
    davit_window window;
    bool transposed;
    int64_t groups;
    int64_t in_channels, out_channels; /* of one group */
    int64_t in_places, out_places, kernel_places;
    int64_t batch, group;
    int16_t *weights; /* [groups][out_channels][davit_integer_stride(depth)] */
    int16_t *x;       /* [in_channels][in_places] of the batch and group, without zero point */
    int64_t *offsets; /* [kernel_places] in an input plane, -1 for padding */
} job;

static int64_t depth_of(const job *j)
{
    return j->in_channels * j->kernel_places;
}

static void load_weights(const job *j)
{
    const davit_tensor *w = j->call->inputs[1];
    size_t stride = davit_integer_stride(depth_of(j));
    for (int64_t channel = 0; channel < j->groups * j->out_channels; channel++) {
        int16_t *row = j->weights + (size_t)channel * stride;
        if (!j->transposed) {
            davit_integer_load(w, channel * depth_of(j), 1, depth_of(j), 0, row);
            continue;
        }
        int64_t first = channel / j->out_channels * j->in_channels;
        for (int64_t c = 0; c < j->in_channels; c++) {
            int64_t from = (first + c) * j->out_channels + channel % j->out_channels;
            davit_integer_load(w, from * j->kernel_places, 1, j->kernel_places, 0,
                               row + c * j->kernel_places);
        }
    }
}

/* Where in an input plane the kernel places of an output meet it. */
static void find_offsets(const job *j, int64_t out)
{
    const davit_window *w = &j->window;
    int64_t begins[DAVIT_WINDOW_MAX_AXES];
    for (int axis = w->axes - 1; axis >= 0; axis--) {
        begins[axis] = davit_tap_begin(w, j->transposed, axis, out % w->out[axis]);
        out /= w->out[axis];
    }
    for (int64_t place = 0; place < j->kernel_places; place++) {
        int64_t plane = 1;
        int64_t rest = place;
        int64_t offset = 0;
        for (int axis = w->axes - 1; axis >= 0; axis--) {
            int64_t tap = rest % w->kernel[axis];
            int64_t i = davit_tap_coordinate(w, j->transposed, axis, begins[axis], tap);
            offset = i < 0 || offset < 0 ? -1 : offset + i * plane;
            rest /= w->kernel[axis];
            plane *= w->in[axis];
        }
        j->offsets[place] = offset;
    }
}

static void load_window(void *user, int64_t column, int16_t *values)
{
    const job *j = user;
    find_offsets(j, column);
    for (int64_t c = 0; c < j->in_channels; c++) {
        const int16_t *x = j->x + c * j->in_places;
        for (int64_t k = 0; k < j->kernel_places; k++) {
            *values++ = (int16_t)(j->offsets[k] < 0 ? 0 : x[j->offsets[k]]);
        }
    }
}

static void store_places(void *user, int64_t row, int64_t column, int64_t count,
                         const int64_t *sums)
{
    const job *j = user;
    int64_t channel = j->group * j->out_channels + row;
    int64_t first = (j->batch * j->groups * j->out_channels + channel) * j->out_places + column;
    for (int64_t i = 0; i < count; i++) {
        davit_integer_store(&j->result, first + i, channel, sums[i]);
    }
}

static davit_status run_groups(job *j)
{
    const davit_tensor *x = j->call->inputs[0];
    int32_t zero = davit_integer_x(j->call->graph, j->call->node).zero;
    int64_t count = j->in_channels * j->in_places;
    davit_integer_product product = {.rows = j->out_channels,
                                     .columns = j->out_places,
                                     .depth = depth_of(j),
                                     .wide = j->result.wide,
                                     .user = j,
                                     .load_column = load_window,
                                     .store = store_places};
    size_t rows_elems = (size_t)j->out_channels * davit_integer_stride(depth_of(j));
    davit_status status = DAVIT_OK;
    for (j->batch = 0; j->batch < x->desc.dims[0]; j->batch++) {
        for (j->group = 0; j->group < j->groups && status == DAVIT_OK; j->group++) {
            davit_integer_load(x, (j->batch * j->groups + j->group) * count, 1, count, zero, j->x);
            product.a = j->weights + (size_t)j->group * rows_elems;
            status = davit_integer_product_run(&product, j->call->allocator);
        }
    }
    return status;
}

static davit_status alloc_and_run(job *j)
{
    const davit_allocator *allocator = j->call->allocator;
    size_t rows = (size_t)(j->groups * j->out_channels);
    size_t elems;
    davit_status status = DAVIT_OUT_OF_MEMORY;
    if (davit_mul_size(rows, davit_integer_stride(depth_of(j)), &elems)) {
        j->weights = davit_alloc_array(allocator, elems, sizeof(*j->weights));
    }
    j->x = davit_alloc_array(allocator, (size_t)(j->in_channels * j->in_places), sizeof(*j->x));
    j->offsets = davit_alloc_array(allocator, (size_t)j->kernel_places, sizeof(*j->offsets));
    if (j->weights != NULL && j->x != NULL && j->offsets != NULL) {
        load_weights(j);
        status = run_groups(j);
    }
    davit_free(allocator, j->offsets);
    davit_free(allocator, j->x);
    davit_free(allocator, j->weights);
    return status;
}

static davit_status run(const davit_kernel_call *call, bool transposed)
{
    const davit_tensor_desc *x = &call->inputs[0]->desc;
    const davit_tensor_desc *w = &call->inputs[1]->desc;
    job j = {.call = call,
             .transposed = transposed,
             .groups = davit_node_int(call->node, "group", 1),
             .in_places = 1,
             .out_places = 1,
             .kernel_places = 1};
    davit_window_spec spec = {call->node, x, w, transposed};
    davit_status status = davit_window_resolve(&spec, call->diag, &j.window);
    if (status != DAVIT_OK) {
        return status;
    }
    j.in_channels = x->dims[1] / j.groups;
    j.out_channels = transposed ? w->dims[1] : w->dims[0] / j.groups;
    for (int i = 0; i < j.window.axes; i++) {
        j.in_places *= j.window.in[i];
        j.out_places *= j.window.out[i];
        j.kernel_places *= j.window.kernel[i];
    }
    status = davit_integer_open(call, &j.result);
    if (status == DAVIT_OK) {
        status = alloc_and_run(&j);
    }
    davit_integer_close(&j.result);
    return status;
}

davit_status davit_run_integer_conv(const davit_kernel_call *call)
{
    return run(call, false);
}

davit_status davit_run_integer_conv_transpose(const davit_kernel_call *call)
{
    return run(call, true);
}
