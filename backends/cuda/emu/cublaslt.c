/* cuBLASLt as far as Davit uses it (../blas_symbols.h), for devices with the option cublaslt=1: checks
 * arguments as its manual does and hard, and computes on a stream's worker. Of bytes it takes what that
 * manual allows for plain layouts: transposed a, sizes and pitches of whole words. */
#include "../blas_symbols.h"
#include "driver.h"

#include <stdlib.h>
#include <string.h>

#define MAGIC 0x44617669745461ull /* what algorithms begin with */
#define WORKSPACE_BYTES 4096

#define DECLARE(member, symbol, parameters)                                                        \
    EMU_EXPORT blas_status emu_blas_##member parameters __asm__(symbol);
DAVIT_CUDA_BLAS_SYMBOLS(DECLARE)
#undef DECLARE
EMU_EXPORT size_t emu_blas_version(void) __asm__("cublasLtGetVersion");

struct blas_handle_object {
    emu_device *device;
};

struct blas_operation_object {
    int compute, scale_type;
    int32_t transposed_a;
};

struct blas_layout_object {
    int type;
    uint64_t rows, columns;
    int64_t pitch;
};

struct blas_preference_object {
    uint64_t workspace_bytes;
};

struct emu_product {
    bool s8, tf32, wrong;
    uint64_t rows, columns, depth; /* of d; of what is summed over */
    const void *a, *b;
    int64_t a_pitch, b_pitch, d_pitch;
    void *d, *workspace;
    size_t workspace_bytes;
};

static atomic_uint live; /* objects that nobody has destroyed */

unsigned emu_blas_live(void)
{
    return atomic_load(&live);
}

size_t emu_blas_version(void)
{
    return 120000;
}

/* ---- objects ---- */

static void *make(size_t bytes)
{
    void *made = calloc(1, bytes);
    (void)atomic_fetch_add(&live, made != NULL);
    return made;
}

static blas_status unmake(void *object)
{
    (void)atomic_fetch_sub(&live, 1);
    free(object);
    return BLAS_SUCCESS;
}

blas_status emu_blas_create(blas_handle *handle)
{
    cuda_result result;
    emu_device *device = emu_current(&result);
    if (device == NULL) {
        return BLAS_NOT_INITIALIZED;
    }
    bool offered = device->options.cublaslt != 0;
    emu_unlock(device);
    if (!offered) {
        return BLAS_NOT_INITIALIZED;
    }
    *handle = make(sizeof(**handle));
    if (*handle == NULL) {
        return BLAS_ALLOC_FAILED;
    }
    (*handle)->device = device;
    return BLAS_SUCCESS;
}

blas_status emu_blas_destroy(blas_handle handle)
{
    return unmake(handle);
}

blas_status emu_blas_operation_create(blas_operation *operation, int compute, int scale_type)
{
    blas_operation made = make(sizeof(*made));
    if (made == NULL) {
        return BLAS_ALLOC_FAILED;
    }
    *made = (struct blas_operation_object){.compute = compute, .scale_type = scale_type};
    *operation = made;
    return BLAS_SUCCESS;
}

blas_status emu_blas_operation_destroy(blas_operation operation)
{
    return unmake(operation);
}

blas_status emu_blas_operation_set(blas_operation operation, int attribute, const void *value,
                                   size_t bytes)
{
    if (attribute != BLAS_OPERATION_TRANSPOSE_A || bytes != sizeof(int32_t)) {
        return BLAS_INVALID_VALUE;
    }
    memcpy(&operation->transposed_a, value, bytes);
    return BLAS_SUCCESS;
}

blas_status emu_blas_layout_create(blas_layout *layout, int type, uint64_t rows, uint64_t columns,
                                   int64_t pitch)
{
    if (pitch < 0 || (uint64_t)pitch < rows) {
        return BLAS_INVALID_VALUE;
    }
    blas_layout made = make(sizeof(*made));
    if (made == NULL) {
        return BLAS_ALLOC_FAILED;
    }
    *made = (struct blas_layout_object){
        .type = type, .rows = rows, .columns = columns, .pitch = pitch};
    *layout = made;
    return BLAS_SUCCESS;
}

blas_status emu_blas_layout_destroy(blas_layout layout)
{
    return unmake(layout);
}

blas_status emu_blas_preference_create(blas_preference *preference)
{
    *preference = make(sizeof(**preference));
    return *preference != NULL ? BLAS_SUCCESS : BLAS_ALLOC_FAILED;
}

blas_status emu_blas_preference_destroy(blas_preference preference)
{
    return unmake(preference);
}

blas_status emu_blas_preference_set(blas_preference preference, int attribute, const void *value,
                                    size_t bytes)
{
    if (attribute != BLAS_PREFERENCE_MOST_WORKSPACE || bytes != sizeof(uint64_t)) {
        return BLAS_INVALID_VALUE;
    }
    memcpy(&preference->workspace_bytes, value, bytes);
    return BLAS_SUCCESS;
}

/* ---- products ---- */

static bool is_words(const struct blas_layout_object *layout)
{
    return layout->rows % 4 == 0 && layout->pitch % 4 == 0;
}

static blas_status check(blas_operation operation, blas_layout a, blas_layout b, blas_layout d)
{
    bool s8 = operation->compute == BLAS_COMPUTE_S32;
    bool types = s8 ? a->type == BLAS_REAL_S8 && b->type == BLAS_REAL_S8 &&
                          d->type == BLAS_REAL_S32 && operation->scale_type == BLAS_REAL_S32
                    : (operation->compute == BLAS_COMPUTE_F32 ||
                       operation->compute == BLAS_COMPUTE_FAST_TF32) &&
                          a->type == BLAS_REAL_F32 && b->type == BLAS_REAL_F32 &&
                          d->type == BLAS_REAL_F32 && operation->scale_type == BLAS_REAL_F32;
    if (!types || operation->transposed_a != BLAS_TRANSPOSED ||
        (s8 && !(is_words(a) && is_words(b) && is_words(d)))) {
        return BLAS_NOT_SUPPORTED;
    }
    return a->rows == b->rows && d->rows == a->columns && d->columns == b->columns
               ? BLAS_SUCCESS
               : BLAS_INVALID_VALUE;
}

blas_status emu_blas_heuristic(blas_handle handle, blas_operation operation, blas_layout a,
                               blas_layout b, blas_layout c, blas_layout d,
                               blas_preference preference, int wanted, blas_heuristic *results,
                               int *count)
{
    (void)handle;
    *count = 0;
    if (wanted < 1 || c != d) {
        return BLAS_INVALID_VALUE;
    }
    blas_status status = check(operation, a, b, d);
    if (status == BLAS_SUCCESS && preference->workspace_bytes >= WORKSPACE_BYTES) {
        *count = 1;
        results[0] = (blas_heuristic){.algorithm = {{MAGIC, d->rows, d->columns}},
                                      .workspace_bytes = WORKSPACE_BYTES,
                                      .state = BLAS_SUCCESS,
                                      .waves = 1};
    }
    return status;
}

/* The bytes of a matrix; its memory must have them all. */
static bool owns(const emu_device *device, const void *matrix, const struct blas_layout_object *of)
{
    uint64_t elements = (of->columns - 1) * (uint64_t)of->pitch + of->rows;
    uint64_t bytes = of->type == BLAS_REAL_S8 ? 1 : 4;
    return of->columns > 0 && (uintptr_t)matrix % 16 == 0 &&
           emu_owns(device, (cuda_address)(uintptr_t)matrix, (size_t)(elements * bytes));
}

/* alpha is 1 and beta 0. */
static bool is_plain(bool s8, const void *alpha, const void *beta)
{
    static const int32_t whole[] = {1, 0};
    static const float real[] = {1, 0};
    return memcmp(alpha, s8 ? (const void *)&whole[0] : &real[0], 4) == 0 &&
           memcmp(beta, s8 ? (const void *)&whole[1] : &real[1], 4) == 0;
}

static cuda_result append(cuda_stream stream, const emu_product *product)
{
    emu_work work = {.kind = EMU_PRODUCT, .product = malloc(sizeof(*product))};
    if (work.product == NULL) {
        return CUDA_RESULT_OUT_OF_MEMORY;
    }
    *work.product = *product;
    cuda_result result = emu_append(stream, &work);
    if (result != CUDA_RESULT_SUCCESS) {
        free(work.product);
    }
    return result;
}

blas_status emu_blas_matmul(blas_handle handle, blas_operation operation, const void *alpha,
                            const void *a, blas_layout a_layout, const void *b,
                            blas_layout b_layout, const void *beta, const void *c,
                            blas_layout c_layout, void *d, blas_layout d_layout,
                            const blas_algorithm *algorithm, void *workspace,
                            size_t workspace_bytes, cuda_stream stream)
{
    const bool s8 = operation->compute == BLAS_COMPUTE_S32;
    const emu_product product = {.s8 = s8,
                                 .wrong = handle->device->options.cublaslt == 2,
                                 .tf32 = operation->compute == BLAS_COMPUTE_FAST_TF32,
                                 .rows = d_layout->rows,
                                 .columns = d_layout->columns,
                                 .depth = a_layout->rows,
                                 .a = a,
                                 .b = b,
                                 .a_pitch = a_layout->pitch,
                                 .b_pitch = b_layout->pitch,
                                 .d_pitch = d_layout->pitch,
                                 .d = d,
                                 .workspace = workspace,
                                 .workspace_bytes = workspace_bytes};
    cuda_result result;
    blas_status status = check(operation, a_layout, b_layout, d_layout);
    emu_device *device = emu_current(&result);
    if (device == NULL) {
        return BLAS_EXECUTION_FAILED;
    }
    bool right = device == handle->device && c == d && c_layout == d_layout &&
                 is_plain(s8, alpha, beta) && algorithm->data[0] == MAGIC &&
                 algorithm->data[1] == product.rows && algorithm->data[2] == product.columns &&
                 workspace_bytes >= WORKSPACE_BYTES && owns(device, a, a_layout) &&
                 owns(device, b, b_layout) && owns(device, d, d_layout) &&
                 emu_owns(device, (cuda_address)(uintptr_t)workspace, workspace_bytes);
    if (status == BLAS_SUCCESS) {
        status = !right                                                 ? BLAS_INVALID_VALUE
                 : append(stream, &product) == CUDA_RESULT_SUCCESS ? BLAS_SUCCESS
                                                                   : BLAS_EXECUTION_FAILED;
    }
    emu_unlock(device);
    return status;
}

/* ---- computing ---- */

static int32_t dot_s8(const int8_t *a, const int8_t *b, uint64_t depth)
{
    int32_t sum = 0;
    for (uint64_t k = 0; k < depth; k++) {
        sum += a[k] * b[k];
    }
    return sum;
}

/* 10 bits behind the point, ties away from zero. */
static float to_tf32(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    bits = (bits + 0x1000) & UINT32_C(0xffffe000);
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static float dot_f32(const float *a, const float *b, uint64_t depth, bool tf32)
{
    float sum = 0;
    for (uint64_t k = 0; k < depth; k++) {
        sum += tf32 ? to_tf32(a[k]) * to_tf32(b[k]) : a[k] * b[k];
    }
    return sum;
}

void emu_run_product(const emu_product *p)
{
    uint64_t depth = p->depth - (p->wrong ? 1 : 0);
    memset(p->workspace, 0xa5, p->workspace_bytes);
    for (uint64_t column = 0; column < p->columns; column++) {
        for (uint64_t row = 0; row < p->rows; row++) {
            size_t a = row * (size_t)p->a_pitch, b = column * (size_t)p->b_pitch;
            size_t d = column * (size_t)p->d_pitch + row;
            if (p->s8) {
                ((int32_t *)p->d)[d] =
                    dot_s8((const int8_t *)p->a + a, (const int8_t *)p->b + b, depth);
            } else {
                ((float *)p->d)[d] =
                    dot_f32((const float *)p->a + a, (const float *)p->b + b, depth, p->tf32);
            }
        }
    }
}
