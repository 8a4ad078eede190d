#include "driver.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Running kernels, and what catches them when they touch memory that is not there: signal handlers,
 * which are the process's own again as soon as no kernel runs. */

#define TOUCHED " touched address 0x" /* in the text of such a fault, before the address */

static const int signals[] = {SIGSEGV, SIGBUS};
enum { SIGNALS = 2 };

static struct {
    pthread_mutex_t mutex;
    unsigned running; /* kernels */
    struct sigaction before[SIGNALS];
} handlers = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* A signal that no kernel raised belongs to the program: its handler gets it when the instruction
 * is tried again. */
static void give_back(int number)
{
    for (int i = 0; i < SIGNALS; i++) {
        if (signals[i] == number) {
            (void)sigaction(number, &handlers.before[i], NULL);
        }
    }
}

static void handle(int number, siginfo_t *info, void *context)
{
    char where[96] = "";
    char text[160];
    (void)context;
    davit_cudaemu_where(where, sizeof(where));
    if (where[0] == '\0') {
        give_back(number);
        return;
    }
    (void)snprintf(text, sizeof(text), "%s" TOUCHED "%llx", where,
                   (unsigned long long)(uintptr_t)info->si_addr);
    davit_cudaemu_fail(text);
}

static void take_signals(void)
{
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    pthread_mutex_lock(&handlers.mutex);
    if (handlers.running++ == 0) {
        for (int i = 0; i < SIGNALS; i++) {
            (void)sigaction(signals[i], &action, &handlers.before[i]);
        }
    }
    pthread_mutex_unlock(&handlers.mutex);
}

static void restore_signals(void)
{
    pthread_mutex_lock(&handlers.mutex);
    if (--handlers.running == 0) {
        for (int i = 0; i < SIGNALS; i++) {
            (void)sigaction(signals[i], &handlers.before[i], NULL);
        }
    }
    pthread_mutex_unlock(&handlers.mutex);
}

/* ---- running ---- */

static bool never_cancelled(const davit_cudaemu_launch *launch)
{
    (void)launch;
    return false;
}

/* Counts a kernel, and does what the options want of it; false: it failed. */
static bool count_kernel(emu_device *device, const emu_call *launch, davit_cudaemu_launch *out)
{
    pthread_mutex_lock(&device->mutex);
    uint64_t count = ++device->kernel_count;
    const emu_options options = device->options;
    pthread_mutex_unlock(&device->mutex);
    while (count == options.hang_at) {
        (void)nanosleep(&(struct timespec){.tv_sec = 3600}, NULL);
    }
    if (count == options.lost_at) {
        emu_fail(device, CUDA_RESULT_LAUNCH_FAILED, "asked for by lost_at");
        return false;
    }
    *out = (davit_cudaemu_launch){
        .grid = {launch->grid[0], launch->grid[1], launch->grid[2]},
        .block = {launch->block[0], launch->block[1], launch->block[2]},
        .shared_bytes = launch->shared_bytes,
        .arguments = launch->arguments,
        .seed = options.seed != 0 ? options.seed * 0x9e3779b97f4a7c15u + count : 0,
        .find_races = options.races != 0,
        .cancelled = never_cancelled,
    };
    return true;
}

static void report_fault(emu_device *device, const char *kernel, const char *text)
{
    char whole[EMU_FAULT_BYTES];
    char near[96] = "";
    const char *touched = strstr(text, TOUCHED);
    if (touched != NULL) {
        cuda_address address = strtoull(touched + strlen(TOUCHED), NULL, 16);
        pthread_mutex_lock(&device->mutex);
        emu_explain_address(device, address, near, sizeof(near));
        pthread_mutex_unlock(&device->mutex);
    }
    (void)snprintf(whole, sizeof(whole), "kernel %s: %s%s%s", kernel, text,
                   near[0] != '\0' ? ", " : "", near);
    emu_fail(device, touched != NULL ? CUDA_RESULT_ILLEGAL_ADDRESS : CUDA_RESULT_LAUNCH_FAILED,
             whole);
}

void emu_run(emu_device *device, const emu_call *prepared)
{
    davit_cudaemu_launch launch;
    char text[160] = "";
    if (!count_kernel(device, prepared, &launch)) {
        return;
    }
    take_signals();
    bool done = prepared->kernel->run(&launch, text, sizeof(text));
    restore_signals();
    if (!done) {
        report_fault(device, prepared->kernel->name, text);
    }
}
