/* The part of Vitis HLS's hls_stream.h that the kernels use, for C simulation.
 *
 * A stream is a FIFO of its declared depth between two processes of a DATAFLOW region (csim.h). It
 * fails the simulation when a second process reads or writes it, or when something is left in it
 * when the region ends. A read of an empty stream and a write to a full one let other processes
 * run; when none can, the region is deadlocked, which is a failure too: the depths are checked by
 * running with them. */
#ifndef DAVIT_CSIM_HLS_STREAM_H
#define DAVIT_CSIM_HLS_STREAM_H

#include "csim.h"

namespace hls
{

template <typename T, int DEPTH = 2> class stream : public csim::fifo
{
    T item_[DEPTH];

  public:
    explicit stream(const char *name) : csim::fifo(name, DEPTH)
    {
    }
    stream(const stream &) = delete;
    stream &operator=(const stream &) = delete;

    T read()
    {
        const int at = begin_read();
        T out = item_[at];
        end_read();
        return out;
    }
    void write(const T &value)
    {
        item_[begin_write()] = value;
        end_write();
    }
    bool empty()
    {
        return poll_empty();
    }
};

} // namespace hls

#endif
