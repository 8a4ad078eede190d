#include "davit/names.h"

#include <string.h>

#define MIN_CAPACITY 64

/* FNV-1a, 64 bits. */
static size_t hash(const char *name)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (; *name; name++) {
        h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    }
    return (size_t)(h ^ (h >> 32));
}

/* The slot that holds name, or the free one where it belongs. */
static davit_name_slot *locate(davit_name_slot *slots, size_t capacity, const char *name)
{
    size_t i = hash(name) & (capacity - 1);
    while (slots[i].name && strcmp(slots[i].name, name) != 0) {
        i = (i + 1) & (capacity - 1);
    }
    return &slots[i];
}

void davit_names_init(davit_names *names, const davit_allocator *allocator)
{
    *names = (davit_names){.allocator = allocator};
}

void davit_names_clear(davit_names *names)
{
    davit_free(names->allocator, names->slots);
    *names = (davit_names){.allocator = names->allocator};
}

uint32_t davit_names_find(const davit_names *names, const char *name)
{
    if (names->capacity == 0) {
        return DAVIT_NONE;
    }
    const davit_name_slot *slot = locate(names->slots, names->capacity, name);
    return slot->name ? slot->id : DAVIT_NONE;
}

static davit_status grow(davit_names *names)
{
    size_t capacity = names->capacity ? names->capacity * 2 : MIN_CAPACITY;
    davit_name_slot *slots = davit_alloc_array(names->allocator, capacity, sizeof(*slots));
    if (!slots) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < names->capacity; i++) {
        if (names->slots[i].name) {
            *locate(slots, capacity, names->slots[i].name) = names->slots[i];
        }
    }
    davit_free(names->allocator, names->slots);
    names->slots = slots;
    names->capacity = capacity;
    return DAVIT_OK;
}

davit_status davit_names_add(davit_names *names, const char *name, uint32_t id)
{
    if (2 * (names->count + 1) > names->capacity) {
        davit_status status = grow(names);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    davit_name_slot *slot = locate(names->slots, names->capacity, name);
    if (!slot->name) {
        *slot = (davit_name_slot){.name = name, .id = id};
        names->count++;
    }
    return DAVIT_OK;
}
