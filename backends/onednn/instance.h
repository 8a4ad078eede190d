/* InstanceNormalization and GroupNormalization: slices of each image normalised on their own. */
#ifndef DAVIT_ONEDNN_INSTANCE_H
#define DAVIT_ONEDNN_INSTANCE_H

#include "builder.h"

const char *davit_onednn_refuse_instance(const davit_graph *graph, const davit_unit *unit);
davit_status davit_onednn_build_instance(davit_onednn_builder *builder, const davit_unit *unit,
                                         const davit_node *node);

#endif
