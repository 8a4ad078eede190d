/* Every product kernel, as for sm_80 and as for sm_75, against the scalar definition, on the host
 * emulation: ragged shapes, in order, in shuffled orders, and looking for races. Arguments: [CASES] [KERNEL]. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launch.h"
#include "product_case.h"

typedef struct product_kernel {
    const char *name, *type;
    product_kind kind;
    int m, n, groups;
    uint32_t threads;
} product_kernel;

static const product_kernel kernels[] = {
#define PRODUCT_MMA(name, type, threads, blocks, m, n, ...)                                        \
    {#name, #type, PRODUCT_ANY, m, n, 1, threads},
#define PRODUCT_SIMT(name, type, threads, blocks, m, n, ...)                                       \
    {#name, #type, PRODUCT_ANY, m, n, 1, threads},
#define PRODUCT_DEPTHWISE(name, type, threads, m, groups)                                          \
    {#name, #type, PRODUCT_DEPTHWISE, m, 1, groups, threads},
#include "backends/cuda/kernels/products.def"
#define PRODUCT_MMA(name, type, threads, blocks, m, n, ...)                                        \
    {"sm75_" #name, #type, PRODUCT_ANY, m, n, 1, threads},
#define PRODUCT_SIMT(name, type, threads, blocks, m, n, ...)                                       \
    {"sm75_" #name, #type, PRODUCT_ANY, m, n, 1, threads},
#include "backends/cuda/kernels/products.def"
    {"product_s8", "s8", PRODUCT_PADDED, 64, 64, 1, 256},
    {"product_f32", "f32", PRODUCT_PADDED, 64, 64, 1, 256},
};

enum { KERNELS = sizeof kernels / sizeof kernels[0] };

static uint32_t tiles(int count, int tile)
{
    return (uint32_t)((count + tile - 1) / tile);
}

/* Kernels keep to the order of x, w, bias, scale, correction, residual, y. */
static bool run_case(const product_kernel *k, product_case *c, run_mode mode, char text[256])
{
    const davit_gpu_product_params *p = &c->p;
    uint32_t grid[3] = {tiles(p->m, k->m), tiles(p->group_out, k->n), tiles(p->groups, k->groups)};
    void *arguments[] = {&c->p,     &c->x,          &c->w,        &c->bias,
                         &c->scale, &c->correction, &c->residual, &c->y};
    memset(c->y, 0x5a, c->y_bytes);
    return launch_kernel(k->name, grid, k->threads, arguments, mode, text);
}

static bool check_case(const product_kernel *k, uint64_t seed, run_mode mode, size_t operations)
{
    product_case c;
    product_case_make(&c, k->kind, strcmp(k->type, "s8") == 0, seed, operations);
    char text[256], which[256];
    size_t first = 0;
    product_case_text(&c, which, sizeof which);
    bool ran = run_case(k, &c, mode, text);
    size_t wrong =
        ran ? product_case_compare(&c, strcmp(k->type, "tf32") == 0 ? 2e-3 : 1e-5, &first) : 0;
    if (!ran) {
        printf("%s, %s: %s\n", k->name, which, text);
    } else if (wrong != 0) {
        printf("%s, %s: %zu of %zu wrong, first %zu\n", k->name, which, wrong,
               (size_t)c.p.m * c.channels, first);
    }
    product_case_free(&c);
    return ran && wrong == 0;
}

int main(int argc, char **argv)
{
    int cases = argc > 1 ? atoi(argv[1]) : 12;
    int failed = 0, run = 0;
    for (int i = 0; i < KERNELS; i++) {
        const product_kernel *k = &kernels[i];
        if (argc > 2 && strcmp(argv[2], k->name) != 0) {
            continue;
        }
        for (int j = 0; j < cases; j++) {
            uint64_t seed = (uint64_t)(i * 100000 + j);
            run_mode mode = {.seed = j % 3 == 1 ? seed + 1 : 0, .find_races = RACES && j % 3 == 2};
            failed += check_case(k, seed, mode, mode.find_races ? 1000000 : 6000000) ? 0 : 1;
            run++;
        }
    }
    printf("%d runs of %d kernels, %d failed\n", run, argc > 2 ? 1 : KERNELS, failed);
    return failed == 0 && run > 0 ? 0 : 1;
}
