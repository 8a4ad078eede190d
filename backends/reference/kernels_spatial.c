#include "block.h"
#include "convolution.h"
#include "product.h"
#include "spatial.h"

/* Adds the bias, if there is one, and stores. */
static void store_biased(void *user, int64_t channel, int64_t first, int64_t count,
                         const double *sums)
{
    const davit_kernel_call *call = user;
    const davit_tensor *bias = davit_kernel_input(call, 2);
    double b = bias != NULL ? davit_load_f64(bias, channel) : 0.0;
    double values[DAVIT_PANEL];
    for (int64_t i = 0; i < count; i++) {
        values[i] = sums[i] + b;
    }
    davit_store_f64_run(call->outputs[0], first, count, values);
}

static davit_status convolve(const davit_kernel_call *call, bool transposed)
{
    /* The store function reads the call only; user is not const for callers that write. */
    davit_kernel_call copy = *call;
    davit_convolution convolution = {.call = call,
                                     .x = call->inputs[0],
                                     .w = call->inputs[1],
                                     .transposed = transposed,
                                     .user = &copy,
                                     .store = store_biased};
    return davit_convolution_run(&convolution);
}

static davit_status run_conv(const davit_kernel_call *call)
{
    return convolve(call, false);
}

static davit_status run_conv_transpose(const davit_kernel_call *call)
{
    return convolve(call, true);
}

static const davit_kernel_entry entries[] = {
    {DAVIT_OP_AveragePool, davit_run_average_pool},
    {DAVIT_OP_Col2Im, davit_run_col2im},
    {DAVIT_OP_Conv, run_conv},
    {DAVIT_OP_ConvTranspose, run_conv_transpose},
    {DAVIT_OP_GlobalAveragePool, davit_run_global_average_pool},
    {DAVIT_OP_GlobalLpPool, davit_run_global_lp_pool},
    {DAVIT_OP_GlobalMaxPool, davit_run_global_max_pool},
    {DAVIT_OP_GridSample, davit_run_grid_sample},
    {DAVIT_OP_LpPool, davit_run_lp_pool},
    {DAVIT_OP_MaxPool, davit_run_max_pool},
    {DAVIT_OP_MaxRoiPool, davit_run_max_roi_pool},
    {DAVIT_OP_MaxUnpool, davit_run_max_unpool},
    {DAVIT_OP_Resize, davit_run_resize},
    {DAVIT_OP_RoiAlign, davit_run_roi_align},
};

const davit_kernel_family davit_kernels_spatial = DAVIT_KERNEL_FAMILY(entries);
