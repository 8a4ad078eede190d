/* Damaged models through the whole stack: each is refused with one error, or runs; nothing crashes,
 * nothing large is allocated, nothing leaks. Sanitizers see the rest. */
#include "unit_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "davit/davit.h"

#define FOLDER "/usr/share/libonnx-testdata/data/"

static const char *const models[] = {
    FOLDER "node/test_layer_normalization_4d_axis2_expanded/model.onnx",
    FOLDER "node/test_sce_mean_weight_ii_4d_log_prob_expanded/model.onnx",
    FOLDER "node/test_lstm_with_peepholes/model.onnx",
    FOLDER "node/test_convtranspose_autopad_same/model.onnx",
    FOLDER "node/test_maxpool_2d_ceil/model.onnx",
    FOLDER "node/test_einsum_batch_matmul/model.onnx",
    FOLDER "node/test_qlinearconv/model.onnx",
    FOLDER "node/test_range_float_type_positive_delta/model.onnx",
    FOLDER "pytorch-converted/test_Conv2d_depthwise_padded/model.onnx",
    FOLDER "pytorch-converted/test_PoissonNLLLLoss_no_reduce/model.onnx",
    FOLDER "pytorch-operator/test_operator_pad/model.onnx",
    FOLDER "pytorch-operator/test_operator_view/model.onnx",
};
enum { MODELS = sizeof(models) / sizeof(models[0]), DAMAGES = 100, LIMIT_BYTES = 256 << 20 };

/* The default allocator, refusing what no small model needs. */
static size_t live;

static void *limited_alloc(void *self, size_t bytes, size_t alignment)
{
    (void)self;
    const davit_allocator *allocator = davit_allocator_default();
    void *pointer = bytes > LIMIT_BYTES ? NULL : allocator->alloc(allocator->self, bytes, alignment);
    __atomic_add_fetch(&live, pointer != NULL, __ATOMIC_RELAXED);
    return pointer;
}

static void limited_free(void *self, void *pointer)
{
    (void)self;
    __atomic_sub_fetch(&live, pointer != NULL, __ATOMIC_RELAXED);
    davit_allocator_default()->free(davit_allocator_default()->self, pointer);
}

static davit_status run_session(davit_session *session, davit_model *model)
{
    enum { MOST = 16 };
    davit_named_tensor inputs[MOST];
    davit_named_tensor outputs[MOST];
    size_t input_count = davit_model_input_count(model);
    size_t output_count = davit_model_output_count(model);
    if (input_count > MOST || output_count > MOST) {
        return DAVIT_OK;
    }
    davit_status status = DAVIT_OK;
    memset(inputs, 0, sizeof(inputs));
    memset(outputs, 0, sizeof(outputs));
    for (size_t i = 0; i < input_count && status == DAVIT_OK; i++) {
        davit_port port;
        const davit_tensor_desc *desc = davit_session_input_desc(session, i);
        assert_int_equal(davit_model_input(model, i, &port), DAVIT_OK);
        inputs[i].name = port.name;
        status = davit_tensor_create(davit_allocator_default(), desc->dtype, desc->rank,
                                     desc->dims, &inputs[i].tensor);
    }
    for (size_t i = 0; i < output_count; i++) {
        davit_port port;
        assert_int_equal(davit_model_output(model, i, &port), DAVIT_OK);
        outputs[i].name = port.name;
    }
    if (status == DAVIT_OK) {
        status = davit_session_run(session, inputs, input_count, outputs, output_count);
    }
    for (size_t i = 0; i < MOST; i++) {
        davit_tensor_destroy(inputs[i].tensor);
        davit_tensor_destroy(outputs[i].tensor);
    }
    return status;
}

/* Loads, binds and runs; exactly one error when something fails. */
static davit_status use_model(const char *path)
{
    const davit_allocator allocator = {limited_alloc, limited_free, NULL};
    davit_diagnostics_buffer buffer;
    davit_diagnostics_buffer_init(&buffer);
    const davit_context_options options = {.allocator = &allocator, .diag = &buffer.sink};
    davit_context *context;
    davit_model *model;
    davit_session *session;
    davit_session_options session_options;
    davit_session_options_init(&session_options);
    session_options.timeout_ns = 2000000000;
    session_options.devices = "reference";
    live = 0;
    assert_int_equal(davit_context_create(&options, &context), DAVIT_OK);
    davit_status status = davit_model_load(context, path, &model);
    if (status == DAVIT_OK) {
        status = davit_session_create(model, &session_options, &session);
        if (status == DAVIT_OK) {
            status = run_session(session, model);
        }
        davit_session_destroy(session);
    }
    davit_model_destroy(model);
    davit_context_destroy(context);
    if (status != DAVIT_OK && buffer.error_count != 1) {
        fail_msg("%s: %u errors, the last: %s", davit_status_text(status), buffer.error_count,
                 buffer.text);
    }
    assert_int_equal(live, 0);
    return status;
}

static size_t read_file(const char *path, unsigned char *bytes, size_t capacity)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail_msg("%s is missing: apt-get install libonnx-testdata", path);
    }
    size_t count = fread(bytes, 1, capacity, file);
    fclose(file);
    assert_true(count > 0 && count < capacity);
    return count;
}

static void write_file(const char *path, const unsigned char *bytes, size_t count)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

static void test_damaged_models(void **state)
{
    (void)state;
    static unsigned char whole[1 << 20];
    static unsigned char damaged[1 << 20];
    char path[] = "/tmp/davit-damage-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && close(fd) == 0);
    uint64_t seed = 42;
    size_t refused = 0;
    for (size_t m = 0; m < MODELS; m++) {
        size_t count = read_file(models[m], whole, sizeof(whole));
        for (size_t d = 0; d < DAMAGES; d++) {
            size_t kept = d % 10 == 0 ? (size_t)test_random_below(&seed, count) : count;
            memcpy(damaged, whole, count);
            for (size_t k = test_random_below(&seed, 3) + 1; k > 0; k--) {
                damaged[test_random_below(&seed, count)] = (unsigned char)test_random(&seed);
            }
            write_file(path, damaged, kept);
            refused += use_model(path) != DAVIT_OK;
        }
    }
    assert_int_equal(unlink(path), 0);
    print_message("%zu of %d damaged models refused\n", refused, MODELS * DAMAGES);
    assert_true(refused > MODELS * DAMAGES / 4 && refused < MODELS * DAMAGES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_damaged_models)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
