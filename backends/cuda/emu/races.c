/* Finds races on shared memory: two threads of a block touch a byte between two barriers, one of
 * them writes, and no __syncwarp orders them. Also what lies outside of every shared array.
 *
 * Kernels are compiled once more with -fsanitize=thread, which calls the functions below before each
 * access to memory; ThreadSanitizer itself is not there. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "block.h"

enum { MANY_LANES = 0x8000, MANY_WARPS = 0xffff };

/* Of a byte. Epochs are those of the block's barriers; 0: never. */
typedef struct cell {
    uint32_t write_epoch, read_epoch;
    uint16_t writer, reader; /* reader: a thread; MANY_LANES + its warp; MANY_WARPS */
    uint32_t write_warp_epoch, read_warp_epoch;
} cell;

typedef struct emu_shadow {
    cell cells[ARENA_BYTES];
} emu_shadow;

bool emu_shadow_create(emu_worker *w)
{
    if (w->shadow == NULL) {
        w->shadow = calloc(1, sizeof *w->shadow);
    }
    return w->shadow != NULL;
}

void emu_shadow_destroy(emu_worker *w)
{
    free(w->shadow);
}

typedef struct access {
    const emu_worker *w;
    uint32_t thread, warp_epoch;
    const void *site; /* where in the code; NULL: not known */
    const char *what;
} access;

/* Where in a source an instruction is: by binutils' addr2line, else as what addr2line takes. */
static void locate(const void *site, char *text, size_t bytes)
{
    Dl_info info;
    text[0] = '\0';
    if (site == NULL || dladdr(site, &info) == 0) {
        return;
    }
    const char *slash = strrchr(info.dli_fname, '/');
    /* A return address: the call before it is what is meant. */
    size_t offset = (size_t)((const char *)site - (const char *)info.dli_fbase) - 1;
    snprintf(text, bytes, " at %s+0x%zx", slash == NULL ? info.dli_fname : slash + 1, offset);
    char command[512], line[256] = "";
    snprintf(command, sizeof command, "addr2line -s -e '%s' 0x%zx 2>/dev/null", info.dli_fname,
             offset);
    FILE *output = popen(command, "r");
    if (output == NULL) {
        return;
    }
    if (fgets(line, sizeof line, output) != NULL && strstr(line, "?") == NULL) {
        line[strcspn(line, " \n")] = '\0';
        snprintf(text, bytes, " at %s", line);
    }
    pclose(output);
}

static _Noreturn void report(const access *a, const char *with, uint32_t number,
                             const char *address)
{
    char self[40], other[40] = "several threads", site[64];
    emu_thread_name(a->w, a->thread, self, sizeof self);
    if (number < MAX_THREADS) {
        emu_thread_name(a->w, number, other, sizeof other);
    }
    size_t offset = 0;
    for (uint32_t i = 0; i < a->w->array_count; i++) {
        if (address >= a->w->arrays[i].data) {
            offset = (size_t)(address - a->w->arrays[i].data);
        }
    }
    locate(a->site, site, sizeof site);
    emu_fault("race: %s%s of shared byte %zu by %s, %s by %s", a->what, site, offset, self, with,
              other);
}

/* True when thread `number`'s access at that epoch of its warp comes before this one. */
static bool ordered(const access *a, uint32_t number, uint32_t warp_epoch)
{
    return number / WARP == a->thread / WARP && warp_epoch < a->warp_epoch;
}

static void check_write(const access *a, const cell *c, const char *address)
{
    if (c->write_epoch == a->w->epoch && c->writer != a->thread &&
        !ordered(a, c->writer, c->write_warp_epoch)) {
        report(a, "write", c->writer, address);
    }
}

static void check_read(const access *a, const cell *c, const char *address)
{
    if (c->read_epoch != a->w->epoch || c->reader == a->thread) {
        return;
    }
    bool one_warp = c->reader != MANY_WARPS;
    uint32_t number = c->reader;
    if (number >= MANY_LANES) {
        number = (number - MANY_LANES) * WARP;
    }
    if (!one_warp || !ordered(a, number, c->read_warp_epoch)) {
        report(a, "read", c->reader, address);
    }
}

static void note_read(const access *a, cell *c)
{
    uint32_t warp = a->thread / WARP;
    if (c->read_epoch != a->w->epoch) {
        c->reader = (uint16_t)a->thread;
    } else if (c->reader != a->thread && c->reader != MANY_WARPS) {
        uint32_t before = c->reader >= MANY_LANES ? (uint32_t)c->reader - MANY_LANES
                                                  : (uint32_t)c->reader / WARP;
        c->reader = before == warp ? (uint16_t)(MANY_LANES + warp) : MANY_WARPS;
    }
    c->read_epoch = a->w->epoch;
    c->read_warp_epoch = a->warp_epoch;
}

static void inside(const access *a, const char *address, size_t bytes)
{
    for (uint32_t i = 0; i < a->w->array_count; i++) {
        const emu_array *array = &a->w->arrays[i];
        if (address >= array->data && address + bytes <= array->data + array->bytes) {
            return;
        }
    }
    char site[64];
    locate(a->site, site, sizeof site);
    emu_fault("%s of %zu bytes%s: outside of every shared array", a->what, bytes, site);
}

static void touch(const access *a, const void *address, size_t bytes, bool writes)
{
    const char *first = address;
    inside(a, first, bytes);
    cell *cells = a->w->shadow->cells + (first - a->w->arena);
    for (size_t i = 0; i < bytes; i++) {
        cell *c = &cells[i];
        check_write(a, c, first + i);
        if (!writes) {
            note_read(a, c);
            continue;
        }
        check_read(a, c, first + i);
        c->write_epoch = a->w->epoch;
        c->writer = (uint16_t)a->thread;
        c->write_warp_epoch = a->warp_epoch;
    }
}

void emu_shadow_read(emu_worker *w, uint32_t thread, const void *address, size_t bytes)
{
    access a = {w, thread, w->threads[thread].warp_epoch, NULL, "ldmatrix"};
    touch(&a, address, bytes, false);
}

void emu_shadow_write(emu_worker *w, uint32_t thread, const void *address, size_t bytes)
{
    access a = {w, thread, w->threads[thread].warp_epoch, NULL, "asynchronous copy"};
    touch(&a, address, bytes, true);
}

#ifdef DAVIT_EMU_FINDS_RACES
/* ---- what -fsanitize=thread calls ---- */

static void accessed(const void *address, size_t bytes, bool writes, const void *site)
{
    emu_thread *self = emu_self();
    if (self == NULL) {
        return;
    }
    emu_worker *w = emu_worker_of(self);
    if ((uintptr_t)address - (uintptr_t)w->arena < ARENA_BYTES) {
        access a = {w, self->number, self->warp_epoch, site, writes ? "write" : "read"};
        touch(&a, address, bytes, writes);
    }
}

#define HERE __builtin_return_address(0)
#define CALLBACKS(bytes)                                                                           \
    void __tsan_read##bytes(void *address)                                                         \
    {                                                                                              \
        accessed(address, bytes, false, HERE);                                                     \
    }                                                                                              \
    void __tsan_write##bytes(void *address)                                                        \
    {                                                                                              \
        accessed(address, bytes, true, HERE);                                                      \
    }                                                                                              \
    void __tsan_unaligned_read##bytes(void *address)                                               \
    {                                                                                              \
        accessed(address, bytes, false, HERE);                                                     \
    }                                                                                              \
    void __tsan_unaligned_write##bytes(void *address)                                              \
    {                                                                                              \
        accessed(address, bytes, true, HERE);                                                      \
    }                                                                                              \
    void __tsan_volatile_read##bytes(void *address)                                                \
    {                                                                                              \
        accessed(address, bytes, false, HERE);                                                     \
    }                                                                                              \
    void __tsan_volatile_write##bytes(void *address)                                               \
    {                                                                                              \
        accessed(address, bytes, true, HERE);                                                      \
    }

#pragma GCC diagnostic ignored "-Wmissing-prototypes"
CALLBACKS(1)
CALLBACKS(2)
CALLBACKS(4)
CALLBACKS(8)
CALLBACKS(16)

void __tsan_read_range(void *address, unsigned long bytes)
{
    accessed(address, bytes, false, HERE);
}

void __tsan_write_range(void *address, unsigned long bytes)
{
    accessed(address, bytes, true, HERE);
}

void __tsan_init(void)
{
}

void __tsan_func_entry(void *caller)
{
    (void)caller;
}

void __tsan_func_exit(void)
{
}
#endif
