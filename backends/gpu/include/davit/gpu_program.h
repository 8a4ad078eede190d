/* From units to kernel launches: what backends/cuda and backends/opencl share. Knows no driver.
 *
 * davit_gpu_compile turns a program's units into a list of launches over four spaces of memory:
 * the program's inputs and outputs (bound anew for each run), its constants (packed weights, tables;
 * uploaded once) and its scratch memory (activations inside the program, laid out by liveness). A
 * backend makes the two last ones, resolves operands to addresses and launches, in order.
 *
 * A kernel is an entry point `name(params, operand 0, operand 1, ...)`: params is one struct by
 * value of 32-bit words (integers and floats only, the same in CUDA, OpenCL and C), operands are
 * pointers to device memory. backends/gpu/kernels has the sources that CUDA, OpenCL and the emulated
 * CUDA driver compile alike, through a prelude of macros for each (dialect.h says which, params.h what
 * the structs are); a driver may have better kernels for products (davit/gpu_product.h) under names of
 * its own. */
#ifndef DAVIT_GPU_PROGRAM_H
#define DAVIT_GPU_PROGRAM_H

#include "davit/backend.h"
#include "davit/gpu_product.h"

typedef enum davit_gpu_feature {
    DAVIT_GPU_S8_DOT = 1,    /* four products of bytes in an instruction (dp4a) */
    DAVIT_GPU_S8_MATRIX = 2, /* products of byte matrices (mma.sync) */
    DAVIT_GPU_ASYNC_COPY = 4, /* memory to shared memory behind the threads' back (cp.async) */
    DAVIT_GPU_TF32 = 8, /* f32 products by matrix units, operands rounded: only where it is asked for */
    DAVIT_GPU_LIBRARY = 16 /* a library of the driver's maker computes plain matrix products */
} davit_gpu_feature;

/* What compiling needs to know of a device. */
typedef struct davit_gpu_limits {
    uint32_t features;         /* of davit_gpu_feature */
    uint32_t compute_units;    /* multiprocessors */
    uint32_t max_group_threads;
    uint32_t shared_bytes;     /* of a group */
    uint32_t offset_alignment; /* of operands in constants and scratch, in bytes; a power of two */
} davit_gpu_limits;

typedef enum davit_gpu_space {
    DAVIT_GPU_ABSENT, /* a null pointer */
    DAVIT_GPU_INPUT,  /* index: of the program's inputs */
    DAVIT_GPU_OUTPUT, /* index: of the program's outputs */
    DAVIT_GPU_CONSTANT,
    DAVIT_GPU_SCRATCH
} davit_gpu_space;

typedef struct davit_gpu_operand {
    davit_gpu_space space;
    uint32_t index;
    size_t offset_bytes;
} davit_gpu_operand;

#define DAVIT_GPU_MAX_OPERANDS 8
#define DAVIT_GPU_MAX_PARAM_WORDS 64

/* A plain product of matrices: y[m][n] = sum over k of x[m][k] * w[n][k], s8 to s32 or f32 to f32; the
 * distances of rows are in elements, y's is n. Operands x, w, y. */
typedef struct davit_gpu_library_params {
    int s8, m, n, k, x_pitch, w_pitch;
} davit_gpu_library_params;

typedef struct davit_gpu_launch {
    const char *kernel;      /* entry point, a literal */
    bool library;            /* no kernel, but a product that a library computes: the params above */
    uint32_t position;       /* in the program's list, of the unit that it belongs to */
    uint32_t groups[3];      /* CUDA's grid; OpenCL's global size is groups * group_threads */
    uint32_t group_threads[3]; /* n x 1 x 1 */
    uint32_t param_words;
    uint32_t params[DAVIT_GPU_MAX_PARAM_WORDS];
    uint32_t operand_count;
    davit_gpu_operand operands[DAVIT_GPU_MAX_OPERANDS];
} davit_gpu_launch;

/* A compiled program; owns everything that it points to. */
typedef struct davit_gpu_code {
    size_t launch_count;
    davit_gpu_launch *launches;
    size_t constant_bytes;
    const void *constants;
    size_t scratch_bytes;
    const char *const *unit_implementations; /* [unit_count] names of kernels */
    /* What kernels find wrong with data (an index out of range): words in scratch memory at
     * check_offset, which the launches clear and set. Where check_count > 0 a backend reads them after
     * the last launch and asks davit_gpu_check. */
    size_t check_count, check_offset;
    const uint32_t *check_positions; /* [check_count] of the units, in the program's list */
} davit_gpu_code;

/* DAVIT_OK where all words are 0; else reports the node of the first that is not, DAVIT_BAD_DATA. */
DAVIT_NODISCARD davit_status davit_gpu_check(const davit_gpu_code *code,
                                             const davit_program_spec *spec, const int32_t *words,
                                             const davit_diagnostics *diag);

/* A kernel for a product, and the part of y that a group of threads makes: groups are ceil(m / tile_m),
 * ceil(group_out / tile_n) and ceil(params.groups / tile_groups), threads of a group threads x 1 x 1.
 * Depthwise kernels take many of the convolution's groups at once, others one. */
typedef struct davit_gpu_product_choice {
    const char *kernel; /* a literal */
    uint32_t tile_m, tile_n, tile_groups, threads;
    /* A library makes the sums (only of one group, kernel 1x1, stride 1, no padding; of s8 in rows of whole
     * words, or f32), kernel names it; the kernels finish_sums_s8 and finish_sums_f32 do the rest. */
    bool library;
} davit_gpu_product_choice;

/* A kernel for rows of a softmax or a normalisation, a group of threads for so many of them. */
typedef struct davit_gpu_row_choice {
    const char *kernel; /* a literal */
    uint32_t rows, threads;
} davit_gpu_row_choice;

/* Which better kernels a driver has. tuning NULL: the portable kernels. */
typedef struct davit_gpu_tuning {
    /* Chooses kernel and tile for a product: by closed form, or what was measured. A kernel of NULL:
     * the portable one (which is direct_s8 or direct_f32 of params.h, with weights of its own layout,
     * for groups of few channels). Not asked for transposed convolutions and weights of 9 bits, which
     * are direct always. Pure for a given user. */
    void (*choose)(void *user, const davit_gpu_limits *limits, bool s8,
                   const davit_gpu_product_params *params, davit_gpu_product_choice *choice);
    /* Chooses for rows of count elements that lie together: *choice comes with the portable kernel, and
     * leaves with one of the same operands and params. NULL: the portable ones. Pure. */
    void (*choose_rows)(void *user, uint32_t count, davit_gpu_row_choice *choice);
    /* Kernels for elements of 1, 2, 4 and 8 bytes that copy tiles of transpose_side[i] squared: operands
     * as of move_1..., params those of davit_gpu_move_params, in which axis 4 has stride 1 in x, axis 5 in
     * y, and a group of DAVIT_GPU_THREADS for each tile. NULL: move_1... */
    const char *const *transposes;
    const uint32_t *transpose_sides;
    void *user;
} davit_gpu_tuning;

/* True when units of that kind can be compiled, whatever the device; else reason gets a short text
 * as in davit_backend_supports. The f32 and integer operators of CNNs and transformers. Pure. */
bool davit_gpu_supports(const davit_graph *graph, const davit_unit *unit, char *reason,
                        size_t reason_bytes);

/* Compiles checked units. *out comes from allocator; davit_gpu_code_free. Returns DAVIT_OK;
 * DAVIT_OUT_OF_MEMORY or DAVIT_UNSUPPORTED (a product whose sums could leave s32) after a report. */
DAVIT_NODISCARD davit_status davit_gpu_compile(const davit_allocator *allocator,
                                               const davit_diagnostics *diag,
                                               const davit_gpu_limits *limits,
                                               const davit_gpu_tuning *tuning,
                                               const davit_program_spec *spec,
                                               davit_gpu_code **out);
void davit_gpu_code_free(const davit_allocator *allocator, davit_gpu_code *code);

#endif
