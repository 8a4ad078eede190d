#include "driver.h"

#include "caller.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define REAL_LIBRARY "libcuda.so.1"

static davit_cuda_driver drivers[2];
static pthread_once_t opened[2] = {PTHREAD_ONCE_INIT, PTHREAD_ONCE_INIT};

/* What the libraries export. Davit calls it through functions that go through the gates of caller.h. */
typedef struct entries {
#define MEMBER(member, symbol, parameters, names) cuda_result(*member) parameters;
    DAVIT_CUDA_REQUIRED_SYMBOLS(MEMBER)
    DAVIT_CUDA_GRAPH_SYMBOLS(MEMBER)
    DAVIT_CUDA_EMULATED_SYMBOLS(MEMBER)
#undef MEMBER
} entries;
static entries exported[2];

#define GATED(kind, member, parameters, names)                                                     \
    static cuda_result kind##_##member parameters                                                  \
    {                                                                                              \
        davit_cuda_gate_enter();                                                                   \
        return davit_cuda_gate_leave(exported[kind].member names);                                 \
    }
#define GATED_BOTH(member, symbol, parameters, names)                                              \
    GATED(DAVIT_CUDA_REAL, member, parameters, names)                                              \
    GATED(DAVIT_CUDA_EMULATED, member, parameters, names)
DAVIT_CUDA_REQUIRED_SYMBOLS(GATED_BOTH)
DAVIT_CUDA_GRAPH_SYMBOLS(GATED_BOTH)
DAVIT_CUDA_EMULATED_SYMBOLS(GATED_BOTH)

static const entries gated[2] = {
#define REAL(member, symbol, parameters, names) .member = DAVIT_CUDA_REAL_##member,
#define EMULATED(member, symbol, parameters, names) .member = DAVIT_CUDA_EMULATED_##member,
    {DAVIT_CUDA_REQUIRED_SYMBOLS(REAL) DAVIT_CUDA_GRAPH_SYMBOLS(REAL)
         DAVIT_CUDA_EMULATED_SYMBOLS(REAL)},
    {DAVIT_CUDA_REQUIRED_SYMBOLS(EMULATED) DAVIT_CUDA_GRAPH_SYMBOLS(EMULATED)
         DAVIT_CUDA_EMULATED_SYMBOLS(EMULATED)}};
#undef REAL
#undef EMULATED

typedef void (*any_function)(void);

/* dlsym gives functions as object pointers, which C does not convert. */
static any_function find_symbol(void *library, const char *symbol)
{
    void *address = dlsym(library, symbol);
    any_function function;
    _Static_assert(sizeof(function) == sizeof(address), "functions have addresses as data has");
    memcpy(&function, &address, sizeof(function));
    return function;
}

static void refuse(davit_cuda_driver *driver, const char *what, const char *detail)
{
    (void)snprintf(driver->unusable, sizeof(driver->unusable), "%s%s", what, detail);
}

static bool find_required(davit_cuda_driver *driver, void *library)
{
#define FIND(member, symbol, parameters, names)                                                    \
    exported[driver->kind].member = (cuda_result(*) parameters)find_symbol(library, symbol);       \
    driver->member = gated[driver->kind].member;                                                   \
    if (exported[driver->kind].member == NULL) {                                                   \
        refuse(driver, "the driver lacks " symbol, "");                                            \
        return false;                                                                              \
    }
    DAVIT_CUDA_REQUIRED_SYMBOLS(FIND)
#undef FIND
    return true;
}

static void find_optional(davit_cuda_driver *driver, void *library)
{
    driver->has_graphs = true;
#define FIND(member, symbol, parameters, names)                                                    \
    exported[driver->kind].member = (cuda_result(*) parameters)find_symbol(library, symbol);       \
    driver->member = exported[driver->kind].member != NULL ? gated[driver->kind].member : NULL;    \
    driver->has_graphs = driver->has_graphs && driver->member != NULL;
    DAVIT_CUDA_GRAPH_SYMBOLS(FIND)
#undef FIND
#define FIND(member, symbol, parameters, names)                                                    \
    exported[driver->kind].member = (cuda_result(*) parameters)find_symbol(library, symbol);       \
    driver->member = exported[driver->kind].member != NULL ? gated[driver->kind].member : NULL;
    DAVIT_CUDA_EMULATED_SYMBOLS(FIND)
#undef FIND
}

static void open_library(davit_cuda_driver *driver, const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        const char *error = driver->kind == DAVIT_CUDA_REAL ? NULL : dlerror();
        refuse(driver,
               error != NULL ? error : "no NVIDIA driver: " REAL_LIBRARY " cannot be opened", "");
        return;
    }
    if (!find_required(driver, library)) {
        return;
    }
    find_optional(driver, library);
    cuda_result result = driver->init(0);
    if (result == CUDA_RESULT_SUCCESS) {
        result = driver->version(&driver->api_version);
    }
    if (result == CUDA_RESULT_NO_DEVICE) {
        refuse(driver, "the driver sees no device", "");
    } else if (result != CUDA_RESULT_SUCCESS) {
        refuse(driver, "the driver does not start: ", davit_cuda_error_name(driver, result));
    }
}

static void open_real(void)
{
    drivers[DAVIT_CUDA_REAL].kind = DAVIT_CUDA_REAL;
    open_library(&drivers[DAVIT_CUDA_REAL], REAL_LIBRARY);
}

static void open_emulated(void)
{
    char path[4096];
    davit_cuda_driver *driver = &drivers[DAVIT_CUDA_EMULATED];
    driver->kind = DAVIT_CUDA_EMULATED;
    if (davit_cuda_find_emulated(path, sizeof(path))) {
        open_library(driver, path);
    } else {
        refuse(driver, "libdavit-cudaemu.so is not beside this program or library", "");
    }
}

const davit_cuda_driver *davit_cuda_driver_open(davit_cuda_driver_kind kind)
{
    (void)pthread_once(&opened[kind], kind == DAVIT_CUDA_REAL ? open_real : open_emulated);
    return &drivers[kind];
}

davit_status davit_cuda_status(cuda_result result)
{
    switch (result) {
    case CUDA_RESULT_SUCCESS:
        return DAVIT_OK;
    case CUDA_RESULT_OUT_OF_MEMORY:
        return DAVIT_OUT_OF_MEMORY;
    case CUDA_RESULT_DEVICE_UNAVAILABLE:
    case CUDA_RESULT_ECC_UNCORRECTABLE:
    case CUDA_RESULT_NVLINK_UNCORRECTABLE:
    case CUDA_RESULT_ILLEGAL_ADDRESS:
    case CUDA_RESULT_LAUNCH_TIMEOUT:
    case CUDA_RESULT_ASSERT:
    case CUDA_RESULT_HARDWARE_STACK_ERROR:
    case CUDA_RESULT_ILLEGAL_INSTRUCTION:
    case CUDA_RESULT_MISALIGNED_ADDRESS:
    case CUDA_RESULT_INVALID_ADDRESS_SPACE:
    case CUDA_RESULT_INVALID_PC:
    case CUDA_RESULT_LAUNCH_FAILED:
    case CUDA_RESULT_UNKNOWN:
        return DAVIT_DEVICE_LOST;
    case CUDA_RESULT_NOT_INITIALIZED:
    case CUDA_RESULT_NO_DEVICE:
    case CUDA_RESULT_INVALID_DEVICE:
    case CUDA_RESULT_INVALID_IMAGE:
    case CUDA_RESULT_NO_BINARY_FOR_GPU:
    case CUDA_RESULT_UNSUPPORTED_PTX_VERSION:
        return DAVIT_UNAVAILABLE;
    default:
        return DAVIT_INTERNAL;
    }
}

const char *davit_cuda_error_name(const davit_cuda_driver *driver, cuda_result result)
{
    const char *name = NULL;
    return driver->error_name(result, &name) == CUDA_RESULT_SUCCESS && name != NULL
               ? name
               : "an unknown error";
}
