/* Fibers and FIFOs of the C simulation. */
#include "csim.h"

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <sys/mman.h>
#include <ucontext.h>

#if defined(__SANITIZE_ADDRESS__)
#define CSIM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CSIM_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define CSIM_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CSIM_TSAN 1
#endif
#endif
#ifdef CSIM_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef CSIM_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace csim
{

/* Buffers of the kernels are local arrays of their processes; pages are taken when touched. */
static const std::size_t stack_bytes = std::size_t(16) << 20;

/* A process that polls does a step of its own between two looks, so one round without a move is not
 * yet a deadlock. */
static const int idle_rounds = 1000;

class fiber
{
  public:
    const char *name = nullptr;
    std::function<void()> body;
    ucontext_t context;
    void *stack = nullptr;
    const fifo *wants_read = nullptr;
    const fifo *wants_write = nullptr;
    bool done = false;
#ifdef CSIM_TSAN
    void *tsan = nullptr;
#endif

    bool can_run() const
    {
        return !done && (wants_read == nullptr || wants_read->can_read()) &&
               (wants_write == nullptr || wants_write->can_write());
    }
};

namespace
{

struct scheduler {
    ucontext_t context;
    fiber *running = nullptr;
    char error[256] = "";
#ifdef CSIM_ASAN
    const void *stack = nullptr;
    std::size_t stack_size = 0;
#endif
#ifdef CSIM_TSAN
    void *tsan = nullptr;
#endif
};

thread_local scheduler here;

/* From the running fiber to the scheduler. */
void give_way()
{
    fiber *self = here.running;
#ifdef CSIM_ASAN
    void *fake = nullptr;
    __sanitizer_start_switch_fiber(self->done ? nullptr : &fake, here.stack, here.stack_size);
#endif
#ifdef CSIM_TSAN
    __tsan_switch_to_fiber(here.tsan, 0);
#endif
    swapcontext(&self->context, &here.context);
#ifdef CSIM_ASAN
    __sanitizer_finish_switch_fiber(fake, &here.stack, &here.stack_size);
#endif
}

void enter()
{
#ifdef CSIM_ASAN
    __sanitizer_finish_switch_fiber(nullptr, &here.stack, &here.stack_size);
#endif
    here.running->body();
    here.running->done = true;
    give_way();
}

void resume(fiber *f)
{
    here.running = f;
#ifdef CSIM_ASAN
    void *fake = nullptr;
    __sanitizer_start_switch_fiber(&fake, f->stack, stack_bytes);
#endif
#ifdef CSIM_TSAN
    here.tsan = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(f->tsan, 0);
#endif
    swapcontext(&here.context, &f->context);
#ifdef CSIM_ASAN
    __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#endif
    here.running = nullptr;
}

} // namespace

const char *error()
{
    return here.error[0] != '\0' ? here.error : nullptr;
}

void clear()
{
    here.error[0] = '\0';
}

void fail(const char *format, ...)
{
    if (here.error[0] == '\0') {
        char text[192];
        va_list args;
        va_start(args, format);
        std::vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        std::snprintf(here.error, sizeof(here.error), "%s: %s",
                      here.running != nullptr ? here.running->name : "kernel", text);
    }
    if (here.running != nullptr) {
        give_way();
    }
}

void overflow(long long value, int width, bool is_signed)
{
    fail("%lld does not fit ap_%sint<%d>", value, is_signed ? "" : "u", width);
}

fifo::fifo(const char *name, int depth)
    : name_(name), depth_(depth), head_(0), count_(0), producer_(nullptr), consumer_(nullptr),
      moves_(0)
{
}

/* The running process is the only one that does this with the FIFO. */
static void claim(fiber *&user, const char *name, const char *what)
{
    if (user == here.running && user != nullptr) {
        return;
    }
    if (here.running == nullptr) {
        fail("%s is %s outside a DATAFLOW region", name, what);
    } else if (user != nullptr) {
        fail("%s is %s by %s too", name, what, user->name);
    }
    user = here.running;
}

void fifo::claim_read()
{
    claim(consumer_, name_, "read");
}

void fifo::claim_write()
{
    claim(producer_, name_, "written");
}

void fifo::wait_for_item()
{
    while (count_ == 0 && here.running != nullptr) {
        here.running->wants_read = this;
        give_way();
        here.running->wants_read = nullptr;
    }
}

void fifo::wait_for_room()
{
    while (count_ == depth_ && here.running != nullptr) {
        here.running->wants_write = this;
        give_way();
        here.running->wants_write = nullptr;
    }
}

void fifo::give_way_while_empty()
{
    if (here.running != nullptr) {
        give_way();
    }
}

region::region()
{
}

region::~region()
{
    for (fiber *f : fibers_) {
#ifdef CSIM_TSAN
        __tsan_destroy_fiber(f->tsan);
#endif
        munmap(f->stack, stack_bytes);
        delete f;
    }
}

void region::add(const char *name, std::function<void()> body)
{
    fiber *f = new fiber;
    f->name = name;
    f->body = std::move(body);
    f->stack = mmap(nullptr, stack_bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (f->stack == MAP_FAILED) {
        fail("no memory for the stack of %s", name);
        delete f;
        return;
    }
#ifdef CSIM_TSAN
    f->tsan = __tsan_create_fiber(0);
#endif
    getcontext(&f->context);
    f->context.uc_stack.ss_sp = f->stack;
    f->context.uc_stack.ss_size = stack_bytes;
    f->context.uc_link = nullptr;
    makecontext(&f->context, enter, 0);
    fibers_.push_back(f);
}

void region::watch(const fifo &f)
{
    fifos_.push_back(&f);
}

unsigned long long region::moves() const
{
    unsigned long long sum = 0;
    for (const fifo *f : fifos_) {
        sum += f->moves();
    }
    return sum;
}

void region::run()
{
    std::size_t living = fibers_.size();
    int idle = 0;
    while (living > 0 && error() == nullptr) {
        const unsigned long long before = moves();
        const std::size_t living_before = living;
        for (fiber *f : fibers_) {
            if (f->can_run() && error() == nullptr) {
                resume(f);
                living -= f->done ? 1 : 0;
            }
        }
        idle = moves() == before && living == living_before ? idle + 1 : 0;
        if (idle > idle_rounds && error() == nullptr) {
            const fifo *stuck = nullptr;
            for (const fiber *f : fibers_) {
                stuck = stuck != nullptr || f->done ? stuck
                        : f->wants_read != nullptr  ? f->wants_read
                                                    : f->wants_write;
            }
            fail("deadlock, among others at FIFO %s",
                 stuck != nullptr ? stuck->name() : "(polled)");
        }
    }
    for (const fifo *f : fifos_) {
        if (f->left() != 0 && error() == nullptr) {
            fail("%d items are left in FIFO %s", f->left(), f->name());
        }
    }
}

} // namespace csim
