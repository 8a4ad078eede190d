/* The OpenCL backend: GPUs, accelerators and CPUs of any vendor, `opencl:0`, `opencl:1`, ... in that
 * order, through the ICD loader (libOpenCL.so.1), which is opened at run time. OpenCL 1.2 is enough.
 * A CPU device counts as an emulated GPU: it is used only when named. See backends/opencl/README.md. */
#ifndef DAVIT_OPENCL_H
#define DAVIT_OPENCL_H

#include "davit/backend.h"

extern const davit_backend_table davit_opencl_backend;

#endif
