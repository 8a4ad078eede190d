/* Abstract placement problems as files: the JSON format and the cost model of Tarnawski et al.,
 * "Efficient Algorithms for Device Placement of DNN Graph Operators" (NeurIPS 2020).
 *
 * {maxSizePerFPGA, maxFPGAs, maxCPUs, nodes: [{id, supportedOnFpga, cpuLatency, fpgaLatency,
 *  isBackwardNode, colorClass?, size}], edges: [{sourceId, destId, cost}]}
 *
 * "fpga" stands for any accelerator. Accelerators are block devices and pay for each distinct value
 * that they receive and send; CPU cores pay for none. Throughput: maxCPUs in-order cores. Latency:
 * one CPU of unlimited cores. */
#ifndef DAVIT_PROBLEM_FILE_H
#define DAVIT_PROBLEM_FILE_H

#include "davit/place.h"

typedef struct davit_problem_file davit_problem_file;

/* Reads a problem for an objective; nodes are brought into topological order. path is for messages.
 * DAVIT_BAD_DATA, reported with the node or field: malformed JSON, a field that is missing or of
 * the wrong type, negative or not finite, an edge to a node that does not exist, an id twice, a
 * cycle. */
DAVIT_NODISCARD davit_status davit_problem_file_read(const davit_allocator *allocator,
                                                     const char *path, const char *text,
                                                     davit_place_objective objective,
                                                     const davit_diagnostics *diag,
                                                     davit_problem_file **out);
void davit_problem_file_destroy(davit_problem_file *file);
const davit_place_problem *davit_problem_file_problem(const davit_problem_file *file);

/* The placement as {"fpgas": [{"nodes": [id, ...]}, ...], "cpus": [{"nodes": [...]}]} with what
 * else is known of it (objective, bound, certificate); free *text with free(). */
DAVIT_NODISCARD davit_status davit_problem_file_write(const davit_problem_file *file,
                                                      const davit_placement *placement,
                                                      const davit_diagnostics *diag, char **text);

#endif
