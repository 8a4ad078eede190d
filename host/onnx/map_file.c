#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"

#define PROTOBUF_MAX_BYTES ((off_t)INT32_MAX)

static davit_status map_descriptor(int fd, const davit_diagnostics *diag, davit_onnx_mapping *out)
{
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return davit_fail(diag, DAVIT_IO_ERROR, "cannot be read: %s", strerror(errno));
    }
    if (!S_ISREG(info.st_mode)) {
        return davit_fail(diag, DAVIT_IO_ERROR, "is not a regular file");
    }
    if (info.st_size > PROTOBUF_MAX_BYTES) {
        return davit_fail(diag, DAVIT_UNSUPPORTED,
                          "has %lld bytes, protobuf's limit is 2 GiB: keep the weights in external "
                          "data",
                          (long long)info.st_size);
    }
    out->size = (size_t)info.st_size;
    if (out->size == 0) {
        return DAVIT_OK;
    }
    void *address = mmap(NULL, out->size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (address == MAP_FAILED) {
        out->size = 0;
        return davit_fail(diag, DAVIT_IO_ERROR, "cannot be mapped: %s", strerror(errno));
    }
    out->bytes = address;
    return DAVIT_OK;
}

davit_status davit_onnx_map_file(const char *path, const davit_diagnostics *diag,
                                 davit_onnx_mapping *out)
{
    *out = (davit_onnx_mapping){0};
    /* O_NONBLOCK: a pipe of that name must not hang the caller. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        davit_status status = errno == ENOENT ? DAVIT_NOT_FOUND : DAVIT_IO_ERROR;
        return davit_fail(diag, status, "cannot be opened: %s", strerror(errno));
    }
    davit_status status = map_descriptor(fd, diag, out);
    close(fd);
    return status;
}

void davit_onnx_unmap_file(davit_onnx_mapping *mapping)
{
    if (mapping->bytes != NULL) {
        munmap(mapping->bytes, mapping->size);
    }
    *mapping = (davit_onnx_mapping){0};
}
