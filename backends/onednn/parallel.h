/* Loops over the device's threads, through the same OpenMP runtime (libgomp) as oneDNN's, so that
 * both share one set of threads. Called through libgomp's ABI, which is the same for every
 * compiler. */
#ifndef DAVIT_ONEDNN_PARALLEL_H
#define DAVIT_ONEDNN_PARALLEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sets the number of threads of parallel regions that the calling thread starts; returns what it was. */
uint32_t davit_onednn_set_threads(uint32_t threads);

/* How many threads davit_onednn_parallel uses at most, and, inside a body, which of them this is:
 * 0 to that number - 1. */
int64_t davit_onednn_thread_count(void);
int64_t davit_onednn_thread_index(void);

typedef void (*davit_onednn_body)(const void *context, int64_t begin, int64_t end);

/* Calls body for parts that together are [0, count), on up to as many threads as there are parts
 * of at least grain. Called from the device's worker. */
void davit_onednn_parallel(int64_t count, int64_t grain, davit_onednn_body body,
                           const void *context);

/* Blocks of channels of rows, which threads share by rows or by blocks. */
typedef struct davit_onednn_grid {
    int64_t rows, blocks;
    bool by_rows;
} davit_onednn_grid;

/* For windows of height kernel that slide over rows of in images: by rows, as those shared them
 * that made the images, unless threads then read more of each other's rows than of all rows'
 * channels otherwise. */
bool davit_onednn_shares_rows(int64_t in, int64_t kernel);

/* The rows, rows[0] to rows[1], of a block among items begin to end of rows * blocks. */
void davit_onednn_grid_part(const davit_onednn_grid *grid, int64_t begin, int64_t end,
                            int64_t block, int64_t rows[2]);

#endif
