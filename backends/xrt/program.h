/* A program on a board: its units as runs of the kernels, one after the other, over values that
 * stay in the board's memory. A batch is shared out over the lanes: each has all weights and works
 * on its images from the first unit to the last, so lanes exchange nothing. */
#ifndef DAVIT_XRT_PROGRAM_H
#define DAVIT_XRT_PROGRAM_H

#include "board.h"
#include "pack.h"

typedef enum davit_xrt_place_kind {
    DAVIT_XRT_NOWHERE,
    DAVIT_XRT_BOUND,   /* what is bound to an input or output, in the first lane's bank */
    DAVIT_XRT_SCRATCH, /* of the part, as those that follow */
    DAVIT_XRT_CONSTANT,
    DAVIT_XRT_END /* the end word of each unit */
} davit_xrt_place_kind;

typedef struct davit_xrt_place {
    davit_xrt_place_kind kind;
    uint32_t binding; /* of BOUND: among inputs, then outputs */
    size_t offset;    /* of the others */
} davit_xrt_place;

/* What a kernel gets of a place. The handle of what is bound is made again when another buffer is.
 */
typedef struct davit_xrt_argument {
    davit_xrt_place place;
    size_t bytes;
    xrtBufferHandle handle;
    const void *chunk; /* of which the handle is, with */
    size_t offset;     /* its offset there */
} davit_xrt_argument;

#define DAVIT_XRT_MAX_ARGUMENTS 6

/* A unit in a part. */
typedef struct davit_xrt_step {
    bool view;   /* nothing to do */
    bool padded; /* the result has columns that are taken out again */
    davit_xrt_call call;
    size_t argument_count;
    davit_xrt_argument arguments[DAVIT_XRT_MAX_ARGUMENTS];
    davit_xrt_place result;
    davit_end_expected end;
} davit_xrt_step;

/* An input or output whose bytes pass through the host on the way to or from the part: another
 * layout, another bank, or not whole words. */
typedef struct davit_xrt_staged {
    uint32_t binding;
    davit_tensor_desc bound;  /* of the part's images, as they are bound, */
    davit_tensor_desc inside; /* and as the kernels have them */
    size_t bound_offset;      /* of the part in what is bound */
    davit_xrt_place place;
} davit_xrt_staged;

/* The images of one lane. */
typedef struct davit_xrt_part {
    davit_xrt_lane *lane;
    uint32_t first_image, images;
    davit_xrt_step *steps; /* [unit_count] */
    size_t in_count, out_count;
    davit_xrt_staged *ins, *outs;
    size_t scratch_bytes, constant_bytes, end_bytes;
    davit_xrt_region scratch, constants, ends;
} davit_xrt_part;

typedef struct davit_xrt_program {
    davit_program base;
    davit_xrt_board *board;
    davit_arena arena;
    size_t part_count;
    davit_xrt_part *parts;
    const char **implementations;
    uint8_t *staging; /* the largest value that changes its layout on the way */
    size_t staging_bytes;
} davit_xrt_program;

/* Plans the parts of a program: steps, places and sizes. No driver. Reports. */
DAVIT_NODISCARD davit_status davit_xrt_program_plan(davit_device *device,
                                                    const davit_program_spec *spec,
                                                    davit_xrt_program *program);

/* Table entries. */
davit_status davit_xrt_program_build(davit_device *device, const davit_program_spec *spec,
                                     davit_program **out);
void davit_xrt_program_free(davit_program *program);
void davit_xrt_program_info(const davit_program *program, davit_program_info *info);

/* What a command binds, as regions. */
typedef struct davit_xrt_bound {
    const davit_xrt_region *region;
    size_t offset;
} davit_xrt_bound;

/* Runs the program; on the board's thread. Reports. */
DAVIT_NODISCARD davit_status davit_xrt_program_run(davit_xrt_job *job, davit_xrt_program *program,
                                                   const davit_xrt_bound *bound, uint64_t *unit_ns);

#endif
