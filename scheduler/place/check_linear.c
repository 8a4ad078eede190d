/* The form linear of certificate.md. */
#include "certificate.h"

/* Of sums of some thousand doubles. */
#define ROUNDING 1e-12

typedef struct linear_check {
    const davit_place_proof *proof;
    const davit_place_problem *problem;
    davit_place_groups groups;
    double *loads, *memory, *used, *in, *out; /* the duals */
    double *price;                            /* [group][device] */
    uint32_t *readers;                        /* scratch [group]: groups that read a value */
    uint32_t *seen;                           /* scratch [group]: value + 1 that it reads */
    double excess;                            /* what duals exceed their limits by */
    double magnitude; /* of what cancels out in prices: they are rounded by parts of it */
} linear_check;

/* Groups other than the producer's that read value i, ascending, into readers. */
static uint32_t find_readers(linear_check *c, uint32_t i)
{
    const davit_place_value *value = &c->problem->values[i];
    uint32_t count = 0;
    for (uint32_t k = 0; k < value->consumer_count; k++) {
        uint32_t group = c->groups.of_node[value->consumers[k]];
        bool own =
            value->producer != DAVIT_PLACE_NONE && c->groups.of_node[value->producer] == group;
        if (own || c->seen[group] == i + 1) {
            continue;
        }
        c->seen[group] = i + 1;
        uint32_t at = count++;
        for (; at > 0 && c->readers[at - 1] > group; at--) {
            c->readers[at] = c->readers[at - 1];
        }
        c->readers[at] = group;
    }
    return count;
}

/* Duals of value i's copies out: one for each device and reader, or for the host. */
static uint32_t outs_of(const linear_check *c, uint32_t i, uint32_t readers)
{
    if (c->problem->values[i].producer == DAVIT_PLACE_NONE) {
        return 0;
    }
    return c->problem->values[i].to_host ? 1 : readers;
}

static double load_dual(const linear_check *c, uint32_t d, uint32_t way)
{
    bool block = c->problem->devices[d].discipline == DAVIT_PLACE_BLOCK;
    return c->loads[3 * (size_t)d + (block ? 0 : way)];
}

static double *price_of(linear_check *c, uint32_t group, uint32_t d)
{
    return &c->price[(size_t)group * c->problem->device_count + d];
}

static void price_value(linear_check *c, uint32_t i, uint32_t d, uint32_t readers, const double *in,
                        const double *out)
{
    const davit_place_value *value = &c->problem->values[i];
    bool host = value->producer == DAVIT_PLACE_NONE;
    uint32_t own = host ? 0 : c->groups.of_node[value->producer];
    size_t cost = (size_t)i * c->problem->class_count + c->problem->devices[d].device_class;
    double in_left = load_dual(c, d, 1) * c->problem->in_seconds[cost];
    double out_left = load_dual(c, d, 2) * c->problem->out_seconds[cost];
    for (uint32_t k = 0; k < readers; k++) {
        in_left -= in[k];
        c->magnitude += in[k];
        *price_of(c, c->readers[k], d) += in[k];
        if (!host) {
            *price_of(c, own, d) -= in[k];
        }
    }
    for (uint32_t k = 0; k < outs_of(c, i, readers); k++) {
        out_left -= out[k];
        c->magnitude += out[k];
        *price_of(c, own, d) += out[k];
        if (!value->to_host) {
            *price_of(c, c->readers[k], d) -= out[k];
        }
    }
    c->excess += fmax(0.0, -in_left) + fmax(0.0, -out_left);
}

static void price_values(linear_check *c)
{
    const double *in = c->in;
    const double *out = c->out;
    for (uint32_t i = 0; i < c->problem->value_count; i++) {
        uint32_t readers = find_readers(c, i);
        uint32_t outs = outs_of(c, i, readers);
        for (uint32_t d = 0; d < c->problem->device_count; d++) {
            price_value(c, i, d, readers, in, out);
            in += readers;
            out += outs;
        }
    }
}

static void price_groups(linear_check *c)
{
    for (uint32_t d = 0; d < c->problem->device_count; d++) {
        const davit_place_device *device = &c->problem->devices[d];
        double use_left = load_dual(c, d, 0) * device->use_seconds;
        for (uint32_t g = 0; g < c->groups.count; g++) {
            size_t at = (size_t)g * c->problem->device_count + d;
            if (!c->groups.allowed[at]) {
                continue;
            }
            c->price[at] += load_dual(c, d, 0) * c->groups.seconds[at] + c->used[at];
            use_left -= c->used[at];
            c->magnitude += c->used[at];
            if (isfinite(device->memory_bytes) && device->memory_bytes > 0.0) {
                c->price[at] += c->memory[d] * (c->groups.bytes[g] / device->memory_bytes);
            }
        }
        c->magnitude += c->memory[d];
        c->excess += fmax(0.0, -use_left) + c->memory[d] * (1.0 + DAVIT_PLACE_TOLERANCE);
    }
}

static davit_status read_duals(linear_check *c)
{
    size_t devices = c->problem->device_count;
    size_t cells = c->groups.count * devices;
    size_t in = 0;
    size_t out = 0;
    c->price = davit_arena_alloc_array(c->proof->arena, cells, sizeof(double));
    c->readers = davit_arena_alloc_array(c->proof->arena, c->groups.count, sizeof(uint32_t));
    c->seen = davit_arena_alloc_array(c->proof->arena, c->groups.count, sizeof(uint32_t));
    if (c->price == NULL || c->readers == NULL || c->seen == NULL) {
        return davit_place_no_memory(c->proof);
    }
    for (uint32_t i = 0; i < c->problem->value_count; i++) {
        uint32_t readers = find_readers(c, i);
        in += readers * devices;
        out += outs_of(c, i, readers) * devices;
    }
    for (uint32_t g = 0; g < c->groups.count; g++) {
        c->seen[g] = 0;
    }
    const struct {
        const char *name;
        size_t count;
        double **numbers;
    } members[] = {{"loads", 3 * devices, &c->loads},
                   {"memory", devices, &c->memory},
                   {"used", cells, &c->used},
                   {"in", in, &c->in},
                   {"out", out, &c->out}};
    davit_status status = DAVIT_OK;
    for (size_t k = 0; k < 5 && status == DAVIT_OK; k++) {
        status =
            davit_place_numbers(c->proof, members[k].name, members[k].count, members[k].numbers);
    }
    return status;
}

/* Devices of a class without pins can be exchanged: forbids what certificate.md says. */
static void break_symmetry(linear_check *c, const uint32_t *order)
{
    const davit_place_problem *p = c->problem;
    for (uint32_t d = 0; d < p->device_count; d++) {
        uint32_t before = 0; /* devices of the class */
        bool pinned = false;
        for (uint32_t e = 0; e < d; e++) {
            before += p->devices[e].device_class == p->devices[d].device_class;
        }
        for (uint32_t v = 0; v < p->node_count; v++) {
            uint32_t pin = p->nodes[v].pin;
            pinned = pinned || (pin != DAVIT_PLACE_NONE &&
                                p->devices[pin].device_class == p->devices[d].device_class);
        }
        for (uint32_t k = 0; k < c->groups.count && before > 0 && !pinned; k++) {
            if (!c->groups.pinned[order[k]]) {
                c->groups.allowed[(size_t)order[k] * p->device_count + d] = false;
                before--;
            }
        }
    }
}

davit_status davit_place_check_linear(const davit_place_proof *proof, double *proved)
{
    linear_check c = {.proof = proof, .problem = proof->problem};
    davit_status status = davit_place_groups_make(proof, false, &c.groups);
    uint32_t *order;
    if (status == DAVIT_OK) {
        status = davit_place_read_order(proof, &c.groups, &order);
    }
    if (status == DAVIT_OK) {
        break_symmetry(&c, order);
        status = read_duals(&c);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    double whole = 0.0;
    for (size_t k = 0; k < 3 * (size_t)c.problem->device_count; k++) {
        whole += c.loads[k];
    }
    if (!(whole > 0.0) || !isfinite(whole)) {
        return davit_place_wrong(proof, "the duals of loads sum up to nothing");
    }
    price_groups(&c);
    price_values(&c);
    double sum = 0.0;
    for (uint32_t g = 0; g < c.groups.count; g++) {
        double least = INFINITY;
        for (uint32_t d = 0; d < c.problem->device_count; d++) {
            if (c.groups.allowed[(size_t)g * c.problem->device_count + d]) {
                least = fmin(least, *price_of(&c, g, d));
            }
        }
        sum += least;
    }
    sum -= c.excess + ROUNDING * (c.magnitude + c.excess);
    if (!isfinite(sum) || !isfinite(c.magnitude)) {
        return davit_place_wrong(proof, "the duals are too large");
    }
    *proved = fmax(0.0, sum) / whole;
    return DAVIT_OK;
}
