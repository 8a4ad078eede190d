/* What kernels get by value: structs of 32-bit words, and the numbers in them. Compiled as C, CUDA
 * and OpenCL C. Counts, strides and offsets are in elements; dims are outermost first. */
#ifndef DAVIT_GPU_PARAMS_H
#define DAVIT_GPU_PARAMS_H

#define DAVIT_GPU_THREADS 256 /* of groups in which each thread makes one element */
#define DAVIT_GPU_ROW_THREADS 64 /* of groups that make one row */
#define DAVIT_GPU_RANK 6

/* move_1, move_2, move_4, move_8 (bytes of an element): y[to] = x[from] over dims. */
typedef struct davit_gpu_move_params {
    int count; /* product of dims */
    int from_offset, to_offset;
    int dims[DAVIT_GPU_RANK], from[DAVIT_GPU_RANK], to[DAVIT_GPU_RANK];
} davit_gpu_move_params;

/* fill_1, fill_2, fill_4, fill_8: y[i] = value. */
typedef struct davit_gpu_fill_params {
    int count;
    unsigned low, high; /* the element's bits */
} davit_gpu_fill_params;

/* unary_f32 */
typedef struct davit_gpu_unary_params {
    int count;
    int function;
    float alpha, beta;
} davit_gpu_unary_params;

/* Behind the numbers of davit_activation, which are functions too. */
#define DAVIT_GPU_ABS 32
#define DAVIT_GPU_CEIL 33
#define DAVIT_GPU_COS 34
#define DAVIT_GPU_ELU 35 /* alpha */
#define DAVIT_GPU_ERF 36
#define DAVIT_GPU_EXP 37
#define DAVIT_GPU_FLOOR 38
#define DAVIT_GPU_LOG 39
#define DAVIT_GPU_MISH 40
#define DAVIT_GPU_NEG 41
#define DAVIT_GPU_RECIPROCAL 42
#define DAVIT_GPU_ROUND 43
#define DAVIT_GPU_SELU 44 /* alpha, gamma in beta */
#define DAVIT_GPU_SIGN 45
#define DAVIT_GPU_SIN 46
#define DAVIT_GPU_SOFTPLUS 47
#define DAVIT_GPU_SOFTSIGN 48
#define DAVIT_GPU_SQRT 49
#define DAVIT_GPU_TAN 50
#define DAVIT_GPU_THRESHOLDED 51 /* alpha */
#define DAVIT_GPU_COPY 52

/* binary_f32, compare_f32 (y is u8): y[i] = function(a, b), y dense over dims. */
typedef struct davit_gpu_binary_params {
    int count;
    int function;
    int flat; /* a and b are dense over dims too */
    int dims[DAVIT_GPU_RANK], a[DAVIT_GPU_RANK], b[DAVIT_GPU_RANK];
} davit_gpu_binary_params;

#define DAVIT_GPU_ADD 0
#define DAVIT_GPU_SUB 1
#define DAVIT_GPU_MUL 2
#define DAVIT_GPU_DIV 3
#define DAVIT_GPU_POW 4
#define DAVIT_GPU_MIN 5
#define DAVIT_GPU_MAX 6
#define DAVIT_GPU_PRELU 7
#define DAVIT_GPU_EQUAL 8
#define DAVIT_GPU_LESS 9
#define DAVIT_GPU_LESS_OR_EQUAL 10
#define DAVIT_GPU_GREATER 11
#define DAVIT_GPU_GREATER_OR_EQUAL 12
#define DAVIT_GPU_AND 13
#define DAVIT_GPU_OR 14
#define DAVIT_GPU_XOR 15

/* where_1, where_2, where_4, where_8: y = condition ? a : b. */
typedef struct davit_gpu_where_params {
    int count;
    int dims[DAVIT_GPU_RANK], condition[DAVIT_GPU_RANK], a[DAVIT_GPU_RANK], b[DAVIT_GPU_RANK];
} davit_gpu_where_params;

/* cast: types are davit_dtype's f32, s32, s64, bool. */
typedef struct davit_gpu_cast_params {
    int count;
    int from, to;
} davit_gpu_cast_params;

/* gather_1, gather_2, gather_4, gather_8: y[outer][i][inner] = x[outer][index[i]][inner]; the operand
 * wrong is set to 1 where an index is out of range. */
typedef struct davit_gpu_gather_params {
    int count; /* of y */
    int inner, indices, axis_size;
    int wide; /* indices are s64, else s32 */
} davit_gpu_gather_params;

/* reduce_f32: each element of y (dense over dims) from the elements of x over reduced. */
typedef struct davit_gpu_reduce_params {
    int count; /* of y */
    int reduced_count;
    int function;
    float factor; /* of sums */
    int dims[DAVIT_GPU_RANK], strides[DAVIT_GPU_RANK];
    int reduced[DAVIT_GPU_RANK], reduced_strides[DAVIT_GPU_RANK];
} davit_gpu_reduce_params;

#define DAVIT_GPU_REDUCE_SUM 0
#define DAVIT_GPU_REDUCE_MAX 1
#define DAVIT_GPU_REDUCE_MIN 2
#define DAVIT_GPU_REDUCE_PROD 3
#define DAVIT_GPU_REDUCE_L1 4
#define DAVIT_GPU_REDUCE_L2 5
#define DAVIT_GPU_REDUCE_SQUARES 6
#define DAVIT_GPU_REDUCE_LOG_SUM 7

/* softmax_f32, layer_norm_f32, instance_norm_f32: a group for each row of count elements, which are
 * stride apart; rows are numbered [outer][inner] with inner = stride. */
typedef struct davit_gpu_row_params {
    int rows, count, stride;
    int log;        /* softmax: its logarithm */
    int rms;        /* normalisation without mean */
    float epsilon;
    int channels;   /* instance normalisation: row % channels chooses scale and bias */
} davit_gpu_row_params;

/* pool_max_f32, pool_max_byte, pool_average_f32, pool_average_byte; all channels-last. */
typedef struct davit_gpu_pool_params {
    int count; /* of y */
    int images, in_h, in_w, channels, out_h, out_w;
    int kernel_h, kernel_w, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w;
    /* bytes */
    int x_unsigned, x_zero, y_unsigned, y_zero;
    float low, high;
} davit_gpu_pool_params;

/* resize_nearest_1, ...: y dense over dims, each axis through a table of its own, all in one array
 * one after the other: entries are offsets in x. */
typedef struct davit_gpu_nearest_params {
    int count;
    int dims[4];
} davit_gpu_nearest_params;

/* resize_linear_f32, resize_linear_byte: over the axes 1 and 2 of y [outer][out_h][out_w][inner];
 * rows and columns: {low, high, weight of high} for each. */
typedef struct davit_gpu_linear_params {
    int count;
    int in_h, in_w, out_h, out_w, inner;
    int x_unsigned, x_zero, y_unsigned, y_zero;
    float factor, low, high;
} davit_gpu_linear_params;

/* integer_add, integer_mul: y dense over dims. */
typedef struct davit_gpu_pair_params {
    int count;
    int flat;
    int dims[DAVIT_GPU_RANK], a[DAVIT_GPU_RANK], b[DAVIT_GPU_RANK];
    int a_unsigned, a_zero, b_unsigned, b_zero, y_unsigned, y_zero;
    float a_scale, b_scale; /* multiply: a_scale is the factor */
    float low, high;
} davit_gpu_pair_params;

/* lookup */
typedef struct davit_gpu_lookup_params {
    int count;
} davit_gpu_lookup_params;

/* integer_softmax: a group for each row, as davit_gpu_row_params. */
typedef struct davit_gpu_byte_row_params {
    int rows, count, stride;
    int x_unsigned, y_unsigned, y_zero;
    float factor, low, high;
} davit_gpu_byte_row_params;

/* quantize_byte, dequantize_byte: scale and zero of element i are those of (i / run) % scales. */
typedef struct davit_gpu_linear_quantize_params {
    int count;
    int run, scales;
    int is_unsigned;
} davit_gpu_linear_quantize_params;

/* direct_s8, direct_f32: convolutions without reuse of the input: depthwise, transposed, of few
 * channels a group. x and y are channels-last; a thread makes one element of y. Weights
 * [tap][channel of the group][out_c], for bytes s16 without zero point. */
typedef struct davit_gpu_direct_params {
    davit_gpu_product_params product; /* x_zero is that of x as it is; x_flip: x is u8 */
    int count;                        /* of y */
    int transposed;
} davit_gpu_direct_params;

/* matmul_f32, matmul_byte: y[z][m][n] = sum over k of a[a_at[z]][m][k] * b[b_at[z]][k][n]. */
typedef struct davit_gpu_matmul_params {
    int m, n, k;
    int a_row, a_column, b_row, b_column; /* strides */
    float alpha;                          /* f32 */
    int a_unsigned, a_zero, b_unsigned, b_zero, y_unsigned, y_zero;
    float factor, low, high;
} davit_gpu_matmul_params;

#endif
