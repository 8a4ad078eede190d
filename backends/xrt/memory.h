/* Memory of a board: for each bank a pool of large buffer objects, as XRT keeps a file open for
 * each until the board is closed, and pieces of these. Each has a copy on the host (XRT's map),
 * through which everything is copied. */
#ifndef DAVIT_XRT_MEMORY_H
#define DAVIT_XRT_MEMORY_H

#include <pthread.h>

#include "davit/backend.h"
#include "driver.h"
#include "thread.h"

/* Pieces begin at multiples of this and are rounded up to it. */
#define DAVIT_XRT_PIECE_BYTES 4096u

typedef struct davit_xrt_chunk davit_xrt_chunk;

typedef struct davit_xrt_bank {
    int group; /* XRT's memory group */
    pthread_mutex_t mutex;
    davit_xrt_chunk *chunks;
} davit_xrt_bank;

/* A piece of a bank; chunk NULL: none. */
typedef struct davit_xrt_region {
    davit_xrt_bank *bank;
    davit_xrt_chunk *chunk;
    size_t offset;
    size_t bytes; /* rounded up */
} davit_xrt_region;

struct davit_xrt_board;

void davit_xrt_bank_init(davit_xrt_bank *bank, int group);
/* Frees the bank's bookkeeping and, with a driver, its buffer objects. On the board's thread. */
davit_status davit_xrt_bank_close(davit_xrt_job *job, const davit_xrt_driver *driver,
                                  davit_xrt_bank *bank);

/* On the board's thread. bytes > 0. Reports. */
DAVIT_NODISCARD davit_status davit_xrt_region_alloc(davit_xrt_job *job,
                                                    struct davit_xrt_board *board,
                                                    davit_xrt_bank *bank, size_t bytes,
                                                    const davit_diagnostics *diag,
                                                    davit_xrt_region *out);
/* On any thread. */
void davit_xrt_region_free(davit_xrt_region *region);

/* The host's copy of a region. */
uint8_t *davit_xrt_region_map(const davit_xrt_region *region);

/* A handle for bytes of a region from offset on, as an argument of a kernel; NULL on failure. To be
 * freed with bo_free. On the board's thread, between enter and leave. */
xrtBufferHandle davit_xrt_region_handle(const davit_xrt_driver *driver,
                                        const davit_xrt_region *region, size_t offset,
                                        size_t bytes);

/* A kernel may write there: what was known of these words is not any more. On the board's thread.
 */
void davit_xrt_region_forget(const davit_xrt_region *region, size_t offset, size_t bytes);
/* A kernel wrote words of that sum (davit_end_sum) there; what is read is compared with it. On the
 * board's thread. */
void davit_xrt_region_expect(const davit_xrt_region *region, size_t offset, size_t bytes,
                             uint32_t sum);

/* ---- copies, on the board's thread; report ----
 *
 * A read that covers all of what was written in one copy or by one call of a kernel is compared
 * with the sum of that; another sum loses the board. */

/* Host memory, or bytes of one value, to the board. */
DAVIT_NODISCARD davit_status davit_xrt_put(davit_xrt_job *job, struct davit_xrt_board *board,
                                           const davit_xrt_region *to, size_t offset, size_t bytes,
                                           const void *source, const davit_diagnostics *diag);
DAVIT_NODISCARD davit_status davit_xrt_fill(davit_xrt_job *job, struct davit_xrt_board *board,
                                            const davit_xrt_region *to, size_t offset, size_t bytes,
                                            uint8_t pattern, const davit_diagnostics *diag);
/* Brings the host's copy of a part of a region up to date. */
DAVIT_NODISCARD davit_status davit_xrt_fetch(davit_xrt_job *job, struct davit_xrt_board *board,
                                             const davit_xrt_region *from, size_t offset,
                                             size_t bytes, const davit_diagnostics *diag);

/* The other way: the board gets what the host's copy holds of a part, whole words. */
DAVIT_NODISCARD davit_status davit_xrt_push(davit_xrt_job *job, struct davit_xrt_board *board,
                                            const davit_xrt_region *to, size_t offset, size_t bytes,
                                            const davit_diagnostics *diag);

#endif
