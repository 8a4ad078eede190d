#include "block.h"
#include "convolution.h"
#include "matmul.h"
#include "product.h"
#include "quantized.h"

/* Input i as f64, one value for each of count; a single one is repeated, an absent one is 0.
 * *values NULL on failure. */
static davit_status load_lines(const davit_kernel_call *call, uint32_t i, int64_t count,
                               double **values)
{
    const davit_tensor *tensor = davit_kernel_input(call, i);
    *values = davit_alloc_array(call->allocator, (size_t)count, sizeof(**values));
    if (*values == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    int64_t given = tensor != NULL ? davit_tensor_desc_elems(&tensor->desc) : 0;
    for (int64_t k = 0; k < count && given != 0; k++) {
        (*values)[k] = davit_load_f64(tensor, k % given);
    }
    return DAVIT_OK;
}

/* Input i, which has one element; absent: 0. */
static double load_single(const davit_kernel_call *call, uint32_t i)
{
    const davit_tensor *tensor = davit_kernel_input(call, i);
    return tensor != NULL ? davit_load_f64(tensor, 0) : 0.0;
}

/* Stores exact sums as s32, modulo 2^32. */
static void store_integers(davit_tensor *y, int64_t first, int64_t count, const double *sums)
{
    for (int64_t i = 0; i < count; i++) {
        davit_store_s64(y, first + i, (int64_t)sums[i]);
    }
}

/* ---- ConvInteger, QLinearConv ---- */

/* Sums become y = saturate(nearest_even(f32(sum + bias) * scale) + zero), each step in f32, with
 * scale = x_scale * w_scale[channel] / y_scale. */
typedef struct requantize {
    const davit_kernel_call *call;
    const double *w_scale, *bias;
    float x_scale, y_scale;
    double zero;
} requantize;

static void store_conv_integer(void *user, int64_t channel, int64_t first, int64_t count,
                               const double *sums)
{
    (void)channel;
    store_integers(user, first, count, sums);
}

davit_status davit_run_conv_integer(const davit_kernel_call *call)
{
    double *zero;
    davit_status status = load_lines(call, 3, call->inputs[1]->desc.dims[0], &zero);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_convolution convolution = {.call = call,
                                     .x = call->inputs[0],
                                     .w = call->inputs[1],
                                     .x_zero = load_single(call, 2),
                                     .w_zero = zero,
                                     .user = call->outputs[0],
                                     .store = store_conv_integer};
    status = davit_convolution_run(&convolution);
    davit_free(call->allocator, zero);
    return status;
}

static void store_qlinear_conv(void *user, int64_t channel, int64_t first, int64_t count,
                               const double *sums)
{
    const requantize *q = user;
    davit_tensor *y = q->call->outputs[0];
    float scale = q->x_scale * (float)q->w_scale[channel] / q->y_scale;
    for (int64_t i = 0; i < count; i++) {
        float value = (float)(sums[i] + q->bias[channel]) * scale;
        davit_store_f64(y, first + i, davit_round_and_saturate(value, q->zero, y->desc.dtype));
    }
}

davit_status davit_run_qlinear_conv(const davit_kernel_call *call)
{
    const davit_tensor *w = call->inputs[3];
    int64_t channels = w->desc.dims[0];
    double *zero = NULL;
    double *scale = NULL;
    double *bias = NULL;
    davit_status status = load_lines(call, 5, channels, &zero);
    if (status == DAVIT_OK) {
        status = load_lines(call, 4, channels, &scale);
    }
    if (status == DAVIT_OK) {
        status = load_lines(call, 8, channels, &bias);
    }
    requantize q = {.call = call,
                    .w_scale = scale,
                    .bias = bias,
                    .x_scale = (float)load_single(call, 1),
                    .y_scale = (float)load_single(call, 6),
                    .zero = load_single(call, 7)};
    davit_convolution convolution = {.call = call,
                                     .x = call->inputs[0],
                                     .w = w,
                                     .x_zero = load_single(call, 2),
                                     .w_zero = zero,
                                     .user = &q,
                                     .store = store_qlinear_conv};
    if (status == DAVIT_OK) {
        status = davit_convolution_run(&convolution);
    }
    davit_free(call->allocator, bias);
    davit_free(call->allocator, scale);
    davit_free(call->allocator, zero);
    return status;
}

/* ---- MatMulInteger, QLinearMatMul ---- */

static void store_matmul_integer(void *user, const davit_matmul_place *place, int64_t count,
                                 const double *sums)
{
    store_integers(user, place->out, count, sums);
}

davit_status davit_run_matmul_integer(const davit_kernel_call *call)
{
    davit_matmul_shape shape = davit_matmul_sizes(&call->inputs[0]->desc, &call->inputs[1]->desc);
    double *a_zero = NULL;
    double *b_zero = NULL;
    davit_status status = load_lines(call, 2, shape.a_matrices * shape.rows, &a_zero);
    if (status == DAVIT_OK) {
        status = load_lines(call, 3, shape.b_matrices * shape.columns, &b_zero);
    }
    davit_matmul matmul = {.allocator = call->allocator,
                           .a = call->inputs[0],
                           .b = call->inputs[1],
                           .y = &call->outputs[0]->desc,
                           .a_zero = a_zero,
                           .b_zero = b_zero,
                           .user = call->outputs[0],
                           .store = store_matmul_integer};
    if (status == DAVIT_OK) {
        status = davit_matmul_run(&matmul);
    }
    davit_free(call->allocator, b_zero);
    davit_free(call->allocator, a_zero);
    return status;
}

/* Zero points and scales of the rows of a and the columns of b, matrix after matrix. */
typedef struct qlinear_matmul {
    const davit_kernel_call *call;
    davit_matmul_shape shape;
    double *a_zero, *b_zero, *a_scale, *b_scale;
    float y_scale;
    double y_zero;
} qlinear_matmul;

static void store_qlinear_matmul(void *user, const davit_matmul_place *place, int64_t count,
                                 const double *sums)
{
    const qlinear_matmul *q = user;
    davit_tensor *y = q->call->outputs[0];
    float a_scale = (float)q->a_scale[place->batch_a * q->shape.rows + place->row];
    const double *b_scale = q->b_scale + place->batch_b * q->shape.columns + place->column;
    for (int64_t i = 0; i < count; i++) {
        float value = (float)sums[i] * (a_scale * (float)b_scale[i] / q->y_scale);
        davit_store_f64(y, place->out + i,
                        davit_round_and_saturate(value, q->y_zero, y->desc.dtype));
    }
}

static davit_status load_qlinear_matmul(qlinear_matmul *q)
{
    int64_t rows = q->shape.a_matrices * q->shape.rows;
    int64_t columns = q->shape.b_matrices * q->shape.columns;
    davit_status status = load_lines(q->call, 1, rows, &q->a_scale);
    if (status == DAVIT_OK) {
        status = load_lines(q->call, 2, rows, &q->a_zero);
    }
    if (status == DAVIT_OK) {
        status = load_lines(q->call, 4, columns, &q->b_scale);
    }
    if (status == DAVIT_OK) {
        status = load_lines(q->call, 5, columns, &q->b_zero);
    }
    return status;
}

davit_status davit_run_qlinear_matmul(const davit_kernel_call *call)
{
    qlinear_matmul q = {
        .call = call, .y_scale = (float)load_single(call, 6), .y_zero = load_single(call, 7)};
    q.shape = davit_matmul_sizes(&call->inputs[0]->desc, &call->inputs[3]->desc);
    davit_status status = load_qlinear_matmul(&q);
    davit_matmul matmul = {.allocator = call->allocator,
                           .a = call->inputs[0],
                           .b = call->inputs[3],
                           .y = &call->outputs[0]->desc,
                           .a_zero = q.a_zero,
                           .b_zero = q.b_zero,
                           .user = &q,
                           .store = store_qlinear_matmul};
    if (status == DAVIT_OK) {
        status = davit_matmul_run(&matmul);
    }
    davit_free(call->allocator, q.b_zero);
    davit_free(call->allocator, q.b_scale);
    davit_free(call->allocator, q.a_zero);
    davit_free(call->allocator, q.a_scale);
    return status;
}
