/* Programs of the same units with different kernels, timed in turn on one device and one thread. */
#ifndef DAVIT_KERNEL_TRIALS_H
#define DAVIT_KERNEL_TRIALS_H

#include "davit/measure.h"

#define DAVIT_TURNS 7

/* A device that is open with a queue, and memory for one program's inputs and outputs. */
typedef struct davit_trials {
    const davit_program_spec *spec;
    davit_device *device;
    davit_queue *queue;
    davit_buffer *buffer;
    davit_buffer_ref *bindings;
    uint64_t *unit_ns;  /* [units], of one run */
    double *samples_s;  /* [units][runs of a turn] */
    uint64_t run_ns;    /* of one run, about */
    davit_arena *arena; /* of these arrays */
} davit_trials;

/* The program with kernels by unit of the spec. */
typedef struct davit_trial {
    davit_program *program;
    davit_program_info info;
    const char **kernels;        /* [units]; NULL: by rule */
    double *unit_s[DAVIT_TURNS]; /* medians of each turn, [units] */
} davit_trial;

/* Allocates memory for programs of a spec on an open device and fills its inputs. Reports. */
DAVIT_NODISCARD davit_status davit_trials_open(davit_device *device, davit_queue *queue,
                                               const davit_program_spec *spec, davit_arena *arena,
                                               davit_trials *out);
void davit_trials_close(davit_trials *trials);

/* Builds it. kernels [units] are copied. The arena has its arrays. Reports. */
DAVIT_NODISCARD davit_status davit_trial_build(const davit_trials *trials,
                                               const char *const *kernels, davit_trial *out);
void davit_trial_free(davit_trial *trial);

/* Runs both in turn, DAVIT_TURNS times, and fills their unit_s; the second may be NULL. */
DAVIT_NODISCARD davit_status davit_trials_compare(davit_trials *trials, davit_trial *first,
                                                  davit_trial *second);

/* The sums of a turn's times over the units that are marked; NULL: all. */
void davit_trial_sums(const davit_trials *trials, const davit_trial *trial, const bool *marked,
                      double sums_s[DAVIT_TURNS]);

#endif
