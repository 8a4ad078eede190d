/* The kernels of this build as a driver loads them. */
#ifndef DAVIT_CUDA_IMAGES_H
#define DAVIT_CUDA_IMAGES_H

#include <stddef.h>

#include "driver.h"

#define DAVIT_CUDA_MAX_IMAGES 16

/* Images for a driver, and in *count how many: for NVIDIA's, fat binaries (machine code for the
 * architectures of the build, and PTX), none in a build without nvcc. The emulated driver brings
 * its kernels along and is given a word only. */
const void *const *davit_cuda_images(davit_cuda_driver_kind kind, size_t *count);

#endif
