/* Who reads each value: an index over the live nodes of a graph, made in one sweep. It is right
 * until the graph is changed. */
#ifndef DAVIT_USES_H
#define DAVIT_USES_H

#include "davit/graph.h"

/* Readers of value v: nodes[start[v]] to nodes[start[v + 1] - 1], by node index; a node that reads
 * the value twice is there twice. */
typedef struct davit_uses {
    const davit_allocator *allocator;
    uint32_t *start; /* [value_count + 1] */
    davit_node_id *nodes;
} davit_uses;

/* Returns DAVIT_OUT_OF_MEMORY, *uses then zeroed. */
DAVIT_NODISCARD davit_status davit_uses_build(const davit_graph *graph, davit_uses *uses);
void davit_uses_clear(davit_uses *uses);

/* The only reader of a value that is no graph output and is read once, else DAVIT_NONE. */
davit_node_id davit_uses_single(const davit_uses *uses, const davit_graph *graph,
                                davit_value_id value);

#endif
