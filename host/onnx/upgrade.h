/* What the rules that bring nodes to the canonical form share. A rule changes a node that is not
 * in the graph yet: its operator, inputs and attributes; it may add constants and nodes. */
#ifndef DAVIT_ONNX_UPGRADE_H
#define DAVIT_ONNX_UPGRADE_H

#include "importer.h"

typedef davit_status (*davit_onnx_rule)(davit_onnx_importer *importer, davit_onnx_node *node);

/* The forms up to and including last_opset need the rule. */
typedef struct davit_onnx_upgrade {
    const char *op_type;
    int64_t last_opset;
    davit_onnx_rule rule;
} davit_onnx_upgrade;

typedef struct davit_onnx_upgrades {
    const davit_onnx_upgrade *rules;
    size_t count;
} davit_onnx_upgrades;

/* One table a file; an operator has at most one rule in all of them. */
extern const davit_onnx_upgrades davit_onnx_upgrades_inputs; /* attributes that became inputs */
extern const davit_onnx_upgrades
    davit_onnx_upgrades_forms; /* defaults and operators that changed */
extern const davit_onnx_upgrades davit_onnx_upgrades_legacy; /* what opsets 1 to 6 did otherwise */

/* ---- attributes ---- */

/* The attribute of that name, or NULL. */
davit_attribute *davit_onnx_node_attribute(const davit_onnx_node *node, const char *name);
/* Its integer, or fallback when absent. */
int64_t davit_onnx_node_int(const davit_onnx_node *node, const char *name, int64_t fallback);
/* Removes it if it is there. */
void davit_onnx_drop_attribute(davit_onnx_node *node, const char *name);
/* Set or replace; at most DAVIT_ONNX_NODE_ROOM new ones a node. Strings are borrowed. */
void davit_onnx_set_int(davit_onnx_node *node, const char *name, int64_t value);
void davit_onnx_set_float(davit_onnx_node *node, const char *name, float value);
void davit_onnx_set_string(davit_onnx_node *node, const char *name, const char *value);

/* ---- inputs ---- */

/* Sets input index, at most DAVIT_ONNX_NODE_ROOM beyond those of the file; those in between are
 * absent. */
void davit_onnx_set_input(davit_onnx_node *node, uint32_t index, davit_value_id value);
/* Makes the list attribute name, if there, input index: a constant of one dimension. */
DAVIT_NODISCARD davit_status davit_onnx_ints_to_input(davit_onnx_importer *importer,
                                                      davit_onnx_node *node, const char *name,
                                                      uint32_t index);

/* ---- values ---- */

/* A new constant of int64 values; rank 0 (count 1) or 1. */
DAVIT_NODISCARD davit_status davit_onnx_ints(davit_onnx_importer *importer, int rank, size_t count,
                                             const int64_t *values, davit_value_id *out);
/* A new constant of f32 values. */
DAVIT_NODISCARD davit_status davit_onnx_floats(davit_onnx_importer *importer, int rank,
                                               size_t count, const float *values,
                                               davit_value_id *out);
/* A new scalar of the element type of value like, a float type. That type is known while importing
 * where like is an input or constant, or the model has f32 only; else a CastLike tells it later. */
DAVIT_NODISCARD davit_status davit_onnx_scalar_like(davit_onnx_importer *importer, float number,
                                                    davit_value_id like, davit_value_id *out);
/* Number of dimensions of an input or constant; -1: not known while importing. */
int davit_onnx_rank(const davit_onnx_importer *importer, davit_value_id value);

/* Adds a node with one new value as its output. */
DAVIT_NODISCARD davit_status davit_onnx_emit(davit_onnx_importer *importer,
                                             const davit_node_spec *spec, davit_value_id *out);

/* True when f32 is the only float type that the model names: then every float value is f32. */
bool davit_onnx_only_f32(const Onnx__ModelProto *model);

#endif
