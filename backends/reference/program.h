/* Programs of the reference backend: the nodes of the units in order, with the conversions between
 * the layouts of inputs and outputs and the dense tensors that kernels take. */
#ifndef DAVIT_REFERENCE_PROGRAM_H
#define DAVIT_REFERENCE_PROGRAM_H

#include "davit/backend.h"

/* Entries of the device's table and of its host queue: see davit/backend.h, davit/host_queue.h. */
davit_status davit_reference_program_build(davit_device *device, const davit_program_spec *spec,
                                           davit_program **out);
void davit_reference_program_free(davit_program *program);
void davit_reference_program_info(const davit_program *program, davit_program_info *info);
davit_status davit_reference_execute(davit_device *device, davit_program *program,
                                     void *const *pointers, uint64_t *unit_ns,
                                     uint64_t deadline_ns);

#endif
