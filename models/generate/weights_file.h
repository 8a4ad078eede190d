/* The files that a model is written to: the model itself, and a side file of weights beside it
 * (ONNX external data). Both appear under their names only when both are complete. */
#ifndef DAVIT_MODELS_WEIGHTS_FILE_H
#define DAVIT_MODELS_WEIGHTS_FILE_H

#include "onnx.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct weights_file weights_file;

/* Opens MODEL_PATH.data.part. Returns NULL, having said why on stderr. */
weights_file *weights_file_open(const char *model_path);

/* The name that a tensor's `location` gives: the file's name in the model's own folder. */
const char *weights_file_name(const weights_file *w);

/* Appends contents at a multiple of 4,096 bytes and returns that offset. A failed write is kept
 * and reported by model_file_write. */
uint64_t weights_file_append(weights_file *w, const void *contents, size_t bytes);

void weights_file_discard(weights_file *w); /* NULL is legal */

/* Writes model to path and puts the weights (NULL: none) beside it; takes weights over.
 * Says why on stderr and returns false on failure, leaving no part of either. */
bool model_file_write(const Onnx__ModelProto *model, const char *path, weights_file *weights);

#endif
