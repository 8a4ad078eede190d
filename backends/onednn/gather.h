/* Concat, Gather and Pad: movements of more than one copy. */
#ifndef DAVIT_ONEDNN_GATHER_H
#define DAVIT_ONEDNN_GATHER_H

#include "builder.h"

const char *davit_onednn_refuse_concat(const davit_graph *graph, const davit_unit *unit);
davit_status davit_onednn_build_concat(davit_onednn_builder *builder, const davit_unit *unit,
                                       const davit_node *node);
const char *davit_onednn_refuse_gather(const davit_graph *graph, const davit_unit *unit);
davit_status davit_onednn_build_gather(davit_onednn_builder *builder, const davit_unit *unit,
                                       const davit_node *node);
const char *davit_onednn_refuse_pad(const davit_graph *graph, const davit_unit *unit);
davit_status davit_onednn_build_pad(davit_onednn_builder *builder, const davit_unit *unit,
                                    const davit_node *node);

#endif
