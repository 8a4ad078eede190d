#include "block.h"
#include "linear.h"

#include <math.h>
#include <string.h>

static const double pi = 3.14159265358979323846;

/* ---- Det ---- */

/* The determinant of an n x n matrix by elimination with row pivots; destroys it. */
static double determinant(double *m, int64_t n)
{
    double det = 1.0;
    for (int64_t k = 0; k < n; k++) {
        int64_t pivot = k;
        for (int64_t i = k + 1; i < n; i++) {
            if (fabs(m[i * n + k]) > fabs(m[pivot * n + k])) {
                pivot = i;
            }
        }
        if (m[pivot * n + k] == 0.0) {
            return 0.0;
        }
        for (int64_t j = 0; j < n && pivot != k; j++) {
            double swapped = m[k * n + j];
            m[k * n + j] = m[pivot * n + j];
            m[pivot * n + j] = swapped;
        }
        det *= pivot != k ? -m[k * n + k] : m[k * n + k];
        for (int64_t i = k + 1; i < n; i++) {
            double factor = m[i * n + k] / m[k * n + k];
            for (int64_t j = k; j < n; j++) {
                m[i * n + j] -= factor * m[k * n + j];
            }
        }
    }
    return det;
}

davit_status davit_run_det(const davit_kernel_call *call)
{
    const davit_tensor *x = call->inputs[0];
    int64_t n = x->desc.dims[x->desc.rank - 1];
    int64_t count = davit_tensor_desc_elems(&call->outputs[0]->desc);
    double *matrix = davit_alloc_array(call->allocator, (size_t)(n * n), sizeof(*matrix));
    if (matrix == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (int64_t i = 0; i < count; i++) {
        davit_load_f64_run(x, i * n * n, 1, n * n, matrix);
        davit_store_f64(call->outputs[0], i, determinant(matrix, n));
    }
    davit_free(call->allocator, matrix);
    return DAVIT_OK;
}

/* ---- discrete Fourier transforms, by their definition ---- */

/* One signal: [0, n) real parts, [n, 2n) imaginary parts. turn holds cos and sin of 2 pi i / n. */
typedef struct transform {
    int64_t n;
    bool inverse;
    double *signal;
    double *turn;
} transform;

static davit_status make_transform(const davit_kernel_call *call, int64_t n, bool inverse,
                                   transform *t)
{
    *t = (transform){.n = n, .inverse = inverse};
    double *memory = davit_alloc_array(call->allocator, (size_t)n, 4 * sizeof(*memory));
    if (memory == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    t->signal = memory;
    t->turn = memory + 2 * n;
    for (int64_t i = 0; i < n; i++) {
        double angle = 2.0 * pi * (double)i / (double)n;
        t->turn[i] = cos(angle);
        t->turn[n + i] = inverse ? sin(angle) : -sin(angle);
    }
    return DAVIT_OK;
}

/* Coefficient k of the signal, the inverse divided by n. */
static void coefficient(const transform *t, int64_t k, double *real, double *imaginary)
{
    double re = 0.0;
    double im = 0.0;
    int64_t turn = 0;
    for (int64_t i = 0; i < t->n; i++) {
        double c = t->turn[turn];
        double s = t->turn[t->n + turn];
        re += t->signal[i] * c - t->signal[t->n + i] * s;
        im += t->signal[i] * s + t->signal[t->n + i] * c;
        turn = (turn + k) % t->n;
    }
    *real = t->inverse ? re / (double)t->n : re;
    *imaginary = t->inverse ? im / (double)t->n : im;
}

/* Signals along an axis of x and coefficients along that of y: element i of line l is at
 * base(l) + i * stride, followed by its parts. */
typedef struct lines {
    int64_t outer, inner;     /* lines before and after the axis, without parts */
    int64_t x_count, y_count; /* along the axis */
    int64_t x_parts, y_parts;
} lines;

/* Loads a line, cut or filled with zeros to the transform's length. Of a half spectrum (of real
 * data) the other half is its mirror image. */
static void load_line(const davit_tensor *x, const lines *l, int64_t line, bool half, transform *t)
{
    int64_t given = half && l->x_count > t->n / 2 + 1 ? t->n / 2 + 1 : l->x_count;
    int64_t base = line / l->inner * l->x_count * l->inner + line % l->inner;
    memset(t->signal, 0, (size_t)(2 * t->n) * sizeof(*t->signal));
    for (int64_t i = 0; i < given && i < t->n; i++) {
        int64_t at = (base + i * l->inner) * l->x_parts;
        t->signal[i] = davit_load_f64(x, at);
        t->signal[t->n + i] = l->x_parts == 2 ? davit_load_f64(x, at + 1) : 0.0;
    }
    for (int64_t i = t->n / 2 + 1; half && i < t->n; i++) {
        t->signal[i] = t->signal[t->n - i];
        t->signal[t->n + i] = -t->signal[t->n + t->n - i];
    }
}

static void store_line(davit_tensor *y, const lines *l, int64_t line, const transform *t)
{
    int64_t base = line / l->inner * l->y_count * l->inner + line % l->inner;
    for (int64_t k = 0; k < l->y_count; k++) {
        double re;
        double im;
        coefficient(t, k, &re, &im);
        int64_t at = (base + k * l->inner) * l->y_parts;
        davit_store_f64(y, at, re);
        if (l->y_parts == 2) {
            davit_store_f64(y, at + 1, im);
        }
    }
}

davit_status davit_run_dft(const davit_kernel_call *call)
{
    const davit_tensor *x = call->inputs[0];
    davit_tensor *y = call->outputs[0];
    int rank = x->desc.rank;
    const davit_tensor *length = davit_kernel_input(call, 1);
    const davit_tensor *where = davit_kernel_input(call, 2);
    bool inverse = davit_node_int(call->node, "inverse", 0) != 0;
    bool onesided = davit_node_int(call->node, "onesided", 0) != 0;
    int64_t axis = where != NULL ? davit_load_s64(where, 0) : -2;
    axis += axis < 0 ? rank : 0;
    lines l = {.outer = 1,
               .inner = 1,
               .x_count = x->desc.dims[axis],
               .y_count = y->desc.dims[axis],
               .x_parts = x->desc.dims[rank - 1],
               .y_parts = y->desc.dims[rank - 1]};
    for (int d = 0; d < rank - 1; d++) {
        l.outer *= d < axis ? x->desc.dims[d] : 1;
        l.inner *= d > axis ? x->desc.dims[d] : 1;
    }
    int64_t n = length != NULL        ? davit_load_s64(length, 0)
                : inverse && onesided ? 2 * (l.x_count - 1)
                                      : l.x_count;
    transform t;
    davit_status status = make_transform(call, n, inverse, &t);
    if (status != DAVIT_OK) {
        return status;
    }
    for (int64_t line = 0; line < l.outer * l.inner; line++) {
        load_line(x, &l, line, inverse && onesided, &t);
        store_line(y, &l, line, &t);
    }
    davit_free(call->allocator, t.signal);
    return DAVIT_OK;
}

/* Loads a windowed frame of a signal [length][parts] that begins at index first of x. */
static void load_frame(const davit_kernel_call *call, int64_t first, int64_t parts, transform *t)
{
    const davit_tensor *x = call->inputs[0];
    const davit_tensor *window = davit_kernel_input(call, 2);
    for (int64_t i = 0; i < t->n; i++) {
        double weight = window != NULL ? davit_load_f64(window, i) : 1.0;
        int64_t at = first + i * parts;
        t->signal[i] = weight * davit_load_f64(x, at);
        t->signal[t->n + i] = parts == 2 ? weight * davit_load_f64(x, at + 1) : 0.0;
    }
}

davit_status davit_run_stft(const davit_kernel_call *call)
{
    const davit_tensor_desc *x = &call->inputs[0]->desc;
    davit_tensor *y = call->outputs[0];
    const davit_tensor *window = davit_kernel_input(call, 2);
    const davit_tensor *length = davit_kernel_input(call, 3);
    int64_t step = davit_load_s64(call->inputs[1], 0);
    int64_t n = length != NULL   ? davit_load_s64(length, 0)
                : window != NULL ? window->desc.dims[0]
                                 : x->dims[1];
    transform t;
    davit_status status = make_transform(call, n, false, &t);
    if (status != DAVIT_OK) {
        return status;
    }
    int64_t frames = y->desc.dims[1];
    int64_t out = 0;
    for (int64_t i = 0; i < x->dims[0] * frames; i++) {
        int64_t first = (i / frames * x->dims[1] + i % frames * step) * x->dims[2];
        load_frame(call, first, x->dims[2], &t);
        for (int64_t k = 0; k < y->desc.dims[2]; k++, out += 2) {
            double re;
            double im;
            coefficient(&t, k, &re, &im);
            davit_store_f64(y, out, re);
            davit_store_f64(y, out + 1, im);
        }
    }
    davit_free(call->allocator, t.signal);
    return DAVIT_OK;
}
