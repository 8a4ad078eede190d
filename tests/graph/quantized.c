#include "quantized.h"

#include "davit/reference.h"

#include <math.h>
#include <string.h>

const davit_quant8 quantized_a = {DAVIT_U8, 0.0117f, 77};
const davit_quant8 quantized_b = {DAVIT_S8, 0.023f, -5};
const davit_quant8 quantized_c = {DAVIT_U8, 0.0091f, 0};

const int64_t quantized_image[] = {2, 6, 7, 9};
const int64_t quantized_matrix[] = {5, 6};
const quantized_convolution quantized_plain = {DAVIT_OP_Conv, 1, {DAVIT_S8, 0, 0, 1}, true};

static davit_value_id bytes(builder *b, davit_dtype dtype, int rank, const int64_t *dims,
                            const void *data)
{
    davit_tensor *tensor;
    davit_value_id id;
    assert_int_equal(davit_tensor_create(b->graph->allocator, dtype, rank, dims, &tensor),
                     DAVIT_OK);
    memcpy(tensor->data, data, davit_tensor_desc_bytes(&tensor->desc));
    assert_int_equal(davit_graph_add_constant(b->graph, NULL, tensor, &id), DAVIT_OK);
    return id;
}

davit_value_id quantized_scale(builder *b, float scale)
{
    return builder_number(b, scale);
}

davit_value_id quantized_zero(builder *b, davit_dtype dtype, int32_t zero)
{
    return bytes(b, dtype, 0, NULL, &zero); /* the first bytes: little endian */
}

davit_value_id quantized_quantize(builder *b, davit_value_id x, const davit_quant8 *type)
{
    return builder_node(b, DAVIT_OP_QuantizeLinear, NULL, x, quantized_scale(b, type->scale),
                        quantized_zero(b, type->dtype, type->zero));
}

davit_value_id quantized_dequantize(builder *b, davit_value_id q, const davit_quant8 *type)
{
    return builder_node(b, DAVIT_OP_DequantizeLinear, NULL, q, quantized_scale(b, type->scale),
                        quantized_zero(b, type->dtype, type->zero));
}

davit_value_id quantized_both(builder *b, davit_value_id x, const davit_quant8 *type)
{
    return quantized_dequantize(b, quantized_quantize(b, x, type), type);
}

davit_value_id quantized_input(builder *b, const char *name, int rank, const int64_t *dims,
                               const davit_quant8 *type)
{
    return quantized_both(b, builder_input(b, name, DAVIT_F32, rank, dims), type);
}

davit_value_id quantized_constant(builder *b, int rank, const int64_t *dims,
                                  const quantized_weights *weights)
{
    uint8_t data[4096];
    float scale[64];
    uint8_t zero[64];
    size_t elems = 1;
    uint64_t seed = 5;
    int scale_rank = weights->count > 1;
    for (int i = 0; i < rank; i++) {
        elems *= (size_t)dims[i];
    }
    assert_true(elems <= sizeof(data) && weights->count <= 64);
    for (size_t i = 0; i < elems; i++) {
        data[i] = (uint8_t)test_random(&seed);
    }
    for (int64_t i = 0; i < weights->count; i++) {
        scale[i] = 0.01f * (1.0f + 0.5f * test_random_float(&seed));
        zero[i] = (uint8_t)(weights->zero + (weights->zero != 0 ? (int32_t)(i % 3) : 0));
    }
    davit_value_id inputs[] = {bytes(b, weights->dtype, rank, dims, data),
                               builder_floats(b, scale_rank, &weights->count, scale),
                               bytes(b, weights->dtype, scale_rank, &weights->count, zero)};
    const davit_attribute axis = {
        .name = "axis", .type = DAVIT_ATTRIBUTE_INT, .u.i = weights->axis};
    davit_node_spec spec = {.op = DAVIT_OP_DequantizeLinear,
                            .input_count = 3,
                            .inputs = inputs,
                            .attribute_count = 1,
                            .attributes = &axis};
    return builder_node_with(b, &spec);
}

davit_status quantized_lower(davit_graph *graph, davit_diagnostics_buffer *diag)
{
    davit_diagnostics_buffer_init(diag);
    return davit_pass_lower_integer(graph, davit_reference_evaluator(), &diag->sink);
}

void quantized_check_lowered(builder *b, float step)
{
    davit_graph *before;
    davit_diagnostics_buffer diag;
    builder_bind(b);
    assert_int_equal(davit_graph_clone(b->graph, &before), DAVIT_OK);
    assert_int_equal(quantized_lower(b->graph, &diag), DAVIT_OK);
    assert_string_equal(diag.text, "");
    for (uint64_t seed = 0; seed < 4; seed++) {
        davit_tensor *expected = builder_evaluate(before, 0, seed);
        davit_tensor *found = builder_evaluate(b->graph, 0, seed);
        assert_true(davit_tensor_desc_same_shape(&expected->desc, &found->desc));
        for (int64_t i = 0; i < davit_tensor_desc_elems(&expected->desc); i++) {
            float x = ((const float *)expected->data)[i];
            float y = ((const float *)found->data)[i];
            if (fabsf(x - y) > 1.001f * step) {
                fail_msg("element %lld: %g, not %g", (long long)i, (double)y, (double)x);
            }
        }
        davit_tensor_destroy(expected);
        davit_tensor_destroy(found);
    }
    davit_graph_destroy(before);
}

void quantized_check_integer(builder *b, davit_value_id value, const davit_quant8 *type)
{
    builder_output(b, quantized_both(b, value, type));
    quantized_check_lowered(b, type->scale);
    assert_int_equal(b->graph->kept_count, 0);
    assert_int_equal(builder_count(b, DAVIT_OP_DequantizeLinear), 1);
    assert_int_equal(builder_count(b, DAVIT_OP_QuantizeLinear), b->graph->input_count);
}

davit_value_id quantized_convolve(builder *b, davit_value_id x, const quantized_convolution *c)
{
    static const int64_t pads[] = {1, 0, 2, 1};
    bool transposed = c->op == DAVIT_OP_ConvTranspose;
    const int64_t dims[] = {transposed ? 6 : 4, (transposed ? 4 : 6) / c->groups, 3, 2};
    uint64_t seed = 3;
    davit_attribute attributes[] = {
        {.name = "pads", .type = DAVIT_ATTRIBUTE_INTS, .count = 4, .u.ints = pads},
        {.name = "group", .type = DAVIT_ATTRIBUTE_INT, .u.i = c->groups},
    };
    davit_value_id inputs[] = {x, quantized_constant(b, 4, dims, &c->weights),
                               c->bias ? builder_random(b, 1, (const int64_t[]){4}, &seed)
                                       : DAVIT_NONE};
    davit_node_spec spec = {.name = "conv",
                            .op = c->op,
                            .input_count = c->bias ? 3 : 2,
                            .inputs = inputs,
                            .attribute_count = 2,
                            .attributes = attributes};
    return builder_node_with(b, &spec);
}
