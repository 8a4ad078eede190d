#include "tests/graph/builder.h"

#include <string.h>

#include "davit/cost.h"

/* A convolution with all that can differ, as fields. */
typedef struct layer {
    const char *name;
    int64_t batch, channels, size, filters, kernel, stride, pad, group;
    bool relu, clip, residual, reversed;
    uint64_t seed;
} layer;

static const layer usual = {.name = "first",
                            .batch = 1,
                            .channels = 8,
                            .size = 10,
                            .filters = 8,
                            .kernel = 3,
                            .stride = 1,
                            .pad = 1,
                            .group = 1,
                            .relu = true,
                            .seed = 1};

static davit_attribute ints(const char *name, const int64_t *values, size_t count)
{
    return (davit_attribute){
        .name = name, .type = DAVIT_ATTRIBUTE_INTS, .count = count, .u.ints = values};
}

static davit_value_id add_layer(builder *b, const layer *l, davit_value_id x)
{
    uint64_t seed = l->seed;
    const int64_t weights[] = {l->filters, l->channels / l->group, l->kernel, l->kernel};
    const int64_t strides[] = {l->stride, l->stride};
    const int64_t pads[] = {l->pad, l->pad, l->pad, l->pad};
    davit_attribute attributes[] = {
        ints("strides", strides, 2),
        ints("pads", pads, 4),
        {.name = "group", .type = DAVIT_ATTRIBUTE_INT, .u.i = l->group}};
    if (l->reversed) {
        davit_attribute first = attributes[0];
        attributes[0] = attributes[2];
        attributes[2] = first;
    }
    const davit_value_id inputs[] = {x, builder_random(b, 4, weights, &seed)};
    davit_value_id y;
    davit_node_id node;
    assert_int_equal(davit_graph_add_value(b->graph, NULL, &y), DAVIT_OK);
    const davit_node_spec spec = {.name = l->name,
                                  .op = DAVIT_OP_Conv,
                                  .input_count = 2,
                                  .output_count = 1,
                                  .attribute_count = 3,
                                  .inputs = inputs,
                                  .outputs = &y,
                                  .attributes = attributes};
    assert_int_equal(davit_graph_add_node(b->graph, &spec, &node), DAVIT_OK);
    y = l->residual ? builder_binary(b, DAVIT_OP_Add, y, x) : y;
    y = l->relu ? builder_unary(b, DAVIT_OP_Relu, y) : y;
    return l->clip
               ? builder_node(b, DAVIT_OP_Clip, NULL, y, builder_number(b, 0), builder_number(b, 6))
               : y;
}

static davit_value_id begin(builder *b, const layer *l)
{
    const int64_t dims[] = {l->batch, l->channels, l->size, l->size};
    builder_init(b, NULL);
    return builder_input(b, "x", DAVIT_F32, 4, dims);
}

static void end(builder *b, davit_value_id y)
{
    builder_output(b, y);
    builder_bind(b);
    assert_int_equal(davit_pass_make_units(b->graph, &b->diag.sink), DAVIT_OK);
}

/* The signature of the unit that this layer makes, alone in a network. */
static void sign(const layer *l, char signature[DAVIT_SIGNATURE_HEX])
{
    builder b;
    davit_value_id x = begin(&b, l);
    end(&b, add_layer(&b, l, x));
    assert_int_equal(b.graph->unit_count, 1);
    davit_unit_signature(b.graph, &b.graph->units[0], signature);
    builder_clear(&b);
}

static void equal_units_have_one_signature(void **state)
{
    (void)state;
    char alone[DAVIT_SIGNATURE_HEX], other[DAVIT_SIGNATURE_HEX];
    layer twin = usual;
    twin.name = "another name";
    twin.seed = 99;
    twin.reversed = true;
    sign(&usual, alone);
    assert_int_equal(strlen(alone), DAVIT_SIGNATURE_HEX - 1);
    sign(&twin, other);
    assert_string_equal(alone, other);

    builder b;
    davit_value_id x = begin(&b, &usual);
    x = builder_unary(&b, DAVIT_OP_Sigmoid, x);
    x = add_layer(&b, &usual, x);
    x = builder_unary(&b, DAVIT_OP_Softmax, x);
    twin.name = "third";
    x = add_layer(&b, &twin, x);
    end(&b, x);
    assert_int_equal(b.graph->unit_count, 4);
    davit_unit_signature(b.graph, &b.graph->units[1], other);
    assert_string_equal(alone, other);
    davit_unit_signature(b.graph, &b.graph->units[3], other);
    assert_string_equal(alone, other);
    builder_clear(&b);
}

static void what_differs_shows(void **state)
{
    (void)state;
    enum { VARIANTS = 13 };
    layer variants[VARIANTS];
    char signatures[VARIANTS][DAVIT_SIGNATURE_HEX];
    for (size_t i = 0; i < VARIANTS; i++) {
        variants[i] = usual;
    }
    variants[1].batch = 2;
    variants[2].channels = 16;
    variants[3].size = 11;
    variants[4].filters = 16;
    variants[5].kernel = 5;
    variants[6].stride = 2;
    variants[7].pad = 2;
    variants[8].group = 2;
    variants[9].relu = false;
    variants[10].clip = true;
    variants[11].residual = true;
    variants[12].relu = false;
    variants[12].clip = true;
    for (size_t i = 0; i < VARIANTS; i++) {
        sign(&variants[i], signatures[i]);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(signatures[i], signatures[j]);
        }
    }
}

/* One node of one or two inputs; constants decide shapes or not. */
static void sign_node(davit_op op, davit_dtype dtype, bool same_input, const int64_t *shape,
                      char signature[DAVIT_SIGNATURE_HEX])
{
    static const int64_t dims[] = {4, 6};
    builder b;
    builder_init(&b, NULL);
    davit_value_id x = builder_input(&b, "x", dtype, 2, dims);
    davit_value_id second = DAVIT_NONE;
    if (shape != NULL) {
        second = builder_ints(&b, 2, shape);
    } else if (op == DAVIT_OP_Add) {
        second = same_input ? x : builder_input(&b, "z", dtype, 2, dims);
    }
    davit_value_id y = builder_node(&b, op, NULL, x, second, DAVIT_NONE);
    end(&b, y);
    davit_unit_signature(b.graph, &b.graph->units[0], signature);
    builder_clear(&b);
}

static void types_operators_and_shape_constants_show(void **state)
{
    (void)state;
    static const int64_t first[] = {6, 4}, second[] = {3, 8}, once[] = {1, 2}, twice[] = {2, 1};
    char s[8][DAVIT_SIGNATURE_HEX];
    sign_node(DAVIT_OP_Abs, DAVIT_F32, false, NULL, s[0]);
    sign_node(DAVIT_OP_Neg, DAVIT_F32, false, NULL, s[1]);
    sign_node(DAVIT_OP_Abs, DAVIT_S8, false, NULL, s[2]);
    sign_node(DAVIT_OP_Add, DAVIT_F32, false, NULL, s[3]);
    sign_node(DAVIT_OP_Add, DAVIT_F32, true, NULL, s[4]);
    sign_node(DAVIT_OP_Reshape, DAVIT_F32, false, first, s[5]);
    sign_node(DAVIT_OP_Reshape, DAVIT_F32, false, second, s[6]);
    sign_node(DAVIT_OP_Tile, DAVIT_F32, false, once, s[7]);
    for (size_t i = 0; i < 8; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(s[i], s[j]);
        }
    }
    sign_node(DAVIT_OP_Tile, DAVIT_F32, false, twice, s[0]);
    assert_string_not_equal(s[0], s[7]);
}

/* Scales, zero points and bounds of integer operators are values: their presence shows only. */
static void sign_integer(float scale, int64_t zero, float low, int64_t y_type,
                         char signature[DAVIT_SIGNATURE_HEX])
{
    static const int64_t dims[] = {4, 6};
    builder b;
    builder_init(&b, NULL);
    const davit_value_id inputs[] = {builder_input(&b, "a", DAVIT_U8, 2, dims),
                                     builder_input(&b, "b", DAVIT_U8, 2, dims)};
    const davit_attribute attributes[] = {
        {.name = "a_scale", .type = DAVIT_ATTRIBUTE_FLOAT, .u.f = scale},
        {.name = "b_scale", .type = DAVIT_ATTRIBUTE_FLOAT, .u.f = 0.5f},
        {.name = "y_scale", .type = DAVIT_ATTRIBUTE_FLOAT, .u.f = 0.5f},
        {.name = "a_zero", .type = DAVIT_ATTRIBUTE_INT, .u.i = zero},
        {.name = "low", .type = DAVIT_ATTRIBUTE_FLOAT, .u.f = low},
        {.name = "y_type", .type = DAVIT_ATTRIBUTE_INT, .u.i = y_type}};
    davit_value_id y;
    davit_node_id node;
    assert_int_equal(davit_graph_add_value(b.graph, NULL, &y), DAVIT_OK);
    const davit_node_spec spec = {.op = DAVIT_OP_IntegerAdd,
                                  .input_count = 2,
                                  .output_count = 1,
                                  .attribute_count = 6,
                                  .inputs = inputs,
                                  .outputs = &y,
                                  .attributes = attributes};
    assert_int_equal(davit_graph_add_node(b.graph, &spec, &node), DAVIT_OK);
    end(&b, y);
    davit_unit_signature(b.graph, &b.graph->units[0], signature);
    builder_clear(&b);
}

static void integer_values_do_not_show(void **state)
{
    (void)state;
    char first[DAVIT_SIGNATURE_HEX], other[DAVIT_SIGNATURE_HEX];
    sign_integer(0.25f, 3, 0.0f, DAVIT_U8, first);
    sign_integer(0.125f, 7, 1.0f, DAVIT_U8, other);
    assert_string_equal(first, other);
    sign_integer(0.25f, 0, 0.0f, DAVIT_U8, other);
    assert_string_not_equal(first, other);
    sign_integer(0.25f, 3, -1.0f / 0.0f, DAVIT_U8, other);
    assert_string_not_equal(first, other);
    sign_integer(0.25f, 3, 0.0f, DAVIT_S8, other);
    assert_string_not_equal(first, other);
}

static void work_is_what_the_unit_does(void **state)
{
    (void)state;
    builder b;
    davit_work work;
    layer l = usual;
    l.residual = true;
    l.batch = 3;
    davit_value_id x = begin(&b, &l);
    end(&b, add_layer(&b, &l, x));
    davit_unit_work(b.graph, &b.graph->units[0], &work);
    builder_clear(&b);
    static const double expected[] = {3, 8, 8, 1, 100, 9, 1, 1, 0, 0};
    assert_string_equal(work.kind, "Conv/kxk");
    assert_int_equal(work.dtype, DAVIT_F32);
    assert_int_equal(work.dim_count, 10);
    for (size_t i = 0; i < 10; i++) {
        assert_true(work.dims[i] == expected[i]);
    }
    assert_true(work.flops == 2.0 * 3 * 8 * 100 * 72 + 2 * 3 * 8 * 100);
    assert_true(work.bytes == 4.0 * (3 * 800 + 3 * 800 + 8 * 72));
}

static void assert_kind(layer l, const char *kind)
{
    builder b;
    davit_work work;
    davit_value_id x = begin(&b, &l);
    end(&b, add_layer(&b, &l, x));
    davit_unit_work(b.graph, &b.graph->units[0], &work);
    builder_clear(&b);
    assert_string_equal(work.kind, kind);
}

static void convolutions_differ_in_kind_where_algorithms_do(void **state)
{
    (void)state;
    layer l = usual;
    l.channels = l.filters = 16;
    l.size = 13; /* 4 tiles of 4x4 each way */
    assert_kind(l, "Conv/3x3");
    l.size = 12;
    assert_kind(l, "Conv/kxk");
    l.batch = 2;
    assert_kind(l, "Conv/3x3");
    l.stride = 2;
    assert_kind(l, "Conv/kxk");
    l.stride = 1;
    l.filters = 15;
    assert_kind(l, "Conv/kxk");
    l.kernel = 1;
    l.pad = 0;
    assert_kind(l, "Conv/1x1");
    l.channels = 3;
    assert_kind(l, "Conv/first");
    l.channels = l.filters = l.group = 16;
    assert_kind(l, "Conv/depthwise");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions_differ_in_kind_where_algorithms_do),
        cmocka_unit_test(equal_units_have_one_signature),
        cmocka_unit_test(what_differs_shows),
        cmocka_unit_test(types_operators_and_shape_constants_show),
        cmocka_unit_test(integer_values_do_not_show),
        cmocka_unit_test(work_is_what_the_unit_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
