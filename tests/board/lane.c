#include "lane.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <xrt/xrt_bo.h>
#include <xrt/xrt_device.h>
#include <xrt/xrt_kernel.h>

#include "davit/engine_abi.h"
#include "engine_csim.h"

static _Thread_local lane *used;

void lane_use(lane *l)
{
    used = l;
}

static bool fail(lane *l, const char *what)
{
    if (l->error == NULL) {
        l->error = what;
    }
    return false;
}

static bool open_kernel(lane *l, lane_kernel *k, const unsigned char uuid[16], const char *name,
                        size_t argument_count)
{
    k->argument_count = argument_count;
    k->kernel = xrtPLKernelOpen(l->device, uuid, name);
    if (k->kernel == NULL) {
        return fail(l, "xrtPLKernelOpen");
    }
    k->run = xrtRunOpen(k->kernel);
    return k->run != NULL || fail(l, "xrtRunOpen");
}

bool lane_open(lane *l, void *device, const unsigned char uuid[16], unsigned index,
               long deadline_ms)
{
    char gemm[64], vector[64];
    *l = (lane){.device = device, .deadline_ms = deadline_ms};
    (void)snprintf(gemm, sizeof(gemm), "gemm_s8:{gemm_s8_%u}", index + 1);
    (void)snprintf(vector, sizeof(vector), "vector_s8:{vector_s8_%u}", index + 1);
    return open_kernel(l, &l->gemm, uuid, gemm, 6) && open_kernel(l, &l->vector, uuid, vector, 5);
}

static void close_kernel(lane_kernel *k)
{
    for (size_t i = 0; i < k->argument_count; i++) {
        if (k->buffers[i] != NULL) {
            (void)xrtBOFree(k->buffers[i]);
        }
    }
    if (k->run != NULL) {
        (void)xrtRunClose(k->run);
    }
    if (k->kernel != NULL) {
        (void)xrtKernelClose(k->kernel);
    }
}

void lane_close(lane *l)
{
    close_kernel(&l->gemm);
    close_kernel(&l->vector);
}

/* The buffer of an argument, of at least `bytes`, mapped. */
static void *mapped(lane *l, lane_kernel *k, size_t i, size_t bytes)
{
    if (k->buffers[i] == NULL || k->sizes[i] < bytes) {
        if (k->buffers[i] != NULL) {
            (void)xrtBOFree(k->buffers[i]);
        }
        k->sizes[i] = bytes * 2;
        k->buffers[i] = xrtBOAlloc(l->device, k->sizes[i], XRT_BO_FLAGS_NONE,
                                   (xrtMemoryGroup)xrtKernelArgGroupId(k->kernel, (int)i));
        if (k->buffers[i] == NULL) {
            (void)fail(l, "xrtBOAlloc");
            return NULL;
        }
    }
    void *at = xrtBOMap(k->buffers[i]);
    if (at == NULL) {
        (void)fail(l, "xrtBOMap");
    }
    return at;
}

static long now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool wait_for_run(lane *l, const lane_kernel *k)
{
    const struct timespec pause = {0, 50000};
    const long end = now_ms() + l->deadline_ms;
    enum ert_cmd_state state;
    while ((state = xrtRunState(k->run)) != ERT_CMD_STATE_COMPLETED) {
        if (state > ERT_CMD_STATE_COMPLETED && state != ERT_CMD_STATE_SUBMITTED) {
            return fail(l, "a run has ended in an error");
        }
        if (now_ms() > end) {
            return fail(l, "a run has not ended in time");
        }
        (void)nanosleep(&pause, NULL);
    }
    return true;
}

/* One call: the last arguments are the result and the end word. An argument that is NULL gets a
 * small buffer: XRT wants one for each. */
static void call(lane_kernel *k, void *const *arguments, const size_t *bytes)
{
    lane *l = used;
    if (l->error != NULL) {
        return; /* the device is lost */
    }
    for (size_t i = 0; i < k->argument_count; i++) {
        void *at = mapped(l, k, i, bytes[i] > 0 ? bytes[i] : 64);
        if (at == NULL) {
            return;
        }
        if (arguments[i] != NULL) {
            memcpy(at, arguments[i], bytes[i]);
            if (xrtBOSync(k->buffers[i], XCL_BO_SYNC_BO_TO_DEVICE, bytes[i], 0) != 0) {
                (void)fail(l, "xrtBOSync to the device");
                return;
            }
        }
        if (xrtRunSetArg(k->run, (int)i, k->buffers[i]) != 0) {
            (void)fail(l, "xrtRunSetArg");
            return;
        }
    }
    if (xrtRunStart(k->run) != 0) {
        (void)fail(l, "xrtRunStart");
        return;
    }
    if (!wait_for_run(l, k)) {
        return;
    }
    for (size_t i = k->argument_count - 2; i < k->argument_count; i++) {
        if (xrtBOSync(k->buffers[i], XCL_BO_SYNC_BO_FROM_DEVICE, bytes[i], 0) != 0) {
            (void)fail(l, "xrtBOSync from the device");
            return;
        }
        memcpy(arguments[i], xrtBOMap(k->buffers[i]), bytes[i]);
    }
}

static size_t words(uint64_t bytes)
{
    return (size_t)(bytes + 63) / 64 * 64;
}

/* The sizes follow from the parameter block. */
void gemm_s8(const void *a, const void *b, const void *p, const void *r, void *c, void *e)
{
    const uint32_t *f = p;
    const uint64_t columns = f[DAVIT_GEMM_F_GEOMETRY] >> 8 & 0xff, tiles = f[DAVIT_GEMM_F_N_TILES];
    const size_t result = words((uint64_t)f[DAVIT_GEMM_F_M] * f[DAVIT_GEMM_F_N]);
    const size_t bytes[] = {(size_t)f[DAVIT_GEMM_F_A_WORDS] * 64,
                            (size_t)(tiles * f[DAVIT_GEMM_F_K_STEPS] * columns * DAVIT_GEMM_DEPTH),
                            (size_t)(128 + tiles * columns * 12),
                            r != NULL ? result : 0,
                            result,
                            DAVIT_ENGINE_WORD};
    void *const arguments[] = {(void *)a, (void *)b, (void *)p, (void *)r, c, e};
    call(&used->gemm, arguments, bytes);
}

void vector_s8(const void *a, const void *b, const void *p, void *c, void *e)
{
    const uint32_t *f = p;
    const size_t bytes[] = {(size_t)f[DAVIT_VECTOR_F_A_WORDS] * 64,
                            b != NULL ? (size_t)f[DAVIT_VECTOR_F_B_WORDS] * 64 : 0,
                            128 + (size_t)f[DAVIT_VECTOR_F_TABLE_WORDS] * 64,
                            words((uint64_t)f[DAVIT_VECTOR_F_PIXELS] * f[DAVIT_VECTOR_F_CHANNELS]),
                            DAVIT_ENGINE_WORD};
    void *const arguments[] = {(void *)a, (void *)b, (void *)p, c, e};
    call(&used->vector, arguments, bytes);
}

const char *engine_simulation_error(void)
{
    return used->error;
}

void gemm_s8_small(const void *a, const void *b, const void *p, const void *r, void *c, void *e);

/* No board has it; its cases are left out. */
void gemm_s8_small(const void *a, const void *b, const void *p, const void *r, void *c, void *e)
{
    (void)a;
    (void)b;
    (void)p;
    (void)r;
    (void)c;
    (void)e;
    (void)fail(used, "gemm_s8_small");
}
