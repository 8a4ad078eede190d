#include "climb.h"

#include <string.h>

#include "random.h"

/* What breaking limits costs, as a factor of the objective; grows from first to last. */
#define PENALTY_FIRST 2.0
#define PENALTY_LAST 20.0
/* Steps after which the tally is made anew, so that rounding stays small. */
enum { TALLY_STEPS = 1 << 16 };

typedef struct move {
    uint32_t unit, from;
} move;

typedef struct climbing {
    davit_place_quest *quest;
    const davit_place_units *units;
    uint32_t *at;     /* [unit] device */
    uint32_t *device; /* [node] the caller's */
    uint32_t *local_best;
    double local_score;
    move *moves;
    uint32_t move_count;
    double penalty;
} climbing;

static uint32_t below(climbing *c, uint32_t bound)
{
    return davit_place_random_below(&c->quest->random, bound);
}

static void put(climbing *c, uint32_t unit, uint32_t device)
{
    c->at[unit] = device;
    for (uint32_t k = c->units->first[unit]; k < c->units->first[unit + 1]; k++) {
        uint32_t node = c->units->nodes[k];
        if (c->quest->has_tally) {
            davit_place_tally_move(&c->quest->tally, node, device);
            c->quest->work++;
        }
        c->device[node] = device;
    }
}

static void shift(climbing *c, uint32_t unit, uint32_t device)
{
    if (c->at[unit] != device && davit_place_unit_allowed(c->units, unit, device)) {
        c->moves[c->move_count++] = (move){unit, c->at[unit]};
        put(c, unit, device);
    }
}

/* Mostly the device of a neighbour. */
static uint32_t some_device(climbing *c, uint32_t unit)
{
    const davit_place_units *units = c->units;
    uint32_t before = units->before_first[unit + 1] - units->before_first[unit];
    uint32_t after = units->after_first[unit + 1] - units->after_first[unit];
    if (below(c, 8) < 5 && before + after > 0) {
        uint32_t k = below(c, before + after);
        return c->at[k < before ? units->before[units->before_first[unit] + k]
                                : units->after[units->after_first[unit] + k - before]];
    }
    return below(c, units->problem->device_count);
}

/* The unit and all that is before (or after) it on its device: what stays is in one piece. */
static void shift_cone(climbing *c, uint32_t unit, uint32_t device, bool before)
{
    const uint32_t *first = before ? c->units->before_first : c->units->after_first;
    const uint32_t *other = before ? c->units->before : c->units->after;
    uint32_t from = c->at[unit];
    if (from == device) {
        return;
    }
    shift(c, unit, device);
    for (uint32_t done = 0; done < c->move_count; done++) {
        uint32_t u = c->moves[done].unit;
        for (uint32_t k = first[u]; k < first[u + 1]; k++) {
            if (c->at[other[k]] == from) {
                shift(c, other[k], device);
            }
        }
    }
}

/* Units that follow in the order: all, or those of the same device. Short stretches more often. */
static void shift_stretch(climbing *c, uint32_t unit, uint32_t device, bool same)
{
    uint32_t from = c->at[unit];
    uint32_t place = c->units->place[unit];
    double share = davit_place_random_unit(&c->quest->random);
    uint32_t length = 1 + (uint32_t)exp(share * log(c->units->count));
    for (uint32_t k = place; k < c->units->count && k < place + length; k++) {
        uint32_t other = c->units->order[k];
        if (!same || c->at[other] == from) {
            shift(c, other, device);
        }
    }
}

static void propose(climbing *c)
{
    const davit_place_units *units = c->units;
    uint32_t unit = below(c, units->count);
    uint32_t kind = below(c, 16);
    uint32_t device = some_device(c, unit);
    c->move_count = 0;
    if (kind < 6) {
        shift(c, unit, device);
    } else if (kind < 10) {
        shift_cone(c, unit, device, (kind & 1) != 0);
    } else if (kind < 14) {
        shift_stretch(c, unit, device, kind < 13);
    } else if (kind < 15) { /* swap */
        uint32_t other = below(c, units->count);
        uint32_t own = c->at[unit];
        if (c->at[other] != own) {
            shift(c, unit, c->at[other]);
            shift(c, other, own);
        }
    } else {
        for (uint32_t k = units->before_first[unit]; k < units->before_first[unit + 1]; k++) {
            shift(c, units->before[k], c->at[unit]);
        }
    }
}

static void take_back(climbing *c)
{
    while (c->move_count > 0) {
        c->move_count--;
        put(c, c->moves[c->move_count].unit, c->moves[c->move_count].from);
    }
}

/* The objective, and by how much limits are broken. */
static double objective_of(const davit_place_quest *quest, davit_place_time time, double *excess)
{
    const davit_place_options *options = &quest->context->options;
    *excess = time.excess;
    if (options->objective != DAVIT_PLACE_ENERGY) {
        return time.latency_s;
    }
    if (time.latency_s > options->latency_limit_s) {
        *excess += options->latency_limit_s > 0.0 ? time.latency_s / options->latency_limit_s - 1.0
                                                  : time.latency_s;
    }
    return isfinite(time.latency_s) ? time.joules : INFINITY;
}

static double measure(davit_place_quest *quest, const uint32_t *device, double *excess)
{
    davit_place_time time;
    davit_place_clock_read(&quest->clock, device, &time);
    return objective_of(quest, time, excess);
}

/* Of where the climb is. */
static double measure_here(climbing *c, double *excess)
{
    if (!c->quest->has_tally) {
        return measure(c->quest, c->device, excess);
    }
    davit_place_time time;
    davit_place_tally_read(&c->quest->tally, &time);
    c->quest->work += c->quest->tally.free_count + c->units->problem->device_count;
    return objective_of(c->quest, time, excess);
}

static void keep(davit_place_quest *quest, const uint32_t *device, double score)
{
    if (score < quest->best_score) {
        quest->best_score = score;
        memcpy(quest->best, device, quest->context->problem->node_count * sizeof(*device));
    }
}

double davit_place_quest_try(davit_place_quest *quest, const uint32_t *device)
{
    double excess;
    double score = measure(quest, device, &excess);
    if (excess > 0.0) {
        return INFINITY;
    }
    keep(quest, device, score);
    return score;
}

static double penalized(const climbing *c, double objective, double excess)
{
    return excess > 0.0 ? objective * (1.0 + c->penalty * excess) : objective;
}

static void step_through(climbing *c, const davit_place_climb *climb)
{
    double excess;
    if (c->quest->has_tally) {
        davit_place_tally_set(&c->quest->tally, c->device);
    }
    double objective = measure_here(c, &excess);
    double current_excess = excess;
    double current = objective;
    double scale = isfinite(objective) ? objective : 1.0;
    double heat = scale * climb->hot;
    double cooling = pow(climb->cold / climb->hot, 1.0 / (double)climb->steps);
    double hardening = (PENALTY_LAST - PENALTY_FIRST) / (double)climb->steps;
    size_t bytes = c->units->problem->node_count * sizeof(*c->device);
    for (uint64_t step = 0; step <= climb->steps; step++) {
        c->penalty = PENALTY_FIRST + hardening * (double)step;
        if (c->quest->has_tally && step % TALLY_STEPS == TALLY_STEPS - 1) {
            davit_place_tally_set(&c->quest->tally, c->device);
        }
        if (step > 0) {
            propose(c);
            c->quest->work++; /* also when nothing moves, so that work always ends */
            if (c->move_count == 0) {
                continue;
            }
            objective = measure_here(c, &excess);
            heat *= cooling;
        }
        double gain = penalized(c, current, current_excess) - penalized(c, objective, excess);
        if (step > 0 && !(gain >= 0.0 || !isfinite(current) ||
                          davit_place_random_unit(&c->quest->random) < exp(gain / heat))) {
            take_back(c);
            continue;
        }
        current = objective;
        current_excess = excess;
        if (excess <= 0.0 && objective < c->local_score) {
            c->local_score = objective;
            memcpy(c->local_best, c->device, bytes);
        }
    }
}

davit_status davit_place_climb_run(davit_place_quest *quest, const davit_place_climb *climb,
                                   uint32_t *device)
{
    const davit_allocator *allocator = quest->context->allocator;
    const davit_place_units *units = climb->units;
    uint32_t nodes = units->problem->node_count;
    climbing c = {.quest = quest, .units = units, .device = device, .local_score = INFINITY};
    c.at = davit_alloc_array(allocator, units->count, sizeof(*c.at));
    c.local_best = davit_alloc_array(allocator, nodes, sizeof(*c.local_best));
    c.moves = davit_alloc_array(allocator, (size_t)units->count + 2, sizeof(*c.moves));
    davit_status status = DAVIT_OUT_OF_MEMORY;
    if (c.at != NULL && c.local_best != NULL && c.moves != NULL) {
        status = DAVIT_OK;
        for (uint32_t v = 0; v < nodes; v++) {
            c.at[units->of_node[v]] = device[v];
        }
        step_through(&c, climb);
        if (isfinite(c.local_score)) {
            memcpy(device, c.local_best, nodes * sizeof(*device));
            (void)davit_place_quest_try(quest, device);
        }
    }
    davit_free(allocator, c.at);
    davit_free(allocator, c.local_best);
    davit_free(allocator, c.moves);
    return status;
}

davit_status davit_place_quest_make(const davit_place_context *context, davit_place_quest *quest)
{
    *quest = (davit_place_quest){
        .context = context, .random = context->options.seed, .best_score = INFINITY};
    davit_status status =
        davit_place_clock_make(context->problem, context->options.objective == DAVIT_PLACE_ENERGY,
                               context->allocator, &quest->clock);
    if (status == DAVIT_OK && davit_place_tally_can(&quest->clock)) {
        status = davit_place_tally_make(&quest->clock, context->allocator, &quest->tally);
        quest->has_tally = status == DAVIT_OK;
    }
    if (status == DAVIT_OK) {
        quest->best =
            davit_alloc_array(context->allocator, context->problem->node_count, sizeof(uint32_t));
        status = quest->best != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
    }
    if (status != DAVIT_OK) {
        davit_place_quest_clear(quest);
    }
    return status;
}

void davit_place_quest_clear(davit_place_quest *quest)
{
    davit_free(quest->context->allocator, quest->best);
    if (quest->has_tally) {
        davit_place_tally_clear(&quest->tally);
    }
    davit_place_clock_clear(&quest->clock);
}
