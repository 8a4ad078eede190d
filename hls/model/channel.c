#include "channel.h"

#include <math.h>
#include <string.h>

#include "memory.h"

/* Words below which a flow has what it wants. */
#define EPSILON 1e-6

void davit_channel_start(davit_channel *c, const davit_engine *engine)
{
    memset(c, 0, sizeof(*c));
    double cycles = 1e-9 * engine->clock_hz;
    c->words_per_cycle = davit_channel_words(engine);
    c->refresh_interval = engine->refresh_interval_ns * cycles;
    c->refresh_cycles = engine->refresh_ns * cycles;
    c->points = 1;
    for (int f = 0; f < DAVIT_FLOWS; f++) {
        c->port[f] = davit_smaller(c->words_per_cycle, 1);
    }
}

/* Applies what is due, and returns when the next is. */
static double next_raise(davit_channel *c, double now)
{
    double next = INFINITY;
    for (int f = 0; f < DAVIT_FLOWS; f++) {
        unsigned due = 0;
        while (due < c->raise_count[f] && c->raises[f][due].time <= now) {
            c->limit[f] = davit_larger(c->limit[f], c->raises[f][due].limit);
            due++;
        }
        c->raise_count[f] -= due;
        memmove(c->raises[f], c->raises[f] + due, c->raise_count[f] * sizeof(davit_raise));
        if (c->raise_count[f] > 0) {
            next = davit_smaller(next, c->raises[f][0].time);
        }
        if (c->opens[f] > now) {
            next = davit_smaller(next, c->opens[f]);
        }
    }
    return next;
}

/* The rate of each flow: all that want share equally, what one cannot take goes to the others. */
static bool share(const davit_channel *c, const davit_channel_point *at, double rate[DAVIT_FLOWS])
{
    bool wants[DAVIT_FLOWS];
    int count = 0;
    for (int f = 0; f < DAVIT_FLOWS; f++) {
        rate[f] = 0;
        wants[f] = c->opens[f] <= at->time && c->limit[f] - at->moved[f] > EPSILON;
        count += wants[f];
    }
    double left = c->words_per_cycle;
    bool any = count > 0;
    for (int rounds = 0; rounds < DAVIT_FLOWS && count > 0; rounds++) {
        double fair = left / count;
        bool narrow = false;
        for (int f = 0; f < DAVIT_FLOWS; f++) {
            if (wants[f] && c->port[f] <= fair) {
                rate[f] = c->port[f];
                left -= rate[f];
                wants[f] = false;
                count--;
                narrow = true;
            }
        }
        for (int f = 0; f < DAVIT_FLOWS && !narrow; f++) {
            rate[f] = wants[f] ? fair : rate[f];
        }
        count = narrow ? count : 0;
    }
    return any;
}

/* To the next event, or to where the flow has `words`: what the others may move from then on is not
 * yet known. False when nothing will ever happen. */
static bool step(davit_channel *c, davit_flow flow, double words)
{
    const davit_channel_point *at = &c->past[c->newest];
    davit_channel_point next = *at;
    double until = next_raise(c, at->time);
    double phase = fmod(at->time, c->refresh_interval);
    phase = c->refresh_interval - phase < EPSILON ? 0 : phase;
    double rate[DAVIT_FLOWS] = {0};
    const double work = c->refresh_interval - c->refresh_cycles; /* refresh is behind it */
    if (phase > work - EPSILON) {
        next.time = at->time + c->refresh_interval - phase;
    } else if (share(c, at, rate)) {
        double cycles = davit_smaller(until - at->time, work - phase);
        for (int f = 0; f < DAVIT_FLOWS; f++) {
            if (rate[f] > 0) {
                cycles = davit_smaller(cycles, (c->limit[f] - at->moved[f]) / rate[f]);
            }
        }
        if (rate[flow] > 0 && words > at->moved[flow]) {
            cycles = davit_smaller(cycles, (words - at->moved[flow]) / rate[flow]);
        }
        cycles = davit_larger(cycles, EPSILON);
        for (int f = 0; f < DAVIT_FLOWS; f++) {
            next.moved[f] += rate[f] * cycles;
        }
        next.time += cycles;
    } else if (until < INFINITY) {
        next.time = until;
    } else {
        return false;
    }
    c->newest = (c->newest + 1) % DAVIT_CHANNEL_PAST;
    c->points += c->points < DAVIT_CHANNEL_PAST;
    c->past[c->newest] = next;
    return true;
}

void davit_channel_raise(davit_channel *c, davit_flow flow, double time, double limit)
{
    davit_raise *raises = c->raises[flow];
    unsigned count = c->raise_count[flow];
    if (limit <= (count > 0 ? raises[count - 1].limit : c->limit[flow])) {
        return;
    }
    (void)next_raise(c, c->past[c->newest].time);
    while (c->raise_count[flow] == DAVIT_CHANNEL_RAISES) {
        (void)step(c, flow, 0); /* at the latest to the first of them */
        (void)next_raise(c, c->past[c->newest].time);
    }
    raises[c->raise_count[flow]++] = (davit_raise){time, limit};
}

double davit_channel_reach(davit_channel *c, davit_flow flow, double words)
{
    while (c->past[c->newest].moved[flow] < words - EPSILON) {
        if (!step(c, flow, words)) {
            return c->past[c->newest].time;
        }
    }
    unsigned at = c->newest;
    for (unsigned i = 1; i < c->points; i++) {
        unsigned before = (at + DAVIT_CHANNEL_PAST - 1) % DAVIT_CHANNEL_PAST;
        const davit_channel_point *a = &c->past[before];
        const davit_channel_point *b = &c->past[at];
        if (a->moved[flow] < words - EPSILON) {
            double part = (words - a->moved[flow]) / (b->moved[flow] - a->moved[flow]);
            return a->time + davit_smaller(part, 1) * (b->time - a->time);
        }
        at = before;
    }
    return c->past[at].time;
}
