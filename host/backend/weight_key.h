/* The key of a program's packed weights. */
#ifndef DAVIT_WEIGHT_KEY_H
#define DAVIT_WEIGHT_KEY_H

#include "davit/backend.h"
#include "davit/content_hash.h"

/* Bytes of the constants that the units of a program read, for each reader. */
size_t davit_weight_constant_bytes(const davit_program_spec *spec);

/* Adds all that packing them depends on. Weights in mapped files are given back on the way. Not
 * reported: DAVIT_OUT_OF_MEMORY; DAVIT_UNAVAILABLE where this build or that of the library cannot
 * be told from others. */
DAVIT_NODISCARD davit_status davit_weight_key_add(const davit_allocator *allocator,
                                                  const davit_program_spec *spec,
                                                  const char *depends, const void *library,
                                                  davit_content_hash *hash);

#endif
