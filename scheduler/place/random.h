/* The generator of the solvers: the same numbers on every machine. */
#ifndef DAVIT_PLACE_RANDOM_H
#define DAVIT_PLACE_RANDOM_H

#include <stdint.h>

/* splitmix64 (Steele, Lea, Flood 2014). */
static inline uint64_t davit_place_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* In [0, bound), bound > 0 and small against 2^32. */
static inline uint32_t davit_place_random_below(uint64_t *state, uint32_t bound)
{
    return (uint32_t)(((davit_place_random(state) >> 32) * bound) >> 32);
}

/* In [0, 1). */
static inline double davit_place_random_unit(uint64_t *state)
{
    return (double)(davit_place_random(state) >> 11) * 0x1p-53;
}

#endif
