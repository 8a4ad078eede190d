/* The helpers that the infer functions of the operators are written with. */
#include "builder.h"

#include <string.h>

typedef struct fixture {
    builder b;
    davit_infer infer;
} fixture;

/* A node 'n' (Concat) with the given inputs and one output. */
static void start(fixture *f, uint32_t count, const davit_value_id *inputs)
{
    davit_node_spec spec = {
        .name = "n", .op = DAVIT_OP_Concat, .input_count = count, .inputs = inputs};
    builder_node_with(&f->b, &spec);
    f->infer =
        (davit_infer){.graph = f->b.graph, .node = &f->b.graph->nodes[0], .diag = &f->b.diag.sink};
}

static void assert_failed(fixture *f, davit_status status, davit_status expected, const char *text)
{
    assert_int_equal(status, expected);
    assert_int_equal(f->b.diag.error_count, 1);
    assert_non_null(strstr(f->b.diag.text, "node 'n' (Concat): "));
    if (!strstr(f->b.diag.text, text)) {
        fail_msg("'%s' lacks '%s'", f->b.diag.text, text);
    }
    davit_diagnostics_buffer_init(&f->b.diag);
}

static void test_inputs(void **state)
{
    (void)state;
    fixture f;
    builder_init(&f.b, NULL);
    davit_value_id inputs[] = {builder_number(&f.b, 1), DAVIT_NONE,
                               builder_ints(&f.b, 2, (const int64_t[]){3, -4})};
    start(&f, 3, inputs);
    assert_int_equal(davit_infer_input_count(&f.infer), 3);
    assert_int_equal(davit_infer_input(&f.infer, 0)->dtype, DAVIT_F32);
    assert_null(davit_infer_input(&f.infer, 1));
    assert_null(davit_infer_input(&f.infer, 3));
    assert_null(davit_infer_input(&f.infer, -1));
    assert_non_null(davit_infer_constant(&f.infer, 2));
    assert_null(davit_infer_constant(&f.infer, 1));
    builder_clear(&f.b);
}

static void test_ints(void **state)
{
    (void)state;
    fixture f;
    int64_t values[2];
    size_t count;
    builder_init(&f.b, NULL);
    davit_value_id inputs[] = {builder_number(&f.b, 1),
                               builder_input(&f.b, "x", DAVIT_S64, 1, (const int64_t[]){2}),
                               builder_ints(&f.b, 2, (const int64_t[]){3, -4}),
                               builder_ints(&f.b, 3, (const int64_t[]){1, 2, 3})};
    start(&f, 4, inputs);
    assert_int_equal(davit_infer_ints(&f.infer, 2, values, 2, &count), DAVIT_OK);
    assert_int_equal(count, 2);
    assert_true(values[0] == 3 && values[1] == -4);
    assert_failed(&f, davit_infer_ints(&f.infer, 0, values, 2, &count), DAVIT_BAD_DATA,
                  "input 0 must be a list of integers");
    assert_failed(&f, davit_infer_ints(&f.infer, 1, values, 2, &count), DAVIT_UNSUPPORTED,
                  "input 1 must be constant");
    assert_failed(&f, davit_infer_ints(&f.infer, 3, values, 2, &count), DAVIT_BAD_DATA,
                  "input 3 has 3 elements");
    builder_clear(&f.b);
}

static void test_outputs(void **state)
{
    (void)state;
    fixture f;
    builder_init(&f.b, NULL);
    davit_value_id input = builder_number(&f.b, 1);
    start(&f, 1, &input);
    const davit_value *output = &f.b.graph->values[f.b.graph->nodes[0].outputs[0]];
    const int64_t dims[] = {2, 3};
    const int64_t negative[] = {2, -3};
    const int64_t huge[] = {INT64_C(1) << 40, INT64_C(1) << 40};
    assert_true(davit_infer_has_output(&f.infer, 0));
    assert_false(davit_infer_has_output(&f.infer, 1));
    assert_int_equal(davit_infer_output(&f.infer, 1, DAVIT_F32, 2, negative), DAVIT_OK);
    assert_failed(&f, davit_infer_output(&f.infer, 0, DAVIT_F32, 2, negative), DAVIT_BAD_DATA,
                  "2x-3");
    assert_failed(&f, davit_infer_output(&f.infer, 0, DAVIT_F32, 2, huge), DAVIT_OUT_OF_MEMORY,
                  "too large");
    assert_failed(&f, davit_infer_output(&f.infer, 0, DAVIT_F32, 9, dims), DAVIT_UNSUPPORTED,
                  "rank 9");
    assert_failed(&f, davit_infer_output(&f.infer, 0, DAVIT_STRING, 2, dims), DAVIT_UNSUPPORTED,
                  "string");
    assert_false(output->inferred);
    assert_int_equal(davit_infer_output(&f.infer, 0, DAVIT_U8, 2, dims), DAVIT_OK);
    assert_true(output->inferred);
    assert_int_equal(davit_tensor_desc_bytes(&output->desc), 6);
    builder_clear(&f.b);
}

static void test_axes(void **state)
{
    (void)state;
    fixture f;
    int axis = 9;
    builder_init(&f.b, NULL);
    davit_value_id input = builder_number(&f.b, 1);
    start(&f, 1, &input);
    assert_int_equal(davit_infer_axis(&f.infer, 2, 3, &axis), DAVIT_OK);
    assert_int_equal(axis, 2);
    assert_int_equal(davit_infer_axis(&f.infer, -3, 3, &axis), DAVIT_OK);
    assert_int_equal(axis, 0);
    assert_failed(&f, davit_infer_axis(&f.infer, 3, 3, &axis), DAVIT_BAD_DATA,
                  "axis 3 is not in [-3, 3)");
    assert_failed(&f, davit_infer_axis(&f.infer, INT64_MIN, 3, &axis), DAVIT_BAD_DATA, "axis");
    assert_failed(&f, davit_infer_axis(&f.infer, 0, 0, &axis), DAVIT_BAD_DATA, "[0, 0)");
    builder_clear(&f.b);
}

static void test_broadcasts(void **state)
{
    (void)state;
    static const struct {
        int rank_a;
        int64_t a[3];
        int rank_b;
        int64_t b[3];
        int rank; /* -1: they do not broadcast */
        int64_t dims[3];
    } cases[] = {
        {0, {0}, 0, {0}, 0, {0}},       {2, {2, 3}, 0, {0}, 2, {2, 3}},
        {1, {3}, 2, {2, 1}, 2, {2, 3}}, {3, {5, 1, 1}, 2, {4, 3}, 3, {5, 4, 3}},
        {1, {0}, 1, {1}, 1, {0}},       {1, {0}, 1, {2}, -1, {0}},
        {2, {2, 3}, 1, {2}, -1, {0}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int swapped = 0; swapped < 2; swapped++) {
            fixture f;
            int rank;
            int64_t dims[DAVIT_MAX_RANK];
            builder_init(&f.b, NULL);
            davit_value_id input = builder_number(&f.b, 1);
            start(&f, 1, &input);
            davit_status status =
                swapped ? davit_infer_broadcast(&f.infer, cases[i].rank_b, cases[i].b,
                                                cases[i].rank_a, cases[i].a, &rank, dims)
                        : davit_infer_broadcast(&f.infer, cases[i].rank_a, cases[i].a,
                                                cases[i].rank_b, cases[i].b, &rank, dims);
            if (cases[i].rank < 0) {
                assert_failed(&f, status, DAVIT_BAD_DATA, "do not broadcast");
            } else {
                assert_int_equal(status, DAVIT_OK);
                assert_int_equal(rank, cases[i].rank);
                assert_memory_equal(dims, cases[i].dims, (size_t)rank * sizeof(dims[0]));
            }
            builder_clear(&f.b);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inputs),     cmocka_unit_test(test_ints),
        cmocka_unit_test(test_outputs),    cmocka_unit_test(test_axes),
        cmocka_unit_test(test_broadcasts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
