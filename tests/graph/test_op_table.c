#include "unit_test.h"

#include "host/graph/op_table.h"

#include <string.h>

static const char *const names[] = {
#define DAVIT_OPERATOR(name) #name,
#include "davit/ops.def"
#undef DAVIT_OPERATOR
};

static const davit_op_family *const families[] = {
    &davit_ops_elementwise, &davit_ops_movement, &davit_ops_generate, &davit_ops_reduce,
    &davit_ops_normalize,   &davit_ops_linear,   &davit_ops_spatial,  &davit_ops_recurrent,
    &davit_ops_quantized,   &davit_ops_integer,  &davit_ops_loss,
};

static void test_names_are_sorted(void **state)
{
    (void)state;
    for (size_t i = 1; i < DAVIT_OP_COUNT; i++) {
        assert_true(strcmp(names[i - 1], names[i]) < 0);
    }
}

static void test_each_operator_is_in_one_family(void **state)
{
    (void)state;
    int seen[DAVIT_OP_COUNT] = {0};
    for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
        for (size_t i = 0; i < families[f]->count; i++) {
            const davit_op_info *info = &families[f]->ops[i];
            assert_true(info->op < DAVIT_OP_COUNT);
            assert_string_equal(info->name, names[info->op]);
            seen[info->op]++;
        }
    }
    for (size_t i = 0; i < DAVIT_OP_COUNT; i++) {
        if (seen[i] != 1) {
            fail_msg("%s is in %d families", names[i], seen[i]);
        }
    }
}

static void test_entries_are_complete(void **state)
{
    (void)state;
    for (size_t i = 0; i < DAVIT_OP_COUNT; i++) {
        const davit_op_info *info = davit_op_get((davit_op)i);
        assert_non_null(info);
        assert_ptr_equal(davit_op_find(info->domain, info->name), info);
        assert_non_null(info->infer);
        assert_true(info->min_inputs >= 0 && info->min_outputs >= 0);
        assert_true(info->max_inputs == -1 || info->max_inputs >= info->min_inputs);
        assert_true(info->max_outputs == -1 || info->max_outputs >= info->min_outputs);
        assert_true(info->max_inputs == 0 || info->types[0] != 0);
        assert_int_equal(info->types[0] & DAVIT_TYPE(DAVIT_STRING), 0);
    }
}

static void test_find(void **state)
{
    (void)state;
    assert_int_equal(davit_op_find("ai.onnx", "Conv")->op, DAVIT_OP_Conv);
    assert_int_equal(davit_op_find(NULL, "Conv")->op, DAVIT_OP_Conv);
    assert_null(davit_op_find("", "Cond"));
    assert_null(davit_op_find("", ""));
    assert_null(davit_op_find("com.microsoft", "Conv"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_sorted),
        cmocka_unit_test(test_each_operator_is_in_one_family),
        cmocka_unit_test(test_entries_are_complete),
        cmocka_unit_test(test_find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
