#include "name_map.h"

#include <string.h>

/* FNV-1a. Probing is bounded by the load factor; names made to collide only cost their sender
 * time. */
static size_t hash(const char *name)
{
    uint64_t state = 14695981039346656037u;
    for (const unsigned char *c = (const unsigned char *)name; *c != '\0'; c++) {
        state = (state ^ *c) * 1099511628211u;
    }
    return (size_t)(state ^ (state >> 32));
}

/* The name's entry, or the free one where it belongs. */
static davit_onnx_map_entry *find(const davit_onnx_map *map, const char *name)
{
    size_t mask = map->capacity - 1;
    size_t i = hash(name) & mask;
    while (map->entries[i].name != NULL && strcmp(map->entries[i].name, name) != 0) {
        i = (i + 1) & mask;
    }
    return &map->entries[i];
}

bool davit_onnx_map_get(const davit_onnx_map *map, const char *name, uint32_t *value)
{
    if (map->capacity == 0) {
        return false;
    }
    const davit_onnx_map_entry *entry = find(map, name);
    if (entry->name == NULL) {
        return false;
    }
    *value = entry->value;
    return true;
}

static davit_status grow(davit_onnx_map *map)
{
    davit_onnx_map grown = {.arena = map->arena, .count = map->count};
    grown.capacity = map->capacity == 0 ? 16 : map->capacity * 2;
    grown.entries = davit_arena_alloc_array(map->arena, grown.capacity, sizeof(*grown.entries));
    if (grown.entries == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->entries[i].name != NULL) {
            *find(&grown, map->entries[i].name) = map->entries[i];
        }
    }
    *map = grown;
    return DAVIT_OK;
}

davit_status davit_onnx_map_put(davit_onnx_map *map, const char *name, uint32_t value)
{
    if (map->count + map->count / 2 >= map->capacity) {
        davit_status status = grow(map);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    davit_onnx_map_entry *entry = find(map, name);
    if (entry->name == NULL) {
        entry->name = name;
        map->count++;
    }
    entry->value = value;
    return DAVIT_OK;
}
