/* From a unit to what a kernel reads: packed weights and the parameter block (davit/engine_abi.h).
 */
#ifndef DAVIT_XRT_PACK_H
#define DAVIT_XRT_PACK_H

#include "davit/backend.h"
#include "davit/engine_unit.h"

/* A call of a kernel over some images of a unit's batch, with the sizes of what it reads and
 * writes.
 */
typedef struct davit_xrt_call {
    davit_engine_call engine;
    davit_gemm_layout gemm;     /* of gemm_s8 */
    davit_vector_layout vector; /* of vector_s8 */
    size_t weight_bytes;        /* 0: none */
    size_t parameter_bytes;
    size_t result_bytes; /* whole words, as the kernel writes them */
    size_t row_bytes;    /* of a row of the result in memory, and */
    size_t used_bytes;   /* of it what is the value: less where columns were padded */
    size_t rows;
} davit_xrt_call;

/* The call of a unit that the engine runs (davit_engine_unit), over part of its batch of that many
 * images. Not for views. Pure. */
davit_xrt_call davit_xrt_call_of(const davit_graph *graph, const davit_unit *unit,
                                 const davit_gemm_geometry *geometry,
                                 const davit_engine_call *engine, uint32_t batch, uint32_t images);

typedef struct davit_xrt_packing {
    const davit_device *device;
    const davit_graph *graph;
    const davit_unit *unit;
    const davit_gemm_geometry *geometry;
    const davit_xrt_call *call;
    uint32_t tag; /* for the end word */
} davit_xrt_packing;

/* Writes both. Reports. */
DAVIT_NODISCARD davit_status davit_xrt_pack(const davit_xrt_packing *p, void *weights,
                                            void *parameters);

#endif
