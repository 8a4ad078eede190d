/* Packed weights of programs as files, so that a second start maps them instead of packing:
 * $XDG_CACHE_HOME/davit/weights/KEY.weights (else ~/.cache).
 *
 * The key is a hash, under a secret of the folder, of everything that packing depends on: the
 * program's nodes, attributes, shapes and the bytes of its constants; the backend's own text; the
 * builds of the libraries; the processor. Files are checked as a whole when they are mapped. What
 * is damaged is said, removed and made again; a folder or file of another user, or that others may
 * write to, is not used; that something cannot be read or written is no failure.
 *
 * Files on local file systems are mapped, others, as NFS and FUSE, read: another machine may change
 * them. Who cuts a local file in place while it is mapped makes its user end by SIGBUS; nothing of
 * Davit does, and removing files is harmless.
 *
 * A file is written beside and renamed: several processes and kills in between are safe. The least
 * recently used ones go where all together would exceed DAVIT_WEIGHT_CACHE_MIB (environment; 4096;
 * 0: no cache). */
#ifndef DAVIT_WEIGHT_CACHE_H
#define DAVIT_WEIGHT_CACHE_H

#include "davit/backend.h"

typedef struct davit_weight_cache davit_weight_cache;

/* Looks for the weights of a program. depends: what packing depends on beside the spec; library: an
 * address in the library that packs.
 *
 * *out is NULL where there is no folder, or less than 32 MiB of constants, which are packed about
 * as fast. allocator and diag outlive *out. Returns DAVIT_OK or DAVIT_OUT_OF_MEMORY, reported. */
DAVIT_NODISCARD davit_status davit_weight_cache_open(const davit_allocator *allocator,
                                                     const davit_diagnostics *diag,
                                                     const davit_program_spec *spec,
                                                     const char *depends, const void *library,
                                                     davit_weight_cache **out);

/* True when the weights were found, so far all that were asked for. */
bool davit_weight_cache_found(const davit_weight_cache *cache);

/* The next block of the file, in the order in which blocks were added, read-only, until close.
 * NULL: make it, and add it; also for a NULL cache. Once a block is not what is asked for, all
 * others are NULL.
 *
 * what  8 characters that tell how it was packed. */
const void *davit_weight_cache_take(davit_weight_cache *cache, const char *what, size_t bytes);
/* Says which block was made; it stays as it is until close. */
void davit_weight_cache_add(davit_weight_cache *cache, const char *what, const void *block,
                            size_t bytes);

/* What was made is not to be kept: it is not what this program will always have. NULL is legal. */
void davit_weight_cache_drop(davit_weight_cache *cache);

/* To be called once all blocks are made: writes those of weights that were not found, on a thread
 * of its own. */
void davit_weight_cache_keep(davit_weight_cache *cache);

/* Waits until they are written. NULL is legal. */
void davit_weight_cache_close(davit_weight_cache *cache);

/* ---- the folder ---- */

typedef struct davit_weight_cache_state {
    char folder[512]; /* "": there is none */
    size_t file_count;
    uint64_t bytes;
} davit_weight_cache_state;

davit_weight_cache_state davit_weight_cache_look(void);
/* Removes all files; false: one cannot be removed. */
bool davit_weight_cache_clear(void);

#endif
