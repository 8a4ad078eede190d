/* Measuring tiles, and taking what was measured before. */
#ifndef DAVIT_OPENCL_TUNE_H
#define DAVIT_OPENCL_TUNE_H

#include "program.h"

/* davit_device_table.tune. Choices: f32_ and s8_ with large, shallow and thin (tuning.h). */
davit_status davit_opencl_tune(davit_device *device, davit_choice_found found, void *user);

/* Reads "s8_large=vector_8x64,..."; DAVIT_INVALID_ARGUMENT after a report. */
DAVIT_NODISCARD davit_status davit_opencl_read_choices(davit_opencl_device *device,
                                                       const char *text);

#endif
