#include <math.h>
#include <string.h>

#include "kernel.h"
#include "movement.h"

/* Fills a tensor with one element of its type. */
static void fill(davit_tensor *out, const void *element)
{
    size_t bytes = davit_dtype_bytes(out->desc.dtype);
    int64_t elems = davit_tensor_desc_elems(&out->desc);
    for (int64_t i = 0; i < elems; i++) {
        memcpy((char *)out->data + (size_t)i * bytes, element, bytes);
    }
}

/* Windows are sums of cosines: a - b cos(2 pi n / N) + c cos(4 pi n / N); N is one less for a
 * symmetric window, and a symmetric window of one element is 1. */
static davit_status run_window(const davit_kernel_call *call, double a, double b, double c)
{
    const double two_pi = 6.28318530717958647693;
    davit_tensor *out = call->outputs[0];
    int64_t size = out->desc.dims[0];
    int64_t period = davit_node_int(call->node, "periodic", 1) != 0 ? size : size - 1;
    for (int64_t n = 0; n < size; n++) {
        double angle = period > 0 ? two_pi * (double)n / (double)period : two_pi / 2.0;
        davit_store_f64(out, n, a - b * cos(angle) + c * cos(2.0 * angle));
    }
    return DAVIT_OK;
}

static davit_status run_blackman_window(const davit_kernel_call *call)
{
    return run_window(call, 0.42, 0.5, 0.08);
}

static davit_status run_hamming_window(const davit_kernel_call *call)
{
    return run_window(call, 25.0 / 46.0, 21.0 / 46.0, 0.0);
}

static davit_status run_hann_window(const davit_kernel_call *call)
{
    return run_window(call, 0.5, 0.5, 0.0);
}

static davit_status run_constant_of_shape(const davit_kernel_call *call)
{
    const davit_attribute *value = davit_node_attribute(call->node, "value");
    const float zero = 0.0f;
    fill(call->outputs[0], value != NULL ? value->u.tensor->data : &zero);
    return DAVIT_OK;
}

static davit_status run_eye_like(const davit_kernel_call *call)
{
    davit_tensor *out = call->outputs[0];
    int64_t k = davit_node_int(call->node, "k", 0);
    int64_t rows = out->desc.dims[0];
    int64_t columns = out->desc.dims[1];
    memset(out->data, 0, davit_tensor_desc_bytes(&out->desc));
    for (int64_t r = 0; r < rows; r++) {
        if (k < columns - r && k >= -r) {
            davit_store_s64(out, r * columns + r + k, 1);
        }
    }
    return DAVIT_OK;
}

/* The spectrogram bin of the mel band edge number i of count + 2, as the ONNX reference defines. */
static int64_t mel_edge(const davit_kernel_call *call, int64_t i, int64_t count)
{
    const double log_10 = 2.30258509299404568402;
    double length = (double)davit_load_s64(call->inputs[1], 0);
    double rate = (double)davit_load_s64(call->inputs[2], 0);
    double low = 2595.0 / log_10 * log1p(davit_load_f64(call->inputs[3], 0) / 700.0);
    double high = 2595.0 / log_10 * log1p(davit_load_f64(call->inputs[4], 0) / 700.0);
    double mel = low + (double)i * (high - low) / (double)(count + 2);
    double bin = floor((length + 1.0) * 700.0 * expm1(mel / 2595.0 * log_10) / rate);
    return bin > -1e15 && bin < 1e15 ? (int64_t)bin : INT64_MAX;
}

/* A triangle for each band: rises from its left edge to 1 at its centre, falls to its right edge.
 */
static davit_status run_mel_weight_matrix(const davit_kernel_call *call)
{
    davit_tensor *out = call->outputs[0];
    int64_t bins = out->desc.dims[0];
    int64_t bands = out->desc.dims[1];
    memset(out->data, 0, davit_tensor_desc_bytes(&out->desc));
    for (int64_t band = 0; band < bands; band++) {
        int64_t left = mel_edge(call, band, bands);
        int64_t centre = mel_edge(call, band + 1, bands);
        int64_t right = mel_edge(call, band + 2, bands);
        if (left < 0 || left > centre || centre > right || right > bins) {
            return davit_kernel_fail(call, DAVIT_BAD_DATA,
                                     "band %lld is not between 0 and half the sample rate",
                                     (long long)band);
        }
        for (int64_t bin = left; bin <= right && bin < bins; bin++) {
            double weight = bin == centre  ? 1.0
                            : bin < centre ? (double)(bin - left) / (double)(centre - left)
                                           : (double)(right - bin) / (double)(right - centre);
            davit_store_f64(out, bin * bands + band, weight);
        }
    }
    return DAVIT_OK;
}

static davit_status run_one_hot(const davit_kernel_call *call)
{
    const davit_tensor *indices = call->inputs[0];
    const davit_tensor *values = call->inputs[2];
    davit_tensor *out = call->outputs[0];
    size_t bytes = davit_dtype_bytes(out->desc.dtype);
    davit_axis_view view =
        davit_axis_view_make(&out->desc, davit_kernel_axis(call, -1, out->desc.rank));
    fill(out, values->data);
    const char *on = (const char *)values->data + bytes;
    int64_t count = davit_tensor_desc_elems(&indices->desc);
    for (int64_t i = 0; i < count; i++) {
        int64_t index = davit_load_s64(indices, i);
        /* A u64 beyond the range of s64 is loaded as negative, and no index. */
        if (index < 0 && indices->desc.dtype != DAVIT_U64) {
            index += view.dim;
        }
        if (index >= 0 && index < view.dim) {
            int64_t to = (i / view.inner * view.dim + index) * view.inner + i % view.inner;
            memcpy((char *)out->data + (size_t)to * bytes, on, bytes);
        }
    }
    return DAVIT_OK;
}

static davit_status run_range(const davit_kernel_call *call)
{
    davit_tensor *out = call->outputs[0];
    int64_t count = out->desc.dims[0];
    bool is_float = davit_dtype_is_float(out->desc.dtype);
    double start = davit_load_f64(call->inputs[0], 0);
    double delta = davit_load_f64(call->inputs[2], 0);
    uint64_t first = (uint64_t)davit_load_s64(call->inputs[0], 0);
    uint64_t step = (uint64_t)davit_load_s64(call->inputs[2], 0);
    for (int64_t i = 0; i < count; i++) {
        if (is_float) {
            davit_store_f64(out, i, start + (double)i * delta);
        } else {
            davit_store_s64(out, i, (int64_t)(first + (uint64_t)i * step));
        }
    }
    return DAVIT_OK;
}

static davit_status run_shape(const davit_kernel_call *call)
{
    const davit_tensor_desc *x = &call->inputs[0]->desc;
    int64_t start = davit_node_int(call->node, "start", 0);
    start += start < 0 ? x->rank : 0;
    start = start < 0 ? 0 : start;
    for (int64_t i = 0; i < call->outputs[0]->desc.dims[0]; i++) {
        davit_store_s64(call->outputs[0], i, x->dims[start + i]);
    }
    return DAVIT_OK;
}

static davit_status run_size(const davit_kernel_call *call)
{
    davit_store_s64(call->outputs[0], 0, davit_tensor_desc_elems(&call->inputs[0]->desc));
    return DAVIT_OK;
}

/* Position i of n between -1 and 1: of the corners of the pixels, or of their centres. */
static double grid_position(int64_t i, int64_t n, bool aligns_corners)
{
    if (aligns_corners) {
        return n == 1 ? -1.0 : -1.0 + 2.0 * (double)i / (double)(n - 1);
    }
    return -1.0 + (2.0 * (double)i + 1.0) / (double)n;
}

static davit_status run_affine_grid(const davit_kernel_call *call)
{
    const davit_tensor *theta = call->inputs[0];
    davit_tensor *out = call->outputs[0];
    bool aligns_corners = davit_node_int(call->node, "align_corners", 0) != 0;
    int space = out->desc.rank - 2;
    const int64_t *dims = out->desc.dims;
    int64_t points = davit_tensor_desc_elems(&out->desc) / space;
    for (int64_t p = 0; p < points; p++) {
        double position[4]; /* x, y, (z,) 1 */
        int64_t rest = p;
        for (int d = 0; d < space; d++) {
            int64_t n = dims[space - d];
            position[d] = grid_position(rest % n, n, aligns_corners);
            rest /= n;
        }
        position[space] = 1.0;
        for (int row = 0; row < space; row++) {
            int64_t first = (rest * space + row) * (space + 1);
            double sum = 0.0;
            for (int d = 0; d <= space; d++) {
                sum += davit_load_f64(theta, first + d) * position[d];
            }
            davit_store_f64(out, p * space + row, sum);
        }
    }
    return DAVIT_OK;
}

static const davit_kernel_entry entries[] = {
    {DAVIT_OP_AffineGrid, run_affine_grid},
    {DAVIT_OP_BlackmanWindow, run_blackman_window},
    {DAVIT_OP_ConstantOfShape, run_constant_of_shape},
    {DAVIT_OP_EyeLike, run_eye_like},
    {DAVIT_OP_HammingWindow, run_hamming_window},
    {DAVIT_OP_HannWindow, run_hann_window},
    {DAVIT_OP_MelWeightMatrix, run_mel_weight_matrix},
    {DAVIT_OP_OneHot, run_one_hot},
    {DAVIT_OP_Range, run_range},
    {DAVIT_OP_Shape, run_shape},
    {DAVIT_OP_Size, run_size},
};

const davit_kernel_family davit_kernels_generate = DAVIT_KERNEL_FAMILY(entries);
