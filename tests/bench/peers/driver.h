/* One engine under measurement: what driver.c asks of it.
 *
 * Each *_engine.c implements these over the C API of one library and is linked with driver.c into a
 * program of its own. All end the process with a message on failure. */
#ifndef PEERS_DRIVER_H
#define PEERS_DRIVER_H

#include <stddef.h>
#include <stdint.h>

enum { MOST_INPUTS = 4, MOST_RANK = 6 };

typedef struct input {
    const char *name;
    int is_i64; /* else f32 */
    int rank;
    int64_t dims[MOST_RANK];
    size_t bytes;
    void *data; /* aligned to 64 bytes */
} input;

/* A symbolic dimension of the model and what it is set to. */
typedef struct dimension {
    const char *symbol;
    int64_t value;
} dimension;

typedef struct problem {
    const char *model;
    int threads;
    size_t input_count, dimension_count;
    input inputs[MOST_INPUTS];
    dimension dimensions[MOST_INPUTS * MOST_RANK];
} problem;

/* Loads the model for the shapes of the inputs, which stay where they are. */
void engine_open(const problem *problem);
/* One inference. Outputs stay where the first call put them. */
void engine_run(void);
/* The library's version, and what it says of the processor. Valid until the next call. */
const char *engine_version(void);
size_t engine_output_count(void);
/* Values of output `index`, all of which are f32. */
const float *engine_output(size_t index, size_t *count);

/* Ends the process with "NAME: text". */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
