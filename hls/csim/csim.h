/* C simulation of DATAFLOW regions: processes as fibers of one thread, FIFOs of bounded depth.
 *
 * A region runs its processes in turn; one that cannot go on (its FIFO is empty or full) gives way.
 * So results do not depend on timing, depths are real, and a deadlock is seen at once. What is
 * checked: widths (ap_int.h), one producer and one consumer of every FIFO, nothing left in FIFOs,
 * deadlock. Failures do not throw: the first is kept for csim::error(), and the region is
 * abandoned.
 *
 * State is per thread; several simulations may run in several threads. */
#ifndef DAVIT_CSIM_H
#define DAVIT_CSIM_H

#include <cstddef>
#include <functional>
#include <vector>

namespace csim
{

/* The first failure since clear(), or NULL. */
const char *error();
void clear();

/* Notes a failure. In a process it does not return. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), cold));
void overflow(long long value, int width, bool is_signed) __attribute__((cold));

class fiber;

/* What hls::stream is made of: who uses it, and how full it is. */
class fifo
{
    const char *name_;
    int depth_, head_, count_, high_;
    fiber *producer_, *consumer_;

    void claim(fiber *&user, const char *what);

  public:
    fifo(const char *name, int depth);

    int begin_read(); /* index to read; waits while empty */
    void end_read();
    int begin_write(); /* index to write; waits while full */
    void end_write();
    bool poll_empty();

    bool can_read() const
    {
        return count_ > 0;
    }
    bool can_write() const
    {
        return count_ < depth_;
    }
    const char *name() const
    {
        return name_;
    }
    /* The most items that were ever in it. */
    int high_water() const
    {
        return high_;
    }
    int left() const
    {
        return count_;
    }
};

/* A DATAFLOW region: add its processes, then run them to their ends. */
class region
{
    std::vector<fiber *> fibers_;
    std::vector<const fifo *> fifos_;

  public:
    region();
    ~region();
    region(const region &) = delete;
    region &operator=(const region &) = delete;

    void add(const char *name, std::function<void()> body);
    void watch(const fifo &f);
    void run();
};

} // namespace csim

#endif
