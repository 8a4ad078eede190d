#include "block.h"
#include "davit/recurrent.h"
#include "kernel.h"

#include <math.h>
#include <string.h>

/* One direction of a recurrent layer for one batch entry, in f64. Gates keep the order of the
 * specification: RNN i; GRU z r h; LSTM i o f c. */
typedef struct cell {
    const davit_kernel_call *call;
    davit_recurrent r;
    double clip; /* INFINITY: none */
    bool linear_before_reset, input_forget;
    int direction;
    double *w;         /* [gates * hidden][input] */
    double *u;         /* [gates * hidden][hidden] */
    double *w_bias;    /* [gates * hidden] */
    double *u_bias;    /* [gates * hidden] */
    double *peepholes; /* [3 * hidden]: i o f */
    double *x;         /* [input] */
    double *h, *c;     /* [hidden] */
    double *from_x;    /* [gates * hidden]: W x + Wb */
    double *from_h;    /* [gates * hidden]: R h + Rb */
} cell;

static double apply(const davit_recurrent_activation *a, double x)
{
    switch (a->function) {
    case DAVIT_RECURRENT_RELU:
        return x > 0.0 ? x : 0.0;
    case DAVIT_RECURRENT_TANH:
        return tanh(x);
    case DAVIT_RECURRENT_SIGMOID:
        return 1.0 / (1.0 + exp(-x));
    case DAVIT_RECURRENT_AFFINE:
        return a->alpha * x + a->beta;
    case DAVIT_RECURRENT_LEAKY_RELU:
        return x < 0.0 ? a->alpha * x : x;
    case DAVIT_RECURRENT_THRESHOLDED_RELU:
        return x >= a->alpha ? x : 0.0;
    case DAVIT_RECURRENT_SCALED_TANH:
        return a->alpha * tanh(a->beta * x);
    case DAVIT_RECURRENT_HARD_SIGMOID:
        return fmin(fmax(a->alpha * x + a->beta, 0.0), 1.0);
    case DAVIT_RECURRENT_ELU:
        return x >= 0.0 ? x : a->alpha * expm1(x);
    case DAVIT_RECURRENT_SOFTSIGN:
        return x / (1.0 + fabs(x));
    case DAVIT_RECURRENT_SOFTPLUS:
        return x > 0.0 ? x + log1p(exp(-x)) : log1p(exp(x));
    }
    return x;
}

/* An activation of a gate: its input is clipped. */
static double activate(const cell *s, int which, double x)
{
    x = x > s->clip ? s->clip : x < -s->clip ? -s->clip : x;
    return apply(&s->r.activations[s->direction][which], x);
}

/* y = matrix * x + bias */
static void multiply(const double *matrix, const double *x, const double *bias, int64_t rows,
                     int64_t columns, double *y)
{
    for (int64_t row = 0; row < rows; row++) {
        double sum = 0.0;
        for (int64_t k = 0; k < columns; k++) {
            sum += matrix[row * columns + k] * x[k];
        }
        y[row] = sum + bias[row];
    }
}

static void step_rnn(cell *s)
{
    for (int64_t i = 0; i < s->r.hidden; i++) {
        s->h[i] = activate(s, 0, s->from_x[i] + s->from_h[i]);
    }
}

static void step_gru(cell *s)
{
    int64_t n = s->r.hidden;
    double *z = s->from_x;
    double *r = s->from_x + n;
    double *candidate = s->from_x + 2 * n;
    for (int64_t i = 0; i < n; i++) {
        z[i] = activate(s, 0, z[i] + s->from_h[i]);
        r[i] = activate(s, 0, r[i] + s->from_h[n + i]);
    }
    if (s->linear_before_reset) {
        for (int64_t i = 0; i < n; i++) {
            candidate[i] += r[i] * s->from_h[2 * n + i];
        }
    } else {
        for (int64_t i = 0; i < n; i++) {
            r[i] *= s->h[i];
        }
        multiply(s->u + 2 * n * n, r, s->u_bias + 2 * n, n, n, s->from_h + 2 * n);
        for (int64_t i = 0; i < n; i++) {
            candidate[i] += s->from_h[2 * n + i];
        }
    }
    for (int64_t i = 0; i < n; i++) {
        s->h[i] = (1.0 - z[i]) * activate(s, 1, candidate[i]) + z[i] * s->h[i];
    }
}

static void step_lstm(cell *s)
{
    int64_t n = s->r.hidden;
    const double *p = s->peepholes;
    for (int64_t i = 0; i < n; i++) {
        double before = s->c[i];
        double in = s->from_x[i] + s->from_h[i] + p[i] * before;
        double out = s->from_x[n + i] + s->from_h[n + i];
        double forget = s->from_x[2 * n + i] + s->from_h[2 * n + i] + p[2 * n + i] * before;
        double candidate = s->from_x[3 * n + i] + s->from_h[3 * n + i];
        in = activate(s, 0, in);
        forget = s->input_forget ? 1.0 - in : activate(s, 0, forget);
        s->c[i] = forget * before + in * activate(s, 1, candidate);
        out = activate(s, 0, out + p[n + i] * s->c[i]);
        s->h[i] = out * apply(&s->r.activations[s->direction][2], s->c[i]);
    }
}

/* Index of [first][second] in the layout's order of batch and the other axis. */
static int64_t pick(const cell *s, int64_t major, int64_t batch, int64_t majors)
{
    return s->r.layout == 0 ? major * s->r.batch + batch : batch * majors + major;
}

static void step(cell *s, int64_t time, int64_t batch)
{
    int64_t rows = s->r.gates * s->r.hidden;
    int64_t at = pick(s, time, batch, s->r.steps);
    davit_load_f64_run(s->call->inputs[0], at * s->r.input, 1, s->r.input, s->x);
    multiply(s->w, s->x, s->w_bias, rows, s->r.input, s->from_x);
    multiply(s->u, s->h, s->u_bias, rows, s->r.hidden, s->from_h);
    if (s->r.gates == 1) {
        step_rnn(s);
    } else if (s->r.gates == 3) {
        step_gru(s);
    } else {
        step_lstm(s);
    }
}

/* Stores the state as Y of one step; valid false stores 0, past the end of a sequence. */
static void store_step(const cell *s, int64_t time, int64_t batch, bool valid)
{
    davit_tensor *y = davit_kernel_output(s->call, 0);
    if (y == NULL) {
        return;
    }
    int64_t at = s->r.layout == 0 ? (time * s->r.directions + s->direction) * s->r.batch + batch
                                  : (batch * s->r.steps + time) * s->r.directions + s->direction;
    for (int64_t i = 0; i < s->r.hidden; i++) {
        davit_store_f64(y, at * s->r.hidden + i, valid ? s->h[i] : 0.0);
    }
}

/* Runs one batch entry through its sequence of length steps. */
static void run_sequence(cell *s, int64_t batch, int64_t length)
{
    int64_t n = s->r.hidden;
    bool backwards = s->r.reverse || s->direction == 1;
    int64_t at = pick(s, s->direction, batch, s->r.directions) * n;
    const davit_tensor *h = davit_kernel_input(s->call, 5);
    const davit_tensor *c = davit_kernel_input(s->call, 6);
    memset(s->h, 0, (size_t)n * sizeof(*s->h));
    memset(s->c, 0, (size_t)n * sizeof(*s->c));
    if (h != NULL) {
        davit_load_f64_run(h, at, 1, n, s->h);
    }
    if (c != NULL) {
        davit_load_f64_run(c, at, 1, n, s->c);
    }
    for (int64_t i = 0; i < length; i++) {
        int64_t time = backwards ? length - 1 - i : i;
        step(s, time, batch);
        store_step(s, time, batch, true);
    }
    for (int64_t time = length; time < s->r.steps; time++) {
        store_step(s, time, batch, false);
    }
    if (davit_kernel_output(s->call, 1) != NULL) {
        davit_store_f64_run(davit_kernel_output(s->call, 1), at, n, s->h);
    }
    if (davit_kernel_output(s->call, 2) != NULL) {
        davit_store_f64_run(davit_kernel_output(s->call, 2), at, n, s->c);
    }
}

/* Loads the weights of the current direction; absent ones are 0. */
static void load_direction(cell *s)
{
    int64_t rows = s->r.gates * s->r.hidden;
    int64_t d = s->direction;
    const davit_tensor *bias = davit_kernel_input(s->call, 3);
    const davit_tensor *peepholes = davit_kernel_input(s->call, 7);
    davit_load_f64_run(s->call->inputs[1], d * rows * s->r.input, 1, rows * s->r.input, s->w);
    davit_load_f64_run(s->call->inputs[2], d * rows * s->r.hidden, 1, rows * s->r.hidden, s->u);
    if (bias != NULL) {
        davit_load_f64_run(bias, d * 2 * rows, 1, rows, s->w_bias);
        davit_load_f64_run(bias, d * 2 * rows + rows, 1, rows, s->u_bias);
    }
    if (peepholes != NULL) {
        davit_load_f64_run(peepholes, d * 3 * s->r.hidden, 1, 3 * s->r.hidden, s->peepholes);
    }
}

/* Lays the cell's arrays out in one piece of memory, which is w; NULL when there is none. */
static double *allocate(cell *s)
{
    int64_t n = s->r.hidden;
    int64_t rows = s->r.gates * n;
    int64_t count = rows * (s->r.input + n) + 4 * rows + s->r.input + 5 * n;
    double *memory = davit_alloc_array(s->call->allocator, (size_t)count, sizeof(*memory));
    if (memory != NULL) {
        s->w = memory;
        s->u = s->w + rows * s->r.input;
        s->w_bias = s->u + rows * n;
        s->u_bias = s->w_bias + rows;
        s->from_x = s->u_bias + rows;
        s->from_h = s->from_x + rows;
        s->x = s->from_h + rows;
        s->h = s->x + s->r.input;
        s->c = s->h + n;
        s->peepholes = s->c + n;
    }
    return memory;
}

static davit_status run_recurrent(const davit_kernel_call *call)
{
    cell s = {.call = call};
    davit_status status = davit_recurrent_resolve(call->node, &call->inputs[0]->desc,
                                                  &call->inputs[2]->desc, call->diag, &s.r);
    if (status != DAVIT_OK) {
        return status;
    }
    const davit_tensor *lengths = davit_kernel_input(call, 4);
    for (int64_t batch = 0; lengths != NULL && batch < s.r.batch; batch++) {
        int64_t length = davit_load_s64(lengths, batch);
        if (length < 0 || length > s.r.steps) {
            return davit_kernel_fail(call, DAVIT_BAD_DATA, "a sequence length is out of range");
        }
    }
    double clip = davit_node_float(call->node, "clip", 0.0f);
    s.clip = clip > 0.0 ? clip : INFINITY;
    s.linear_before_reset = davit_node_int(call->node, "linear_before_reset", 0) != 0;
    s.input_forget = davit_node_int(call->node, "input_forget", 0) != 0;
    double *memory = allocate(&s);
    if (memory == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (s.direction = 0; s.direction < (int)s.r.directions; s.direction++) {
        load_direction(&s);
        for (int64_t batch = 0; batch < s.r.batch; batch++) {
            run_sequence(&s, batch, lengths != NULL ? davit_load_s64(lengths, batch) : s.r.steps);
        }
    }
    davit_free(call->allocator, memory);
    return DAVIT_OK;
}

/* ---- ReverseSequence ---- */

static davit_status run_reverse(const davit_kernel_call *call)
{
    const davit_tensor *x = call->inputs[0];
    bool batch_first = davit_node_int(call->node, "batch_axis", 1) == 0;
    int64_t steps = x->desc.dims[batch_first ? 1 : 0];
    int64_t batches = x->desc.dims[batch_first ? 0 : 1];
    size_t bytes = davit_dtype_bytes(x->desc.dtype);
    for (int d = 2; d < x->desc.rank; d++) {
        bytes *= (size_t)x->desc.dims[d];
    }
    for (int64_t batch = 0; batch < batches; batch++) {
        int64_t length = davit_load_s64(call->inputs[1], batch);
        if (length < 0 || length > steps) {
            return davit_kernel_fail(call, DAVIT_BAD_DATA, "a sequence length is out of range");
        }
        for (int64_t time = 0; time < steps && bytes != 0; time++) {
            int64_t from = time < length ? length - 1 - time : time;
            int64_t to_at = batch_first ? batch * steps + time : time * batches + batch;
            int64_t from_at = batch_first ? batch * steps + from : from * batches + batch;
            memcpy((char *)call->outputs[0]->data + (size_t)to_at * bytes,
                   (const char *)x->data + (size_t)from_at * bytes, bytes);
        }
    }
    return DAVIT_OK;
}

static const davit_kernel_entry entries[] = {
    {DAVIT_OP_GRU, run_recurrent},
    {DAVIT_OP_LSTM, run_recurrent},
    {DAVIT_OP_RNN, run_recurrent},
    {DAVIT_OP_ReverseSequence, run_reverse},
};

const davit_kernel_family davit_kernels_recurrent = DAVIT_KERNEL_FAMILY(entries);
