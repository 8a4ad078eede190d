/* The kernels' sources: which module has a kernel, and what it is compiled from. */
#ifndef DAVIT_OPENCL_MODULES_H
#define DAVIT_OPENCL_MODULES_H

#include "davit/gpu_program.h"

/* As cmake/EmbedFiles.cmake writes them. */
typedef struct davit_embedded_file {
    const char *name; /* without extension */
    const unsigned char *text;
    size_t bytes;
} davit_embedded_file;

extern const davit_embedded_file davit_opencl_sources[];
extern const size_t davit_opencl_sources_count;

/* What is compiled as one program, when its first kernel is wanted. */
typedef struct davit_opencl_module {
    const char *file;    /* without extension */
    const char *options; /* "-DX=Y ...", or "" */
    const char *kernels; /* words that begin the names of its kernels */
} davit_opencl_module;

#define DAVIT_OPENCL_MAX_MODULES 32

/* The first one that fits a name has the kernel. */
extern const davit_opencl_module davit_opencl_modules[];
extern const size_t davit_opencl_module_count;

/* The index of the module that has a kernel; davit_opencl_module_count: none. */
size_t davit_opencl_module_of(const char *kernel);

#define DAVIT_OPENCL_MAX_PARTS 6

/* The texts that a module is compiled from, in order; returns how many. */
size_t davit_opencl_module_parts(const davit_opencl_module *module, const char **texts,
                                 size_t *lengths);

#endif
