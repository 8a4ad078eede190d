#include "memory.h"

#include <cmath>
#include <cstdio>
#include <cstring>

namespace rtl
{

void memory::fail(const char *what, std::uint64_t at)
{
    if (error_.empty()) {
        char text[128];
        std::snprintf(text, sizeof(text), "%s at address %llx, cycle %llu", what,
                      (unsigned long long)at, (unsigned long long)now_);
        error_ = text;
    }
}

void memory::ask(std::deque<burst> &queue, std::uint64_t at, unsigned length, bool write)
{
    const std::uint64_t end = at + (std::uint64_t)length * WORD;
    bool inside = false;
    for (const region &r : regions_) {
        inside = inside || (at >= r.begin && end <= r.end && r.written == write);
    }
    if (!inside) {
        fail(write ? "a write outside the result" : "a read outside the operands", at);
    }
    if (at % WORD != 0 || length > 64 || at / 4096 != (end - 1) / 4096) {
        fail("a burst that AXI does not allow", at);
    }
    queue.push_back({at, now_ + (write ? 0 : (std::uint64_t)kind_.latency), length});
}

/* Tokens are not saved up: what is not used in a cycle is lost, but for fractions. Refresh is at
 * the end of its interval. */
void memory::refill()
{
    const double phase = std::fmod((double)now_, kind_.refresh_interval);
    if (phase < kind_.refresh_interval - kind_.refresh_cycles) {
        const double most = kind_.words_per_cycle > 1 ? kind_.words_per_cycle : 1;
        tokens_ += kind_.words_per_cycle;
        tokens_ = tokens_ > most + 1 ? most + 1 : tokens_;
    } else {
        tokens_ = 0;
    }
}

bool memory::serve_reader(unsigned port, reader_in *to_readers)
{
    std::deque<burst> &queue = reads_[port];
    if (queue.empty() || queue.front().ready > now_) {
        return false;
    }
    burst &b = queue.front();
    to_readers[port].rvalid = true;
    to_readers[port].data = reinterpret_cast<const std::uint8_t *>(b.at);
    b.at += WORD;
    b.left--;
    to_readers[port].rlast = b.left == 0;
    if (b.left == 0) {
        queue.pop_front();
    }
    return true;
}

bool memory::serve_writer(const writer_out &writer, writer_in &to_writer)
{
    if (writes_.empty() || !writer.wvalid) {
        return false;
    }
    burst &b = writes_.front();
    to_writer.wready = true;
    if (error_.empty()) {
        std::memcpy(reinterpret_cast<std::uint8_t *>(b.at), writer.data, WORD);
    }
    b.at += WORD;
    b.left--;
    if (writer.wlast != (b.left == 0)) {
        fail("a burst with the wrong last word", b.at);
    }
    if (b.left == 0) {
        writes_.pop_front();
        answers_.push_back(now_ + (std::uint64_t)kind_.latency);
    }
    return true;
}

void memory::cycle(const reader_out *readers, const writer_out &writer, reader_in *to_readers,
                   writer_in &to_writer)
{
    static const std::uint8_t nothing[WORD] = {0};
    now_++;
    refill();
    to_writer = {writes_.size() < OUTSTANDING, false, false};
    for (unsigned i = 0; i < READERS; i++) {
        to_readers[i] = {reads_[i].size() < OUTSTANDING, false, false, nothing};
    }
    if (!answers_.empty() && answers_.front() <= now_) {
        to_writer.bvalid = true;
        answers_.pop_front();
    }
    const unsigned first = turn_;
    for (unsigned i = 0; i <= READERS && tokens_ >= 1 && error_.empty(); i++) {
        const unsigned port = (first + i) % (READERS + 1);
        const bool served =
            port < READERS ? serve_reader(port, to_readers) : serve_writer(writer, to_writer);
        if (served) {
            tokens_ -= 1;
            turn_ = (port + 1) % (READERS + 1);
        }
    }
    for (unsigned i = 0; i < READERS; i++) {
        if (readers[i].arvalid && to_readers[i].arready) {
            ask(reads_[i], readers[i].araddr, readers[i].arlen + 1, false);
        }
    }
    if (writer.awvalid && to_writer.awready) {
        ask(writes_, writer.awaddr, writer.awlen + 1, true);
    }
}

} // namespace rtl
