/* The threads of a block take turns. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "block.h"

DAVIT_EMU_THREAD_LOCAL davit_emu_thread *davit_emu_self
    __attribute__((tls_model("initial-exec")));

/* Not inlined: a fiber must not keep the address of a thread's variable over a switch. */
static __attribute__((noinline)) void set_self(emu_worker *w, emu_thread *thread)
{
    w->self = thread;
    davit_emu_self = thread == NULL ? NULL : &thread->public;
}

void emu_thread_name(const emu_worker *w, uint32_t number, char *text, size_t bytes)
{
    const davit_emu_index *i = &w->threads[number].public.index;
    snprintf(text, bytes, "thread %u,%u,%u", i->x, i->y, i->z);
}

void davit_cudaemu_where(char *text, size_t text_bytes)
{
    text[0] = '\0';
    if (davit_emu_self != NULL) {
        const davit_emu_index *b = &davit_emu_self->block->index;
        const davit_emu_index *t = &davit_emu_self->index;
        snprintf(text, text_bytes, "block %u,%u,%u thread %u,%u,%u", b->x, b->y, b->z, t->x, t->y,
                 t->z);
    }
}

/* ---- ends ---- */

static _Noreturn void abandon(emu_worker *w)
{
    emu_thread *self = w->self;
    set_self(w, NULL);
    davit_emu_fiber_switch(self->fiber, w->main);
    __builtin_unreachable();
}

void davit_cudaemu_fail(const char *text)
{
    emu_worker *w = emu_worker_of(emu_self());
    snprintf(w->fault, sizeof w->fault, "%s", text);
    abandon(w);
}

void emu_fault(const char *format, ...)
{
    char text[160], where[64];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    davit_cudaemu_where(where, sizeof where);
    emu_worker *w = emu_worker_of(emu_self());
    snprintf(w->fault, sizeof w->fault, "%s: %s", where, text);
    abandon(w);
}

/* Nothing can run: some wait for what will not come. */
static _Noreturn void stuck(emu_worker *w)
{
    if (w->at_barrier > 0) {
        emu_fault("barrier at %s:%d reached by %u of %u threads, %u have ended", w->barrier_file,
                  w->barrier_line, w->at_barrier, w->thread_count, w->finished);
    }
    for (uint32_t i = 0; i < w->warp_count; i++) {
        if (w->warps[i].meeting_count > 0) {
            const emu_meeting *m = &w->warps[i].meetings[0];
            emu_fault("warp %u: mask %08x names lanes that do not come: only %08x are there", i,
                      m->mask, m->arrived);
        }
    }
    emu_fault("no thread can run");
}

/* ---- turns ---- */

static uint32_t draw(emu_worker *w)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return (uint32_t)(w->random >> 32);
}

/* A set bit of mask, which is not 0, from bit `from` on, cyclic. */
static uint32_t next_bit(uint32_t mask, uint32_t from)
{
    uint32_t turned = from == 0 ? mask : (mask >> from) | (mask << (32 - from));
    return ((uint32_t)__builtin_ctz(turned) + from) & 31;
}

/* The next thread, taken out of the ready ones. Keeps to a warp while it can, or draws. */
static emu_thread *pick(emu_worker *w)
{
    if (w->ready_warps == 0) {
        stuck(w);
    }
    uint32_t lane_from = 0;
    if (w->random != 0) {
        uint32_t drawn = draw(w);
        w->warp = next_bit(w->ready_warps, drawn & 31);
        lane_from = drawn >> 5 & 31;
    } else if ((w->ready_warps >> w->warp & 1) == 0) {
        w->warp = (uint32_t)__builtin_ctz(w->ready_warps);
    }
    emu_warp *warp = &w->warps[w->warp];
    uint32_t lane = next_bit(warp->ready, lane_from);
    warp->ready &= ~(UINT32_C(1) << lane);
    if (warp->ready == 0) {
        w->ready_warps &= ~(UINT32_C(1) << w->warp);
    }
    return &w->threads[w->warp * WARP + lane];
}

void emu_block_wake(emu_worker *w, uint32_t warp, uint32_t lanes)
{
    if (lanes != 0) {
        w->warps[warp].ready |= lanes;
        w->ready_warps |= UINT32_C(1) << warp;
    }
}

static void fiber_entry(void *argument);

static davit_emu_fiber *take_fiber(emu_worker *w)
{
    if (w->idle_count > 0) {
        return w->idle[--w->idle_count];
    }
    davit_emu_fiber *made = davit_emu_fiber_create(fiber_entry, w, w->fiber_count);
    if (made != NULL) {
        w->fibers[w->fiber_count++] = made;
    }
    return made;
}

void emu_block_yield(emu_worker *w)
{
    emu_thread *self = w->self;
    emu_thread *next = pick(w);
    if (next->fiber == NULL) {
        next->fiber = take_fiber(w);
        if (next->fiber == NULL) {
            emu_fault("no memory for stacks");
        }
    }
    set_self(w, next);
    davit_emu_fiber_switch(self->fiber, next->fiber);
}

/* A thread came to its end. Returns the thread to go on with, NULL after the last one. */
static emu_thread *end_thread(emu_worker *w)
{
    emu_thread *self = w->self;
    emu_warp *warp = &w->warps[self->number / WARP];
    uint32_t lane = UINT32_C(1) << self->number % WARP;
    for (uint32_t i = 0; i < warp->meeting_count; i++) {
        if ((warp->meetings[i].mask & lane) != 0) {
            emu_fault("ended, but mask %08x of other lanes names it", warp->meetings[i].mask);
        }
    }
    warp->exited |= lane;
    w->finished++;
    return w->finished == w->thread_count ? NULL : pick(w);
}

/* Runs threads one after the other as long as they do not wait. */
static void fiber_entry(void *argument)
{
    emu_worker *w = argument;
    for (;;) {
        w->body(w->launch->arguments);
        davit_emu_fiber *own = w->self->fiber;
        emu_thread *next = end_thread(w);
        w->self->fiber = NULL;
        set_self(w, next);
        if (next != NULL && next->fiber == NULL) {
            next->fiber = own;
            continue;
        }
        w->idle[w->idle_count++] = own;
        davit_emu_fiber_switch(own, next == NULL ? w->main : next->fiber);
    }
}

/* ---- blocks ---- */

static void begin_block(emu_worker *w, const uint32_t index[3])
{
    w->public_block.index = (davit_emu_index){index[0], index[1], index[2]};
    w->ready_warps = w->warp_count == 32 ? UINT32_MAX : (UINT32_C(1) << w->warp_count) - 1;
    w->warp = 0;
    w->finished = 0;
    w->at_barrier = 0;
    w->epoch++;
    for (uint32_t i = 0; i < w->warp_count; i++) {
        w->warps[i].ready = w->warps[i].present;
        w->warps[i].exited = 0;
        w->warps[i].meeting_count = 0;
    }
    for (uint32_t i = 0; i < w->thread_count; i++) {
        emu_thread *thread = &w->threads[i];
        thread->fiber = NULL;
        thread->copies.first = thread->copies.end = thread->copies.groups = 0;
        thread->warp_epoch = 0;
    }
    emu_shared_begin_block(w);
}

bool emu_block_run(emu_worker *w, const uint32_t index[3])
{
    begin_block(w, index);
    davit_emu_fiber *fiber = take_fiber(w);
    if (fiber == NULL) {
        snprintf(w->fault, sizeof w->fault, "no memory for stacks");
        return false;
    }
    emu_thread *first = pick(w);
    first->fiber = fiber;
    set_self(w, first);
    davit_emu_fiber_switch(w->main, fiber);
    if (w->fault[0] == '\0' && !emu_shared_overflowed(w)) {
        return true;
    }
    for (uint32_t i = 0; i < w->fiber_count; i++) {
        davit_emu_fiber_reset(w->fibers[i]);
        w->idle[i] = w->fibers[i];
    }
    w->idle_count = w->fiber_count;
    return false;
}

void davit_emu_barrier(const char *path, int line)
{
    const char *slash = strrchr(path, '/');
    const char *file = slash == NULL ? path : slash + 1;
    emu_thread *self = emu_self();
    emu_worker *w = emu_worker_of(self);
    if (w->at_barrier == 0) {
        w->barrier_file = file;
        w->barrier_line = line;
    } else if (line != w->barrier_line || strcmp(file, w->barrier_file) != 0) {
        emu_fault("divergent barrier: here at %s:%d, others at %s:%d", file, line, w->barrier_file,
                  w->barrier_line);
    }
    w->at_barrier++;
    if (w->at_barrier < w->thread_count) {
        emu_block_yield(w);
        return;
    }
    w->at_barrier = 0;
    w->epoch++;
    for (uint32_t i = 0; i < w->warp_count; i++) {
        uint32_t lanes = w->warps[i].present;
        if (i == self->number / WARP) {
            lanes &= ~(UINT32_C(1) << self->number % WARP);
        }
        emu_block_wake(w, i, lanes);
    }
}
