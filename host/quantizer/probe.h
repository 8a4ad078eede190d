/* Looks at values inside a graph while it runs on samples. */
#ifndef DAVIT_QUANTIZER_PROBE_H
#define DAVIT_QUANTIZER_PROBE_H

#include "job.h"

typedef struct davit_probe davit_probe;

/* Makes a session of a copy of the graph, optimised or as it is, whose outputs are the given values
 * (f32; no constants), on the shape of a sample of its only input. The graph must outlive the
 * probe. Reports through the context. */
DAVIT_NODISCARD davit_status davit_probe_open(davit_context *context, const davit_graph *graph,
                                              const davit_value_id *values, size_t count,
                                              const davit_tensor *sample, davit_probe **out);
void davit_probe_close(davit_probe *probe);

/* Runs one inference. The sample must live as long as its values are read. */
DAVIT_NODISCARD davit_status davit_probe_run(davit_probe *probe, davit_tensor *sample);

/* Value i of the list as the last run left it. */
const davit_tensor *davit_probe_value(const davit_probe *probe, size_t i);

/* Values of a graph that are looked at together: 512 MiB of them, at least one. Returns the end of
 * the part of values[begin] to values[count - 1] that starts it; begin < count. */
size_t davit_probe_part(const davit_graph *graph, const davit_value_id *values, size_t begin,
                        size_t count);

/* Told of value i of a list as it is on a sample. */
typedef davit_status (*davit_probe_visit)(void *user, size_t i, size_t sample,
                                          const davit_tensor *x);

/* Runs the job's graph on all samples and shows each value of the list on each sample once; stops
 * at the first failure of visit. Each davit_probe_part of them has a run of its own over the
 * samples. step: for davit_quantizer_tell. */
DAVIT_NODISCARD davit_status davit_probe_samples(davit_quantizer *job, const davit_value_id *values,
                                                 size_t count, const char *step,
                                                 davit_probe_visit visit, void *user);

#endif
