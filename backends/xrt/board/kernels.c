#include "kernels.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

typedef void *P;
typedef void (*call1)(P);
typedef void (*call2)(P, P);
typedef void (*call3)(P, P, P);
typedef void (*call4)(P, P, P, P);
typedef void (*call5)(P, P, P, P, P);
typedef void (*call6)(P, P, P, P, P, P);
typedef void (*call7)(P, P, P, P, P, P, P);
typedef void (*call8)(P, P, P, P, P, P, P, P);

/* POSIX lets data pointers hold functions; ISO C has no cast for it. */
#define FUNCTION(type, name, pointer)                                                              \
    type name;                                                                                     \
    memcpy(&name, &(pointer), sizeof(name))

const char *board_kernels_open(board_kernels *kernels, const char *path)
{
    *kernels = (board_kernels){NULL, NULL};
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        return dlerror();
    }
    kernels->library = library;
    void *error = dlsym(library, "engine_simulation_error");
    memcpy(&kernels->error, &error, sizeof(kernels->error));
    return NULL;
}

void board_kernels_close(board_kernels *kernels)
{
    if (kernels->library != NULL) {
        (void)dlclose(kernels->library);
    }
    *kernels = (board_kernels){NULL, NULL};
}

const char *board_kernels_find(const board_kernels *kernels, const char *name,
                               size_t argument_count, board_kernel *out)
{
    static char message[128];
    void *function = dlsym(kernels->library, name);
    if (function == NULL || argument_count == 0 || argument_count > BOARD_MAX_ARGUMENTS) {
        (void)snprintf(message, sizeof(message), "no model of kernel %.64s with %zu arguments",
                       name, argument_count);
        return message;
    }
    *out = (board_kernel){function, argument_count};
    return NULL;
}

#define CASE(n, ...)                                                                               \
    case n: {                                                                                      \
        FUNCTION(call##n, run, kernel->function);                                                  \
        run(__VA_ARGS__);                                                                          \
        break;                                                                                     \
    }

const char *board_kernels_run(const board_kernels *kernels, const board_kernel *kernel,
                              void *const a[BOARD_MAX_ARGUMENTS])
{
    switch (kernel->argument_count) {
        CASE(1, a[0])
        CASE(2, a[0], a[1])
        CASE(3, a[0], a[1], a[2])
        CASE(4, a[0], a[1], a[2], a[3])
        CASE(5, a[0], a[1], a[2], a[3], a[4])
        CASE(6, a[0], a[1], a[2], a[3], a[4], a[5])
        CASE(7, a[0], a[1], a[2], a[3], a[4], a[5], a[6])
        CASE(8, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7])
    default:
        break;
    }
    return kernels->error != NULL ? kernels->error() : NULL;
}
