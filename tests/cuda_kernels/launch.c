#define _GNU_SOURCE
#include "launch.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static davit_cudaemu_kernel *kernels;

void davit_cudaemu_register(davit_cudaemu_kernel *kernel)
{
    kernel->next = kernels;
    kernels = kernel;
}

const davit_cudaemu_kernel *find_kernel(const char *name)
{
    const davit_cudaemu_kernel *k = kernels;
    while (k != NULL && strcmp(k->name, name) != 0) {
        k = k->next;
    }
    return k;
}

size_t kernel_count(void)
{
    size_t count = 0;
    for (const davit_cudaemu_kernel *k = kernels; k != NULL; k = k->next) {
        count++;
    }
    return count;
}

const davit_cudaemu_kernel *kernel_at(size_t i)
{
    const davit_cudaemu_kernel *k = kernels;
    while (i-- > 0) {
        k = k->next;
    }
    return k;
}

static void end_kernel(int number, siginfo_t *info, void *context)
{
    (void)context;
    char text[256], where[64];
    davit_cudaemu_where(where, sizeof where);
    if (where[0] == '\0') {
        signal(number, SIG_DFL);
        raise(number);
        return;
    }
    snprintf(text, sizeof text, "%s: memory at %p is not there", where, info->si_addr);
    davit_cudaemu_fail(text);
}

bool launch_kernel(const char *name, const uint32_t grid[3], uint32_t threads,
                   void *const *arguments, run_mode mode, char text[256])
{
    const davit_cudaemu_kernel *kernel = find_kernel(name);
    if (kernel == NULL) {
        snprintf(text, 256, "there is no kernel %s", name);
        return false;
    }
    struct sigaction action = {.sa_sigaction = end_kernel, .sa_flags = SA_SIGINFO | SA_NODEFER};
    struct sigaction before[2];
    sigaction(SIGSEGV, &action, &before[0]);
    sigaction(SIGBUS, &action, &before[1]);
    davit_cudaemu_launch launch = {.grid = {grid[0], grid[1], grid[2]},
                                   .block = {threads, 1, 1},
                                   .arguments = arguments,
                                   .seed = mode.seed,
                                   .find_races = mode.find_races};
    text[0] = '\0';
    bool done = kernel->run(&launch, text, 256);
    sigaction(SIGSEGV, &before[0], NULL);
    sigaction(SIGBUS, &before[1], NULL);
    return done;
}

static size_t mapped_bytes(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (bytes + page - 1) / page * page + page;
}

void *guarded_alloc(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t all = mapped_bytes(bytes);
    char *memory =
        mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        abort();
    }
    mprotect(memory + all - page, page, PROT_NONE);
    return memory + (all - page - bytes) / 64 * 64;
}

void guarded_free(void *memory, size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    munmap((void *)((uintptr_t)memory / page * page), mapped_bytes(bytes));
}
