/* External data of tensors: onnx.proto's keys location, offset and length.
 *
 * The path must stay inside the model's folder. It is resolved first, so that symbolic links may
 * lead around inside the folder, and the result is then opened component by component from the
 * folder without following links: a link put there in between is refused, not followed. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tensor.h"

/* One mapped file. */
struct davit_onnx_file {
    davit_onnx_file *next;
    const char *location;
    const davit_tensor *bytes;
};

typedef struct mapping {
    davit_allocator unmapper; /* of tensor and its data */
    const davit_allocator *allocator;
    davit_tensor tensor;
} mapping;

static void unmap(void *self, void *pointer)
{
    mapping *map = self;
    if (pointer == &map->tensor) {
        davit_free(map->allocator, map);
    } else {
        munmap(pointer, davit_tensor_desc_bytes(&map->tensor.desc));
    }
}

static void *map_nothing(void *self, size_t bytes, size_t alignment)
{
    (void)self;
    (void)bytes;
    (void)alignment;
    return NULL;
}

davit_status davit_onnx_own_mapping(davit_graph *graph, const davit_allocator *allocator,
                                    void *address, const davit_tensor_desc *desc,
                                    const davit_tensor **out)
{
    mapping *map = davit_alloc(allocator, sizeof(*map));
    *out = NULL;
    if (map == NULL) {
        if (address != NULL) {
            munmap(address, davit_tensor_desc_bytes(desc));
        }
        return DAVIT_OUT_OF_MEMORY;
    }
    *map = (mapping){.unmapper = {map_nothing, unmap, map}, .allocator = allocator};
    map->tensor = (davit_tensor){.desc = *desc, .data = address, .allocator = &map->unmapper};
    davit_status status = davit_graph_own_tensor(graph, &map->tensor);
    *out = status == DAVIT_OK ? &map->tensor : NULL;
    return status;
}

/* ---- opening ---- */

/* Opens path, relative to the folder and free of links, one component after the other. */
static int open_beneath(int folder_fd, char *path)
{
    int fd = dup(folder_fd);
    char *rest = path;
    while (fd >= 0) {
        char *slash = strchr(rest, '/');
        int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
        if (slash != NULL) {
            *slash = '\0';
            flags |= O_DIRECTORY;
        }
        int next = openat(fd, rest, flags);
        int error = errno;
        close(fd);
        errno = error;
        fd = next;
        if (slash == NULL) {
            break;
        }
        rest = slash + 1;
    }
    return fd;
}

static bool has_parent_component(const char *location)
{
    for (const char *at = location; *at != '\0';) {
        size_t length = strcspn(at, "/");
        if (length == 2 && at[0] == '.' && at[1] == '.') {
            return true;
        }
        at += length + (at[length] == '/');
    }
    return false;
}

/* Sets *fd to the opened file. */
static davit_status open_location(const davit_onnx_tensor_source *source, const char *location,
                                  int *fd)
{
    char folder[PATH_MAX];
    char joined[PATH_MAX];
    char resolved[PATH_MAX];
    if (realpath(source->files->folder, folder) == NULL) {
        return davit_fail(source->diag, DAVIT_IO_ERROR, "folder '%s' cannot be opened: %s",
                          source->files->folder, strerror(errno));
    }
    if (snprintf(joined, sizeof(joined), "%s/%s", folder, location) >= (int)sizeof(joined)) {
        return davit_fail(source->diag, DAVIT_BAD_DATA,
                          "%s: the path of its external data is too long", source->what);
    }
    if (realpath(joined, resolved) == NULL) {
        davit_status status = errno == ENOENT ? DAVIT_NOT_FOUND : DAVIT_IO_ERROR;
        return davit_fail(source->diag, status, "%s: external data '%s': %s", source->what,
                          location, strerror(errno));
    }
    size_t root = strcmp(folder, "/") == 0 ? 0 : strlen(folder);
    if (strncmp(resolved, folder, root) != 0 || resolved[root] != '/') {
        return davit_fail(source->diag, DAVIT_BAD_DATA,
                          "%s: external data '%s' leaves the model's folder", source->what,
                          location);
    }
    int folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *fd = folder_fd < 0 ? -1 : open_beneath(folder_fd, resolved + root + 1);
    int error = errno;
    if (folder_fd >= 0) {
        close(folder_fd);
    }
    if (*fd < 0) {
        return davit_fail(source->diag, DAVIT_IO_ERROR, "%s: external data '%s': %s", source->what,
                          location, strerror(error));
    }
    return DAVIT_OK;
}

/* ---- mapping ---- */

/* Maps all of fd as a tensor of bytes that the graph owns. */
static davit_status map_descriptor(const davit_onnx_tensor_source *source, const char *location,
                                   int fd, const davit_tensor **out)
{
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        return davit_fail(source->diag, DAVIT_IO_ERROR,
                          "%s: external data '%s' is not a regular file", source->what, location);
    }
    int64_t size = info.st_size;
    davit_tensor_desc desc;
    davit_status status = davit_onnx_shape_desc(source, DAVIT_U8, 1, &size, &desc);
    if (status != DAVIT_OK) {
        return status;
    }
    void *address = NULL;
    if (size > 0) {
        address = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (address == MAP_FAILED) {
            return davit_fail(source->diag, DAVIT_IO_ERROR, "%s: external data '%s': %s",
                              source->what, location, strerror(errno));
        }
    }
    return davit_onnx_own_mapping(source->files->graph, source->allocator, address, &desc, out);
}

static davit_status find_file(const davit_onnx_tensor_source *source, const char *location,
                              const davit_tensor **out)
{
    davit_onnx_files *files = source->files;
    for (const davit_onnx_file *file = files->first; file != NULL; file = file->next) {
        if (strcmp(file->location, location) == 0) {
            *out = file->bytes;
            return DAVIT_OK;
        }
    }
    if (location[0] == '/' || has_parent_component(location)) {
        return davit_fail(source->diag, DAVIT_BAD_DATA,
                          "%s: external data '%s' leaves the model's folder", source->what,
                          location);
    }
    davit_onnx_file *file = davit_arena_alloc(files->arena, sizeof(*file));
    if (file == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    int fd = -1;
    davit_status status = open_location(source, location, &fd);
    if (status != DAVIT_OK) {
        return status;
    }
    status = map_descriptor(source, location, fd, &file->bytes);
    close(fd);
    if (status != DAVIT_OK) {
        return status;
    }
    file->location = location;
    file->next = files->first;
    files->first = file;
    *out = file->bytes;
    return DAVIT_OK;
}

/* ---- the tensor ---- */

typedef struct place {
    const char *location;
    uint64_t offset;
    uint64_t length;
    bool has_length;
} place;

static bool parse_number(const char *text, uint64_t *out)
{
    if (text[0] < '0' || text[0] > '9') {
        return false;
    }
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    *out = value;
    return errno == 0 && *end == '\0';
}

/* False when something is malformed or there is no location. */
static bool read_place(const Onnx__TensorProto *proto, place *out)
{
    *out = (place){0};
    bool sane = true;
    for (size_t i = 0; i < proto->n_external_data; i++) {
        const char *key = proto->external_data[i]->key;
        const char *value = proto->external_data[i]->value;
        if (key == NULL || value == NULL) {
            continue;
        }
        if (strcmp(key, "location") == 0) {
            out->location = value;
        } else if (strcmp(key, "offset") == 0) {
            sane = sane && parse_number(value, &out->offset);
        } else if (strcmp(key, "length") == 0) {
            sane = sane && parse_number(value, &out->length);
            out->has_length = true;
        }
    }
    return sane && out->location != NULL && out->location[0] != '\0';
}

static bool bools_are_normal(const davit_tensor_desc *desc, const uint8_t *bytes)
{
    size_t count = desc->dtype == DAVIT_BOOL ? davit_tensor_desc_bytes(desc) : 0;
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] > 1) {
            return false;
        }
    }
    return true;
}

davit_status davit_onnx_external_tensor(const davit_onnx_tensor_source *source,
                                        const Onnx__TensorProto *proto,
                                        const davit_tensor_desc *desc, davit_tensor **out)
{
    *out = NULL;
    if (source->files == NULL || source->files->folder == NULL) {
        return davit_fail(source->diag, DAVIT_UNSUPPORTED, "%s: external data cannot be read here",
                          source->what);
    }
    place at;
    if (!read_place(proto, &at)) {
        return davit_fail(source->diag, DAVIT_BAD_DATA,
                          "%s: location, offset or length of its external data is malformed",
                          source->what);
    }
    const davit_tensor *file = NULL;
    davit_status status = find_file(source, at.location, &file);
    if (status != DAVIT_OK || file == NULL) {
        return status;
    }
    size_t bytes = davit_tensor_desc_bytes(desc);
    size_t size = davit_tensor_desc_bytes(&file->desc);
    if (at.has_length && at.length != bytes) {
        return davit_fail(source->diag, DAVIT_BAD_DATA,
                          "%s: external data has %llu bytes, its shape needs %zu", source->what,
                          (unsigned long long)at.length, bytes);
    }
    if (at.offset > size || bytes > size - at.offset) {
        return davit_fail(source->diag, DAVIT_BAD_DATA,
                          "%s: external data '%s' is short: %zu bytes at offset %llu of %zu",
                          source->what, at.location, bytes, (unsigned long long)at.offset, size);
    }
    if (bytes == 0) {
        return davit_tensor_create(source->allocator, desc->dtype, desc->rank, desc->dims, out);
    }
    uint8_t *data = (uint8_t *)file->data + at.offset;
    if (at.offset % davit_dtype_bytes(desc->dtype) == 0 && bools_are_normal(desc, data)) {
        status = davit_tensor_borrow(source->allocator, desc, data, out);
        if (status == DAVIT_OK) {
            (*out)->mapped = true;
        }
        return status;
    }
    status = davit_tensor_create(source->allocator, desc->dtype, desc->rank, desc->dims, out);
    if (status == DAVIT_OK) {
        memcpy((*out)->data, data, bytes);
        for (size_t i = 0; desc->dtype == DAVIT_BOOL && i < bytes; i++) {
            ((uint8_t *)(*out)->data)[i] = ((uint8_t *)(*out)->data)[i] != 0;
        }
    }
    return status;
}
