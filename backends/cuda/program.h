/* Programs of the CUDA backend: the launches that davit_gpu_compile made, their functions and
 * arguments ready, and the graph of them that repeated runs use. */
#ifndef DAVIT_CUDA_PROGRAM_H
#define DAVIT_CUDA_PROGRAM_H

#include "blas.h"
#include "device.h"

/* Launches that follow each other and belong to one unit: what is timed. */
typedef struct davit_cuda_segment {
    size_t first, end; /* launches */
    size_t unit;       /* position in the spec */
} davit_cuda_segment;

typedef struct davit_cuda_program {
    davit_program base;
    davit_gpu_code *code;
    davit_cuda_memory *constants, *scratch; /* NULL: none */
    davit_cuda_memory *checks;              /* pinned: what kernels found wrong; NULL: no checks */
    cuda_function *functions;               /* [launch_count] */
    davit_cuda_product **products;          /* [launch_count]; NULL for kernels */
    davit_cuda_memory *workspace;           /* of products; NULL: none */
    bool has_products;                      /* such programs are no graphs */
    cuda_address *addresses;                /* [launch_count][DAVIT_GPU_MAX_OPERANDS] */
    void **arguments;                       /* [launch_count][1 + DAVIT_GPU_MAX_OPERANDS] */
    size_t segment_count;
    davit_cuda_segment *segments;
    cuda_event *events; /* [segment_count + 1]; made when a run is first timed */
    /* Of the last run, under base.turn: */
    cuda_address *bound; /* [inputs + outputs] */
    bool bound_known, timed;
    cuda_graph_exec repeated; /* the launches over `bound`; NULL: none */
} davit_cuda_program;

_Static_assert(offsetof(davit_cuda_program, base) == 0, "the head of a program comes first");

static inline davit_cuda_device *davit_cuda_device_of(const davit_cuda_program *program)
{
    return (davit_cuda_device *)program->base.device;
}

/* Puts the program's launches into a stream, as a graph from the second run over the same memory
 * on; timed: with events around each segment. bindings are those of an EXECUTE; the caller holds
 * base.turn until they are done, and the context is current. wait, with user, is called now and
 * then where there are so many launches that the driver could block: it waits for those before. */
DAVIT_NODISCARD davit_status davit_cuda_program_enqueue(davit_cuda_program *program,
                                                        const davit_buffer_ref *bindings,
                                                        cuda_stream stream, bool timed,
                                                        davit_status (*wait)(void *user),
                                                        void *user);

/* After a run: what kernels found wrong with data, reported as DAVIT_BAD_DATA. */
DAVIT_NODISCARD davit_status davit_cuda_program_check(const davit_cuda_program *program);

/* Adds up the times of a timed run that is done. */
DAVIT_NODISCARD davit_status davit_cuda_program_times(davit_cuda_program *program,
                                                      uint64_t *unit_ns);

/* graph.c: launches the graph of the program, which it makes first where there is none. *used:
 * false where the driver has no graphs or refuses this one. */
DAVIT_NODISCARD davit_status davit_cuda_program_repeat(davit_cuda_program *program,
                                                       cuda_stream stream, bool *used);
void davit_cuda_program_forget(davit_cuda_program *program);

#endif
