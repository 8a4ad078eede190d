#include "davit/read_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define READ_BYTES ((size_t)65536)

/* *text may be set on failure too. */
static davit_status read_stream(const davit_allocator *allocator, FILE *file, size_t max_bytes,
                                char **text, size_t *used)
{
    size_t capacity = 0;
    *used = 0;
    do {
        if (*used > max_bytes) {
            return DAVIT_BAD_DATA;
        }
        if (davit_array_grow(allocator, (void **)text, &capacity, *used, *used + READ_BYTES + 1,
                             1) != DAVIT_OK) {
            return DAVIT_OUT_OF_MEMORY;
        }
        *used += fread(*text + *used, 1, READ_BYTES, file);
        if (ferror(file)) {
            return DAVIT_IO_ERROR;
        }
    } while (!feof(file));
    (*text)[*used] = '\0';
    return *used > max_bytes ? DAVIT_BAD_DATA : DAVIT_OK;
}

static davit_status fail(const davit_diagnostics *diag, davit_status status, const char *path,
                         size_t max_bytes)
{
    switch (status) {
    case DAVIT_BAD_DATA:
        return davit_fail(diag, status, "%s: larger than %zu KiB", path, max_bytes >> 10);
    case DAVIT_IO_ERROR:
        return davit_fail(diag, status, "%s: cannot be read: %s", path, strerror(errno));
    default:
        return davit_fail(diag, status, "%s: out of memory", path);
    }
}

davit_status davit_read_file(const davit_allocator *allocator, const char *path, size_t max_bytes,
                             const davit_diagnostics *diag, char **text, size_t *bytes)
{
    *text = NULL;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return davit_fail(diag, errno == ENOENT ? DAVIT_NOT_FOUND : DAVIT_IO_ERROR,
                          "%s: cannot be opened: %s", path, strerror(errno));
    }
    char *read = NULL;
    size_t used;
    davit_status status = read_stream(allocator, file, max_bytes, &read, &used);
    if (status != DAVIT_OK) {
        (void)fail(diag, status, path, max_bytes);
        davit_free(allocator, read);
        fclose(file);
        return status;
    }
    fclose(file);
    *text = read;
    if (bytes != NULL) {
        *bytes = used;
    }
    return DAVIT_OK;
}
