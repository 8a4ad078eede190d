#include "driver.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "signals.h"

static const char library[] = "libxrt_coreutil.so.2";

#define FUNCTION(member, symbol)                                                                   \
    {                                                                                              \
#symbol, offsetof(davit_xrt_driver, member)                                                \
    }

static const struct {
    const char *symbol;
    size_t offset;
} functions[] = {
    FUNCTION(device_open, xrtDeviceOpen),
    FUNCTION(device_close, xrtDeviceClose),
    FUNCTION(device_load, xrtDeviceLoadXclbin),
    FUNCTION(device_uuid, xrtDeviceGetXclbinUUID),
    FUNCTION(kernel_open, xrtPLKernelOpen),
    FUNCTION(kernel_close, xrtKernelClose),
    FUNCTION(kernel_group, xrtKernelArgGroupId),
    FUNCTION(run_open, xrtRunOpen),
    FUNCTION(run_set_arg, xrtRunSetArg),
    FUNCTION(run_start, xrtRunStart),
    FUNCTION(run_state, xrtRunState),
    FUNCTION(run_close, xrtRunClose),
    FUNCTION(bo_alloc, xrtBOAlloc),
    FUNCTION(bo_sub_alloc, xrtBOSubAlloc),
    FUNCTION(bo_free, xrtBOFree),
    FUNCTION(bo_map, xrtBOMap),
    FUNCTION(bo_sync, xrtBOSync),
};

/* What the first call finds. */
static struct {
    pthread_once_t once;
    bool usable;
    davit_xrt_driver table;
    char why[160];
} driver = {.once = PTHREAD_ONCE_INIT};

static void open_driver(void)
{
    davit_saved_signals saved;
    davit_signals_save(&saved);
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    davit_signals_restore(&saved);
    if (handle == NULL) {
        (void)snprintf(driver.why, sizeof(driver.why),
                       "%s cannot be loaded: install XRT (Debian: libxrt1)", library);
        return;
    }
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        void *address = dlsym(handle, functions[i].symbol);
        if (address == NULL) {
            (void)snprintf(driver.why, sizeof(driver.why), "%s lacks %s", library,
                           functions[i].symbol);
            return;
        }
        memcpy((char *)&driver.table + functions[i].offset, &address, sizeof(address));
    }
    driver.usable = true;
}

const davit_xrt_driver *davit_xrt_driver_get(const char **why)
{
    (void)pthread_once(&driver.once, open_driver);
    *why = driver.why;
    return driver.usable ? &driver.table : NULL;
}
