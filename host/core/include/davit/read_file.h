/* Small text files that are read whole: plans, profiles, problems, stores. */
#ifndef DAVIT_READ_FILE_H
#define DAVIT_READ_FILE_H

#include "davit/allocator.h"
#include "davit/diagnostics.h"

/* Reads a file of at most max_bytes. *text is NUL-terminated and freed with davit_free; *bytes
 * (may be NULL) is its length, which is greater than strlen where the file holds NULs.
 *
 * Reports "PATH: cannot be opened: ..." (DAVIT_NOT_FOUND where there is none, else DAVIT_IO_ERROR),
 * a failed read (DAVIT_IO_ERROR), a larger file (DAVIT_BAD_DATA). */
DAVIT_NODISCARD davit_status davit_read_file(const davit_allocator *allocator, const char *path,
                                             size_t max_bytes, const davit_diagnostics *diag,
                                             char **text, size_t *bytes);

#endif
