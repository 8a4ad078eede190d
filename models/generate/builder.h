/* Builds an ONNX model node by node and writes it to a file, through protobuf-c.
 *
 * The builder owns everything that it hands out; values are the names of tensors in the graph and
 * live as long as the builder. It serves a command-line tool: when memory runs out it says so and
 * exits with status 1. Not thread-safe. */
#ifndef DAVIT_MODELS_BUILDER_H
#define DAVIT_MODELS_BUILDER_H

#include "onnx.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUILDER_MAX_RANK 4

typedef struct builder builder;
typedef const char *value;

typedef struct builder_options {
    const char *graph_name;
    int64_t opset; /* version of the default domain, 13 to 21 */
    uint64_t seed;
    bool external; /* tensors of 1 KiB or more go to FILE.data, beside FILE */
} builder_options;

/* One dimension of an input or output: a size, or a name where it is only known at run time. */
typedef struct dimension {
    const char *symbol; /* NULL: size counts */
    int64_t size;
} dimension;

/* Opens a builder whose model builder_finish will write to path. In external mode the weights
 * are written to path.data (through a .part file) while they are made.
 * Returns NULL, having said why on stderr, when the side file cannot be made. */
builder *builder_open(const builder_options *options, const char *path);

/* Writes the model to its path, atomically. Says why on stderr and returns false on failure;
 * then neither file is changed. Close the builder in both cases. */
bool builder_finish(builder *b);

void builder_close(builder *b); /* NULL is legal */

int64_t builder_opset(const builder *b);

/* printf into memory of the builder. */
const char *builder_format(builder *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

value builder_input(builder *b, const char *name, int32_t type, const dimension *dims, size_t rank);
void builder_output(builder *b, value name, int32_t type, const dimension *dims, size_t rank);
void builder_metadata(builder *b, const char *key, const char *text);

/* Initialisers. `dims` is the shape; a rank of 0 makes a scalar. The contents are copied. */
value builder_floats(builder *b, const char *name, const int64_t *dims, size_t rank,
                     const float *contents);
value builder_ints(builder *b, const char *name, const int64_t *dims, size_t rank,
                   const int64_t *contents);

/* Random float initialiser: mean + deviation * (see random.h), of the stream named `name`. */
value builder_random(builder *b, const char *name, const int64_t *dims, size_t rank, float mean,
                     float deviation);

/* The contents that builder_random would give, for those who go on computing; free() them. */
float *builder_random_contents(const builder *b, const char *name, size_t count, float mean,
                               float deviation);

/* Appends a node with one output, named `name`_output_0 as PyTorch's exporter does. The inputs
 * end with a NULL. Attributes are added to builder_last_node. */
value builder_node(builder *b, const char *op_type, const char *name, const value *inputs);
#define INPUTS(...) ((const value[]){__VA_ARGS__, NULL})

/* Gives the output of the node appended last a name of its own, which it returns. */
value builder_name_output(builder *b, const char *name);

/* A Constant node, as exporters write small constants. */
value builder_constant_float(builder *b, const char *name, float contents);
value builder_constant_ints(builder *b, const char *name, const int64_t *contents, size_t count);
value builder_constant_int(builder *b, const char *name, int64_t contents); /* a scalar */

/* Attributes of the node that was appended last. */
void builder_attribute_int(builder *b, const char *name, int64_t contents);
void builder_attribute_float(builder *b, const char *name, float contents);
void builder_attribute_ints(builder *b, const char *name, const int64_t *contents, size_t count);

#endif
