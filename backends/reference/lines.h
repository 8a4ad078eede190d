/* Lines: the runs of elements of a dense tensor along one axis (or along several flattened ones).
 */
#ifndef DAVIT_REFERENCE_LINES_H
#define DAVIT_REFERENCE_LINES_H

#include "davit/tensor.h"

typedef struct davit_lines {
    int64_t count;  /* of lines */
    int64_t length; /* elements in a line */
    int64_t stride; /* from one to the next */
} davit_lines;

/* The lines of a tensor along axis, which is in [0, rank). */
static inline davit_lines davit_lines_make(const davit_tensor_desc *desc, int axis)
{
    davit_lines lines = {1, desc->dims[axis], 1};
    for (int d = 0; d < desc->rank; d++) {
        lines.count *= d == axis ? 1 : desc->dims[d];
        lines.stride *= d > axis ? desc->dims[d] : 1;
    }
    return lines;
}

/* The lines through all axes from axis on, flattened; axis is in [0, rank]. */
static inline davit_lines davit_lines_flat(const davit_tensor_desc *desc, int axis)
{
    davit_lines lines = {1, 1, 1};
    for (int d = 0; d < desc->rank; d++) {
        *(d < axis ? &lines.count : &lines.length) *= desc->dims[d];
    }
    return lines;
}

/* Index of the first element of a line. */
static inline int64_t davit_line_base(const davit_lines *lines, int64_t line)
{
    return line / lines->stride * lines->stride * lines->length + line % lines->stride;
}

#endif
