/* What hardware that exists only as a profile runs, and what that costs: closed forms typed here
 * again, and properties. */
#include "unit_test.h"

#include <math.h>
#include <string.h>

#include "davit/cycle_model.h"
#include "davit/profile.h"
#include "tests/conformance/case.h"

static davit_registry registry;

static const davit_backend *backend(void)
{
    davit_registry_init(&registry, NULL);
    assert_int_equal(davit_registry_add(&registry, &davit_profile_backend, NULL), DAVIT_OK);
    return &registry.backends[0];
}

static davit_device_profile shipped(const char *name)
{
    davit_device_profile profile;
    assert_int_equal(davit_profile_find(davit_allocator_default(), name, NULL, NULL, &profile),
                     DAVIT_OK);
    return profile;
}

static unit_case build(const char *text)
{
    unit_case built;
    davit_diagnostics_buffer diag;
    davit_diagnostics_buffer_init(&diag);
    if (case_build(text, 1, NULL, &diag.sink, &built) != DAVIT_OK) {
        fail_msg("%s: %s", text, diag.text);
    }
    assert_int_equal(built.graph->unit_count, 1);
    return built;
}

static davit_unit_cost cost_of(const davit_device_profile *profile, const char *text)
{
    unit_case built = build(text);
    davit_unit_cost cost;
    char reason[160] = "";
    if (!davit_backend_supports(backend(), profile, built.graph, built.graph->units, reason,
                                sizeof(reason))) {
        fail_msg("%s: %s", text, reason);
    }
    assert_int_equal(davit_backend_cost(backend(), profile, built.graph, built.graph->units, &cost),
                     DAVIT_OK);
    case_destroy(&built);
    return cost;
}

#define BYTES " x_scale=0.02 x_zero=3 w_scale=0.01, y_scale=0.5 y_zero=1 y_type=3"
#define PAIR " a_scale=0.02 a_zero=3 b_scale=0.03 b_zero=1 y_scale=0.5 y_zero=1 y_type=3"

static void assert_close(double got, double expected)
{
    if (fabs(got - expected) > 1e-9 * expected) {
        fail_msg("%.12g instead of %.12g", got, expected);
    }
}

static void test_roofline(void **state)
{
    (void)state;
    const davit_device_profile p = {
        .kind = DAVIT_DEVICE_GPU,
        .f32_flops_per_s = 1e12,
        .s8_ops_per_s = 4e12,
        .memory_bytes_per_s = 1e11,
        .launch_ns = 5000,
        .efficiency = {.convolution = 0.5,
                       .depthwise = 0.01,
                       .gemm = 0.8,
                       .s8_convolution = 0.25,
                       .s8_depthwise = 0.002,
                       .s8_gemm = 0.5,
                       .elementwise = 0.1,
                       .memory = 0.5,
                       .confidence = 0.375},
        .power = {.joules_per_flop = 1e-11, .joules_per_s8_op = 1e-12, .joules_per_byte = 1e-10}};
    /* 64 x 56 x 56 sums of 576 products: 231,211,008 operations, at half of 1e12. */
    davit_unit_cost cost = cost_of(&p, "Conv x:1x64x56x56 w:64x64x3x3 pads=1,1,1,1");
    assert_close(cost.seconds, 5e-6 + 231211008.0 / 0.5e12);
    assert_close(cost.joules, 231211008.0 * 1e-11 + (2 * 200704 + 36864) * 4.0 * 1e-10);
    assert_true(cost.confidence == 0.375);
    /* The same in bytes, at a quarter of 4e12; the graph's weights are bytes too. */
    cost = cost_of(&p, "IntegerConv u:1x64x56x56 c:64x64x3x3 pads=1,1,1,1" BYTES);
    assert_close(cost.seconds, 5e-6 + 231211008.0 / 1e12);
    assert_close(cost.joules, 231211008.0 * 1e-12 + (2 * 200704 + 36864) * 1e-10);
    cost = cost_of(&p, "Conv x:1x64x56x56 w:64x1x3x3 pads=1,1,1,1 group=64");
    assert_close(cost.seconds, 5e-6 + 2.0 * 64 * 56 * 56 * 9 / 0.01e12);
    cost = cost_of(&p, "IntegerConv u:1x64x56x56 c:64x1x3x3 pads=1,1,1,1 group=64" BYTES);
    assert_close(cost.seconds, 5e-6 + 2.0 * 64 * 56 * 56 * 9 / (0.002 * 4e12));
    cost = cost_of(&p, "MatMul x:512x768 w:768x768");
    assert_close(cost.seconds, 5e-6 + 2.0 * 512 * 768 * 768 / 0.8e12);
    cost = cost_of(&p, "IntegerMatMul u:512x768 c:768x768" BYTES);
    assert_close(cost.seconds, 5e-6 + 2.0 * 512 * 768 * 768 / 2e12);
    /* Bound by memory: reads and writes 4 bytes for each element. */
    cost = cost_of(&p, "Relu x:1x64x56x56");
    assert_close(cost.seconds, 5e-6 + 8.0 * 64 * 56 * 56 / 0.5e11);
    /* Views: the same bytes, but not where channels-last becomes dense. */
    assert_true(cost_of(&p, "Reshape x:4x6 l:8,3").seconds == 0);
    assert_true(cost_of(&p, "Flatten x:2x64x1x1").seconds == 0);
    assert_true(cost_of(&p, "Flatten x:2x1x8x8").seconds == 0);
    assert_close(cost_of(&p, "Flatten x:2x64x8x8").seconds, 5e-6 + 8.0 * 2 * 64 * 64 / 0.5e11);
    /* Bound by arithmetic: 121 operations for each of the 46 x 46 results. */
    cost = cost_of(&p, "AveragePool x:1x64x56x56 kernel_shape=11,11");
    assert_close(cost.seconds, 5e-6 + 121.0 * 64 * 46 * 46 / 0.1e12);
}

/* The shipped profiles of the cards that hls/model names have its parameters. */
static void test_fpga_cards(void **state)
{
    (void)state;
    const davit_engine *const engines[] = {&davit_engine_u250, &davit_engine_u280,
                                           &davit_engine_u55c};
    for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++) {
        const davit_engine *engine = engines[i];
        const davit_device_profile p = shipped(engine->name);
        const davit_fpga_profile *fpga = &p.fpga;
        assert_true(fpga->rows == engine->gemm.rows && fpga->columns == engine->gemm.columns &&
                    fpga->depth == engine->gemm.depth);
        assert_true(fpga->clock_hz == engine->clock_hz);
        assert_true(fpga->bank_bytes_per_s == engine->bytes_per_second);
        assert_true(fpga->bank_latency_ns == engine->latency_ns);
        assert_true(fpga->refresh_interval_ns == engine->refresh_interval_ns);
        assert_true(fpga->refresh_ns == engine->refresh_ns);
        assert_true(p.efficiency.memory == engine->efficiency);
    }
}

static void test_fpga_cycles(void **state)
{
    (void)state;
    const davit_device_profile p = shipped("u250");
    const double launch_s = (double)p.launch_ns * 1e-9;
    davit_gemm_shape gemm = {.images = 1,
                             .in_h = 56,
                             .in_w = 56,
                             .channels = 64,
                             .kernel_h = 3,
                             .kernel_w = 3,
                             .stride_h = 2,
                             .stride_w = 2,
                             .dilation_h = 1,
                             .dilation_w = 1,
                             .pad_top = 1,
                             .pad_left = 1,
                             .out_h = 28,
                             .out_w = 28,
                             .columns = 128};
    davit_cycles cycles;
    assert_null(davit_gemm_cycles(&davit_engine_u250, &gemm, &cycles));
    const char one[] = "IntegerConv u:1x64x56x56 c:128x64x3x3 strides=2,2 pads=1,1,1,1" BYTES;
    const char eight[] = "IntegerConv u:8x64x56x56 c:128x64x3x3 strides=2,2 pads=1,1,1,1" BYTES;
    assert_close(cost_of(&p, one).seconds, launch_s + cycles.total / 300e6);
    gemm.images = 2; /* of each of four compute units */
    assert_null(davit_gemm_cycles(&davit_engine_u250, &gemm, &cycles));
    assert_close(cost_of(&p, eight).seconds, launch_s + cycles.total / 300e6);

    davit_gemm_shape matrix = davit_gemm_matrix(128, 256, 512); /* 512 rows over four */
    assert_null(davit_gemm_cycles(&davit_engine_u250, &matrix, &cycles));
    assert_close(cost_of(&p, "IntegerMatMul u:512x256 c:256x512" BYTES).seconds,
                 launch_s + cycles.total / 300e6);

    davit_vector_shape pool = {.kind = DAVIT_VECTOR_MAXIMUM,
                               .images = 1,
                               .in_h = 112,
                               .in_w = 112,
                               .channels = 64,
                               .kernel_h = 3,
                               .kernel_w = 3,
                               .stride_h = 2,
                               .stride_w = 2,
                               .dilation_h = 1,
                               .dilation_w = 1,
                               .pad_top = 1,
                               .pad_left = 1,
                               .out_h = 56,
                               .out_w = 56};
    assert_null(davit_vector_cycles(&davit_engine_u250, &pool, &cycles));
    assert_close(
        cost_of(&p, "MaxPool u:1x64x112x112 kernel_shape=3,3 strides=2,2 pads=1,1,1,1").seconds,
        launch_s + cycles.total / 300e6);
    assert_true(cost_of(&p, one).joules > 0);
}

/* From a unit to one twice as large, in each way of growing. */
static const char *const growing[][2] = {
    {"Conv x:1x64x28x28 w:64x64x3x3 pads=1,1,1,1", "Conv x:2x64x28x28 w:64x64x3x3 pads=1,1,1,1"},
    {"Conv x:1x64x28x28 w:64x64x3x3 pads=1,1,1,1", "Conv x:1x64x28x28 w:128x64x3x3 pads=1,1,1,1"},
    {"Conv x:1x64x28x28 w:64x64x1x1", "Conv x:1x128x28x28 w:64x128x1x1"},
    {"MatMul x:64x64 w:64x64", "MatMul x:128x64 w:64x64"},
    {"Relu x:1x64x28x28", "Relu x:2x64x28x28"},
    {"Softmax x:64x100", "Softmax x:128x100"},
    {"IntegerConv u:1x64x28x28 c:64x64x3x3 pads=1,1,1,1" BYTES,
     "IntegerConv u:2x64x28x28 c:64x64x3x3 pads=1,1,1,1" BYTES},
    {"IntegerConv u:1x64x28x28 c:64x64x3x3 pads=1,1,1,1" BYTES,
     "IntegerConv u:1x64x56x28 c:64x64x3x3 pads=1,1,1,1" BYTES},
    {"IntegerConv u:1x64x28x28 c:64x64x3x3 pads=1,1,1,1" BYTES,
     "IntegerConv u:1x64x28x28 c:128x64x3x3 pads=1,1,1,1" BYTES},
    {"IntegerConv u:1x64x28x28 c:64x64x3x3 pads=1,1,1,1" BYTES,
     "IntegerConv u:1x128x28x28 c:64x128x3x3 pads=1,1,1,1" BYTES},
    {"IntegerConv u:1x3x100x100 c:20x3x7x7 strides=2,2" BYTES,
     "IntegerConv u:1x3x200x100 c:20x3x7x7 strides=2,2" BYTES},
    {"IntegerConv u:1x64x28x28 c:64x1x3x3 group=64" BYTES,
     "IntegerConv u:1x128x28x28 c:128x1x3x3 group=128" BYTES},
    {"IntegerMatMul u:1x2048 c:2048x200" BYTES, "IntegerMatMul u:2x2048 c:2048x200" BYTES},
    {"IntegerMatMul u:100x256 c:256x256" BYTES, "IntegerMatMul u:200x256 c:256x256" BYTES},
    {"IntegerAdd u:1x64x28x28 u:1x64x28x28" PAIR, "IntegerAdd u:2x64x28x28 u:2x64x28x28" PAIR},
    {"MaxPool u:1x64x28x28 kernel_shape=3,3", "MaxPool u:1x64x56x28 kernel_shape=3,3"},
};

static bool supported(const davit_device_profile *profile, const char *text)
{
    unit_case built = build(text);
    bool is = davit_backend_supports(backend(), profile, built.graph, built.graph->units, NULL, 0);
    case_destroy(&built);
    return is;
}

static void test_larger_is_never_cheaper(void **state)
{
    (void)state;
    size_t compared = 0;
    for (size_t d = 0; d < davit_profile_shipped_count(); d++) {
        const davit_device_profile p = shipped(davit_profile_shipped_name(d));
        for (size_t i = 0; i < sizeof(growing) / sizeof(growing[0]); i++) {
            if (!supported(&p, growing[i][0])) {
                continue;
            }
            davit_unit_cost small = cost_of(&p, growing[i][0]);
            davit_unit_cost large = cost_of(&p, growing[i][1]);
            assert_true(small.seconds > 0 && isfinite(large.seconds));
            if (large.seconds < small.seconds || large.joules <= small.joules) {
                fail_msg("%s: %s takes %g s, %s %g s", p.name, growing[i][1], large.seconds,
                         growing[i][0], small.seconds);
            }
            compared++;
        }
    }
    assert_true(compared > 30);
}

/* reason: why not on a GPU and on an FPGA; NULL: it runs there. */
static const struct {
    const char *text, *gpu, *fpga;
} support[] = {
    {"Conv x:1x8x9x9 w:8x8x3x3", NULL, "operator Conv"},
    {"LayerNormalization x:4x8 w:8 w:8", NULL, "operator LayerNormalization"},
    {"Softmax x:4x8", NULL, "operator Softmax"},
    {"Transpose u:4x8 perm=1,0", NULL, "operator Transpose"},
    {"Reshape x:4x8 l:8,4", NULL, "operator Reshape"},
    {"ArgMax x:3x7 axis=1", "operator ArgMax", "operator ArgMax"},
    {"ReduceMean x:3x7 l:1", NULL, "operator ReduceMean"},
    {"MaxPool x:1x8x9x9 kernel_shape=3,3", NULL, "element type"},
    {"MaxPool u:1x8x9x9 kernel_shape=3,3", NULL, NULL},
    {"MaxPool u:1x8x9 kernel_shape=3,", NULL, "not of rank 4"},
    {"IntegerConv u:1x8x9x9 c:8x8x3x3" BYTES, NULL, NULL},
    {"IntegerConv u:1x8x9x9 c:8x1x3x3 group=8" BYTES, NULL, NULL},
    {"IntegerConv u:1x8x9x9 c:8x4x3x3 group=2" BYTES, NULL, "groups of several channels"},
    {"IntegerConv u:1x8x9x9 c:16x1x3x3 group=8" BYTES, NULL, "groups of several channels"},
    {"IntegerConv u:1x8x9x9 d:8x8x3x3" BYTES, NULL, "weights of 9 bits"},
    {"IntegerConv u:1x8x9 c:8x8x3" BYTES, NULL, "not of rank 4"},
    {"IntegerMatMul u:4x8 c:8x16" BYTES, NULL, NULL},
    {"IntegerMatMul u:4x8 d:8x16" BYTES, NULL, "weights of 9 bits"},
    {"IntegerMatMul u:4x20000 c:20000x4" BYTES, NULL, "more steps than the buffers"},
    {"IntegerMatMul u:4x2048 c:2048x300" BYTES, NULL, NULL}, /* padded to 320 columns */
    {"IntegerAdd u:4x8 u:4x8" PAIR, NULL, NULL},
    {"IntegerAdd u:4x8 u:8" PAIR, NULL, "broadcasting"},
    {"IntegerMul u:4x8 u:4x8" PAIR, NULL, "operator IntegerMul"},
    {"IntegerAveragePool u:1x8x9x9 kernel_shape=9,9" BYTES, NULL, NULL},
};

static void check_support(const char *device, const char *text, const char *expected)
{
    const davit_device_profile p = shipped(device);
    unit_case built = build(text);
    char reason[160] = "";
    bool is = davit_backend_supports(backend(), &p, built.graph, built.graph->units, reason,
                                     sizeof(reason));
    if (is != (expected == NULL) || (expected != NULL && strstr(reason, expected) == NULL)) {
        fail_msg("%s on %s: %d, '%s'", text, device, is, reason);
    }
    case_destroy(&built);
}

static void test_support(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(support) / sizeof(support[0]); i++) {
        check_support("a100", support[i].text, support[i].gpu);
        check_support("u250", support[i].text, support[i].fpga);
        check_support("xeon-8380", support[i].text, NULL);
    }
    check_support("a100", "Equal x:4x8 x:4x8", NULL);
    /* Shapes that depend on data are known when a graph is bound, so no such unit is left of it. */
    unit_case built = build("Relu x:4x8");
    const davit_device_profile p = shipped("xeon-8380");
    built.graph->nodes[built.graph->units[0].anchor].op = davit_op_get(DAVIT_OP_NonZero);
    assert_false(davit_backend_supports(backend(), &p, built.graph, built.graph->units, NULL, 0));
    case_destroy(&built);
}

static void test_nothing_to_open(void **state)
{
    (void)state;
    davit_device_info info;
    davit_device *device;
    davit_diagnostics_buffer diag;
    size_t count = 7;
    davit_backend *b = (davit_backend *)backend();
    const davit_device_profile p = shipped("a100");
    davit_diagnostics_buffer_init(&diag);
    const davit_device_options options = {.diag = &diag.sink};
    assert_int_equal(b->table->enumerate(b, NULL, NULL, 0, &count), DAVIT_OK);
    assert_int_equal(count, 0);
    davit_profile_describe("a100", &p, &info);
    assert_int_equal(davit_device_open(b, &info, &options, &device), DAVIT_UNAVAILABLE);
    assert_non_null(strstr(diag.text, "exists only as a profile"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roofline),    cmocka_unit_test(test_fpga_cards),
        cmocka_unit_test(test_fpga_cycles), cmocka_unit_test(test_larger_is_never_cheaper),
        cmocka_unit_test(test_support),     cmocka_unit_test(test_nothing_to_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
