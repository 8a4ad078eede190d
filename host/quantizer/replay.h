/* Runs the network as quantised so far, part by part, on many samples at once. */
#ifndef DAVIT_QUANTIZER_REPLAY_H
#define DAVIT_QUANTIZER_REPLAY_H

#include "job.h"

typedef struct davit_replay davit_replay;

/* A replay of the job's graph on count of its samples, spread over all of them: as many as memory
 * allows, at least one. Between parts it holds, for each sample, the values that later nodes
 * read. */
DAVIT_NODISCARD davit_status davit_replay_open(davit_quantizer *job, davit_replay **out);
void davit_replay_close(davit_replay *replay);

size_t davit_replay_count(const davit_replay *replay);
/* Which of the job's samples sample i is. */
size_t davit_replay_sample(const davit_replay *replay, size_t i);

/* Runs everything up to a node, which has not run yet: values that the job quantises are rounded to
 * their type where they are read, layers compute with their 8-bit weights and the bias they have
 * now. Values it needs are quantised, their layers too. */
DAVIT_NODISCARD davit_status davit_replay_run(davit_replay *replay, davit_node_id node);

/* The first result of the node that ran last on sample i, before it is quantised. A change of it is
 * seen by the nodes that run later. */
davit_tensor *davit_replay_result(davit_replay *replay, size_t i);

#endif
