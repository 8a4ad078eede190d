/* A map from names to indices. Names are borrowed and must outlive the map, whose memory is that of
 * its arena. */
#ifndef DAVIT_ONNX_NAME_MAP_H
#define DAVIT_ONNX_NAME_MAP_H

#include <stdbool.h>

#include "davit/allocator.h"

typedef struct davit_onnx_map_entry {
    const char *name; /* NULL: free */
    uint32_t value;
} davit_onnx_map_entry;

/* Empty when all zero but the arena. */
typedef struct davit_onnx_map {
    davit_arena *arena;
    davit_onnx_map_entry *entries;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
} davit_onnx_map;

/* True and *value set when the name is there. */
bool davit_onnx_map_get(const davit_onnx_map *map, const char *name, uint32_t *value);

/* Adds or replaces. Returns DAVIT_OUT_OF_MEMORY with the map untouched. */
DAVIT_NODISCARD davit_status davit_onnx_map_put(davit_onnx_map *map, const char *name,
                                                uint32_t value);

#endif
