#include "problem_hash.h"

#include <sha256.h>

static void add(SHA256_CTX *hash, const void *bytes, size_t count)
{
    if (count > 0) {
        SHA256_Update(hash, bytes, count);
    }
}

static void add_u32(SHA256_CTX *hash, uint32_t number)
{
    add(hash, &number, sizeof(number));
}

static void add_table(SHA256_CTX *hash, const double *table, size_t rows, size_t columns)
{
    add_u32(hash, table != NULL);
    if (table != NULL) {
        add(hash, table, rows * columns * sizeof(*table));
    }
}

static void add_values(SHA256_CTX *hash, const davit_place_problem *problem)
{
    for (uint32_t v = 0; v < problem->value_count; v++) {
        const davit_place_value *value = &problem->values[v];
        add_u32(hash, value->producer);
        add_u32(hash, value->to_host);
        add(hash, &value->bytes, sizeof(value->bytes));
        add_u32(hash, value->consumer_count);
        add(hash, value->consumers, value->consumer_count * sizeof(*value->consumers));
    }
}

void davit_problem_hash(const davit_place_problem *problem, char hex[DAVIT_SHA256_HEX])
{
    SHA256_CTX hash;
    SHA256_Init(&hash);
    add_u32(&hash, problem->node_count);
    add_u32(&hash, problem->device_count);
    add_u32(&hash, problem->class_count);
    add_u32(&hash, problem->value_count);
    for (uint32_t n = 0; n < problem->node_count; n++) {
        add(&hash, &problem->nodes[n].bytes, sizeof(double));
        add_u32(&hash, problem->nodes[n].group);
        add_u32(&hash, problem->nodes[n].pin);
    }
    for (uint32_t d = 0; d < problem->device_count; d++) {
        const davit_place_device *device = &problem->devices[d];
        const double numbers[] = {device->memory_bytes, device->idle_watts, device->use_seconds};
        add_u32(&hash, device->device_class);
        add_u32(&hash, device->discipline);
        add(&hash, numbers, sizeof(numbers));
    }
    add_values(&hash, problem);
    add_table(&hash, problem->node_seconds, problem->node_count, problem->class_count);
    add_table(&hash, problem->node_joules, problem->node_count, problem->class_count);
    add_table(&hash, problem->in_seconds, problem->value_count, problem->class_count);
    add_table(&hash, problem->out_seconds, problem->value_count, problem->class_count);
    add_table(&hash, problem->copy_joules, problem->value_count, problem->class_count);
    SHA256_End(&hash, hex);
}
