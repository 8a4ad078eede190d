/* Random graphs of what the passes look for, the same for the same seed. */
#ifndef DAVIT_TEST_RANDOM_GRAPH_H
#define DAVIT_TEST_RANDOM_GRAPH_H

#include "builder.h"

typedef enum random_domain {
    RANDOM_IMAGES,  /* values of 1x4x5x5: convolutions */
    RANDOM_MATRICES /* values of 4x4: matrix products, layer normalisation */
} random_domain;

/* Builds and binds a graph of steps steps (of one to eight nodes each) with two inputs and up to
 * three outputs. */
void random_graph_build(builder *b, random_domain domain, size_t steps, uint64_t seed);

#endif
