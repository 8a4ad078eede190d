/* Units that a program computes together, in one step, where each but the last has its result read
 * by another of them alone: nothing of what is between them is written to memory.
 *
 * A group is found before anything is built, and built in the place of its last unit; nobody
 * outside can tell but by the clock, and the time of the step is shared out among the units. */
#ifndef DAVIT_ONEDNN_GROUP_H
#define DAVIT_ONEDNN_GROUP_H

#include "builder.h"
#include "davit/node.h"

#define DAVIT_ONEDNN_GROUP_UNITS 16

typedef struct davit_onednn_group {
    size_t count;
    size_t positions[DAVIT_ONEDNN_GROUP_UNITS]; /* of its units; the first is built last */
    /* Adds the steps and sets the output of the last unit. */
    davit_status (*build)(davit_onednn_builder *builder, const struct davit_onednn_group *group);
    const void *match; /* for build; lives as long as the program */
} davit_onednn_group;

/* Notes who makes and who reads each value, and finds the groups of the spec. */
DAVIT_NODISCARD davit_status davit_onednn_groups_find(davit_onednn_builder *builder);

/* ---- for those who look for groups ---- */

/* The unit at a position of the spec that is in no group yet; NULL where it is, and for SIZE_MAX.
 */
const davit_unit *davit_onednn_lone_unit(const davit_onednn_builder *builder, size_t position);
/* The node at a position where such a unit is that node alone, else NULL. */
const davit_node *davit_onednn_lone_node(const davit_onednn_builder *builder, size_t position);
/* The position of the unit that makes a value, or SIZE_MAX. */
size_t davit_onednn_maker(const davit_onednn_builder *builder, davit_value_id value);
/* The position of the one unit that reads a value, or SIZE_MAX where there is another, or something
 * outside the program reads it too. */
size_t davit_onednn_sole_reader(const davit_onednn_builder *builder, davit_value_id value);

/* The maker of a value that only one unit reads: walks upwards. *value becomes the first input of a
 * lone node with that operator, whose position goes to the group, or nothing happens. */
const davit_node *davit_onednn_group_climb(const davit_onednn_builder *builder,
                                           davit_onednn_group *group, davit_op op,
                                           davit_value_id *value);

/* True for a QuantizeLinear or DequantizeLinear with one constant scale and zero point. */
bool davit_onednn_has_one_scale(const davit_graph *graph, const davit_node *node);

/* Adds the position of a unit; false where there is no room. */
bool davit_onednn_group_add(davit_onednn_group *group, size_t position);
/* Makes it a group of the program; its match of that many bytes is copied. */
DAVIT_NODISCARD davit_status davit_onednn_group_keep(davit_onednn_builder *builder,
                                                     const davit_onednn_group *group,
                                                     size_t match_bytes);

#endif
