#include "api.h"

#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIBRARY "libOpenCL.so.1"
#define VENDORS "/etc/OpenCL/vendors"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static davit_cl_api api;
static char failure[192];

static void open_library(void)
{
    const char *given = getenv("DAVIT_OPENCL_LIBRARY"); /* oneDNN may have loaded the system's */
    const char *name = given != NULL && given[0] != '\0' ? given : LIBRARY;
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        (void)snprintf(failure, sizeof(failure),
                       "%.80s is not there: install an OpenCL ICD loader (Debian: ocl-icd-libopencl1)",
                       name);
        return;
    }
#define FIND(name)                                                                                 \
    if ((*(void **)&api.name = dlsym(library, #name)) == NULL) {                                   \
        (void)snprintf(failure, sizeof(failure), "%s has no %s: it is older than OpenCL 1.2",      \
                       LIBRARY, #name);                                                            \
        return;                                                                                    \
    }
    DAVIT_CL_FUNCTIONS(FIND)
#undef FIND
}

const davit_cl_api *davit_cl_open(const char **reason)
{
    (void)pthread_once(&once, open_library);
    *reason = failure;
    return failure[0] == '\0' ? &api : NULL;
}

const char *davit_cl_error(cl_int error, char *text, size_t text_bytes)
{
    switch (error) {
    case CL_DEVICE_NOT_AVAILABLE:
        return "CL_DEVICE_NOT_AVAILABLE";
    case CL_COMPILER_NOT_AVAILABLE:
        return "CL_COMPILER_NOT_AVAILABLE";
    case CL_MEM_OBJECT_ALLOCATION_FAILURE:
        return "CL_MEM_OBJECT_ALLOCATION_FAILURE";
    case CL_OUT_OF_RESOURCES:
        return "CL_OUT_OF_RESOURCES";
    case CL_OUT_OF_HOST_MEMORY:
        return "CL_OUT_OF_HOST_MEMORY";
    case CL_BUILD_PROGRAM_FAILURE:
        return "CL_BUILD_PROGRAM_FAILURE";
    case CL_INVALID_BINARY:
        return "CL_INVALID_BINARY";
    case CL_INVALID_KERNEL_NAME:
        return "CL_INVALID_KERNEL_NAME";
    case CL_INVALID_KERNEL_ARGS:
        return "CL_INVALID_KERNEL_ARGS";
    case CL_INVALID_ARG_SIZE:
        return "CL_INVALID_ARG_SIZE";
    case CL_INVALID_WORK_GROUP_SIZE:
        return "CL_INVALID_WORK_GROUP_SIZE";
    case CL_INVALID_COMMAND_QUEUE:
        return "CL_INVALID_COMMAND_QUEUE";
    case CL_INVALID_CONTEXT:
        return "CL_INVALID_CONTEXT";
    case CL_INVALID_BUFFER_SIZE:
        return "CL_INVALID_BUFFER_SIZE";
    default:
        (void)snprintf(text, text_bytes, "error %d", (int)error);
        return text;
    }
}

/* Tries the library that an .icd file names; false when it loads. */
static bool explain_file(const char *folder, const char *name, char *text, size_t text_bytes)
{
    char path[512], line[256];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return false;
    }
    bool read = fgets(line, sizeof(line), file) != NULL;
    (void)fclose(file);
    line[read ? strcspn(line, "\r\n") : 0] = '\0';
    void *library = dlopen(line, RTLD_NOW | RTLD_LOCAL);
    if (library != NULL) {
        (void)dlclose(library);
        return false;
    }
    (void)snprintf(text, text_bytes, "the driver '%.80s' of %.64s does not load", line, name);
    return true;
}

void davit_cl_explain_no_platform(char *text, size_t text_bytes)
{
    const char *given = getenv("OCL_ICD_VENDORS");
    const char *folder = given != NULL ? given : VENDORS;
    const char *dot = given != NULL ? strrchr(given, '.') : NULL;
    DIR *entries = opendir(folder);
    (void)snprintf(text, text_bytes, "no OpenCL driver is installed (%.96s is empty)", folder);
    if (entries == NULL) {
        if (dot != NULL && strcmp(dot, ".icd") == 0) {
            (void)explain_file(strchr(given, '/') != NULL ? "" : VENDORS, given, text, text_bytes);
        }
        return;
    }
    const struct dirent *entry;
    bool found = false;
    while (!found && (entry = readdir(entries)) != NULL) {
        dot = strrchr(entry->d_name, '.');
        found = dot != NULL && strcmp(dot, ".icd") == 0 &&
                explain_file(folder, entry->d_name, text, text_bytes);
    }
    (void)closedir(entries);
}
