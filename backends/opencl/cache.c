/* Compiled programs as files, $XDG_CACHE_HOME/davit/opencl/HASH.bin: what they depend on as text, then
 * the driver's binary. A folder or file that belongs to somebody else, or that others may write to, is
 * not used, since a binary is code. That a file cannot be read or written is no failure, so that memory
 * for it is the process's. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device.h"

#define PATH_BYTES 512
#define KEY_BYTES 1024
#define MAX_BINARY_BYTES ((size_t)256 << 20)

/* Everything that the binary of a module depends on. */
static void key_of(const davit_opencl_device *device, size_t module, char *key)
{
    memset(key, 0, KEY_BYTES);
    (void)snprintf(key, KEY_BYTES, "davit-opencl-1|%s|%s|%s|%s", device->key, device->options,
                   davit_opencl_modules[module].file, davit_opencl_modules[module].options);
}

static bool folder_of(char *path)
{
    const char *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    int length = 0;
    if (cache != NULL && cache[0] == '/') { /* the specification: a relative path is ignored */
        length = snprintf(path, PATH_BYTES, "%s/davit/opencl", cache);
    } else if (home != NULL && home[0] == '/') {
        length = snprintf(path, PATH_BYTES, "%s/.cache/davit/opencl", home);
    }
    return length > 0 && length < PATH_BYTES - 64;
}

static void file_of(const char *key, char *path)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a; the file holds the whole key */
    for (const char *at = key; *at != '\0'; at++) {
        hash = (hash ^ (unsigned char)*at) * 0x100000001b3u;
    }
    size_t length = strlen(path);
    (void)snprintf(path + length, PATH_BYTES - length, "/%016llx.bin", (unsigned long long)hash);
}

static bool is_trusted(const struct stat *info)
{
    return info->st_uid == geteuid() && (info->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static bool read_all(int file, void *data, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t count = read(file, (char *)data + done, bytes - done);
        if (count <= 0 && !(count < 0 && errno == EINTR)) {
            return false;
        }
        done += count > 0 ? (size_t)count : 0;
    }
    return true;
}

/* The binary behind the right key; freed with davit_free. NULL: none. */
static unsigned char *read_binary(const char *path, const char *key, size_t *bytes)
{
    const davit_allocator *allocator = davit_allocator_default();
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char found[KEY_BYTES];
    struct stat info;
    unsigned char *data = NULL;
    if (file < 0) {
        return NULL;
    }
    if (fstat(file, &info) == 0 && S_ISREG(info.st_mode) && is_trusted(&info) &&
        info.st_size > KEY_BYTES && (size_t)info.st_size <= MAX_BINARY_BYTES &&
        read_all(file, found, KEY_BYTES) && memcmp(found, key, KEY_BYTES) == 0) {
        *bytes = (size_t)info.st_size - KEY_BYTES;
        data = davit_alloc_uninitialized(allocator, *bytes);
        if (data != NULL && !read_all(file, data, *bytes)) {
            davit_free(allocator, data);
            data = NULL;
        }
    }
    (void)close(file);
    return data;
}

cl_program davit_opencl_cache_load(const davit_opencl_device *device, size_t module)
{
    char path[PATH_BYTES], key[KEY_BYTES];
    struct stat info;
    size_t bytes;
    key_of(device, module, key);
    if (!folder_of(path) || stat(path, &info) != 0 || !is_trusted(&info)) {
        return NULL;
    }
    file_of(key, path);
    unsigned char *binary = read_binary(path, key, &bytes);
    if (binary == NULL) {
        return NULL;
    }
    const unsigned char *given = binary;
    cl_int error, status;
    cl_program program = device->api->clCreateProgramWithBinary(
        device->context, 1, &device->id, &bytes, &given, &status, &error);
    davit_free(davit_allocator_default(), binary);
    if (program != NULL &&
        device->api->clBuildProgram(program, 1, &device->id, NULL, NULL, NULL) != CL_SUCCESS) {
        (void)device->api->clReleaseProgram(program);
        program = NULL;
    }
    return program;
}

/* ---- writing ---- */

static bool make_folder(char *path)
{
    for (size_t i = 1, length = strlen(path); i <= length; i++) {
        if (path[i] == '/' || path[i] == '\0') {
            char kept = path[i];
            path[i] = '\0';
            bool made = mkdir(path, 0700) == 0 || errno == EEXIST;
            path[i] = kept;
            if (!made) {
                return false;
            }
        }
    }
    struct stat info;
    return stat(path, &info) == 0 && is_trusted(&info);
}

static bool write_all(int file, const void *data, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t count = write(file, (const char *)data + done, bytes - done);
        if (count <= 0 && !(count < 0 && errno == EINTR)) {
            return false;
        }
        done += count > 0 ? (size_t)count : 0;
    }
    return true;
}

/* To a file of its own first, which then takes the place of what is there. */
static bool write_binary(const char *path, const char *key, const unsigned char *binary,
                         size_t bytes)
{
    char temporary[PATH_BYTES + 16];
    (void)snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
    int file = mkstemp(temporary);
    if (file < 0) {
        return false;
    }
    bool written = write_all(file, key, KEY_BYTES) && write_all(file, binary, bytes);
    written = close(file) == 0 && written && rename(temporary, path) == 0;
    if (!written) {
        (void)unlink(temporary);
    }
    return written;
}

void davit_opencl_cache_save(const davit_opencl_device *device, size_t module, cl_program program)
{
    const davit_allocator *allocator = davit_allocator_default();
    char path[PATH_BYTES], key[KEY_BYTES];
    size_t bytes = 0;
    key_of(device, module, key);
    if (!folder_of(path) || !make_folder(path) ||
        device->api->clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof(bytes), &bytes,
                                      NULL) != CL_SUCCESS ||
        bytes == 0 || bytes > MAX_BINARY_BYTES - KEY_BYTES) {
        return;
    }
    file_of(key, path);
    unsigned char *binary = davit_alloc_uninitialized(allocator, bytes);
    bool written = binary != NULL &&
                   device->api->clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof(binary),
                                                 &binary, NULL) == CL_SUCCESS &&
                   write_binary(path, key, binary, bytes);
    davit_free(allocator, binary);
    davit_log(device->base.options.diag, DAVIT_DEBUG, "%s: %s", path,
              written ? "compiled kernels were kept" : "cannot be written");
}
