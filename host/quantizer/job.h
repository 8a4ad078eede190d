/* What the steps of one quantisation share. */
#ifndef DAVIT_QUANTIZER_JOB_H
#define DAVIT_QUANTIZER_JOB_H

#include "davit/graphs.h"
#include "davit/onnx_document.h"
#include "davit/quantize.h"
#include "davit/quantizer.h"
#include "observer.h"

/* What becomes of a value of the graph. */
typedef struct davit_value_plan {
    bool quantized;
    davit_value_id root; /* the value whose type it takes; itself, unless it is moved */
    davit_range range;   /* of roots */
    davit_quant8 type;   /* of roots */
} davit_value_plan;

/* What becomes of a node of the graph. */
typedef struct davit_node_plan {
    bool quantized;
    const char *reason;        /* why not; "" if quantised */
    struct davit_layer *layer; /* NULL: no weights */
} davit_node_plan;

/* A convolution or product with constant weights, on its way to 8 bits. */
typedef struct davit_layer {
    davit_node_id node;
    const davit_tensor *original; /* weights as the graph has them */
    float *weights;               /* [elems], dense as original; factors of Gemm multiplied in */
    size_t elems;
    int axis;           /* of the output channels in the weights */
    size_t channels;    /* extent of that axis */
    size_t inner;       /* elements from one channel to the next */
    size_t bias_count;  /* output channels of the layer: channels, times groups for ConvTranspose */
    float *bias;        /* [bias_count], NULL: none */
    size_t scale_count; /* channels, or 1 */
    float *scales;      /* [scale_count]; davit_layer_quantize */
    int8_t *quantized;  /* [elems]; davit_layer_quantize */
} davit_layer;

typedef struct davit_quantizer {
    const davit_quantizer_options *options;
    const davit_diagnostics *diag;
    davit_diagnostics errors_only; /* of context: what falls back where is no concern here */
    davit_arena arena;
    davit_context *context;
    davit_onnx_document *document;
    davit_model *model;
    davit_session *session;   /* the f32 model on the first sample's shape */
    davit_graph *graph;       /* as that session optimised it; constants borrowed from it */
    davit_value_plan *values; /* by value of graph */
    davit_node_plan *nodes;   /* by node of graph */
    size_t layer_count;
    davit_layer *layers; /* quantised ones, in topological order */
    size_t equalized_pairs;
    int64_t opset; /* of the document; davit_raise_opset */
} davit_quantizer;

/* Element i of the weights belongs to this output channel. */
static inline size_t davit_layer_channel(const davit_layer *layer, size_t i)
{
    return i / layer->inner % layer->channels;
}

/* Tells that another of total samples is done. */
void davit_quantizer_tell(const davit_quantizer *job, const char *step, size_t done);

/* ---- steps, in order ---- */

/* select.c: decides what is quantised. Fills values (but ranges and types) and nodes. Returns
 * DAVIT_INVALID_ARGUMENT for a --keep that names nothing, DAVIT_UNSUPPORTED where nothing can be
 * quantised. */
DAVIT_NODISCARD davit_status davit_select(davit_quantizer *job);

/* layer.c: makes the layers of the selected nodes. */
DAVIT_NODISCARD davit_status davit_layers_make(davit_quantizer *job);
/* Puts changed weights and biases into the graph. */
DAVIT_NODISCARD davit_status davit_layers_apply(davit_quantizer *job);

/* equalize.c: cross-layer equalisation (Nagel et al. 2019, "Data-free quantization through weight
 * equalization and bias correction", section 4.1). Between two convolutions with nothing or Relu
 * between, where only the second reads the first, channel c of the first is divided and that of the
 * second multiplied by s = sqrt(r1 / r2), r the greatest magnitude of the channel's weights on each
 * side: then both are equal. Repeated until nothing changes by more than 1e-3, at most 20 times.
 * The network computes the same function. Sets equalized_pairs. */
DAVIT_NODISCARD davit_status davit_equalize(davit_quantizer *job);

/* calibrate.c: runs the graph on the samples and sets ranges of roots. */
DAVIT_NODISCARD davit_status davit_calibrate(davit_quantizer *job);

/* trim.c: cuts off what the readers of a value do not tell apart. Where all of them are
 * HardSigmoid, HardSwish, Sigmoid or Silu, which are flat far from 0, a range ends where going on
 * would change their result by less than davit_range_trim's share of a step. */
DAVIT_NODISCARD davit_status davit_trim_ranges(davit_quantizer *job);

/* parameters.c: types of values from their ranges. */
void davit_choose_types(davit_quantizer *job);
/* layer.c: scales, 8-bit weights; all scales are normal numbers, and biases fit s32. */
DAVIT_NODISCARD davit_status davit_layers_quantize(davit_quantizer *job);

/* bias_correction.c: layer by layer, in their order, what quantising all that is before adds to the
 * mean of an output channel goes off the layer's bias (Nagel et al. 2019, section 4.2, with what
 * the samples show in the place of batch normalisation), as far as the samples agree on it:
 * davit_shrink_means. A MatMul has no bias and is left alone. */
DAVIT_NODISCARD davit_status davit_correct_biases(davit_quantizer *job);

/* opset.c: raises the document to opset 13 where a scale per channel needs it. */
DAVIT_NODISCARD davit_status davit_raise_opset(davit_quantizer *job);

/* rewrite.c: puts the 8-bit weights and the QDQ pairs into the document. */
DAVIT_NODISCARD davit_status davit_rewrite(davit_quantizer *job);

/* snr.c: compares the graph with the written model. */
DAVIT_NODISCARD davit_status davit_measure(davit_quantizer *job, const uint8_t *bytes, size_t size,
                                           davit_quantizer_report *report);

/* metadata.c: adds what was measured to the document's metadata (DAVIT_METADATA_SNR_DB), for the
 * reports of its runs. */
DAVIT_NODISCARD davit_status davit_keep_measured(davit_quantizer *job,
                                                 const davit_quantizer_report *report);

#endif
