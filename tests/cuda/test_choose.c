/* Which kernels the CUDA backend takes, by what must hold of any choice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "backends/cuda/tuning.h"

typedef struct known_kernel {
    const char *name;
    const char *type; /* s8, f32, tf32 */
    enum { MMA, SIMT, DEPTHWISE } kind;
    uint32_t threads, m, n, groups, shared_bytes;
} known_kernel;

/* depth of a stage of SIMT kernels: 64 bytes (kernels/tile.h). */
static const known_kernel kernels[] = {
#define PRODUCT_MMA(name, type, threads, blocks, m, n, warp_m, warp_n, slices, depth, stages)      \
    {#name, #type, MMA, threads, m, n, 1, ((m) + (n)) * (depth) * (stages)},
#define PRODUCT_SIMT(name, type, threads, blocks, m, n, rows, columns, stages)                     \
    {#name, #type, SIMT, threads, m, n, 1, ((m) + (n)) * 64 * (stages)},
#define PRODUCT_DEPTHWISE(name, type, threads, m, groups)                                          \
    {#name, #type, DEPTHWISE, threads, m, 1, groups, 0},
#include "backends/cuda/kernels/products.def"
};

static const davit_gpu_limits a100 = {
    .features = DAVIT_GPU_S8_DOT | DAVIT_GPU_S8_MATRIX | DAVIT_GPU_ASYNC_COPY,
    .compute_units = 108,
    .max_group_threads = 1024,
    .shared_bytes = 49152};

static const known_kernel *find(const char *name)
{
    for (size_t i = 0; i < sizeof kernels / sizeof kernels[0]; i++) {
        if (strcmp(kernels[i].name, name) == 0) {
            return &kernels[i];
        }
    }
    fail_msg("there is no kernel %s", name);
    return NULL;
}

/* A matrix product [m][k] x [k][n]. */
static davit_gpu_product_params product_of(int m, int n, int k, bool s8)
{
    int rounding = s8 ? 64 : 16;
    return (davit_gpu_product_params){.images = m,
                                      .in_h = 1,
                                      .in_w = 1,
                                      .in_c = k,
                                      .out_h = 1,
                                      .out_w = 1,
                                      .out_c = n,
                                      .kernel_h = 1,
                                      .kernel_w = 1,
                                      .groups = 1,
                                      .group_in = k,
                                      .group_out = n,
                                      .m = m,
                                      .k = k,
                                      .k_padded = (k + rounding - 1) / rounding * rounding};
}

/* The kernel taken; its numbers are those of products.def. */
static const known_kernel *take(const davit_gpu_limits *limits, bool s8,
                                const davit_gpu_product_params *p)
{
    davit_gpu_product_choice choice = {0};
    davit_cuda_tuning.choose(davit_cuda_tuning.user, limits, s8, p, &choice);
    if (choice.kernel == NULL) {
        return NULL;
    }
    const known_kernel *k = find(choice.kernel);
    assert_int_equal(choice.tile_m, k->m);
    assert_int_equal(choice.tile_n, k->n);
    assert_int_equal(choice.tile_groups, k->groups);
    assert_int_equal(choice.threads, k->threads);
    return k;
}

static uint64_t tiles(const known_kernel *k, int m, int n)
{
    return (((uint64_t)m + k->m - 1) / k->m) * (((uint64_t)n + k->n - 1) / k->n);
}

static const int sizes[] = {1, 3, 16, 17, 33, 64, 100, 128, 1000, 3136, 12544, 100000};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

/* Calls of check with a product of every mix of sizes. */
static void for_all(void (*check)(int m, int n, int k))
{
    for (int m = 0; m < SIZES; m++) {
        for (int n = 0; n < SIZES - 2; n++) {
            for (int k = 0; k < SIZES - 2; k++) {
                check(sizes[m], sizes[n], sizes[k]);
            }
        }
    }
}

/* Every mix of what devices have, and small ones: what is taken runs there, f32 is f32 unless TF32
 * is asked for, and then it is taken for the sums that matter. */
static void check_fit(int m, int n, int k)
{
    static const uint32_t shared[] = {16384, 32768, 49152};
    for (uint32_t features = 0; features < 16; features++) {
        for (size_t i = 0; i < 6; i++) {
            davit_gpu_limits limits = {.features = features,
                                       .compute_units = 40,
                                       .max_group_threads = i % 2 ? 128 : 1024,
                                       .shared_bytes = shared[i / 2]};
            for (int s8 = 0; s8 < 2; s8++) {
                davit_gpu_product_params p = product_of(m, n, k, s8 != 0);
                const known_kernel *taken = take(&limits, s8 != 0, &p);
                if (taken == NULL) {
                    assert_true(s8 ? (features & (DAVIT_GPU_S8_DOT | DAVIT_GPU_S8_MATRIX)) == 0 ||
                                         shared[i / 2] < 24576
                                   : shared[i / 2] < 16384);
                    continue;
                }
                bool tf32 = strcmp(taken->type, "tf32") == 0;
                assert_true(taken->threads <= limits.max_group_threads);
                assert_true(taken->shared_bytes <= limits.shared_bytes);
                assert_true((strcmp(taken->type, "s8") == 0) == (s8 != 0));
                assert_true(!tf32 || (features & DAVIT_GPU_TF32) != 0);
                assert_true(!s8 || taken->kind != MMA || (features & DAVIT_GPU_S8_MATRIX) != 0);
                assert_true(!s8 || taken->kind != SIMT || (features & DAVIT_GPU_S8_DOT) != 0);
            }
        }
    }
}

static void choices_run_on_the_device(void **state)
{
    (void)state;
    for_all(check_fit);
}

static void tf32_is_taken_where_asked_for(void **state)
{
    davit_gpu_limits limits = a100;
    davit_gpu_product_params p = product_of(12544, 256, 1024, false);
    (void)state;
    assert_string_equal(take(&limits, false, &p)->type, "f32");
    limits.features |= DAVIT_GPU_TF32;
    assert_string_equal(take(&limits, false, &p)->type, "tf32");
}

/* Matrix instructions are taken for bytes wherever there are some. */
static void check_matrix(int m, int n, int k)
{
    davit_gpu_product_params p = product_of(m, n, k, true);
    assert_int_equal(take(&a100, true, &p)->kind, MMA);
}

/* No tile lies outside of y by more than half where one of half the size would do. */
static void check_waste(int m, int n, int k)
{
    davit_gpu_product_params p = product_of(m, n, k, true);
    const known_kernel *taken = take(&a100, true, &p);
    assert_true((int)taken->m < 2 * m || taken->m <= 32);
    assert_true((int)taken->n < 2 * n || taken->n <= 64);
}

/* Where small tiles could keep all multiprocessors busy, those taken keep a quarter of them busy. */
static void check_units(int m, int n, int k)
{
    davit_gpu_product_params p = product_of(m, n, k, true);
    uint64_t most = tiles(find("product_s8_mma_32x32"), m, n);
    uint64_t wanted = most < a100.compute_units ? most : a100.compute_units;
    assert_true(4 * tiles(take(&a100, true, &p), m, n) >= wanted);
}

static void tiles_follow_sizes(void **state)
{
    (void)state;
    for_all(check_matrix);
    for_all(check_waste);
    for_all(check_units);
    davit_gpu_product_params large = product_of(100000, 1024, 1024, true);
    const known_kernel *taken = take(&a100, true, &large);
    assert_int_equal(taken->m * taken->n, 128 * 128);
    davit_gpu_product_params row = product_of(1, 4096, 4096, true);
    assert_int_equal(take(&a100, true, &row)->m, 16);
}

/* The largest tile finds no registers without asynchronous copies. */
static void sm_75_goes_without_the_largest_tile(void **state)
{
    davit_gpu_limits limits = a100;
    (void)state;
    limits.features &= ~(uint32_t)DAVIT_GPU_ASYNC_COPY;
    davit_gpu_product_params p = product_of(100000, 1024, 1024, true);
    assert_true(take(&limits, true, &p)->m * take(&limits, true, &p)->n < 128 * 128);
}

static void groups_decide(void **state)
{
    davit_gpu_product_params p = product_of(3136, 1, 1, true);
    (void)state;
    p.kernel_h = p.kernel_w = 3;
    p.groups = 96;
    p.in_c = p.out_c = 96;
    assert_string_equal(take(&a100, true, &p)->name, "product_s8_depthwise");
    assert_string_equal(take(&a100, false, &p)->name, "product_f32_depthwise");
    p.groups = 98; /* not whole words */
    assert_null(take(&a100, true, &p));
    p.groups = 32;
    p.group_in = p.group_out = 3;
    assert_null(take(&a100, true, &p));
    p.group_in = p.group_out = 8;
    assert_non_null(take(&a100, true, &p));
}

static void rows_are_held_where_they_fit(void **state)
{
    static const struct {
        const char *portable;
        uint32_t count;
        const char *taken;
        uint32_t rows, threads;
    } cases[] = {
        {"softmax_f32", 1, "softmax_f32_warp_128", 4, 128},
        {"softmax_f32", 128, "softmax_f32_warp_128", 4, 128},
        {"softmax_f32", 129, "softmax_f32_warp_1024", 4, 128},
        {"softmax_f32", 1024, "softmax_f32_warp_1024", 4, 128},
        {"softmax_f32", 1025, "softmax_f32_block", 1, 256},
        {"layer_norm_f32", 5, "layer_norm_f32_warp_1024", 4, 128},
        {"layer_norm_f32", 1024, "layer_norm_f32_warp_1024", 4, 128},
        {"layer_norm_f32", 1025, "layer_norm_f32_block", 1, 256},
        {"instance_norm_f32", 5, "instance_norm_f32_block", 1, 256},
        {"instance_norm_f32", 9999, "instance_norm_f32_block", 1, 256},
        {"another", 7, "another", 1, 64},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        davit_gpu_row_choice choice = {cases[i].portable, 1, 64};
        davit_cuda_tuning.choose_rows(davit_cuda_tuning.user, cases[i].count, &choice);
        assert_string_equal(choice.kernel, cases[i].taken);
        assert_int_equal(choice.rows, cases[i].rows);
        assert_int_equal(choice.threads, cases[i].threads);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(choices_run_on_the_device),
        cmocka_unit_test(tf32_is_taken_where_asked_for),
        cmocka_unit_test(tiles_follow_sizes),
        cmocka_unit_test(sm_75_goes_without_the_largest_tile),
        cmocka_unit_test(groups_decide),
        cmocka_unit_test(rows_are_held_where_they_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
