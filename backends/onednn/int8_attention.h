/* Attention of quantised models in one step: IntegerProduct, DequantizeLinear, a factor, a mask,
 * Softmax, QuantizeLinear, IntegerProduct, a head and a block of queries at a time. Integers are
 * those of the operators one by one. */
#ifndef DAVIT_ONEDNN_INT8_ATTENTION_H
#define DAVIT_ONEDNN_INT8_ATTENTION_H

#include "group.h"

/* Finds it around the Softmax at position. */
DAVIT_NODISCARD davit_status davit_int8_attention_find(davit_onednn_builder *builder,
                                                       size_t position);

/* True where a group is one and takes that value, Q, K or V, in any order of its axes. */
bool davit_int8_attention_reads(const davit_onednn_group *group, davit_value_id value);

#endif
