/* Downsets of a problem's items: sets that hold, with an item, everything that it depends on. */
#ifndef DAVIT_PLACE_DOWNSETS_H
#define DAVIT_PLACE_DOWNSETS_H

#include "items.h"

/* Items that depend on each other in a circle (because of groups) are one blob. Downset 0 is empty,
 * the last one holds everything, and each comes after those that it contains. */
typedef struct davit_place_downsets {
    uint32_t blob_count;
    uint32_t *blob_first; /* [blob_count + 1] into blob_items */
    uint32_t *blob_items;
    uint32_t count;
    uint32_t *cover_first; /* [count + 1] into covers: from the downset to larger ones */
    uint32_t *cover_to;    /* the downset with one blob more */
    uint32_t *cover_blob;  /* that blob */
    bool all;              /* all downsets; else those of one topological order only */
} davit_place_downsets;

/* Finds all downsets when there are at most `most`, else the prefixes of one order. Everything
 * comes from the arena. DAVIT_OUT_OF_MEMORY, not reported. */
DAVIT_NODISCARD davit_status davit_place_downsets_make(const davit_place_items *items,
                                                       uint32_t most, davit_arena *arena,
                                                       davit_place_downsets *downsets);

#endif
