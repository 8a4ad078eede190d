#include "bottleneck.h"

#include "parallel.h"

#define NEAR_BYTES (32 * 1024) /* of a panel's ring, in the nearest cache */
#define LEAST_ROWS 4           /* of a thread */

typedef struct bottleneck_run {
    const davit_bottleneck *bottleneck;
    const float *x, *residual; /* of the image */
    float *out;
    float *ring, *filtered; /* of the thread */
} bottleneck_run;

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void davit_bottleneck_plan(davit_bottleneck *b)
{
    const davit_depthwise *d = &b->depthwise;
    const int64_t row_bytes = d->in[1] * 2 * b->dense_loops->lanes * (int64_t)sizeof(float);
    const int64_t rows = most(NEAR_BYTES / row_bytes, d->kernel[0]);
    b->strip = least((rows - d->kernel[0]) / d->stride[0] + 1, d->out[0]);
    b->ring = (b->strip - 1) * d->stride[0] + d->kernel[0];
    b->ring_elems = b->expands ? b->ring * d->in[1] * d->channels : 0;
    b->thread_elems = b->ring_elems + b->strip * d->out[1] * d->channels;
}

/* Columns of the panel from column on. */
static int64_t width_at(const davit_bottleneck *b, int64_t column)
{
    const int64_t left = b->depthwise.channels - column, lanes = b->dense_loops->lanes;
    return left <= 3 * lanes ? left : 2 * lanes;
}

/* Rows first to end of the image, a panel of them, into the ring. */
static void expand(const bottleneck_run *run, int64_t column, int64_t first, int64_t end)
{
    const davit_bottleneck *b = run->bottleneck;
    const int64_t line = b->depthwise.in[1];
    davit_dense d = b->expand;
    d.columns = width_at(b, column);
    d.weights += column * d.depth;
    d.bias += column;
    float *ring = run->ring + column * b->ring * line;
    for (int64_t y = first; y < end;) {
        const int64_t at = y % b->ring, count = least(end - y, b->ring - at);
        b->dense_loops->run(&d, 0, count * line, 0, run->x + y * line * d.depth, NULL,
                            ring + at * line * d.columns);
        y += count;
    }
}

static void filter_rows(const bottleneck_run *run, const davit_depthwise *d, const float *x,
                        int64_t column, int64_t first, int64_t end)
{
    const davit_bottleneck *b = run->bottleneck;
    const int64_t lanes = b->depthwise_loops->lanes;
    for (int64_t y = first; y < end; y++) {
        const davit_depthwise_part part = {.y = y,
                                           .end = (d->channels + lanes - 1) / lanes,
                                           .x = x,
                                           .out = run->filtered +
                                                  (y - first) * d->out[1] * d->out_stride + column};
        b->depthwise_loops->run(d, &part);
    }
}

/* Output rows first to end of the depthwise convolution, of a panel of the ring. */
static void filter_panel(const bottleneck_run *run, int64_t column, int64_t first, int64_t end)
{
    const davit_bottleneck *b = run->bottleneck;
    davit_depthwise d = b->depthwise;
    d.channels = width_at(b, column);
    d.ring = b->ring;
    d.weights += column * d.kernel[0] * d.kernel[1];
    d.bias += column;
    filter_rows(run, &d, run->ring + column * b->ring * d.in[1], column, first, end);
}

static void project(const bottleneck_run *run, int64_t first, int64_t end)
{
    const davit_bottleneck *b = run->bottleneck;
    davit_dense d = b->project;
    const int64_t at = first * b->depthwise.out[1] * d.columns;
    const int64_t panels = davit_dense_panels(d.columns, b->dense_loops->lanes);
    d.rows = (end - first) * b->depthwise.out[1];
    for (int64_t panel = 0; panel < panels; panel++) {
        b->dense_loops->run(&d, 0, d.rows, panel, run->filtered,
                            run->residual != NULL ? run->residual + at : NULL, run->out + at);
    }
}

/* Output rows first to end of an image, in strips as even as can be. */
static void run_image(const bottleneck_run *run, int64_t first, int64_t end)
{
    const davit_bottleneck *b = run->bottleneck;
    const davit_depthwise *d = &b->depthwise;
    const int64_t strips = (end - first + b->strip - 1) / b->strip;
    int64_t made = 0; /* rows before it are expanded */
    for (int64_t i = 0, y = first; i < strips; i++) {
        const int64_t next = y + (end - y + strips - i - 1) / (strips - i);
        const int64_t top = most(made, y * d->stride[0] - d->pad[0]);
        made = most(top, least((next - 1) * d->stride[0] - d->pad[0] + d->kernel[0], d->in[0]));
        for (int64_t c = 0; b->expands && c < d->channels; c += width_at(b, c)) {
            expand(run, c, top, made);
            filter_panel(run, c, y, next);
        }
        if (!b->expands) {
            filter_rows(run, d, run->x, 0, y, next);
        }
        project(run, y, next);
        y = next;
    }
}

/* Items: output rows of all images. */
static void run_items(const void *context, int64_t begin, int64_t end)
{
    const bottleneck_run *whole = context;
    const davit_bottleneck *b = whole->bottleneck;
    const davit_depthwise *d = &b->depthwise;
    const int64_t depth = b->expands ? b->expand.depth : d->channels;
    float *room = whole->ring + davit_onednn_thread_index() * b->thread_elems;
    for (int64_t row = begin; row < end;) {
        const int64_t image = row / d->out[0], y = row % d->out[0];
        const int64_t last = least(d->out[0], y + end - row);
        const int64_t out = image * d->out[0] * d->out[1] * b->project.columns;
        const bottleneck_run run = {.bottleneck = b,
                                    .x = whole->x + image * d->in[0] * d->in[1] * depth,
                                    .residual =
                                        whole->residual != NULL ? whole->residual + out : NULL,
                                    .out = whole->out + out,
                                    .ring = room,
                                    .filtered = room + b->ring_elems};
        run_image(&run, y, last);
        row += last - y;
    }
}

davit_status davit_bottleneck_run(const davit_onednn_call *call)
{
    const davit_bottleneck *b = call->params;
    const bottleneck_run run = {.bottleneck = b,
                                .x = call->pointers[0],
                                .residual = b->has_residual ? call->pointers[3] : NULL,
                                .out = call->pointers[1],
                                .ring = call->pointers[2]};
    davit_onednn_parallel(b->images * b->depthwise.out[0], LEAST_ROWS, run_items, &run);
    return DAVIT_OK;
}
