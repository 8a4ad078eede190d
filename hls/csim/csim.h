/* C simulation of DATAFLOW regions: processes as fibers of one thread, FIFOs of bounded depth.
 *
 * A region runs its processes in turn; one that cannot go on (its FIFO is empty or full) gives way.
 * So results do not depend on timing, depths are real, and a deadlock is seen at once. What is
 * checked: widths (ap_int.h), one producer and one consumer of every FIFO, nothing left in FIFOs,
 * deadlock. Failures do not throw: the first is kept for csim::error(), and the region is
 * abandoned. With DAVIT_CSIM_FAST neither widths nor producers and consumers are checked.
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
    int depth_, head_, count_;
    fiber *producer_, *consumer_;
    unsigned long long moves_;

    void claim_read();
    void claim_write();
    void wait_for_item();
    void wait_for_room();
    void give_way_while_empty();

  public:
    fifo(const char *name, int depth);

    /* Index to read; waits while empty. */
    int begin_read()
    {
#ifndef DAVIT_CSIM_FAST
        claim_read();
#endif
        if (count_ == 0) {
            wait_for_item();
        }
        return head_;
    }
    void end_read()
    {
        head_ = head_ + 1 == depth_ ? 0 : head_ + 1;
        count_--;
        moves_++;
    }
    /* Index to write; waits while full. */
    int begin_write()
    {
#ifndef DAVIT_CSIM_FAST
        claim_write();
#endif
        if (count_ == depth_) {
            wait_for_room();
        }
        const int at = head_ + count_;
        return at >= depth_ ? at - depth_ : at;
    }
    void end_write()
    {
        count_++;
        moves_++;
    }
    bool poll_empty()
    {
#ifndef DAVIT_CSIM_FAST
        claim_read();
#endif
        if (count_ == 0) {
            give_way_while_empty();
        }
        return count_ == 0;
    }

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
    int left() const
    {
        return count_;
    }
    /* Reads and writes so far. */
    unsigned long long moves() const
    {
        return moves_;
    }
};

/* A DATAFLOW region: add its processes, then run them to their ends. */
class region
{
    std::vector<fiber *> fibers_;
    std::vector<const fifo *> fifos_;

    unsigned long long moves() const;

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
