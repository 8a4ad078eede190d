#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "davit/onnx_document.h"

static bool write_all(int fd, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return false;
        }
        bytes += written;
        size -= (size_t)written;
    }
    return true;
}

davit_status davit_onnx_write_file(const char *path, const uint8_t *bytes, size_t size,
                                   const davit_diagnostics *diag)
{
    char temporary[PATH_MAX];
    int length = snprintf(temporary, sizeof(temporary), "%s.%ld.tmp", path, (long)getpid());
    if (length < 0 || (size_t)length >= sizeof(temporary)) {
        return davit_fail(diag, DAVIT_IO_ERROR, "%s: the path is too long", path);
    }
    struct stat info;
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode)) {
        return davit_fail(diag, DAVIT_IO_ERROR, "%s: is not a regular file", path);
    }
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        return davit_fail(diag, DAVIT_IO_ERROR, "%s: cannot be written: %s", path, strerror(errno));
    }
    bool written = write_all(fd, bytes, size);
    int error = errno;
    if (close(fd) != 0 && written) {
        written = false;
        error = errno;
    }
    if (written && rename(temporary, path) != 0) {
        written = false;
        error = errno;
    }
    if (!written) {
        unlink(temporary);
        return davit_fail(diag, DAVIT_IO_ERROR, "%s: cannot be written: %s", path, strerror(error));
    }
    return DAVIT_OK;
}
