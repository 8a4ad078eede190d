/* Sums of what was last written to parts of a bank: by the host, which adds them up as it sends, or
 * by a kernel, which says so in its end word. A read that brings other bytes is noticed by them. On
 * the board's thread. */
#ifndef DAVIT_XRT_SUMS_H
#define DAVIT_XRT_SUMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A part [begin, end) in bytes, whole words, and their davit_end_sum. */
typedef struct davit_xrt_sum {
    size_t begin, end;
    uint32_t sum;
} davit_xrt_sum;

/* Parts in order, none over another. Starts as zeros. */
typedef struct davit_xrt_sums {
    davit_xrt_sum *parts;
    size_t count, capacity;
} davit_xrt_sums;

/* What lies over [begin, end) is not known any more. */
void davit_xrt_sums_forget(davit_xrt_sums *sums, size_t begin, size_t end);
/* Replaces what lay there. Without memory for it the part is not known. */
void davit_xrt_sums_note(davit_xrt_sums *sums, const davit_xrt_sum *part);
/* Whether bytes that were read have the sums of all known parts inside [begin, end). bytes: the
 * memory from offset 0 on. */
bool davit_xrt_sums_agree(const davit_xrt_sums *sums, size_t begin, size_t end,
                          const uint8_t *bytes);
void davit_xrt_sums_free(davit_xrt_sums *sums);

#endif
