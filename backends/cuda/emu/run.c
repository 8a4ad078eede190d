/* Launches: workers, the order of blocks, the kernels' side of emulated.h. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "block.h"

/* Below that many threads in all, starting another worker costs more than it saves. */
enum { THREADS_FOR_HELPERS = 2048, MAX_HELPERS = 63 };

/* ---- workers: kept for the next launch ---- */

static pthread_mutex_t workers_mutex = PTHREAD_MUTEX_INITIALIZER;
static emu_worker *spare_workers;

static void destroy_worker(emu_worker *w)
{
    for (uint32_t i = 0; i < w->fiber_count; i++) {
        davit_emu_fiber_destroy(w->fibers[i]);
    }
    emu_shared_begin_launch(w);
    emu_shadow_destroy(w);
    free(w->arena);
    free(w);
}

static emu_worker *create_worker(void)
{
    emu_worker *w = calloc(1, sizeof *w);
    if (w == NULL) {
        return NULL;
    }
    w->arena = aligned_alloc(128, ARENA_BYTES);
    if (w->arena == NULL) {
        free(w);
        return NULL;
    }
    return w;
}

static emu_worker *take_worker(void)
{
    pthread_mutex_lock(&workers_mutex);
    emu_worker *w = spare_workers;
    if (w != NULL) {
        spare_workers = w->next;
    }
    pthread_mutex_unlock(&workers_mutex);
    if (w == NULL) {
        w = create_worker();
    }
    if (w != NULL) {
        w->main = davit_emu_fiber_main();
        if (w->main == NULL) {
            destroy_worker(w);
            w = NULL;
        }
    }
    return w;
}

static void give_worker(emu_worker *w)
{
    davit_emu_fiber_destroy(w->main);
    pthread_mutex_lock(&workers_mutex);
    w->next = spare_workers;
    spare_workers = w;
    pthread_mutex_unlock(&workers_mutex);
}

static __attribute__((destructor)) void destroy_workers(void)
{
    while (spare_workers != NULL) {
        emu_worker *next = spare_workers->next;
        destroy_worker(spare_workers);
        spare_workers = next;
    }
}

/* ---- a launch ---- */

typedef struct job {
    const davit_cudaemu_launch *launch;
    davit_emu_body body;
    bool checked;
    uint64_t blocks, step, shift; /* block i of the order is (i * step + shift) % blocks */
    atomic_uint_fast64_t next;
    atomic_bool over;
    pthread_mutex_t mutex;
    char *text; /* the first fault */
    size_t text_bytes;
    bool failed;
} job;

static uint64_t divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static void order_blocks(job *j)
{
    uint64_t seed = j->launch->seed;
    j->step = 1;
    j->shift = 0;
    if (seed != 0 && j->blocks > 1) {
        j->shift = seed * UINT64_C(0x9e3779b97f4a7c15) % j->blocks;
        j->step = (seed * UINT64_C(0xd1342543de82ef95) >> 20) % j->blocks;
        while (divisor(j->step, j->blocks) != 1) {
            j->step = (j->step + 1) % j->blocks;
        }
    }
}

static void fail(job *j, const char *text)
{
    pthread_mutex_lock(&j->mutex);
    if (!j->failed) {
        j->failed = true;
        snprintf(j->text, j->text_bytes, "%s", text);
    }
    pthread_mutex_unlock(&j->mutex);
    atomic_store(&j->over, true);
}

static void begin_launch(emu_worker *w, const job *j)
{
    const davit_cudaemu_launch *launch = j->launch;
    const uint32_t *dim = launch->block;
    w->launch = launch;
    w->body = j->body;
    w->checked = j->checked;
    w->fault[0] = '\0';
    w->thread_count = dim[0] * dim[1] * dim[2];
    w->warp_count = (w->thread_count + WARP - 1) / WARP;
    w->public_block.dim = (davit_emu_index){dim[0], dim[1], dim[2]};
    w->public_block.grid =
        (davit_emu_index){launch->grid[0], launch->grid[1], launch->grid[2]};
    for (uint32_t i = 0; i < w->warp_count; i++) {
        uint32_t lanes = w->thread_count - i * WARP;
        w->warps[i].present = lanes >= WARP ? UINT32_MAX : (UINT32_C(1) << lanes) - 1;
    }
    for (uint32_t i = 0; i < w->thread_count; i++) {
        emu_thread *thread = &w->threads[i];
        thread->number = i;
        thread->public.index =
            (davit_emu_index){i % dim[0], i / dim[0] % dim[1], i / dim[0] / dim[1]};
        thread->public.block = &w->public_block;
    }
    emu_shared_begin_launch(w);
}

static void run_blocks(job *j)
{
    emu_worker *w = take_worker();
    if (w == NULL || (j->checked && !emu_shadow_create(w))) {
        fail(j, "no memory to run a block");
        if (w != NULL) {
            give_worker(w);
        }
        return;
    }
    begin_launch(w, j);
    const uint32_t *grid = j->launch->grid;
    while (!atomic_load_explicit(&j->over, memory_order_relaxed)) {
        uint64_t i = atomic_fetch_add(&j->next, 1);
        if (i >= j->blocks || (j->launch->cancelled != NULL && j->launch->cancelled(j->launch))) {
            break;
        }
        uint64_t b = (i * j->step + j->shift) % j->blocks;
        w->random = j->launch->seed == 0 ? 0 : (j->launch->seed ^ b << 32) | 1;
        uint32_t index[3] = {(uint32_t)(b % grid[0]), (uint32_t)(b / grid[0] % grid[1]),
                             (uint32_t)(b / grid[0] / grid[1])};
        if (!emu_block_run(w, index)) {
            fail(j, w->fault);
        }
    }
    give_worker(w);
}

static void *help(void *argument)
{
    run_blocks(argument);
    return NULL;
}

static unsigned helper_count(const job *j)
{
    const uint32_t *dim = j->launch->block;
    if (j->blocks * dim[0] * dim[1] * dim[2] < THREADS_FOR_HELPERS) {
        return 0;
    }
    cpu_set_t set;
    unsigned cores = sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
    uint64_t most = cores < j->blocks ? cores : j->blocks;
    return most > MAX_HELPERS ? MAX_HELPERS : (unsigned)most - 1;
}

bool davit_emu_run(davit_emu_body body, davit_emu_body checked,
                   const davit_cudaemu_launch *launch, char *text, size_t text_bytes)
{
    if (launch->find_races && checked == NULL) {
        snprintf(text, text_bytes, "this build cannot look for races");
        return false;
    }
    job j = {.launch = launch,
             .body = launch->find_races ? checked : body,
             .checked = launch->find_races,
             .blocks = (uint64_t)launch->grid[0] * launch->grid[1] * launch->grid[2],
             .text = text,
             .text_bytes = text_bytes};
    pthread_mutex_init(&j.mutex, NULL);
    order_blocks(&j);
    pthread_t helpers[MAX_HELPERS];
    unsigned wanted = helper_count(&j), started = 0;
    while (started < wanted && pthread_create(&helpers[started], NULL, help, &j) == 0) {
        started++;
    }
    run_blocks(&j);
    while (started > 0) {
        pthread_join(helpers[--started], NULL);
    }
    pthread_mutex_destroy(&j.mutex);
    return !j.failed;
}

/* ---- copies of kernels that find races ---- */

static davit_emu_checked *checked_kernels;

void davit_emu_register_checked(davit_emu_checked *kernel)
{
    kernel->next = checked_kernels;
    checked_kernels = kernel;
}

davit_emu_body davit_emu_find_checked(const char *name)
{
    for (const davit_emu_checked *k = checked_kernels; k != NULL; k = k->next) {
        if (strcmp(k->name, name) == 0) {
            return k->body;
        }
    }
    return NULL;
}
