#include "blas.h"
#include "caller.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_WORKSPACE ((uint64_t)32 << 20)

static davit_cuda_blas libraries[2];
static pthread_once_t opened[2] = {PTHREAD_ONCE_INIT, PTHREAD_ONCE_INIT};

/* ---- opening ---- */

static void refuse(davit_cuda_blas *library, const char *what)
{
    (void)snprintf(library->unusable, sizeof(library->unusable), "%s", what);
}

static void *find_library(davit_cuda_driver_kind kind, char *name, size_t bytes)
{
    static const char *const names[] = {"libcublasLt.so.13", "libcublasLt.so.12",
                                        "libcublasLt.so.11"};
    char path[4096];
    void *library = NULL;
    if (kind == DAVIT_CUDA_EMULATED) {
        (void)snprintf(name, bytes, "the emulated driver");
        return davit_cuda_find_emulated(path, sizeof(path)) ? dlopen(path, RTLD_NOW | RTLD_LOCAL)
                                                            : NULL;
    }
    for (size_t i = 0; library == NULL && i < sizeof(names) / sizeof(names[0]); i++) {
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        (void)snprintf(name, bytes, "%s", names[i]);
    }
    return library;
}

static void add_version(davit_cuda_blas *library, void *opened_library)
{
    size_t (*version)(void);
    void *address = dlsym(opened_library, "cublasLtGetVersion");
    memcpy(&version, &address, sizeof(version));
    if (version != NULL) {
        size_t number = version(); /* 120405; 111103 */
        size_t length = strlen(library->name);
        (void)snprintf(library->name + length, sizeof(library->name) - length, " (%zu.%zu.%zu)",
                       number / 10000, number / 100 % 100, number % 100);
    }
}

static void open_library(davit_cuda_driver_kind kind)
{
    davit_cuda_blas *library = &libraries[kind];
    const char *wish = getenv("DAVIT_CUBLASLT");
    if (wish != NULL && strcmp(wish, "0") == 0) {
        refuse(library, "DAVIT_CUBLASLT is 0");
        return;
    }
    void *found = find_library(kind, library->name, sizeof(library->name));
    if (found == NULL) {
        refuse(library, "libcublasLt.so.13, .12 and .11 are not there");
        return;
    }
#define FIND(member, symbol, parameters)                                                           \
    {                                                                                              \
        void *address = dlsym(found, symbol);                                                      \
        memcpy(&library->member, &address, sizeof(address));                                       \
        if (address == NULL) {                                                                     \
            refuse(library, "it lacks " symbol);                                                   \
            return;                                                                                \
        }                                                                                          \
    }
    DAVIT_CUDA_BLAS_SYMBOLS(FIND)
#undef FIND
    add_version(library, found);
}

static void open_real(void)
{
    open_library(DAVIT_CUDA_REAL);
}

static void open_emulated(void)
{
    open_library(DAVIT_CUDA_EMULATED);
}

const davit_cuda_blas *davit_cuda_blas_open(davit_cuda_driver_kind kind)
{
    (void)pthread_once(&opened[kind], kind == DAVIT_CUDA_REAL ? open_real : open_emulated);
    return &libraries[kind];
}

/* ---- products ---- */

struct davit_cuda_product {
    blas_operation operation;
    blas_layout w, x, y;
    blas_algorithm algorithm;
    size_t workspace_bytes;
    bool s8;
};

void davit_cuda_product_free(davit_cuda_device *device, davit_cuda_product *product)
{
    const davit_cuda_blas *library = davit_cuda_blas_open(device->driver->kind);
    if (product == NULL) {
        return;
    }
    bool hung = atomic_load(&device->health) == DAVIT_CUDA_HUNG;
    if (product->operation != NULL && !hung) {
        (void)library->operation_destroy(product->operation);
    }
    blas_layout layouts[] = {product->w, product->x, product->y};
    for (int i = 0; i < 3; i++) {
        if (layouts[i] != NULL && !hung) {
            (void)library->layout_destroy(layouts[i]);
        }
    }
    davit_free(device->base.options.allocator, product);
}

/* y' = w'^T x', all column-major: what is row-major y = x w^T. Bytes must have this form. */
static blas_status describe(const davit_cuda_blas *library, davit_cuda_product *product,
                            const davit_gpu_library_params *p, bool tf32)
{
    const int32_t transposed = BLAS_TRANSPOSED;
    int from = p->s8 ? BLAS_REAL_S8 : BLAS_REAL_F32;
    int to = p->s8 ? BLAS_REAL_S32 : BLAS_REAL_F32;
    int compute = p->s8 ? BLAS_COMPUTE_S32 : tf32 ? BLAS_COMPUTE_FAST_TF32 : BLAS_COMPUTE_F32;
    uint64_t m = (uint64_t)p->m, n = (uint64_t)p->n, k = (uint64_t)p->k;
    blas_status status = library->operation_create(&product->operation, compute, to);
    if (status == BLAS_SUCCESS) {
        status = library->operation_set(product->operation, BLAS_OPERATION_TRANSPOSE_A, &transposed,
                                        sizeof(transposed));
    }
    if (status == BLAS_SUCCESS) {
        status = library->layout_create(&product->w, from, k, n, p->w_pitch);
    }
    if (status == BLAS_SUCCESS) {
        status = library->layout_create(&product->x, from, k, m, p->x_pitch);
    }
    if (status == BLAS_SUCCESS) {
        status = library->layout_create(&product->y, to, n, m, p->n);
    }
    return status;
}

static blas_status choose_algorithm(const davit_cuda_blas *library, blas_handle handle,
                                    davit_cuda_product *product)
{
    const uint64_t most = MOST_WORKSPACE;
    blas_preference preference;
    blas_heuristic result = {.state = BLAS_NOT_SUPPORTED};
    int count = 0;
    blas_status status = library->preference_create(&preference);
    if (status != BLAS_SUCCESS) {
        return status;
    }
    status = library->preference_set(preference, BLAS_PREFERENCE_MOST_WORKSPACE, &most, sizeof(most));
    if (status == BLAS_SUCCESS) {
        davit_cuda_gate_enter();
        status = davit_cuda_gate_leave(library->heuristic(handle, product->operation, product->w,
                                                          product->x, product->y, product->y,
                                                          preference, 1, &result, &count));
    }
    (void)library->preference_destroy(preference);
    if (status == BLAS_SUCCESS && (count < 1 || result.workspace_bytes > most)) {
        return BLAS_NOT_SUPPORTED;
    }
    product->algorithm = result.algorithm;
    product->workspace_bytes = result.workspace_bytes;
    return status == BLAS_SUCCESS ? result.state : status;
}

static blas_status make(davit_cuda_device *device, const davit_gpu_library_params *params,
                        davit_cuda_product **out)
{
    const davit_cuda_blas *library = davit_cuda_blas_open(device->driver->kind);
    davit_cuda_product *product = davit_alloc(device->base.options.allocator, sizeof(*product));
    if (product == NULL) {
        return BLAS_ALLOC_FAILED;
    }
    product->s8 = params->s8 != 0;
    blas_status status =
        describe(library, product, params, (device->limits.features & DAVIT_GPU_TF32) != 0);
    if (status == BLAS_SUCCESS) {
        status = choose_algorithm(library, device->blas, product);
    }
    if (status != BLAS_SUCCESS) {
        davit_cuda_product_free(device, product);
        return status;
    }
    *out = product;
    return BLAS_SUCCESS;
}

static blas_status enqueue(davit_cuda_device *device, const davit_cuda_product *product,
                           const cuda_address *operands, cuda_address workspace, cuda_stream stream)
{
    static const int32_t whole[2] = {1, 0};
    static const float real[2] = {1, 0};
    const davit_cuda_blas *library = davit_cuda_blas_open(device->driver->kind);
    const void *alpha = product->s8 ? (const void *)&whole[0] : &real[0];
    const void *beta = product->s8 ? (const void *)&whole[1] : &real[1];
    void *y = (void *)(uintptr_t)operands[2];
    davit_cuda_gate_enter();
    return davit_cuda_gate_leave(library->matmul(
        device->blas, product->operation, alpha, (const void *)(uintptr_t)operands[1], product->w,
        (const void *)(uintptr_t)operands[0], product->x, beta, y, product->y, y, product->y,
        &product->algorithm, (void *)(uintptr_t)workspace, product->workspace_bytes, stream));
}

davit_status davit_cuda_product_enqueue(davit_cuda_device *device,
                                        const davit_cuda_product *product,
                                        const cuda_address *operands, cuda_address workspace,
                                        cuda_stream stream)
{
    blas_status status = enqueue(device, product, operands, workspace, stream);
    return status == BLAS_SUCCESS
               ? DAVIT_OK
               : davit_fail(device->base.options.diag, DAVIT_INTERNAL,
                            "device '%s': cublasLtMatmul fails with status %d",
                            device->base.info.name, status);
}

/* ---- a device's library ---- */

bool davit_cuda_blas_wanted(davit_cuda_device *device)
{
    return atomic_load(&device->blas_state) != DAVIT_CUDA_BLAS_NONE;
}

void davit_cuda_blas_close(davit_cuda_device *device)
{
    if (device->blas != NULL) {
        (void)davit_cuda_blas_open(device->driver->kind)->destroy(device->blas);
        device->blas = NULL;
    }
}

/* ---- trying it ---- */

/* A small product: x and w count through small numbers, so that rows, columns and k that are mixed up
 * show, and that are exact in TF32. One behind the other in memory: x, w, y, the workspace. */
enum { CHECK_M = 12, CHECK_N = 8, CHECK_K = 64, CHECK_BYTES = 4096 };

static int check_value(int row, int column)
{
    return (row * 37 + column * 11) % 23 - 11;
}

static void fill_check(bool s8, char *data, int first_row, int rows)
{
    for (int i = 0; i < rows * CHECK_K; i++) {
        int value = check_value(first_row + i / CHECK_K, i % CHECK_K);
        if (s8) {
            ((int8_t *)data)[i] = (int8_t)value;
        } else {
            const float real = (float)value;
            memcpy(data + (size_t)i * sizeof(real), &real, sizeof(real));
        }
    }
}

static bool is_right(bool s8, const char *y)
{
    for (int i = 0; i < CHECK_M * CHECK_N; i++) {
        int sum = 0;
        for (int k = 0; k < CHECK_K; k++) {
            sum += check_value(i / CHECK_N, k) * check_value(CHECK_M + i % CHECK_N, k);
        }
        const float real = (float)sum;
        const int32_t whole = sum;
        if (memcmp(y + (size_t)i * 4, s8 ? (const void *)&whole : &real, 4) != 0) {
            return false;
        }
    }
    return true;
}

typedef struct check {
    davit_cuda_device *device;
    const davit_cuda_product *product;
    cuda_address memory;
} check;

static davit_status run_check(void *user, cuda_stream stream)
{
    const check *c = user;
    const cuda_address operands[] = {c->memory, c->memory + CHECK_BYTES,
                                     c->memory + 2 * CHECK_BYTES};
    return davit_cuda_product_enqueue(c->device, c->product, operands,
                                      c->memory + 3 * CHECK_BYTES, stream);
}

/* NULL, or what is wrong with the library. */
static const char *try_product(davit_cuda_device *device, bool s8)
{
    const davit_gpu_library_params params = {
        .s8 = s8, .m = CHECK_M, .n = CHECK_N, .k = CHECK_K, .x_pitch = CHECK_K, .w_pitch = CHECK_K};
    char data[3 * CHECK_BYTES] = {0};
    davit_cuda_product *product = NULL;
    davit_cuda_memory *memory = NULL;
    if (make(device, &params, &product) != BLAS_SUCCESS) {
        return "it has nothing for a small product";
    }
    davit_status status =
        davit_cuda_memory_take(device, 3 * CHECK_BYTES + product->workspace_bytes, &memory);
    if (status == DAVIT_OK) {
        check c = {device, product, memory->address};
        fill_check(s8, data, 0, CHECK_M);
        fill_check(s8, data + CHECK_BYTES, CHECK_M, CHECK_N);
        status = davit_cuda_exchange(device, memory->address, data, sizeof(data), run_check, &c);
    }
    davit_cuda_memory_give(device, memory);
    davit_cuda_product_free(device, product);
    return status != DAVIT_OK                             ? "a small product fails"
           : is_right(s8, data + 2 * (size_t)CHECK_BYTES) ? NULL
                                                          : "a small product is wrong";
}

static davit_status go_without(davit_cuda_device *device, const char *why)
{
    const davit_cuda_blas *library = davit_cuda_blas_open(device->driver->kind);
    davit_cuda_blas_close(device);
    atomic_store(&device->blas_state, DAVIT_CUDA_BLAS_NONE);
    davit_log(device->base.options.diag, DAVIT_INFO, "device '%s': no cuBLASLt: %s%s%s",
              device->base.info.name, library->unusable[0] == '\0' ? library->name : "",
              library->unusable[0] == '\0' ? ": " : "", why);
    return DAVIT_UNAVAILABLE;
}

static davit_status begin(davit_cuda_device *device)
{
    const davit_cuda_blas *library = davit_cuda_blas_open(device->driver->kind);
    if (library->unusable[0] != '\0') {
        return go_without(device, library->unusable);
    }
    davit_cuda_gate_enter();
    if (davit_cuda_gate_leave(library->create(&device->blas)) != BLAS_SUCCESS) {
        device->blas = NULL;
        return go_without(device, "it does not start");
    }
    bool matrix = (device->limits.features & DAVIT_GPU_S8_MATRIX) != 0;
    const char *wrong = matrix ? try_product(device, true) : NULL;
    wrong = wrong != NULL ? wrong : try_product(device, false);
    if (wrong != NULL) {
        return go_without(device, wrong);
    }
    atomic_store(&device->blas_state, DAVIT_CUDA_BLAS_READY);
    davit_log(device->base.options.diag, DAVIT_INFO, "device '%s': %s computes large products",
              device->base.info.name, library->name);
    return DAVIT_OK;
}

davit_status davit_cuda_product_create(davit_cuda_device *device,
                                       const davit_gpu_library_params *params,
                                       davit_cuda_product **out, size_t *workspace_bytes)
{
    pthread_mutex_lock(&device->blas_mutex);
    int state = atomic_load(&device->blas_state);
    davit_status status = state == DAVIT_CUDA_BLAS_UNKNOWN ? begin(device)
                          : state == DAVIT_CUDA_BLAS_READY ? DAVIT_OK
                                                           : DAVIT_UNAVAILABLE;
    pthread_mutex_unlock(&device->blas_mutex);
    if (status == DAVIT_OK && make(device, params, out) != BLAS_SUCCESS) {
        davit_log(device->base.options.diag, DAVIT_INFO,
                  "device '%s': cuBLASLt has nothing for a product of %d x %d x %d",
                  device->base.info.name, params->m, params->n, params->k);
        status = DAVIT_UNAVAILABLE;
    }
    if (status == DAVIT_OK) {
        *workspace_bytes = (*out)->workspace_bytes;
    }
    return status;
}
