#define _GNU_SOURCE
#include "fiber.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif

#if defined(__SANITIZE_THREAD__)
#define WITH_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WITH_TSAN 1
#endif
#endif

#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef WITH_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#ifndef __x86_64__
#include <ucontext.h>
#endif

enum {
#if defined(WITH_ASAN) || defined(WITH_TSAN)
    STACK_BYTES = 512 * 1024,
#else
    STACK_BYTES = 192 * 1024,
#endif
    GUARD_BYTES = 64 * 1024, /* no page of any machine is larger */
    /* Stacks begin at page boundaries: without a shift all of them would use the same cache sets. */
    COLOUR_BYTES = 2112,
    COLOURS = 31
};

struct davit_emu_fiber {
#ifdef __x86_64__
    void *stack_pointer;
#else
    ucontext_t context;
#endif
    void (*entry)(void *argument);
    void *argument;
    char *memory; /* NULL: the thread's own stack */
    size_t shift;
#ifdef WITH_ASAN
    void *fake_stack;
    const void *bottom;
    size_t bytes;
#endif
#ifdef WITH_TSAN
    void *tsan;
#endif
};

/* ---- the switch ---- */

#ifdef __x86_64__
/* Keeps what a function must keep. Leaves by an indirect jump and not by a return: the processor
 * predicts returns by its own stack, which a switch makes useless. */
void davit_emu_switch_stack(void **from, void *to);
__asm__(".text\n"
        ".p2align 4\n"
        ".hidden davit_emu_switch_stack\n"
        ".globl davit_emu_switch_stack\n"
        ".type davit_emu_switch_stack, @function\n"
        "davit_emu_switch_stack:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    popq %rcx\n"
        "    jmpq *%rcx\n"
        ".size davit_emu_switch_stack, . - davit_emu_switch_stack\n");
#endif

#ifdef WITH_ASAN
/* Where the running fiber was switched from, for the first moments on its stack. */
static _Thread_local davit_emu_fiber *came_from;

/* Not inlined: a fiber may go on in another thread, whose came_from is elsewhere. */
static __attribute__((noinline)) void arrived(davit_emu_fiber *self)
{
    __sanitizer_finish_switch_fiber(self->fake_stack, &came_from->bottom, &came_from->bytes);
}
#endif

static _Thread_local davit_emu_fiber *starting;

static void begin(void)
{
    davit_emu_fiber *self = starting;
#ifdef WITH_ASAN
    self->fake_stack = NULL;
    arrived(self);
#endif
    self->entry(self->argument);
    abort();
}

void davit_emu_fiber_switch(davit_emu_fiber *from, davit_emu_fiber *to)
{
    starting = to;
#ifdef WITH_ASAN
    came_from = from;
    __sanitizer_start_switch_fiber(&from->fake_stack, to->bottom, to->bytes);
#endif
#ifdef WITH_TSAN
    __tsan_switch_to_fiber(to->tsan, 0);
#endif
#ifdef __x86_64__
    davit_emu_switch_stack(&from->stack_pointer, to->stack_pointer);
#else
    swapcontext(&from->context, &to->context);
#endif
#ifdef WITH_ASAN
    arrived(from);
#endif
}

/* ---- making fibers ---- */

void davit_emu_fiber_reset(davit_emu_fiber *fiber)
{
    char *lowest = fiber->memory + GUARD_BYTES;
    char *top = lowest + STACK_BYTES - fiber->shift;
#ifdef WITH_ASAN
    __asan_unpoison_memory_region(lowest, STACK_BYTES);
    fiber->bottom = lowest;
    fiber->bytes = STACK_BYTES;
#endif
#ifdef WITH_TSAN
    if (fiber->tsan != NULL) {
        __tsan_destroy_fiber(fiber->tsan);
    }
    fiber->tsan = __tsan_create_fiber(0);
#endif
#ifdef __x86_64__
    /* As if `begin` had just been called: its return address, then what the switch pops. */
    void **slot = (void **)(void *)top;
    *--slot = NULL;
    *--slot = (void *)(uintptr_t)begin;
    slot -= 6;
    memset(slot, 0, 6 * sizeof *slot);
    fiber->stack_pointer = slot;
#else
    getcontext(&fiber->context);
    fiber->context.uc_stack.ss_sp = lowest;
    fiber->context.uc_stack.ss_size = (size_t)(top - lowest);
    fiber->context.uc_link = NULL;
    makecontext(&fiber->context, begin, 0);
#endif
}

davit_emu_fiber *davit_emu_fiber_create(void (*entry)(void *argument), void *argument,
                                        unsigned order)
{
    davit_emu_fiber *fiber = calloc(1, sizeof *fiber);
    if (fiber == NULL) {
        return NULL;
    }
    fiber->memory = mmap(NULL, GUARD_BYTES + STACK_BYTES, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (fiber->memory == MAP_FAILED) {
        free(fiber);
        return NULL;
    }
    mprotect(fiber->memory, GUARD_BYTES, PROT_NONE);
    fiber->entry = entry;
    fiber->argument = argument;
    fiber->shift = (size_t)(order % COLOURS) * COLOUR_BYTES;
    davit_emu_fiber_reset(fiber);
    return fiber;
}

davit_emu_fiber *davit_emu_fiber_main(void)
{
    davit_emu_fiber *fiber = calloc(1, sizeof *fiber);
#ifdef WITH_TSAN
    if (fiber != NULL) {
        fiber->tsan = __tsan_get_current_fiber();
    }
#endif
    return fiber;
}

void davit_emu_fiber_destroy(davit_emu_fiber *fiber)
{
    if (fiber == NULL) {
        return;
    }
    if (fiber->memory != NULL) {
#ifdef WITH_TSAN
        __tsan_destroy_fiber(fiber->tsan);
#endif
        munmap(fiber->memory, GUARD_BYTES + STACK_BYTES);
    }
    free(fiber);
}
