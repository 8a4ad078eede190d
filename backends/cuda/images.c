#include "images.h"

/* images.def, made by CMake: X(name, "file") for each fat binary. */
#define X(name, file)                                                                              \
    __asm__(".section .rodata\n"                                                                   \
            ".balign 64\n"                                                                         \
            ".hidden davit_cuda_image_" #name "\n"                                                 \
            ".global davit_cuda_image_" #name "\n"                                                 \
            "davit_cuda_image_" #name ":\n"                                                        \
            ".incbin \"" file "\"\n"                                                               \
            ".balign 8\n"                                                                          \
            ".quad 0\n"                                                                            \
            ".previous\n");                                                                        \
    extern const unsigned char davit_cuda_image_##name[];
#include "images.def"
#undef X

static const void *const real_images[] = {
#define X(name, file) davit_cuda_image_##name,
#include "images.def"
#undef X
    NULL};

static const void *const emulated_images[] = {DAVIT_CUDA_EMULATED_IMAGE};

const void *const *davit_cuda_images(davit_cuda_driver_kind kind, size_t *count)
{
    if (kind == DAVIT_CUDA_EMULATED) {
        *count = 1;
        return emulated_images;
    }
    *count = sizeof(real_images) / sizeof(real_images[0]) - 1;
    return real_images;
}
