/* Post-training static quantisation: an f32 ONNX model and samples of its input in, a standard QDQ
 * model out (QuantizeLinear and DequantizeLinear of ai.onnx around float operators), which
 * onnxruntime reads and Davit lowers to integer units.
 *
 * What it does, in order:
 *   optimise    the graph as a session would (batch normalisation folded, activations recognised):
 *               that graph decides which values are quantised
 *   equalise    on request: davit_equalize (Nagel et al. 2019)
 *   calibrate   the f32 graph runs on every sample; each value gets a range, without what the
 *               functions that read it do not tell apart (a HardSwish: all below -3)
 *   correct     unless switched off, layer by layer: what quantising all that is before adds to a
 *               channel's mean goes off its bias, as far as the samples agree on it
 *   rewrite     the file's own message: what is not quantised stays as it was
 *   compare     both models run on the samples: signal to noise of each layer, kept in the
 *               file's metadata too
 *
 * Values are u8 or s8 with one scale and zero point; weights are symmetric, one scale an output
 * channel; biases are s32 with scale x_scale * w_scale. Values that only move (MaxPool, Reshape,
 * Transpose...) share the parameters of what they move. A Relu or Clip behind a convolution,
 * product or sum has nothing between, nor have functions of one value that follow each other
 * (HardSwish, * 2, + 0.5): they become one table. */
#ifndef DAVIT_QUANTIZER_H
#define DAVIT_QUANTIZER_H

#include "davit/davit.h"

/* How a range is chosen from what the samples show. All but the first are narrower only where the
 * mean square error of the value falls: where the finer steps gain more than clipping costs. */
typedef enum davit_calibration {
    DAVIT_CALIBRATION_MINMAX,     /* all that was seen */
    DAVIT_CALIBRATION_PERCENTILE, /* (100 - percentile) / 2 % cut off at both ends */
    DAVIT_CALIBRATION_ENTROPY,    /* least Kullback-Leibler divergence (TensorRT's method) */
    DAVIT_CALIBRATION_MSE         /* least mean square error */
} davit_calibration;

/* Samples of the model's input, all of one shape. */
typedef struct davit_samples {
    size_t count; /* > 0 */
    /* Makes sample index (f32, dense, with the model's rank); the caller destroys it. Called for
     * each index several times; the same sample every time. Reports failures. */
    davit_status (*read)(void *user, size_t index, davit_tensor **out);
    void *user;
} davit_samples;

typedef struct davit_quantizer_options {
    davit_samples samples;
    davit_calibration method;
    double percentile;       /* 50 < percentile <= 100; of DAVIT_CALIBRATION_PERCENTILE */
    bool per_tensor;         /* one scale for a layer's weights instead of one a channel */
    davit_dtype weights;     /* DAVIT_S8, or DAVIT_U8: the same with zero point 128 */
    davit_dtype activations; /* DAVIT_U8 or DAVIT_S8 */
    bool bias_correction;
    bool equalize;
    size_t keep_count; /* nodes that stay f32, by their name or that of an output */
    const char *const *keep;
    size_t keep_type_count; /* operators that stay f32: "Softmax" */
    const char *const *keep_types;
    /* Told after each sample of each step; NULL: nobody. */
    void (*progress)(void *user, const char *step, size_t done, size_t total);
    void *progress_user;
} davit_quantizer_options;

/* u8 activations, s8 weights per channel, percentile 99.99, biases corrected; no samples yet. */
void davit_quantizer_options_init(davit_quantizer_options *options);

/* One operator, as optimised. Signal to noise is 10 log10(sum x^2 / sum (x - x')^2) over all
 * samples, x the operator's result in f32 and x' what the quantised model has there. */
typedef struct davit_quantized_layer {
    const char *name;
    const char *op;
    const char *value; /* its result's name */
    bool quantized;
    const char *reason; /* why not, "" if quantised */
    double snr_db;      /* INFINITY: no difference */
} davit_quantized_layer;

typedef struct davit_quantizer_report {
    davit_arena arena;
    size_t layer_count; /* the worst first */
    davit_quantized_layer *layers;
    size_t quantized_count;
    size_t output_count; /* the same for the model's outputs */
    davit_quantized_layer *outputs;
    size_t equalized_pairs; /* of layers */
    size_t bytes;           /* of the written file */
    int64_t opset;          /* of ai.onnx in it */
} davit_quantizer_report;

/* Quantises the model of path and writes it to output, as a whole or not at all. The message of a
 * failure goes to diag once and names the file, node or sample.
 *
 * Returns what davit_model_load and davit_session_create return for a model that Davit cannot run;
 * DAVIT_UNSUPPORTED for one that has several inputs, is quantised already, has nothing to quantise
 * or is of an opset that cannot be raised where that is needed; DAVIT_INVALID_ARGUMENT for options
 * that name nothing and samples of the wrong shape; DAVIT_BAD_DATA for results that are not finite;
 * DAVIT_IO_ERROR. Clear *report with davit_quantizer_report_clear after success. */
DAVIT_NODISCARD davit_status davit_quantize_model(const char *path, const char *output,
                                                  const davit_quantizer_options *options,
                                                  const davit_diagnostics *diag,
                                                  davit_quantizer_report *report);
void davit_quantizer_report_clear(davit_quantizer_report *report);

#endif
