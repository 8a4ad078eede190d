#include "broadcast_loops.h"

#include <math.h>

#include "parallel.h"

#define CHUNK_ELEMS 8192

/* ---- rows ---- */

/* Loops for each way in which two inputs can be broadcast along a row, so that each is vectorised.
 */
#define DEFINE_ROW(name, in_type, out_type, expression)                                            \
    static void name(int64_t n, const void *const *inputs, const int64_t *strides, void *out)      \
    {                                                                                              \
        typedef in_type in;                                                                        \
        typedef out_type result;                                                                   \
        const in *pa = inputs[0], *pb = inputs[1];                                                 \
        result *to = out;                                                                          \
        if (strides[0] != 0 && strides[1] != 0) {                                                  \
            for (int64_t i = 0; i < n; i++) {                                                      \
                const in a = pa[i], b = pb[i];                                                     \
                to[i] = (result)(expression);                                                      \
            }                                                                                      \
        } else if (strides[0] != 0) {                                                              \
            const in b = pb[0];                                                                    \
            for (int64_t i = 0; i < n; i++) {                                                      \
                const in a = pa[i];                                                                \
                to[i] = (result)(expression);                                                      \
            }                                                                                      \
        } else {                                                                                   \
            const in a = pa[0];                                                                    \
            for (int64_t i = 0; i < n; i++) {                                                      \
                const in b = pb[i * strides[1]];                                                   \
                to[i] = (result)(expression);                                                      \
            }                                                                                      \
        }                                                                                          \
    }

/* Integers wrap, as numpy's do. */
#define DEFINE_ARITHMETIC(suffix, type, wide)                                                      \
    DEFINE_ROW(add_##suffix, type, type, (wide)a + (wide)b)                                        \
    DEFINE_ROW(sub_##suffix, type, type, (wide)a - (wide)b)                                        \
    DEFINE_ROW(mul_##suffix, type, type, (wide)a *(wide)b)

#define DEFINE_COMPARISONS(suffix, type)                                                           \
    DEFINE_ROW(equal_##suffix, type, uint8_t, a == b)                                              \
    DEFINE_ROW(greater_##suffix, type, uint8_t, a > b)                                             \
    DEFINE_ROW(greater_or_equal_##suffix, type, uint8_t, a >= b)                                   \
    DEFINE_ROW(less_##suffix, type, uint8_t, a < b)                                                \
    DEFINE_ROW(less_or_equal_##suffix, type, uint8_t, a <= b)

DEFINE_ARITHMETIC(f32, float, float)
DEFINE_ARITHMETIC(s32, int32_t, uint32_t)
DEFINE_ARITHMETIC(s64, int64_t, uint64_t)
DEFINE_COMPARISONS(f32, float)
DEFINE_COMPARISONS(s32, int32_t)
DEFINE_COMPARISONS(s64, int64_t)
DEFINE_ROW(div_f32, float, float, a / b)
DEFINE_ROW(max_f32, float, float, isnan(a) || a > b ? a : b)
DEFINE_ROW(min_f32, float, float, isnan(a) || a < b ? a : b)
DEFINE_ROW(pow_f32, float, float, powf(a, b))
DEFINE_ROW(prelu_f32, float, float, a < 0.0f ? a * b : a)
DEFINE_ROW(equal_bool, uint8_t, uint8_t, (a != 0) == (b != 0))
DEFINE_ROW(and_bool, uint8_t, uint8_t, (a != 0) & (b != 0))
DEFINE_ROW(or_bool, uint8_t, uint8_t, (a != 0) | (b != 0))
DEFINE_ROW(xor_bool, uint8_t, uint8_t, (a != 0) ^ (b != 0))

#define DEFINE_WHERE(name, type)                                                                   \
    static void name(int64_t n, const void *const *inputs, const int64_t *strides, void *out)      \
    {                                                                                              \
        const uint8_t *condition = inputs[0];                                                      \
        typedef type element;                                                                      \
        const element *a = inputs[1], *b = inputs[2];                                              \
        element *to = out;                                                                         \
        for (int64_t i = 0; i < n; i++) {                                                          \
            to[i] = condition[i * strides[0]] != 0 ? a[i * strides[1]] : b[i * strides[2]];        \
        }                                                                                          \
    }

DEFINE_WHERE(where_1, uint8_t)
DEFINE_WHERE(where_2, uint16_t)
DEFINE_WHERE(where_4, uint32_t)
DEFINE_WHERE(where_8, uint64_t)

typedef struct row_entry {
    davit_op op;
    davit_dtype dtype;
    davit_onednn_row row;
} row_entry;

#define COMPARISONS(suffix, dtype)                                                                 \
    {DAVIT_OP_Equal, dtype, equal_##suffix}, {DAVIT_OP_Greater, dtype, greater_##suffix},          \
        {DAVIT_OP_GreaterOrEqual, dtype, greater_or_equal_##suffix},                               \
        {DAVIT_OP_Less, dtype, less_##suffix},                                                     \
    {                                                                                              \
        DAVIT_OP_LessOrEqual, dtype, less_or_equal_##suffix                                        \
    }

static const row_entry row_table[] = {{DAVIT_OP_Add, DAVIT_F32, add_f32},
                                      {DAVIT_OP_Add, DAVIT_S32, add_s32},
                                      {DAVIT_OP_Add, DAVIT_S64, add_s64},
                                      {DAVIT_OP_And, DAVIT_BOOL, and_bool},
                                      {DAVIT_OP_Div, DAVIT_F32, div_f32},
                                      {DAVIT_OP_Equal, DAVIT_BOOL, equal_bool},
                                      {DAVIT_OP_Max, DAVIT_F32, max_f32},
                                      {DAVIT_OP_Min, DAVIT_F32, min_f32},
                                      {DAVIT_OP_Mul, DAVIT_F32, mul_f32},
                                      {DAVIT_OP_Mul, DAVIT_S32, mul_s32},
                                      {DAVIT_OP_Mul, DAVIT_S64, mul_s64},
                                      {DAVIT_OP_Or, DAVIT_BOOL, or_bool},
                                      {DAVIT_OP_PRelu, DAVIT_F32, prelu_f32},
                                      {DAVIT_OP_Pow, DAVIT_F32, pow_f32},
                                      {DAVIT_OP_Sub, DAVIT_F32, sub_f32},
                                      {DAVIT_OP_Sub, DAVIT_S32, sub_s32},
                                      {DAVIT_OP_Sub, DAVIT_S64, sub_s64},
                                      {DAVIT_OP_Sum, DAVIT_F32, add_f32},
                                      {DAVIT_OP_Xor, DAVIT_BOOL, xor_bool},
                                      COMPARISONS(f32, DAVIT_F32),
                                      COMPARISONS(s32, DAVIT_S32),
                                      COMPARISONS(s64, DAVIT_S64)};

davit_onednn_row davit_onednn_row_of(davit_op op, davit_dtype dtype)
{
    if (op == DAVIT_OP_Where) {
        switch (davit_dtype_bytes(dtype)) {
        case 1:
            return where_1;
        case 2:
            return where_2;
        case 4:
            return where_4;
        case 8:
            return where_8;
        default:
            return NULL;
        }
    }
    for (size_t i = 0; i < sizeof(row_table) / sizeof(row_table[0]); i++) {
        if (row_table[i].op == op && row_table[i].dtype == dtype) {
            return row_table[i].row;
        }
    }
    return NULL;
}

/* ---- shapes ---- */

/* Merges dimension i into the one before it where every input allows it. */
static bool mergeable(const davit_onednn_broadcast_params *p, int before, int i)
{
    for (size_t k = 0; k < p->input_count; k++) {
        if (p->strides[k][before] != p->strides[k][i] * p->dims[i]) {
            return false;
        }
    }
    return true;
}

void davit_onednn_broadcast_prepare(davit_onednn_broadcast_params *p, size_t input_count,
                                    const davit_tensor_desc *const *inputs,
                                    const davit_tensor_desc *out)
{
    p->input_count = input_count;
    p->out_bytes = davit_dtype_bytes(out->dtype);
    p->rank = 0;
    for (size_t k = 0; k < input_count; k++) {
        p->elem_bytes[k] = davit_dtype_bytes(inputs[k]->dtype);
    }
    for (int i = 0; i < out->rank; i++) {
        if (out->dims[i] == 1) {
            continue;
        }
        int n = p->rank;
        p->dims[n] = out->dims[i];
        for (size_t k = 0; k < input_count; k++) {
            int own = i - (out->rank - inputs[k]->rank);
            p->strides[k][n] = own >= 0 && inputs[k]->dims[own] != 1 ? inputs[k]->strides[own] : 0;
        }
        p->rank++;
        if (n > 0 && mergeable(p, n - 1, n)) {
            p->dims[n - 1] *= p->dims[n];
            for (size_t k = 0; k < input_count; k++) {
                p->strides[k][n - 1] = p->strides[k][n];
            }
            p->rank--;
        }
    }
    if (p->rank == 0) {
        p->rank = 1;
        p->dims[0] = 1;
        for (size_t k = 0; k < input_count; k++) {
            p->strides[k][0] = 0;
        }
    }
}

/* ---- the kernel ---- */

typedef struct broadcast_run {
    const davit_onednn_broadcast_params *params;
    void *const *pointers;
    int64_t chunks; /* of a row */
} broadcast_run;

static void run_chunk(const broadcast_run *run, int64_t index)
{
    const davit_onednn_broadcast_params *p = run->params;
    int last = p->rank - 1;
    int64_t begin = index % run->chunks * CHUNK_ELEMS;
    int64_t count = p->dims[last] - begin < CHUNK_ELEMS ? p->dims[last] - begin : CHUNK_ELEMS;
    int64_t row = index / run->chunks;
    const void *inputs[DAVIT_ONEDNN_BROADCAST_INPUTS];
    int64_t strides[DAVIT_ONEDNN_BROADCAST_INPUTS];
    int64_t offsets[DAVIT_ONEDNN_BROADCAST_INPUTS];
    int64_t to = row * p->dims[last] + begin;
    for (size_t k = 0; k < p->input_count; k++) {
        strides[k] = p->strides[k][last];
        offsets[k] = begin * strides[k];
    }
    for (int i = last - 1; i >= 0; i--) {
        for (size_t k = 0; k < p->input_count; k++) {
            offsets[k] += row % p->dims[i] * p->strides[k][i];
        }
        row /= p->dims[i];
    }
    for (size_t k = 0; k < p->input_count; k++) {
        inputs[k] = (const char *)run->pointers[k] + (size_t)offsets[k] * p->elem_bytes[k];
    }
    p->row(count, inputs, strides,
           (char *)run->pointers[p->input_count] + (size_t)to * p->out_bytes);
}

static void run_chunks(const void *context, int64_t begin, int64_t end)
{
    for (int64_t i = begin; i < end; i++) {
        run_chunk(context, i);
    }
}

davit_status davit_onednn_run_broadcast(const davit_onednn_call *call)
{
    const davit_onednn_broadcast_params *p = call->params;
    int64_t inner = p->dims[p->rank - 1];
    broadcast_run run = {
        .params = p, .pointers = call->pointers, .chunks = (inner + CHUNK_ELEMS - 1) / CHUNK_ELEMS};
    int64_t rows = 1;
    for (int i = 0; i < p->rank - 1; i++) {
        rows *= p->dims[i];
    }
    int64_t per_chunk = inner < CHUNK_ELEMS ? inner : CHUNK_ELEMS;
    davit_onednn_parallel(rows * run.chunks, 1 + CHUNK_ELEMS / per_chunk, run_chunks, &run);
    return DAVIT_OK;
}
