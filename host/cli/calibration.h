/* Samples for `davit quantize`: a folder of images or .npy files, or one .npy of many samples. */
#ifndef DAVIT_CLI_CALIBRATION_H
#define DAVIT_CLI_CALIBRATION_H

#include "cli.h"
#include "davit/quantizer.h"
#include "image.h"

/* Where samples come from. Stays where it was opened. */
typedef struct cli_calibration {
    const davit_diagnostics *diag;
    size_t count;
    char **paths;        /* [count] of a folder, sorted by name; NULL: one file */
    davit_tensor *array; /* of one file: f32 [count, ...] */
    cli_preprocess preprocess;
    int rank;                     /* of a sample; -1: not known before the first one */
    int64_t dims[DAVIT_MAX_RANK]; /* -1: open; the first sample fixes them */
    const char *fixed_by;         /* for messages: who fixed them */
    bool shape_given;             /* by --shape */
} cli_calibration;

/* Lists a folder (.png, .jpg, .jpeg, .ppm, .pgm, .npy; all else is left out) or reads a .npy file,
 * whose leading axis counts samples: sample i is array[i] with a leading extent of 1, or array[i]
 * as it is where the model's input has that rank. Images take the size that --shape or the model
 * fixes, else their own; all samples have one shape. Of the arguments: calibration, preprocess,
 * shapes. Reports, naming folder or file: an empty folder, a file that cannot be read, a wrong
 * shape or type. */
DAVIT_NODISCARD davit_status cli_calibration_open(const char *model_path,
                                                  const cli_arguments *arguments,
                                                  const davit_diagnostics *diag,
                                                  cli_calibration *out);
void cli_calibration_close(cli_calibration *calibration);

/* davit_samples.read over a cli_calibration. */
DAVIT_NODISCARD davit_status cli_calibration_read(void *calibration, size_t index,
                                                  davit_tensor **out);

#endif
