#define _GNU_SOURCE /* dladdr */
#include "driver.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY "libdavit-cudaemu.so"

/* From the folder of libdavit or of a program that has it inside: the folder itself, the libraries'
 * of an installation seen from its programs', and where the build tree has it. */
static const char *const folders[] = {"", "../lib/", DAVIT_LIBRARIES_FROM_PROGRAMS "/",
                                      "../../backends/cuda/emu/"};

/* The file that holds this function: the dynamic loader knows a program by the name it was called
 * by, which need not be a path, or be /proc/self/exe. */
static bool find_self(char *path, size_t path_bytes)
{
    static const int here;
    Dl_info info;
    if (dladdr((const void *)&here, &info) != 0 && info.dli_fname != NULL &&
        strchr(info.dli_fname, '/') != NULL && strncmp(info.dli_fname, "/proc/", 6) != 0) {
        return snprintf(path, path_bytes, "%s", info.dli_fname) < (int)path_bytes;
    }
    ssize_t length = readlink("/proc/self/exe", path, path_bytes - 1);
    path[length > 0 ? length : 0] = '\0';
    return length > 0;
}

bool davit_cuda_find_emulated(char *path, size_t path_bytes)
{
    char self[PATH_MAX];
    if (!find_self(self, sizeof(self)) || strrchr(self, '/') == NULL) {
        return false;
    }
    strrchr(self, '/')[1] = '\0';
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        char candidate[PATH_MAX + 64];
        char whole[PATH_MAX];
        (void)snprintf(candidate, sizeof(candidate), "%s%s" LIBRARY, self, folders[i]);
        if (realpath(candidate, whole) != NULL &&
            snprintf(path, path_bytes, "%s", whole) < (int)path_bytes) {
            return true;
        }
    }
    return false;
}
