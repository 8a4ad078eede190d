/* A part of the network as it computes with quantised values, as an f32 graph. */
#ifndef DAVIT_QUANTIZER_SIMULATE_H
#define DAVIT_QUANTIZER_SIMULATE_H

#include "job.h"

/* Makes the graph of the nodes order[begin] to order[end - 1]. Its inputs are what they read from
 * outside, its outputs those of their results that keep marks (by value), all of them with their
 * names and not quantised; inside, a value that the job quantises is read through a pair of
 * QuantizeLinear and DequantizeLinear, and layers have the weights that their 8 bits stand for.
 * Constants are borrowed from the job's graph. Returns DAVIT_OUT_OF_MEMORY. */
DAVIT_NODISCARD davit_status davit_simulate(const davit_quantizer *job, size_t begin, size_t end,
                                            const bool *keep, davit_graph **out);

#endif
