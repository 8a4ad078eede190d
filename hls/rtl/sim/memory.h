/* The memory behind the ports of the RTL: one channel for all of them, with latency, bandwidth and
 * refresh, and the buffers of the call; every access is checked against these. */
#ifndef DAVIT_RTL_MEMORY_H
#define DAVIT_RTL_MEMORY_H

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "rtl_engine.h"

namespace rtl
{

enum { READERS = 4, WORD = 64 };

struct region {
    std::uint64_t begin, end;
    bool written;
};

/* What the kernel drives in a cycle, and what it gets. */
struct reader_out {
    bool arvalid;
    std::uint64_t araddr;
    unsigned arlen;
};
struct reader_in {
    bool arready, rvalid, rlast;
    const std::uint8_t *data;
};
struct writer_out {
    bool awvalid, wvalid, wlast;
    std::uint64_t awaddr;
    unsigned awlen;
    const std::uint8_t *data;
};
struct writer_in {
    bool awready, wready, bvalid;
};

class memory
{
  public:
    memory(const rtl_memory &kind, const std::vector<region> &regions)
        : kind_(kind), regions_(regions)
    {
    }
    /* Intervals of refresh are counted from here. */
    void start()
    {
        now_ = 0;
    }
    /* One cycle. */
    void cycle(const reader_out *readers, const writer_out &writer, reader_in *to_readers,
               writer_in &to_writer);
    /* The first broken rule, or empty. */
    const std::string &error() const
    {
        return error_;
    }

    /* Every word is written, and every burst acknowledged. */
    bool settled() const
    {
        return writes_.empty() && answers_.empty();
    }

  private:
    struct burst {
        std::uint64_t at, ready;
        unsigned left;
    };
    void ask(std::deque<burst> &queue, std::uint64_t at, unsigned length, bool write);
    bool serve_reader(unsigned port, reader_in *to_readers);
    bool serve_writer(const writer_out &writer, writer_in &to_writer);
    void refill();
    void fail(const char *what, std::uint64_t at);

    static constexpr std::size_t OUTSTANDING = 16;
    rtl_memory kind_;
    std::vector<region> regions_;
    std::deque<burst> reads_[READERS], writes_;
    std::deque<std::uint64_t> answers_; /* cycles of write responses */
    std::uint64_t now_ = 0;
    double tokens_ = 0; /* words that the channel may move */
    unsigned turn_ = 0;
    std::string error_;
};

} // namespace rtl

#endif
