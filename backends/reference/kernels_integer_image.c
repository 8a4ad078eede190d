#include "davit/resize.h"
#include "integer.h"
#include "taps.h"
#include "walk.h"

/* ---- IntegerAveragePool ---- */

typedef struct pool {
    const davit_kernel_call *call;
    davit_quant8 x;
    davit_result_spec y;
    davit_window window;
    int64_t planes, in_places, out_places, kernel_places;
    int64_t *offsets; /* [kernel_places] of the current window: what lies inside the input */
    int64_t taps;     /* how many of them */
    int64_t divisor;  /* that rescale was prepared for, -1: not yet */
    davit_rescale rescale;
} pool;

static void find_taps(pool *p, const int64_t *out)
{
    const davit_window *w = &p->window;
    int64_t strides[DAVIT_WINDOW_MAX_AXES];
    davit_dense_strides(w->axes, w->in, strides);
    p->taps = 0;
    davit_walk kernel = davit_walk_make(w->axes, w->kernel);
    for (bool more = davit_walk_start(&kernel); more; more = davit_walk_next(&kernel)) {
        int64_t offset = 0;
        for (int axis = 0; axis < w->axes && offset >= 0; axis++) {
            int64_t begin = davit_tap_begin(w, false, axis, out[axis]);
            int64_t i = davit_tap_coordinate(w, false, axis, begin, kernel.index[axis]);
            offset = i < 0 ? -1 : offset + i * strides[axis];
        }
        if (offset >= 0) {
            p->offsets[p->taps++] = offset;
        }
    }
}

static davit_status prepare_window(pool *p, const int64_t *out)
{
    const davit_window *w = &p->window;
    davit_reason reason;
    int64_t divisor = 1;
    for (int i = 0; i < w->axes; i++) {
        const davit_average_axis axis = {
            .in = w->in[i],
            .kernel = w->kernel[i],
            .stride = w->stride[i],
            .dilation = w->dilation[i],
            .pad_begin = w->pad_begin[i],
            .pad_end = w->pad_end[i],
            .include_pad = davit_node_int(p->call->node, "count_include_pad", 0) != 0};
        divisor *= davit_average_extent(&axis, out[i]);
    }
    find_taps(p, out);
    if (divisor == p->divisor) {
        return DAVIT_OK;
    }
    davit_status status = davit_average_prepare(&p->x, &p->y, divisor, &p->rescale, &reason);
    p->divisor = divisor;
    return status == DAVIT_OK ? status : davit_integer_refuse(p->call, status, &reason);
}

static void average_planes(const pool *p, int64_t place)
{
    const davit_tensor *x = p->call->inputs[0];
    for (int64_t plane = 0; plane < p->planes; plane++) {
        int64_t sum = 0;
        for (int64_t t = 0; t < p->taps; t++) {
            size_t at = (size_t)(plane * p->in_places + p->offsets[t]);
            sum += davit_load8(x->data, p->x.dtype, at) - p->x.zero;
        }
        davit_store8(p->call->outputs[0]->data, (size_t)(plane * p->out_places + place),
                     davit_rescale_one(&p->rescale, sum));
    }
}

davit_status davit_run_integer_average_pool(const davit_kernel_call *call)
{
    const davit_tensor_desc *desc = &call->inputs[0]->desc;
    davit_window_spec spec = {call->node, desc, NULL, false};
    pool p = {.call = call,
              .x = davit_integer_x(call->graph, call->node),
              .y = davit_integer_result(call->node),
              .planes = desc->dims[0] * desc->dims[1],
              .in_places = 1,
              .out_places = 1,
              .kernel_places = 1,
              .divisor = -1};
    davit_status status = davit_window_resolve(&spec, call->diag, &p.window);
    if (status != DAVIT_OK) {
        return status;
    }
    for (int i = 0; i < p.window.axes; i++) {
        p.in_places *= p.window.in[i];
        p.out_places *= p.window.out[i];
        p.kernel_places *= p.window.kernel[i];
    }
    p.offsets = davit_alloc_array(call->allocator, (size_t)p.kernel_places, sizeof(*p.offsets));
    if (p.offsets == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    int64_t place = 0;
    davit_walk walk = davit_walk_make(p.window.axes, p.window.out);
    for (bool more = davit_walk_start(&walk); more && status == DAVIT_OK;
         more = davit_walk_next(&walk)) {
        status = prepare_window(&p, walk.index);
        if (status == DAVIT_OK) {
            average_planes(&p, place++);
        }
    }
    davit_free(call->allocator, p.offsets);
    return status;
}

/* ---- IntegerResize ---- */

typedef struct image {
    const davit_tensor *x;
    davit_tensor *y;
    int64_t in_width, in_places, out_width;
    int32_t zero;
    davit_rescale rescale;
} image;

/* The sum over the four corners, which fits s32. */
static int64_t weigh(const image *m, int64_t plane, const davit_resize_tap *row,
                     const davit_resize_tap *column)
{
    const int32_t one = 1 << DAVIT_RESIZE_WEIGHT_BITS;
    size_t low = (size_t)(plane * m->in_places + row->low * m->in_width);
    size_t high = (size_t)(plane * m->in_places + row->high * m->in_width);
    size_t left = (size_t)column->low;
    size_t right = (size_t)column->high;
    davit_dtype dtype = m->x->desc.dtype;
    const void *x = m->x->data;
    int32_t upper = (davit_load8(x, dtype, low + left) - m->zero) * (one - column->weight) +
                    (davit_load8(x, dtype, low + right) - m->zero) * column->weight;
    int32_t lower = (davit_load8(x, dtype, high + left) - m->zero) * (one - column->weight) +
                    (davit_load8(x, dtype, high + right) - m->zero) * column->weight;
    return upper * (one - row->weight) + lower * row->weight;
}

/* Output row i of every plane. */
static void resize_row(const image *m, int64_t i, const davit_resize_tap *row,
                       const davit_resize_tap *columns)
{
    const int64_t *dims = m->y->desc.dims;
    for (int64_t plane = 0; plane < dims[0] * dims[1]; plane++) {
        size_t out = (size_t)((plane * dims[2] + i) * m->out_width);
        for (int64_t c = 0; c < m->out_width; c++) {
            davit_store8(m->y->data, out + (size_t)c,
                         davit_rescale_one(&m->rescale, weigh(m, plane, row, &columns[c])));
        }
    }
}

static davit_status prepare_image(const davit_kernel_call *call, davit_resize *resize, image *m)
{
    davit_resize_inputs inputs = {&call->inputs[0]->desc, davit_kernel_input(call, 1),
                                  davit_kernel_input(call, 2), davit_kernel_input(call, 3)};
    davit_quant8 x = davit_integer_x(call->graph, call->node);
    davit_result_spec y = davit_integer_result(call->node);
    davit_reason reason;
    davit_status status = davit_resize_resolve(call->node, &inputs, call->diag, resize);
    if (status != DAVIT_OK) {
        return status;
    }
    *m = (image){.x = call->inputs[0],
                 .y = call->outputs[0],
                 .in_width = resize->in[3],
                 .in_places = resize->in[2] * resize->in[3],
                 .out_width = resize->out[3],
                 .zero = x.zero};
    status = davit_linear_resize_prepare(&x, &y, 2, &m->rescale, &reason);
    return status == DAVIT_OK ? status : davit_integer_refuse(call, status, &reason);
}

davit_status davit_run_integer_resize(const davit_kernel_call *call)
{
    davit_resize resize;
    image m;
    davit_status status = prepare_image(call, &resize, &m);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_resize_tap *columns =
        davit_alloc_array(call->allocator, (size_t)m.out_width, sizeof(*columns));
    if (columns == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (int64_t i = 0; i < m.out_width; i++) {
        columns[i] = davit_resize_tap_at(davit_resize_coordinate(&resize, 3, i), resize.in[3]);
    }
    for (int64_t i = 0; i < resize.out[2]; i++) {
        davit_resize_tap row =
            davit_resize_tap_at(davit_resize_coordinate(&resize, 2, i), resize.in[2]);
        resize_row(&m, i, &row, columns);
    }
    davit_free(call->allocator, columns);
    return DAVIT_OK;
}
