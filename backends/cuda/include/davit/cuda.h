/* NVIDIA GPUs through the driver API, which is opened at run time: devices `cuda:0`, `cuda:1`...,
 * and `cuda:emu`, `cuda:emu:1`... of the emulated driver (libdavit-cudaemu.so), which runs the same
 * kernels on the host. Without a driver there is one unusable entry that says why.
 *
 * backends/cuda/README.md lists the backend_options of emulated devices, for tests. */
#ifndef DAVIT_CUDA_H
#define DAVIT_CUDA_H

#include "davit/backend.h"

extern const davit_backend_table davit_cuda_backend;

#endif
