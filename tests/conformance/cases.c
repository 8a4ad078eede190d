#include "cases.h"

#include "suite.h"

#include <stdio.h>
#include <string.h>

#define RANDOM_CASES_PER_KIND 6
#define SPEED_RUNS 5

/* Corners that random cases do not reach. */
static const char *const table[] = {
    /* convolution: groups, depthwise, dilated, strided, odd padding, 1-D and 3-D, bias as input */
    "Conv x:1x8x13x13 w:16x8x3x3 w:16 pads=1,1,1,1",
    "Conv x:2x3x17x15 w:8x3x7x7 strides=2,2 pads=3,3,3,3",
    "Conv x:1x16x9x9 w:16x1x3x3 group=16 pads=1,1,1,1",
    "Conv x:1x8x9x9 w:24x1x5x5 group=8 strides=2,1 pads=2,2,2,2",
    "Conv x:1x12x9x9 w:8x3x3x3 group=4 dilations=2,2 pads=0,1,2,3",
    "Conv x:1x7x5x5 w:9x7x1x1",
    "Conv x:2x4x31 w:6x4x5 strides=2, pads=2,1",
    "Conv x:1x2x5x6x7 w:3x2x3x2x3 pads=1,0,1,1,1,1",
    "Conv x:1x3x10x10 w:4x3x3x3 auto_pad=SAME_UPPER strides=2,2",
    "Conv x:1x3x10x10 w:4x3x3x3 auto_pad=SAME_LOWER strides=3,3",
    /* transposed convolution */
    "ConvTranspose x:1x4x5x5 w:4x6x3x3 strides=2,2 pads=1,1,1,1 output_padding=1,1",
    "ConvTranspose x:1x8x4x4 w:8x8x2x2 w:8 strides=2,2",
    "ConvTranspose x:2x6x4x5 w:6x2x3x3 group=2 dilations=2,1",
    /* epilogues */
    "Conv x:1x8x13x13 w:16x8x3x3 pads=1,1,1,1 ; Add w:16x1x1 ; Relu",
    "Conv x:1x8x13x13 w:8x8x3x3 w:8 pads=1,1,1,1 ; Add x:same ; Relu",
    "Conv x:1x8x6x6 w:8x8x1x1 w:8 ; Relu ; Add x:same",
    "Conv x:1x8x6x6 w:8x8x1x1 w:8 ; Clip s:0 s:6",
    "Conv x:1x8x6x6 w:8x8x1x1 w:8 ; Clip s:2 s:-1", /* the greatest wins */
    "Clip x:2x3 s:2 s:-1",
    "Conv x:1x8x6x6 w:8x8x1x1 w:8 ; HardSwish",
    "Conv x:1x8x6x6 w:8x8x1x1 w:8 ; HardSigmoid alpha=0.2 beta=0.5",
    "Conv x:1x8x6x6 w:8x8x1x1 w:8 ; Sigmoid",
    "Conv x:1x8x6x6 w:8x8x1x1 w:8 ; Silu",
    "Conv x:1x8x6x6 w:8x8x1x1 w:8 ; Gelu",
    "Conv x:1x8x6x6 w:8x8x1x1 w:8 ; Gelu approximate=tanh",
    "Conv x:1x8x6x6 w:8x8x1x1 w:8 ; LeakyRelu alpha=0.1",
    "Conv x:1x8x6x6 w:8x8x1x1 w:8 ; Tanh",
    "ConvTranspose x:1x4x5x5 w:4x6x2x2 strides=2,2 ; Add w:6x1x1 ; Relu",
    /* matrices: batches, broadcast, vectors, transposes, and what is no GEMM inside */
    "MatMul x:7x33 w:33x9",
    "MatMul x:2x3x7x5 x:2x3x5x4",
    "MatMul x:4x1x6x5 x:3x5x2",
    "MatMul x:5 x:5x3",
    "MatMul x:4x5 x:5",
    "MatMul x:5 x:5",
    "MatMul x:1x12x16 w:16x24 ; Add w:24 ; Gelu",
    "Gemm x:6x10 w:10x8 w:8",
    "Gemm x:10x6 w:8x10 w:8 transA=1 transB=1 alpha=0.5 beta=2.0",
    "Gemm x:6x10 w:10x8 w:6x1",
    "Gemm x:6x10 w:10x8 ; Relu",
    "Gemm x:6x10 w:8x10 w:8 transB=1 ; Add x:same ; Relu",
    "Gemm x:13x34 w:34x11 w:11 alpha=1.5 ; HardSigmoid",
    /* pooling */
    "MaxPool x:1x3x9x9 kernel_shape=3,3 strides=2,2 pads=1,1,1,1",
    "MaxPool x:1x3x10x10 kernel_shape=3,3 strides=2,2 ceil_mode=1",
    "MaxPool x:1x3x9x9 kernel_shape=2,2 dilations=2,2",
    "MaxPool x:1x3x9 kernel_shape=3, strides=2,",
    "AveragePool x:1x3x9x9 kernel_shape=3,3 strides=2,2 pads=1,1,1,1",
    "AveragePool x:1x3x9x9 kernel_shape=3,3 pads=1,1,1,1 count_include_pad=1",
    "AveragePool x:1x3x10x10 kernel_shape=3,3 strides=2,2 ceil_mode=1",
    "MaxPool x:1x3x2x10 kernel_shape=3,3 strides=2,2 ceil_mode=1",
    "AveragePool x:1x3x2x10 kernel_shape=3,3 strides=2,2 ceil_mode=1 count_include_pad=1",
    "GlobalAveragePool x:2x5x7x6",
    "GlobalMaxPool x:2x5x7x6",
    /* element by element */
    "Add x:2x3x4x5 x:3x1x5",
    "Sub x:2x1x4x1 x:1x3x1x5",
    "Sub x:1x5x6x4 x:5x6x4",
    "Mul x:4x5 s:0.5",
    "Div x:3x4 p:3x4",
    "Pow x:1x1 s:2",
    "Max x:3x4 x:3x4 x:4",
    "Exp x:2x3x4",
    "Sqrt p:2x3 ; Log",
    "Erf x:3x50",
    "Abs x:1x3x4x4",
    "Relu x:",
    "Relu x:0x3",
    "Greater x:2x3 x:2x3 ; Where x:2x3 x:3",
    "PRelu x:1x3x4x4 w:3x1x1",
    /* softmax, normalisation */
    "Softmax x:3x17 axis=-1",
    "Softmax x:2x5x3x4 axis=1",
    "LogSoftmax x:3x17 axis=1",
    "Softmax x:3x1025",
    "LogSoftmax x:2x700",
    "LayerNormalization x:2x7x32 p:32 w:32 axis=-1",
    "LayerNormalization x:2x3x4x8 p:4x8 axis=2 epsilon=0.001",
    "BatchNormalization x:2x6x5x5 p:6 w:6 w:6 p:6",
    "InstanceNormalization x:2x3x5x5 p:3 w:3",
    "LayerNormalization x:3x1029 p:1029 w:1029 axis=-1",
    "LRN x:1x8x4x4 size=3",
    /* reductions */
    "ReduceMean x:2x3x4x5 l:2,3 keepdims=1",
    "ReduceMean x:2x3x4x5 l:-1 keepdims=0",
    "ReduceSum x:2x3x4",
    "ReduceMax x:2x3x4x5 l:1",
    "ReduceMin x:5x4 l:0 keepdims=0",
    "ReduceL2 x:5x4 l:1",
    "ArgMax x:3x7 axis=1",
    /* resize */
    ("Resize x:1x3x5x5 - f:1,1,2,2 mode=nearest coordinate_transformation_mode=asymmetric "
     "nearest_mode=floor"),
    "Resize x:1x3x5x5 - f:1,1,2,2 mode=linear",
    "Resize x:1x3x7x6 - - l:1,3,11,4 mode=linear coordinate_transformation_mode=align_corners",
    "Resize x:1x3x6x6 - f:1,1,1.5,0.5 mode=nearest",
    "Resize x:1x2x6x6 - f:1,1,1.5,1.5 mode=cubic",
    /* movement */
    "Concat x:2x3x4 x:2x1x4 x:2x5x4 axis=1",
    "Concat x:1x8x5x5 x:1x4x5x5 x:1x3x5x5 axis=1",
    "Split x:2x6x3 l:1,2,3 axis=1 ->3",
    "Transpose x:2x3x4x5 perm=0,2,3,1",
    "Transpose x:2x33x3x37 perm=0,2,3,1",
    "Transpose x:19x2x41x3 perm=2,1,3,0",
    "Reshape x:2x3x4 l:4,-1",
    "Slice x:5x6 l:1,0 l:4,6 l:0,1 l:1,2",
    "Pad x:1x2x3x3 l:0,0,1,2,0,0,0,1 s:0.5",
    "Gather x:5x4 l:3,0,-1",
    "Flatten x:2x3x4x5 axis=2",
    "Unsqueeze x:3x4 l:0,2 ; Squeeze l:0",
    "Expand x:3x1 l:2,3,4",
    "DepthToSpace x:1x8x3x3 blocksize=2",
    /* several units: branches, a value used twice, an output in the middle, no memory to spare */
    ("Conv x:1x4x9x9 w:8x4x3x3 pads=1,1,1,1 ; Relu ; MaxPool kernel_shape=2,2 strides=2,2 ; "
     "Conv w:4x8x3x3 w:4 ; Sigmoid"),
    "Relu x:1x4x6x6 ; Sigmoid ; Mul @0 ; Concat @0 @1 axis=1 ; ReduceMean l:2,3",
    ("Conv x:1x4x6x6 w:4x4x3x3 pads=1,1,1,1 ; Relu ; Conv w:4x4x3x3 pads=1,1,1,1 ; Add @1 ; Relu ; "
     "GlobalAveragePool ; Flatten ; Gemm w:4x10 w:10 ; Softmax"),
    ("MatMul x:1x6x16 w:16x16 ; Add w:16 ; Softmax ; MatMul w:16x16 ; Add @1 ; LayerNormalization "
     "p:16 w:16"),
};

/* Prints how a failing case is run again, after what is wrong with it. */
static void report_case(test_suite *suite, const char *text, const char *layout,
                        const char *problem)
{
    suite_fail(suite, "%s\n  again: --seed %llu --layout %s --case '%s'", problem,
               (unsigned long long)suite->seed, layout, text);
}

const char *case_unsupported(const test_suite *suite, const unit_case *built, char *reason,
                             size_t bytes)
{
    int length = snprintf(reason, bytes, "not supported: ");
    for (size_t i = 0; i < built->graph->unit_count; i++) {
        if (!davit_backend_supports(suite->backend, &suite->info.profile, built->graph,
                                    &built->graph->units[i], reason + length,
                                    bytes - (size_t)length)) {
            return reason;
        }
    }
    return NULL;
}

static bool has_rank_4(const davit_graph *graph)
{
    bool found = false;
    for (size_t i = 0; i < graph->value_count; i++) {
        const davit_value *value = &graph->values[i];
        found = found || ((value->is_input || value->is_output) && value->desc.rank == 4);
    }
    return found;
}

static void check_outputs(test_suite *suite, const unit_case *built, const char *text,
                          const char *layout, davit_tensor *const *got)
{
    davit_tensor *expected[CASE_MAX_NODES * CASE_MAX_OUTPUTS];
    char problem[256];
    if (case_evaluate(built, &suite->errors.sink, expected) != DAVIT_OK) {
        report_case(suite, text, layout, suite->errors.text);
    } else {
        bool same = true;
        for (size_t i = 0; same && i < built->graph->output_count; i++) {
            same = case_compare(got[i], expected[i], problem, sizeof(problem));
        }
        if (same) {
            suite_pass(suite);
        } else {
            report_case(suite, text, layout, problem);
        }
    }
    case_free_outputs(built, expected);
}

static void check_case(test_suite *suite, const unit_case *built, const char *text,
                       const char *layout)
{
    davit_tensor *got[CASE_MAX_NODES * CASE_MAX_OUTPUTS];
    davit_status status = case_run(suite->device, built, strcmp(layout, "nhwc") == 0, NULL, got);
    if (status != DAVIT_OK) {
        report_case(suite, text, layout, suite->errors.text);
    } else if (suite->info.profile.kind == DAVIT_DEVICE_NULL) {
        suite_skip(suite, "results: the device computes nothing (the case ran)");
    } else {
        check_outputs(suite, built, text, layout, got);
    }
    case_free_outputs(built, got);
}

/* The shortest of a few runs, as sum over units. */
static void time_case(test_suite *suite, const unit_case *built, const char *text,
                      const char *layout)
{
    davit_tensor *got[CASE_MAX_NODES * CASE_MAX_OUTPUTS];
    uint64_t unit_ns[CASE_MAX_NODES];
    uint64_t best_ns = UINT64_MAX;
    uint64_t flops = 0;
    for (size_t i = 0; i < built->graph->unit_count; i++) {
        flops += built->graph->units[i].flops;
    }
    for (int run = 0; run < SPEED_RUNS; run++) {
        uint64_t total_ns = 0;
        if (case_run(suite->device, built, strcmp(layout, "nhwc") == 0, unit_ns, got) != DAVIT_OK) {
            report_case(suite, text, layout, suite->errors.text);
            return;
        }
        case_free_outputs(built, got);
        for (size_t i = 0; i < built->graph->unit_count; i++) {
            total_ns += unit_ns[i];
        }
        best_ns = total_ns < best_ns ? total_ns : best_ns;
    }
    suite_pass(suite);
    printf("%10.1f us %8.2f GFLOP/s  %s  %s\n", (double)best_ns * 1e-3,
           best_ns > 0 ? (double)flops / (double)best_ns : 0.0, layout, text);
}

static void run_built(test_suite *suite, case_mode mode, const unit_case *built, const char *text,
                      const char *layout)
{
    char reason[160];
    const char *problem = case_unsupported(suite, built, reason, sizeof(reason));
    if (mode == CASE_SUPPORT) {
        printf("%s  %s\n", problem != NULL ? problem : "supported", text);
        suite_pass(suite);
    } else if (problem != NULL && suite->info.profile.kind == DAVIT_DEVICE_REFERENCE) {
        report_case(suite, text, layout, problem); /* the oracle has every operator */
    } else if (problem != NULL) {
        suite_skip(suite, problem);
    } else if (mode == CASE_SPEED) {
        time_case(suite, built, text, layout);
    } else {
        check_case(suite, built, text, layout);
    }
}

/* layout NULL: both, where there are two. */
static void run_case(test_suite *suite, case_mode mode, const char *text, const char *layout)
{
    unit_case built;
    if (case_build(text, suite->seed, NULL, &suite->errors.sink, &built) != DAVIT_OK) {
        report_case(suite, text, "dense", suite->errors.text);
        return;
    }
    run_built(suite, mode, &built, text, layout != NULL ? layout : "dense");
    if (layout == NULL && mode == CASE_CHECK && has_rank_4(built.graph)) {
        run_built(suite, mode, &built, text, "nhwc");
    }
    case_destroy(&built);
}

static bool open_device(test_suite *suite)
{
    const davit_device_options options = {.allocator = davit_allocator_default(),
                                          .diag = &suite->errors.sink,
                                          .threads = suite->threads};
    if (davit_device_open(suite->backend, &suite->info, &options, &suite->device) != DAVIT_OK) {
        suite_fail(suite, "cannot open %s: %s", suite->info.name, suite->errors.text);
        return false;
    }
    return true;
}

void cases_run_one(test_suite *suite, case_mode mode, const char *text, const char *layout)
{
    if (open_device(suite)) {
        run_case(suite, mode, text, layout);
        davit_device_close(suite->device);
    }
}

static void run_integer(test_suite *suite, unsigned count)
{
    size_t kinds = integer_case_kinds();
    for (unsigned i = 0; i < count; i++) {
        char text[CASE_TEXT_BYTES];
        integer_case(i % kinds, suite->seed * 1000000 + i, text, sizeof(text));
        run_case(suite, CASE_CHECK, text, i / kinds % 2 == 0 ? "dense" : "nhwc");
    }
}

void cases_run_integer(test_suite *suite, unsigned count)
{
    if (open_device(suite)) {
        run_integer(suite, count);
        davit_device_close(suite->device);
    }
}

void cases_run_all(test_suite *suite, case_mode mode)
{
    if (!open_device(suite)) {
        return;
    }
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        run_case(suite, mode, table[i], NULL);
    }
    for (size_t kind = 0; kind < random_case_kinds(); kind++) {
        for (uint64_t i = 0; i < RANDOM_CASES_PER_KIND; i++) {
            char text[CASE_TEXT_BYTES];
            random_case(kind, suite->seed * 1000 + i, text, sizeof(text));
            run_case(suite, mode, text, NULL);
        }
    }
    if (mode == CASE_CHECK) {
        run_integer(suite, (unsigned)integer_case_kinds() * RANDOM_CASES_PER_KIND);
        closed_forms_run(suite);
    }
    davit_device_close(suite->device);
}
