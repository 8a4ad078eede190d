/* Recorded topologies are read here, not by hwloc, which would wait for a pipe, take a device of
 * endless bytes, and not say what is wrong. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state.h"

#define MAX_BYTES ((size_t)64 << 20) /* the largest machines make some megabytes */

enum { MAX_DEPTH = 200 }; /* hwloc's parser calls itself for each level */

/* The greatest depth of elements; more than limit is not looked for. Attribute values of hwloc hold
 * no bare '<'. */
static int nesting(const char *text, int limit)
{
    int depth = 0, greatest = 0;
    for (const char *c = strchr(text, '<'); c != NULL && greatest <= limit;
         c = strchr(c + 1, '<')) {
        if (c[1] == '/') {
            depth--;
        } else if (c[1] != '?' && c[1] != '!') {
            const char *end = strpbrk(c + 1, "<>");
            depth += end == NULL || *end != '>' || end[-1] != '/';
            greatest = depth > greatest ? depth : greatest;
        }
    }
    return greatest;
}

static davit_status check_text(const char *path, const char *text, size_t bytes,
                               const davit_diagnostics *diag)
{
    const char *root = strstr(text, "<topology");
    if (root == NULL || root - text > 4096 || strlen(text) != bytes) {
        return davit_fail(diag, DAVIT_BAD_DATA,
                          "%s: not an hwloc XML file (`lstopo FILE.xml` writes one)", path);
    }
    if (nesting(text, MAX_DEPTH) > MAX_DEPTH) {
        return davit_fail(diag, DAVIT_BAD_DATA,
                          "%s: elements are nested more than %d deep, which no machine needs", path,
                          MAX_DEPTH);
    }
    return DAVIT_OK;
}

/* Opens a regular file of a fitting size. Returns the descriptor, or -1 after reporting. */
static int open_file(const char *path, size_t *bytes, davit_status *status,
                     const davit_diagnostics *diag)
{
    struct stat info;
    const char *problem = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &info) != 0) {
        *status = davit_fail(diag, errno == ENOENT ? DAVIT_NOT_FOUND : DAVIT_IO_ERROR,
                             "%s: cannot read the topology: %s", path, strerror(errno));
    } else if (S_ISDIR(info.st_mode)) {
        problem = "is a directory, not an hwloc XML file";
    } else if (!S_ISREG(info.st_mode)) {
        problem = "is not a regular file";
    } else if (info.st_size == 0) {
        problem = "is empty, not an hwloc XML file";
    } else if ((uintmax_t)info.st_size > MAX_BYTES) {
        problem = "is larger than 64 MiB: no hwloc XML file";
    } else {
        *bytes = (size_t)info.st_size;
        return fd;
    }
    if (problem != NULL) {
        *status = davit_fail(diag, DAVIT_BAD_DATA, "%s: %s", path, problem);
    }
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

davit_status davit_topology_read_file(const davit_allocator *allocator, const char *path,
                                      const davit_diagnostics *diag, char **text, size_t *bytes)
{
    *text = NULL;
    size_t size = 0, done = 0;
    davit_status status = DAVIT_OK;
    int fd = open_file(path, &size, &status, diag);
    if (fd < 0) {
        return status;
    }
    char *buffer = davit_alloc(allocator, size + 1);
    ssize_t got = 1;
    while (buffer != NULL && done < size && got > 0) {
        got = read(fd, buffer + done, size - done);
        done += got > 0 ? (size_t)got : 0;
    }
    int error = errno;
    close(fd);
    if (buffer == NULL) {
        status = davit_fail(diag, DAVIT_OUT_OF_MEMORY, "%s: out of memory", path);
    } else if (got < 0) {
        status = davit_fail(diag, DAVIT_IO_ERROR, "%s: cannot read the topology: %s", path,
                            strerror(error));
    } else {
        buffer[done] = '\0';
        status = check_text(path, buffer, done, diag);
    }
    if (status != DAVIT_OK) {
        davit_free(allocator, buffer);
        return status;
    }
    *text = buffer;
    *bytes = done;
    return DAVIT_OK;
}

davit_status davit_topology_refused_file(const char *path, const char *text,
                                         const davit_diagnostics *diag)
{
    unsigned major = 0, known = hwloc_get_api_version() >> 16;
    const char *root = strstr(text, "<topology");
    if (root != NULL && sscanf(root, "<topology version=\"%3u", &major) == 1 && major > known) {
        return davit_fail(diag, DAVIT_UNSUPPORTED,
                          "%s: a topology of format %u, but this hwloc reads up to format %u; "
                          "write it with `lstopo --export-xml-flags v2 FILE.xml`",
                          path, major, known);
    }
    if (strstr(text, "</topology>") == NULL) {
        return davit_fail(diag, DAVIT_BAD_DATA,
                          "%s: the topology is cut off: </topology> is missing", path);
    }
    return davit_fail(diag, DAVIT_BAD_DATA, "%s: hwloc cannot read this topology: it is damaged",
                      path);
}
