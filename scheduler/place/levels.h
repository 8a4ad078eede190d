/* Annealing from coarse units to fine ones. */
#ifndef DAVIT_PLACE_LEVELS_H
#define DAVIT_PLACE_LEVELS_H

#include "climb.h"

/* Searches with about `steps` placements tried per call: coarse units move hot, finer ones cooler.
 * With `again`, units are made of what lies together in the best placement, and heat is low, so
 * that it is changed in large pieces; else it begins from anywhere. */
DAVIT_NODISCARD davit_status davit_place_levels_run(davit_place_quest *quest,
                                                    const davit_place_units *finest, uint64_t steps,
                                                    bool again);

#endif
