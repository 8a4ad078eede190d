/* Seeded pseudo-random weights that are the same bytes on every machine.
 *
 * Counter-based: element i of a tensor depends only on the seed, the tensor's name and i, so that
 * adding a layer or an option changes no other tensor. The generator is splitmix64 (Steele, Lea,
 * Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014). A normal value is the sum
 * of the four 16-bit quarters of one output (Irwin-Hall, within 3.46 standard deviations), which
 * needs integers and one float multiplication and addition, and no libm function: what is
 * promised is equality of bytes between compilers, libraries and machines with IEEE 754 floats,
 * provided that this is compiled with -ffp-contract=off. */
#ifndef DAVIT_MODELS_RANDOM_H
#define DAVIT_MODELS_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* The stream of one tensor. */
uint64_t random_stream(uint64_t seed, const char *tensor_name);

/* out[i] = mean + deviation * n_i for i < count, n_i of mean 0, variance 1 and |n_i| < 3.4642. */
void random_fill(uint64_t stream, float mean, float deviation, float *out, size_t count);

#endif
