/* cuBLASLt, where it is installed, for large plain matrix products: optional, opened when a program first
 * wants it. Environment DAVIT_CUBLASLT=0: never. */
#ifndef DAVIT_CUDA_BLAS_H
#define DAVIT_CUDA_BLAS_H

#include "blas_symbols.h"
#include "device.h"

typedef struct davit_cuda_blas {
    char unusable[96]; /* why it cannot be used, "" when it can */
    char name[40];     /* "libcublasLt.so.12 (12.4.5)" */
#define DAVIT_CUDA_BLAS_MEMBER(member, symbol, parameters) blas_status(*member) parameters;
    DAVIT_CUDA_BLAS_SYMBOLS(DAVIT_CUDA_BLAS_MEMBER)
#undef DAVIT_CUDA_BLAS_MEMBER
} davit_cuda_blas;

/* The library beside a driver; the same answer ever after. The emulated driver plays it where its option
 * cublaslt=1 asks for that. Opening takes a quarter of a second. Thread-safe. */
const davit_cuda_blas *davit_cuda_blas_open(davit_cuda_driver_kind kind);

/* Whether programs of the device may try: false once it turned out that they cannot. */
bool davit_cuda_blas_wanted(davit_cuda_device *device);
/* Gives the device's handle back; its context is current. */
void davit_cuda_blas_close(davit_cuda_device *device);

/* A product made ready. */
typedef struct davit_cuda_product davit_cuda_product;

/* DAVIT_UNAVAILABLE, told at DAVIT_INFO only, where the library is not there, or cannot do it or does it
 * wrongly: then the device, or the program, goes without it. The context is current. *workspace_bytes: of device memory, for
 * each run. */
DAVIT_NODISCARD davit_status davit_cuda_product_create(davit_cuda_device *device,
                                                       const davit_gpu_library_params *params,
                                                       davit_cuda_product **out,
                                                       size_t *workspace_bytes);
void davit_cuda_product_free(davit_cuda_device *device, davit_cuda_product *product);
/* Puts it into a stream; operands are those of the launch. */
DAVIT_NODISCARD davit_status davit_cuda_product_enqueue(davit_cuda_device *device,
                                                        const davit_cuda_product *product,
                                                        const cuda_address *operands,
                                                        cuda_address workspace, cuda_stream stream);

#endif
