/* Runs kernels of the emulated driver without the driver. */
#ifndef DAVIT_TEST_CUDA_LAUNCH_H
#define DAVIT_TEST_CUDA_LAUNCH_H

#include "backends/cuda/emu/emulated.h"

/* The kernel of that name, NULL when there is none. */
const davit_cudaemu_kernel *find_kernel(const char *name);

/* How many kernels there are; number i. */
size_t kernel_count(void);
const davit_cudaemu_kernel *kernel_at(size_t i);

/* Ways to run a launch. */
typedef struct run_mode {
    uint64_t seed;
    bool find_races;
} run_mode;

/* Launches with these arguments; memory faults end the kernel and not the test. False: text tells. */
bool launch_kernel(const char *name, const uint32_t grid[3], uint32_t threads,
                   void *const *arguments, run_mode mode, char text[256]);

/* Memory whose last byte lies before a page that nobody may touch. */
void *guarded_alloc(size_t bytes);
void guarded_free(void *memory, size_t bytes);

#endif
