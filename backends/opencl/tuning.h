/* Which kernel makes a product: by closed form, or by what was measured. */
#ifndef DAVIT_OPENCL_TUNING_H
#define DAVIT_OPENCL_TUNING_H

#include "davit/gpu_program.h"

/* Kinds of products that may want different tiles. */
typedef enum davit_opencl_class {
    DAVIT_OPENCL_LARGE, /* many rows, deep */
    DAVIT_OPENCL_SHALLOW, /* sums of few products: k of at most 256 */
    DAVIT_OPENCL_THIN,  /* at most 16 rows */
    DAVIT_OPENCL_CLASSES
} davit_opencl_class;

/* Indices of tiles (davit_opencl_tiles): [0] of f32, [1] of bytes. */
typedef struct davit_opencl_tuning {
    uint32_t tiles[2][DAVIT_OPENCL_CLASSES];
} davit_opencl_tuning;

typedef struct davit_opencl_tile {
    const char *name;      /* "vector_8x64" */
    const char *kernels[2]; /* of f32, of bytes */
    uint32_t tile_m, tile_n, threads;
} davit_opencl_tile;

#define DAVIT_OPENCL_MAX_TILES 16

/* The first is the portable kernel. */
extern const davit_opencl_tile davit_opencl_tiles[];
extern const size_t davit_opencl_tile_count;

davit_opencl_class davit_opencl_class_of(const davit_gpu_product_params *params);
/* What is taken where nothing was measured. */
davit_opencl_tuning davit_opencl_tuning_default(bool is_cpu);
/* davit_gpu_tuning.choose; user is a davit_opencl_tuning. */
void davit_opencl_choose(void *user, const davit_gpu_limits *limits, bool s8,
                         const davit_gpu_product_params *params, davit_gpu_product_choice *choice);

#endif
