#include "contiguous.h"

#include <string.h>

#include "davit/simulate.h"
#include "downsets.h"

/* Combinations of numbers of devices used, over all classes. */
#define MOST_STATES 256

typedef struct dynamic {
    const davit_place_context *context;
    const davit_place_items *items;
    davit_place_contiguous *run;
    davit_place_downsets sets;
    uint32_t classes;
    uint32_t *spec;   /* [class] one of its devices */
    uint32_t *owned;  /* [class] how many devices it has */
    uint32_t *stride; /* [class] of a state: mixed radix, a digit for each class */
    uint32_t states;
    double *best;   /* [downset][state] the least period up to there */
    uint32_t *from; /* [downset][state] the downset before */
    uint8_t *by;    /* [downset][state] the class between them */
    double limit;   /* what must be beaten */
    /* What is between two downsets: */
    double *compute, *in, *out; /* [class] */
    uint32_t *refused;          /* [class] items that it cannot run */
    double bytes;
    uint32_t *inside_readers;       /* [flow] */
    bool *inside;                   /* [item] */
    uint32_t *seen;                 /* [downset] the start from which it was reached last + 1 */
    uint32_t *set_blob;             /* [downset] */
    uint32_t *stack, *cursor, *via; /* of the walk: downsets, where in their covers, blob taken */
    uint64_t steps;
} dynamic;

static void add_copy(dynamic *d, double *sums, const double *table, uint32_t flow, double sign)
{
    const double *row = table + (size_t)d->items->flows[flow].value * d->classes;
    for (uint32_t c = 0; c < d->classes; c++) {
        sums[c] += sign * row[c];
    }
}

static bool leaves(const dynamic *d, uint32_t f)
{
    const davit_place_flow *flow = &d->items->flows[f];
    return flow->to_host || d->inside_readers[f] < flow->consumer_count;
}

/* Adds an item to what is between, or takes it away again. */
static void toggle(dynamic *d, uint32_t item, bool add)
{
    const davit_place_items *items = d->items;
    double sign = add ? 1.0 : -1.0;
    for (uint32_t c = 0; c < d->classes; c++) {
        double seconds = items->seconds[(size_t)item * d->classes + c];
        if (isfinite(seconds)) {
            d->compute[c] += sign * seconds;
        } else {
            d->refused[c] += add ? 1u : UINT32_MAX;
        }
    }
    d->bytes += sign * items->bytes[item];
    for (uint32_t k = items->read_first[item]; k < items->read_first[item + 1]; k++) {
        uint32_t f = items->read[k];
        uint32_t producer = items->flows[f].producer;
        bool made_inside = producer != DAVIT_PLACE_NONE && d->inside[producer];
        bool left = made_inside && leaves(d, f);
        d->inside_readers[f] += add ? 1u : UINT32_MAX;
        if (made_inside && left != leaves(d, f)) {
            add_copy(d, d->out, d->context->problem->out_seconds, f, left ? -1.0 : 1.0);
        }
        if (!made_inside && d->inside_readers[f] == (add ? 1u : 0u)) {
            add_copy(d, d->in, d->context->problem->in_seconds, f, sign);
        }
    }
    for (uint32_t k = items->made_first[item]; k < items->made_first[item + 1]; k++) {
        uint32_t f = items->made[k];
        if (d->inside_readers[f] > 0) {
            add_copy(d, d->in, d->context->problem->in_seconds, f, -sign);
        }
        if (leaves(d, f)) {
            add_copy(d, d->out, d->context->problem->out_seconds, f, sign);
        }
    }
    d->inside[item] = add;
}

static void toggle_blob(dynamic *d, uint32_t blob, bool add)
{
    uint32_t first = d->sets.blob_first[blob];
    uint32_t count = d->sets.blob_first[blob + 1] - first;
    for (uint32_t k = 0; k < count; k++) {
        toggle(d, d->sets.blob_items[first + (add ? k : count - 1 - k)], add);
    }
}

/* The load of a device of class c that takes what is between; INFINITY where it cannot. */
static double load_of(const dynamic *d, uint32_t c)
{
    const davit_place_device *device = &d->context->problem->devices[d->spec[c]];
    double compute = d->compute[c] + device->use_seconds;
    if (!davit_place_fits(d->bytes, device->memory_bytes)) {
        return INFINITY;
    }
    return device->discipline == DAVIT_PLACE_BLOCK ? compute + d->in[c] + d->out[c]
                                                   : fmax(compute, fmax(d->in[c], d->out[c]));
}

/* From downset s to t with what is between. Returns whether something larger may do. */
static bool connect(dynamic *d, uint32_t s, uint32_t t)
{
    bool open = false;
    for (uint32_t c = 0; c < d->classes; c++) {
        if (d->owned[c] == 0 || d->refused[c] > 0 || !(d->compute[c] < d->limit)) {
            continue;
        }
        open = true;
        double load = load_of(d, c);
        if (!(load < d->limit)) {
            continue;
        }
        const double *before = d->best + (size_t)s * d->states;
        double *after = d->best + (size_t)t * d->states;
        for (uint32_t state = 0; state < d->states - d->stride[c]; state++) {
            if (state / d->stride[c] % (d->owned[c] + 1) == d->owned[c]) {
                continue;
            }
            double period = fmax(before[state], load);
            uint32_t next = state + d->stride[c];
            if (period < after[next]) {
                after[next] = period;
                d->from[(size_t)t * d->states + next] = s;
                d->by[(size_t)t * d->states + next] = (uint8_t)c;
            }
        }
    }
    return open;
}

static bool is_reached(const dynamic *d, uint32_t s)
{
    bool reached = false;
    for (uint32_t state = 0; state < d->states; state++) {
        reached = reached || d->best[(size_t)s * d->states + state] < d->limit;
    }
    return reached;
}

/* All larger downsets from s on, depth first, each once. */
static void extend(dynamic *d, uint32_t s)
{
    uint32_t depth = 0;
    d->stack[0] = s;
    d->cursor[0] = d->sets.cover_first[s];
    for (;;) {
        uint32_t here = d->stack[depth];
        if (d->cursor[depth] == d->sets.cover_first[here + 1] || d->steps == d->run->steps) {
            if (depth == 0) {
                return;
            }
            toggle_blob(d, d->via[depth--], false);
            continue;
        }
        uint32_t cover = d->cursor[depth]++;
        uint32_t to = d->sets.cover_to[cover];
        if (d->seen[to] == s + 1) {
            continue;
        }
        d->seen[to] = s + 1;
        d->steps++;
        toggle_blob(d, d->sets.cover_blob[cover], true);
        if (connect(d, s, to)) {
            depth++;
            d->stack[depth] = to;
            d->cursor[depth] = d->sets.cover_first[to];
            d->via[depth] = d->sets.cover_blob[cover];
        } else {
            toggle_blob(d, d->sets.cover_blob[cover], false);
        }
    }
}

/* Rounding does not pile up from one start to the next. */
static void clear_between(dynamic *d)
{
    memset(d->compute, 0, d->classes * sizeof(double));
    memset(d->in, 0, d->classes * sizeof(double));
    memset(d->out, 0, d->classes * sizeof(double));
    d->bytes = 0.0;
}

/* The nth device of a class. */
static uint32_t device_of(const dynamic *d, uint32_t c, uint32_t nth)
{
    const davit_place_problem *problem = d->context->problem;
    uint32_t device = 0;
    while (problem->devices[device].device_class != c || nth-- > 0) {
        device++;
    }
    return device;
}

/* Writes the placement that ends in the last downset with a state. */
static void trace(dynamic *d, uint32_t state, uint32_t *at)
{
    /* How each downset is made: from another, with a blob. */
    uint32_t *smaller = d->seen;
    uint32_t *blob = d->set_blob;
    for (uint32_t s = d->sets.count; s-- > 0;) {
        for (uint32_t k = d->sets.cover_first[s]; k < d->sets.cover_first[s + 1]; k++) {
            smaller[d->sets.cover_to[k]] = s;
            blob[d->sets.cover_to[k]] = d->sets.cover_blob[k];
        }
    }
    /* From the last downset to smaller ones: each device gets all of its downset, and those before
     * it then take theirs. */
    for (uint32_t set = d->sets.count - 1; set != 0;) {
        size_t cell = (size_t)set * d->states + state;
        uint32_t c = d->by[cell];
        uint32_t nth = state / d->stride[c] % (d->owned[c] + 1) - 1;
        for (uint32_t s = set; s != 0; s = smaller[s]) {
            for (uint32_t k = d->sets.blob_first[blob[s]]; k < d->sets.blob_first[blob[s] + 1];
                 k++) {
                at[d->sets.blob_items[k]] = device_of(d, c, nth);
            }
        }
        set = d->from[cell];
        state -= d->stride[c];
    }
}

static void run_all(dynamic *d, uint32_t *at, double *period)
{
    uint32_t sets = d->sets.count;
    for (size_t k = 0; k < (size_t)sets * d->states; k++) {
        d->best[k] = INFINITY;
    }
    d->best[0] = 0.0;
    for (uint32_t s = 0; s + 1 < sets && d->steps < d->run->steps; s++) {
        if (is_reached(d, s)) {
            clear_between(d);
            extend(d, s);
        }
    }
    uint32_t best = 0;
    const double *last = d->best + (size_t)(sets - 1) * d->states;
    for (uint32_t state = 1; state < d->states; state++) {
        best = last[state] < last[best] ? state : best;
    }
    d->run->exact = d->sets.all && d->steps < d->run->steps;
    d->run->found = last[best] < *period;
    if (d->run->found) {
        *period = last[best];
        trace(d, best, at);
    }
}

/* Classes and states; false when there are too many states, or pins. */
static bool count_states(dynamic *d)
{
    const davit_place_problem *problem = d->context->problem;
    for (uint32_t k = problem->device_count; k-- > 0;) {
        uint32_t c = problem->devices[k].device_class;
        d->spec[c] = k;
        d->owned[c] += problem->devices[k].discipline != DAVIT_PLACE_UNLIMITED;
    }
    uint64_t states = 1;
    for (uint32_t c = 0; c < d->classes && states <= MOST_STATES; c++) {
        d->stride[c] = (uint32_t)states;
        states *= d->owned[c] + 1;
    }
    d->states = (uint32_t)states;
    bool pinned = false;
    for (uint32_t v = 0; v < problem->node_count; v++) {
        pinned = pinned || problem->nodes[v].pin != DAVIT_PLACE_NONE;
    }
    return states <= MOST_STATES && d->classes < 256 && !pinned;
}

static davit_status allocate_classes(dynamic *d, davit_arena *arena)
{
    d->spec = davit_arena_alloc_array(arena, d->classes, sizeof(uint32_t));
    d->owned = davit_arena_alloc_array(arena, d->classes, sizeof(uint32_t));
    d->stride = davit_arena_alloc_array(arena, d->classes, sizeof(uint32_t));
    d->refused = davit_arena_alloc_array(arena, d->classes, sizeof(uint32_t));
    d->compute = davit_arena_alloc_array(arena, d->classes, sizeof(double));
    d->in = davit_arena_alloc_array(arena, d->classes, sizeof(double));
    d->out = davit_arena_alloc_array(arena, d->classes, sizeof(double));
    return d->spec == NULL || d->owned == NULL || d->stride == NULL || d->refused == NULL ||
                   d->compute == NULL || d->in == NULL || d->out == NULL
               ? DAVIT_OUT_OF_MEMORY
               : DAVIT_OK;
}

static davit_status allocate_sets(dynamic *d, davit_arena *arena)
{
    size_t cells = (size_t)d->sets.count * d->states;
    size_t depth = (size_t)d->sets.blob_count + 1;
    d->best = davit_arena_alloc_array(arena, cells, sizeof(double));
    d->from = davit_arena_alloc_array(arena, cells, sizeof(uint32_t));
    d->by = davit_arena_alloc_array(arena, cells, sizeof(uint8_t));
    d->inside_readers = davit_arena_alloc_array(arena, d->items->flow_count, sizeof(uint32_t));
    d->inside = davit_arena_alloc_array(arena, d->items->count, sizeof(bool));
    d->seen = davit_arena_alloc_array(arena, d->sets.count, sizeof(uint32_t));
    d->set_blob = davit_arena_alloc_array(arena, d->sets.count, sizeof(uint32_t));
    d->stack = davit_arena_alloc_array(arena, depth, sizeof(uint32_t));
    d->cursor = davit_arena_alloc_array(arena, depth, sizeof(uint32_t));
    d->via = davit_arena_alloc_array(arena, depth, sizeof(uint32_t));
    return d->best == NULL || d->from == NULL || d->by == NULL || d->inside_readers == NULL ||
                   d->inside == NULL || d->seen == NULL || d->set_blob == NULL ||
                   d->stack == NULL || d->cursor == NULL || d->via == NULL
               ? DAVIT_OUT_OF_MEMORY
               : DAVIT_OK;
}

davit_status davit_place_contiguous_run(const davit_place_context *context,
                                        davit_place_contiguous *run, uint32_t *at, double *period)
{
    davit_arena arena;
    davit_arena_init(&arena, context->allocator);
    dynamic d = {.context = context,
                 .items = context->items,
                 .run = run,
                 .classes = context->problem->class_count,
                 .limit = *period};
    run->found = run->exact = false;
    davit_status status = allocate_classes(&d, &arena);
    if (status == DAVIT_OK && context->items->count > 0 && count_states(&d)) {
        status = davit_place_downsets_make(context->items, run->downsets, &arena, &d.sets);
        if (status == DAVIT_OK) {
            status = allocate_sets(&d, &arena);
        }
        if (status == DAVIT_OK) {
            run_all(&d, at, period);
        }
    }
    davit_arena_clear(&arena);
    return status == DAVIT_OK
               ? status
               : davit_fail(context->diag, status, "no memory for dynamic programming");
}
