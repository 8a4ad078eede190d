/* BERT encoder, laid out as PyTorch exports Hugging Face's BertModel: batch and sequence length
 * are read from the input's shape at run time, GELU is written out with Erf, the attention mask
 * becomes an addition of the lowest float, biases come first in their additions.
 *
 * Inputs: input_ids and attention_mask, int64 [N, S]. Outputs: last_hidden_state [N, S, hidden],
 * pooler_output [N, hidden]. */
#include "attention.h"
#include "layers.h"

#include <math.h>

#define FLOAT32 ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT
#define INT64 ONNX__TENSOR_PROTO__DATA_TYPE__INT64
#define MAX_POSITIONS 512
#define LOWEST_FLOAT (-3.4028234663852886e38f)

/* Adds embedding tables for words, positions and the one token type that is used. */
static value embeddings(builder *b, value ids, const network_options *options)
{
    const int64_t words[] = {options->vocabulary, options->hidden};
    const int64_t positions[] = {MAX_POSITIONS, options->hidden};
    const int64_t types[] = {1, 1, options->hidden};
    value word_table = builder_random(b, "embeddings.word_embeddings.weight", words, 2, 0, 1.0f);
    value place_table =
        builder_random(b, "embeddings.position_embeddings.weight", positions, 2, 0, 0.5f);
    value type = builder_random(b, "embeddings.token_type_embeddings.weight", types, 3, 0, 0.5f);

    int64_t numbers[MAX_POSITIONS];
    for (int64_t i = 0; i < MAX_POSITIONS; i++)
        numbers[i] = i;
    const int64_t numbers_dims[] = {1, MAX_POSITIONS};
    value all = builder_ints(b, "embeddings.position_ids", numbers_dims, 2, numbers);
    value length = bert_dimension(b, ids, "embeddings", 1);
    value zero = builder_constant_ints(b, "/embeddings/Constant_start", (const int64_t[]){0}, 1);
    value one = builder_constant_ints(b, "/embeddings/Constant_axis", (const int64_t[]){1}, 1);
    value step = builder_constant_ints(b, "/embeddings/Constant_step", (const int64_t[]){1}, 1);
    value used =
        builder_node(b, "Slice", "/embeddings/Slice", INPUTS(all, zero, length, one, step));

    value x =
        builder_node(b, "Gather", "/embeddings/word_embeddings/Gather", INPUTS(word_table, ids));
    x = builder_node(b, "Add", "/embeddings/Add", INPUTS(x, type));
    value place = builder_node(b, "Gather", "/embeddings/position_embeddings/Gather",
                               INPUTS(place_table, used));
    x = builder_node(b, "Add", "/embeddings/Add_1", INPUTS(x, place));
    return bert_layer_norm(b, x, "embeddings.LayerNorm", options);
}

/* [N, S] of 0 and 1 to [N, 1, 1, S] of the lowest float and 0. */
static value extended_mask(builder *b, value mask)
{
    value axis1 = builder_constant_ints(b, "/Constant", (const int64_t[]){1}, 1);
    value axis2 = builder_constant_ints(b, "/Constant_1", (const int64_t[]){2}, 1);
    value x = builder_node(b, "Unsqueeze", "/Unsqueeze", INPUTS(mask, axis1));
    x = builder_node(b, "Unsqueeze", "/Unsqueeze_1", INPUTS(x, axis2));
    x = builder_node(b, "Cast", "/Cast", INPUTS(x));
    builder_attribute_int(b, "to", FLOAT32);
    value one = builder_constant_float(b, "/Constant_2", 1.0f);
    x = builder_node(b, "Sub", "/Sub", INPUTS(one, x));
    value lowest = builder_constant_float(b, "/Constant_3", LOWEST_FLOAT);
    return builder_node(b, "Mul", "/Mul", INPUTS(x, lowest));
}

/* x / 2 (1 + erf(x / sqrt 2)) */
static value gelu(builder *b, value x, const char *scope)
{
    value root = builder_constant_float(b, builder_format(b, "/%s/Constant", scope), sqrtf(2.0f));
    value y = builder_node(b, "Div", builder_format(b, "/%s/Div", scope), INPUTS(x, root));
    y = builder_node(b, "Erf", builder_format(b, "/%s/Erf", scope), INPUTS(y));
    value one = builder_constant_float(b, builder_format(b, "/%s/Constant_1", scope), 1.0f);
    y = builder_node(b, "Add", builder_format(b, "/%s/Add", scope), INPUTS(y, one));
    y = builder_node(b, "Mul", builder_format(b, "/%s/Mul", scope), INPUTS(x, y));
    value half = builder_constant_float(b, builder_format(b, "/%s/Constant_2", scope), 0.5f);
    return builder_node(b, "Mul", builder_format(b, "/%s/Mul_1", scope), INPUTS(y, half));
}

static value feed_forward(builder *b, value x, const char *scope, const network_options *options)
{
    const int64_t hidden = options->hidden;
    value y =
        bert_linear(b, x, builder_format(b, "%s.intermediate.dense", scope), hidden, 4 * hidden);
    y = gelu(b, y, builder_format(b, "%s.intermediate.intermediate_act_fn", scope));
    y = bert_linear(b, y, builder_format(b, "%s.output.dense", scope), 4 * hidden, hidden);
    y = builder_node(b, "Add", builder_format(b, "/%s.output/Add", scope), INPUTS(y, x));
    return bert_layer_norm(b, y, builder_format(b, "%s.output.LayerNorm", scope), options);
}

static dimension size_or(int64_t size, const char *symbol)
{
    return (dimension){.symbol = size ? NULL : symbol, .size = size};
}

void build_bert(builder *b, const network_options *options)
{
    const dimension dims[] = {size_or(options->batch, "N"), size_or(options->sequence, "S"),
                              size_or(options->hidden, "")};
    value ids = builder_input(b, "input_ids", INT64, dims, 2);
    value mask = builder_input(b, "attention_mask", INT64, dims, 2);
    mask = extended_mask(b, mask);
    value x = embeddings(b, ids, options);
    for (int64_t i = 0; i < options->layers; i++) {
        const char *scope = builder_format(b, "encoder.layer.%d", (int)i);
        x = bert_attention(b, x, mask, builder_format(b, "%s.attention", scope), options);
        x = feed_forward(b, x, scope, options);
    }
    x = builder_name_output(b, "last_hidden_state");
    builder_output(b, x, FLOAT32, dims, 3);

    value first = builder_constant_int(b, "/pooler/Constant", 0);
    x = builder_node(b, "Gather", "/pooler/Gather", INPUTS(x, first));
    builder_attribute_int(b, "axis", 1);
    x = layer_gemm(b, x, "pooler.dense", options->hidden, options->hidden, 1.0f);
    builder_node(b, "Tanh", "/pooler/activation/Tanh", INPUTS(x));
    const dimension pooled[] = {dims[0], dims[2]};
    builder_output(b, builder_name_output(b, "pooler_output"), FLOAT32, pooled, 2);
}
