/* The latency of a placement on blocks and unlimited devices, kept while single nodes move: what
 * davit_place_clock_read computes, but a move takes what the node's values take, and a reading
 * looks only at devices and at the nodes of unlimited devices. Sums drift by rounding: read the
 * clock for what counts. */
#ifndef DAVIT_PLACE_TALLY_H
#define DAVIT_PLACE_TALLY_H

#include "clock.h"

typedef struct davit_place_tally {
    const davit_place_clock *clock; /* its lists of values */
    davit_arena arena;              /* holds everything below */
    uint32_t *device;               /* [node_count] read only */
    uint32_t *readers;              /* [value_count][device_count] */
    uint64_t *mask;                 /* [value_count] devices with readers */
    uint64_t blocks;                /* devices that are blocks */
    uint32_t *links;                /* [device][device] values from one block to another */
    double *work, *bytes;           /* [device_count] of blocks; of all */
    uint32_t *count;                /* [device_count] nodes */
    uint32_t *free_nodes, *place;   /* nodes of unlimited devices; place in that list */
    uint32_t free_count;
    uint32_t *pending;        /* [node_count + device_count] scratch, as the rest */
    uint32_t *ready;          /* [node_count + device_count] */
    uint32_t *waiting, *next; /* by block: the reads of its values by free nodes */
    uint32_t *reader;
    double *start; /* [node_count + device_count] */
} davit_place_tally;

/* Whether every device is a block or unlimited, and energy is not asked for. */
bool davit_place_tally_can(const davit_place_clock *clock);
/* DAVIT_OUT_OF_MEMORY, not reported. Free with davit_place_tally_clear. Nothing is placed yet. */
DAVIT_NODISCARD davit_status davit_place_tally_make(const davit_place_clock *clock,
                                                    const davit_allocator *allocator,
                                                    davit_place_tally *tally);
void davit_place_tally_clear(davit_place_tally *tally);

/* Places all nodes anew, free of drift; device may be tally->device. */
void davit_place_tally_set(davit_place_tally *tally, const uint32_t *device);
void davit_place_tally_move(davit_place_tally *tally, uint32_t node, uint32_t device);
void davit_place_tally_read(davit_place_tally *tally, davit_place_time *time);

#endif
