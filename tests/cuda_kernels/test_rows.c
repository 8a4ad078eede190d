/* The kernels of rows and of copies by tiles against sums in f64 and against single copies, on the
 * host emulation: odd sizes, in order, in shuffled orders, and looking for races. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "davit/gpu_product.h"

#include "backends/gpu/kernels/params.h"
#include "launch.h"

static uint64_t state;

static uint64_t draw(uint64_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % below;
}

/* ---- rows ---- */

typedef enum row_kind { SOFTMAX, LAYER, INSTANCE } row_kind;

typedef struct row_kernel {
    const char *name;
    row_kind kind;
    int most; /* elements of a row */
    uint32_t rows, threads;
} row_kernel;

static const row_kernel row_kernels[] = {
    {"softmax_f32_warp_128", SOFTMAX, 128, 4, 128},
    {"softmax_f32_warp_1024", SOFTMAX, 1024, 4, 128},
    {"softmax_f32_block", SOFTMAX, 7000, 1, 256},
    {"layer_norm_f32_warp_1024", LAYER, 1024, 4, 128},
    {"layer_norm_f32_block", LAYER, 7000, 1, 256},
    {"instance_norm_f32_block", INSTANCE, 7000, 1, 256},
};

typedef struct row_case {
    davit_gpu_row_params p;
    row_kind kind;
    float *x, *scale, *bias, *y;
    size_t elems, scales;
} row_case;

static float *numbers(size_t count, float middle, float width)
{
    float *made = guarded_alloc(count * sizeof(float));
    for (size_t i = 0; i < count; i++) {
        made[i] = middle + width * ((float)draw(20001) / 10000.0f - 1.0f);
    }
    return made;
}

/* Lengths next to those at which lanes, warps and blocks end. */
static int length_of(int most)
{
    static const int edges[] = {1, 2, 31, 32, 33, 127, 128, 255, 256, 257, 1023, 1024, 1025, 6625};
    int length = draw(2) == 0 ? edges[draw(sizeof edges / sizeof edges[0])]
                              : 1 + (int)draw((uint64_t)most);
    return length < most ? length : most;
}

static void row_case_make(row_case *c, const row_kernel *k)
{
    bool has_scale = k->kind != SOFTMAX && draw(4) != 0;
    c->kind = k->kind;
    c->p = (davit_gpu_row_params){.count = length_of(k->most),
                                  .stride = 1,
                                  .log = (int)draw(2),
                                  .rms = k->kind == LAYER && draw(4) == 0,
                                  .epsilon = 1e-5f,
                                  .channels = 1 + (int)draw(3)};
    c->p.rows = c->p.channels * (1 + (int)draw(4));
    c->elems = (size_t)c->p.rows * (size_t)c->p.count;
    c->scales = (size_t)(k->kind == INSTANCE ? c->p.channels : c->p.count);
    c->x = numbers(c->elems, (float)draw(20), 0.1f + (float)draw(30));
    c->scale = has_scale ? numbers(c->scales, 1, 2) : NULL;
    c->bias = has_scale && draw(2) == 0 ? numbers(c->scales, 0, 1) : NULL;
    c->y = guarded_alloc(c->elems * sizeof(float));
    memset(c->y, 0xff, c->elems * sizeof(float));
}

static void row_case_free(row_case *c)
{
    guarded_free(c->x, c->elems * sizeof(float));
    guarded_free(c->y, c->elems * sizeof(float));
    if (c->scale != NULL) {
        guarded_free(c->scale, c->scales * sizeof(float));
    }
    if (c->bias != NULL) {
        guarded_free(c->bias, c->scales * sizeof(float));
    }
}

/* Of a row, in f64: what is taken away from each element, and what it is then multiplied by (of a
 * softmax: its exponential). */
static void sums_of(const row_case *c, const float *x, double *shift, double *factor)
{
    double most = -INFINITY, sum = 0, powers = 0, squares = 0;
    for (int i = 0; i < c->p.count; i++) {
        most = x[i] > most ? x[i] : most;
        sum += x[i];
    }
    double mean = c->p.rms ? 0 : sum / c->p.count;
    for (int i = 0; i < c->p.count; i++) {
        powers += exp(x[i] - most);
        squares += (x[i] - mean) * (x[i] - mean);
    }
    *shift = c->kind == SOFTMAX ? most : mean;
    *factor =
        c->kind == SOFTMAX ? 1 / powers : 1 / sqrt(squares / c->p.count + (double)c->p.epsilon);
}

static double expected_at(const row_case *c, int row, int i, double shift, double factor)
{
    double t = (double)c->x[(size_t)row * (size_t)c->p.count + (size_t)i] - shift;
    if (c->kind == SOFTMAX) {
        return c->p.log ? t + log(factor) : exp(t) * factor;
    }
    int at = c->kind == INSTANCE ? row % c->p.channels : i;
    t = t * factor * (c->scale != NULL ? (double)c->scale[at] : 1);
    return t + (c->bias != NULL ? (double)c->bias[at] : 0);
}

static size_t wrong_in_rows(const row_case *c)
{
    size_t wrong = 0;
    for (int row = 0; row < c->p.rows; row++) {
        const size_t first = (size_t)row * (size_t)c->p.count;
        double shift, factor;
        sums_of(c, c->x + first, &shift, &factor);
        for (int i = 0; i < c->p.count; i++) {
            double want = expected_at(c, row, i, shift, factor);
            double off = fabs((double)c->y[first + (size_t)i] - want);
            wrong += !(off <= 1e-5 + 1e-4 * fabs(want));
        }
    }
    return wrong;
}

static bool check_rows(const row_kernel *k, run_mode mode)
{
    row_case c;
    char text[256] = "";
    row_case_make(&c, k);
    uint32_t grid[3] = {((uint32_t)c.p.rows + k->rows - 1) / k->rows, 1, 1};
    void *of_softmax[] = {&c.p, &c.x, &c.y};
    void *of_norm[] = {&c.p, &c.x, &c.scale, &c.bias, &c.y};
    bool ran = launch_kernel(k->name, grid, k->threads, k->kind == SOFTMAX ? of_softmax : of_norm,
                             mode, text);
    size_t wrong = ran ? wrong_in_rows(&c) : c.elems;
    if (wrong != 0) {
        printf("%s, %d rows of %d, log %d, rms %d: %zu wrong; %s\n", k->name, c.p.rows, c.p.count,
               c.p.log, c.p.rms, wrong, text);
    }
    row_case_free(&c);
    return wrong == 0;
}

/* A NaN makes its row NaN, and no other; so does an infinity of a softmax. */
static bool check_odd_numbers(const row_kernel *k)
{
    row_case c;
    char text[256] = "";
    row_case_make(&c, k);
    void *of_softmax[] = {&c.p, &c.x, &c.y};
    void *of_norm[] = {&c.p, &c.x, &c.scale, &c.bias, &c.y};
    uint32_t grid[3] = {((uint32_t)c.p.rows + k->rows - 1) / k->rows, 1, 1};
    c.x[draw((uint64_t)c.p.count)] = draw(2) == 0 ? NAN : INFINITY;
    bool right = launch_kernel(k->name, grid, k->threads,
                               k->kind == SOFTMAX ? of_softmax : of_norm, (run_mode){0}, text);
    bool seen = false;
    for (size_t i = 0; i < c.elems; i++) {
        bool first = i < (size_t)c.p.count;
        seen = seen || (first && isnan(c.y[i]));
        right = right && (first || !isnan(c.y[i]));
    }
    if (!right || !seen) {
        printf("%s: NaN in one of %d rows of %d is not seen there alone\n", k->name, c.p.rows,
               c.p.count);
    }
    row_case_free(&c);
    return right && seen;
}

/* ---- copies by tiles ---- */

typedef struct copy_kernel {
    const char *name;
    size_t bytes;
    int side;
} copy_kernel;

static const copy_kernel copy_kernels[] = {
    {"transpose_1", 1, 64}, {"transpose_2", 2, 64}, {"transpose_4", 4, 32}, {"transpose_8", 8, 32}};

/* Random sizes, both memories without gaps, the outer axes in any order in x. */
static void copy_params(davit_gpu_move_params *p)
{
    static const int orders[][5] = {{0, 1, 2, 3, 5}, {5, 0, 1, 2, 3}, {3, 5, 2, 0, 1}};
    const int *order = orders[draw(3)];
    *p = (davit_gpu_move_params){.count = 1};
    for (int i = 0; i < 6; i++) {
        p->dims[i] = i < 4 ? 1 + (int)(draw(3) == 0 ? draw(4) : 0) : 1 + (int)draw(150);
        p->count *= p->dims[i];
    }
    int stride = 1;
    for (int i = 5; i >= 0; i--) {
        p->to[i] = stride;
        stride *= p->dims[i];
    }
    p->from[4] = 1;
    stride = p->dims[4];
    for (int i = 4; i >= 0; i--) {
        p->from[order[i]] = stride;
        stride *= p->dims[order[i]];
    }
}

static size_t wrong_in_copy(const davit_gpu_move_params *p, const char *x, const char *y,
                            size_t bytes)
{
    size_t wrong = 0;
    for (int i = 0; i < p->count; i++) {
        int left = i, from = 0, to = 0;
        for (int axis = 5; axis >= 0; axis--) {
            from += left % p->dims[axis] * p->from[axis];
            to += left % p->dims[axis] * p->to[axis];
            left /= p->dims[axis];
        }
        wrong += memcmp(x + (size_t)from * bytes, y + (size_t)to * bytes, bytes) != 0;
    }
    return wrong;
}

static bool check_copy(const copy_kernel *k, run_mode mode)
{
    davit_gpu_move_params p;
    char text[256] = "";
    copy_params(&p);
    size_t bytes = (size_t)p.count * k->bytes;
    char *x = guarded_alloc(bytes), *y = guarded_alloc(bytes);
    for (size_t i = 0; i < bytes; i++) {
        x[i] = (char)draw(256);
    }
    memset(y, 0x5a, bytes);
    uint32_t grid[3] = {1, 1, 1};
    for (int i = 0; i < 6; i++) {
        int tile = i < 4 ? 1 : k->side;
        grid[0] *= (uint32_t)((p.dims[i] + tile - 1) / tile);
    }
    void *arguments[] = {&p, &x, &y};
    bool ran = launch_kernel(k->name, grid, 256, arguments, mode, text);
    size_t wrong = ran ? wrong_in_copy(&p, x, y, k->bytes) : bytes;
    if (wrong != 0) {
        printf("%s, %dx%dx%dx%dx%dx%d: %zu wrong; %s\n", k->name, p.dims[0], p.dims[1], p.dims[2],
               p.dims[3], p.dims[4], p.dims[5], wrong, text);
    }
    guarded_free(x, bytes);
    guarded_free(y, bytes);
    return wrong == 0;
}

int main(int argc, char **argv)
{
    int cases = argc > 1 ? atoi(argv[1]) : 12;
    int run = 0, failed = 0;
    for (int i = 0; i < cases; i++) {
        for (size_t k = 0; k < sizeof row_kernels / sizeof row_kernels[0]; k++) {
            run_mode mode = {.seed = i % 3 == 1 ? (uint64_t)i + 1 : 0,
                             .find_races = RACES && i % 3 == 2};
            state = (uint64_t)i * 1000 + k;
            failed += check_rows(&row_kernels[k], mode) ? 0 : 1;
            failed += check_odd_numbers(&row_kernels[k]) ? 0 : 1;
            run += 2;
        }
        for (size_t k = 0; k < sizeof copy_kernels / sizeof copy_kernels[0]; k++) {
            run_mode mode = {.seed = i % 3 == 1 ? (uint64_t)i + 1 : 0,
                             .find_races = RACES && i % 3 == 2};
            state = (uint64_t)i * 1000 + 500 + k;
            failed += check_copy(&copy_kernels[k], mode) ? 0 : 1;
            run++;
        }
    }
    printf("%d runs, %d failed\n", run, failed);
    return failed == 0 && run > 0 ? 0 : 1;
}
