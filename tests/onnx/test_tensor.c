/* TensorProto to tensors: every element type as raw data and in its typed field, and what is
 * refused. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "loading.h"

/* A model with one initialiser "t", given by the caller, as an output. */
static void build(onnx_builder *builder, Onnx__TensorProto **tensor, davit_dtype dtype,
                  const void *data)
{
    static const int64_t dims[] = {3};
    onnx_builder_init(builder, 13);
    *tensor = onnx_add_initializer(builder, "t", dtype, 1, dims, data);
    onnx_add_output(builder, "t");
}

/* The bytes of the values 1, 0, 1 in every type. */
static void one_zero_one(davit_dtype dtype, void *to)
{
    size_t bytes = davit_dtype_bytes(dtype);
    memset(to, 0, 3 * bytes);
    uint8_t one[8] = {1};
    if (dtype == DAVIT_F32) {
        memcpy(one, &(float){1.0f}, 4);
    } else if (dtype == DAVIT_F64) {
        memcpy(one, &(double){1.0}, 8);
    } else if (dtype == DAVIT_F16) {
        memcpy(one, &(uint16_t){0x3c00}, 2);
    } else if (dtype == DAVIT_BF16) {
        memcpy(one, &(uint16_t){0x3f80}, 2);
    }
    memcpy(to, one, bytes);
    memcpy((uint8_t *)to + 2 * bytes, one, bytes);
}

static const davit_dtype types[] = {DAVIT_F32, DAVIT_U8,   DAVIT_S8,  DAVIT_U16, DAVIT_S16,
                                    DAVIT_S32, DAVIT_S64,  DAVIT_F16, DAVIT_F64, DAVIT_U32,
                                    DAVIT_U64, DAVIT_BF16, DAVIT_BOOL};

static void check_one_zero_one(onnx_builder *builder, davit_dtype dtype)
{
    uint8_t expected[24];
    one_zero_one(dtype, expected);
    davit_graph *graph = load_good(builder);
    const davit_tensor *constant = graph->values[graph->outputs[0]].constant;
    assert_non_null(constant);
    assert_int_equal(constant->desc.dtype, dtype);
    assert_memory_equal(constant->data, expected, 3 * davit_dtype_bytes(dtype));
    davit_graph_destroy(graph);
}

static void test_raw_data(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        uint8_t data[24];
        one_zero_one(types[i], data);
        onnx_builder builder;
        Onnx__TensorProto *tensor;
        build(&builder, &tensor, types[i], data);
        check_one_zero_one(&builder, types[i]);
    }
}

/* Puts 1, 0, 1 of a type into its typed field. */
static void set_typed(Onnx__TensorProto *tensor, davit_dtype dtype)
{
    static float floats[] = {1.0f, 0.0f, 1.0f};
    static double doubles[] = {1.0, 0.0, 1.0};
    static int64_t longs[] = {1, 0, 1};
    static uint64_t unsigneds[] = {1, 0, 1};
    static int32_t ints[] = {1, 0, 1};
    static int32_t halves[] = {0x3c00, 0, 0x3c00};
    static int32_t brains[] = {0x3f80, 0, 0x3f80};
    if (dtype == DAVIT_F32) {
        tensor->float_data = floats;
        tensor->n_float_data = 3;
    } else if (dtype == DAVIT_F64) {
        tensor->double_data = doubles;
        tensor->n_double_data = 3;
    } else if (dtype == DAVIT_S64) {
        tensor->int64_data = longs;
        tensor->n_int64_data = 3;
    } else if (dtype == DAVIT_U32 || dtype == DAVIT_U64) {
        tensor->uint64_data = unsigneds;
        tensor->n_uint64_data = 3;
    } else {
        tensor->int32_data = dtype == DAVIT_F16 ? halves : dtype == DAVIT_BF16 ? brains : ints;
        tensor->n_int32_data = 3;
    }
}

static void test_typed_data(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        onnx_builder builder;
        Onnx__TensorProto *tensor;
        build(&builder, &tensor, types[i], NULL);
        set_typed(tensor, types[i]);
        check_one_zero_one(&builder, types[i]);
    }
}

static void test_bools_are_normal(void **state)
{
    (void)state;
    static const uint8_t data[] = {255, 0, 2};
    onnx_builder builder;
    Onnx__TensorProto *tensor;
    build(&builder, &tensor, DAVIT_BOOL, data);
    check_one_zero_one(&builder, DAVIT_BOOL);
}

static void test_narrow_values_out_of_range(void **state)
{
    (void)state;
    static const struct {
        davit_dtype dtype;
        int32_t value;
    } cases[] = {{DAVIT_U8, 256},    {DAVIT_U8, -1},  {DAVIT_S8, 128}, {DAVIT_S8, -129},
                 {DAVIT_S16, 32768}, {DAVIT_U16, -1}, {DAVIT_F16, -1}, {DAVIT_BF16, 65536},
                 {DAVIT_BOOL, 2},    {DAVIT_BOOL, -1}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        onnx_builder builder;
        Onnx__TensorProto *tensor;
        build(&builder, &tensor, cases[i].dtype, NULL);
        int32_t values[] = {1, 0, cases[i].value};
        tensor->int32_data = values;
        tensor->n_int32_data = 3;
        load_bad(&builder, DAVIT_BAD_DATA, "initialiser 't' holds a value outside the range");
    }
    onnx_builder builder;
    Onnx__TensorProto *tensor;
    build(&builder, &tensor, DAVIT_U32, NULL);
    uint64_t wide[] = {1, 0, (uint64_t)1 << 32};
    tensor->uint64_data = wide;
    tensor->n_uint64_data = 3;
    load_bad(&builder, DAVIT_BAD_DATA, "initialiser 't' holds a value outside the range");
}

static void test_wrong_amounts_of_data(void **state)
{
    (void)state;
    static const float data[3];
    onnx_builder builder;
    Onnx__TensorProto *tensor;
    build(&builder, &tensor, DAVIT_F32, data);
    tensor->raw_data.len = 11;
    load_bad(&builder, DAVIT_BAD_DATA, "initialiser 't' holds 11 bytes");
    build(&builder, &tensor, DAVIT_F32, NULL);
    load_bad(&builder, DAVIT_BAD_DATA, "initialiser 't' holds 0 elements");
    build(&builder, &tensor, DAVIT_F32, NULL);
    set_typed(tensor, DAVIT_F32);
    tensor->n_float_data = 2;
    load_bad(&builder, DAVIT_BAD_DATA, "initialiser 't' holds 2 elements");
}

static void test_dimensions(void **state)
{
    (void)state;
    static const float data[3];
    onnx_builder builder;
    Onnx__TensorProto *tensor;
    build(&builder, &tensor, DAVIT_F32, data);
    tensor->dims = (int64_t[]){-3};
    load_bad(&builder, DAVIT_BAD_DATA, "negative");
    build(&builder, &tensor, DAVIT_F32, data);
    tensor->n_dims = 3;
    tensor->dims = (int64_t[]){(int64_t)1 << 31, (int64_t)1 << 31, 4};
    load_bad(&builder, DAVIT_BAD_DATA, "too large");
    build(&builder, &tensor, DAVIT_F32, data);
    tensor->n_dims = 2;
    tensor->dims = (int64_t[]){INT64_MAX, INT64_MAX};
    load_bad(&builder, DAVIT_BAD_DATA, "too large");
    build(&builder, &tensor, DAVIT_F32, data);
    tensor->dims = (int64_t[]){(int64_t)1 << 36}; /* 256 GiB that the file does not hold */
    load_bad(&builder, DAVIT_BAD_DATA, "holds 12 bytes");
    build(&builder, &tensor, DAVIT_F32, data);
    tensor->n_dims = 9;
    tensor->dims = (int64_t[]){1, 1, 1, 1, 1, 1, 1, 1, 3};
    load_bad(&builder, DAVIT_UNSUPPORTED, "9 dimensions");
}

static void test_types_without_tensors(void **state)
{
    (void)state;
    onnx_builder builder;
    Onnx__TensorProto *tensor;
    build(&builder, &tensor, DAVIT_STRING, NULL);
    load_bad(&builder, DAVIT_UNSUPPORTED, "element type string");
    build(&builder, &tensor, DAVIT_C64, NULL);
    load_bad(&builder, DAVIT_UNSUPPORTED, "element type complex64");
    build(&builder, &tensor, DAVIT_F32, NULL);
    tensor->data_type = 17;
    load_bad(&builder, DAVIT_UNSUPPORTED, "element type float8e4m3fn");
    build(&builder, &tensor, DAVIT_F32, NULL);
    tensor->data_type = 0;
    load_bad(&builder, DAVIT_BAD_DATA, "element type 0");
    build(&builder, &tensor, DAVIT_F32, NULL);
    tensor->data_type = -5;
    load_bad(&builder, DAVIT_BAD_DATA, "element type -5");
}

static void test_empty_tensor(void **state)
{
    (void)state;
    onnx_builder builder;
    Onnx__TensorProto *tensor;
    build(&builder, &tensor, DAVIT_F32, NULL);
    tensor->dims = (int64_t[]){0};
    davit_graph *graph = load_good(&builder);
    const davit_tensor *constant = graph->values[graph->outputs[0]].constant;
    assert_int_equal(davit_tensor_desc_elems(&constant->desc), 0);
    davit_graph_destroy(graph);
}

/* ---- sparse tensors ---- */

/* A sparse initialiser "s" of shape 2x3 with values 5 and 7 at these indices. */
static void build_sparse(onnx_builder *builder, Onnx__SparseTensorProto *sparse, int rank,
                         const int64_t *index_dims, const int64_t *indices)
{
    static const float values[] = {5.0f, 7.0f};
    static const int64_t two = 2;
    static int64_t shape[] = {2, 3};
    static Onnx__SparseTensorProto *list[1];
    onnx_builder_init(builder, 13);
    onnx__sparse_tensor_proto__init(sparse);
    sparse->values = onnx_tensor(builder, "s", DAVIT_F32, 1, &two, values);
    sparse->indices = onnx_tensor(builder, "", DAVIT_S64, rank, index_dims, indices);
    sparse->n_dims = 2;
    sparse->dims = shape;
    list[0] = sparse;
    builder->graph.sparse_initializer = list;
    builder->graph.n_sparse_initializer = 1;
    onnx_add_output(builder, "s");
}

static void check_sparse(onnx_builder *builder)
{
    static const float expected[] = {0, 5, 0, 0, 0, 7};
    davit_graph *graph = load_good(builder);
    const davit_tensor *constant = graph->values[graph->outputs[0]].constant;
    assert_int_equal(constant->desc.rank, 2);
    assert_memory_equal(constant->data, expected, sizeof(expected));
    davit_graph_destroy(graph);
}

static void test_sparse(void **state)
{
    (void)state;
    onnx_builder builder;
    Onnx__SparseTensorProto sparse;
    const int64_t flat_dims[] = {2};
    build_sparse(&builder, &sparse, 1, flat_dims, (int64_t[]){1, 5});
    check_sparse(&builder);
    const int64_t row_dims[] = {2, 2};
    build_sparse(&builder, &sparse, 2, row_dims, (int64_t[]){0, 1, 1, 2});
    check_sparse(&builder);
}

static void test_bad_sparse(void **state)
{
    (void)state;
    onnx_builder builder;
    Onnx__SparseTensorProto sparse;
    const int64_t two[] = {2};
    const int64_t three[] = {3};
    const int64_t rows[] = {2, 2};
    build_sparse(&builder, &sparse, 1, two, (int64_t[]){1, 6});
    load_bad(&builder, DAVIT_BAD_DATA, "sparse initialiser 's': index 1");
    build_sparse(&builder, &sparse, 1, two, (int64_t[]){-1, 5});
    load_bad(&builder, DAVIT_BAD_DATA, "index 0");
    build_sparse(&builder, &sparse, 2, rows, (int64_t[]){0, 1, 2, 0});
    load_bad(&builder, DAVIT_BAD_DATA, "index 1");
    build_sparse(&builder, &sparse, 1, three, (int64_t[]){1, 2, 3});
    load_bad(&builder, DAVIT_BAD_DATA, "indices do not fit");
    build_sparse(&builder, &sparse, 1, two, (int64_t[]){1, 5});
    sparse.indices = NULL;
    load_bad(&builder, DAVIT_BAD_DATA, "no values or no indices");
    build_sparse(&builder, &sparse, 1, two, (int64_t[]){1, 5});
    sparse.dims = (int64_t[]){(int64_t)1 << 20, (int64_t)1 << 16}; /* 256 GiB from 100 bytes */
    load_bad(&builder, DAVIT_UNSUPPORTED, "256 MiB");
}

/* ---- files with one tensor ---- */

static void test_read_tensor(void **state)
{
    (void)state;
    onnx_builder builder;
    onnx_builder_init(&builder, 13);
    static const float data[] = {1.0f, -2.0f, 3.0f, 4.0f};
    const int64_t dims[] = {2, 2};
    Onnx__TensorProto *proto = onnx_tensor(&builder, "t", DAVIT_F32, 2, dims, data);
    uint8_t bytes[256];
    size_t size = onnx__tensor_proto__pack(proto, bytes);
    onnx_builder_clear(&builder);
    char path[] = "/tmp/davit-test-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, bytes, size), size);
    davit_diagnostics_buffer diag;
    davit_diagnostics_buffer_init(&diag);
    davit_tensor *tensor;
    assert_int_equal(davit_onnx_read_tensor(davit_allocator_default(), path, &diag.sink, &tensor),
                     DAVIT_OK);
    assert_int_equal(tensor->desc.rank, 2);
    assert_memory_equal(tensor->data, data, sizeof(data));
    davit_tensor_destroy(tensor);
    assert_int_equal(ftruncate(fd, (off_t)size - 3), 0);
    close(fd);
    davit_status status =
        davit_onnx_read_tensor(davit_allocator_default(), path, &diag.sink, &tensor);
    unlink(path);
    assert_null(tensor);
    check_error(&diag, status, DAVIT_BAD_DATA, path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_raw_data),
        cmocka_unit_test(test_typed_data),
        cmocka_unit_test(test_bools_are_normal),
        cmocka_unit_test(test_narrow_values_out_of_range),
        cmocka_unit_test(test_wrong_amounts_of_data),
        cmocka_unit_test(test_dimensions),
        cmocka_unit_test(test_types_without_tensors),
        cmocka_unit_test(test_empty_tensor),
        cmocka_unit_test(test_sparse),
        cmocka_unit_test(test_bad_sparse),
        cmocka_unit_test(test_read_tensor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
