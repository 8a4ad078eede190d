#include "tuning.h"

#define SHALLOW_K 256
#define THIN_M 16
#define DEFAULT_VECTOR 3 /* vector_4x64 */

#define VECTOR(rows, columns)                                                                      \
    {                                                                                              \
        "vector_" #rows "x" #columns, {"product_f32_v" #rows "x" #columns,                         \
                                       "product_s8_v" #rows "x" #columns},                         \
            rows, columns, 1                                                                       \
    }

const davit_opencl_tile davit_opencl_tiles[] = {
    {"portable_64x64", {"product_f32", "product_s8"}, 64, 64, 256},
    VECTOR(1, 64),
    VECTOR(4, 32),
    VECTOR(4, 64),
    VECTOR(8, 64),
};
const size_t davit_opencl_tile_count = sizeof(davit_opencl_tiles) / sizeof(davit_opencl_tiles[0]);

davit_opencl_class davit_opencl_class_of(const davit_gpu_product_params *params)
{
    if (params->m <= THIN_M) {
        return DAVIT_OPENCL_THIN;
    }
    return params->k <= SHALLOW_K ? DAVIT_OPENCL_SHALLOW : DAVIT_OPENCL_LARGE;
}

davit_opencl_tuning davit_opencl_tuning_default(bool is_cpu)
{
    davit_opencl_tuning tuning = {{{0}}};
    for (int s8 = 0; s8 < 2 && is_cpu; s8++) {
        for (int class = 0; class < DAVIT_OPENCL_CLASSES; class++) {
            tuning.tiles[s8][class] = DEFAULT_VECTOR; /* one for all: it is compiled once */
        }
    }
    return tuning;
}

void davit_opencl_choose(void *user, const davit_gpu_limits *limits, bool s8,
                         const davit_gpu_product_params *params, davit_gpu_product_choice *choice)
{
    const davit_opencl_tuning *tuning = user;
    (void)limits;
    if (params->group_out == 1 || (params->groups > 1 && params->group_in < 8)) {
        return; /* depthwise and the like: the direct kernels */
    }
    const davit_opencl_tile *tile =
        &davit_opencl_tiles[tuning->tiles[s8][davit_opencl_class_of(params)]];
    *choice = (davit_gpu_product_choice){.kernel = tile->kernels[s8],
                                         .tile_m = tile->tile_m,
                                         .tile_n = tile->tile_n,
                                         .tile_groups = 1,
                                         .threads = tile->threads};
}
