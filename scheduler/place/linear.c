#include "linear.h"

#include <stdlib.h>

/* Of sums of some thousand doubles. */
#define ROUNDING 1e-12

typedef struct entry {
    int row, column;
    double value;
} entry;

typedef struct builder {
    davit_place_linear *linear;
    const davit_place_items *items;
    const davit_place_problem *problem;
    int devices;
    entry *entries;
    size_t count;
} builder;

uint32_t davit_place_linear_out_rows(const davit_place_flow *flow)
{
    if (flow->producer == DAVIT_PLACE_NONE) {
        return 0;
    }
    return flow->to_host ? 1 : flow->consumer_count;
}

static void count_copies(const davit_place_items *items, size_t *in, size_t *out)
{
    *in = *out = 0;
    for (uint32_t f = 0; f < items->flow_count; f++) {
        *in += (size_t)items->flows[f].consumer_count * items->problem->device_count;
        *out +=
            (size_t)davit_place_linear_out_rows(&items->flows[f]) * items->problem->device_count;
    }
}

size_t davit_place_linear_size(const davit_place_items *items)
{
    size_t devices = items->problem->device_count;
    size_t in;
    size_t out;
    count_copies(items, &in, &out);
    return devices * (4 + 5 * (size_t)items->count + 2 * (size_t)items->flow_count) +
           3 * (in + out);
}

static void add(builder *b, int row, int column, double value)
{
    if (value != 0.0) {
        b->entries[b->count++] = (entry){row, column, value};
    }
}

static int at_of(const builder *b, uint32_t item, int d)
{
    return (int)item * b->devices + d;
}

/* Row of a device's copies: 1 in, 2 out. */
static int copies_row(const builder *b, int d, int way)
{
    return 3 * d + (b->problem->devices[d].discipline == DAVIT_PLACE_BLOCK ? 0 : way);
}

static bool limits_memory(const davit_place_device *device)
{
    return isfinite(device->memory_bytes) && device->memory_bytes > 0.0;
}

static void add_items(builder *b)
{
    const davit_place_linear *l = b->linear;
    for (uint32_t item = 0; item < b->items->count; item++) {
        for (int d = 0; d < b->devices; d++) {
            const davit_place_device *device = &b->problem->devices[d];
            int at = at_of(b, item, d);
            if (!davit_place_item_allowed(b->items, item, (uint32_t)d)) {
                l->upper[at] = 0.0;
                continue;
            }
            add(b, 3 * d, at, davit_place_item_seconds(b->items, item, (uint32_t)d) / l->scale);
            if (limits_memory(device)) {
                add(b, l->memories + d, at, b->items->bytes[item] / device->memory_bytes);
            }
            if (device->use_seconds > 0.0) {
                add(b, l->uses + at, at, 1.0);
                add(b, l->uses + at, l->used + d, -1.0);
            }
            add(b, l->choices + (int)item, at, 1.0);
        }
        l->row_lower[l->choices + (int)item] = l->row_upper[l->choices + (int)item] = 1.0;
    }
}

static void add_devices(builder *b)
{
    const davit_place_linear *l = b->linear;
    for (int d = 0; d < b->devices; d++) {
        int loads = b->problem->devices[d].discipline == DAVIT_PLACE_BLOCK ? 1 : 3;
        for (int k = 0; k < loads; k++) {
            add(b, 3 * d + k, l->period, -1.0);
        }
        add(b, 3 * d, l->used + d, b->problem->devices[d].use_seconds / l->scale);
        l->row_upper[l->memories + d] = 1.0 + 1e-9;
    }
}

/* column >= at(from, d) - at(to, d); to may be DAVIT_PLACE_NONE. Column -1: the copy costs nothing.
 */
static void add_copy(builder *b, int row, int column, int d, uint32_t from, uint32_t to)
{
    if (column < 0) {
        return;
    }
    add(b, row, at_of(b, from, d), 1.0);
    if (to != DAVIT_PLACE_NONE) {
        add(b, row, at_of(b, to, d), -1.0);
    }
    add(b, row, column, -1.0);
}

static void add_flows(builder *b)
{
    const davit_place_linear *l = b->linear;
    int in_row = l->in_rows;
    int out_row = l->out_rows;
    for (uint32_t f = 0; f < b->items->flow_count; f++) {
        const davit_place_flow *flow = &b->items->flows[f];
        for (int d = 0; d < b->devices; d++) {
            size_t cost =
                (size_t)flow->value * b->problem->class_count + b->problem->devices[d].device_class;
            int in = l->in + at_of(b, f, d);
            int out = l->out + at_of(b, f, d);
            double in_seconds = b->problem->in_seconds[cost];
            double out_seconds = b->problem->out_seconds[cost];
            for (uint32_t k = 0; k < flow->consumer_count; k++, in_row++) {
                add_copy(b, in_row, in_seconds > 0.0 ? in : -1, d, flow->consumers[k],
                         flow->producer);
            }
            for (uint32_t k = 0; k < davit_place_linear_out_rows(flow); k++, out_row++) {
                add_copy(b, out_row, out_seconds > 0.0 ? out : -1, d, flow->producer,
                         flow->to_host ? DAVIT_PLACE_NONE : flow->consumers[k]);
            }
            add(b, copies_row(b, d, 1), in, in_seconds / l->scale);
            add(b, copies_row(b, d, 2), out, out_seconds / l->scale);
        }
    }
}

typedef struct rank {
    uint32_t item;
    bool pinned;
    double seconds;
} rank;

static int compare_ranks(const void *left, const void *right)
{
    const rank *a = left;
    const rank *b = right;
    if (a->pinned != b->pinned) {
        return a->pinned ? -1 : 1;
    }
    if (a->seconds != b->seconds) {
        return a->seconds > b->seconds ? -1 : 1;
    }
    return a->item < b->item ? -1 : a->item > b->item;
}

static uint32_t pin_of(const davit_place_items *items, uint32_t item)
{
    uint32_t pin = DAVIT_PLACE_NONE;
    for (uint32_t k = items->first[item]; k < items->first[item + 1]; k++) {
        uint32_t one = items->problem->nodes[items->nodes[k]].pin;
        pin = one != DAVIT_PLACE_NONE ? one : pin;
    }
    return pin;
}

static void sort_items(builder *b, rank *ranks)
{
    for (uint32_t item = 0; item < b->items->count; item++) {
        ranks[item] = (rank){item, pin_of(b->items, item) != DAVIT_PLACE_NONE, INFINITY};
        for (int d = 0; d < b->devices; d++) {
            if (davit_place_item_allowed(b->items, item, (uint32_t)d)) {
                double seconds = davit_place_item_seconds(b->items, item, (uint32_t)d);
                ranks[item].seconds = fmin(ranks[item].seconds, seconds);
            }
        }
    }
    qsort(ranks, b->items->count, sizeof(*ranks), compare_ranks);
    for (uint32_t k = 0; k < b->items->count; k++) {
        b->linear->order[k] = ranks[k].item;
    }
}

bool davit_place_class_is_pinned(const davit_place_problem *problem, uint32_t of_class)
{
    for (uint32_t v = 0; v < problem->node_count; v++) {
        uint32_t pin = problem->nodes[v].pin;
        if (pin != DAVIT_PLACE_NONE && problem->devices[pin].device_class == of_class) {
            return true;
        }
    }
    return false;
}

/* Which device of its class d is; 0 when the class has a pin. */
static uint32_t exchangeable_before(const builder *b, uint32_t d)
{
    const davit_place_problem *problem = b->problem;
    uint32_t of_class = problem->devices[d].device_class;
    uint32_t before = 0;
    for (uint32_t e = 0; e < d; e++) {
        before += problem->devices[e].device_class == of_class;
    }
    return davit_place_class_is_pinned(problem, of_class) ? 0 : before;
}

static void break_symmetry(builder *b)
{
    for (uint32_t d = 0; d < b->problem->device_count; d++) {
        uint32_t before = exchangeable_before(b, d);
        for (uint32_t k = 0; k < b->items->count && before > 0; k++) {
            uint32_t item = b->linear->order[k];
            if (pin_of(b->items, item) == DAVIT_PLACE_NONE) {
                b->linear->upper[at_of(b, item, (int)d)] = 0.0;
                before--;
            }
        }
    }
}

static void sort_by_column(const builder *b)
{
    const davit_place_linear *l = b->linear;
    for (size_t k = 0; k < b->count; k++) {
        l->start[b->entries[k].column]++;
    }
    int end = 0;
    for (int j = 0; j <= l->column_count; j++) {
        end += l->start[j];
        l->start[j] = end;
    }
    for (size_t k = b->count; k-- > 0;) {
        int place = --l->start[b->entries[k].column];
        l->row[place] = b->entries[k].row;
        l->value[place] = b->entries[k].value;
    }
}

static void number(builder *b)
{
    davit_place_linear *l = b->linear;
    size_t in;
    size_t out;
    count_copies(b->items, &in, &out);
    int flows = (int)b->items->flow_count * b->devices;
    int places = (int)b->items->count * b->devices;
    l->period = places;
    l->used = places + 1;
    l->in = l->used + b->devices;
    l->out = l->in + flows;
    l->column_count = l->out + flows;
    l->memories = 3 * b->devices;
    l->uses = l->memories + b->devices;
    l->in_rows = l->uses + places;
    l->out_rows = l->in_rows + (int)in;
    l->choices = l->out_rows + (int)out;
    l->row_count = l->choices + (int)b->items->count;
}

static davit_status allocate(builder *b, davit_arena *arena)
{
    davit_place_linear *l = b->linear;
    size_t size = davit_place_linear_size(b->items);
    size_t columns = (size_t)l->column_count;
    size_t rows = (size_t)l->row_count;
    b->entries = davit_arena_alloc_array(arena, size, sizeof(entry));
    l->order = davit_arena_alloc_array(arena, b->items->count, sizeof(uint32_t));
    l->start = davit_arena_alloc_array(arena, columns + 1, sizeof(int));
    l->row = davit_arena_alloc_array(arena, size, sizeof(int));
    l->value = davit_arena_alloc_array(arena, size, sizeof(double));
    l->lower = davit_arena_alloc_array(arena, columns, sizeof(double));
    l->upper = davit_arena_alloc_array(arena, columns, sizeof(double));
    l->cost = davit_arena_alloc_array(arena, columns, sizeof(double));
    l->row_lower = davit_arena_alloc_array(arena, rows, sizeof(double));
    l->row_upper = davit_arena_alloc_array(arena, rows, sizeof(double));
    return b->entries == NULL || l->order == NULL || l->start == NULL || l->row == NULL ||
                   l->value == NULL || l->lower == NULL || l->upper == NULL || l->cost == NULL ||
                   l->row_lower == NULL || l->row_upper == NULL
               ? DAVIT_OUT_OF_MEMORY
               : DAVIT_OK;
}

davit_status davit_place_linear_make(const davit_place_items *items, double scale,
                                     davit_arena *arena, davit_place_linear *linear)
{
    *linear = (davit_place_linear){.items = items, .scale = scale};
    builder b = {.linear = linear,
                 .items = items,
                 .problem = items->problem,
                 .devices = (int)items->problem->device_count};
    number(&b);
    davit_status status = allocate(&b, arena);
    rank *ranks = davit_arena_alloc_array(arena, items->count, sizeof(rank));
    if (status != DAVIT_OK || ranks == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (int j = 0; j < linear->column_count; j++) {
        linear->upper[j] = 1.0;
    }
    for (int r = 0; r < linear->row_count; r++) {
        linear->row_lower[r] = -INFINITY;
    }
    linear->cost[linear->period] = 1.0;
    add_items(&b);
    add_devices(&b);
    add_flows(&b);
    sort_by_column(&b);
    sort_items(&b, ranks);
    break_symmetry(&b);
    return DAVIT_OK;
}

/* What one unit of a column weighs in the rows by the duals. */
static double weight_of(const davit_place_linear *linear, const double *duals, int column,
                        double *magnitude)
{
    double sum = 0.0;
    for (int k = linear->start[column]; k < linear->start[column + 1]; k++) {
        if (linear->row[k] < linear->choices) {
            double one = duals[linear->row[k]] * linear->value[k];
            sum += one;
            *magnitude += fabs(one);
        }
    }
    return sum;
}

double davit_place_linear_bound(const davit_place_linear *linear, const double *duals)
{
    int devices = (int)linear->items->problem->device_count;
    double whole = 0.0;
    double sum = 0.0;
    double magnitude = 0.0;
    for (int k = 0; k < linear->memories; k++) {
        whole += duals[k];
    }
    for (int d = 0; d < devices; d++) {
        sum -= duals[linear->memories + d] * linear->row_upper[linear->memories + d];
    }
    for (uint32_t item = 0; item < linear->items->count; item++) {
        double least = INFINITY;
        for (int d = 0; d < devices; d++) {
            int at = (int)item * devices + d;
            if (linear->upper[at] > 0.0) {
                least = fmin(least, weight_of(linear, duals, at, &magnitude));
            }
        }
        sum += least;
    }
    for (int j = linear->used; j < linear->column_count; j++) {
        sum += fmin(0.0, weight_of(linear, duals, j, &magnitude));
    }
    sum -= ROUNDING * magnitude;
    return whole > 0.0 ? fmax(0.0, sum / whole * linear->scale) : 0.0;
}
