/* The memory channel of a compute unit as flows of words: each port moves words as fast as the
 * channel allows, all that have work share it equally, none moves during refresh. Exact in time
 * between events (a port's limit, refresh); private to hls/model. */
#ifndef DAVIT_HLS_MODEL_CHANNEL_H
#define DAVIT_HLS_MODEL_CHANNEL_H

#include "davit/cycle_model.h"

typedef enum davit_flow {
    DAVIT_FLOW_INPUT,
    DAVIT_FLOW_WEIGHTS,
    DAVIT_FLOW_PARAMETERS,
    DAVIT_FLOW_RESIDUAL,
    DAVIT_FLOW_RESULT,
    DAVIT_FLOWS
} davit_flow;

enum { DAVIT_CHANNEL_PAST = 64, DAVIT_CHANNEL_RAISES = 6 };

/* Up to where all flows were at a time. */
typedef struct davit_channel_point {
    double time;
    double moved[DAVIT_FLOWS];
} davit_channel_point;

/* From `time` on a flow may move up to `limit` words. */
typedef struct davit_raise {
    double time, limit;
} davit_raise;

typedef struct davit_channel {
    double words_per_cycle; /* of all ports, outside refresh; a port moves at most 1 */
    double refresh_interval, refresh_cycles;
    davit_channel_point past[DAVIT_CHANNEL_PAST]; /* a ring; the newest is at `newest` */
    unsigned newest, points;
    double limit[DAVIT_FLOWS];                             /* words, from the start of the call */
    double port[DAVIT_FLOWS];                              /* words per cycle at most */
    double opens[DAVIT_FLOWS];                             /* the time of the first word */
    davit_raise raises[DAVIT_FLOWS][DAVIT_CHANNEL_RAISES]; /* to come, in order */
    unsigned raise_count[DAVIT_FLOWS];
} davit_channel;

/* At time 0, nothing moved, no limits. */
void davit_channel_start(davit_channel *channel, const davit_engine *engine);

/* From `time` on the flow may move up to `limit` words in all. Calls for a flow come in order. */
void davit_channel_raise(davit_channel *channel, davit_flow flow, double time, double limit);

/* When the flow has moved `words`; advances the channel until it has. Times long past may come out
 * too late. A flow that never gets so far is taken to be there now. */
double davit_channel_reach(davit_channel *channel, davit_flow flow, double words);

#endif
