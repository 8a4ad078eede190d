/* The latency and energy of a placement, many times over: what davit_place_simulate computes, with
 * nothing allocated and no events. Tests hold the two together. */
#ifndef DAVIT_PLACE_CLOCK_H
#define DAVIT_PLACE_CLOCK_H

#include "davit/simulate.h"

/* A copy of a value into a device; valid while tick is the clock's. */
typedef struct davit_place_arrival {
    double end;
    uint32_t tick;
} davit_place_arrival;

typedef struct davit_place_clock {
    const davit_place_problem *problem;
    davit_arena arena;           /* holds everything below */
    bool energy;                 /* whether joules are computed */
    uint32_t *made_first, *made; /* values by producer */
    uint32_t *read_first, *read; /* values by reader, ascending */
    uint32_t tick;
    uint32_t *pending, *ready; /* [node_count + device_count] nodes, then blocks */
    uint32_t *next, *head;     /* chains of nodes by device */
    double *node_end, *at_host;
    davit_place_arrival *arrival;                      /* [value_count][device_count] */
    double *compute_free, *in_free, *out_free, *bytes; /* [device_count] */
} davit_place_clock;

typedef struct davit_place_time {
    double latency_s; /* INFINITY when blocks wait in a circle */
    double joules;
    double excess; /* memory beyond the limits, as shares of them */
} davit_place_time;

/* DAVIT_OUT_OF_MEMORY, not reported. Free with davit_place_clock_clear. */
DAVIT_NODISCARD davit_status davit_place_clock_make(const davit_place_problem *problem, bool energy,
                                                    const davit_allocator *allocator,
                                                    davit_place_clock *clock);
void davit_place_clock_clear(davit_place_clock *clock);

void davit_place_clock_read(davit_place_clock *clock, const uint32_t *device,
                            davit_place_time *time);

#endif
