/* How a kernel writes a DATAFLOW region, so that one source is both compiled by v++ and simulated:
 *
 *   DAVIT_DATAFLOW;
 *   hls::stream<T, 4> s("s");
 *   DAVIT_WATCH(s);
 *   DAVIT_PROCESS(producer(s));
 *   DAVIT_PROCESS(consumer(s));
 *   DAVIT_DATAFLOW_END;
 *
 * Under v++ these are plain calls in a function with #pragma HLS DATAFLOW. */
#ifndef DAVIT_HLS_DATAFLOW_H
#define DAVIT_HLS_DATAFLOW_H

#ifdef DAVIT_CSIM
#include "csim.h"
#define DAVIT_DATAFLOW csim::region davit_region
#define DAVIT_WATCH(fifo) davit_region.watch(fifo)
#define DAVIT_PROCESS(call) davit_region.add(#call, [&]() { call; })
#define DAVIT_DATAFLOW_END davit_region.run()
#else
#define DAVIT_DATAFLOW
#define DAVIT_WATCH(fifo)
#define DAVIT_PROCESS(call) call
#define DAVIT_DATAFLOW_END
#endif

#endif
