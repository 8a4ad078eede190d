/* Scratch memory of kernels: an allocator that keeps what it is given back, so that a program which
 * runs again allocates nothing. */
#ifndef DAVIT_REFERENCE_SCRATCH_H
#define DAVIT_REFERENCE_SCRATCH_H

#include "davit/allocator.h"

struct davit_scratch_block;

/* Not thread-safe. Alignments up to DAVIT_ALIGNMENT. Must stay where it is once initialised. */
typedef struct davit_scratch {
    davit_allocator allocator; /* what kernels get */
    const davit_allocator *from;
    struct davit_scratch_block *blocks;
} davit_scratch;

void davit_scratch_init(davit_scratch *scratch, const davit_allocator *from);
/* Frees the kept memory; all of it has been given back. */
void davit_scratch_clear(davit_scratch *scratch);

#endif
