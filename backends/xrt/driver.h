/* XRT's native C API, opened at run time: one table of the functions used here, with the types of
 * the installed headers. Nothing links XRT. */
#ifndef DAVIT_XRT_DRIVER_H
#define DAVIT_XRT_DRIVER_H

#include <stdbool.h>

#include <xrt/xrt_bo.h>
#include <xrt/xrt_device.h>
#include <xrt/xrt_kernel.h>

/* Newer headers call what loads a bitstream deprecated: it is there all the same. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
typedef struct davit_xrt_driver {
    __typeof__(xrtDeviceOpen) *device_open;
    __typeof__(xrtDeviceClose) *device_close;
    __typeof__(xrtDeviceLoadXclbin) *device_load;
    __typeof__(xrtDeviceGetXclbinUUID) *device_uuid;
    __typeof__(xrtPLKernelOpen) *kernel_open;
    __typeof__(xrtKernelClose) *kernel_close;
    __typeof__(xrtKernelArgGroupId) *kernel_group;
    __typeof__(xrtRunOpen) *run_open;
    __typeof__(xrtRunSetArg) *run_set_arg;
    __typeof__(xrtRunStart) *run_start;
    __typeof__(xrtRunState) *run_state;
    __typeof__(xrtRunClose) *run_close;
    __typeof__(xrtBOAlloc) *bo_alloc;
    __typeof__(xrtBOSubAlloc) *bo_sub_alloc;
    __typeof__(xrtBOFree) *bo_free;
    __typeof__(xrtBOMap) *bo_map;
    __typeof__(xrtBOSync) *bo_sync;
} davit_xrt_driver;
#pragma GCC diagnostic pop

/* The table, opened at the first call and kept; NULL with *why set (static text) when XRT is
 * missing or lacks a function. Thread-safe. */
const davit_xrt_driver *davit_xrt_driver_get(const char **why);

#endif
