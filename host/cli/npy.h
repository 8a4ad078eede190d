/* NumPy's .npy files (format 1.0 and 2.0, numpy.lib.format): dense arrays of one element type. */
#ifndef DAVIT_CLI_NPY_H
#define DAVIT_CLI_NPY_H

#include <davit/davit.h>

/* Reads a file: little-endian b1, i1..i8, u1..u8, f2, f4, f8, in C or Fortran order. Sizes are
 * checked against the file's before anything is allocated. Free with davit_tensor_destroy. */
DAVIT_NODISCARD davit_status cli_npy_read(const char *path, const davit_diagnostics *diag,
                                          davit_tensor **out);

/* Writes a dense tensor, format 1.0. bf16 has no NumPy type and is written as f4. */
DAVIT_NODISCARD davit_status cli_npy_write(const char *path, const davit_tensor *tensor,
                                           const davit_diagnostics *diag);

#endif
