/* Chooses a product's kernel by a model of a multiprocessor: what a tile takes in the arithmetic units
 * and in shared memory, how many tiles a multiprocessor gets, what begins and ends them, and what all
 * of them read. Only ratios matter; the numbers are of an A100 (NVIDIA A100 Tensor Core GPU
 * Architecture, white paper, table 4), and orders of the same size elsewhere. */
#include "tuning.h"

#include <string.h>

enum {
    SHARED_BYTES_A_CYCLE = 128, /* of shared memory, a multiprocessor */
    CACHE_BYTES_A_CYCLE = 40,   /* from the second-level cache, a multiprocessor's part */
    TILE_CYCLES = 1500,         /* to fill the pipeline of a tile and to write its results */
    STEP_CYCLES = 40,           /* of a warp that waits for its matrix instructions */
    BARRIER_CYCLES = 60,
    MEMORY_BYTES_A_CYCLE = 12,  /* a multiprocessor's part */
    LAUNCH_CYCLES = 3000,       /* of another kernel behind one that runs */
    LIBRARY_TILE = 128,
    BUSY_WARPS = 8,             /* hide each other's latency */
    MOST_TAPS = 128             /* what depthwise kernels have shared memory for */
};

/* Assumed, of what the models say: no device has measured either. */
static const double own_part = 0.6, library_part = 0.8;

typedef enum kernel_math { MATH_S8_MMA, MATH_S8_DOT, MATH_F32, MATH_TF32 } kernel_math;

/* Products an arithmetic unit of a multiprocessor makes in a cycle. */
static const double rates[] = {
    [MATH_S8_MMA] = 2048, [MATH_S8_DOT] = 256, [MATH_F32] = 64, [MATH_TF32] = 512};

typedef struct kernel {
    const char *name;
    kernel_math math;
    uint32_t threads, blocks, m, n;
    uint32_t slices, depth, stages;
    double shared_cycles; /* in which a warp reads its operands of 16 bytes of k */
} kernel;

#define MATH_s8 MATH_S8_MMA
#define MATH_tf32 MATH_TF32
#define PRODUCT_MMA(name, type, threads, blocks, m, n, warp_m, warp_n, slices, depth, stages)      \
    {#name, MATH_##type,  threads, blocks, m, n, slices, depth, stages,                            \
     (warp_m + warp_n) * 16.0 / SHARED_BYTES_A_CYCLE},
static const kernel matrix_kernels[] = {
#include "kernels/products.def"
};
#undef MATH_s8
#define MATH_s8 MATH_S8_DOT
#define MATH_f32 MATH_F32
/* Half of the lanes' reads are of the same words. */
#define PRODUCT_SIMT(name, type, threads, blocks, m, n, rows, columns, stages)                     \
    {#name, MATH_##type, threads, blocks, m, n, 1, 64, stages, (rows + columns) * 2.0},
static const kernel plain_kernels[] = {
#include "kernels/products.def"
};

typedef struct depthwise_kernel {
    const char *name;
    uint32_t threads, m, groups;
} depthwise_kernel;

#define PRODUCT_DEPTHWISE(name, type, threads, m, groups) {#name, threads, m, groups},
static const depthwise_kernel depthwise_kernels[] = {
#include "kernels/products.def"
};

static double ceil_ratio(double a, double b)
{
    double whole = (double)(uint64_t)(a / b);
    return whole * b < a ? whole + 1 : whole;
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static double smaller(double a, double b)
{
    return a < b ? a : b;
}

/* Cycles of the whole product on a device of that many multiprocessors. */
static double cycles_of(const kernel *k, const davit_gpu_product_params *p, uint32_t units)
{
    double element = k->math == MATH_F32 || k->math == MATH_TF32 ? 4 : 1;
    double bytes = p->k_padded * element;
    double steps = ceil_ratio(bytes, k->depth);
    double tiles =
        ceil_ratio(p->m, k->m) * ceil_ratio(p->group_out, k->n) * (double)p->groups;
    double tiles_each = ceil_ratio(tiles, units);
    double resident = smaller(tiles_each, k->blocks);
    double warps = k->threads / 32.0;

    double arithmetic = k->m * k->n * (k->depth / element) / rates[k->math];
    double reads = warps / k->slices * (k->depth / 16.0) * k->shared_cycles;
    double writes = (k->m + k->n) * k->depth / (double)SHARED_BYTES_A_CYCLE;
    double busy = larger(arithmetic, reads + writes) * larger(1, BUSY_WARPS / (resident * warps));
    double alone = BARRIER_CYCLES + k->depth / 32.0 / k->slices * STEP_CYCLES;
    double tile = steps * larger(busy, alone / resident);
    double compute =
        tiles_each * tile + ceil_ratio(tiles_each, k->blocks) * TILE_CYCLES;
    double read = tiles_each * (k->m + k->n) * bytes / CACHE_BYTES_A_CYCLE;
    return larger(compute, read);
}

static bool is_depthwise(const davit_gpu_product_params *p)
{
    return p->groups > 1 && p->group_in == 1 && p->group_out == 1 && p->groups % 4 == 0 &&
           p->kernel_h * p->kernel_w <= MOST_TAPS;
}

static bool usable(const kernel *k, const davit_gpu_limits *limits, bool s8)
{
    bool matrix = (limits->features & DAVIT_GPU_S8_MATRIX) != 0;
    bool dot = (limits->features & DAVIT_GPU_S8_DOT) != 0;
    bool fits = k->threads <= limits->max_group_threads &&
                (k->m + k->n) * k->depth * k->stages <= limits->shared_bytes;
    /* Through registers, a stage of the largest tile finds none left. */
    if ((limits->features & DAVIT_GPU_ASYNC_COPY) == 0 && matrix && k->math == MATH_S8_MMA) {
        fits = fits && k->m * k->n < 128 * 128;
    }
    bool tf32 = (limits->features & DAVIT_GPU_TF32) != 0;
    bool runs = s8 ? (k->math == MATH_S8_MMA && matrix) || (k->math == MATH_S8_DOT && dot)
                   : k->math == MATH_F32 || (k->math == MATH_TF32 && tf32);
    return fits && runs;
}

static void take_best(const kernel *kernels, size_t count, const davit_gpu_limits *limits, bool s8,
                      const davit_gpu_product_params *p, davit_gpu_product_choice *choice,
                      double *best)
{
    for (size_t i = 0; i < count; i++) {
        const kernel *k = &kernels[i];
        if (!usable(k, limits, s8)) {
            continue;
        }
        double cycles = cycles_of(k, p, limits->compute_units > 0 ? limits->compute_units : 1);
        if (*best < 0 || cycles < *best) {
            *best = cycles;
            *choice = (davit_gpu_product_choice){
                .kernel = k->name,
                .tile_m = k->m,
                .tile_n = k->n,
                .tile_groups = 1,
                .threads = k->threads};
        }
    }
}

/* ---- cuBLASLt ---- */

/* What its plain layouts can: s8 in rows of whole words, f32. */
static bool is_matrix_product(const davit_gpu_product_params *p, bool s8)
{
    bool plain = p->groups == 1 && p->kernel_h == 1 && p->kernel_w == 1 && p->stride_h == 1 &&
                 p->stride_w == 1 && p->in_h == p->out_h && p->in_w == p->out_w &&
                 p->pad_top == 0 && p->pad_left == 0;
    return plain && (!s8 || (!p->x_flip && p->in_c % 4 == 0 && p->out_c % 4 == 0));
}

/* Cycles with a library: its product, and the sums' way through memory to what finishes them. */
static double library_cycles(kernel_math math, const davit_gpu_product_params *p, uint32_t units)
{
    double element = math == MATH_S8_MMA ? 1 : 4;
    double tiles = ceil_ratio(p->m, LIBRARY_TILE) * ceil_ratio(p->group_out, LIBRARY_TILE);
    double tiles_each = ceil_ratio(tiles, units);
    double compute = tiles_each * LIBRARY_TILE * LIBRARY_TILE * p->k / rates[math];
    double read = tiles_each * 2 * LIBRARY_TILE * p->k * element / CACHE_BYTES_A_CYCLE;
    double moved = (double)p->m * p->group_out * (4 + 4 + element);
    return larger(compute, read) / library_part + moved / units / MEMORY_BYTES_A_CYCLE +
           LAUNCH_CYCLES;
}

static void consider_library(const davit_gpu_limits *limits, bool s8,
                             const davit_gpu_product_params *p, double best,
                             davit_gpu_product_choice *choice)
{
    bool tf32 = (limits->features & DAVIT_GPU_TF32) != 0;
    bool can = (limits->features & DAVIT_GPU_LIBRARY) != 0 && is_matrix_product(p, s8) &&
               (!s8 || (limits->features & DAVIT_GPU_S8_MATRIX) != 0);
    kernel_math math = s8 ? MATH_S8_MMA : tf32 ? MATH_TF32 : MATH_F32;
    uint32_t units = limits->compute_units > 0 ? limits->compute_units : 1;
    if (can && library_cycles(math, p, units) < best / own_part) {
        *choice = (davit_gpu_product_choice){
            .kernel = s8 ? "cublasLt_s8" : tf32 ? "cublasLt_tf32" : "cublasLt_f32",
            .library = true};
    }
}

static void choose(void *user, const davit_gpu_limits *limits, bool s8,
                   const davit_gpu_product_params *p, davit_gpu_product_choice *choice)
{
    (void)user;
    *choice = (davit_gpu_product_choice){0};
    if (is_depthwise(p)) {
        const depthwise_kernel *d = &depthwise_kernels[s8 ? 0 : 1];
        *choice = (davit_gpu_product_choice){.kernel = d->name,
                                             .tile_m = d->m,
                                             .tile_n = 1,
                                             .tile_groups = d->groups,
                                             .threads = d->threads};
        return;
    }
    if (p->groups > 1 && (p->group_in < 4 || p->group_out < 4)) {
        return; /* a tile would be almost empty */
    }
    double best = -1;
    take_best(matrix_kernels, sizeof matrix_kernels / sizeof matrix_kernels[0], limits, s8, p,
              choice, &best);
    take_best(plain_kernels, sizeof plain_kernels / sizeof plain_kernels[0], limits, s8, p, choice,
              &best);
    if (best >= 0) {
        consider_library(limits, s8, p, best, choice);
    }
}

/* Registers of a warp hold rows of up to 32 elements a lane. */
static void choose_rows(void *user, uint32_t count, davit_gpu_row_choice *choice)
{
    static const struct {
        const char *portable, *warp_128, *warp_1024, *block;
    } kernels[] = {
        {"softmax_f32", "softmax_f32_warp_128", "softmax_f32_warp_1024", "softmax_f32_block"},
        {"layer_norm_f32", NULL, "layer_norm_f32_warp_1024", "layer_norm_f32_block"},
        {"instance_norm_f32", NULL, NULL, "instance_norm_f32_block"},
    };
    (void)user;
    for (size_t i = 0; i < sizeof kernels / sizeof kernels[0]; i++) {
        if (strcmp(choice->kernel, kernels[i].portable) == 0) {
            const char *by_warp = count <= 128 && kernels[i].warp_128 != NULL ? kernels[i].warp_128
                                  : count <= 1024                             ? kernels[i].warp_1024
                                                                              : NULL;
            *choice = by_warp != NULL ? (davit_gpu_row_choice){by_warp, 4, 128}
                                      : (davit_gpu_row_choice){kernels[i].block, 1, 256};
            return;
        }
    }
}

static const char *const transposes[] = {"transpose_1", "transpose_2", "transpose_4",
                                         "transpose_8"};
static const uint32_t transpose_sides[] = {64, 64, 32, 32};

const davit_gpu_tuning davit_cuda_tuning = {.choose = choose,
                                            .choose_rows = choose_rows,
                                            .transposes = transposes,
                                            .transpose_sides = transpose_sides};
