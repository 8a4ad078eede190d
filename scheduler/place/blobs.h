/* Items that depend on each other in a circle, because groups were contracted. */
#ifndef DAVIT_PLACE_BLOBS_H
#define DAVIT_PLACE_BLOBS_H

#include "items.h"

/* of_item[item] becomes the number of its component, count how many there are; a component reads
 * only from lower ones. From the arena. DAVIT_OUT_OF_MEMORY, not reported. */
DAVIT_NODISCARD davit_status davit_place_blobs_find(const davit_place_items *items,
                                                    davit_arena *arena, uint32_t **of_item,
                                                    uint32_t *count);

#endif
