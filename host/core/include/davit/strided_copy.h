/* Copies of elements that lie at a regular distance from each other. */
#ifndef DAVIT_STRIDED_COPY_H
#define DAVIT_STRIDED_COPY_H

#include <stddef.h>
#include <stdint.h>

/* Places in a run of elements; strides in bytes, of any sign or 0. */
typedef struct davit_strided_run {
    int64_t count;
    int64_t to_bytes;
    int64_t from_bytes;
} davit_strided_run;

/* Copies count elements of elem_bytes (1, 2, 4 or 8), one after the other; to and from may not
 * overlap, and need no alignment. */
void davit_copy_strided(const davit_strided_run *run, size_t elem_bytes, void *to,
                        const void *from);

#endif
