/* Damaged files and failing allocations: whatever happens, a model loads or one error is told,
 * nothing leaks, and no more memory is asked for than the file could need. */
#include "counting_allocator.h"
#include "loading.h"

#define ROUNDS 1000
/* The limit of what a file may unfold to in memory: a floor, and a multiple of its size. */
#define MEMORY_LIMIT(size) (((size_t)64 << 20) + (size)*16)

static const int64_t image[] = {1, 3, 8, 8};

static Onnx__TensorProto *add_numbers(onnx_builder *builder, const char *name, int rank,
                                      const int64_t *dims)
{
    static float numbers[1024];
    uint64_t state = 1;
    for (size_t i = 0; i < 1024; i++) {
        numbers[i] = test_random_float(&state);
    }
    return onnx_add_initializer(builder, name, DAVIT_F32, rank, dims, numbers);
}

/* A network with most of what a file can hold: typed, raw and sparse tensors, attributes of every
 * kind, a function with an attribute, a branch, forms of an older opset, metadata. */
static void build_network(onnx_builder *builder)
{
    static const int64_t weight[] = {4, 3, 3, 3};
    static const int64_t four[] = {4};
    static const int64_t dense[] = {64, 1};
    static const int64_t pads[] = {1, 1, 1, 1};
    static const float number = 0.5f;
    static const uint8_t yes = 1;
    onnx_builder_init(builder, 11);
    onnx_add_input(builder, "x", DAVIT_F32, 4, image);
    add_numbers(builder, "w", 4, weight);
    add_numbers(builder, "b", 1, four);
    Onnx__NodeProto *node = onnx_add_node(builder, "Conv", "x w b", "c");
    node->name = davit_arena_strdup(&builder->arena, "conv");
    onnx_set_ints(builder, node, "pads", 4, pads);
    onnx_set_string(builder, node, "auto_pad", "NOTSET");
    onnx_set_float(builder, onnx_add_node(builder, "LeakyRelu", "c", "r"), "alpha", 0.1f);
    node = onnx_add_node(builder, "MaxPool", "r", "m");
    onnx_set_ints(builder, node, "kernel_shape", 2, (int64_t[]){2, 2});
    onnx_set_ints(builder, node, "strides", 2, (int64_t[]){2, 2});
    onnx_add_node(builder, "Flatten", "m", "f");
    add_numbers(builder, "d", 2, dense);
    onnx_add_node(builder, "MatMul", "f d", "g");
    node = onnx_add_node(builder, "Constant", "", "k");
    onnx_set_tensor(builder, node, "value", onnx_tensor(builder, "", DAVIT_F32, 0, NULL, &number));
    Onnx__FunctionProto *scale = onnx_add_function(builder, "local", "Scale", "a s", "z", 11);
    onnx_add_node_to(builder, &scale->node, &scale->n_node, "Mul", "a s", "p");
    Onnx__NodeProto *soft =
        onnx_add_node_to(builder, &scale->node, &scale->n_node, "Softmax", "p", "z");
    onnx_set_reference(builder, soft, "axis", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT, "axis");
    Onnx__NodeProto *call = onnx_add_node(builder, "Scale", "g k", "q");
    call->domain = davit_arena_strdup(&builder->arena, "local");
    onnx_set_int(builder, call, "axis", 1);
    onnx_add_initializer(builder, "yes", DAVIT_BOOL, 0, NULL, &yes);
    onnx_add_node(builder, "Squeeze", "q", "s");
    onnx_add_node(builder, "Clip", "s", "y");
    Onnx__TensorProto *typed = onnx_tensor(builder, "t", DAVIT_S64, 1, four, NULL);
    typed->int64_data = davit_arena_alloc_array(&builder->arena, 4, sizeof(int64_t));
    typed->n_int64_data = 4;
    onnx_set_tensor(builder, onnx_add_node(builder, "Constant", "", "u"), "value", typed);
    onnx_add_output(builder, "y");
    onnx_add_output(builder, "u");
}

/* Loads bytes and checks how that ends; returns whether they were a model still. */
static bool load_damaged(counting_allocator *counting, const uint8_t *bytes, size_t size)
{
    davit_diagnostics_buffer diag;
    davit_diagnostics_buffer_init(&diag);
    davit_graph *graph;
    counting_allocator_restart(counting, 0);
    davit_status status = davit_onnx_load_memory(&counting->allocator, bytes, size, "test.onnx",
                                                 NULL, &diag.sink, &graph);
    assert_true(atomic_load(&counting->bytes) <= MEMORY_LIMIT(size));
    if (status == DAVIT_OK) {
        assert_int_equal(diag.error_count, 0);
        davit_graph_destroy(graph);
    } else {
        assert_null(graph);
        assert_int_equal(diag.error_count, 1);
        assert_int_not_equal(status, DAVIT_INTERNAL);
        assert_true(strncmp(diag.text, "test.onnx: ", 11) == 0);
    }
    assert_int_equal(atomic_load(&counting->live), 0);
    return status == DAVIT_OK;
}

static void test_truncated(void **state)
{
    (void)state;
    onnx_builder builder;
    build_network(&builder);
    size_t size;
    const uint8_t *bytes = onnx_serialize(&builder, &size);
    counting_allocator counting;
    counting_allocator_init(&counting);
    assert_true(load_damaged(&counting, bytes, size));
    uint64_t random = 7;
    size_t loaded = 0;
    for (int i = 0; i < ROUNDS; i++) {
        /* A copy of exactly that size, so that AddressSanitizer sees what is read behind it. */
        size_t cut = (size_t)test_random_below(&random, size);
        uint8_t *copy = test_malloc(cut + 1);
        memcpy(copy, bytes, cut);
        loaded += load_damaged(&counting, copy, cut);
        test_free(copy);
    }
    print_message("%zu of %d truncated models loaded\n", loaded, ROUNDS);
    onnx_builder_clear(&builder);
}

static void test_flipped(void **state)
{
    (void)state;
    onnx_builder builder;
    build_network(&builder);
    size_t size;
    uint8_t *bytes = onnx_serialize(&builder, &size);
    counting_allocator counting;
    counting_allocator_init(&counting);
    uint64_t random = 8;
    size_t loaded = 0;
    for (int i = 0; i < ROUNDS; i++) {
        size_t at = (size_t)test_random_below(&random, size);
        uint8_t flip = (uint8_t)(1 + test_random_below(&random, 255));
        bytes[at] ^= flip;
        loaded += load_damaged(&counting, bytes, size);
        bytes[at] ^= flip;
    }
    print_message("%zu of %d flipped models loaded\n", loaded, ROUNDS);
    onnx_builder_clear(&builder);
}

/* Messages inside messages, as deep as the file is long: protobuf-c would recurse. */
static void test_nested_deeply(void **state)
{
    (void)state;
    enum { DEPTH = 200000 };
    /* From the inside out: attribute.g (field 6) { node (1) { attribute (5) { ... } } } */
    static const uint8_t tags[] = {6 << 3 | 2, 5 << 3 | 2, 1 << 3 | 2};
    size_t capacity = (size_t)DEPTH * 5;
    uint8_t *bytes = test_malloc(capacity);
    uint8_t *at = bytes + capacity;
    for (int i = 0; i < DEPTH; i++) {
        size_t length = (size_t)(bytes + capacity - at);
        uint8_t varint[5];
        size_t count = 0;
        do {
            varint[count] = (uint8_t)((length & 0x7f) | (length > 0x7f ? 0x80 : 0));
            length >>= 7;
            count++;
        } while (length > 0);
        at -= count;
        memcpy(at, varint, count);
        *--at = i == DEPTH - 1 ? 7 << 3 | 2 : tags[i % 3];
    }
    counting_allocator counting;
    counting_allocator_init(&counting);
    assert_false(load_damaged(&counting, at, (size_t)(bytes + capacity - at)));
    test_free(bytes);
}

/* Twelve megabytes of empty nodes would be gigabytes of NodeProto. */
static void test_unfolds_to_much(void **state)
{
    (void)state;
    enum { NODES = 6000000 };
    size_t graph_size = (size_t)NODES * 2;
    uint8_t *bytes = test_malloc(graph_size + 8);
    uint8_t *at = bytes;
    *at++ = 7 << 3 | 2; /* ModelProto.graph */
    for (size_t rest = graph_size; rest > 0; rest >>= 7) {
        *at++ = (uint8_t)((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    }
    for (size_t i = 0; i < NODES; i++) {
        *at++ = 1 << 3 | 2; /* GraphProto.node */
        *at++ = 0;
    }
    counting_allocator counting;
    counting_allocator_init(&counting);
    assert_false(load_damaged(&counting, bytes, (size_t)(at - bytes)));
    assert_true(atomic_load(&counting.bytes) == 0);
    test_free(bytes);
}

static void test_each_allocation_fails(void **state)
{
    (void)state;
    onnx_builder builder;
    build_network(&builder);
    size_t size;
    const uint8_t *bytes = onnx_serialize(&builder, &size);
    counting_allocator counting;
    counting_allocator_init(&counting);
    davit_status status = DAVIT_OUT_OF_MEMORY;
    size_t failing = 0;
    while (status != DAVIT_OK) {
        davit_diagnostics_buffer diag;
        davit_diagnostics_buffer_init(&diag);
        davit_graph *graph;
        counting_allocator_restart(&counting, ++failing);
        status = davit_onnx_load_memory(&counting.allocator, bytes, size, "test.onnx", NULL,
                                        &diag.sink, &graph);
        davit_graph_destroy(graph);
        assert_int_equal(atomic_load(&counting.live), 0);
        if (status != DAVIT_OK) {
            assert_int_equal(status, DAVIT_OUT_OF_MEMORY);
            assert_int_equal(diag.error_count, 1);
            assert_non_null(strstr(diag.text, "test.onnx: out of memory"));
        }
    }
    print_message("%zu allocations failed in turn\n", failing - 1);
    assert_true(failing > 100);
    onnx_builder_clear(&builder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_flipped),
        cmocka_unit_test(test_nested_deeply),
        cmocka_unit_test(test_unfolds_to_much),
        cmocka_unit_test(test_each_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
