/* The loops of depthwise.h for the vectors that the including file defines. */
#include "depthwise.h"
#include "ends_body.h"

#define GROUP 8 /* outputs that are summed together */

/* The taps of a row of outputs that lie in the image. */
typedef struct row {
    const float *x;   /* the input row of the first of them */
    const float *end; /* of the rows that are there, after which they go on size before */
    int64_t size;
    int64_t first, count;
} row;

static row row_at(const davit_depthwise *d, const davit_depthwise_part *part)
{
    const int64_t top = part->y * d->stride[0] - d->pad[0];
    row r = {.count = 0};
    while (top + r.first * d->dilation < 0) {
        r.first++;
    }
    while (r.first + r.count < d->kernel[0] && top + (r.first + r.count) * d->dilation < d->in[0]) {
        r.count++;
    }
    const int64_t line = d->in[1] * d->channels;
    r.size = d->ring * line;
    r.x = part->x + (top + r.first * d->dilation) % d->ring * line;
    r.end = part->x + r.size;
    return r;
}

/* count outputs from column at on of vector v; count, width and step, which are those of the
 * window, are constants wherever this is inlined. Only the first and last columns may be
 * missing. */
static inline __attribute__((always_inline)) void sum_group(const davit_depthwise *d,
                                                            const davit_depthwise_part *part,
                                                            const row *r, int64_t at, int64_t v,
                                                            int count, int width, int step)
{
    const int64_t left = at * step - d->pad[1], place = d->channels;
    const int64_t line = d->dilation * d->in[1] * place;
    const int64_t rest = d->channels - v * LANES;
    const some lanes = SOME(rest);
    const float *x = r->x + left * place + v * LANES;
    const float *const end = r->end + left * place;
    const float *w = d->weights + (v * d->kernel[0] + r->first) * width * LANES;
    vector s[GROUP], c[2 * GROUP + 7];
    UNROLL
    for (int i = 0; i < count; i++) {
        s[i] = LOAD(d->bias + v * LANES);
    }
    for (int64_t t = 0; t < r->count; t++, w += width * LANES) {
        const float *p[8]; /* every third place, for the others to be near */
        UNROLL
        for (int j = 0; j < (count - 1) * step + width; j += 3) {
            p[j / 3] = x + j * place;
        }
        UNROLL
        for (int j = 0; j < (count - 1) * step + width; j++) {
            c[j] =
                (j < width - 1 && left + j < 0) || (j > (count - 1) * step && left + j >= d->in[1])
                    ? ALL(0.0f)
                    : LOAD_SOME(p[j / 3] + j % 3 * place, lanes);
        }
        UNROLL
        for (int j = 0; j < width; j++) {
            const vector k = LOAD(w + j * LANES);
            UNROLL
            for (int i = 0; i < count; i++) {
                s[i] = MULTIPLY_ADD(c[i * step + j], k, s[i]);
            }
        }
        x += line;
        x = x >= end ? x - r->size : x;
    }
    apply_ends(d->ends, d->end_count, s, count);
    float *out = part->out + at * d->out_stride + v * LANES;
    UNROLL
    for (int i = 0; i < count; i++) {
        if (rest >= LANES) {
            STORE(out + i * d->out_stride, s[i]);
        } else {
            STORE_SOME(out + i * d->out_stride, lanes, s[i]);
        }
    }
}

#define GROUP_CASE(count)                                                                          \
    case count:                                                                                    \
        for (int64_t v = part->first; v < part->end; v++) {                                        \
            sum_group(d, part, &r, at, v, count, width, step);                                     \
        }                                                                                          \
        break

/* A row in groups as even as can be. */
static inline __attribute__((always_inline)) void
run_row(const davit_depthwise *d, const davit_depthwise_part *part, int width, int step)
{
    const row r = row_at(d, part);
    const int64_t groups = (d->out[1] + GROUP - 1) / GROUP;
    const int64_t share = d->out[1] / groups, rest = d->out[1] % groups;
    for (int64_t i = 0, at = 0; i < groups; i++) {
        const int64_t count = share + (i < rest ? 1 : 0);
        switch (count) {
            GROUP_CASE(1);
            GROUP_CASE(2);
            GROUP_CASE(3);
            GROUP_CASE(4);
            GROUP_CASE(5);
            GROUP_CASE(6);
            GROUP_CASE(7);
            GROUP_CASE(8);
        default:
            break;
        }
        at += count;
    }
}

static void run(const davit_depthwise *d, const davit_depthwise_part *part)
{
    switch (d->kernel[1] * 2 + d->stride[1]) {
    case 3 * 2 + 1:
        run_row(d, part, 3, 1);
        break;
    case 3 * 2 + 2:
        run_row(d, part, 3, 2);
        break;
    case 5 * 2 + 1:
        run_row(d, part, 5, 1);
        break;
    case 5 * 2 + 2:
        run_row(d, part, 5, 2);
        break;
    case 7 * 2 + 1:
        run_row(d, part, 7, 1);
        break;
    case 7 * 2 + 2:
        run_row(d, part, 7, 2);
        break;
    default:
        break;
    }
}

const davit_depthwise_loops DAVIT_DEPTHWISE_TABLE = {
    .name = DAVIT_DEPTHWISE_NAME, .lanes = LANES, .run = run};
